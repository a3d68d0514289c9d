//! The processors that a thread may run on, and keeping threads on some of them. Where the system has no such thing (macOS), any
//! thread runs anywhere.

use std::thread;

/// Processors of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Processors(system::Set);

impl Processors {
    /// Those that the calling thread may run on: all of the process, unless it has been kept on some.
    #[must_use]
    pub fn of_this_thread() -> Self {
        Self(system::of_this_thread())
    }

    /// Each of them, if the process has all their time. One that has less (a container with a quota) shares them with others of its
    /// kind, who would all choose the first; then these are as many times all of them.
    #[must_use]
    pub fn for_threads(self) -> Vec<Self> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let each: Vec<Self> = system::each(&self.0).map(Self).collect();
        if each.len() == threads { each } else { vec![self; threads] }
    }

    /// Keeps the calling thread on them, and those that it starts.
    pub fn keep_this_thread(self) {
        system::keep_this_thread(&self.0);
    }
}

#[cfg(target_os = "linux")]
mod system {
    use nix::{
        sched::{CpuSet, sched_getaffinity, sched_setaffinity},
        unistd::Pid,
    };

    /// The thread that calls.
    const THIS: Pid = Pid::from_raw(0);

    pub(super) type Set = CpuSet;

    pub(super) fn of_this_thread() -> Set {
        // On a machine with more processors than the set has room for it is empty, and nobody is kept on it.
        sched_getaffinity(THIS).unwrap_or_default()
    }

    pub(super) fn each(set: &Set) -> impl Iterator<Item = Set> {
        let numbers = (0..CpuSet::count()).filter(|&number| set.is_set(number) == Ok(true));
        numbers.filter_map(|number| {
            let mut one = CpuSet::new();
            one.set(number).ok().map(|()| one)
        })
    }

    pub(super) fn keep_this_thread(set: &Set) {
        if let Err(error) = sched_setaffinity(THIS, set) {
            tracing::debug!(%error, "a thread runs wherever the system puts it");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) type Set = ();

    pub(super) fn of_this_thread() -> Set {}

    pub(super) fn each((): &Set) -> impl Iterator<Item = Set> {
        std::iter::empty()
    }

    pub(super) fn keep_this_thread((): &Set) {}
}
