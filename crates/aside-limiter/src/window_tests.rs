//! Both halves of the promise, against a brute-force count of everything that was ever admitted.

use proptest::{collection::vec, prelude::*};

use super::*;

/// What a client of the limiter sees, and all it was admitted: no slices, nothing forgotten.
struct Witness {
    counter: Counter,
    slices: Slices,
    quota: u32,
    now_us: u64,
    admitted: Vec<u64>,
}

impl Witness {
    fn new(window: Duration, quota: u32, start_us: u64) -> Self {
        Self { counter: Counter::default(), slices: Slices::of(window), quota, now_us: start_us, admitted: Vec::new() }
    }

    fn arrive(&mut self, gap_us: u64) {
        self.now_us += gap_us;
        let (now, slices, quota) = (self.now_us, self.slices, self.quota);
        let reading = self.counter.read(now, slices, quota);
        match reading.retry_in {
            None => {
                self.counter.charge(now, slices);
                self.admitted.push(now);
                self.holds_the_quota();
            }
            Some(retry_in) => {
                self.is_refused_rightly();
                self.has_room_after_exactly(retry_in);
            }
        }
    }

    /// First half: with the newest request, no window holds more than the quota. Clocks are cut to microseconds, so two
    /// that show a distance of the window may be less than that apart.
    fn holds_the_quota(&self) {
        let together = self.admitted.iter().filter(|&&at| self.now_us - at <= self.slices.window_us).count();
        assert!(together <= self.quota as usize, "{together} of {} at {}", self.quota, self.now_us);
    }

    /// Second half: with this request there are more than the quota in a window and a sixtieth. Clocks are slices, so two
    /// may be up to a microsecond further apart than they show.
    fn is_refused_rightly(&self) {
        let recent =
            self.admitted.iter().filter(|&&at| 60 * (self.now_us - at + 1) <= 61 * self.slices.window_us).count();
        assert!(recent + 1 > self.quota as usize, "refused with {recent} of {} at {}", self.quota, self.now_us);
    }

    fn has_room_after_exactly(&self, retry_in: Duration) {
        let then = self.now_us + u64::try_from(retry_in.as_micros()).unwrap_or(u64::MAX);
        let room_at = |at| self.counter.clone().read(at, self.slices, self.quota).retry_in.is_none();
        assert!(room_at(then));
        assert!(!room_at(then - 1));
    }

    fn refund_one(&mut self, which: usize) {
        if self.admitted.is_empty() {
            return;
        }
        let at = self.admitted.remove(which % self.admitted.len());
        self.counter.refund(self.slices.slice_at(at));
    }
}

/// Distances at which something changes: to the same slice, the next, the edge of the window, the edge of the last slice.
fn critical_gaps(slices: Slices) -> Vec<u64> {
    let (window_us, width) = (slices.window_us, slices.width_us);
    let edges = [0, width, window_us - width, window_us, window_us + width];
    edges.iter().flat_map(|&edge| [edge.saturating_sub(1), edge, edge + 1]).collect()
}

#[test]
fn both_halves_hold_for_every_sequence_of_arrivals_at_the_edges() {
    let slices = Slices::of(Duration::from_secs(1));
    let (gaps, width) = (critical_gaps(slices), slices.width_us);
    for quota in 1..=3 {
        for start in [width * 1_000, width * 1_000 + 1, width * 1_001 - 1] {
            for sequence in 0..gaps.len().pow(4) {
                let mut witness = Witness::new(Duration::from_secs(1), quota, start);
                for place in 0..4 {
                    witness.arrive(gaps[sequence / gaps.len().pow(place) % gaps.len()]);
                }
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Arrive(u64),
    Refund(usize),
}

fn steps(window_s: u64) -> impl Strategy<Value = Vec<Step>> {
    let slices = Slices::of(Duration::from_secs(window_s));
    let gap = prop_oneof![
        4 => 0..slices.width_us,
        2 => proptest::sample::select(critical_gaps(slices)),
        1 => 0..2 * slices.window_us,
    ];
    let step = prop_oneof![8 => gap.prop_map(Step::Arrive), 1 => any::<usize>().prop_map(Step::Refund)];
    vec(step, 1..200)
}

proptest! {
    #[test]
    fn both_halves_hold_for_random_arrivals_and_refunds(
        (window_s, steps) in (1_u64..=61).prop_flat_map(|window_s| (Just(window_s), steps(window_s))),
        quota in 1_u32..12,
        start in 1_700_000_000_000_000_u64..1_700_000_100_000_000,
    ) {
        let mut witness = Witness::new(Duration::from_secs(window_s), quota, start);
        for step in steps {
            match step {
                Step::Arrive(gap_us) => witness.arrive(gap_us),
                Step::Refund(which) => witness.refund_one(which),
            }
        }
    }
}

#[test]
fn what_a_client_is_told_of_its_count_is_what_happens_to_it() {
    let slices = Slices::of(Duration::from_mins(1));
    let mut counter = Counter::default();

    counter.charge(60_999_999, slices);
    let two = counter.charge(61_000_000, slices);

    // Bucket 60 ends at 61 s and counts until 121 s.
    assert_eq!(two, Reading { used: 2, frees_in: Some(Duration::from_mins(1)), retry_in: None });
    let refused = counter.read(62_000_000, slices, 1);
    assert_eq!(refused.retry_in, Some(Duration::from_mins(1)), "both have to leave");
    assert_eq!(counter.read(121_000_000, slices, 2).used, 1);
    assert_eq!(counter.read(122_000_000, slices, 2), Reading { used: 0, frees_in: None, retry_in: None });
}

#[test]
fn a_refund_takes_out_of_its_bucket_and_out_of_no_other() {
    let slices = Slices::of(Duration::from_mins(1));
    let mut counter = Counter::default();
    counter.charge(1_000_000, slices);
    counter.charge(2_000_000, slices);

    counter.refund(1);
    counter.refund(1);
    counter.refund(7);

    let reading = counter.read(2_000_000, slices, 5);
    assert_eq!((reading.used, reading.frees_in), (1, Some(Duration::from_secs(61))));
}

#[test]
fn a_quota_of_nothing_admits_nobody() {
    let reading = Counter::default().read(0, Slices::of(Duration::from_secs(1)), 0);

    assert_eq!(reading.retry_in, Some(Duration::from_secs(1)));
}
