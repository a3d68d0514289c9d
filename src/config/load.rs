//! From the environment to a [`Config`].

use std::{env, ffi::OsString, path::Path, thread};

use super::{
    CacheConfig, Config, ConfigError, HttpConfig, LogConfig, RateLimitConfig, SessionConfig, dotenv, reader::Reader,
    values, variables::VARIABLES,
};

const ADDRESS: &str = "an IP address and a port, like 127.0.0.1:8080 or [::]:8080";

/// Far more than probes and scrapers open.
const MAX_ADMIN_CONNECTIONS: usize = 1_024;

impl Config {
    /// Reads the environment, and for what is not set there the file `.env` in the working folder, if there is one.
    pub fn load() -> Result<Self, ConfigError> {
        load_from(Path::new(".env"), env::vars_os())
    }

    /// Reads these variables and nothing else; of several with the same name the last counts.
    pub fn from_variables<N, V>(variables: impl IntoIterator<Item = (N, V)>) -> Result<Self, ConfigError>
    where
        N: Into<String>,
        V: Into<String>,
    {
        let mut reader = Reader::new(variables.into_iter().map(|(name, value)| (name.into(), value.into())));
        let config = Self {
            database: database(&mut reader),
            redis: redis(&mut reader),
            cache: cache(&mut reader),
            rate_limit: RateLimitConfig {
                anonymous: reader.quota("RATE_LIMIT_ANONYMOUS"),
                signed_in: reader.quota("RATE_LIMIT_SIGNED_IN"),
                login: reader.quota("RATE_LIMIT_LOGIN"),
            },
            session: session(&mut reader),
            http: http(&mut reader),
            log: log(&mut reader),
            warnings: reader.warnings(),
        };
        check_together(&config, &mut reader);
        reader.finish(config)
    }
}

fn load_from(file: &Path, environment: impl Iterator<Item = (OsString, OsString)>) -> Result<Config, ConfigError> {
    // The last of several counts, so the environment wins.
    let mut variables = dotenv::read(file)?;
    variables.extend(readable(environment)?);
    Config::from_variables(variables)
}

/// Variables as text. A setting that is not UTF-8 is an error; other variables are ignored.
fn readable(environment: impl Iterator<Item = (OsString, OsString)>) -> Result<Vec<(String, String)>, ConfigError> {
    let mut variables = Vec::new();
    for (name, value) in environment {
        let Ok(name) = name.into_string() else { continue };
        match value.into_string() {
            Ok(value) => variables.push((name, value)),
            Err(_) if VARIABLES.iter().any(|(known, _)| *known == name) => {
                return Err(ConfigError::new(vec![format!("{name} is not UTF-8, expected text")]));
            }
            Err(_) => {}
        }
    }
    Ok(variables)
}

fn database(reader: &mut Reader) -> aside_postgres::Options {
    let max_connections = reader.number("DATABASE_MAX_CONNECTIONS", 1..=10_000);
    // A quarter stays for writes and for uncached reads.
    let max_loads = (max_connections * 3 / 4).max(1);
    aside_postgres::Options {
        url: reader.secret("DATABASE_URL", "postgres://localhost"),
        schema: reader.value(
            "DATABASE_SCHEMA",
            "1 to 63 letters, digits and _, not beginning with a digit or pg_",
            values::schema,
        ),
        // The service's own, see `postgres::database`.
        migrations: None,
        tables: &[],
        max_connections: u32::try_from(max_connections).expect("within the bounds above"),
        acquire_timeout: reader.timeout("DATABASE_ACQUIRE_TIMEOUT"),
        statement_timeout: reader.timeout("DATABASE_STATEMENT_TIMEOUT"),
        lock_timeout: reader.timeout("DATABASE_LOCK_TIMEOUT"),
        transaction_timeout: reader.timeout("DATABASE_TRANSACTION_TIMEOUT"),
        max_loads: reader.number_or("DATABASE_MAX_LOADS", max_loads, 1..=max_connections),
        queue_timeout: reader.timeout("DATABASE_QUEUE_WAIT"),
        probe_timeout: reader.timeout("DATABASE_PROBE_TIMEOUT"),
    }
}

fn redis(reader: &mut Reader) -> aside_redis::Options {
    aside_redis::Options {
        url: reader.secret("REDIS_URL", "redis://localhost"),
        key_prefix: reader.value(
            "REDIS_KEY_PREFIX",
            "1 to 64 of the letters, digits and characters : _ . -",
            values::key_prefix,
        ),
        connections: reader.number("REDIS_CONNECTIONS", 1..=64),
        connect_timeout: reader.timeout("REDIS_CONNECT_TIMEOUT"),
        command_timeout: reader.timeout("REDIS_COMMAND_TIMEOUT"),
    }
}

