//! The protocol level over real sockets: the real server and the real layers around a tiny router.
//!
//! Time-outs are configured small and nothing asserts how long something took: what must end is waited for (for at most
//! [`client::PATIENCE`]), what must not happen is shown by something else that happened instead.

mod admin;
mod answers;
mod bodies;
mod client;
mod connections;
mod documentation;
mod heads;
mod logs;
mod service;
mod shutdown;
