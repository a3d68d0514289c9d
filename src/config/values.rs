//! The parsers of values. `None` means that the text is no such value.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::RangeInclusive,
    time::Duration,
};

use bytesize::ByteSize;
use ipnet::IpNet;
use tracing_subscriber::EnvFilter;
use url::{Host, Url};

use aside_cache::Mode;

use super::{LogFormat, Quota};

const DAY: Duration = Duration::from_hours(24);

/// `10m`, `500ms`, `30d`: whole milliseconds, the unit of Redis and Postgres, within `allowed`.
pub(super) fn duration(text: &str, allowed: &RangeInclusive<Duration>) -> Option<Duration> {
    let duration = humantime::parse_duration(text).ok()?;
    let is_whole = duration.subsec_nanos().is_multiple_of(1_000_000);
    (is_whole && allowed.contains(&duration)).then_some(duration)
}

/// Digits only: no sign, no white space.
pub(super) fn number(text: &str, allowed: &RangeInclusive<usize>) -> Option<usize> {
    let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())??;
    allowed.contains(&number).then_some(number)
}

/// `60/60s`, or `off`, which is `Some(None)`.
#[expect(clippy::option_option, reason = "the outer one is for every parser here, the inner one is the value's own")]
pub(super) fn quota(text: &str) -> Option<Option<Quota>> {
    if text == "off" {
        return Some(None);
    }
    let (requests, window) = text.split_once('/')?;
    let requests = number(requests, &(1..=1_000_000_000))?;
    let window = duration(window, &(Duration::from_secs(1)..=DAY))?;
    (window.subsec_nanos() == 0).then_some(Some(Quota { requests: u32::try_from(requests).ok()?, window }))
}

/// `256MiB`, `1GB`: from 1 MiB to 1 TiB.
pub(super) fn memory(text: &str) -> Option<u64> {
    let bytes = text.parse::<ByteSize>().ok()?.as_u64();
    (1 << 20..=1 << 40).contains(&bytes).then_some(bytes)
}

/// `off`, `redis` or `near`.
pub(super) fn cache_mode(text: &str) -> Option<Mode> {
    match text {
        "off" => Some(Mode::Off),
        "redis" => Some(Mode::Redis),
        "near" => Some(Mode::Near),
        _ => None,
    }
}

/// `text` or `json`.
pub(super) fn log_format(text: &str) -> Option<LogFormat> {
    match text {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    }
}

/// Directives of [`EnvFilter`].
///
/// Not empty: that would silence all but errors, and is more likely a mistake. Visible ASCII only: tracing-subscriber 0.3 reads a
/// directive after white space at the wrong offsets, takes ` aside` for ` asid`, and panics if that splits a character.
pub(super) fn log_filter(text: &str) -> Option<String> {
    let is_readable = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    (is_readable && EnvFilter::builder().parse(text).is_ok()).then(|| text.to_owned())
}

/// An origin that browsers treat as safe: https, or http on a loopback host. Without a path.
pub(super) fn public_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let has_no_user = url.username().is_empty() && url.password().is_none();
    (is_safe && is_bare && has_no_user).then_some(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => Ipv4Addr::is_loopback(&address),
        Some(Host::Ipv6(address)) => Ipv6Addr::is_loopback(&address),
        None => false,
    }
}

/// Networks between commas; a bare address is a network of one.
pub(super) fn networks(text: &str) -> Option<Vec<IpNet>> {
    items(text).map(|item| item.parse().ok().or_else(|| item.parse::<IpAddr>().ok().map(IpNet::from))).collect()
}

