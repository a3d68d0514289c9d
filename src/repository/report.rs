//! How an answer was come by, for the `Cache-Status` of its response.

use aside_cache::{CacheOutcome, Fetched};

/// A value and how it was come by.
#[derive(Clone, Debug)]
pub struct Cached<T> {
    /// The value.
    pub value: T,
    /// How it was come by.
    pub report: CacheReport,
}

impl<T> Cached<T> {
    /// The same with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Cached<U> {
        Cached { value: change(self.value), report: self.report }
    }
}

/// What became of the cells behind one answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheReport {
    /// Cells that were there.
    pub hits: usize,
    /// Those of them that were not among this process's own copies.
    pub redis_hits: usize,
    /// Cells that were not.
    pub misses: usize,
    /// At least one of them was loaded and is in Redis now.
    pub stored: bool,
    /// At least one of them came out of a load, or a wait, that several readers share.
    pub collapsed: bool,
    /// At least one of them, or something else of the answer, came straight from Postgres past the cache.
    pub bypassed: bool,
    /// The earliest soft expiry among the hits, milliseconds since the epoch.
    pub expires_at_ms: Option<i64>,
}

impl CacheReport {
    /// The answer came straight from Postgres.
    #[must_use]
    pub fn bypass() -> Self {
        Self { bypassed: true, ..Self::default() }
    }

    /// The answer was composed of so many near entries; the first of them is due for a refresh then.
    #[must_use]
    pub fn near(hits: usize, expires_at_ms: i64) -> Self {
        Self { hits, expires_at_ms: Some(expires_at_ms), ..Self::default() }
    }

    /// Part of the answer was never meant to be in the cache: it came from Postgres.
    #[must_use]
    pub fn with_uncached_part(mut self) -> Self {
        self.misses += 1;
        self
    }

    /// The cells of this answer and those of another part of it.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            hits: self.hits + other.hits,
            redis_hits: self.redis_hits + other.redis_hits,
            misses: self.misses + other.misses,
            stored: self.stored || other.stored,
            collapsed: self.collapsed || other.collapsed,
            bypassed: self.bypassed || other.bypassed,
            expires_at_ms: match (self.expires_at_ms, other.expires_at_ms) {
                (Some(one), Some(another)) => Some(one.min(another)),
                (one, another) => one.or(another),
            },
        }
    }
}

impl From<&Fetched> for CacheReport {
    fn from(fetched: &Fetched) -> Self {
        let mut report = Self { stored: fetched.stored, ..Self::default() };
        match fetched.outcome {
            CacheOutcome::NearHit | CacheOutcome::RedisHit | CacheOutcome::Stale => {
                report.hits = 1;
                report.redis_hits = usize::from(fetched.outcome != CacheOutcome::NearHit);
                report.expires_at_ms = Some(fetched.value.expires_at_ms);
            }
            CacheOutcome::Miss => report.misses = 1,
            CacheOutcome::Collapsed => {
                report.misses = 1;
                report.collapsed = true;
            }
            CacheOutcome::Bypass => {
                report.misses = 1;
                report.bypassed = true;
            }
        }
        report
    }
}

impl<'a> FromIterator<&'a Fetched> for CacheReport {
    fn from_iter<I: IntoIterator<Item = &'a Fetched>>(fetched: I) -> Self {
        fetched.into_iter().map(Self::from).fold(Self::default(), Self::and)
    }
}
