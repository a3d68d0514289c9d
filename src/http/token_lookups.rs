//! Lookups of session tokens that this process has not seen as good, bounded for each client address.
//!
//! Only a lookup tells a forged token with a valid checksum from a good one. A good one charges its user, not its address. So an
//! address starts with [`FIRST`] concurrent lookups and gains one for each session found: users behind one address wait for a few
//! round trips at most. After [`FIRST`] lookups without a session, each further lookup is charged to the address first.
//!
//! ```text
//!   good tokens     4 at once ─▶ 8 ─▶ 16 … MOST
//!   forged tokens   4 at once ─▶ each is charged before its lookup, for CHARGED_FIRST ─▶ 4 at once …
//! ```

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use quick_cache::sync::Cache;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// The concurrent lookups of an address at first, and the number of misses after which it is charged first.
const FIRST: usize = 4;
/// The most concurrent lookups of an address.
const MOST: usize = 256;
/// How long an address is charged before each lookup.
const CHARGED_FIRST: Duration = Duration::from_mins(1);
/// Addresses in memory, some 15 MB. An evicted one starts again.
const CAPACITY: usize = 65_536;

/// The lookups of all addresses.
#[derive(Debug)]
pub struct TokenLookups {
    addresses: Cache<IpAddr, Arc<Mutex<Address>>>,
    /// The longest wait for a permit.
    queue_timeout: Duration,
}

/// The lookups of one address.
#[derive(Debug)]
struct Address {
    /// Closed while the address is charged first.
    permits: Arc<Semaphore>,
    /// Permits in all: one more for each session found, one less for each miss.
    granted: usize,
    /// Lookups that found no session.
    misses: usize,
    charged_first_since: Option<Instant>,
}

/// How a token may be looked up.
#[derive(Debug)]
pub(super) enum Entry {
    /// At once.
    Permitted(LookupPermit),
    /// After its address is charged.
    ChargedFirst,
    /// No permit was free in time, and the address has shown no good token.
    TimedOut,
}

/// The right to one lookup. It counts as a miss if it is dropped without an outcome, as by a client that disconnects.
#[derive(Debug)]
#[must_use = "dropped, it counts as a lookup that found no session"]
pub(super) struct LookupPermit {
    address: Arc<Mutex<Address>>,
    /// `None` after a wait that was too long, for an address with good tokens.
    permit: Option<OwnedSemaphorePermit>,
    is_settled: bool,
}

impl Default for Address {
    fn default() -> Self {
        let permits = Arc::new(Semaphore::new(FIRST));
        Self { permits, granted: FIRST, misses: 0, charged_first_since: None }
    }
}

impl TokenLookups {
    /// A request waits for at most `queue_timeout`. A longer wait means that Postgres or Redis stalls, or overload.
    #[must_use]
    pub fn new(queue_timeout: Duration) -> Self {
        Self { addresses: Cache::new(CAPACITY), queue_timeout }
    }

    /// Waits for a permit to look up a token for this address.
    pub(super) async fn enter(&self, address: IpAddr) -> Entry {
        let address = self.addresses.get_or_insert_with(&address, || Ok::<_, std::convert::Infallible>(Arc::default()));
        let Ok(address) = address;
        let permits = address.lock().permits(Instant::now());
        let permit = match timeout(self.queue_timeout, permits.acquire_owned()).await {
            Ok(Ok(permit)) => Some(permit),
            Ok(Err(_closed)) => return Entry::ChargedFirst,
            Err(_elapsed) if address.lock().has_good_tokens() => None,
            Err(_elapsed) => return Entry::TimedOut,
        };
        Entry::Permitted(LookupPermit { address, permit, is_settled: false })
    }
}

impl Address {
    fn permits(&mut self, now: Instant) -> Arc<Semaphore> {
        if self.charged_first_since.is_some_and(|since| now.saturating_duration_since(since) >= CHARGED_FIRST) {
            *self = Self::default();
        }
        Arc::clone(&self.permits)
    }

    fn has_good_tokens(&self) -> bool {
        self.granted > FIRST
    }

