//! The URL of PostgreSQL, taken apart here: sqlx's own parser logs the value of a parameter that it does not know, keeps the
//! brackets of an IPv6 address, and fills gaps from `PG*` variables and `~/.pgpass`.

use std::{fmt, net::IpAddr, path::PathBuf, str::FromStr};

use aside_runtime::server_url::{self, InvalidUrl, bad_parameter, decode, unknown_parameter};
use secrecy::SecretString;
use url::{Host, Url};

const EXAMPLE: &str = "postgres://user:password@host:5432/database";
const DEFAULT_PORT: u16 = 5432;
const KNOWN: &str = "sslmode, sslrootcert, sslcert, sslkey, host, hostaddr, port, dbname, user, password, \
                     application_name, options, options[name] or statement-cache-capacity";
const SSL_MODES: &str = "disable, allow, prefer, require, verify-ca or verify-full";
const OPTIONS: &str = "settings like -c geqo=off";

/// How Postgres is reached. What is `None` is left to Postgres' usual defaults.
#[derive(Clone, Debug, Default)]
pub struct DatabaseUrl {
    /// Where the server listens; a socket's folder or `localhost` when it is not said.
    pub host: Option<DatabaseHost>,
    /// The port, also in the name of a socket.
    pub port: u16,
    /// The role; the operating system's user when it is not said.
    pub user: Option<String>,
    /// The role's password.
    pub password: Option<SecretString>,
    /// The database; called as the role when it is not said.
    pub database: Option<String>,
    /// `sslmode`.
    pub ssl_mode: SslMode,
    /// `sslrootcert`: a file of CA certificates.
    pub ssl_root_cert: Option<PathBuf>,
    /// `sslcert`: a file with the client's certificate.
    pub ssl_cert: Option<PathBuf>,
    /// `sslkey`: a file with its key.
    pub ssl_key: Option<PathBuf>,
    /// `application_name`.
    pub application_name: Option<String>,
    /// `options`: settings of the session.
    pub options: Vec<(String, String)>,
    /// `statement-cache-capacity`: prepared statements that a connection keeps.
    pub statement_cache_capacity: Option<usize>,
}

/// Where Postgres listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseHost {
    /// A name, or an address without brackets.
    Tcp(String),
    /// The folder of a Unix socket.
    Socket(PathBuf),
}

/// How far the connection is encrypted and the server's certificate checked, in libpq's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SslMode {
    /// No TLS.
    Disable,
    /// No TLS, as sqlx reads it.
    Allow,
    /// TLS if the server has it; no certificate is checked.
    #[default]
    Prefer,
    /// TLS; no certificate is checked.
    Require,
    /// TLS with a certificate of a known CA.
    VerifyCa,
    /// TLS with a certificate of a known CA for this host.
    VerifyFull,
}

impl FromStr for DatabaseUrl {
    type Err = InvalidUrl;

    /// No part of a value is in an error.
    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let url = server_url::parse(text, &["postgres", "postgresql"], EXAMPLE)?;
        let mut parsed = Self {
            host: url.host().as_ref().map(DatabaseHost::of).transpose()?.flatten(),
            port: url.port().unwrap_or(DEFAULT_PORT),
            user: given(url.username()).map(decode).transpose()?,
            password: url.password().map(decode).transpose()?.map(SecretString::from),
            database: given(url.path().trim_start_matches('/')).map(decode).transpose()?,
            ..Self::default()
        };
        for (name, value) in url.query_pairs() {
            parsed.apply(&url, &name, &value)?;
        }
        Ok(parsed)
    }
}

