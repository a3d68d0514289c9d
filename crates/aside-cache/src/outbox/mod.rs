//! Durable invalidation: what the outbox holds reaches Redis, whichever program wrote it, and nothing in Redis is trusted while
//! it may not have.
//!
//! | file | what it owns |
//! |---|---|
//! | `schema` | the table, and the triggers that write it |
//! | `relay` | the loop that every replica runs over the outbox |
//! | `acknowledged` | rows of own writes, whose release was confirmed |
//! | `recovery` | when trust is recovered |
//! | `owner` | which database the entries in Redis belong to |

mod acknowledged;
mod owner;
mod recovery;
mod relay;
mod schema;
mod statements;

pub(super) use acknowledged::Acknowledged;
pub(super) use owner::tell_owner;
pub(super) use recovery::recover_trust;
pub(super) use relay::Relay;
pub use schema::{SCHEMA, install};
pub(super) use statements::list_pending;
