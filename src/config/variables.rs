//! The names of all settings and their defaults, as text: one table for the reader, the warnings and `.env.example`.

use Fallback::{Computed, Required, Text};

/// The value of a setting whose variable is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fallback {
    /// None: the variable is required. The text says how to get a value.
    Required(&'static str),
    /// This text.
    Text(&'static str),
    /// Follows from the machine or from other settings.
    Computed,
}

const DATABASE_HINT: &str = "set it to a PostgreSQL 15 or newer, like postgres://user:password@127.0.0.1:5432/aside, or use \
                             `make run`, which finds or starts one";
const REDIS_HINT: &str = "set it to a Redis 7 or newer or a Valkey, like redis://127.0.0.1:6379, or use `make run`, which \
                          finds or starts one";

/// Every variable that is read.
pub(super) const VARIABLES: [(&str, Fallback); 46] = [
    ("DATABASE_URL", Required(DATABASE_HINT)),
    ("DATABASE_SCHEMA", Text("public")),
    ("DATABASE_MAX_CONNECTIONS", Text("16")),
    ("DATABASE_ACQUIRE_TIMEOUT", Text("1s")),
    ("DATABASE_STATEMENT_TIMEOUT", Text("5s")),
    ("DATABASE_LOCK_TIMEOUT", Text("2s")),
    ("DATABASE_TRANSACTION_TIMEOUT", Text("8s")),
    ("DATABASE_MAX_LOADS", Computed),
    ("DATABASE_QUEUE_WAIT", Text("1s")),
    ("DATABASE_PROBE_TIMEOUT", Text("1s")),
    ("REDIS_URL", Required(REDIS_HINT)),
    ("REDIS_KEY_PREFIX", Text("aside:")),
    ("REDIS_CONNECTIONS", Text("2")),
    ("REDIS_CONNECT_TIMEOUT", Text("1s")),
    ("REDIS_COMMAND_TIMEOUT", Text("250ms")),
    ("CACHE_MODE", Text("near")),
    ("CACHE_MAX_STALENESS", Text("0ms")),
    ("CACHE_NEAR_BYTES", Text("256MiB")),
    ("CACHE_TTL", Text("1h")),
    ("CACHE_TTL_FRONT_PAGE", Text("60s")),
    ("CACHE_TTL_NEGATIVE", Text("5s")),
    ("CACHE_LEASE", Text("2s")),
    ("CACHE_FENCE", Text("15s")),
    ("CACHE_LEASE_WAIT", Text("2500ms")),
    ("RATE_LIMIT_ANONYMOUS", Text("60/60s")),
    ("RATE_LIMIT_SIGNED_IN", Text("600/60s")),
    ("RATE_LIMIT_LOGIN", Text("10/60s")),
    ("SESSION_IDLE", Text("24h")),
    ("SESSION_ABSOLUTE", Text("30d")),
    ("PASSWORD_HASHES", Computed),
    ("PASSWORD_HASH_WAIT", Text("2s")),
    ("LISTEN_ADDR", Text("127.0.0.1:8080")),
    ("ADMIN_ADDR", Text("127.0.0.1:8081")),
    ("PUBLIC_URL", Text("http://127.0.0.1:8080")),
    ("TRUSTED_PROXIES", Text("")),
    ("CORS_ALLOWED_ORIGINS", Text("")),
    ("HTTP_KEEP_ALIVE_TIMEOUT", Text("75s")),
    ("HTTP_HEADER_TIMEOUT", Text("5s")),
    ("HTTP_BODY_TIMEOUT", Text("10s")),
    ("HTTP_WRITE_TIMEOUT", Text("15s")),
    ("HTTP_REQUEST_TIMEOUT", Text("10s")),
    ("HTTP_DRAIN_DELAY", Text("5s")),
    ("HTTP_SHUTDOWN_TIMEOUT", Text("10s")),
    ("HTTP_MAX_CONNECTIONS", Text("10000")),
    ("LOG_FORMAT", Text("text")),
    ("RUST_LOG", Text("info")),
];

/// The fallback of a variable.
///
/// # Panics
///
/// If the table does not name it: a mistake in this module's callers, found by any test that reads a configuration.
pub(super) fn fallback(name: &str) -> Fallback {
    let found = VARIABLES.iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("{name} is missing from the table of variables")).1
}

/// The setting that a misspelt name probably means.
pub(super) fn resembling(name: &str) -> Option<&'static str> {
    let name_as_written = name;
    let name = name.to_ascii_uppercase();
    let (distance, known) = VARIABLES.iter().map(|(known, _)| (strsim::levenshtein(known, &name), *known)).min()?;
    (distance <= 2 && known != name_as_written).then_some(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_names_are_recognised_and_foreign_ones_left_alone() {
        assert_eq!(resembling("CACHE_TTLL"), Some("CACHE_TTL"));
        assert_eq!(resembling("DATABASE_URI"), Some("DATABASE_URL"));
        assert_eq!(resembling("DATABSE_URL"), Some("DATABASE_URL"));
        assert_eq!(resembling("redis_url"), Some("REDIS_URL"));
        assert_eq!(resembling("CACHE_TTL"), None);
        for foreign in ["HTTP_PROXY", "REDIS_IMAGE", "REDIS_PORT", "PATH", "RUST_BACKTRACE", "SESSION_MANAGER"] {
            assert_eq!(resembling(foreign), None, "{foreign}");
        }
    }
}
