//! What counts as one host where something is limited by address: whoever has one IPv6 address has a network of them.

use std::net::IpAddr;

/// One IPv4 address, or the /64 that one IPv6 host has for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// An IPv4 address, also if it was written as an IPv6 one.
    V4(u32),
    /// The first half of an IPv6 address.
    V6(u64),
}

impl Host {
    /// The host with this address.
    pub fn at(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Self::V6(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
            }
        }
    }
}
