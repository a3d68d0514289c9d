//! The entry protocol against real servers: each test brings about one interleaving, by sync points and not by sleeps, and
//! fails when the guard that it is about is taken out.
//!
//! | file | what it holds still | what it tests |
//! |---|---|---|
//! | `late` | a load, between its statement and its fill; a lookup | answers and fills that come after a write |
//! | `lost` | a COMMIT; a whole process | writers and callers that die, stop or go away; fences that are lost |
//! | `order` | an UPDATE, a COMMIT | when the fence is set, and by whom |
//! | `unsure` | the replies of Redis | fences that may or may not be set |
//! | `snapshot` | | a Redis that comes back with what it held before |
//! | `stampede` | the statement of a load | any number of readers, one load |
//! | `waiting` | a load | readers under a lease, a fence, a load limit |
//! | `near` | a load | near entries, and messages that are lost |
//! | `batch` | a load | many entries in one read |
//! | `stored` | | what is in an entry: absence, unknown formats, lives |
//! | `early` | a refresh | values past their soft end: one refresher, all readers served, writes that come meanwhile |
//! | `without_postgres` | Postgres, by a proxy | cached reads that go on, until their hard ends and never past a fence |
//! | `failing` | a load | loads that fail, panic or are shed |
//! | `self_check` | the outbox | what is false in an entry is found, what is being written is left alone |
//! | `scripts`, `full` | | the Lua scripts, branch by branch; a Redis without memory |

mod batch;
mod bench;
mod cache_replica;
mod early;
mod entries;
mod failing;
mod full;
mod held_lookups;
mod late;
mod loader;
mod lost;
mod near;
mod order;
mod pause_point;
mod scene;
mod scripts;
mod self_check;
mod snapshot;
mod stampede;
mod stored;
mod things;
mod unsure;
mod waiting;
mod without_postgres;

use std::time::{Duration, Instant};

use crate::application::Backend;

/// How long something that must happen may take on a busy machine. Well below every life of [`patient_backend`], so that
/// nothing happens just because it ran out.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks until the answer is yes.
async fn eventually(claim: &str, is_so: impl AsyncFn() -> bool) {
    let give_up_at = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < give_up_at, "not in time: {claim}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A backend whose transactions may be held, and whose leases and fences do not run out meanwhile.
async fn patient_backend() -> Backend {
    let times = [
        ("DATABASE_STATEMENT_TIMEOUT", "40s"),
        ("DATABASE_LOCK_TIMEOUT", "40s"),
        ("DATABASE_TRANSACTION_TIMEOUT", "40s"),
        ("CACHE_FENCE", "120s"),
        ("CACHE_LEASE", "60s"),
        ("CACHE_LEASE_WAIT", "60s"),
        ("DATABASE_QUEUE_WAIT", "40s"),
    ];
    times.into_iter().fold(Backend::create().await, |backend, (name, value)| backend.with(name, value))
}
