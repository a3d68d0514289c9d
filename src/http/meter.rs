//! What a request is charged, exactly once: by the gate, or by a handler that knows more.
//!
//! All policies of a request are charged in one round trip, and a refused request is charged nothing. A sign-in also
//! counts for the account that is named in its body, so its handler charges; the gate sees to what no handler charged.

use std::{sync::Arc, time::Duration};

use aside_limiter::{Admission, Charge, LimitStatus, Limiter, Policy, write_fields};
use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, request::Parts};
use parking_lot::Mutex;

use super::problem::Problem;

/// The limiter as one request sees it. Clones are the same request.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    limiter: Limiter,
    basic: Arc<[Charge]>,
    admission: Arc<Mutex<Option<Admission>>>,
}

impl Meter {
    /// A request that is charged these at least.
    pub(super) fn new(limiter: Limiter, basic: Vec<Charge>) -> Self {
        Self { limiter, basic: basic.into(), admission: Arc::default() }
    }

    /// Charges the request, under further policies too. Only the first call counts.
    ///
    /// # Errors
    ///
    /// 429 when one of the policies has no room; nothing is charged then.
    pub(super) async fn charge(&self, further: impl IntoIterator<Item = Charge>) -> Result<(), Problem> {
        if self.admission.lock().is_some() {
            return Ok(());
        }
        let charges: Vec<Charge> = self.basic.iter().cloned().chain(further).collect();
        let admission = self.limiter.admit(&charges).await;
        let refusal = refusal(&admission);
        *self.admission.lock() = Some(admission);
        refusal.map_or(Ok(()), Err)
    }

    /// Charges a request again that [`charge`](Self::charge) has refused, and so did not charge.
    ///
    /// # Errors
    ///
    /// As [`charge`](Self::charge).
    pub(super) async fn charge_instead(&self, further: impl IntoIterator<Item = Charge>) -> Result<(), Problem> {
        self.admission.lock().take();
        self.charge(further).await
    }

    /// How long a request has to wait that was refused for this policy and no other.
    pub(super) fn refused_only_for(&self, policy: Policy) -> Option<Duration> {
        let charged = self.admission.lock();
        let admission = charged.as_ref()?;
        let refusal = admission.refusal.as_ref()?;
        let without_room = |status: &&LimitStatus| status.room.is_some();
        let refusing = admission.statuses.iter().filter(without_room);
        refusing.map(|status| status.policy).eq([policy]).then_some(refusal.retry_after)
    }

    /// Repeats a refusal for a client that was found to deserve none else, before anything is looked up for it.
    pub(super) fn refuse(&self, charge: &Charge, retry_after: Duration) {
        self.limiter.refuse(charge, retry_after);
    }

    /// Gives back what only failures are charged for: this was none.
    pub(super) async fn forgive(&self) {
        let tickets = self.admission.lock().as_mut().map(Admission::take_tickets).unwrap_or_default();
        self.limiter.refund(tickets).await;
    }

    /// Tells the client how it stands.
    pub(super) fn write_headers(&self, headers: &mut HeaderMap) {
        if let Some(admission) = &*self.admission.lock() {
            write_fields(admission, headers);
        }
    }
}

/// What a request that may not go on is told.
pub(super) fn refusal(admission: &Admission) -> Option<Problem> {
    let refusal = admission.refusal.as_ref()?;
    Some(Problem::quota_exceeded(refusal.policies.clone(), refusal.retry_after))
}

/// The answer to a request that was charged and gets no further.
pub(super) fn answer(admission: &Admission, problem: Problem) -> Response {
    let mut response = problem.into_response();
    write_fields(admission, response.headers_mut());
    response
}

impl<S: Send + Sync> FromRequestParts<S> for Meter {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(|| Problem::internal("the gate is not around this route"))
    }
}
