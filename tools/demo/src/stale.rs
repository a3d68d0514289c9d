//! The stale read: a reader stores what it has read before a write, after that write has deleted the key.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aside_test_bed::{Connection, Process, Proxy, Way};
use serde_json::{Value, json};
use sqlx::PgConnection;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::{cast::Cast, talk::Talk};

/// Long enough to see that a query was carried out before its reply is let through.
const WAY: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(20);

/// A pair of replicas of one service. The first is far from Postgres.
struct Pair {
    far: Process,
    near: Process,
    way: Proxy,
}

pub(crate) async fn show(cast: &Cast, talk: &Talk) -> Result<()> {
    talk.part(
        3,
        "The stale read",
        "One replica reads a user, and the reply is held on the way. Another renames the user. Then the reply comes through.",
    )
    .await;
    let user = cast.somebody().await?;
    let way = Proxy::start(cast.database.url()).await?;
    let variables = [("DATABASE_URL", way.url().as_str())];
    let (far, near) = (cast.naive(&variables).await?, cast.naive(&[]).await?);
    let naive = Pair { far, near, way };
    let rename =
        Connection::request("PATCH", &format!("/users/{user}"), &[], &json!({"display_name": "New"}).to_string());
    let after = naive.late_fill(cast, user, "Old", &rename, 204).await?;
    talk.bad(
        "the naive pattern",
        &format!("renamed to \"New\"; every reader sees \"{after}\", for the ten minutes of the TTL"),
    );
    ensure!(after == "Old", "the naive pattern was not stale this time");
    drop(naive);

    cast.redis.lock().await.flush().await?;
    let way = Proxy::start(cast.database.url()).await?;
    let variables = [("DATABASE_URL", way.url().as_str())];
    let aside = Pair { far: cast.aside(&variables).await?, near: cast.aside(&[]).await?, way };
    let (user, token) = register(&aside.near).await?;
    let token = [format!("Authorization: Bearer {token}")];
    let rename =
        Connection::request("PATCH", &format!("/users/{user}"), &token, &json!({"display_name": "New"}).to_string());
    let after = aside.late_fill(cast, user, "Old", &rename, 200).await?;
    talk.good("aside", &format!("renamed to \"New\"; every reader sees \"{after}\", on both replicas"));
    ensure!(after == "New", "aside was stale");
    Ok(())
}

impl Pair {
    /// The interleaving; gives the name that everybody sees afterwards.
    async fn late_fill(&self, cast: &Cast, user: Uuid, old: &str, rename: &[u8], expected: u16) -> Result<String> {
        let mut postgres = cast.postgres().await?;
        let update = sqlx::query("UPDATE users SET display_name = $2, version = version + 1 WHERE id = $1");
        update.bind(user).bind(old).execute(&mut postgres).await?;
        let read = Connection::get(&format!("/users/{user}"), None);
        let mut reader = Connection::open(self.far.address()).await?;
        // What is prepared for the connection is; then the key is gone.
        reader.ask(&read).await?;
        cast.redis.lock().await.flush().await?;
        sleep(Duration::from_millis(100)).await;

        let started: String = sqlx::query_scalar("SELECT clock_timestamp()::text").fetch_one(&mut postgres).await?;
        self.way.set(Way::RepliesSlow(WAY));
        let reading = tokio::spawn(async move { reader.ask(&read).await });
        timeout(PATIENCE, carried_out(&mut postgres, &started)).await.context("the reader did not ask Postgres")??;
        self.way.set(Way::RepliesHeld);
        let renamed = Connection::open(self.near.address()).await?.ask(rename).await?;
        ensure!(renamed.status == expected, "not renamed: {}", renamed.head);
        self.way.set(Way::Open);
        reading.await??;

        let (far, near) = (self.name(&self.far, user).await?, self.name(&self.near, user).await?);
        ensure!(far == near, "the replicas differ: {far} and {near}");
        Ok(far)
    }

    async fn name(&self, replica: &Process, user: Uuid) -> Result<String> {
        let answer =
            Connection::open(replica.address()).await?.ask(&Connection::get(&format!("/users/{user}"), None)).await?;
        let user: Value = serde_json::from_slice(&answer.body)?;
        Ok(user["display_name"].as_str().context("a user has a name")?.to_owned())
    }
}

/// Waits until Postgres has carried out a reader's query that began after `started`.
async fn carried_out(postgres: &mut PgConnection, started: &str) -> Result<()> {
    let done = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND state = 'idle' AND query_start > $1::timestamptz AND query ILIKE '%FROM users%WHERE%id = %'";
    while sqlx::query_scalar::<_, i64>(done).bind(started).fetch_one(&mut *postgres).await? == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// Somebody new, who is signed in.
async fn register(replica: &Process) -> Result<(Uuid, String)> {
    let mut connection = Connection::open(replica.address()).await?;
    let account = json!({"username": "renamed", "display_name": "Old", "password": "a long demonstration"});
    let made = connection.ask(&Connection::request("POST", "/users", &[], &account.to_string())).await?;
    let user: Value = serde_json::from_slice(&made.body)?;
    let sign_in = json!({"username": "renamed", "password": "a long demonstration"});
    let session = connection.ask(&Connection::request("POST", "/sessions", &[], &sign_in.to_string())).await?;
    let session: Value = serde_json::from_slice(&session.body)?;
    let token = session["token"].as_str().context("a session has a token")?;
    Ok((serde_json::from_value(user["id"].clone()).context("a user has an id")?, token.to_owned()))
}
