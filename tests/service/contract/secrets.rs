//! Secrets stay where they belong: no token in Redis or Postgres, neither token nor password in the log.

use std::process::{Command, Stdio};

use reqwest::Method;
use serde_json::json;

use super::rows::Rows;
use crate::{
    api::{Api, PASSWORD},
    application::Backend,
    replica::free_address,
    test_redis,
};

/// A token without its prefix, which is no secret.
fn secret_part(token: &str) -> &str {
    token.rsplit_once("aside_").map_or(token, |(_, secret)| secret)
}

#[tokio::test]
async fn redis_and_postgres_hold_no_token_and_no_password() {
    let backend = Backend::create().await;
    let application = backend.start().await;
    let ada = application.api().register("ada").await;
    ada.post("hello").await;
    ada.home().await;
    let prefix = backend.variables(&[]).remove("REDIS_KEY_PREFIX").expect("a prefix");
    let mut connection = redis::Client::open(test_redis::url().as_str())
        .expect("a client")
        .get_multiplexed_async_connection()
        .await
        .expect("Redis answers");
    let rows = Rows::of(&backend).await;

    let keys: Vec<Vec<u8>> =
        redis::cmd("KEYS").arg(format!("{prefix}*")).query_async(&mut connection).await.expect("keys");
    let mut held = Vec::new();
    for key in &keys {
        let value: Vec<u8> = redis::cmd("DUMP").arg(key).query_async(&mut connection).await.unwrap_or_default();
        held.extend([key.as_slice(), &value].concat());
    }
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT t::text FROM users t UNION ALL SELECT t::text FROM sessions t")
            .fetch_all(&rows.pool)
            .await
            .expect("rows");

    assert!(keys.len() > 4, "there is something to look at");
    let secret = secret_part(&ada.token);
    let has = |haystack: &[u8], needle: &str| haystack.windows(needle.len()).any(|part| part == needle.as_bytes());
    assert!(!has(&held, secret) && !has(&held, PASSWORD));
    assert!(!tables.iter().any(|row| row.contains(secret) || row.contains(PASSWORD)));
    for key in &keys {
        let ttl: i64 = redis::cmd("PTTL").arg(key).query_async(&mut connection).await.expect("a TTL");
        assert_ne!(ttl, -1, "{} has no TTL", String::from_utf8_lossy(key));
    }
}

#[tokio::test]
async fn the_log_holds_no_token_no_password_and_no_query_at_its_chattiest() {
    let backend = Backend::create().await;
    let (public, admin) = (free_address(), free_address());
    let log = tempfile::NamedTempFile::new().expect("a file");
    let variables = backend.variables(&[
        ("LISTEN_ADDR", &public.to_string()),
        ("ADMIN_ADDR", &admin.to_string()),
        ("LOG_FORMAT", "json"),
        ("RUST_LOG", "trace"),
    ]);
    let mut replica = Command::new(env!("CARGO_BIN_EXE_aside"))
        .arg("serve")
        .env_clear()
        .envs(variables)
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null())
        .stdout(log.reopen().expect("the file"))
        .stderr(log.reopen().expect("the file"))
        .spawn()
        .expect("the binary starts");
    while reqwest::get(format!("http://{admin}/readyz")).await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    let api = Api::new(public);
    let ada = api.register("ada").await;
    api.post("/sessions", &json!({ "username": "ada", "password": "a wrong and secret phrase" })).await;
    let current = json!({ "password": "the next and secret phrase", "current_password": PASSWORD });
    ada.api.patch(&format!("/users/{}", ada.id), &current).await;
    api.request(Method::GET, "/home")
        .header("Cookie", format!("aside_session={}", ada.token))
        .send()
        .await
        .expect("an answer");
    ada.api.get("/home?token=a-secret-in-a-query").await;
    ada.post("a very private remark").await;
    replica.kill().expect("the replica is there");
    replica.wait().expect("it ends");

    let log = std::fs::read_to_string(log.path()).expect("the log");
    assert!(log.lines().count() > 10 && log.contains("answered"));
    for secret in [secret_part(&ada.token), PASSWORD, "and secret phrase", "a-secret-in-a-query", "private remark"] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None);
    }
}
