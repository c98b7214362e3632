//! The header of the PROXY protocol, in which a load balancer names the client that it stands before. Both
//! versions: a line of text, and a binary block. Only whom `proxyfrom` names is asked for one.
//!
//! Source: "The PROXY protocol, versions 1 & 2" (HAProxy). The header comes first on the connection; how much
//! of it has come is told from the bytes alone, so it may arrive in pieces of any size.

use std::net::SocketAddr;

use ppp::{v1, v2};

/// Longest header of version 1, with its line end.
const TEXT_BYTES_MAX: usize = 107;

/// How a header of version 1 begins.
const TEXT_START: &[u8] = b"PROXY ";

/// How a header of version 1 begins that names no client.
const TEXT_UNKNOWN: &[u8] = b"PROXY UNKNOWN";

/// Bytes of version 2 before the addresses; the last two are the length of what follows.
const BINARY_START_BYTES: usize = 16;

/// Most bytes of version 2 behind these; addresses take no more than 216, the rest is for extensions.
const BINARY_REST_MAX: usize = 4096;

/// Version and command of a connection that the balancer makes for itself, such as to see whether we are well.
const BINARY_LOCAL: u8 = 0x20;

/// What the first bytes of a connection are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed {
    /// They may become a header; more has to come.
    Incomplete,
    /// A whole header.
    Header {
        /// The client; `None`: the balancer speaks for itself, or does not know.
        source: Option<SocketAddr>,
        /// How long the header is, in bytes.
        consumed: usize,
    },
    /// No header, whatever may follow.
    Invalid,
}

/// Looks at the bytes that have come so far.
pub fn parse(bytes: &[u8]) -> Parsed {
    match bytes.first() {
        None => Parsed::Incomplete,
        Some(b'P') => parse_text(bytes),
        Some(_) => parse_binary(bytes),
    }
}

/// Whether the bytes begin so; `None`: as far as they go, they do.
fn begins(bytes: &[u8], start: &[u8]) -> Option<bool> {
    match bytes.split_at_checked(start.len()) {
        Some((begin, _)) => Some(begin == start),
        None if start.starts_with(bytes) => None,
        None => Some(false),
    }
}

fn parse_text(bytes: &[u8]) -> Parsed {
    match begins(bytes, TEXT_START) {
        None => return Parsed::Incomplete,
        Some(false) => return Parsed::Invalid,
        Some(true) => {}
    }
    let within = bytes.get(..TEXT_BYTES_MAX).unwrap_or(bytes);
    let Some(end) = memchr::memchr(b'\n', within) else {
        return match bytes.len() < TEXT_BYTES_MAX {
            true => Parsed::Incomplete,
            false => Parsed::Invalid,
        };
    };
    let consumed = end + 1;
    let line = bytes.get(..consumed).unwrap_or_default();
    let Some(text) = line.strip_suffix(b"\r\n") else {
        return Parsed::Invalid;
    };
    // Whatever follows the word is to be ignored.
    let unknown = text.strip_prefix(TEXT_UNKNOWN);
    if unknown.is_some_and(|rest| rest.first().is_none_or(|byte| *byte == b' ')) {
        let source = None;
        return Parsed::Header { source, consumed };
    }
    let source = match v1::Header::try_from(line).map(|header| header.addresses) {
        Ok(v1::Addresses::Tcp4(named)) => (named.source_address, named.source_port).into(),
        Ok(v1::Addresses::Tcp6(named)) => (named.source_address, named.source_port).into(),
        Ok(v1::Addresses::Unknown) | Err(_) => return Parsed::Invalid,
    };
    let source = Some(source);
    Parsed::Header { source, consumed }
}

fn parse_binary(bytes: &[u8]) -> Parsed {
    match begins(bytes, v2::PROTOCOL_PREFIX) {
        None => return Parsed::Incomplete,
        Some(false) => return Parsed::Invalid,
        Some(true) => {}
    }
    let Some(start) = bytes.first_chunk::<BINARY_START_BYTES>() else {
        return Parsed::Incomplete;
    };
    let [.., command, _, high, low] = *start;
    let rest = usize::from(u16::from_be_bytes([high, low]));
    if rest > BINARY_REST_MAX {
        return Parsed::Invalid;
    }
    let consumed = BINARY_START_BYTES + rest;
    if command == BINARY_LOCAL {
        let source = None;
        // Family and addresses mean nothing here.
        return match bytes.len() < consumed {
            true => Parsed::Incomplete,
            false => Parsed::Header { source, consumed },
        };
    }
    let header = match v2::Header::try_from(bytes) {
        Ok(header) => header,
        Err(v2::ParseError::Incomplete(_) | v2::ParseError::Partial(..)) => {
            return Parsed::Incomplete;
        }
        Err(_) => return Parsed::Invalid,
    };
    let stream = header.protocol == v2::Protocol::Stream;
    let source = match header.addresses {
        v2::Addresses::Unspecified => None,
        v2::Addresses::IPv4(named) if stream => {
            Some((named.source_address, named.source_port).into())
        }
        v2::Addresses::IPv6(named) if stream => {
            Some((named.source_address, named.source_port).into())
        }
        v2::Addresses::IPv4(_) | v2::Addresses::IPv6(_) | v2::Addresses::Unix(_) => {
            return Parsed::Invalid;
        }
    };
    Parsed::Header { source, consumed }
}

#[cfg(test)]
#[path = "proxy_tests.rs"]
mod tests;
