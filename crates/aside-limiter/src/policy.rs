//! What is limited: the policies, the charges of a request, and the limits that follow from both.

use std::{sync::Arc, time::Duration};

use super::{client::Client, window::Slices};

/// So many requests in any window of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Requests admitted in any window.
    pub requests: u32,
    /// Length of the window, whole seconds, at least one.
    pub window: Duration,
}

/// A rule that gives each client a quota of its own; the caller defines it.
///
/// ```
/// use aside_limiter::Policy;
///
/// const BROWSING: Policy = Policy::new("browsing").leased();
/// const CHECKOUT: Policy = Policy::new("checkout").refundable();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    name: &'static str,
    label: &'static str,
    is_leased: bool,
    is_refundable: bool,
}

impl Policy {
    /// A policy of this name, as header fields, metrics and keys have it.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, label: "", is_leased: false, is_refundable: false }
    }

    /// Another policy of the same name, with another window: clients and metrics see one, the one with less room.
    #[must_use]
    pub const fn labelled(self, label: &'static str) -> Self {
        Self { label, ..self }
    }

    /// Requests are so many that quota leases are worth it: a busy client costs a round trip now and then.
    #[must_use]
    pub const fn leased(self) -> Self {
        Self { is_leased: true, ..self }
    }

    /// A charge may be given back. Then room can appear before a window has passed, by the word of any process, so a refusal is
    /// not remembered.
    #[must_use]
    pub const fn refundable(self) -> Self {
        Self { is_refundable: true, ..self }
    }

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    pub(super) fn is_leased(self) -> bool {
        self.is_leased
    }

    pub(super) fn is_refundable(self) -> bool {
        self.is_refundable
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
}

/// The quota of one client under one policy that is not off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) charge: Charge,
    pub(super) quota: Quota,
    pub(super) slices: Slices,
}

impl Limit {
    pub(super) fn policy(&self) -> Policy {
        self.charge.policy
    }

    /// The key without the namespace. The window's length is in it: replicas with different windows count apart, and
    /// never read each other's slices.
    pub(super) fn name(&self) -> String {
        let Charge { policy, client } = &self.charge;
        format!("limit:{}:{}:{client}", policy.name(), window_seconds(self.quota.window))
    }
}

/// The quota of each policy; a policy without one is off.
#[derive(Clone, Debug)]
pub(super) struct Quotas(Arc<[(Policy, Quota)]>);

impl Quotas {
    pub(super) fn new(quotas: impl IntoIterator<Item = (Policy, Quota)>) -> Self {
        Self(quotas.into_iter().collect())
    }

    pub(super) fn policies(&self) -> impl Iterator<Item = Policy> {
        self.0.iter().map(|(policy, _)| *policy)
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

    /// The charge that a limit of this name is about, as [`Limit::name`] has it, if it may be leased.
    pub(super) fn leased_charge(&self, name: &str) -> Option<Charge> {
        let (policy, rest) = name.strip_prefix("limit:")?.split_once(':')?;
        let (_window, client) = rest.split_once(':')?;
        let policy = self.policies().find(|known| known.is_leased() && known.name() == policy)?;
        Some(Charge::new(policy, client))
    }

    /// `None` when the policy is off.
    fn limit(&self, charge: &Charge) -> Option<Limit> {
        let (_, quota) = *self.0.iter().find(|(policy, _)| *policy == charge.policy)?;
        Some(Limit { charge: charge.clone(), quota, slices: Slices::of(quota.window) })
    }
}

/// A window as keys and headers name it.
pub(super) fn window_seconds(window: Duration) -> u64 {
    window.as_secs().max(1)
}
