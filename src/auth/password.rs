//! Password hashes: argon2id as OWASP ASVS 5.0 asks (46 MiB, one pass, one lane), some 40 ms of one core each.
//!
//! This is the most expensive operation of the service. It runs on the blocking pool, a bounded number at a time. The queue is
//! bounded too, and further requests are refused at once. Clients that are known to the account have queue slots of their own:
//! a flood of sign-ins does not keep them out.

use std::{sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher as _, PasswordVerifier as _, Version, password_hash,
};
use rand::{TryRng, rngs::SysRng};
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{JoinError, spawn_blocking},
    time::timeout,
};

use crate::{
    config::SessionConfig,
    domain::{MAX_PASSWORD_BYTES, Password},
};

const MEMORY_KIB: u32 = 47_104;
const PASSES: u32 = 1;
const LANES: u32 = 1;

/// Queue slots for each running hash: a wait of some 300 ms. Known clients have as many again.
const WAITING_FOR_EACH: usize = 8;

/// The client for which a password is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A client that is not known to the account.
    Stranger,
    /// A client that has signed in to the account, from this address or with this session.
    Known,
}

/// Hashes and verifies passwords. Clones share the permits.
#[derive(Clone, Debug)]
pub struct PasswordHasher {
    permits: Arc<Semaphore>,
    /// For all requests that hash or wait.
    queue_slots: Arc<Semaphore>,
    /// Further slots for known clients.
    known_queue_slots: Arc<Semaphore>,
    queue_timeout: Duration,
    /// The hash of a random password, for names without an account.
    decoy: Arc<PasswordHash>,
}

