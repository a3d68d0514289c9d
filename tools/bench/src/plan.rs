//! How long, how often, how many.

use std::time::Duration;

use super::arguments::Arguments;

/// The size of a run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) duration: Duration,
    /// Before the first round, for each server, at least.
    pub(crate) warm_up: Duration,
    /// And at most: a cell's life, for by then as many cells end as are loaded.
    pub(crate) longest_warm_up: Duration,
    /// In the database of all scenarios but `scale`.
    pub(crate) users: u32,
    /// Of them, signed in and asking.
    pub(crate) readers: u32,
    /// The sizes of `scale`.
    pub(crate) sizes: Vec<u32>,
}

impl Plan {
    pub(crate) fn new(arguments: &Arguments) -> Self {
        let quick = arguments.quick;
        let seconds = arguments.seconds.unwrap_or(if quick { 1 } else { 4 });
        let sizes = if arguments.users.is_empty() { vec![10_000, 100_000, 1_000_000] } else { arguments.users.clone() };
        Self {
            rounds: arguments.rounds.unwrap_or(if quick { 2 } else { 4 }).max(1),
            duration: Duration::from_secs(seconds.max(1)),
            warm_up: Duration::from_secs(if quick { 2 } else { 12 }),
            longest_warm_up: Duration::from_secs(if quick { 4 } else { 600 }),
            users: if quick { 10_000 } else { 100_000 },
            readers: if quick { 2_000 } else { 10_000 },
            sizes,
        }
    }

    /// A part of a warm-up, after which it is seen how warm a server is.
    pub(crate) fn step(&self) -> Duration {
        (self.warm_up / 3).max(Duration::from_secs(1))
    }
}
