//! Permits: who waits for how long, and what a request keeps.

use super::*;

const MINUTE: Duration = Duration::from_mins(1);
/// Far below the minute that a queue timeout of its own would let a request wait.
const SOON: Duration = Duration::from_secs(20);

async fn with_one_permit(patience: Duration) -> (Admission, Permit) {
    let admission = Admission::new(1, patience);
    let taken = admission.acquire().await.unwrap();
    (admission, taken)
}

#[tokio::test]
async fn request_without_a_permit_is_refused_when_the_queue_timeout_is_over() {
    let patience = Duration::from_millis(20);
    let (admission, taken) = with_one_permit(patience).await;
    let started = Instant::now();

    let shed = admission.acquire().await;

    assert_eq!(shed.err(), Some(Overloaded));
    assert!(started.elapsed() >= patience);
    drop(taken);
    assert!(admission.acquire().await.is_ok());
}

#[tokio::test]
async fn request_whose_queue_timeout_is_used_up_waits_no_more() {
    let (admission, taken) = with_one_permit(MINUTE).await;
    let waited = |only_reads| {
        let began = Instant::now().checked_sub(MINUTE).unwrap();
        Arc::new(Request { began, only_reads, waited: Mutex::new(MINUTE), admission: OnceCell::new() })
    };

    for only_reads in [true, false] {
        let shed = time::timeout(SOON, REQUEST.scope(waited(only_reads).into(), admission.acquire())).await;
        assert_eq!(shed.expect("at once").err(), Some(Overloaded), "{only_reads}");
    }

    drop(taken);
    for only_reads in [true, false] {
        assert!(REQUEST.scope(waited(only_reads).into(), admission.acquire()).await.is_ok(), "what is free is free");
    }
}

#[tokio::test]
async fn all_waits_of_a_writing_request_count_together() {
    let (admission, taken) = with_one_permit(MINUTE).await;
    let request = Arc::new(Request {
        began: Instant::now(),
        only_reads: false,
        waited: Mutex::default(),
        admission: OnceCell::new(),
    });
    let wait = Duration::from_millis(20);
    tokio::spawn(async move {
        time::sleep(wait).await;
        drop(taken);
    });

    drop(REQUEST.scope(Arc::clone(&request).into(), admission.acquire()).await);

    assert!(request.waited() >= wait, "{:?}", request.waited());
}

#[tokio::test]
async fn wait_for_the_admission_of_another_request_counts_too() {
    let admission = Admission::new(1, MINUTE);

    let worth_it = request(Instant::now(), false, async {
        admission.note_wait(MINUTE / 2);
        let after_a_half = admission.is_worth_another_try();
        admission.note_wait(MINUTE / 2);
        (after_a_half, admission.is_worth_another_try())
    })
    .await;

    assert_eq!(worth_it, (true, false));
}

#[tokio::test]
async fn reading_request_is_admitted_once_and_keeps_its_admission_until_all_its_work_is_done() {
    let admission = Admission::new(1, Duration::from_millis(20));
    let all_but_one = (1..ADMITTED_PER_PERMIT).map(|_| admission.queue.try_enter());
    let _admitted: Vec<_> = all_but_one.collect();
    let (go_on, told) = tokio::sync::oneshot::channel::<()>();
    let mut work = None;

    request(Instant::now(), true, async {
        drop(admission.acquire().await.unwrap());
        assert!(admission.acquire().await.is_ok(), "it is admitted");
        let admission = admission.clone();
        work = Some(tokio::spawn(inherit(async move {
            told.await.unwrap();
            admission.acquire().await.is_ok()
        })));
    })
    .await;

    assert!(admission.acquire().await.is_err(), "its work still goes on");
    go_on.send(()).unwrap();
    assert!(work.unwrap().await.unwrap());
    assert!(admission.acquire().await.is_ok());
}

#[tokio::test]
async fn admitted_request_waits_for_its_next_permit_without_a_bound() {
    let admission = Admission::new(1, Duration::from_millis(1));

    let second = request(Instant::now(), true, async {
        drop(admission.acquire().await.unwrap());
        let others = take(&admission.permits).await.unwrap();
        tokio::spawn(async move {
            time::sleep(Duration::from_millis(50)).await;
            drop(others);
        });
        admission.acquire().await
    })
    .await;

    assert!(second.is_ok());
}

#[tokio::test]
async fn writing_request_gives_its_admission_back_at_once() {
    let admission = Admission::new(1, Duration::from_millis(20));

    let other = request(Instant::now(), false, async {
        drop(admission.acquire().await.unwrap());
        let admission = admission.clone();
        tokio::spawn(async move { admission.acquire().await.is_ok() }).await.unwrap()
    })
    .await;

    assert!(other);
}
