//! How the system schedules a thread: which processors it may run on, and whether it interrupts whoever runs there when it is
//! woken. Where the system has no such thing (macOS), any thread runs anywhere, as ever.

use std::thread;

/// How a thread is scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheduling {
    processors: system::Processors,
    policy: system::Policy,
}

impl Scheduling {
    /// As the calling thread is. Threads inherit it from whoever starts them.
    #[must_use]
    pub fn of_this_thread() -> Self {
        Self { processors: system::processors(), policy: system::policy() }
    }

    /// On each of its processors, if the process has all their time. One that has less (a container with a quota) shares them with
    /// others of its kind, who would all choose the first; then these are as many times all of them.
    #[must_use]
    pub fn for_threads(self) -> Vec<Self> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let each: Vec<Self> = system::each(&self.processors).map(|processors| Self { processors, ..self }).collect();
        if each.len() == threads { each } else { vec![self; threads] }
    }

    /// A thread that has been woken waits until whoever runs has had its turn. Unchanged where the process was given another
    /// policy than the usual one: somebody has chosen that.
    #[must_use]
    pub fn interrupting_nobody(self) -> Self {
        Self { policy: system::interrupting_nobody(self.policy), ..self }
    }

    /// Schedules the calling thread so, and those that it starts.
    pub fn adopt(self) {
        system::adopt(&self.processors, self.policy);
    }
}

#[cfg(target_os = "linux")]
mod system {
    use nix::{
        sched::{CpuSet, sched_getaffinity, sched_setaffinity},
        unistd::Pid,
    };
    use uapi::{c, sched_getscheduler, sched_setscheduler};

    /// The thread that calls.
    const THIS: c::pid_t = 0;

    pub(super) type Processors = CpuSet;
    pub(super) type Policy = c::c_int;

    pub(super) fn processors() -> Processors {
        // On a machine with more processors than the set has room for it is empty, and nobody is kept on it.
        sched_getaffinity(Pid::from_raw(THIS)).unwrap_or_default()
    }

    pub(super) fn policy() -> Policy {
        sched_getscheduler(THIS).unwrap_or(c::SCHED_OTHER)
    }

    pub(super) fn interrupting_nobody(policy: Policy) -> Policy {
        if policy == c::SCHED_OTHER { c::SCHED_BATCH } else { policy }
    }

    pub(super) fn each(processors: &Processors) -> impl Iterator<Item = Processors> {
        let numbers = (0..CpuSet::count()).filter(|&number| processors.is_set(number) == Ok(true));
        numbers.filter_map(|number| {
            let mut one = CpuSet::new();
            one.set(number).ok().map(|()| one)
        })
    }

    pub(super) fn adopt(processors: &Processors, policy: Policy) {
        if let Err(error) = sched_setaffinity(Pid::from_raw(THIS), processors) {
            tracing::debug!(%error, "a thread runs wherever the system puts it");
        }
        // The only one that the usual policy and that of batches know.
        let priority = c::sched_param { sched_priority: 0 };
        if policy != self::policy()
            && let Err(error) = sched_setscheduler(THIS, policy, &priority)
        {
            tracing::debug!(%error, "a thread is scheduled as the one that started it");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) type Processors = ();
    pub(super) type Policy = ();

    pub(super) fn processors() -> Processors {}

    pub(super) fn policy() -> Policy {}

    pub(super) fn interrupting_nobody((): Policy) -> Policy {}

    pub(super) fn each((): &Processors) -> impl Iterator<Item = Processors> {
        std::iter::empty()
    }

    pub(super) fn adopt((): &Processors, (): Policy) {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// How a thread is scheduled that has adopted this.
    fn adopted(scheduling: Scheduling) -> Scheduling {
        let thread = thread::spawn(move || {
            scheduling.adopt();
            Scheduling::of_this_thread()
        });
        thread.join().expect("no panic")
    }

    #[test]
    fn a_thread_is_scheduled_as_it_was_told_and_as_before_when_told_so() {
        let usual = Scheduling::of_this_thread();
        let polite = usual.interrupting_nobody();

        assert_ne!(polite, usual, "unless the tests run with a policy of somebody's choice");
        assert_eq!([adopted(polite), adopted(usual)], [polite, usual]);
        assert_eq!(polite.interrupting_nobody(), polite);
    }
}
