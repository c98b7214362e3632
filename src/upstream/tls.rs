//! TLS with Asterisk: the handshake, and in words what an administrator can do when there is none.

use std::sync::Arc;

use bytes::BytesMut;
use rustls::{
    AlertDescription, CertificateError, ClientConnection, Connection, Error, PeerIncompatible,
};

use crate::config::settings::UpstreamTls;
use crate::config::tls::judge::{Refused, refused};
use crate::transport::handshake::{HandshakeError, certificate_fault, shake_hands};
use crate::transport::stream::{Records, Stream};

/// What to look at when the other side does not speak TLS.
const PORT: &str =
    "is that the port of tlsbindaddr in Asterisk's manager.conf, with tlsenable = yes?";

/// Makes the handshake. What is written to Asterisk from then on goes in records that it can read.
///
/// Cancel safe: nothing of a connection that is dropped matters.
///
/// # Errors
/// Why there is no connection, and what to do.
pub(super) async fn secure(stream: Stream, tls: &UpstreamTls) -> Result<Stream, String> {
    let client = ClientConnection::new(Arc::clone(&tls.tls), tls.server_name.clone());
    let mut client = client.map_or_else(
        |error| Err(format!("TLS cannot be used: {error}")),
        |client| Ok(Connection::Client(client)),
    )?;
    match shake_hands(&stream, &mut client, &mut BytesMut::new()).await {
        Ok(()) => Ok(stream.encrypted(client, Records::Lines)),
        Err(error) => Err(cause(&error)),
    }
}

fn cause(error: &HandshakeError) -> String {
    let HandshakeError::Tls(error) = error else {
        return format!("the connection was closed within the handshake: {PORT}");
    };
    match error {
        Error::InvalidMessage(_) => format!("what Asterisk sends is not TLS: {PORT}"),
        Error::InvalidCertificate(_) => disbelieved(error),
        Error::PeerIncompatible(
            PeerIncompatible::Tls12NotOfferedOrEnabled
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        )
        | Error::AlertReceived(AlertDescription::ProtocolVersion) => {
            "Asterisk speaks neither TLS 1.2 nor 1.3 (tlsdisablev12 in its manager.conf)".to_owned()
        }
        Error::AlertReceived(AlertDescription::HandshakeFailure) => {
            "Asterisk finds no cipher suite in common (tlscipher in its manager.conf)".to_owned()
        }
        Error::AlertReceived(alert) => format!("Asterisk gave up ({alert:?})"),
        other => other.to_string(),
    }
}

fn disbelieved(error: &Error) -> String {
    let Some(Refused { fingerprint, cause }) = refused(error) else {
        return format!("Asterisk's certificate: {error}");
    };
    let pin = format!("tlsfingerprint = {fingerprint}");
    let right = format!("if this is the right certificate write {pin}");
    let Some(Error::InvalidCertificate(fault)) = cause else {
        return match cause {
            None => format!("Asterisk's certificate is not the one that is pinned; {right}"),
            Some(error) => format!("Asterisk's certificate: {error}; {right}"),
        };
    };
    let remedy = match fault {
        CertificateError::UnknownIssuer => {
            format!("name the authority with tlscafile, or {right}")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("write tlsservername = and a name that it has, or {pin}")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("renew it there, or write {pin}")
        }
        _ => right,
    };
    let wrong = certificate_fault(fault);
    format!("Asterisk's certificate: {wrong}; {remedy}")
}
