//! Redis is killed, and the page is still there.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use aside_test_bed::{Answer, Connection};
use tokio::time::sleep;

use super::{
    cast::Cast,
    talk::{Talk, time},
};

/// Between two readers.
const PACE: Duration = Duration::from_millis(5);
const WITHOUT: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn show(cast: &Cast, talk: &Talk) -> Result<()> {
    talk.part(
        5,
        "Redis is killed",
        "Two hundred readers a second of somebody's home page, while Redis gets kill -9 and comes back empty.",
    )
    .await;
    let replica = cast.aside(&[]).await?;
    let token = cast.tokens.first().context("somebody is signed in")?;
    let mut reader = Reader {
        connection: Connection::open(replica.address()).await?,
        request: Connection::get("/home", Some(token)),
    };
    reader.until(|source| source.contains("detail=near")).await?;
    talk.row("before", &reader.ask().await?.1);

    cast.redis.lock().await.kill(false).await?;
    let (killed, mut answered, mut slowest) = (Instant::now(), 0_u32, Duration::ZERO);
    let mut source = String::new();
    while killed.elapsed() < WITHOUT {
        let asked = Instant::now();
        source = reader.ask().await?.1;
        slowest = slowest.max(asked.elapsed());
        answered += 1;
        sleep(PACE).await;
    }
    talk.good(
        "without Redis",
        &format!("{answered} of {answered} answered with 200, the slowest after {}", time(slowest)),
    );
    talk.row("", &source);

    cast.redis.lock().await.restart().await?;
    let back = Instant::now();
    reader.until(|source| source.contains("detail=near")).await?;
    talk.good("Redis is back", &format!("answers from copies again after {}", time(back.elapsed())));
    Ok(())
}

struct Reader {
    connection: Connection,
    request: Vec<u8>,
}

impl Reader {
    /// The answer, and where it came from.
    async fn ask(&mut self) -> Result<(Answer, String)> {
        let answer = self.connection.ask(&self.request).await?;
        ensure!(answer.status == 200, "the page was not there: {}", answer.head);
        let source = answer.header("cache-status").context("an answer says where it comes from")?.to_owned();
        Ok((answer, format!("cache-status: {source}")))
    }

    async fn until(&mut self, is_it: impl Fn(&str) -> bool) -> Result<()> {
        let started = Instant::now();
        while !is_it(&self.ask().await?.1) {
            ensure!(started.elapsed() < PATIENCE, "the copies did not come back");
            sleep(PACE).await;
        }
        Ok(())
    }
}
