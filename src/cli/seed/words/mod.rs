//! What made-up people are called and what they write: word lists, and a small grammar that puts them together.
//!
//! Readable on purpose: a new user of the service looks at these rows.

mod grammar;
mod names;

pub(super) use grammar::Grammar;
pub(super) use names::{DEMO_USERNAME, Names};