fn cache(reader: &mut Reader) -> CacheConfig {
    let options = aside_cache::Options {
        mode: reader.value("CACHE_MODE", "off, redis or near", values::cache_mode),
        max_staleness: reader.staleness("CACHE_MAX_STALENESS"),
        near_bytes: reader.value(
            "CACHE_NEAR_BYTES",
            "an amount of memory from 1MiB to 1TiB, like 256MiB",
            values::memory,
        ),
        negative_ttl: reader.life("CACHE_TTL_NEGATIVE"),
        lease: reader.timeout("CACHE_LEASE"),
        fence: reader.timeout("CACHE_FENCE"),
        lease_wait: reader.timeout("CACHE_LEASE_WAIT"),
        ..aside_cache::Options::default()
    };
    CacheConfig { options, ttl: reader.life("CACHE_TTL"), front_page_ttl: reader.life("CACHE_TTL_FRONT_PAGE") }
}

fn session(reader: &mut Reader) -> SessionConfig {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    SessionConfig {
        idle: reader.life("SESSION_IDLE"),
        absolute: reader.life("SESSION_ABSOLUTE"),
        concurrent_hashes: reader.number_or("PASSWORD_HASHES", cores, 1..=1_024),
        hash_wait: reader.timeout("PASSWORD_HASH_WAIT"),
    }
}

fn http(reader: &mut Reader) -> HttpConfig {
    HttpConfig {
        listen: reader.value("LISTEN_ADDR", ADDRESS, |text| text.parse().ok()),
        admin: reader.value("ADMIN_ADDR", ADDRESS, |text| text.parse().ok()),
        public_url: reader.value(
            "PUBLIC_URL",
            "https://host, or http:// with a loopback host, and no path",
            values::public_url,
        ),
        trusted_proxies: reader.value(
            "TRUSTED_PROXIES",
            "networks between commas, like 10.0.0.0/8,fd00::/8",
            values::networks,
        ),
        cors_allowed_origins: reader.value(
            "CORS_ALLOWED_ORIGINS",
            "origins between commas, exactly as browsers send them, like https://app.example,http://localhost:3000",
            values::origins,
        ),
        keep_alive_timeout: reader.timeout("HTTP_KEEP_ALIVE_TIMEOUT"),
        header_timeout: reader.timeout("HTTP_HEADER_TIMEOUT"),
        body_timeout: reader.timeout("HTTP_BODY_TIMEOUT"),
        write_timeout: reader.timeout("HTTP_WRITE_TIMEOUT"),
        request_timeout: reader.timeout("HTTP_REQUEST_TIMEOUT"),
        drain_delay: reader.delay("HTTP_DRAIN_DELAY"),
        shutdown_timeout: reader.timeout("HTTP_SHUTDOWN_TIMEOUT"),
        max_connections: reader.number("HTTP_MAX_CONNECTIONS", 1..=1_000_000),
        max_admin_connections: MAX_ADMIN_CONNECTIONS,
    }
}

fn log(reader: &mut Reader) -> LogConfig {
    LogConfig {
        format: reader.value("LOG_FORMAT", "text or json", values::log_format),
        filter: reader.value(
            "RUST_LOG",
            "directives without white space, like info or warn,aside=debug",
            values::log_filter,
        ),
    }
}

/// Checks that involve several variables.
fn check_together(config: &Config, reader: &mut Reader) {
    let aside_postgres::Options { transaction_timeout, statement_timeout, .. } = config.database;
    // A transaction is found too long only when its last statement returns. A fence must outlive that too: otherwise a reader could
    // store the old row before the write commits.
    let longest_write = transaction_timeout + statement_timeout;
    if config.cache.options.fence <= longest_write {
        let longest_write = humantime::format_duration(longest_write);
        reader.refuse(
            "CACHE_FENCE",
            format!("more than DATABASE_TRANSACTION_TIMEOUT and DATABASE_STATEMENT_TIMEOUT together ({longest_write})"),
        );
    }
    if config.session.idle > config.session.absolute {
        let absolute = humantime::format_duration(config.session.absolute);
        reader.refuse("SESSION_IDLE", format!("no more than SESSION_ABSOLUTE ({absolute})"));
    }
    if config.http.admin == config.http.listen && config.http.admin.port() != 0 {
        reader.refuse("ADMIN_ADDR", format!("something other than LISTEN_ADDR ({})", config.http.listen));
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
