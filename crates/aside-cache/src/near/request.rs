//! One freshness check for all reads of a request: a check that was issued after the request arrived, or was still good then, is
//! good for each of its reads.
//!
//! The scope is opened around a request. Reads outside of one do without.

use std::{cell::Cell, future::Future};

tokio::task_local! {
    /// The connection that the request's freshness check was answered on.
    static CHECKED: Cell<Option<u64>>;
}

/// Runs `request`, whose reads share one freshness check.
pub fn share_freshness_check<F: Future>(request: F) -> impl Future<Output = F::Output> {
    // Not an `async fn`, which would hold the request twice: as its argument, and as the future that it awaits.
    CHECKED.scope(Cell::new(None), request)
}

/// To be called after a write: later reads of the request show it.
pub fn forget_freshness_check() {
    let _outside = CHECKED.try_with(|checked| checked.set(None));
}

/// Whether this request has a check on this connection.
pub(super) fn has_checked(connection: u64) -> bool {
    CHECKED.try_with(Cell::get).is_ok_and(|checked| checked == Some(connection))
}

/// Notes this request's check.
pub(super) fn note(connection: u64) {
    let _outside = CHECKED.try_with(|checked| checked.set(Some(connection)));
}
