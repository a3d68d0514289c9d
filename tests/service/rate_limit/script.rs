//! The scripts, branch by branch. They are run with a clock of the test: the one line that reads the server's is replaced, so
//! that arrivals at the edges need no waiting.

use aside_redis::{Cmd, Pipeline, Value, cmd};
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};

use crate::test_redis::{self, TestRedis};

/// Buckets of an advance's life.
const LIFE: u64 = 60;

const ADMIT: &str = include_str!("../../../crates/aside-limiter/src/admit.lua");
const SETTLE: &str = include_str!("../../../crates/aside-limiter/src/settle.lua");

const SECOND_US: u64 = 1_000_000;
const START_US: u64 = 1_900_000_000 * SECOND_US;

/// One limit of a request, and all that it ever admitted: no buckets, nothing forgotten.
#[derive(Clone, Debug)]
struct Limit {
    key: String,
    quota: u64,
    window_us: u64,
    admitted: Vec<u64>,
}

impl Limit {
    fn new(redis: &TestRedis, quota: u64, window_s: u64) -> Self {
        let key = redis.handle().key(&format!("limit:{:016x}", rand::random::<u64>()));
        Self { key, quota, window_us: window_s * SECOND_US, admitted: Vec::new() }
    }

    /// When each request leaves that counts at `now`: a window after the end of its bucket.
    fn leaving(&self, now_us: u64) -> Vec<u64> {
        let width = self.window_us / 60;
        let ends = self.admitted.iter().map(|at| (at / width + 1) * width + self.window_us);
        ends.filter(|&end| end > now_us).collect()
    }

    /// The window, the life of an advance, and the milliseconds that PX may lack.
    fn longest_ttl_ms(&self) -> i64 {
        i64::try_from((self.window_us + self.window_us / 60 * LIFE) / 1_000 + 2).expect("it is small")
    }

    fn has_room(&self, now_us: u64) -> bool {
        (self.leaving(now_us).len() as u64) < self.quota
    }

    fn expected(&self, now_us: u64, refused: bool) -> [i64; 3] {
        let mut leaving = self.leaving(now_us);
        leaving.sort_unstable();
        let until = |end: Option<&u64>| end.map_or(0, |end| end - now_us);
        let room_at = leaving.iter().find(|&&end| self.has_room(end));
        let retry = if refused && !self.has_room(now_us) { until(room_at) } else { 0 };
        [leaving.len() as u64, until(leaving.first()), retry].map(|number| i64::try_from(number).expect("it is small"))
    }
}

/// The model of one request: what the script has to answer.
fn model(limits: &mut [Limit], now_us: u64) -> Vec<i64> {
    let refused = limits.iter().any(|limit| !limit.has_room(now_us));
    let mut reply = vec![i64::try_from(now_us).expect("a time of this century")];
    for limit in limits {
        if !refused {
            limit.admitted.push(now_us);
        }
        reply.extend(limit.expected(now_us, refused));
    }
    reply
}

/// A script that takes the time from its last two arguments.
fn at_a_time_given(script: &str) -> String {
    let given = "(function() local us = table.remove(ARGV); return {table.remove(ARGV), us} end)()";
    let changed = script.replace("redis.call('TIME')", given);
    assert_ne!(script, changed, "the clock is read in another way now");
    changed
}

fn eval(script: &str, keys: &[&str], arguments: &[u64], channel: Option<&str>, now_us: u64) -> Cmd {
    let mut command = cmd("EVAL");
    command.arg(at_a_time_given(script)).arg(keys.len()).arg(keys);
    let (quotas, further) = arguments.split_at(if channel.is_some() { 2 * keys.len() } else { 0 });
    command.arg(quotas);
    if let Some(channel) = channel {
        command.arg(channel);
    }
    command.arg(further).arg(now_us / SECOND_US).arg(now_us % SECOND_US);
    command
}

fn admit_at(limits: &[Limit], now_us: u64) -> Cmd {
    take_at(limits, 0, &[], now_us)
}

