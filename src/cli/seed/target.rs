//! Where the rows would go: made-up people belong into a database on this machine.

use std::net::IpAddr;

use sqlx::postgres::PgConnectOptions;

/// Whether a connection stays on this machine: a Unix socket, `localhost` or a loopback address.
///
/// The options and not the URL are asked, since they have the last word: `?host=` and `?hostaddr=` override the host of the
/// URL, and without any the environment's `PGHOST` counts. Of several hosts each must be here.
pub(super) fn is_loopback(options: &PgConnectOptions) -> bool {
    options.get_socket().is_some() || options.get_host().split(',').all(is_loopback_host)
}

fn is_loopback_host(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match bare.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host.starts_with('/') || host.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback(url: &str) -> bool {
        is_loopback(&url.parse().unwrap())
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
            "postgres:///aside?host=/var/run/postgresql",
            "postgres://db.example.com/aside?host=127.0.0.1",
            "postgres://db.example.com/aside?hostaddr=127.0.0.1",
            "postgres:///aside?host=localhost,127.0.0.1",
        ] {
            assert!(loopback(url), "{url}");
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
            "postgres:///aside?host=localhost,db.example.com",
        ] {
            assert!(!loopback(url), "{url}");
        }
    }
}
