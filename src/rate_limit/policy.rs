//! What is limited: the policies, the charges of a request, and the limits that follow from both.

use std::time::Duration;

use super::{client::Client, window::Subwindows};
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
    /// Failed ones, by account and address together: charged up front, so that parallel guesses count, and given back on
    /// success.
    LoginAccount,
    /// Failed ones, by account, from anywhere: likewise, with a quota that a stranger does not use up in passing.
    LoginAccountAnywhere,
}

/// NIST SP 800-63B allows at most 100 failures in a row for one account.
const ACCOUNT_ANYWHERE: Quota = Quota { requests: 100, window: Duration::from_hours(1) };

impl Policy {
    /// All of them, in the order of their numbers.
    pub(crate) const ALL: [Self; 5] =
        [Self::Anonymous, Self::SignedIn, Self::LoginAddress, Self::LoginAccount, Self::LoginAccountAnywhere];

    /// The name in headers, metrics and keys. The two policies of an account share one: their windows and clients differ.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::SignedIn => "signed-in",
            Self::LoginAddress => "login-address",
            Self::LoginAccount | Self::LoginAccountAnywhere => "login-account",
        }
    }

    /// Whether requests are many enough to be taken in advance.
    pub(super) fn is_advanced(self) -> bool {
        matches!(self, Self::Anonymous | Self::SignedIn)
    }

    /// Whether what was charged may be given back. Then room can appear before a window has passed, by the word of any
    /// replica, so a refusal must not be remembered.
    pub(super) fn is_refundable(self) -> bool {
        matches!(self, Self::LoginAccount | Self::LoginAccountAnywhere)
    }
}

/// Who pays for a request under a policy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Charge {
    /// The policy.
    pub policy: Policy,
    /// The client.
    pub client: Client,
}

impl Charge {
    /// One request of `client` under `policy`.
    #[must_use]
    pub fn new(policy: Policy, client: impl Into<Client>) -> Self {
        Self { policy, client: client.into() }
    }

    /// The charge that a limit of this name is about, as [`Quotas::limits`] names them.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let (policy, rest) = name.strip_prefix("limit:")?.split_once(':')?;
        let (_window, client) = rest.split_once(':')?;
        let policy = Policy::ALL.into_iter().find(|known| known.as_str() == policy)?;
        Some(Self::new(policy, client))
    }
}

/// The quota of one client under one policy that is not off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) charge: Charge,
    pub(super) quota: Quota,
    pub(super) cut: Subwindows,
}

impl Limit {
    pub(super) fn policy(&self) -> Policy {
        self.charge.policy
    }

    /// The key without the namespace. The window's length is in it: replicas with different windows count apart, and
    /// never read each other's buckets.
    pub(super) fn name(&self) -> String {
        let Charge { policy, client } = &self.charge;
        format!("limit:{}:{}:{client}", policy.as_str(), window_seconds(self.quota.window))
    }
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
            Policy::LoginAccountAnywhere => config.login.map(|_on| ACCOUNT_ANYWHERE),
        }))
    }

    /// The limits that these charges meet, each once.
    pub(super) fn limits(&self, charges: &[Charge]) -> Vec<Limit> {
        let mut limits: Vec<Limit> = Vec::new();
        for charge in charges {
            if limits.iter().all(|limit| limit.charge != *charge) {
                limits.extend(self.limit(charge));
            }
        }
        limits
    }

    /// `None` when the policy is off.
    fn limit(&self, charge: &Charge) -> Option<Limit> {
        let quota = self.0[charge.policy as usize]?;
        Some(Limit { charge: charge.clone(), quota, cut: Subwindows::of(quota.window) })
    }
}

/// A window as keys and headers name it.
pub(super) fn window_seconds(window: Duration) -> u64 {
    window.as_secs().max(1)
}
