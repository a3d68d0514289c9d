//! A lease against an oracle that knows when the server's clock really showed what.

use proptest::{collection::vec, prelude::*};

use super::*;

const WINDOW: Duration = Duration::from_mins(1);
const SECOND_US: u64 = 1_000_000;
const START_US: u64 = 1_900_000_000 * SECOND_US;

fn cut() -> Slices {
    Slices::of(WINDOW)
}

fn key() -> ChargedKey {
    ChargedKey::new("redis:limit".to_owned())
}

/// A clock that knows nothing of the server's.
fn clock() -> ServerClock {
    ServerClock::default()
}

fn lease(taken: u32, asked: Instant, round_trip: Duration) -> QuotaLease {
    let taken_at = Moment { server_us: START_US, asked, answered: asked + round_trip };
    let reading = Reading { used: 7 + u64::from(taken), frees_in: Some(WINDOW), retry_in: None };
    QuotaLease::new(key(), cut(), taken_at, taken, reading)
}

#[test]
fn each_use_counts_down_by_one_until_nothing_is_left() {
    let asked = Instant::now();
    let mut lease = lease(2, asked, Duration::ZERO);
    let now = asked + Duration::from_millis(500);

    let used: Vec<Option<u64>> = (0..3).map(|_| lease.spend(now, &clock()).map(|reading| reading.used)).collect();

    assert_eq!(used, [Some(8), Some(9), None]);
    assert!(lease.is_over(now, Duration::ZERO));
}

#[test]
fn one_that_is_over_admits_nothing() {
    let asked = Instant::now();
    let mut lease = lease(9, asked, Duration::ZERO);

    // The last slice ends a minute after the first began; a thousandth of that is for the clocks, and a second for
    // a request that still comes to take another.
    assert!(lease.spend(asked + Duration::from_millis(58_930), &clock()).is_some());
    assert!(!lease.is_over(asked + Duration::from_millis(59_930), Duration::ZERO));
    assert!(lease.is_over(asked + Duration::from_millis(59_950), Duration::ZERO));
    assert!(lease.is_over(asked + Duration::from_millis(59_500), Duration::from_millis(500)));
    assert_eq!(lease.spend(asked + Duration::from_millis(58_950), &clock()), None);
}

#[test]
fn a_use_that_may_be_in_either_of_two_buckets_is_none() {
    let asked = Instant::now();
    let mut lease = lease(9, asked, Duration::from_millis(100));

    // Between asked and answered the server was at the start of a slice: until 100 ms after the next one may have begun,
    // it is not known in which of the two it is.
    assert!(lease.spend(asked + Duration::from_millis(990), &clock()).is_some());
    assert_eq!(lease.spend(asked + Duration::from_millis(1_050), &clock()), None);
    assert!(!lease.is_over(asked + Duration::from_millis(1_050), Duration::ZERO));
    assert!(lease.spend(asked + Duration::from_millis(1_150), &clock()).is_some());
}

#[test]
fn only_what_redis_said_after_it_was_taken_changes_what_is_counted() {
    let asked = Instant::now();
    let mut lease = lease(5, asked, Duration::ZERO);

    // Of a request that was decided before and is told of later: the lease is not in it.
    assert_eq!(lease.refresh(3, START_US - 1), 0);
    assert_eq!(lease.spend(asked, &clock()).map(|reading| reading.used), Some(8));
    assert_eq!(lease.refresh(20, START_US + 1), 4);
    assert_eq!(lease.spend(asked, &clock()).map(|reading| reading.used), Some(17));
    // Redis has forgotten everything since.
    assert_eq!(lease.refresh(1, START_US + 2), 3);
    assert_eq!(lease.spend(asked, &clock()).map(|reading| reading.used), Some(0));
}

#[test]
fn the_next_one_would_last_a_life_at_the_pace_of_this_one() {
    let asked = Instant::now();
    let mut lease = lease(10, asked, Duration::ZERO);
    let size = |lease: &QuotaLease, age_ms| lease.next_size(asked + Duration::from_millis(age_ms));

    assert_eq!(size(&lease, 30_000), 5, "half as large at least");
    for _ in 0..4 {
        lease.spend(asked, &clock());
    }
    assert_eq!([0, 1_000, 10_000, 30_000, 60_000].map(|age_ms| size(&lease, age_ms)), [160, 160, 24, 8, 5]);
}

