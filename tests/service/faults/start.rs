//! What `aside serve` says when it cannot start: one line that says what to change, an exit code, and no secret.

use std::{
    collections::HashMap,
    net::TcpListener,
    process::{Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::time::timeout;

use super::PATIENCE;
use crate::application::Backend;

const SECRET: &str = "tr0ub4dor";

/// Runs `aside serve`, which fails; gives its exit code and what it wrote to standard error.
async fn serve(variables: HashMap<String, String>) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aside"));
    command.arg("serve").env_clear().envs(variables).current_dir(std::env::temp_dir());
    let process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let process = process.expect("the binary starts");
    let id = Pid::from_raw(i32::try_from(process.id()).expect("process ids are small"));
    let ended = tokio::task::spawn_blocking(move || process.wait_with_output());
    let Ok(ended) = timeout(PATIENCE, ended).await else {
        kill(id, Signal::SIGKILL).expect("it still runs");
        panic!("it has started");
    };
    let output = ended.expect("no panic").expect("its output");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!stdout.contains(SECRET) && !stderr.contains(SECRET), "it tells a secret: {stdout}{stderr}");
    (output.status.code(), stderr.into_owned())
}

fn assert_one_line(text: &str, words: &[&str]) {
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.starts_with("error: "), "{text}");
    for word in words {
        assert!(text.contains(word), "{word} is not in {text}");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let backend = Backend::create().await;
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it listens").to_string();

    for variable in ["LISTEN_ADDR", "ADMIN_ADDR"] {
        let (code, said) = serve(backend.variables(&[(variable, &address)])).await;

        assert_eq!(code, Some(1));
        assert_one_line(&said, &[variable, &address, "in use"]);
    }
}

#[tokio::test]
async fn a_bad_setting_is_named_and_secrets_are_not_told() {
    let backend = Backend::create().await;
    let mysql = format!("mysql://aside:{SECRET}@127.0.0.1/aside");
    let no_port = format!("postgres://aside:{SECRET}@127.0.0.1:port/aside");
    let redis = format!("http://:{SECRET}@127.0.0.1");
    let settings = [
        ("DATABASE_URL", mysql.as_str()),
        ("DATABASE_URL", no_port.as_str()),
        ("REDIS_URL", redis.as_str()),
        ("CACHE_TTL", "soon"),
        ("LISTEN_ADDR", "localhost"),
    ];
    for (variable, value) in settings {
        let (code, said) = serve(backend.variables(&[(variable, value)])).await;

        assert_eq!(code, Some(2), "{variable}: {said}");
        assert_one_line(&said, &[variable, "expected"]);
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_an_error_at_once() {
    let backend = Backend::create().await;
    let mut url = backend.database.url.clone();
    url.set_path("aside_test_none");

    let (code, said) = serve(backend.variables(&[("DATABASE_URL", url.as_str())])).await;

    assert_eq!(code, Some(1));
    assert_one_line(&said, &["postgres", "aside_test_none"]);
}

#[tokio::test]
async fn database_options_that_cannot_be_understood_tell_no_secret() {
    let backend = Backend::create().await;
    let mut url = backend.database.url.clone();
    url.set_password(Some(SECRET)).expect("a password is valid");
    url.set_query(Some("sslmode=perhaps"));

    let (code, said) = serve(backend.variables(&[("DATABASE_URL", url.as_str())])).await;

    assert_ne!(code, Some(0));
    assert_one_line(&said, &["postgres", "ssl_mode", "perhaps"]);
    assert_eq!(said.matches("perhaps").count(), 1, "{said}");
}
