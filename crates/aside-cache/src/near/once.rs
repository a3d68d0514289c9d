//! One look for all reads of a request: one that was issued after the request arrived, or was still good then, will do for each of
//! its reads.
//!
//! The scope is opened around a request, as that of `telemetry::timings` is. Reads outside of one look for themselves.

use std::{cell::Cell, future::Future};

tokio::task_local! {
    /// The connection that the request's look was answered on.
    static LOOKED: Cell<Option<u64>>;
}

/// Runs `request`, whose reads share one look at the sequence.
pub fn look_once<F: Future>(request: F) -> impl Future<Output = F::Output> {
    // Not an `async fn`, which would hold the request twice: as its argument, and as what it waits for.
    LOOKED.scope(Cell::new(None), request)
}

/// To be called after a write: what the request reads from here on shows it.
pub fn look_again() {
    let _outside = LOOKED.try_with(|looked| looked.set(None));
}

/// Whether this request has looked, on this connection.
pub(super) fn has_looked(connection: u64) -> bool {
    LOOKED.try_with(Cell::get).is_ok_and(|looked| looked == Some(connection))
}

/// Takes note of this request's look.
pub(super) fn note(connection: u64) {
    let _outside = LOOKED.try_with(|looked| looked.set(Some(connection)));
}
