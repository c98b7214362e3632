//! The handshake of TLS, on either side, over a socket that is read and written without waiting; and what is wrong with a
//! certificate, in words. How long a handshake may take is the caller's affair.

use std::io::ErrorKind;

use bytes::{Buf, BytesMut};
use rustls::{CertificateError, Connection};
use thiserror::Error;

use super::stream::{Stream, Wire};

/// Why a handshake came to nothing.
#[derive(Debug, Error)]
pub enum HandshakeError {
    /// The connection broke.
    #[error("the connection broke within the TLS handshake")]
    Broken(#[source] std::io::Error),
    /// The peer closed the connection.
    #[error("the connection was closed within the TLS handshake")]
    Closed,
    /// The two sides do not agree, or one of them breaks the rules.
    #[error("the TLS handshake failed: {0}")]
    Tls(#[source] rustls::Error),
}

/// Makes the handshake over a stream that is plain so far; `early` is input that was read before. What failed is told to
/// the peer as far as TLS has words for it.
///
/// Cancel safe: nothing of a connection that is dropped matters.
///
/// # Errors
/// The connection ended, or the two sides do not agree.
pub async fn shake_hands(
    stream: &Stream,
    connection: &mut Connection,
    early: &mut BytesMut,
) -> Result<(), HandshakeError> {
    let socket = stream.socket();
    let mut wire = Wire(socket);
    loop {
        while connection.wants_write() {
            match connection.write_tls(&mut wire) {
                Ok(0) => return Err(HandshakeError::Closed),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    socket.writable().await.map_err(HandshakeError::Broken)?;
                }
                Err(error) => return Err(HandshakeError::Broken(error)),
            }
        }
        if early.is_empty() {
            if !connection.is_handshaking() {
                return Ok(());
            }
            // Asked before each read, so that no peer has the thread for itself.
            socket.readable().await.map_err(HandshakeError::Broken)?;
        }
        let read = if early.is_empty() {
            connection.read_tls(&mut wire)
        } else {
            connection.read_tls(&mut early.reader())
        };
        match read {
            Ok(0) => return Err(HandshakeError::Closed),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            Err(error) => return Err(HandshakeError::Broken(error)),
        }
        if let Err(error) = connection.process_new_packets() {
            // The alert fits into any socket; whether it arrives changes nothing.
            let _ = connection.write_tls(&mut wire);
            return Err(HandshakeError::Tls(error));
        }
    }
}

/// What is wrong with a certificate, as the end of a sentence about it.
pub fn certificate_fault(error: &CertificateError) -> String {
    use CertificateError as Fault;
    match error {
        Fault::Expired | Fault::ExpiredContext { .. } => "it has expired".to_owned(),
        Fault::NotValidYet | Fault::NotValidYetContext { .. } => {
            "it is not valid yet (are the clocks right?)".to_owned()
        }
        Fault::UnknownIssuer => "nobody who is trusted has issued it".to_owned(),
        Fault::NotValidForName => "it is for another name".to_owned(),
        Fault::NotValidForNameContext {
            expected,
            presented,
        } => {
            let expected = expected.to_str();
            match presented.as_slice() {
                [] => format!("it has no name, and should have {expected}"),
                names => {
                    let names: Vec<_> = names.iter().map(|name| bare_name(name)).collect();
                    format!("it is for {}, not for {expected}", names.join(", "))
                }
            }
        }
        Fault::InvalidPurpose | Fault::InvalidPurposeContext { .. } => {
            "it is for another purpose (extended key usage)".to_owned()
        }
        Fault::Revoked => "it has been revoked".to_owned(),
        Fault::BadEncoding => "it cannot be read".to_owned(),
        Fault::BadSignature => "its signature is wrong".to_owned(),
        // webpki has a word for it, rustls has not.
        Fault::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "it is an authority's, not a server's (openssl req -x509 makes such)".to_owned()
        }
        other => other.to_string(),
    }
}

/// A name as rustls writes it, `DnsName("pbx.example")`, without what stands around it.
fn bare_name(name: &str) -> &str {
    let inner = name
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"')
}

#[cfg(test)]
mod tests;
