//! Which addresses are one client.

use std::net::{IpAddr, Ipv6Addr};

/// The network that an address stands for: an IPv6 client has a /64 to itself and may use any address in it.
#[must_use]
pub fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
    }
}
