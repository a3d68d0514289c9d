use super::*;
use crate::{Charge, window::Slices};

const MINUTE: Duration = Duration::from_mins(1);

fn limit(policy: Policy, requests: u32) -> Limit {
    Limit { charge: Charge::new(policy, "ada"), quota: Quota { requests, window: MINUTE }, slices: Slices::of(MINUTE) }
}

fn reading(used: u64, frees_in_ms: u64, retry_in_ms: Option<u64>) -> Reading {
    let retry_in = retry_in_ms.map(Duration::from_millis);
    Reading { used, frees_in: Some(Duration::from_millis(frees_in_ms)), retry_in }
}

#[test]
fn headers_of_an_admission_list_every_policy() {
    let limits = [limit(Policy::new("login-address"), 10), limit(Policy::new("login-account").refundable(), 10)];

    let admission =
        Admission::new(&limits, &[reading(1, 60_900, None), reading(4, 12_001, None)].map(Some), Decision::Allowed);

    assert!(admission.is_admitted());
    let policy = r#""login-address";q=10;w=60, "login-account";q=10;w=60"#;
    assert_eq!(admission.policy_header().as_deref(), Some(policy));
    // 60.9 s is told as the window that the client knows.
    assert_eq!(admission.limit_header().as_deref(), Some(r#""login-address";r=9;t=60, "login-account";r=6;t=13"#));
}

#[test]
fn a_refusal_tells_what_refused_and_never_to_come_back_before_t() {
    let limits = [
        limit(Policy::new("signed-in").leased(), 600),
        limit(Policy::new("login-address"), 10),
        limit(Policy::new("login-account").refundable(), 10),
    ];
    let readings = [reading(5, 59_000, None), reading(10, 2_500, Some(2_500)), reading(12, 1_000, Some(7_001))];

    let admission = Admission::new(&limits, &readings.map(Some), Decision::Denied);

    let refusal = admission.refusal.as_ref().expect("two policies have no room");
    assert_eq!(refusal.policies[..], [Policy::new("login-account").refundable(), Policy::new("login-address")]);
    assert_eq!((refusal.policy(), refusal.retry_after_seconds()), (Policy::new("login-account").refundable(), 8));
    assert_eq!(admission.limit_header().as_deref(), Some(r#""login-address";r=0;t=3, "login-account";r=0;t=1"#));
    assert_eq!(admission.statuses[0].room, None);
    assert!(admission.policy_header().is_some_and(|text| text.starts_with(r#""signed-in";q=600;w=60, "#)));
}

#[test]
fn without_policies_there_are_no_headers() {
    let admission = Admission::default();

    assert!(admission.is_admitted());
    assert_eq!((admission.policy_header(), admission.limit_header()), (None, None));
}
