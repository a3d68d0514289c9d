//! The protocol level over real sockets: the real server and the real middleware stack around a small router.
//!
//! Time-outs are short, and no test asserts a duration. An event is awaited for at most [`client::LONGEST_WAIT`]. The absence of an
//! event is shown by another event that happens instead.

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