/// Wants so much in advance, and settles before.
fn take_at(limits: &[Limit], wanted: u64, settled: &[u64], now_us: u64) -> Cmd {
    ask_at(limits, 1, wanted, settled, now_us)
}

/// The same without a request.
fn renew_at(limits: &[Limit], wanted: u64, settled: &[u64], now_us: u64) -> Cmd {
    ask_at(limits, 0, wanted, settled, now_us)
}

fn ask_at(limits: &[Limit], requests: u64, wanted: u64, settled: &[u64], now_us: u64) -> Cmd {
    let keys: Vec<&str> = limits.iter().map(|limit| limit.key.as_str()).collect();
    let mut arguments: Vec<u64> = limits.iter().flat_map(|limit| [limit.quota, limit.window_us]).collect();
    arguments.extend([requests, wanted]);
    arguments.extend(settled);
    eval(ADMIT, &keys, &arguments, Some(&channel_of(&limits[0])), now_us)
}

/// A channel for each test.
fn channel_of(limit: &Limit) -> String {
    format!("{}:recalls", limit.key)
}

fn settle_at(limit: &Limit, settled: &[u64], now_us: u64) -> Cmd {
    eval(SETTLE, &[&limit.key], &[&[limit.window_us], settled].concat(), None, now_us)
}

fn refund(limit: &Limit, bucket: u64) -> Cmd {
    settle_at(limit, &[bucket, 1], START_US + 2 * SECOND_US)
}

/// What a reply says of the limits, without what was advanced and recalled.
fn decision(reply: &Value) -> Vec<i64> {
    let mut numbers = integers(reply);
    numbers.truncate(numbers.len() - 2);
    numbers
}

fn integers(reply: &Value) -> Vec<i64> {
    let Value::Array(items) = reply else { panic!("not a list: {reply:?}") };
    let integer = |item: &Value| match item {
        Value::Int(integer) => *integer,
        other => panic!("not an integer: {other:?}"),
    };
    items.iter().map(integer).collect()
}

async fn run(redis: &TestRedis, command: Cmd) -> Value {
    let mut pipeline = Pipeline::new();
    pipeline.add_command(command);
    redis.query(&pipeline).await.remove(0)
}

async fn ttl_ms(redis: &TestRedis, limit: &Limit) -> i64 {
    let mut command = cmd("PTTL");
    command.arg(&limit.key);
    let Value::Int(ttl) = run(redis, command).await else { panic!("PTTL gives an integer") };
    ttl
}

/// Runs one request and looks at the TTL that it left on each of its keys.
async fn admit_and_look(redis: &TestRedis, limits: &[Limit], now_us: u64) -> (Vec<i64>, Vec<i64>) {
    let reply = decision(&run(redis, admit_at(limits, now_us)).await);
    let mut ttls = Vec::new();
    for limit in limits {
        ttls.push(ttl_ms(redis, limit).await);
    }
    (reply, ttls)
}

fn gaps() -> impl Strategy<Value = Vec<u64>> {
    let width = SECOND_US / 60;
    let edges = [0, width, SECOND_US - width, SECOND_US, SECOND_US + width, 2 * SECOND_US, 2 * SECOND_US + width];
    let critical: Vec<u64> = edges.iter().flat_map(|&edge| [edge.saturating_sub(1), edge, edge + 1]).collect();
    let gap = prop_oneof![4 => 0..SECOND_US / 50, 2 => select(critical), 1 => 0..3 * SECOND_US];
    vec(gap, 1..120)
}

#[test]
fn the_script_decides_as_the_model_does_over_several_limits() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    let redis = runtime.block_on(TestRedis::connect(test_redis::config(&test_redis::url())));
    let cases = (gaps(), 1_u64..10, 1_u64..20, 0..SECOND_US);

    let outcome = TestRunner::new(Config::with_cases(100)).run(&cases, |(gaps, tight, loose, start)| {
        let mut limits = [Limit::new(&redis, tight, 1), Limit::new(&redis, loose, 2)];
        let (mut pipeline, mut expected, mut now_us) = (Pipeline::new(), Vec::new(), START_US + start);
        for gap in gaps {
            now_us += gap;
            pipeline.add_command(admit_at(&limits, now_us));
            expected.push(model(&mut limits, now_us));
        }

        let replies: Vec<Vec<i64>> = runtime.block_on(redis.query(&pipeline)).iter().map(decision).collect();

        prop_assert_eq!(replies, expected);
        Ok(())
    });

    outcome.expect("script and model agree");
}

