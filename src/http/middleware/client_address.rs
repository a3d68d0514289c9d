//! Finds the client's address once, for the log, the limiter and the sessions.

use std::sync::Arc;

use axum::extract::Request;
use ipnet::IpNet;

use crate::http::{extract::ClientAddress, peer::Peer};

/// A function that puts the [`ClientAddress`] into requests of a known [`Peer`].
pub(in crate::http) fn finder(trusted: Arc<[IpNet]>) -> impl Fn(Request) -> Request + Clone {
    move |mut request| {
        if let Some(Peer(peer)) = request.extensions().get().copied() {
            let client = ClientAddress::find(peer.ip(), request.headers(), &trusted);
            request.extensions_mut().insert(client);
        }
        request
    }
}
