//! What the settings promise: defaults, complaints, and a `.env.example` that tells the truth.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    time::Duration,
};

use proptest::prelude::*;

use super::*;
use aside_cache::Mode;

use crate::config::{LogFormat, dotenv::tests::Written, variables::Fallback};

const EXAMPLE: &str = include_str!("../../.env.example");
const URLS: [(&str, &str); 2] = [("DATABASE_URL", "postgres://u:hush@h/d"), ("REDIS_URL", "rediss://u:hush@h")];

fn with(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::from_variables(URLS.iter().chain(variables).copied())
}

fn complaints(variables: &[(&str, &str)]) -> Vec<String> {
    with(variables).err().map_or(vec![], |error| error.lines().to_vec())
}

/// The names and values of `.env.example`, where each default stands commented out.
fn example() -> BTreeMap<&'static str, &'static str> {
    EXAMPLE
        .lines()
        .filter_map(|line| line.strip_prefix('#')?.split_once('='))
        .filter(|(name, _)| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'))
        .collect()
}

#[test]
fn the_two_addresses_are_all_that_has_to_be_set() {
    let config = with(&[]).unwrap();

    assert_eq!(config.database.url.to_string(), "h:5432");
    assert_eq!(config.redis.url.to_string(), "h:6379");
    assert_eq!((config.database.max_connections, config.database.max_loads), (16, 12));
    assert_eq!(config.cache.options.mode, Mode::Near);
    assert_eq!(config.http.public_url.as_str(), "http://127.0.0.1:8080/");
    assert_eq!(config.http.trusted_proxies, []);
    assert_eq!(config.log.format, LogFormat::Text);
    assert!(config.session.concurrent_hashes >= 1);
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn a_stall_of_half_a_second_is_within_the_default_timeouts_and_a_refusal_within_one_and_a_half() {
    let aside_postgres::Options { queue_timeout, probe_timeout, acquire_timeout, .. } = with(&[]).unwrap().database;

    for timeout in [queue_timeout, probe_timeout, acquire_timeout] {
        assert!((Duration::from_millis(800)..Duration::from_millis(1_300)).contains(&timeout), "{timeout:?}");
    }
}

#[test]
fn each_missing_address_is_a_line_that_says_what_to_do() {
    let error = Config::from_variables([("DATABASE_URL", "")]).unwrap_err();

    let [database, redis] = error.lines() else { panic!("{error}") };
    assert!(database.starts_with("DATABASE_URL is not set: ") && database.contains("make run"), "{database}");
    assert!(redis.starts_with("REDIS_URL is not set: ") && redis.contains("make run"), "{redis}");
}

#[test]
fn a_bad_address_is_named_and_not_shown() {
    for (name, value) in [("DATABASE_URL", "mysql://u:hush@h/d"), ("REDIS_URL", "http://u:hush@h")] {
        let complaints = complaints(&[(name, value)]);

        let [line] = complaints.as_slice() else { panic!("{complaints:?}") };
        assert!(line.starts_with(name) && line.contains("expected") && !line.contains("hush"), "{line}");
    }
}

#[test]
fn a_misspelt_required_name_is_hinted_at() {
    let error = Config::from_variables([("DATABSE_URL", "postgres://u:hush@h/d"), ("REDIS_URL", "redis://h")]);

    let error = error.unwrap_err().to_string();
    assert!(error.starts_with("DATABASE_URL is not set: DATABSE_URL is; did you mean DATABASE_URL?"), "{error}");
    assert!(!error.contains("hush"), "{error}");
}

#[test]
fn a_url_with_a_password_is_not_shown_wherever_it_stands() {
    for name in ["PUBLIC_URL", "CORS_ALLOWED_ORIGINS", "LISTEN_ADDR", "REDIS_KEY_PREFIX"] {
        let complaints = complaints(&[(name, "https://u:hush@h/d")]);

        let [line] = complaints.as_slice() else { panic!("{complaints:?}") };
        assert!(line.starts_with(&format!("{name} is (not shown here), expected ")), "{line}");
    }
}

#[test]
fn neither_address_shows_in_debug() {
    assert!(!format!("{:?}", with(&[]).unwrap()).contains("hush"));
}

#[test]
fn a_bad_value_is_one_line_with_name_value_and_what_was_expected() {
    assert_eq!(
        complaints(&[("DATABASE_MAX_CONNECTIONS", "many\n\"")]),
        [r#"DATABASE_MAX_CONNECTIONS is "many\n\"", expected a whole number from 1 to 10000"#]
    );
    assert_eq!(complaints(&[("CACHE_MODE", "fast")]), [r#"CACHE_MODE is "fast", expected off, redis or near"#]);
}

#[test]
fn every_variable_is_checked_and_named_when_bad() {
    for (name, fallback) in VARIABLES {
        if matches!(fallback, Fallback::Required(_)) {
            continue;
        }
        let complaints = complaints(&[(name, "\u{0}=nonsense=[")]);

        let [line] = complaints.as_slice() else { panic!("{name}: {complaints:?}") };
        assert!(line.starts_with(&format!("{name} is \"")) && line.contains(", expected "), "{line}");
    }
}

#[test]
fn all_bad_values_are_found_at_once() {
    let lines = complaints(&[("CACHE_TTL", "soon"), ("LISTEN_ADDR", "localhost"), ("RATE_LIMIT_LOGIN", "lots")]);

    assert_eq!(lines.len(), 3, "{lines:?}");
}

#[test]
fn loads_are_three_quarters_of_the_connections_and_never_more_than_those() {
    let loads = |connections| with(&[("DATABASE_MAX_CONNECTIONS", connections)]).unwrap().database.max_loads;

    assert_eq!((loads("1"), loads("2"), loads("40")), (1, 1, 30));
    assert_eq!(
        complaints(&[("DATABASE_MAX_CONNECTIONS", "4"), ("DATABASE_MAX_LOADS", "5")]),
        [r#"DATABASE_MAX_LOADS is "5", expected a whole number from 1 to 4"#]
    );
}

#[test]
fn a_fence_outlives_the_longest_write() {
    assert_eq!(
        complaints(&[("CACHE_FENCE", "13s")]),
        [
            r#"CACHE_FENCE is "13s", expected more than DATABASE_TRANSACTION_TIMEOUT and DATABASE_STATEMENT_TIMEOUT together (13s)"#
        ]
    );
    assert_eq!(complaints(&[("CACHE_FENCE", "13001ms")]), Vec::<String>::new());
    assert!(
        complaints(&[("DATABASE_TRANSACTION_TIMEOUT", "10s")])[0].starts_with("CACHE_FENCE is \"15s\" (the default), ")
    );
}

#[test]
fn an_idle_end_is_not_after_the_absolute_end() {
    assert_eq!(
        complaints(&[("SESSION_IDLE", "2h"), ("SESSION_ABSOLUTE", "1h")]),
        [r#"SESSION_IDLE is "2h", expected no more than SESSION_ABSOLUTE (1h)"#]
    );
    assert_eq!(complaints(&[("SESSION_IDLE", "1h"), ("SESSION_ABSOLUTE", "1h")]), Vec::<String>::new());
}

#[test]
fn the_two_servers_do_not_share_an_address_but_may_both_take_any_port() {
    assert_eq!(complaints(&[("ADMIN_ADDR", "127.0.0.1:8080")]).len(), 1);
    assert!(with(&[("ADMIN_ADDR", "127.0.0.1:0"), ("LISTEN_ADDR", "127.0.0.1:0")]).is_ok());
}

#[test]
fn a_misspelt_name_is_a_warning() {
    let config = with(&[("CACHE_TTLL", "1s"), ("HTTP_PROXY", "http://proxy")]).unwrap();

    assert_eq!(config.warnings, [r#""CACHE_TTLL" is not a setting; did you mean CACHE_TTL?"#]);
}

/// The two addresses, and these, as the operating system hands them over.
fn environment(variables: &[(&str, &[u8])]) -> impl Iterator<Item = (OsString, OsString)> {
    let addresses = URLS.map(|(name, value)| (name.into(), value.into()));
    let others = variables.iter().map(|(name, value)| (name.into(), OsStr::from_bytes(value).to_owned()));
    addresses.into_iter().chain(others.collect::<Vec<_>>())
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let file = Written::new("layers", "CACHE_TTL=1s\nCACHE_LEASE=1s\n");

    let config = load_from(file.path(), environment(&[("CACHE_TTL", b"2s")])).unwrap();

    assert_eq!(
        (config.cache.ttl.as_secs(), config.cache.options.lease.as_secs(), config.cache.options.fence.as_secs()),
        (2, 1, 15)
    );
}

#[test]
fn bytes_that_are_no_text_matter_in_our_variables_only() {
    let nowhere = Path::new("no/such/file");

    let ours = load_from(nowhere, environment(&[("CACHE_TTL", b"\xff")]));
    let foreign = load_from(nowhere, environment(&[("LS_COLORS", b"\xff")]));

    assert_eq!(ours.unwrap_err().lines(), ["CACHE_TTL is not UTF-8, expected text"]);
    assert!(foreign.is_ok());
}

#[test]
fn the_last_of_several_values_counts() {
    let config = with(&[("CACHE_TTL", "1s"), ("CACHE_TTL", "2s")]).unwrap();

    assert_eq!(config.cache.ttl.as_secs(), 2);
}

#[test]
fn the_example_names_exactly_the_variables_that_are_read_and_their_defaults() {
    let named: BTreeSet<&str> = example().into_keys().collect();
    let read: BTreeSet<&str> = VARIABLES.iter().map(|(name, _)| *name).collect();
    assert_eq!(named, read);

    for (name, fallback) in VARIABLES {
        if let Fallback::Text(default) = fallback {
            assert_eq!(example()[name], default, "{name}");
        }
    }
}

#[test]
fn the_example_explains_each_variable_and_works_as_it_stands() {
    let lines: Vec<&str> = EXAMPLE.lines().collect();
    for (name, _) in VARIABLES {
        let at = lines.iter().position(|line| line.starts_with(&format!("#{name}="))).unwrap();
        assert!(lines[at - 1].starts_with("# "), "{name} has no comment");
    }

    assert_eq!(Config::from_variables(example()).err(), None);
}

proptest! {
    #[test]
    fn no_value_makes_the_reader_panic_or_write_a_second_line(index in 0..VARIABLES.len(), value in ".{0,40}|[0-9]{1,25}(s|ms|d|y|/1s)") {
        if let Err(error) = with(&[(VARIABLES[index].0, &value)]) {
            prop_assert_eq!(error.to_string().lines().count(), 1);
        }
    }
}
