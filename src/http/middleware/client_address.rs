//! Finds the client's address once, for the log, the limiter and the sessions.

use axum::extract::Request;
use ipnet::IpNet;

use crate::http::{extract::ClientAddress, peer::Peer};

/// Whose `X-Forwarded-For` and `Forwarded` are believed.
pub(in crate::http) type TrustedProxies = Box<[IpNet]>;

/// Puts the [`ClientAddress`] into a request of a known [`Peer`].
pub(in crate::http) fn note(request: &mut Request, trusted: &[IpNet]) {
    if let Some(Peer(peer)) = request.extensions().get().copied() {
        let client = ClientAddress::find(peer.ip(), request.headers(), trusted);
        request.extensions_mut().insert(client);
    }
}
