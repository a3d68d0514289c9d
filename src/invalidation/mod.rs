//! Durable invalidation: what the outbox holds reaches the cache, whoever wrote it, and nothing in Redis is believed while
//! it may not have.
//!
//! | file | what it owns |
//! |---|---|
//! | `relay` | the loop that every replica runs over the outbox |
//! | `gatekeeper` | when the gate may be opened |

mod gatekeeper;
mod relay;

pub use gatekeeper::Gatekeeper;
pub use relay::Relay;
