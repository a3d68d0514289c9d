//! The URL of Redis, checked before the client sees it: what it would ignore, or find out too late, is refused.

use std::{fmt, str::FromStr};

use aside_runtime::server_url::{self, InvalidUrl, bad_parameter, decode, unknown_parameter};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

const EXAMPLE: &str = "redis://host:6379, rediss://user:password@host:6379 or unix:///path/to/socket";
const SCHEMES: [&str; 4] = ["redis", "rediss", "unix", "redis+unix"];
const DEFAULT_PORT: u16 = 6379;
const PROTOCOLS: [&str; 2] = ["resp2", "resp3"];

/// How Redis is reached: `redis://`, `rediss://` or `unix://`. `Display` and `Debug` show the address and no secret.
#[derive(Clone)]
pub struct RedisUrl {
    text: SecretString,
    address: String,
}

impl RedisUrl {
    /// The URL as the client reads it, with its password.
    pub(crate) fn expose_secret(&self) -> &str {
        self.text.expose_secret()
    }
}

impl FromStr for RedisUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        check(text).map(|url| Self { text: text.to_owned().into(), address: address(&url) })
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.address)
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RedisUrl({})", self.address)
    }
}

/// Whether the client can make connections by this URL.
fn check(text: &str) -> Result<Url, InvalidUrl> {
    let url = server_url::parse(text, &SCHEMES, EXAMPLE)?;
    let is_socket = url.scheme().ends_with("unix");
    decode(url.username())?;
    decode(url.password().unwrap_or_default())?;
    if is_socket {
        check_socket(&url)?;
    } else {
        check_host(&url)?;
    }
    for (name, value) in url.query_pairs() {
        match &*name {
            "protocol" if PROTOCOLS.contains(&&*value) => {}
            "protocol" => return Err(bad_parameter("protocol", "resp2 or resp3")),
            "db" if is_socket && is_database(&value) => {}
            "db" if is_socket => return Err(bad_parameter("db", "the number of a database")),
            "user" | "pass" if is_socket => {}
            other if is_socket => return Err(unknown_parameter(&url, other, "db, user, pass or protocol")),
            other => return Err(unknown_parameter(&url, other, "protocol")),
        }
    }
    Ok(url)
}

fn check_host(url: &Url) -> Result<(), InvalidUrl> {
    let is_unusable = match url.host() {
        None | Some(Host::Domain("" | "0.0.0.0")) => true,
        Some(Host::Domain(_)) => false,
        Some(Host::Ipv4(address)) => address.is_unspecified(),
        Some(Host::Ipv6(address)) => address.is_unspecified(),
    };
    if is_unusable {
        return Err(InvalidUrl(format!("names no host, expected {EXAMPLE}")));
    }
    match url.path().trim_matches('/') {
        "" => Ok(()),
        database if is_database(database) => Ok(()),
        _ => Err(InvalidUrl::new("has a path that is no number of a database, expected one like /0")),
    }
}

fn check_socket(url: &Url) -> Result<(), InvalidUrl> {
    let names_a_path = url.host().is_none() && url.path().len() > 1 && url.port().is_none();
    names_a_path.then_some(()).ok_or_else(|| InvalidUrl(format!("names no socket, expected {EXAMPLE}")))
}

fn is_database(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u32>().is_ok()
}

/// The host and port, or the socket.
fn address(url: &Url) -> String {
    match url.host() {
        Some(host) => format!("{host}:{}", url.port().unwrap_or(DEFAULT_PORT)),
        None => url.path().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_and_sockets_are_taken_and_named_without_secrets() {
        for (text, named) in [
            ("redis://h", "h:6379"),
            ("rediss://u:hush@h:6380/2?protocol=resp3", "h:6380"),
            ("redis://:hush@[::1]/0", "[::1]:6379"),
            ("unix:///run/redis.sock?db=1&user=u&pass=hush", "/run/redis.sock"),
        ] {
            let url: RedisUrl = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));

            assert_eq!(url.to_string(), named);
            assert!(!format!("{url:?}").contains("hush"));
        }
    }

    #[test]
    fn what_the_client_would_ignore_is_refused_and_no_value_is_shown() {
        for (text, named) in [
            ("rediss://h#insecure", "#"),
            ("redis://u:1#hush@h", "#"),
            ("redis://h?timeout=hush", "\"timeout\""),
            ("redis://h?db=1", "\"db\""),
            ("redis://h?protocol=hush", "\"protocol\""),
            ("redis://h/hush", "path"),
            ("redis:///0", "no host"),
            ("redis://0.0.0.0", "no host"),
            ("redis://[::]", "no host"),
            ("unix:///s?db=hush", "\"db\""),
            ("unix:///s?password=hush", "\"password\""),
            ("unix://hush", "no socket"),
            ("redis://%ff:hush@h", "UTF-8"),
        ] {
            let Err(InvalidUrl(error)) = text.parse::<RedisUrl>() else { panic!("{text} is taken") };

            assert!(error.contains(named) && error.contains("expected"), "{text}: {error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