#[tokio::test]
async fn every_path_of_admit_leaves_a_ttl() {
    let redis = TestRedis::connect(test_redis::config(&test_redis::url())).await;
    let (one, other) = (Limit::new(&redis, 2, 60), Limit::new(&redis, 1, 3600));
    let (single, both) = ([one.clone()], [one, other]);
    let bucket_later = START_US + SECOND_US;
    let all_left = START_US + 200 * SECOND_US;
    // Which path, which limits, when, whether it is admitted.
    let paths = [
        ("first request", &both[..], START_US, true),
        ("refused by the other limit", &both[..], START_US, false),
        ("a new bucket", &single[..], bucket_later, true),
        ("refused", &single[..], bucket_later, false),
        ("the same bucket, after all others have left", &single[..], all_left, true),
        ("refused, with the clock set back", &both[..], START_US, false),
    ];

    for (path, limits, now_us, admitted) in paths {
        let (reply, ttls) = admit_and_look(&redis, limits, now_us).await;

        assert_eq!(reply[1..].chunks(3).all(|limit| limit[2] == 0), admitted, "{path}: {reply:?}");
        for (ttl, limit) in ttls.iter().zip(limits) {
            assert!((1..=limit.longest_ttl_ms()).contains(ttl), "{path}: {ttls:?}");
        }
    }
}

#[tokio::test]
async fn a_request_that_is_refused_writes_no_key() {
    let redis = TestRedis::connect(test_redis::config(&test_redis::url())).await;
    let (full, fresh) = (Limit::new(&redis, 1, 60), Limit::new(&redis, 5, 60));
    run(&redis, admit_at(std::slice::from_ref(&full), START_US)).await;

    let (reply, ttls) = admit_and_look(&redis, &[fresh, full], START_US).await;

    assert_eq!(reply[1..4], [0, 0, 0], "nothing is counted of the one that has room");
    assert_eq!(ttls[0], -2, "its key is not there");
}

#[tokio::test]
async fn a_clock_set_back_costs_a_client_two_windows_and_no_quota() {
    let redis = TestRedis::connect(test_redis::config(&test_redis::url())).await;
    let limit = [Limit::new(&redis, 2, 60)];
    let hour_back = START_US - 3600 * SECOND_US;
    for second in 0..2 {
        run(&redis, admit_at(&limit, START_US + second * SECOND_US)).await;
    }

    let refused = decision(&run(&redis, admit_at(&limit, hour_back)).await);
    let still = decision(&run(&redis, admit_at(&limit, hour_back + 120 * SECOND_US - 1)).await);
    let admitted = decision(&run(&redis, admit_at(&limit, hour_back + 120 * SECOND_US)).await);

    assert_eq!(refused[1..], [2, 120_000_000, 120_000_000], "as if both were in advance");
    assert_eq!(still[1..], [2, 1, 1]);
    assert_eq!(admitted[1..], [1, 61_000_000, 0]);
}

#[tokio::test]
async fn every_path_of_refund_leaves_a_ttl_or_no_key() {
    let redis = TestRedis::connect(test_redis::config(&test_redis::url())).await;
    let limit = Limit::new(&redis, 9, 60);
    let bucket = START_US / SECOND_US;
    for second in [0, 0, 1] {
        run(&redis, admit_at(std::slice::from_ref(&limit), START_US + second * SECOND_US)).await;
    }
    // Which path, which bucket, whether it was there, whether a key is left.
    let paths = [
        ("a bucket that is not there", bucket + 7, 0, true),
        ("one of two", bucket, 1, true),
        ("the last of a bucket, not of the key", bucket, 1, true),
        ("never below zero", bucket, 0, true),
        ("the last of the key", bucket + 1, 1, false),
        ("no key", bucket + 1, 0, false),
    ];

    for (path, bucket, found, left) in paths {
        let reply = run(&redis, refund(&limit, bucket)).await;
        let ttl = ttl_ms(&redis, &limit).await;

        assert_eq!(reply, Value::Int(found), "{path}");
        assert!(if left { (1..=limit.longest_ttl_ms()).contains(&ttl) } else { ttl == -2 }, "{path}: {ttl}");
    }
}

