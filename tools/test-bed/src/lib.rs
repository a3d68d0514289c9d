//! What the tools beside the service need to run it: everything that is started here is ended when it is dropped.
//!
//! | module | what it owns |
//! |---|---|
//! | `process` | [`Process`]: a server of ours with its variables, log and ports; killed and started again |
//! | `command` | the commands of `aside` that come to an end |
//! | `redis_server` | [`RedisServer`]: a Redis of one's own, by `scripts/own-redis` |
//! | `database` | [`ScratchDatabase`]: a database of one's own on a server that others may use |
//! | `proxy` | [`Proxy`]: the way to a server, made slow, held or cut |
//! | `connection` | [`Connection`]: HTTP/1.1 over one socket, at little cost |
//! | `burst` | many of them that ask at one moment |
//! | `signals` | the signals that end a tool before its time |
//! | `ports`, `probe`, `descriptors` | free ports, `/readyz`, how many sockets a process may have |

mod burst;
mod command;
mod connection;
mod database;
mod descriptors;
mod ports;
mod probe;
mod process;
mod proxy;
mod redis_server;
mod signals;

pub use burst::{Burst, burst};
pub use command::run_aside;
pub use connection::{Answer, Connection};
pub use database::ScratchDatabase;
pub use descriptors::raise_descriptors;
pub use ports::free_address;
pub use probe::Probe;
pub use process::Process;
pub use proxy::{Proxy, Way};
pub use redis_server::RedisServer;
pub use signals::told_to_stop;