    fn found(&mut self) {
        if self.granted < MOST {
            self.granted += 1;
            self.permits.add_permits(1);
        }
    }

    fn missed(&mut self, permit: Option<OwnedSemaphorePermit>, now: Instant) {
        if let Some(permit) = permit {
            permit.forget();
            self.granted = self.granted.saturating_sub(1);
        }
        self.misses += 1;
        if self.misses >= FIRST {
            self.charged_first_since.get_or_insert(now);
            self.permits.close();
        }
    }
}

impl LookupPermit {
    /// The token has a session.
    pub(super) fn found(mut self) {
        self.is_settled = true;
        self.address.lock().found();
    }

    /// The lookup failed: this says nothing about the token.
    pub(super) fn failed(mut self) {
        self.is_settled = true;
    }
}

impl Drop for LookupPermit {
    fn drop(&mut self) {
        if self.is_settled {
            return;
        }
        self.address.lock().missed(self.permit.take(), Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, future::join_all};
    use tokio::task::unconstrained;

    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    async fn permit(lookups: &TokenLookups) -> Option<LookupPermit> {
        match lookups.enter(ADDRESS).await {
            Entry::Permitted(permit) => Some(permit),
            Entry::ChargedFirst | Entry::TimedOut => None,
        }
    }

    async fn permits(lookups: &TokenLookups, count: usize) -> Vec<LookupPermit> {
        join_all((0..count).map(|_| permit(lookups))).await.into_iter().flatten().collect()
    }

    #[tokio::test]
    async fn after_a_few_unknown_tokens_an_address_is_charged_before_each_lookup_for_a_while() {
        let lookups = TokenLookups::new(Duration::from_secs(1));

        for _ in 0..FIRST {
            drop(permit(&lookups).await.expect("a permit"));
        }

        assert!(matches!(lookups.enter(ADDRESS).await, Entry::ChargedFirst));
        assert!(matches!(lookups.enter([192, 0, 2, 1].into()).await, Entry::Permitted(_)), "another address");
        let address = lookups.addresses.get(&ADDRESS).expect("it is remembered");
        assert!(address.lock().permits(Instant::now() + CHARGED_FIRST / 2).is_closed());
        assert!(!address.lock().permits(Instant::now() + CHARGED_FIRST).is_closed());
    }

    #[tokio::test]
    async fn a_burst_of_unknown_tokens_has_as_many_lookups_as_single_ones() {
        let lookups = TokenLookups::new(Duration::from_secs(1));
        let first = permits(&lookups, FIRST).await;
        let mut next = Box::pin(lookups.enter(ADDRESS));
        assert!(next.as_mut().now_or_never().is_none());

        drop(first);

        assert!(matches!(next.await, Entry::ChargedFirst));
    }

    #[tokio::test]
    async fn each_session_that_is_found_allows_one_lookup_more_at_once() {
        let lookups = TokenLookups::new(Duration::from_secs(1));
        let mut allowed = Vec::new();

        for _ in 0..8 {
            let mut held = Vec::new();
            while let Some(permit) = unconstrained(permit(&lookups)).now_or_never() {
                held.extend(permit);
            }
            allowed.push(held.len());
            held.into_iter().for_each(LookupPermit::found);
        }

        assert_eq!(allowed, [4, 8, 16, 32, 64, 128, 256, 256]);
    }

    #[tokio::test(start_paused = true)]
    async fn while_lookups_stall_only_an_address_with_good_tokens_may_look_up_more() {
        let lookups = TokenLookups::new(Duration::from_secs(1));
        let held = permits(&lookups, FIRST).await;
        assert!(matches!(lookups.enter(ADDRESS).await, Entry::TimedOut));
        held.into_iter().for_each(LookupPermit::failed);

        permits(&lookups, FIRST).await.into_iter().for_each(LookupPermit::found);
        let held = permits(&lookups, 2 * FIRST).await;

        assert_eq!(held.len(), 2 * FIRST, "a failure was no miss");
        assert!(permit(&lookups).await.is_some_and(|late| late.permit.is_none()));
    }
}
