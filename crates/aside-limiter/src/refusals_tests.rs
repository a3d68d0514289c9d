use super::*;
use crate::Policy;

const SECOND: Duration = Duration::from_secs(1);

fn charge(client: &str) -> Charge {
    Charge::new(Policy::new("anonymous").leased(), client)
}

fn wait(seconds: u32) -> Wait {
    Wait { frees_in: seconds * SECOND, retry_in: seconds * SECOND }
}

fn remember(refusals: &Refusals, client: &str, at: Instant, seconds: u32) {
    refusals.remember(&charge(client), at, at, wait(seconds), ASK_AGAIN);
}

#[test]
fn a_refusal_ends_before_redis_admits_and_is_told_to_last_until_it_certainly_does() {
    let refusals = Refusals::new();
    let asked = Instant::now();
    let answered = asked + SECOND;

    refusals.remember(&charge("client"), asked, answered, wait(10), 60 * SECOND);

    assert_eq!(refusals.wait(&charge("client"), answered), Some(wait(10)));
    assert_eq!(refusals.wait(&charge("client"), asked + 9 * SECOND), Some(wait(2)));
    assert_eq!(refusals.wait(&charge("other"), asked), None);
    // The earliest moment at which Redis may have decided is `asked`, by a clock that may be 1,000 ppm faster.
    assert_eq!(refusals.wait(&charge("client"), asked + Duration::from_millis(9_990)), None);
    assert_eq!(refusals.refused.len(), 0);
}

#[test]
fn redis_is_asked_again_every_five_seconds_by_one_request_while_the_others_are_refused() {
    let refusals = Refusals::new();
    let asked = Instant::now();
    remember(&refusals, "client", asked, 3_600);
    let asks_at = |seconds| {
        let now = asked + seconds * SECOND;
        (0..10).filter(|_| refusals.wait(&charge("client"), now).is_none()).count()
    };

    assert_eq!([4, 5, 5].map(asks_at), [0, 1, 0]);
    assert_eq!(asks_at(7), 1, "the one that asked has got no answer in time");
    remember(&refusals, "client", asked + 7 * SECOND, 3_593);
    assert_eq!([11, 12].map(asks_at), [0, 1]);
}

#[test]
fn a_client_is_told_what_redis_said_however_soon_redis_is_asked_again() {
    let refusals = Refusals::new();
    let asked = Instant::now();

    let said = Wait { frees_in: 20 * SECOND, retry_in: 90 * SECOND };
    refusals.remember(&charge("client"), asked, asked, said, SECOND);

    assert_eq!(refusals.wait(&charge("client"), asked), Some(said));
    assert_eq!(refusals.wait(&charge("client"), asked + 2 * SECOND), None);
    let later = refusals.wait(&charge("client"), asked + 2 * SECOND);
    assert_eq!(later, Some(Wait { frees_in: 18 * SECOND, retry_in: 88 * SECOND }));
    assert_eq!(refusals.peek(&charge("client"), asked + 30 * SECOND), None, "a look leaves the question to another");
    assert_eq!(refusals.wait(&charge("client"), asked + 30 * SECOND), None);
    assert_eq!(refusals.peek(&charge("client"), asked + 30 * SECOND), Some(wait(60)), "what leaves next is not known");
}

#[test]
fn a_client_that_was_admitted_is_not_refused_by_memory() {
    let refusals = Refusals::new();
    let now = Instant::now();
    remember(&refusals, "client", now, 3_600);

    refusals.forget(&charge("client"));

    assert_eq!(refusals.wait(&charge("client"), now), None);
}

#[test]
fn while_nobody_is_refused_nobody_is_looked_for() {
    let refusals = Refusals::new();
    let now = Instant::now();
    assert!(!refusals.are_any(|| now));

    remember(&refusals, "client", now, 10);
    remember(&refusals, "other", now, 1);

    assert!(refusals.are_any(|| now + 9 * SECOND));
    assert!(!refusals.are_any(|| now + 11 * SECOND));
}

#[test]
fn distinct_attackers_do_not_make_it_grow() {
    let refusals = Refusals::new();
    let now = Instant::now();

    for attacker in 0..2 * CAPACITY {
        remember(&refusals, &attacker.to_string(), now, 1);
    }

    assert!(refusals.refused.len() <= CAPACITY);
}
