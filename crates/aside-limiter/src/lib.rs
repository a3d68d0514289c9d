//! The limiter: exact quotas in every rolling window, over all processes that use one Redis.
//!
//! While Redis is reachable no client is admitted more often than the quota in any window, wherever it is laid. No request is
//! refused that, with it, makes no more than the quota in the last window and a sixtieth of it. Policies are the caller's; a client is
//! an id, an address or a text. [`LimitLayer`] limits an HTTP service.
//!
//! | file | what it owns |
//! |---|---|
//! | `limiter.rs` | [`Limiter`]: memory of refusals, then Redis, then this process alone |
//! | `window.rs` | the algorithm, without a clock or a store |
//! | `shared.rs`, `admit.lua`, `settle.lua` | the algorithm in Redis, one round trip for all policies of a request |
//! | `quota_lease.rs`, `quota_leases.rs` | what was taken from Redis beforehand, so that a busy client costs a round trip now and then |
//! | `server_clock.rs` | what this process knows of Redis's clock: in which slice a request is that Redis is not asked about |
//! | `lease_keeper.rs` | renews leases in use; makes them counted as they were used, when they end and when they are revoked |
//! | `local.rs` | the algorithm in this process, while Redis is down |
//! | `refusals.rs` | clients over their quota, so that a flood of theirs costs Redis nothing |
//! | `layer.rs` | [`LimitLayer`]: the tower layer |
//! | `admission.rs` | [`Admission`]: the answer, and the texts of the `RateLimit` headers |

mod admission;
mod charged_key;
mod client;
mod decisions;
mod layer;
mod lease_keeper;
mod limiter;
mod local;
mod metrics;
mod policy;
mod quota_lease;
mod quota_leases;
mod refusals;
mod server_clock;
mod shared;
mod ticket;
mod verdict;
mod window;

pub use admission::{Admission, LimitStatus, Refusal, Room};
pub use client::Client;
pub use decisions::Decision;
pub use layer::{LimitLayer, Limited, write_fields};
pub use limiter::Limiter;
pub use metrics::{DecisionLabels, Metrics};
pub use policy::{Charge, Policy, Quota};
pub use ticket::Ticket;
