//! Durable invalidation: what the outbox holds reaches the cache, whoever wrote it, and nothing in Redis is believed while
//! it may not have.
//!
//! | file | what it owns |
//! |---|---|
//! | `relay` | the loop that every replica runs over the outbox |
//! | `gatekeeper` | when the gate may be opened |
//! | `owner` | whose entries Redis holds |
//! | `self_check` | whether what is cached is what Postgres has |

mod gatekeeper;
mod owner;
mod relay;
mod self_check;

pub use gatekeeper::Gatekeeper;
pub use owner::tell_owner;
pub use relay::Relay;
pub use self_check::SelfCheck;
