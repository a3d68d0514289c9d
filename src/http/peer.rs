//! The other end of a connection, which the server knows and the middleware asks about.

use std::net::SocketAddr;

/// Whom a request comes from, before anybody is believed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) SocketAddr);
