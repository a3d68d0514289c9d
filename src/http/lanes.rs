//! Lanes: threads that have sockets of their own, and answer what can be answered at once.
//!
//! ```text
//!   lane, one for each processor:   read ─ poll once ─┬ an answer ────────────────▶ write
//!                                                     └ it has to wait ┐       ┌──▶ write
//!   tokio's workers:                                                   └ the rest ┘
//! ```
//!
//! A hit waits for nothing. Given by the thread whose socket it came from, it costs no stealing and no waking of another, and a
//! lane is woken on its own processor while another has the one beside it; tokio's workers have one of them wait for all sockets,
//! wherever the kernel puts it. What waits, for Redis above all, goes on where those are whom it waits for (docs/adr/0024). A
//! request with a body stays on its lane: a body of one-byte chunks would else cost two switches of threads for each byte.

use std::{
    future::{pending, poll_fn},
    io,
    panic::resume_unwind,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use futures::{
    FutureExt,
    future::{Either, ready},
};
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};
use tokio_util::task::AbortOnDropHandle;

use crate::scheduling::Scheduling;

/// The lanes of a process. They end when this is dropped, and what is left on them.
#[derive(Debug)]
pub struct Lanes {
    lanes: Vec<Lane>,
    /// The lane of the next connection.
    next: AtomicUsize,
}

#[derive(Debug)]
struct Lane {
    runtime: Handle,
    _until_dropped: oneshot::Sender<()>,
}

impl Lanes {
    /// Starts one for each processor that this thread may run on.
    ///
    /// # Errors
    ///
    /// When the system has no more threads or descriptors.
    pub fn start() -> io::Result<Self> {
        let processors = Scheduling::of_this_thread().for_threads();
        // The load, a proxy or a neighbour, has more to ask of a lane once it has gone on; one turn of the lane answers it all.
        let schedulings = processors.into_iter().map(Scheduling::interrupting_nobody);
        let lanes = schedulings.map(Lane::start).collect::<io::Result<_>>()?;
        Ok(Self { lanes, next: AtomicUsize::new(0) })
    }

    /// The lane of one more connection: each in turn.
    pub(super) fn next(&self) -> &Handle {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        &self.lanes[next % self.lanes.len()].runtime
    }
}

impl Lane {
    fn start(scheduling: Scheduling) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (until_dropped, dropped) = oneshot::channel::<()>();
        thread::Builder::new().name("lane".to_owned()).spawn(move || {
            scheduling.adopt();
            // Nothing is ever sent.
            let _dropped = runtime.block_on(dropped);
        })?;
        Ok(Self { runtime: handle, _until_dropped: until_dropped })
    }
}

/// Where a request is worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// On this lane if that takes no waiting, else among the workers: a read.
    HereAtOnce,
    /// On this lane to the end: its body comes by this lane, and each frame of it would have to wake another thread.
    Here,
    /// Among the workers: a write, which always waits.
    Among,
}

/// Works in this place, this thread being the lane. What the work spawns is the workers' in any case, and a panic is the caller's.
///
/// # Cancel safety
///
/// Dropping the future ends the work, wherever it is by then.
pub(super) fn work_in<F>(place: Place, workers: &Handle, work: F) -> impl Future<Output = F::Output> + use<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    let mut work = Box::pin(work);
    if place == Place::Here {
        let workers = workers.clone();
        return Either::Left(poll_fn(move |context| {
            let _spawns_among_them = workers.enter();
            work.as_mut().poll(context)
        }));
    }
    if place == Place::HereAtOnce {
        let _spawns_among_them = workers.enter();
        if let Some(output) = work.as_mut().now_or_never() {
            return Either::Right(Either::Left(ready(output)));
        }
    }
    let work = AbortOnDropHandle::new(workers.spawn(work));
    Either::Right(Either::Right(async {
        match work.await {
            Ok(output) => output,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The workers end, and with them the process.
                Err(_cancelled) => pending().await,
            },
        }
    }))
}

#[cfg(test)]
mod tests {
    use std::{
        task::Poll,
        thread::{ThreadId, current},
    };

    use tokio::sync::mpsc;

    use super::*;

    /// Whoever polls it last, once it has waited so often.
    async fn polled_by(waits: u32) -> ThreadId {
        for _ in 0..waits {
            tokio::task::yield_now().await;
        }
        current().id()
    }

    fn workers() -> tokio::runtime::Runtime {
        Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
    }

    #[test]
    fn what_waits_for_nothing_is_done_here_and_what_waits_among_the_workers() {
        let workers = workers();
        let here = current().id();

        let done = |place, waits| futures::executor::block_on(work_in(place, workers.handle(), polled_by(waits)));
        let [at_once, later] = [done(Place::HereAtOnce, 0), done(Place::HereAtOnce, 1)];
        let [with_body, among] = [done(Place::Here, 2), done(Place::Among, 0)];

        assert_eq!([at_once, with_body], [here, here]);
        assert!(later != here && among != here);
    }

    #[test]
    fn what_is_spawned_here_is_of_the_workers() {
        let workers = workers();

        for place in [Place::HereAtOnce, Place::Here] {
            let spawned = work_in(place, workers.handle(), async move {
                if place == Place::Here {
                    tokio::task::yield_now().await;
                }
                Some(tokio::spawn(polled_by(0)))
            });

            let spawned = futures::executor::block_on(spawned).expect("it was spawned");
            assert_ne!(futures::executor::block_on(spawned).expect("no panic"), current().id());
        }
    }

    #[test]
    fn work_ends_with_whom_it_is_for() {
        let workers = workers();
        let (alive, mut ended) = mpsc::channel::<()>(1);
        let work = async move {
            let _alive = alive;
            pending::<()>().await;
        };

        drop(work_in(Place::HereAtOnce, workers.handle(), work));

        assert_eq!(ended.blocking_recv(), None);
    }

    #[test]
    #[should_panic(expected = "of its own")]
    fn a_panic_is_the_panic_of_whom_the_work_is_for() {
        let workers = workers();
        let work = async {
            polled_by(1).await;
            panic!("of its own");
        };

        futures::executor::block_on(work_in(Place::HereAtOnce, workers.handle(), work));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn each_lane_has_a_processor_and_interrupts_nobody() {
        let lanes = Lanes::start().expect("threads");
        let kept = |_| {
            let scheduling = lanes.next().spawn(poll_fn(|_| Poll::Ready(Scheduling::of_this_thread())));
            futures::executor::block_on(scheduling).expect("no panic")
        };

        let found: Vec<Scheduling> = (0..lanes.lanes.len()).map(kept).collect();

        let processors = Scheduling::of_this_thread().for_threads();
        assert_eq!(found, processors.into_iter().map(Scheduling::interrupting_nobody).collect::<Vec<_>>());
    }
}
