//! What the URL of PostgreSQL may look like.

use secrecy::ExposeSecret;

use super::*;

fn parsed(text: &str) -> DatabaseUrl {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn credentials_host_and_database_are_decoded() {
    let url = parsed("postgres://a%40b:p%2F%23%20w@h%2Dost:5433/my%20data");

    assert_eq!(url.user.as_deref(), Some("a@b"));
    assert_eq!(url.password.as_ref().map(ExposeSecret::expose_secret), Some("p/# w"));
    assert_eq!(url.host, Some(DatabaseHost::Tcp("h-ost".into())));
    assert_eq!((url.port, url.database.as_deref()), (5433, Some("my data")));
}

#[test]
fn an_ipv6_address_loses_its_brackets() {
    for text in ["postgres://u@[::1]:5432/d", "postgres:///d?host=::1", "postgres:///d?hostaddr=::1"] {
        assert_eq!(parsed(text).host, Some(DatabaseHost::Tcp("::1".into())), "{text}");
        assert_eq!(parsed(text).to_string(), "[::1]:5432", "{text}");
    }
}

#[test]
fn a_socket_is_named_by_its_folder() {
    for text in ["postgres:///d?host=/run/pg&port=5433", "postgres://u@%2Frun%2Fpg:5433/d"] {
        assert_eq!(parsed(text).host, Some(DatabaseHost::Socket("/run/pg".into())), "{text}");
        assert_eq!(parsed(text).to_string(), "/run/pg/.s.PGSQL.5433", "{text}");
    }
}

#[test]
fn every_known_parameter_is_taken() {
    let url = parsed(
        "postgres://h?sslmode=verify-full&sslrootcert=ca&sslcert=cert&sslkey=key&dbname=d&user=u&password=p\
         &application_name=mine&options=-c%20geqo=off%20--work-mem=1MB&options[jit]=off&statement-cache-capacity=7",
    );

    assert_eq!(url.ssl_mode, SslMode::VerifyFull);
    assert_eq!((url.ssl_root_cert, url.ssl_cert), (Some("ca".into()), Some("cert".into())));
    assert_eq!((url.ssl_key, url.user.as_deref()), (Some("key".into()), Some("u")));
    assert_eq!((url.database.as_deref(), url.application_name.as_deref()), (Some("d"), Some("mine")));
    assert_eq!(url.password.as_ref().map(ExposeSecret::expose_secret), Some("p"));
    assert_eq!(url.statement_cache_capacity, Some(7));
    let options = [("geqo", "off"), ("work_mem", "1MB"), ("jit", "off")];
    assert_eq!(url.options, options.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn an_unknown_parameter_is_refused_by_name_and_no_value_is_shown() {
    for (query, name) in [
        ("secret=hush", "\"secret\""),
        ("channel_binding=hush", "\"channel_binding\""),
        ("sslmode=hush", "\"sslmode\""),
        ("hostaddr=hush", "\"hostaddr\""),
        ("port=hush", "\"port\""),
        ("options=hush", "\"options\""),
        ("statement-cache-capacity=hush", "\"statement-cache-capacity\""),
    ] {
        let InvalidUrl(error) = format!("postgres://u:p@h/d?{query}").parse::<DatabaseUrl>().unwrap_err();

        assert!(error.contains(name) && error.contains("expected"), "{error}");
        assert!(!error.contains("hush"), "{error}");
    }
}

#[test]
fn several_hosts_are_refused() {
    assert!("postgres:///d?host=a,b".parse::<DatabaseUrl>().is_err());
}

#[test]
fn debug_shows_no_password() {
    assert!(!format!("{:?}", parsed("postgres://u:hush@h/d")).contains("hush"));
}

#[test]
fn this_machine_has_many_names() {
    for url in [
        "postgres://localhost/aside",
        "postgres://u:p@LocalHost:5433/aside",
        "postgres://127.0.0.1/aside",
        "postgres://127.3.2.1:5433/aside",
        "postgres://[::1]:5432/aside",
        "postgres://[::ffff:127.0.0.1]/aside",
        "postgres://%2Fvar%2Frun%2Fpostgresql/aside",
        "postgres:///aside",
        "postgres:///aside?host=/var/run/postgresql",
        "postgres://db.example.com/aside?host=127.0.0.1",
        "postgres://db.example.com/aside?hostaddr=127.0.0.1",
    ] {
        assert!(parsed(url).is_loopback(), "{url}");
    }
}

#[test]
fn other_machines_are_told_apart() {
    for url in [
        "postgres://db.example.com/aside",
        "postgres://localhost.example.com/aside",
        "postgres://localhost@db.example.com/aside",
        "postgres://127.0.0.1.example.com/aside",
        "postgres://10.0.0.1/127.0.0.1",
        "postgres://[2001:db8::1]/aside",
        "postgres://0.0.0.0/aside",
        "postgres://127.0.0.1/aside?host=db.example.com",
        "postgres://localhost/aside?hostaddr=10.0.0.1",
    ] {
        assert!(!parsed(url).is_loopback(), "{url}");
    }
}
