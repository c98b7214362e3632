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

/// An address, in brackets or with a port behind it for all that.
pub(super) fn parse_address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    bare.unwrap_or(text).parse().ok().or_else(with_port)
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
        // Address, port, port for TLS, whether to take over; the ports of amimux, and where Asterisk is.
        let cases = [
            ("", 5038, None, false, "5039 5040 127.0.0.1:5038"),
            ("0.0.0.0", 5038, None, false, "5039 5040 127.0.0.1:5038"),
            ("192.0.2.7", 5038, None, false, "5039 5040 192.0.2.7:5038"),
            ("::1", 5038, Some(5039), false, "5040 5041 [::1]:5038"),
            ("", 5039, Some(5040), false, "5041 5042 127.0.0.1:5039"),
            (
                "192.0.2.7",
                5038,
                Some(5039),
                true,
                "5038 5039 127.0.0.1:5138",
            ),
            ("", 5038, Some(5138), true, "5038 5138 127.0.0.1:5139"),
            ("", 65535, None, true, "65535 65535 127.0.0.1:5138"),
        ];
        for (address, port, tls, take_over, expected) in cases {
            let places = Places::new(parse_address(address), port, tls, take_over);
            let Places {
                port: own,
                tls_port,
                asterisk,
            } = places;
            assert_eq!(format!("{own} {tls_port} {asterisk}"), expected);
            assert_ne!(own, asterisk.port(), "{expected}");
        }
    }
}
