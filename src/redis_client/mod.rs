//! Redis: a few multiplexed connections that all requests share, each bound to the one Redis process it was made to.
//!
//! deadpool lends and checks the connections, which `connector` makes with a bound for replies; requests clone their handles, since a multiplexed connection pipelines by
//! itself and a checkout for each command costs more than the command (`docs/adr/0003-redis-connections.md`).
//!
//! A restarted or promoted Redis may come back with an old snapshot, so it counts as an empty cache: every key carries
//! the `run_id` of the process it lives in. The `run_id` is read before a connection's first use and belongs to its
//! [`Handle`]; no handle reconnects by itself, so a key made with one handle can never reach another process's data.

mod binding;
mod bounded;
mod breaker;
mod connection;
mod connector;
mod error;
mod handle;
mod listener;
mod probe;
mod replies;
mod script;

pub use connection::RedisClient;
pub use error::RedisError;
pub use handle::Handle;
pub use listener::{Heard, Listener, Listening};
pub use redis::{Cmd, Pipeline, Value, cmd};
pub use script::{Call, Script};
