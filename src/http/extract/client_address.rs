//! The address of the client, behind trusted proxies.
//!
//! Only entries that trusted proxies added count. Proxies append, so the entries are followed from the peer backwards: while
//! the current hop is one of `TRUSTED_PROXIES`, the entry that it added is the next hop. The client is the first address that
//! is not trusted, or the last one before an entry without an address or before the end of the entries.
//!
//! A proxy that writes one of the two fields passes on the other as its client sent it. When the two lead to different
//! clients, one of them is forged. Then neither is believed, and the request counts as the proxy's own.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use http::{HeaderMap, request::Parts};
use ipnet::IpNet;

use super::forwarded::{self, Hop};
use crate::{domain::network_of, http::problem::Problem};

/// The client's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    /// The client of a request that came from this peer.
    #[must_use]
    pub fn find(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let peer = peer.to_canonical();
        if !is_trusted(peer, trusted) {
            return Self(peer);
        }
        match (forwarded::x_forwarded_for(headers), forwarded::forwarded(headers)) {
            (None, None) => Self(peer),
            (Some(hops), None) | (None, Some(hops)) => Self(walk(peer, &hops, trusted)),
            (Some(one), Some(other)) => {
                let client = walk(peer, &one, trusted);
                Self(if client == walk(peer, &other, trusted) { client } else { peer })
            }
        }
    }

    /// The address itself.
    #[must_use]
    pub fn ip(self) -> IpAddr {
        self.0
    }

    /// The network that the limiter counts: an IPv6 client may use any address of its /64.
    #[must_use]
    pub fn network(self) -> IpAddr {
        network_of(self.0)
    }
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}

fn walk(peer: IpAddr, hops: &[Hop], trusted: &[IpNet]) -> IpAddr {
    let mut client = peer;
    for hop in hops {
        if !is_trusted(client, trusted) {
            break;
        }
        let Some(address) = hop else { break };
        // An IPv4-mapped IPv6 address is IPv4: one client, one key.
        client = address.to_canonical();
    }
    client
}

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let found = parts.extensions.get().copied();
        found.ok_or_else(|| Problem::internal("no layer found the client's address"))
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    const TRUSTED: &str = "10.0.0.0/8";

    fn find(peer: &str, lines: &[(&'static str, &'static str)]) -> String {
        let headers = lines
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let trusted = [TRUSTED.parse().expect("a network"), "fd00::/8".parse().expect("a network")];
        ClientAddress::find(peer.parse().expect("an address"), &headers, &trusted).ip().to_string()
    }

    const XFF: &str = "x-forwarded-for";
    const FWD: &str = "forwarded";

    #[test]
    fn a_stranger_is_not_believed() {
        assert_eq!(find("192.0.2.1", &[(XFF, "198.51.100.1"), (FWD, "for=198.51.100.1")]), "192.0.2.1");
    }

    #[test]
    fn only_entries_that_our_proxies_added_count() {
        for (lines, expected) in [
            (vec![], "10.0.0.1"),
            (vec![(XFF, "198.51.100.1")], "198.51.100.1"),
            (vec![(XFF, "6.6.6.6, 198.51.100.1")], "198.51.100.1"),
            (vec![(XFF, "6.6.6.6"), (XFF, "198.51.100.1")], "198.51.100.1"),
            (vec![(XFF, "6.6.6.6, 198.51.100.1, 10.0.0.2")], "198.51.100.1"),
            (vec![(XFF, "10.0.0.3, 10.0.0.2")], "10.0.0.3"),
            (vec![(XFF, "6.6.6.6, unknown")], "10.0.0.1"),
            (vec![(XFF, "6.6.6.6, nonsense, 10.0.0.2")], "10.0.0.2"),
            (vec![(XFF, "6.6.6.6,")], "10.0.0.1"),
            (vec![(XFF, "::ffff:198.51.100.1")], "198.51.100.1"),
            (vec![(XFF, "198.51.100.1, ::ffff:10.0.0.2")], "198.51.100.1"),
            (vec![(FWD, "for=6.6.6.6, for=\"[2001:db8::1]:80\";proto=https")], "2001:db8::1"),
            (vec![(FWD, "for=6.6.6.6, for=_hidden")], "10.0.0.1"),
            (vec![(FWD, "for=\"6.6.6.6"), (FWD, "for=198.51.100.1")], "198.51.100.1"),
            (vec![(FWD, "for=\"6.6.6.6, for=198.51.100.1")], "10.0.0.1"),
        ] {
            assert_eq!(find("10.0.0.1", &lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn two_headers_must_agree() {
        assert_eq!(find("10.0.0.1", &[(XFF, "198.51.100.1"), (FWD, "for=198.51.100.1")]), "198.51.100.1");
        assert_eq!(find("10.0.0.1", &[(XFF, "198.51.100.1"), (FWD, "for=6.6.6.6")]), "10.0.0.1");
        assert_eq!(find("10.0.0.1", &[(XFF, "6.6.6.6"), (FWD, "for=198.51.100.1")]), "10.0.0.1");
    }

    #[test]
    fn an_ipv6_client_is_its_network_and_a_mapped_peer_is_ipv4() {
        let client = |peer: &str| ClientAddress::find(peer.parse().expect("an address"), &HeaderMap::new(), &[]);

        assert_eq!(client("2001:db8:1:2:3:4:5:6").network().to_string(), "2001:db8:1:2::");
        assert_eq!(client("::ffff:192.0.2.1").network().to_string(), "192.0.2.1");
        assert_eq!(find("::ffff:10.0.0.1", &[(XFF, "198.51.100.1")]), "198.51.100.1");
    }
}
