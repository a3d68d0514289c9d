//! The limit of open files, and the number of connections that it allows.
//!
//! Without a free file descriptor neither port accepts connections: `/livez` would fail, and an orchestrator would restart a
//! replica that only has many clients.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;

/// For the standard streams, listeners, files and runtimes.
const RESERVED: usize = 48;

/// The limit on macOS where the hard limit is "unlimited".
const UNLIMITED: u64 = 10_240;

/// Raises the soft limit of open files to the hard one, and returns it.
pub(super) fn raise_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(UNLIMITED);
    if limit.current.is_some_and(|current| current < most)
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(most), ..limit })
    {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
    let current = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(current).unwrap_or(usize::MAX)
}

/// Lowers the numbers of connections to what the limit of open files allows. Returns a warning if clients get fewer.
pub(super) fn cap_connections(config: &mut Config, files: usize) -> Option<String> {
    let connections = config.http.max_connections;
    config.http.max_admin_connections = config.http.max_admin_connections.min(files / 8).max(1);
    // Probes and the subscriber have connections of their own.
    let own = config.database.max_connections as usize + 4 + 2 * config.redis.connections + 4;
    let left = files.saturating_sub(RESERVED + own + config.http.max_admin_connections).max(1);
    config.http.max_connections = connections.min(left);
    (left < connections).then(|| {
        format!(
            "HTTP_MAX_CONNECTIONS is {connections}, but the limit of {files} open files (ulimit -n) leaves {left} for clients; \
             more wait in the backlog"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        let variables = [("DATABASE_URL", "postgres://h/d"), ("REDIS_URL", "redis://h")];
        Config::from_variables(variables).expect("good settings")
    }

    #[test]
    fn connections_are_capped_by_the_limit_of_open_files_and_both_numbers_are_named() {
        let mut config = config();

        let warning = cap_connections(&mut config, 256).expect("too few");

        assert_eq!((config.http.max_connections, config.http.max_admin_connections), (148, 32));
        assert!(warning.contains("is 10000") && warning.contains("256") && warning.contains("148"), "{warning}");
    }

    #[test]
    fn a_limit_that_suffices_changes_nothing() {
        let mut config = config();

        assert_eq!(cap_connections(&mut config, 20_000), None);

        assert_eq!((config.http.max_connections, config.http.max_admin_connections), (10_000, 1_024));
    }

    #[test]
    fn each_server_keeps_a_connection_whatever_the_limit() {
        let mut config = config();

        cap_connections(&mut config, 3).expect("too few");

        assert_eq!((config.http.max_connections, config.http.max_admin_connections), (1, 1));
    }
}
