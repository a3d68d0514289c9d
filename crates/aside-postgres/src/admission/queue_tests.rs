//! The queue: in order, newest first under overload, and never an admission lost.

use std::pin::pin;

use futures::{future::join_all, poll};

use super::*;

const TIMEOUT: Duration = Duration::from_secs(1);
/// How long an admitted request of these tests takes.
const SERVICE: Duration = Duration::from_millis(10);
const ADMISSIONS: usize = 4;

fn free(queue: &Queue) -> usize {
    let state = queue.state.lock();
    assert!(state.free == 0 || state.waiting.is_empty(), "a request waits although an admission is free");
    state.free
}

/// What became of a request: when it arrived, and how long it waited until it was admitted or refused.
struct Outcome {
    arrived: Instant,
    waited: Duration,
    is_admitted: bool,
}

async fn serve(queue: Arc<Queue>) -> Outcome {
    let arrived = Instant::now();
    let admitted = queue.enter(TIMEOUT).await;
    let waited = arrived.elapsed();
    let is_admitted = admitted.is_ok();
    if is_admitted {
        time::sleep(SERVICE).await;
    }
    Outcome { arrived, waited, is_admitted }
}

/// So many requests arrive every `gap`, for so long.
async fn arrivals(queue: &Arc<Queue>, at_once: usize, gap: Duration, lasts: Duration) -> Vec<Outcome> {
    let (started, mut requests) = (Instant::now(), Vec::new());
    while started.elapsed() < lasts {
        requests.extend((0..at_once).map(|_| tokio::spawn(serve(Arc::clone(queue)))));
        time::sleep(gap).await;
    }
    join_all(requests).await.into_iter().map(|outcome| outcome.expect("no panic")).collect()
}

/// A queue that has not been empty for the queue timeout, and the admission that it waits for.
async fn overloaded() -> (Arc<Queue>, Admitted) {
    let queue = Queue::new(1, TIMEOUT);
    let taken = queue.enter(TIMEOUT).await.expect("it is free");
    let old = tokio::spawn(serve(Arc::clone(&queue)));
    time::sleep(TIMEOUT / 2).await;
    let patient = Arc::clone(&queue);
    tokio::spawn(async move { patient.enter(TIMEOUT * 10).await });
    time::sleep(TIMEOUT / 2).await;
    assert!(!old.await.expect("no panic").is_admitted);
    assert!(queue.is_overloaded());
    (queue, taken)
}

#[tokio::test(start_paused = true)]
async fn requests_are_admitted_in_the_order_of_their_arrival() {
    let queue = Queue::new(1, TIMEOUT);
    let taken = queue.enter(TIMEOUT).await.expect("it is free");
    let mut first = pin!(queue.enter(TIMEOUT));
    let mut second = pin!(queue.enter(TIMEOUT));
    assert!(poll!(&mut first).is_pending());
    assert!(poll!(&mut second).is_pending());

    drop(taken);

    assert!(poll!(&mut second).is_pending());
    assert!(poll!(&mut first).is_ready());
    assert!(poll!(&mut second).is_ready());
    assert_eq!(free(&queue), 1);
}

#[tokio::test(start_paused = true)]
async fn overloaded_queue_admits_the_newest_first() {
    let (queue, taken) = overloaded().await;
    let mut older = pin!(queue.enter(TIMEOUT));
    let mut newest = pin!(queue.enter(TIMEOUT));
    assert!(poll!(&mut older).is_pending());
    assert!(poll!(&mut newest).is_pending());

    drop(taken);

    assert!(poll!(&mut older).is_pending());
    assert!(poll!(&mut newest).is_ready());
}

#[tokio::test(start_paused = true)]
async fn overloaded_queue_refuses_newcomers_after_the_short_wait() {
    let (queue, _taken) = overloaded().await;
    let arrived = Instant::now();

    let refused = queue.enter(TIMEOUT).await;

    assert_eq!(refused.err(), Some(Overloaded));
    assert!(arrived.elapsed() <= SHORT_WAIT + Duration::from_millis(1), "{:?}", arrived.elapsed());
}

