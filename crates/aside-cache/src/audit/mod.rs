//! The self-check: comparing entries with Postgres in production.

mod self_check;

pub(super) use self_check::{CheckedKind, SelfCheck};
