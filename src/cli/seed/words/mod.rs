//! Names and texts of made-up users: word lists and a small grammar. They are readable, since users who try the service see
//! these rows.

mod grammar;
mod names;

pub(super) use grammar::Grammar;
pub(super) use names::{DEMO_USERNAME, Names};
