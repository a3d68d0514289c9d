//! What gives a charge back.

use super::{charged_key::ChargedKey, policy::Limit};

/// The right to have one charge given back, once: it cannot be copied, and [`Limiter::refund`](super::Limiter::refund)
/// takes it.
#[derive(Debug)]
pub struct Ticket {
    pub(super) limit: Limit,
    /// The slice charged, by the clock of the place.
    pub(super) slice: u64,
    pub(super) place: Place,
}

/// Where it was charged.
#[derive(Debug)]
pub(super) enum Place {
    Shared(ChargedKey),
    Local,
}
