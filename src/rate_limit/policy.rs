//! What is limited: the policies, the charges of a request, and the limits that follow from both.

use std::time::Duration;

use super::window::Subwindows;
use crate::config::{Quota, RateLimitConfig};

/// A rule that gives each client a quota of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Policy {
    /// Requests without a good token, by address.
    Anonymous,
    /// Requests with one, by user.
    SignedIn,
    /// Sign-ins, registrations and password checks, by address.
    LoginAddress,
    /// Failed ones, by account: charged up front, so that parallel guesses count, and given back on success.
    LoginAccount,
}

impl Policy {
    /// All of them, in the order of their numbers.
    pub(super) const ALL: [Self; 4] = [Self::Anonymous, Self::SignedIn, Self::LoginAddress, Self::LoginAccount];

    /// The name in headers, metrics and keys.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::SignedIn => "signed-in",
            Self::LoginAddress => "login-address",
            Self::LoginAccount => "login-account",
        }
    }

    /// Whether what was charged may be given back. Then room can appear before a window has passed, by the word of any
    /// replica, so a refusal must not be remembered.
    pub(super) fn is_refundable(self) -> bool {
        matches!(self, Self::LoginAccount)
    }
}

/// Who pays for a request under a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The policy.
    pub policy: Policy,
    /// The client: an opaque text, equal for the same client. It becomes part of a key, so keep it short.
    pub client: String,
}

impl Charge {
    /// One request of `client` under `policy`.
    #[must_use]
    pub fn new(policy: Policy, client: impl Into<String>) -> Self {
        Self { policy, client: client.into() }
    }
}

/// The quota of one client under one policy that is not off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) policy: Policy,
    pub(super) quota: Quota,
    pub(super) cut: Subwindows,
    /// The key without the namespace. The window's length is in it: replicas with different windows count apart, and
    /// never read each other's buckets.
    pub(super) name: String,
}

/// The quota of each policy; `None` is off.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quotas([Option<Quota>; Policy::ALL.len()]);

impl Quotas {
    pub(super) fn new(config: &RateLimitConfig) -> Self {
        Self(Policy::ALL.map(|policy| match policy {
            Policy::Anonymous => config.anonymous,
            Policy::SignedIn => config.signed_in,
            Policy::LoginAddress | Policy::LoginAccount => config.login,
        }))
    }

    /// The limits that these charges meet, each once.
    pub(super) fn limits(&self, charges: &[Charge]) -> Vec<Limit> {
        let mut limits: Vec<Limit> = Vec::with_capacity(charges.len());
        for Charge { policy, client } in charges {
            let Some(quota) = self.0[*policy as usize] else { continue };
            let name = format!("limit:{}:{}:{client}", policy.as_str(), window_seconds(quota.window));
            if limits.iter().all(|limit| limit.name != name) {
                limits.push(Limit { policy: *policy, quota, cut: Subwindows::of(quota.window), name });
            }
        }
        limits
    }
}

/// A window as keys and headers name it.
pub(super) fn window_seconds(window: Duration) -> u64 {
    window.as_secs().max(1)
}
