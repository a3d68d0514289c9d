//! The network of a client.

use std::net::{IpAddr, Ipv6Addr};

/// The network of an address: an IPv6 client may use any address of its /64.
#[must_use]
pub fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
    }
}