#[tokio::test(start_paused = true)]
async fn queue_that_was_empty_is_overloaded_no_more_but_sooner_again() {
    let (queue, taken) = overloaded().await;
    drop(taken);
    time::sleep(SERVICE).await;
    let _taken = queue.enter(TIMEOUT).await.expect("the patient request was admitted, and is gone");
    assert!(!queue.is_overloaded());

    let mut newcomer = pin!(queue.enter(TIMEOUT));
    assert!(poll!(&mut newcomer).is_pending());
    time::sleep(SHORT_WAIT * 2).await;
    assert!(poll!(&mut newcomer).is_pending(), "its wait is not the short one");
    assert!(!queue.is_overloaded());
    let mut second = pin!(queue.enter(TIMEOUT));
    assert!(poll!(&mut second).is_pending());
    time::sleep(SHORT_WAIT * 9).await;

    assert!(poll!(&mut newcomer).is_ready(), "it is not left to wait behind the newest");
    assert!(poll!(&mut second).is_pending());
    assert!(queue.is_overloaded());
}

#[tokio::test(start_paused = true)]
async fn at_ten_times_the_capacity_throughput_stays_and_all_waits_are_short() {
    let queue = Queue::new(ADMISSIONS, TIMEOUT);
    let (gap, lasts) = (Duration::from_millis(1), TIMEOUT * 4);
    let started = Instant::now();

    let outcomes = arrivals(&queue, ADMISSIONS, gap, lasts).await;

    let known_at = started + TIMEOUT + SHORT_WAIT;
    let later: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.arrived > known_at).collect();
    let longest = later.iter().map(|outcome| outcome.waited).max().expect("some");
    let admitted = later.iter().filter(|outcome| outcome.is_admitted).count();
    let capacity = later.len() / 10;
    assert!(longest <= SHORT_WAIT + gap * 2, "{longest:?}");
    assert!(admitted * 10 >= capacity * 9, "{admitted} of {capacity}");
}

#[tokio::test(start_paused = true)]
async fn stall_of_half_the_timeout_at_half_the_capacity_refuses_no_request() {
    let queue = Queue::new(ADMISSIONS, TIMEOUT);
    let stalled = join_all((0..ADMISSIONS).map(|_| queue.enter(TIMEOUT))).await;
    tokio::spawn(async move {
        time::sleep(TIMEOUT / 2).await;
        drop(stalled);
    });

    let outcomes = arrivals(&queue, ADMISSIONS, SERVICE * 2, TIMEOUT * 4).await;

    assert!(outcomes.iter().all(|outcome| outcome.is_admitted));
}

#[tokio::test(start_paused = true)]
async fn burst_that_is_served_within_the_timeout_is_admitted_whole() {
    let queue = Queue::new(ADMISSIONS, TIMEOUT);
    // All but a tenth of what can be served within the timeout.
    let burst = ADMISSIONS * 90;

    let outcomes = join_all((0..burst).map(|_| serve(Arc::clone(&queue)))).await;

    assert!(outcomes.iter().all(|outcome| outcome.is_admitted));
    assert_eq!(free(&queue), ADMISSIONS);
}

#[tokio::test(start_paused = true)]
async fn request_that_goes_away_leaves_the_queue() {
    let queue = Queue::new(1, TIMEOUT);
    let taken = queue.enter(TIMEOUT).await.expect("it is free");
    {
        let mut waiting = pin!(queue.enter(TIMEOUT));
        assert!(poll!(&mut waiting).is_pending());
    }

    assert!(queue.state.lock().waiting.is_empty());
    assert!(queue.state.lock().busy_since.is_none());
    drop(taken);
    assert_eq!(free(&queue), 1);
}

#[tokio::test(start_paused = true)]
async fn admission_on_its_way_to_a_request_that_goes_away_goes_to_the_next() {
    let queue = Queue::new(1, TIMEOUT);
    let taken = queue.enter(TIMEOUT).await.expect("it is free");
    let mut next = pin!(queue.enter(TIMEOUT));
    {
        let mut gone = pin!(queue.enter(TIMEOUT));
        assert!(poll!(&mut gone).is_pending());
        assert!(poll!(&mut next).is_pending());
        drop(taken);
        assert!(poll!(&mut next).is_pending(), "it was sent to the first");
    }

    assert!(poll!(&mut next).is_ready());
    assert_eq!(free(&queue), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_admission_is_lost_to_requests_that_go_away_at_any_moment() {
    let queue = Queue::new(ADMISSIONS, Duration::from_millis(5));
    let requests = (0..5_000_u64).map(|number| {
        let queue = Arc::clone(&queue);
        tokio::spawn(async move {
            let work = async {
                let _admitted = queue.enter(Duration::from_millis(number % 7)).await;
                tokio::task::yield_now().await;
            };
            let goes_away = async {
                for _ in 0..number % 11 {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                () = work => {}
                () = goes_away => {}
            }
        })
    });

    join_all(requests).await;

    assert_eq!(free(&queue), ADMISSIONS);
    assert!(queue.state.lock().waiting.is_empty());
}