impl DatabaseUrl {
    fn apply(&mut self, url: &Url, name: &str, value: &str) -> Result<(), InvalidUrl> {
        let expect = |expected| bad_parameter(name, expected);
        match name {
            "sslmode" | "ssl-mode" => self.ssl_mode = SslMode::parse(value).ok_or_else(|| expect(SSL_MODES))?,
            "sslrootcert" | "ssl-root-cert" | "ssl-ca" => self.ssl_root_cert = Some(value.into()),
            "sslcert" | "ssl-cert" => self.ssl_cert = Some(value.into()),
            "sslkey" | "ssl-key" => self.ssl_key = Some(value.into()),
            "host" => self.host = DatabaseHost::parse(value)?,
            "hostaddr" => {
                let address: IpAddr = value.parse().map_err(|_| expect("an IP address"))?;
                self.host = Some(DatabaseHost::Tcp(address.to_string()));
            }
            "port" => self.port = value.parse().map_err(|_| expect("a port"))?,
            "dbname" => self.database = Some(value.to_owned()),
            "user" => self.user = Some(value.to_owned()),
            "password" => self.password = Some(value.into()),
            "application_name" => self.application_name = Some(value.to_owned()),
            "options" => self.options.extend(session_settings(value).ok_or_else(|| expect(OPTIONS))?),
            "statement-cache-capacity" => {
                self.statement_cache_capacity = Some(value.parse().map_err(|_| expect("a number"))?);
            }
            other => {
                let setting = other.strip_prefix("options[").and_then(|other| other.strip_suffix(']'));
                let setting = setting.ok_or_else(|| unknown_parameter(url, other, KNOWN))?;
                self.options.push((setting.to_owned(), value.to_owned()));
            }
        }
        Ok(())
    }

    /// Whether connections are TCP's, and no Unix socket's.
    #[must_use]
    pub fn is_tcp(&self) -> bool {
        !matches!(self.host, Some(DatabaseHost::Socket(_)))
    }

    /// Whether connections stay on this machine: a Unix socket, `localhost` or a loopback address.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            // Without a host it is a socket's folder, or localhost.
            None | Some(DatabaseHost::Socket(_)) => true,
            Some(DatabaseHost::Tcp(host)) => match host.parse::<IpAddr>() {
                Ok(address) => address.to_canonical().is_loopback(),
                Err(_) => host.eq_ignore_ascii_case("localhost"),
            },
        }
    }
}

/// The host and port, for log lines.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Some(DatabaseHost::Tcp(host)) if host.contains(':') => write!(formatter, "[{host}]:{}", self.port),
            Some(DatabaseHost::Tcp(host)) => write!(formatter, "{host}:{}", self.port),
            Some(DatabaseHost::Socket(folder)) => write!(formatter, "{}/.s.PGSQL.{}", folder.display(), self.port),
            None => write!(formatter, "localhost:{}", self.port),
        }
    }
}

impl DatabaseHost {
    fn of(host: &Host<&str>) -> Result<Option<Self>, InvalidUrl> {
        match host {
            Host::Domain(name) => Self::parse(&decode(name)?),
            Host::Ipv4(address) => Ok(Some(Self::Tcp(address.to_string()))),
            Host::Ipv6(address) => Ok(Some(Self::Tcp(address.to_string()))),
        }
    }

    /// `None` for the default.
    fn parse(text: &str) -> Result<Option<Self>, InvalidUrl> {
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        match bare {
            "" => Ok(None),
            folder if folder.starts_with('/') => Ok(Some(Self::Socket(folder.into()))),
            several if several.contains(',') => Err(InvalidUrl::new("names several hosts, expected one")),
            host => Ok(Some(Self::Tcp(host.to_owned()))),
        }
    }
}

impl SslMode {
    fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "disable" => Self::Disable,
            "allow" => Self::Allow,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => return None,
        })
    }
}

fn given(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// Settings as a server's command line has them: `-c name=value`, `-cname=value` or `--name=value`, and `\` before a space or
/// a `\` of a value.
fn session_settings(text: &str) -> Option<Vec<(String, String)>> {
    let mut words = words(text).into_iter();
    let mut settings = Vec::new();
    while let Some(word) = words.next() {
        let setting = match word.strip_prefix("--").or_else(|| word.strip_prefix("-c")) {
            Some("") => words.next()?,
            Some(setting) => setting.to_owned(),
            None => return None,
        };
        let (name, value) = setting.split_once('=')?;
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Some(settings)
}

fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, words.last_mut()) {
            ('\\', Some(word)) => word.extend(characters.next()),
            (space, _) if space.is_whitespace() => words.push(String::new()),
            (other, Some(word)) => word.push(other),
            (_, None) => {}
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
#[path = "url_tests.rs"]
mod tests;
