//! TLS with a client: the handshake, what is logged when it fails, and the wrong kind of client on either kind of port.

use std::sync::Arc;

use bytes::BytesMut;
use rustls::{
    AlertDescription, CertificateError, Connection, Error, PeerIncompatible, ServerConfig,
    ServerConnection,
};

use super::certificate;
use super::read_some;
use crate::transport::handshake::{HandshakeError, certificate_fault, shake_hands};
use crate::transport::stream::{Records, Stream};

/// The first byte of a record that belongs to a handshake (RFC 8446, 5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// A connection that is ready for a login.
pub(super) struct Prepared {
    pub(super) stream: Stream,
    /// The names in the client's certificate, which was verified; `None` where it showed none.
    pub(super) names: Option<Vec<String>>,
}

/// Whether a client on the port without TLS begins as one that wants it.
pub(super) fn is_client_hello(input: &[u8]) -> bool {
    input.starts_with(&[HANDSHAKE_RECORD, 3])
}

/// Makes the handshake; `input` is what was read before. After a failure the stream is given back to be closed, with what
/// is to be logged, if anything.
///
/// Cancel safe: nothing of a connection that is dropped matters.
pub(super) async fn secure(
    stream: Stream,
    config: Arc<ServerConfig>,
    input: &mut BytesMut,
) -> Result<Prepared, (Stream, Option<String>)> {
    while input.is_empty() {
        // Those who look whether anybody listens say nothing.
        if read_some(&stream, input).await != Some(true) {
            return Err((stream, None));
        }
    }
    if input.first() != Some(&HANDSHAKE_RECORD) {
        return Err((stream, Some("plain text on the port for TLS".to_owned())));
    }
    let mut server = match ServerConnection::new(config) {
        Ok(server) => Connection::Server(server),
        Err(error) => return Err((stream, Some(format!("TLS cannot be used: {error}")))),
    };
    if let Err(error) = shake_hands(&stream, &mut server, input).await {
        return Err((stream, Some(reason(&error))));
    }
    let certificate = server.peer_certificates().and_then(<[_]>::first);
    let names = certificate.map(|certificate| certificate::names(certificate));
    Ok(Prepared {
        stream: stream.encrypted(server, Records::Large),
        names,
    })
}

/// Why there is no connection, for the log.
fn reason(error: &HandshakeError) -> String {
    let HandshakeError::Tls(error) = error else {
        return error.to_string();
    };
    let reason = match error {
        Error::PeerIncompatible(cause) => incompatible(cause),
        Error::NoCertificatesPresented => {
            "the client shows no certificate, and tlsclientcert = require".to_owned()
        }
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "the client's certificate was issued by nobody in tlscafile".to_owned()
        }
        Error::InvalidCertificate(fault) => {
            format!("the client's certificate: {}", certificate_fault(fault))
        }
        Error::AlertReceived(alert) => refused_by_client(*alert),
        Error::InvalidMessage(_) => "what came is not TLS".to_owned(),
        other => other.to_string(),
    };
    format!("TLS handshake failed: {reason}")
}

fn incompatible(cause: &PeerIncompatible) -> String {
    use PeerIncompatible as Cause;
    match cause {
        Cause::NoCipherSuitesInCommon => {
            "the client offers no cipher suite that is allowed (tlscipher)".to_owned()
        }
        // Only a client of TLS 1.1 or older does not name what signatures it knows.
        Cause::SignatureAlgorithmsExtensionRequired
        | Cause::SupportedVersionsExtensionRequired
        | Cause::Tls12NotOffered
        | Cause::Tls12NotOfferedOrEnabled
        | Cause::ServerDoesNotSupportTls12Or13
        | Cause::ServerTlsVersionIsDisabledByOurConfig => {
            "the client offers no version of TLS that is spoken here (1.3, and 1.2 unless tlsdisablev12 = yes)".to_owned()
        }
        other => format!("the client lacks what is needed ({other:?})"),
    }
}

fn refused_by_client(alert: AlertDescription) -> String {
    use AlertDescription as Alert;
    match alert {
        Alert::UnknownCA | Alert::BadCertificate | Alert::CertificateUnknown => format!(
            "the client does not trust the certificate of amimux ({alert:?}): it needs the authority that issued it"
        ),
        Alert::CertificateExpired => {
            "the client says that the certificate of amimux has expired".to_owned()
        }
        other => format!("the client gave up ({other:?})"),
    }
}
