//! What a start finds out about Postgres before anything relies on it, and what it says while it waits.

use std::{io, time::Duration};

use sqlx::Connection;
use tokio::time::{self, Instant};

use super::{
    connection::Database,
    error::{Refusal, plain_text, refusal},
};

/// Between two attempts to use Postgres.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(500);

/// How often a start that waits says what for.
pub(crate) const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// Why Postgres cannot be used, with the address and without any secret.
#[derive(Debug, thiserror::Error)]
#[error("postgres at {address} cannot be used: {cause}")]
pub struct PostgresUnusable {
    address: String,
    cause: String,
    is_permanent: bool,
}

impl PostgresUnusable {
    /// Whether only a change of the settings, of the database or of the server mends it.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        self.is_permanent
    }
}

impl Database {
    /// Waits until Postgres can be used, and says at once and every five seconds why it cannot.
    ///
    /// # Errors
    ///
    /// At once for what no waiting mends, and after `longest` for the rest.
    pub async fn wait_until_usable(&self, longest: Duration) -> Result<(), PostgresUnusable> {
        let give_up_at = Instant::now() + longest;
        let mut reports = Reports::default();
        loop {
            match self.examine().await {
                Ok(()) => return Ok(()),
                Err(error) if error.is_permanent || Instant::now() >= give_up_at => return Err(error),
                Err(error) => {
                    reports.warn(&format!("waiting for postgres at {}: {}", error.address, error.cause));
                    time::sleep(BETWEEN_ATTEMPTS).await;
                }
            }
        }
    }

    /// Makes a connection past the pool, and looks at what it leads to.
    pub async fn examine(&self) -> Result<(), PostgresUnusable> {
        let patience = self.config.acquire_timeout;
        let found = time::timeout(patience, self.look_at_database()).await;
        let (cause, is_permanent) = match found {
            Ok(Ok(None)) => return Ok(()),
            Ok(Ok(Some(cause))) => (cause, true),
            Ok(Err(error)) => explain(&error, self.config.url.is_tcp()),
            Err(_elapsed) => {
                let patience = humantime::format_duration(patience);
                (format!("no answer within {patience}; a firewall, or no PostgreSQL, may be there"), false)
            }
        };
        Err(PostgresUnusable { address: self.primary.address().to_owned(), cause, is_permanent })
    }

    /// What is wrong with the database, if anything is.
    async fn look_at_database(&self) -> Result<Option<String>, sqlx::Error> {
        let mut connection = self.primary.connect().await?;
        let encoding = sqlx::query_scalar("SELECT current_setting('server_encoding')");
        let encoding: String = encoding.fetch_one(&mut connection).await?;
        let _best_effort = connection.close().await;
        let is_unicode = encoding == "UTF8";
        let anew = "make it anew with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0";
        Ok((!is_unicode).then(|| format!("the database keeps text as {encoding}, not as UTF8; {anew}")))
    }
}

const CLOSED: &str = "the connection was closed without an answer";

/// What an error of connecting means, and whether waiting cannot mend it.
fn explain(error: &sqlx::Error, is_tcp: bool) -> (String, bool) {
    if let Some(refusal) = refusal(error) {
        return (refusal.to_string(), refusal == Refusal::MixesStatements);
    }
    match error {
        sqlx::Error::Database(refusal) => {
            let code = refusal.code().unwrap_or_default();
            let may_pass = ["08", "53", "57"].iter().any(|class| code.starts_with(class));
            (plain_text(error), !may_pass)
        }
        // sqlx takes the end of the connection for a zero.
        sqlx::Error::Protocol(found) if found.contains("SSLRequest: 0x00") => (CLOSED.to_owned(), false),
        sqlx::Error::Protocol(_) => ("what answers there is no PostgreSQL".to_owned(), true),
        sqlx::Error::Tls(cause) => (format!("TLS: {cause}"), true),
        sqlx::Error::Io(cause) => match cause.kind() {
            io::ErrorKind::InvalidData => (format!("TLS: {cause}"), true),
            io::ErrorKind::UnexpectedEof => (CLOSED.to_owned(), false),
            // Over TCP only certificates and keys are files.
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied if is_tcp => {
                (format!("a file of sslrootcert, sslcert or sslkey cannot be read: {cause}"), true)
            }
            _other => (cause.to_string(), false),
        },
        other => (other.to_string(), matches!(other, sqlx::Error::Configuration(_))),
    }
}

/// Says what is waited for when that is news, and again after a while.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    last: Option<(String, Instant)>,
}

impl Reports {
    pub(crate) fn warn(&mut self, text: &str) {
        let is_news = self.last.as_ref().is_none_or(|(said, at)| said != text || at.elapsed() >= REPORT_INTERVAL);
        if is_news {
            tracing::warn!("{text}");
            self.last = Some((text.to_owned(), Instant::now()));
        }
    }
}
