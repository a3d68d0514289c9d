//! The identity of a Redis: which mastership of which process holds the data of which database.
//!
//! `run_id` is new at every restart, `master_replid` at every promotion, so a former primary that is promoted again has
//! another identity than before, whatever it still holds. The database is a part of it: two databases under one prefix do
//! not read each other's entries, even where the key that tells the prefix's owner was lost.

use std::fmt;

use redis::{
    Pipeline, Value,
    aio::{ConnectionLike, MultiplexedConnection},
};
use sha2::{Digest, Sha256};

use super::error::{RedisError, Refusal};

/// Names a mastership, see the module. It filters what is read; it is never a part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity([u8; Identity::LENGTH]);

impl Identity {
    /// Bytes that an entry carries.
    pub const LENGTH: usize = 8;

    /// An identity of these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    fn of(run_id: &str, replication_id: &str, database: &str) -> Self {
        let parts = [run_id, replication_id, database].join(" ");
        let digest: [u8; 32] = Sha256::digest(parts.as_bytes()).into();
        let mut bytes = [0; Self::LENGTH];
        bytes.copy_from_slice(&digest[..Self::LENGTH]);
        Self(bytes)
    }
}

/// What a server says of itself through one connection.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) run_id: String,
    pub(crate) identity: Identity,
    /// Its own address, as it sees it: tells servers behind one name apart.
    pub(crate) address: String,
}

impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.run_id.get(..8).unwrap_or(&self.run_id);
        write!(formatter, "{} (run_id {start}…)", self.address)
    }
}

impl Server {
    /// Asks the server, and refuses one that cannot be a primary of its own.
    pub(crate) async fn ask(connection: &mut MultiplexedConnection, database: &str) -> Result<Self, RedisError> {
        let mut pipeline = Pipeline::with_capacity(3);
        for section in ["server", "replication", "cluster"] {
            pipeline.cmd("INFO").arg(section);
        }
        let replies = connection.req_packed_commands(&pipeline, 0, pipeline.len()).await?;
        let [server, replication, cluster] =
            <[Value; 3]>::try_from(replies).map_err(|_other_number| RedisError::UnexpectedReply { command: "INFO" })?;
        // Not every server has the last section.
        Self::read(&text(server)?, &text(replication)?, &text(cluster).unwrap_or_default(), database)
    }

    /// The same with the server's address, if the role may ask about its own connection.
    pub(crate) async fn with_address(mut self, connection: &mut MultiplexedConnection) -> Self {
        let client: Option<String> = redis::cmd("CLIENT").arg("INFO").query_async(connection).await.ok();
        let mut words = client.iter().flat_map(|client| client.split_whitespace());
        if let Some(address) = words.find_map(|word| word.strip_prefix("laddr=")) {
            address.clone_into(&mut self.address);
        }
        self
    }

    /// Two identities where there should be one.
    pub(crate) fn differs_from(&self, other: &Self) -> RedisError {
        let mut servers = [self.to_string(), other.to_string()];
        servers.sort();
        let [one, other] = servers;
        if one == other { RedisError::Renewed } else { RedisError::Split { one, other } }
    }

    fn read(server: &str, replication: &str, cluster: &str, database: &str) -> Result<Self, RedisError> {
        let mode = field(server, "redis_mode").or_else(|| field(server, "server_mode"));
        if mode == Some("sentinel") {
            return Err(Refusal::Sentinel.into());
        }
        if mode == Some("cluster") || field(cluster, "cluster_enabled") == Some("1") {
            return Err(Refusal::ClusterNode.into());
        }
        let run_id = field(server, "run_id").filter(|id| id.is_ascii() && id.len() >= RUN_ID_DIGITS);
        let replication_id = field(replication, "master_replid");
        let (Some(run_id), Some(replication_id)) = (run_id, replication_id) else {
            return Err(Refusal::NoIdentity.into());
        };
        if field(replication, "role") == Some("slave") {
            return Err(Refusal::Replica.into());
        }
        Ok(Self {
            run_id: run_id.to_owned(),
            identity: Identity::of(run_id, replication_id, database),
            address: "an unknown address".to_owned(),
        })
    }
}

/// How many hexadecimal digits of the `run_id` a key carries: 64 bits, so that two processes never share them.
pub(crate) const RUN_ID_DIGITS: usize = 16;

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim).filter(|it| !it.is_empty())
}

fn text(reply: Value) -> Result<String, RedisError> {
    match reply {
        Value::ServerError(error) => Err(Refusal::of(&error).into()),
        reply => Ok(redis::from_redis_value(reply).map_err(redis::RedisError::from)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN_ID: &str = "run_id:0123456789abcdef0123456789abcdef01234567\r\n";
    const PRIMARY: &str = "role:master\r\nmaster_replid:aa\r\n";

    fn read(server: &str, replication: &str, cluster: &str) -> Result<Server, RedisError> {
        Server::read(server, replication, cluster, "database")
    }

    fn refusal(server: &str, replication: &str, cluster: &str) -> Option<Refusal> {
        match read(server, replication, cluster) {
            Err(RedisError::Refused(refusal)) => Some(refusal),
            _other => None,
        }
    }

    #[test]
    fn a_promotion_a_restart_and_another_database_change_the_identity() {
        let identity = |run_id, replication_id, database| Identity::of(run_id, replication_id, database);
        let first = identity("run", "replication", "database");

        assert_eq!(identity("run", "replication", "database"), first);
        for other in
            [("other", "replication", "database"), ("run", "other", "database"), ("run", "replication", "other")]
        {
            assert_ne!(identity(other.0, other.1, other.2), first, "{other:?}");
        }
    }

    #[test]
    fn a_primary_is_read() {
        let server = read(RUN_ID, PRIMARY, "cluster_enabled:0\r\n").expect("a primary");

        assert_eq!(server.to_string(), "an unknown address (run_id 01234567…)");
    }

    #[test]
    fn other_servers_than_primaries_are_refused() {
        let cluster = format!("redis_mode:cluster\r\n{RUN_ID}");
        let sentinel = format!("redis_mode:sentinel\r\n{RUN_ID}");

        assert!(matches!(refusal(&cluster, PRIMARY, ""), Some(Refusal::ClusterNode)));
        assert!(matches!(refusal(RUN_ID, PRIMARY, "cluster_enabled:1\r\n"), Some(Refusal::ClusterNode)));
        assert!(matches!(refusal(&sentinel, PRIMARY, ""), Some(Refusal::Sentinel)));
        assert!(matches!(refusal(RUN_ID, "role:slave\r\nmaster_replid:aa\r\n", ""), Some(Refusal::Replica)));
        assert!(matches!(refusal(RUN_ID, "role:master\r\n", ""), Some(Refusal::NoIdentity)));
        assert!(matches!(refusal("run_id:short\r\n", PRIMARY, ""), Some(Refusal::NoIdentity)));
    }
}
