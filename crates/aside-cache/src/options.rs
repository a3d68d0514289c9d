//! The settings of a cache.

use std::time::Duration;

/// Where reads are answered from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Always Postgres.
    Off,
    /// Redis.
    Redis,
    /// Redis, with near entries in this process in front of it.
    Near,
}

/// How long entries, leases and fences live, and how long readers wait for them.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where reads are answered from.
    pub mode: Mode,
    /// With [`Mode::Near`], how long ago what a read shows may have been replaced; zero is exact.
    pub max_staleness: Duration,
    /// The bound of the near entries in this process, in bytes.
    pub near_bytes: u64,
    /// How long an absence is remembered.
    pub negative_ttl: Duration,
    /// The time a fill has before another may take its place.
    pub lease: Duration,
    /// The life of a write fence; longer than any writing transaction may take.
    pub fence: Duration,
    /// How long a reader waits for another's fill before it loads for itself.
    pub lease_wait: Duration,
    /// How long a reader waits for the release of a write fence before it loads without storing: longer than a write takes, and
    /// short enough for the readers of an entry whose writer has died.
    pub fence_wait: Duration,
}

impl Default for Options {
    /// Exact, with 256 MiB of near entries.
    fn default() -> Self {
        Self {
            mode: Mode::Near,
            max_staleness: Duration::ZERO,
            near_bytes: 256 << 20,
            negative_ttl: Duration::from_secs(5),
            lease: Duration::from_secs(2),
            fence: Duration::from_secs(15),
            lease_wait: Duration::from_millis(2_500),
            fence_wait: Duration::from_millis(50),
        }
    }
}
