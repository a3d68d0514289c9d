//! The same home page, without the cache and with it.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use aside_test_bed::Connection;

use super::{
    cast::Cast,
    load::{Seen, closed_loop},
    talk::{Talk, time},
};

const READERS: usize = 32;
const FOR: Duration = Duration::from_secs(4);

pub(crate) async fn show(cast: &Cast, talk: &Talk) -> Result<()> {
    talk.part(
        1,
        "The same home page, without the cache and with it",
        "GET /home of a thousand people who are signed in, 32 of them at a time, on this machine with the load on it.",
    )
    .await;
    let pages = Arc::new(cast.tokens.iter().map(|token| Connection::get("/home", Some(token))).collect::<Vec<_>>());
    let off = measure(cast, talk, &pages, "off").await?;
    let near = measure(cast, talk, &pages, "near").await?;

    let times = near.rate() / off.rate();
    ensure!(times > 1.0, "the cache was slower than Postgres: {times:.2}");
    talk.good("so", &format!("{times:.0} times the traffic on the same hardware"));
    Ok(())
}

async fn measure(cast: &Cast, talk: &Talk, pages: &Arc<Vec<Vec<u8>>>, mode: &str) -> Result<Seen> {
    let replica = cast.aside(&[("CACHE_MODE", mode)]).await?;
    let waiting = talk.wait(&format!("CACHE_MODE={mode}, warming up and measuring"));
    closed_loop(replica.address(), pages, READERS, FOR / 2).await?;
    let seen = closed_loop(replica.address(), pages, READERS, FOR).await?;
    drop(waiting);
    talk.row(
        &format!("CACHE_MODE={mode}"),
        &format!(
            "{:>8.0} answers/s   half within {}, 99 % within {}",
            seen.rate(),
            time(seen.percentile(50)),
            time(seen.percentile(99))
        ),
    );
    Ok(seen)
}