#[test]
fn one_in_use_is_due_when_it_is_old_or_nearly_used_up() {
    let asked = Instant::now();
    let mut lease = lease(8, asked, Duration::ZERO);
    let [young, old] = [29_999, 30_000].map(|age_ms| asked + Duration::from_millis(age_ms));
    assert!(!lease.is_due(old), "it is not used");

    for left in (0..8).rev() {
        lease.spend(asked, &clock());
        assert_eq!(lease.is_due(young), left <= 2, "{left} left");
        assert!(lease.is_due(old));
    }
}

#[test]
fn at_an_edge_what_other_replies_tell_of_the_clock_decides() {
    let asked = Instant::now();
    let mut lease = lease(9, asked, Duration::from_millis(100));
    let (at_the_edge, clock) = (asked + Duration::from_millis(1_050), clock());
    assert_eq!(lease.spend(at_the_edge, &clock), None);
    let reading = |server_us| Moment { server_us, asked: at_the_edge, answered: at_the_edge };

    clock.note("redis:", &reading(START_US + SECOND_US - 10));
    assert!(lease.spend(at_the_edge, &clock).is_some());
    assert_eq!(lease.spend(at_the_edge + Duration::from_micros(10), &clock), None);
    assert!(lease.spend(at_the_edge + Duration::from_micros(11), &clock).is_some());

    let present = cut().slice_at(START_US);
    assert_eq!(lease.settle().used, [(present, 1), (present + 1, 1)]);
}

#[test]
fn what_contradicts_what_came_with_the_advance_decides_nothing() {
    let asked = Instant::now();
    let mut lease = lease(9, asked, Duration::from_millis(100));
    let (at_the_edge, clock) = (asked + Duration::from_millis(1_050), clock());

    clock.note("redis:", &Moment { server_us: START_US, asked: at_the_edge, answered: at_the_edge });

    assert_eq!(lease.spend(at_the_edge, &clock), None);
}

#[test]
fn small_quotas_and_short_windows_have_none() {
    assert_eq!(QuotaLease::largest(15, cut()), 0);
    assert_eq!(QuotaLease::largest(600, cut()), 37);
    assert_eq!(QuotaLease::largest(600, Slices::of(Duration::from_secs(9))), 0);
}

proptest! {
    /// Wherever between question and answer the server read its clock, and however the clocks run: what is settled is where
    /// the uses really were, and all of them are in time.
    #[test]
    fn every_use_is_settled_in_the_bucket_that_the_server_was_in(
        round_trip_us in 0..50_000_u64,
        read_at in 0.0..=1.0_f64,
        rate in 0.999_1..=1.000_9_f64,
        gaps_us in vec(0..1_000_000_u64, 1..80),
        told in vec((0..20_000_u64, 0.0..=1.0_f64), 80),
    ) {
        let asked = Instant::now();
        let mut lease = lease(1_000, asked, Duration::from_micros(round_trip_us));
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
        let server_us = |since_asked_us: u64| {
            START_US + (((since_asked_us as f64) - round_trip_us as f64 * read_at) * rate).max(0.0) as u64
        };
        let clock = clock();
        let (mut since_asked_us, mut truth) = (round_trip_us, Vec::<(u64, u32)>::new());
        for (gap_us, (round_trip_us, read_at)) in gaps_us.into_iter().zip(told) {
            since_asked_us += gap_us;
            let now = asked + Duration::from_micros(since_asked_us);
            if lease.spend(now, &clock).is_none() {
                continue;
            }
            let slice = cut().slice_at(server_us(since_asked_us));
            match truth.last_mut() {
                Some((last, count)) if *last == slice => *count += 1,
                _another => truth.push((slice, 1)),
            }
            // Another client's reply.
            let round_trip = Duration::from_micros(round_trip_us);
            #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
            let read_us = since_asked_us + (round_trip_us as f64 * read_at) as u64;
            since_asked_us += round_trip_us;
            clock.note("redis:", &Moment { server_us: server_us(read_us), asked: now, answered: now + round_trip });
        }

        let settlement = lease.settle();

        prop_assert_eq!(&settlement.used, &truth);
        prop_assert!(truth.iter().all(|(slice, _)| *slice <= settlement.slice));
    }
}