#[tokio::test]
async fn a_refund_leaves_the_other_buckets_as_they_were() {
    let redis = TestRedis::connect(test_redis::config(&test_redis::url())).await;
    let limit = [Limit::new(&redis, 9, 60)];
    for second in [0, 1, 1, 2] {
        run(&redis, admit_at(&limit, START_US + second * SECOND_US)).await;
    }

    run(&redis, refund(&limit[0], START_US / SECOND_US + 1)).await;
    run(&redis, refund(&limit[0], START_US / SECOND_US)).await;

    let reply = decision(&run(&redis, admit_at(&limit, START_US + 2 * SECOND_US)).await);
    assert_eq!(reply[1..], [3, 60_000_000, 0], "one of bucket 1, which leaves first, and two of bucket 2");
}

#[tokio::test]
async fn a_quota_that_was_lowered_waits_until_enough_have_left() {
    let redis = TestRedis::connect(test_redis::config(&test_redis::url())).await;
    let generous = Limit::new(&redis, 3, 60);
    let strict = Limit { quota: 2, ..generous.clone() };
    for second in 0..3 {
        run(&redis, admit_at(std::slice::from_ref(&generous), START_US + second * SECOND_US)).await;
    }

    let refused = decision(&run(&redis, admit_at(&[strict], START_US + 3 * SECOND_US)).await);

    assert_eq!(refused[1..], [3, 58_000_000, 59_000_000], "two of three have to leave, the first after 58 s");
}

#[tokio::test]
async fn an_advance_is_counted_in_the_last_bucket_of_its_life() {
    let redis = TestRedis::connect(test_redis::config(&test_redis::url())).await;
    let limit = [Limit::new(&redis, 320, 60)];

    let taken = integers(&run(&redis, take_at(&limit, 8, &[], START_US)).await);
    let ttl = ttl_ms(&redis, &limit[0]).await;
    let after_the_request = decision(&run(&redis, admit_at(&limit, START_US + 61 * SECOND_US)).await);
    let before_its_end = decision(&run(&redis, admit_at(&limit, START_US + 120 * SECOND_US - 1)).await);
    let at_its_end = decision(&run(&redis, admit_at(&limit, START_US + 120 * SECOND_US)).await);

    assert_eq!(taken[1..], [9, 61_000_000, 0, 8, 0]);
    assert!((1..=120_001).contains(&ttl), "{ttl}");
    assert_eq!(after_the_request[1], 9, "the first has left, the advance has not");
    assert_eq!(before_its_end[1], 10);
    assert_eq!(at_its_end[1], 3, "it has");
}

#[tokio::test]
async fn what_is_advanced_is_a_sixteenth_at_most_and_never_beyond_three_quarters_of_the_quota() {
    let redis = TestRedis::connect(test_redis::config(&test_redis::url())).await;
    let (limit, small) = ([Limit::new(&redis, 32, 60)], [Limit::new(&redis, 15, 60)]);

    let mut advanced = Vec::new();
    for _ in 0..10 {
        advanced.push(integers(&run(&redis, take_at(&limit, 9, &[], START_US)).await)[4]);
    }
    let of_a_small_one = integers(&run(&redis, take_at(&small, 9, &[], START_US)).await)[4];

    assert_eq!(advanced, [2, 2, 2, 2, 2, 2, 2, 2, 0, 0], "eight requests and sixteen in advance are twenty-four");
    assert_eq!(of_a_small_one, 0);
}

