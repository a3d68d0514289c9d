//! Who is measured.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use aside_test_bed::{Connection, Process};

use super::{arguments::Arguments, bed::Bed};

/// One that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contestant {
    /// axum answering the same bytes: the measure of all ratios.
    Limit,
    /// The same under the layers of aside, without the gate.
    Layers,
    /// `CACHE_MODE=near` that may be 5 ms late.
    Near5,
    /// `CACHE_MODE=near`, exact.
    Near,
    /// `CACHE_MODE=redis`.
    Redis,
    /// `CACHE_MODE=off`.
    Off,
    /// The article's code in Node.
    Article,
}

impl Contestant {
    /// All of them, the fastest first.
    pub(crate) const ALL: [Self; 7] =
        [Self::Limit, Self::Layers, Self::Near5, Self::Near, Self::Redis, Self::Article, Self::Off];
    /// What it is called in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Layers => "layers",
            Self::Near5 => "near 5 ms",
            Self::Near => "near",
            Self::Redis => "redis",
            Self::Off => "off",
            Self::Article => "article",
        }
    }

    fn mode(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Near5 => &[("CACHE_MODE", "near"), ("CACHE_MAX_STALENESS", "5ms")],
            Self::Redis => &[("CACHE_MODE", "redis")],
            Self::Off => &[("CACHE_MODE", "off")],
            Self::Near | Self::Limit | Self::Layers | Self::Article => &[("CACHE_MODE", "near")],
        }
    }
}

/// Starts servers on a bed.
pub(crate) struct Lineup<'a> {
    arguments: &'a Arguments,
    bed: &'a Bed,
    /// An answer that a home page gives, for those that answer the same bytes.
    body: PathBuf,
}

impl<'a> Lineup<'a> {
    pub(crate) async fn new(arguments: &'a Arguments, bed: &'a Bed) -> Result<Self> {
        let lineup = Self { arguments, bed, body: bed.folder.path().join("body.json") };
        let replica = lineup.aside(Contestant::Near, &[]).await?;
        let token = bed.tokens.first().context("somebody is signed in")?;
        let page = Connection::open(replica.address()).await?.ask(&Connection::get("/home", Some(token))).await?;
        ensure!(page.status == 200, "no home page: {}", page.head);
        std::fs::write(&lineup.body, page.body)?;
        Ok(lineup)
    }

    /// Starts one; `None` for the article where it cannot be had.
    pub(crate) async fn start(&self, contestant: Contestant) -> Result<Option<Process>> {
        match contestant {
            Contestant::Limit => Ok(Some(self.bare(&[]).await?)),
            Contestant::Layers => Ok(Some(self.bare(&[("SURROUNDED", "1")]).await?)),
            Contestant::Article => match &self.arguments.article {
                Some(folder) => Ok(Some(self.article(folder).await?)),
                None => Ok(None),
            },
            Contestant::Near5 | Contestant::Near | Contestant::Redis | Contestant::Off => {
                Ok(Some(self.aside(contestant, &[]).await?))
            }
        }
    }

    /// A replica of aside: the limiter on, with a quota that nobody reaches, warnings only, all else as by default.
    pub(crate) async fn aside(&self, mode: Contestant, variables: &[(&str, &str)]) -> Result<Process> {
        let usual = [
            ("DATABASE_URL", self.bed.database.url().as_str()),
            ("REDIS_URL", self.bed.redis.url().as_str()),
            // What the report of a million users was measured with; the article's TTL too.
            ("CACHE_TTL", "10m"),
            ("RATE_LIMIT_SIGNED_IN", "1000000000/60s"),
            ("RATE_LIMIT_ANONYMOUS", "1000000000/60s"),
            ("RUST_LOG", "warn"),
        ];
        let all = usual.iter().chain(mode.mode()).chain(variables);
        let all = all.map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        started(Process::aside(&self.arguments.aside, all, self.log("aside"))?).await
    }

    async fn bare(&self, variables: &[(&str, &str)]) -> Result<Process> {
        let mut all = vec![("BODY".to_owned(), self.body.to_string_lossy().into_owned())];
        all.extend(variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
        started(Process::other(&self.arguments.bare, Vec::new(), all, self.log("bare"))?).await
    }

    async fn article(&self, folder: &Path) -> Result<Process> {
        self.bed.sign_in_with_the_article().await?;
        let variables = vec![
            ("DATABASE_URL".to_owned(), self.bed.database.url().to_string()),
            ("REDIS_URL".to_owned(), self.bed.redis.url().to_string()),
        ];
        let server = vec![folder.join("server.mjs").to_string_lossy().into_owned()];
        started(Process::other(Path::new("node"), server, variables, self.log("article"))?).await
    }

    fn log(&self, name: &str) -> PathBuf {
        self.bed.folder.path().join(format!("{name}.log"))
    }
}

async fn started(mut process: Process) -> Result<Process> {
    process.start().await?;
    Ok(process)
}
