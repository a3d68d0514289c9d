//! How each connection to Postgres is made: for the pool, the prober, the migrations, the seed.

use std::{fmt, time::Duration};

use secrecy::ExposeSecret;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Error, Executor, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};

use super::{
    options::Options,
    url::{DatabaseHost, DatabaseUrl, SslMode},
};

/// Makes connections. Clones make the same; `Debug` shows no password.
#[derive(Clone)]
pub struct Connector {
    options: PgConnectOptions,
    address: String,
    /// Sets what the session keeps.
    settings: String,
}

impl Connector {
    /// Connections without time-outs, for work that takes long.
    #[must_use]
    pub fn new(config: &Options) -> Self {
        let name = config.url.application_name.as_deref().unwrap_or("aside");
        // Poolers refuse a start-up parameter that they do not know, as they do `options`. Numbers come in binary.
        let options = options(&config.url).application_name(name).extra_float_digits(None);
        let settings = format!("SET search_path = \"{}\"", config.schema);
        Self { options, address: config.url.to_string(), settings }
    }

    /// Connections for requests: a statement that takes long is logged.
    pub(crate) fn for_requests(config: &Options) -> Self {
        let mut connector = Self::new(config);
        connector.options = connector.options.log_slow_statements(log::LevelFilter::Warn, Duration::from_secs(1));
        connector
    }

    /// The same, under another `application_name` and without a log of statements.
    #[must_use]
    pub fn named(mut self, application_name: &str) -> Self {
        self.options = self.options.application_name(application_name).disable_statement_logging();
        self
    }

    /// Makes a connection of which nothing is set.
    pub(crate) async fn connect_as_it_is(&self) -> Result<PgConnection, Error> {
        self.options.connect().await
    }

    /// Makes a connection whose statements find the tables in `DATABASE_SCHEMA`, whatever the role's `search_path`.
    pub async fn connect(&self) -> Result<PgConnection, Error> {
        let mut connection = self.connect_as_it_is().await?;
        connection.execute(AssertSqlSafe(self.settings.clone())).await?;
        Ok(connection)
    }

    /// The host and port, for log lines.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connector").field("address", &self.address).finish_non_exhaustive()
    }
}

/// The options' constructor reads `PG*` variables, which `cli` has taken out of the environment. Of these two constructors it
/// is the one that reads no password file.
fn options(url: &DatabaseUrl) -> PgConnectOptions {
    let mut options = PgConnectOptions::new_without_pgpass().port(url.port).ssl_mode(ssl_mode(url.ssl_mode));
    options = match &url.host {
        Some(DatabaseHost::Tcp(host)) => options.host(host),
        Some(DatabaseHost::Socket(folder)) => options.socket(folder),
        None => options,
    };
    if let Some(user) = &url.user {
        options = options.username(user);
    }
    if let Some(password) = &url.password {
        options = options.password(password.expose_secret());
    }
    if let Some(database) = &url.database {
        options = options.database(database);
    }
    if let Some(file) = &url.ssl_root_cert {
        options = options.ssl_root_cert(file);
    }
    if let Some(file) = &url.ssl_cert {
        options = options.ssl_client_cert(file);
    }
    if let Some(file) = &url.ssl_key {
        options = options.ssl_client_key(file);
    }
    if let Some(capacity) = url.statement_cache_capacity {
        options = options.statement_cache_capacity(capacity);
    }
    if url.options.is_empty() {
        options
    } else {
        options.options(url.options.iter().map(|(name, value)| (name, value)))
    }
}

fn ssl_mode(mode: SslMode) -> PgSslMode {
    match mode {
        SslMode::Disable => PgSslMode::Disable,
        SslMode::Allow => PgSslMode::Allow,
        SslMode::Prefer => PgSslMode::Prefer,
        SslMode::Require => PgSslMode::Require,
        SslMode::VerifyCa => PgSslMode::VerifyCa,
        SslMode::VerifyFull => PgSslMode::VerifyFull,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_password() {
        let options = Options::new("postgres://u:hush@h/d".parse().expect("a URL"));
        let connector = Connector::new(&options);

        assert!(!format!("{options:?} {connector:?}").contains("hush"));
    }
}