/// Origins between commas, each exactly as a browser sends it, since they are compared as text.
pub(super) fn origins(text: &str) -> Option<Vec<String>> {
    items(text)
        .map(|item| {
            let url = Url::parse(item).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
            (url.origin().ascii_serialization() == item).then(|| item.to_owned())
        })
        .collect()
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// A prefix of keys: without white space, and without braces, which Redis Cluster reads as a hash tag.
pub(super) fn key_prefix(text: &str) -> Option<String> {
    let is_good = (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":_.-".contains(&byte));
    is_good.then(|| text.to_owned())
}

/// The name of a schema. Postgres reserves names that begin with `pg_`.
pub(super) fn schema(text: &str) -> Option<String> {
    let is_good = (1..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !text.starts_with(|first: char| first.is_ascii_digit())
        && !text.starts_with("pg_");
    is_good.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_milliseconds_within_bounds() {
        let parsed = |text| duration(text, &(Duration::from_millis(1)..=DAY * 30));

        assert_eq!(parsed("10m"), Some(Duration::from_mins(10)));
        assert_eq!(parsed("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parsed("30d"), Some(DAY * 30));
        for text in ["", "0", "0s", "0ms", "10", "-1s", "31d", "1500us", "500us", "1 parsec", "10 m m"] {
            assert_eq!(parsed(text), None, "{text:?}");
        }
    }

    #[test]
    fn numbers_are_digits_within_bounds() {
        assert_eq!(number("16", &(1..=16)), Some(16));
        for text in ["", "0", "17", "+1", "-1", " 1", "1.0", "0x1", "99999999999999999999999"] {
            assert_eq!(number(text, &(1..=16)), None, "{text:?}");
        }
    }

    #[test]
    fn a_quota_is_requests_in_a_window_or_off() {
        let minute = Duration::from_mins(1);

        assert_eq!(quota("60/60s"), Some(Some(Quota { requests: 60, window: minute })));
        assert_eq!(quota("1/1m"), Some(Some(Quota { requests: 1, window: minute })));
        assert_eq!(quota("off"), Some(None));
        for text in [
            "",
            "60",
            "0/60s",
            "1000000001/60s",
            "60/0s",
            "60/500ms",
            "60/1500ms",
            "60/60",
            "/60s",
            "60/",
            "Off",
            "-1/60s",
            "60/2d",
        ] {
            assert_eq!(quota(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_public_url_is_https_or_http_on_this_machine() {
        for text in [
            "https://aside.example",
            "https://aside.example:8443/",
            "http://127.0.0.1:8080",
            "http://127.9.9.9",
            "http://localhost:8080",
            "http://aside.localhost",
            "http://[::1]:8080",
        ] {
            assert!(public_url(text).is_some(), "{text}");
        }
        for text in [
            "",
            "aside.example",
            "http://aside.example",
            "http://192.0.2.1",
            "http://localhost.example",
            "http://127.0.0.1.example",
            "ftp://localhost",
            "https://aside.example/api",
            "https://aside.example/?a",
            "https://aside.example/#a",
            "https://me@aside.example",
            "https://:secret@aside.example",
        ] {
            assert!(public_url(text).is_none(), "{text}");
        }
    }

    #[test]
    fn networks_may_be_single_addresses_and_none_at_all() {
        let parsed = |text| networks(text).map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>());

        assert_eq!(parsed(""), Some(vec![]));
        assert_eq!(parsed("10.0.0.0/8, ::1"), Some(vec!["10.0.0.0/8".into(), "::1/128".into()]));
        assert_eq!(parsed("10.0.0.0/8,nonsense"), None);
        assert_eq!(parsed("10.0.0.0/33"), None);
    }

    #[test]
    fn origins_are_written_exactly_as_browsers_send_them() {
        let both = "https://app.example,http://localhost:3000";

        assert_eq!(origins(""), Some(vec![]));
        assert_eq!(origins(both), Some(vec!["https://app.example".into(), "http://localhost:3000".into()]));
        for text in [
            "*",
            "null",
            "app.example",
            "https://app.example/",
            "https://App.example",
            "https://app.example:443",
            "ws://a",
        ] {
            assert_eq!(origins(text), None, "{text}");
        }
    }

    #[test]
    fn a_log_filter_is_one_that_the_log_reads_as_written() {
        for text in ["info", "warn,aside=debug", "off", "info,sqlx::query=off,[request{user}]=debug"] {
            assert_eq!(log_filter(text).as_deref(), Some(text));
        }
        for text in ["", " ", "info, aside=debug", "\tA¡[", "é=info", "aside=loud", "["] {
            assert_eq!(log_filter(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_schema_is_a_plain_name_that_postgres_does_not_keep() {
        assert_eq!(schema("Aside_2"), Some("Aside_2".into()));
        for text in ["", "a b", "a\"", "2a", "pg_catalog", "a,b", &"x".repeat(64)] {
            assert_eq!(schema(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_key_prefix_holds_nothing_that_redis_would_read() {
        assert_eq!(key_prefix("aside_test_1:"), Some("aside_test_1:".into()));
        for text in ["", "a b", "{a}", "a*", "é", &"x".repeat(65)] {
            assert_eq!(key_prefix(text), None, "{text:?}");
        }
    }
}
