//! The limiter cuts in.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use aside_test_bed::Connection;

use super::{cast::Cast, talk::Talk};

const QUOTA: usize = 60;
const FLOOD: Duration = Duration::from_secs(2);

pub(crate) async fn show(cast: &Cast, talk: &Talk) -> Result<()> {
    talk.part(
        4,
        "The limiter cuts in",
        "One client and two replicas, 60 requests a minute; it asks them in turn, and does not stop.",
    )
    .await;
    let limit = format!("{QUOTA}/60s");
    let variables = [("RATE_LIMIT_SIGNED_IN", limit.as_str())];
    let replicas = [cast.aside(&variables).await?, cast.aside(&variables).await?];
    let mut connections =
        [Connection::open(replicas[0].address()).await?, Connection::open(replicas[1].address()).await?];
    let token = cast.tokens.last().context("somebody is signed in")?;
    let request = Connection::get("/home?limit=1", Some(token));

    let (mut admitted, mut asked) = (0, 0);
    let refused = loop {
        let answer = connections[asked % 2].ask(&request).await?;
        asked += 1;
        match answer.status {
            200 => admitted += 1,
            429 => break answer,
            _other => anyhow::bail!("{}", answer.head),
        }
    };
    ensure!(admitted == QUOTA, "{admitted} were admitted");
    talk.good("aside", &format!("{admitted} answered with 200, the next with 429"));
    for name in ["ratelimit-policy", "ratelimit", "retry-after"] {
        talk.row("", &format!("{name}: {}", refused.header(name).context("a refusal says why")?));
    }
    let (started, mut refusals) = (Instant::now(), 0_u32);
    while started.elapsed() < FLOOD {
        ensure!(connections[refusals as usize % 2].ask(&request).await?.status == 429, "a flood was let through");
        refusals += 1;
    }
    talk.row(
        "the flood goes on",
        &format!("{:.0} refusals a second over one connection at a time", f64::from(refusals) / FLOOD.as_secs_f64()),
    );
    Ok(())
}
