//! The self-check: comparing entries with Postgres in production.

mod compare;
mod scan;
mod self_check;

pub use compare::{CompareError, Comparison, Verifier, Verify};
pub use scan::{Scan, ScanPage};

pub(crate) use self_check::{CheckedKind, SelfCheck};