/// A failed operation. A wrong password is no error.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// All permits and queue slots are taken.
    #[error("too many passwords are being hashed")]
    Busy,
    /// The algorithm failed, most likely for lack of memory.
    #[error("hashing a password failed")]
    Failed(#[source] password_hash::Error),
    /// The thread of the hash ended.
    #[error("hashing a password ended before its time")]
    Died(#[source] JoinError),
}

impl PasswordHasher {
    /// Computes the decoy, which takes as long as one password.
    ///
    /// # Panics
    ///
    /// If the operating system has no randomness to give.
    pub fn new(config: &SessionConfig) -> Result<Self, HashError> {
        let mut unknown = [0; 32];
        SysRng.try_fill_bytes(&mut unknown).expect("the operating system gives randomness");
        let decoy = argon2().hash_password(&unknown).map_err(HashError::Failed)?;
        let (permits, waiting) = (config.concurrent_hashes, config.concurrent_hashes * WAITING_FOR_EACH);
        Ok(Self {
            permits: Arc::new(Semaphore::new(permits)),
            queue_slots: Arc::new(Semaphore::new(permits + waiting)),
            known_queue_slots: Arc::new(Semaphore::new(waiting)),
            queue_timeout: config.hash_wait,
            decoy: Arc::new(decoy),
        })
    }

    /// The PHC string of a new password: algorithm, parameters, a fresh salt and the hash.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future frees the queue slot. A running hash ends first and keeps its permit until then.
    pub async fn hash(&self, password: Password, caller: Caller) -> Result<String, HashError> {
        self.hash_secret(password.into_secret(), caller).await
    }

    /// A new hash for a verified password whose stored hash has outdated parameters; `None` if they are current. The password need
    /// not satisfy the current rules.
    ///
    /// # Cancel safety
    ///
    /// As [`hash`](Self::hash).
    pub async fn renew(&self, verified: SecretString, stored: &str) -> Result<Option<String>, HashError> {
        let same = |hash: &PasswordHash| {
            let ours = &*self.decoy;
            (hash.algorithm, hash.version, &hash.params) == (ours.algorithm, ours.version, &ours.params)
        };
        if PasswordHash::new(stored).is_ok_and(|hash| same(&hash)) {
            return Ok(None);
        }
        self.hash_secret(verified, Caller::Known).await.map(Some)
    }

    async fn hash_secret(&self, secret: SecretString, caller: Caller) -> Result<String, HashError> {
        self.run(caller, move || argon2().hash_password(secret.expose_secret().as_bytes()))
            .await?
            .map(|hash| hash.to_string())
            .map_err(HashError::Failed)
    }

    /// Whether a candidate is the password of a stored hash. `None`, for a name without an account, takes as long and is false, so
    /// that the response time does not reveal which names exist.
    ///
    /// The candidate need not satisfy the current rules. One longer than any password is refused at once.
    ///
    /// # Cancel safety
    ///
    /// As [`hash`](Self::hash).
    pub async fn verify(
        &self,
        candidate: SecretString,
        stored: Option<&str>,
        caller: Caller,
    ) -> Result<bool, HashError> {
        if candidate.expose_secret().len() > MAX_PASSWORD_BYTES {
            return Ok(false);
        }
        let known = stored.and_then(|text| PasswordHash::new(text).ok());
        let is_known = known.is_some();
        let hash = known.map_or_else(|| Arc::clone(&self.decoy), Arc::new);
        let outcome = self
            .run(caller, move || argon2().verify_password(candidate.expose_secret().as_bytes(), hash.as_ref()))
            .await?;
        match outcome {
            Ok(()) => Ok(is_known),
            Err(password_hash::Error::PasswordInvalid) => Ok(false),
            Err(error @ (password_hash::Error::OutOfMemory | password_hash::Error::Internal)) => {
                Err(HashError::Failed(error))
            }
            // The stored text is no valid hash, for example after a manual change. No password matches it, and the request
            // has not failed.
            Err(error) => {
                tracing::warn!(%error, "a stored password hash cannot be used; its owner cannot sign in");
                Ok(false)
            }
        }
    }

    /// Runs `work` on the blocking pool when a permit is free. The work holds the permit, not the caller: after a cancelled request
    /// the memory and the core are still in use.
    async fn run<T, F>(&self, caller: Caller, work: F) -> Result<T, HashError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let slot = self.queue_slot(caller)?;
        let permit = timeout(self.queue_timeout, Arc::clone(&self.permits).acquire_owned())
            .await
            .map_err(|_| HashError::Busy)?
            .expect("the semaphore is never closed");
        spawn_blocking(move || {
            let _held = (permit, slot);
            work()
        })
        .await
        .map_err(HashError::Died)
    }

    /// A queue slot. Permits are granted in the order of the queue, so that a known client waits for a bounded number of others.
    fn queue_slot(&self, caller: Caller) -> Result<OwnedSemaphorePermit, HashError> {
        let known_slot = |busy| match caller {
            Caller::Known => Arc::clone(&self.known_queue_slots).try_acquire_owned(),
            Caller::Stranger => Err(busy),
        };
        Arc::clone(&self.queue_slots).try_acquire_owned().or_else(known_slot).map_err(|_busy| HashError::Busy)
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are in the algorithm's range");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures::{
        FutureExt,
        future::{join, join_all},
        poll,
    };

    use super::*;

    fn hasher(concurrent_hashes: usize, hash_wait: Duration) -> PasswordHasher {
        let (idle, absolute) = (Duration::from_secs(1), Duration::from_secs(1));
        PasswordHasher::new(&SessionConfig { idle, absolute, concurrent_hashes, hash_wait }).unwrap()
    }

    fn unhurried() -> PasswordHasher {
        hasher(1, Duration::from_mins(1))
    }

    async fn hashed(hasher: &PasswordHasher, text: &str) -> String {
        hasher.hash(Password::parse(text.into()).unwrap(), Caller::Stranger).await.unwrap()
    }

    #[tokio::test]
    async fn only_the_very_password_matches() {
        let hasher = unhurried();
        let stored = hashed(&hasher, "a fine long phrase").await;

        assert!(hasher.verify("a fine long phrase".into(), Some(&stored), Caller::Stranger).await.unwrap());
        for wrong in ["a fine long phrase ", "A fine long phrase", "", "x"] {
            assert!(!hasher.verify(wrong.into(), Some(&stored), Caller::Stranger).await.unwrap(), "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn hashes_and_the_decoy_carry_the_parameters_owasp_asks_for() {
        let hasher = unhurried();

        let stored = hashed(&hasher, "a fine long phrase").await;

        assert!(stored.starts_with("$argon2id$v=19$m=47104,t=1,p=1$"), "{stored}");
        assert!(hasher.decoy.to_string().starts_with("$argon2id$v=19$m=47104,t=1,p=1$"));
    }

    #[tokio::test]
    async fn the_same_password_never_hashes_alike() {
        let hasher = unhurried();

        assert_ne!(hashed(&hasher, "a fine long phrase").await, hashed(&hasher, "a fine long phrase").await);
    }

    #[tokio::test]
    async fn an_unknown_name_waits_for_a_permit_like_a_known_one() {
        let hasher = hasher(1, Duration::from_millis(1));
        let permit = hasher.permits.clone().acquire_owned().await.unwrap();

        let without_a_permit = hasher.verify("whatever".into(), None, Caller::Stranger).await;
        drop(permit);
        let with_a_permit = hasher.verify("whatever".into(), None, Caller::Stranger).await;

        assert!(matches!(without_a_permit, Err(HashError::Busy)));
        assert!(matches!(with_a_permit, Ok(false)));
    }

    #[tokio::test]
    async fn nobody_gets_in_with_the_decoys_password() {
        let decoy = Arc::new(argon2().hash_password(b"guessed").unwrap());
        let hasher = PasswordHasher { decoy, ..unhurried() };

        assert!(!hasher.verify("guessed".into(), None, Caller::Stranger).await.unwrap());
        assert!(!hasher.verify("guessed".into(), Some("not a hash"), Caller::Stranger).await.unwrap());
    }

    #[tokio::test]
    async fn a_stored_text_that_is_no_hash_of_ours_matches_nothing_and_is_no_failure() {
        let hasher = unhurried();

        for stored in [
            "",
            "x",
            "$2b$12$abcdefghijklmnopqrstuv",
            "$argon2id$v=19$m=47104,t=1,p=1",
            "$scrypt$ln=16,r=8,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
            "$argon2id$v=99$m=47104,t=1,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
            "$argon2id$v=19$m=1,t=1,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA",
            "$argon2id$v=19$m=47104,t=1,p=1$c2FsdA$aGFzaGhhc2hoYXNoaGFzaA",
        ] {
            assert!(!hasher.verify("whatever".into(), Some(stored), Caller::Stranger).await.unwrap(), "{stored:?}");
        }
    }

    #[tokio::test]
    async fn a_candidate_longer_than_any_password_takes_no_permit() {
        let hasher = hasher(1, Duration::from_millis(1));
        let _permit = hasher.permits.clone().acquire_owned().await.unwrap();

        let longest = hasher.verify("x".repeat(MAX_PASSWORD_BYTES).into(), None, Caller::Stranger).await;
        let longer = hasher.verify("x".repeat(MAX_PASSWORD_BYTES + 1).into(), None, Caller::Stranger).await;

        assert!(matches!(longest, Err(HashError::Busy)));
        assert!(matches!(longer, Ok(false)));
    }

    #[tokio::test]
    async fn a_cancelled_request_keeps_the_permit_until_the_work_is_done() {
        let hasher = hasher(1, Duration::from_millis(1));
        let (finish, finished) = mpsc::channel::<()>();
        let mut abandoned = Box::pin(hasher.run(Caller::Stranger, move || finished.recv()));
        assert!(poll!(&mut abandoned).is_pending());
        drop(abandoned);

        let while_it_runs = hasher.run(Caller::Stranger, || ()).await;
        finish.send(()).unwrap();
        let afterwards =
            PasswordHasher { queue_timeout: Duration::from_mins(1), ..hasher }.run(Caller::Stranger, || ()).await;

        assert!(matches!(while_it_runs, Err(HashError::Busy)));
        assert!(afterwards.is_ok());
    }

    #[tokio::test]
    async fn a_full_queue_refuses_strangers_at_once_and_keeps_slots_for_known_clients() {
        let hasher = unhurried();
        let (finish, finished) = mpsc::channel::<()>();
        let mut held = vec![Box::pin(hasher.run(Caller::Stranger, move || finished.recv().is_ok()).boxed())];
        for _ in 0..WAITING_FOR_EACH {
            held.push(Box::pin(hasher.run(Caller::Stranger, || true).boxed()));
        }
        for stranger in &mut held {
            assert!(poll!(stranger).is_pending());
        }

        let stranger = hasher.run(Caller::Stranger, || true).now_or_never();
        let mut known = Box::pin(hasher.run(Caller::Known, || true));
        let waits = poll!(&mut known).is_pending();
        finish.send(()).unwrap();

        let (known, strangers) = join(known, join_all(held)).await;

        assert!(matches!(stranger, Some(Err(HashError::Busy))));
        assert!(waits && known.is_ok(), "after the earlier requests");
        assert!(strangers.iter().all(Result::is_ok));
    }

    #[tokio::test]
    async fn only_a_hash_of_other_parameters_is_renewed() {
        let hasher = unhurried();
        let stored = hashed(&hasher, "a fine long phrase").await;
        let weaker = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(1_024, 1, 1, None).unwrap());
        let weaker = weaker.hash_password(b"short").unwrap().to_string();

        assert_eq!(hasher.renew("a fine long phrase".into(), &stored).await.unwrap(), None);
        let renewed = hasher.renew("short".into(), &weaker).await.unwrap().expect("it is renewed");

        assert!(renewed.starts_with("$argon2id$v=19$m=47104,t=1,p=1$"), "{renewed}");
        assert!(hasher.verify("short".into(), Some(&renewed), Caller::Stranger).await.unwrap());
    }

    #[tokio::test]
    async fn work_that_panics_returns_its_permit() {
        let hasher = unhurried();

        let outcome = hasher.run(Caller::Stranger, || panic!("on purpose")).await;

        assert!(matches!(outcome, Err(HashError::Died(_))));
        assert!(hasher.run(Caller::Stranger, || ()).await.is_ok());
    }
}