#[tokio::test]
async fn settling_counts_what_was_used_where_it_was_used() {
    let redis = TestRedis::connect(test_redis::config(&test_redis::url())).await;
    let bucket = START_US / SECOND_US;
    for in_one_call in [false, true] {
        let limit = [Limit::new(&redis, 320, 60)];
        run(&redis, take_at(&limit, 8, &[], START_US)).await;
        // Of eight, one was used in the first bucket and two in the third.
        let settled = [bucket + LIFE - 1, 8, bucket, 1, bucket + 2, 2];

        if in_one_call {
            run(&redis, take_at(&limit, 0, &settled, START_US + 3 * SECOND_US)).await;
        } else {
            run(&redis, settle_at(&limit[0], &settled, START_US + 3 * SECOND_US)).await;
            run(&redis, admit_at(&limit, START_US + 3 * SECOND_US)).await;
        }

        let ttl = ttl_ms(&redis, &limit[0]).await;
        let mut used = Vec::new();
        for second in [60, 61, 63, 64] {
            used.push(decision(&run(&redis, admit_at(&limit, START_US + second * SECOND_US)).await)[1]);
        }
        assert!((1..=61_001).contains(&ttl), "{ttl}");
        assert_eq!(used, [6, 5, 4, 4], "with those of the test; two leave at 61, two at 63, one at 64");
    }
}

#[tokio::test]
async fn without_a_request_an_advance_is_settled_and_another_taken_and_nobody_is_refused() {
    let redis = TestRedis::connect(test_redis::config(&test_redis::url())).await;
    let limit = [Limit::new(&redis, 320, 60)];
    let (bucket, later) = (START_US / SECOND_US, START_US + 3 * SECOND_US);
    run(&redis, take_at(&limit, 8, &[], START_US)).await;
    // Two of eight were used.
    let settled = [bucket + LIFE - 1, 8, bucket + 2, 2];

    let renewed = integers(&run(&redis, renew_at(&limit, 9, &settled, later)).await);
    for _ in 0..308 {
        run(&redis, admit_at(&limit, later)).await;
    }
    let settled = [bucket + 3 + LIFE - 1, 9, bucket + 3, 9];
    let full = integers(&run(&redis, renew_at(&limit, 9, &settled, later)).await);
    let after_the_first = decision(&run(&redis, admit_at(&limit, START_US + 61 * SECOND_US)).await);

    assert_eq!(renewed[1..], [12, 58_000_000, 0, 9, 0], "one and two that were admitted, and nine in advance");
    assert_eq!(full[1..], [320, 58_000_000, 0, 0, 0]);
    assert_eq!(after_the_first[1..], [320, 2_000_000, 0], "only the first has left");
}

#[tokio::test]
async fn an_advance_is_settled_once_and_not_when_it_is_not_there() {
    let redis = TestRedis::connect(test_redis::config(&test_redis::url())).await;
    let limit = [Limit::new(&redis, 320, 60)];
    let settled = [START_US / SECOND_US + LIFE - 1, 8];
    run(&redis, take_at(&limit, 8, &[], START_US)).await;

    let first = run(&redis, settle_at(&limit[0], &settled, START_US)).await;
    let second = run(&redis, settle_at(&limit[0], &settled, START_US)).await;
    let reply = decision(&run(&redis, take_at(&limit, 0, &settled, START_US)).await);

    assert_eq!((first, second), (Value::Int(1), Value::Int(0)));
    assert_eq!(reply[1], 2);
}

#[tokio::test]
async fn only_who_would_be_admitted_without_what_is_advanced_has_it_called_back() {
    let redis = TestRedis::connect(test_redis::config(&test_redis::url())).await;
    let limit = [Limit::new(&redis, 32, 60)];
    run(&redis, take_at(&limit, 2, &[], START_US)).await;
    for _ in 0..29 {
        run(&redis, admit_at(&limit, START_US)).await;
    }

    let refused = integers(&run(&redis, admit_at(&limit, START_US)).await);
    let over_in_any_case = Limit { quota: 30, ..limit[0].clone() };
    let refused_in_any_case = integers(&run(&redis, admit_at(&[over_in_any_case], START_US)).await);

    assert_eq!(refused[1..], [32, 61_000_000, 61_000_000, 0, 1]);
    assert_eq!(refused_in_any_case[4..], [0, 0]);
}
