//! A key is gone, and everybody asks for it at that moment.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aside_test_bed::{Burst, Connection, Process, Proxy, Way, burst};
use tokio::time::sleep;
use uuid::Uuid;

use super::{
    cast::Cast,
    talk::{Talk, time},
};

const READERS: usize = 10_000;
/// Sockets that are not readers'.
const OTHERS: u64 = 200;
/// How far away Postgres is.
const WAY: Duration = Duration::from_millis(5);

pub(crate) async fn show(cast: &Cast, talk: &Talk) -> Result<()> {
    let readers = READERS.min(usize::try_from(cast.descriptors.saturating_sub(OTHERS))?);
    talk.part(
        2,
        &format!("{readers} readers at the moment a key expires"),
        "One user, asked for over as many connections at once. Postgres is 5 ms away. Queries are counted by Postgres itself.",
    )
    .await;
    if readers < READERS {
        talk.row("note", &format!("this system allows a process {} sockets (ulimit -Hn)", cast.descriptors));
    }
    let user = cast.somebody().await?;
    let proxy = Proxy::start(cast.database.url()).await?;
    let database = proxy.url().to_string();

    let naive = cast.naive(&[("DATABASE_URL", &database)]).await?;
    let (seen, queries) = measure(cast, talk, &proxy, naive, user, readers).await?;
    ensure!(queries > 1, "the naive pattern had no stampede this time");
    talk.bad("the naive pattern", &line(&seen, queries));
    let connections = (readers + 100).to_string();
    let aside = cast.aside(&[("DATABASE_URL", &database), ("HTTP_MAX_CONNECTIONS", &connections)]).await?;
    let (seen, queries) = measure(cast, talk, &proxy, aside, user, readers).await?;
    talk.good("aside", &line(&seen, queries));
    ensure!(queries == 1, "one query was promised");
    Ok(())
}

fn line(seen: &Burst, queries: i64) -> String {
    format!("{queries:>6} queries; the last answer after {}", time(seen.took))
}

/// The burst, and how often the user was looked up by it.
async fn measure(
    cast: &Cast,
    talk: &Talk,
    proxy: &Proxy,
    mut server: Process,
    user: Uuid,
    readers: usize,
) -> Result<(Burst, i64)> {
    let request = Connection::get(&format!("/users/{user}"), None);
    let waiting = talk.wait("they connect, and ask");
    // Once, so that what is prepared for each connection is.
    Connection::open(server.address()).await?.ask(&request).await?;
    // Postgres counts for a connection when that ends; the first server's are over, this one's are not counted yet.
    let before = lookups(cast).await?;
    let gone = async {
        proxy.set(Way::RepliesSlow(WAY));
        cast.redis.lock().await.flush().await
    };
    let seen = burst(server.address(), &request, readers, gone).await;
    proxy.set(Way::Open);
    server.kill().await?;
    let after = lookups_settled(cast).await?;
    drop(waiting);
    // Without the first one.
    Ok((seen?, after - before - 1))
}

/// Scans of the index by which users are found.
async fn lookups(cast: &Cast) -> Result<i64> {
    let scans = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'users_pkey'";
    sqlx::query_scalar(scans).fetch_one(&mut cast.postgres().await?).await.context("no statistics of the index")
}

/// The same once all connections of the server are over, and counted.
async fn lookups_settled(cast: &Cast) -> Result<i64> {
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND backend_type = 'client backend'";
    let mut connection = cast.postgres().await?;
    while sqlx::query_scalar::<_, i64>(others).fetch_one(&mut connection).await? > 0 {
        sleep(Duration::from_millis(20)).await;
    }
    lookups(cast).await
}
