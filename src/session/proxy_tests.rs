//! Tests of the PROXY protocol's header, with bytes made by hand.

use proptest::prelude::*;

use super::*;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Version and command, family and transport, what follows.
fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &length, rest].concat()
}

/// 192.0.2.7:4660 to 192.0.2.1:5038.
const IPV4: [u8; 12] = [192, 0, 2, 7, 192, 0, 2, 1, 0x12, 0x34, 0x13, 0xae];

/// [2001:db8::7]:4660 to [2001:db8::1]:5038.
fn ipv6() -> Vec<u8> {
    let address = |last: u8| [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[last]].concat();
    [address(7), address(1), vec![0x12, 0x34, 0x13, 0xae]].concat()
}

/// Whole headers and the client that they name.
fn headers() -> Vec<(Vec<u8>, Option<&'static str>)> {
    let longest = "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff \
                   ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
    assert_eq!(longest.len(), 107);
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        (
            text("PROXY TCP4 192.0.2.7 192.0.2.1 4660 5038\r\n"),
            Some("192.0.2.7:4660"),
        ),
        (
            text("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
            Some("255.255.255.255:65535"),
        ),
        (
            text("PROXY TCP6 2001:db8::7 2001:db8::1 4660 5038\r\n"),
            Some("[2001:db8::7]:4660"),
        ),
        (text("PROXY UNKNOWN\r\n"), None),
        (text("PROXY UNKNOWN a b c d e f g h i\r\n"), None),
        (text(longest), None),
        (binary(0x21, 0x11, &IPV4), Some("192.0.2.7:4660")),
        (binary(0x21, 0x21, &ipv6()), Some("[2001:db8::7]:4660")),
        // Extensions follow the addresses.
        (
            binary(0x21, 0x11, &[&IPV4[..], b"\x04\0\x03abc"].concat()),
            Some("192.0.2.7:4660"),
        ),
        (
            binary(0x21, 0x11, &[&IPV4[..], &[0; 4084]].concat()),
            Some("192.0.2.7:4660"),
        ),
        (binary(0x20, 0x00, b""), None),
        // The balancer for itself: the rest means nothing.
        (binary(0x20, 0x11, &IPV4), None),
        (binary(0x20, 0xff, b"abc"), None),
        (binary(0x21, 0x00, b""), None),
        (binary(0x21, 0x00, b"abc"), None),
    ]
}

#[test]
fn whole_headers_cut_at_every_byte_and_with_input_behind_them() {
    for (bytes, source) in headers() {
        let shown = bytes.escape_ascii().to_string();
        let whole = Parsed::Header {
            source: source.map(|source| source.parse().unwrap()),
            consumed: bytes.len(),
        };
        for cut in 0..bytes.len() {
            assert_eq!(parse(&bytes[..cut]), Parsed::Incomplete, "{shown} at {cut}");
        }
        for behind in ["", "Action: Login\r\n", "\r\n", "\n", "PROXY "] {
            let more = [&bytes, behind.as_bytes()].concat();
            assert_eq!(parse(&more), whole, "{shown} {behind:?}");
        }
    }
}

#[test]
fn what_is_no_header_is_refused_as_soon_as_that_is_known() {
    let text = |text: &str| text.as_bytes().to_vec();
    let unix = [0; 216];
    let too_long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(92));
    for (bytes, enough) in [
        (text("Action: Login\r\n"), 1),
        (text("\n"), 1),
        (text("\r\nAction"), 3),
        (text("PROXYING"), 6),
        (text("Ping"), 2),
        (text("proxy TCP4"), 1),
        (text("PROXY\r\n"), 6),
        (text("PROXY \r\n"), 8),
        (text("PROXY UNKNOWN\n"), 14),
        (text("PROXY UNKNOWNS\r\n"), 16),
        (text("PROXY tcp4 192.0.2.7 192.0.2.1 1 2\r\n"), 36),
        (text("PROXY TCP4 192.0.2.7 192.0.2.1 1\r\n"), 34),
        (text("PROXY TCP4 192.0.2.7 192.0.2.1 1 65536\r\n"), 40),
        (text("PROXY TCP4 192.0.2.7 192.0.2.1 1 2 3\r\n"), 38),
        (text("PROXY TCP4 192.0.2.07 192.0.2.1 1 2\r\n"), 37),
        (text("PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n"), 40),
        (text("PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\r\n"), 37),
        (text("PROXY TCP6 192.0.2.7 192.0.2.1 1 2\r\n"), 36),
        (text(&too_long), 107),
        (binary(0x11, 0x11, &IPV4), 16),
        (binary(0x22, 0x11, &IPV4), 16),
        (binary(0x21, 0x41, &IPV4), 16),
        (binary(0x21, 0x13, &IPV4), 16),
        (binary(0x21, 0x11, &IPV4[..11]), 16),
        (binary(0x21, 0x21, &IPV4), 16),
        (binary(0x21, 0x11, &[0; 4097]), 16),
        (binary(0x20, 0x00, &[0; 4097]), 16),
        // Neither datagrams nor UNIX sockets carry AMI.
        (binary(0x21, 0x12, &IPV4), 28),
        (binary(0x21, 0x10, &IPV4), 28),
        (binary(0x21, 0x31, &unix), 232),
    ] {
        let shown = bytes.escape_ascii().to_string();
        for length in 0..=bytes.len() {
            let expected = match length < enough {
                true => Parsed::Incomplete,
                false => Parsed::Invalid,
            };
            assert_eq!(parse(&bytes[..length]), expected, "{shown} at {length}");
        }
    }
}

/// Bytes that are more often nearly a header than not.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let begins = proptest::sample::select(headers());
    let cut = (begins, any::<prop::sample::Index>(), any::<Vec<u8>>());
    cut.prop_map(|((mut header, _), at, tail)| {
        header.truncate(at.index(header.len() + 1));
        header.extend(tail);
        header
    })
}

proptest! {
    #[test]
    fn what_is_known_stays_so_when_more_comes(bytes in nearly(), more: Vec<u8>) {
        let first = parse(&bytes);
        if let Parsed::Header { consumed, .. } = first {
            prop_assert!(consumed <= bytes.len());
        }
        if first == Parsed::Incomplete {
            prop_assert!(bytes.len() < BINARY_START_BYTES + BINARY_REST_MAX);
        } else {
            let longer = [bytes, more].concat();
            prop_assert_eq!(parse(&longer), first);
        }
    }

    #[test]
    fn any_bytes_are_judged(bytes: Vec<u8>) {
        if let Parsed::Header { consumed, .. } = parse(&bytes) {
            prop_assert!(consumed <= bytes.len());
        }
    }
}
