//! What can go wrong on the way to Redis. Nothing here fails a request: callers turn it into a miss.

use redis::ServerError;

/// Why Redis gave no usable reply.
#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    /// No connection is there at the moment, or it was given up before its reply came.
    #[error("redis is out of reach")]
    Unavailable,
    /// The command failed on its way or at the server. It may have been carried out.
    #[error("redis command failed")]
    Command(#[from] redis::RedisError),
    /// The reply is another command's, or was cut. The connection ends.
    #[error("redis's replies do not belong to the commands")]
    OutOfStep,
    /// The reply has another shape than the command's.
    #[error("redis gave an unexpected reply to {command}")]
    UnexpectedReply {
        /// The command, without its arguments.
        command: &'static str,
    },
    /// What answers is not good for this cache.
    #[error("redis is not used")]
    Refused(#[from] Refusal),
    /// Connections of this process lead to different servers.
    #[error("the connections of this process lead to two servers: {one} and {other}")]
    Split {
        /// Where one leads.
        one: String,
        /// Where another leads.
        other: String,
    },
    /// The server is the same, and was made primary again, or its first replica came; or Postgres has another database.
    #[error("redis has another identity than before; all connections are made anew")]
    Renewed,
}

/// Why a server that answers is not used, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Fences and their sequence are one script, which a cluster refuses.
    #[error("REDIS_URL leads to a node of a cluster; set it to a single primary (cluster-enabled no)")]
    ClusterNode,
    /// It holds no data.
    #[error("REDIS_URL leads to a Sentinel; set it to the primary that the Sentinel watches")]
    Sentinel,
    /// It takes no writes.
    #[error("REDIS_URL leads to a replica; set it to the primary")]
    Replica,
    /// Its data could not be told from an older state of it.
    #[error(
        "REDIS_URL leads to a server without run_id and master_replid in INFO; set it to Redis or Valkey, 7 or newer"
    )]
    NoIdentity,
    /// Near entries and quota leases need messages.
    #[error(
        "REDIS_URL leads to a server that does not deliver messages; set it to Redis itself, past any proxy that has no pub/sub"
    )]
    NoMessages,
    /// Another deployment writes entries of the same names.
    #[error("another database ({owner}) uses this REDIS_KEY_PREFIX; set REDIS_KEY_PREFIX to one of its own")]
    ForeignPrefix {
        /// Whose it is: the identifier of a Postgres cluster, a database's oid, and a search path.
        owner: String,
    },
    /// It refuses a command of the cache.
    #[error(
        "REDIS_URL leads to a server that refuses what the cache needs ({reply}); see `Redis` in docs/OPERATIONS.md"
    )]
    Command {
        /// What it said.
        reply: String,
    },
}

impl Refusal {
    /// What the server's refusal of a command of the bind check says about the server.
    pub(crate) fn of(error: &ServerError) -> Self {
        match error.code() {
            "CROSSSLOT" | "MOVED" | "ASK" | "CLUSTERDOWN" => Self::ClusterNode,
            "READONLY" => Self::Replica,
            _other => Self::Command { reply: error.to_string() },
        }
    }
}
