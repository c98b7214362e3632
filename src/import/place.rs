//! Addresses and ports: where applications connect today, where amimux is to be, and where Asterisk is for it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// How far a port is moved that two programs would need.
const MOVED_BY: u16 = 100;

/// Asterisk's ports of AMI and amimux's, and the address of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Places {
    /// The port at which applications reach amimux.
    pub(super) port: u16,
    /// The port for TLS, where there is one.
    pub(super) tls_port: u16,
    /// Where amimux reaches Asterisk.
    pub(super) asterisk: SocketAddr,
}

impl Places {
    /// `address` and `port` are where Asterisk is today (`None`: at all addresses), `tls_port` is its port for TLS, if
    /// there is one.
    pub(super) fn new(
        address: Option<IpAddr>,
        port: u16,
        tls_port: Option<u16>,
        take_over: bool,
    ) -> Self {
        let tls = tls_port.unwrap_or(port);
        let taken = [port, tls];
        if take_over {
            return Self {
                port,
                tls_port: tls,
                asterisk: SocketAddr::from((Ipv4Addr::LOCALHOST, moved(port, &taken))),
            };
        }
        let own = free(5039, &taken);
        Self {
            port: own,
            tls_port: free(own.saturating_add(1), &taken),
            asterisk: SocketAddr::new(reachable(address), port),
        }
    }
}

/// The address at which a program on the same machine reaches one that listens on `address`.
pub(super) fn reachable(address: Option<IpAddr>) -> IpAddr {
    address
        .filter(|address| !address.is_unspecified())
        .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// The port, or the next one that is not taken.
pub(super) fn free(port: u16, taken: &[u16]) -> u16 {
    let mut port = port;
    while taken.contains(&port) {
        port = if port == u16::MAX { 1024 } else { port + 1 };
    }
    port
}

/// Another port for a program that has to give up this one.
pub(super) fn moved(port: u16, taken: &[u16]) -> u16 {
    free(port.checked_add(MOVED_BY).unwrap_or(5138), taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amimux_and_asterisk_are_never_at_one_port() {
        let any = None;
        let lan: Option<IpAddr> = "192.0.2.7".parse().ok();
        let zero: Option<IpAddr> = "0.0.0.0".parse().ok();
        let cases = [
            (
                "default",
                any,
                5038,
                None,
                false,
                (5039, 5040, "127.0.0.1:5038"),
            ),
            (
                "zero",
                zero,
                5038,
                None,
                false,
                (5039, 5040, "127.0.0.1:5038"),
            ),
            (
                "an address",
                lan,
                5038,
                None,
                false,
                (5039, 5040, "192.0.2.7:5038"),
            ),
            (
                "with TLS",
                lan,
                5038,
                Some(5039),
                false,
                (5040, 5041, "192.0.2.7:5038"),
            ),
            (
                "at ours",
                lan,
                5039,
                Some(5040),
                false,
                (5041, 5042, "192.0.2.7:5039"),
            ),
            (
                "over",
                lan,
                5038,
                Some(5039),
                true,
                (5038, 5039, "127.0.0.1:5138"),
            ),
            (
                "over, TLS there",
                any,
                5038,
                Some(5138),
                true,
                (5038, 5138, "127.0.0.1:5139"),
            ),
            (
                "over, at the end",
                any,
                65535,
                None,
                true,
                (65535, 65535, "127.0.0.1:5138"),
            ),
        ];
        for (name, address, port, tls, take_over, (own, own_tls, asterisk)) in cases {
            let places = Places::new(address, port, tls, take_over);
            assert_eq!((places.port, places.tls_port), (own, own_tls), "{name}");
            assert_eq!(places.asterisk.to_string(), asterisk, "{name}");
            assert_ne!(places.port, places.asterisk.port(), "{name}");
        }
    }
}
