//! Redis: a few multiplexed connections that all requests share, each bound to the one Redis process it was made to.
//!
//! deadpool lends and checks the connections, which `connector` makes with a bound for replies; requests clone their handles, since a multiplexed connection pipelines by
//! itself and a checkout for each command costs more than the command (`docs/adr/0003-redis-connections.md`).
//!
//! A restarted Redis may come back with an old snapshot, so it counts as an empty cache: every key carries the `run_id` of
//! the process it lives in. A primary that is promoted again may hold what it held before, so every value and lease carries
//! the [`Identity`] of the mastership it was written to. Both are read before a connection's first use and belong to its
//! [`Handle`]; no handle reconnects by itself, and one whose identity changes is ended.
//!
//! All connections of a process have one identity, or none is used (`agreement`). What cannot be relied on is refused, with
//! one line in the log (`probe`, [`Refusal`]).

mod address;
mod agreement;
mod binding;
mod bounded;
mod breaker;
mod connection;
mod connector;
mod error;
mod handle;
mod identity;
mod metrics;
mod options;
mod probe;
mod replies;
mod script;
mod subscriber;
mod url;

pub use connection::RedisClient;
pub use error::{RedisError, Refusal};
pub use handle::Handle;
pub use identity::Identity;
pub use metrics::{ErrorLabels, Metrics};
pub use options::Options;
pub use redis::{Cmd, Pipeline, Value, cmd};
pub use script::{Call, Script};
pub use subscriber::{Event, Subscriber, Subscription};
pub use url::RedisUrl;
