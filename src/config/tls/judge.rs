//! How Asterisk's certificate is judged: by who issued it and for which name, by its fingerprint, or not at all. That the
//! other side has the certificate's key is checked in any case.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use thiserror::Error as ThisError;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Version;

use super::fingerprint::Fingerprint;
use crate::config::settings::TlsTrust;

/// What a certificate must be.
#[derive(Debug)]
pub(super) enum Standard {
    /// Issued by somebody trusted, for the name.
    Verified(Arc<WebPkiServerVerifier>),
    /// The one with one of these fingerprints.
    Pinned(Vec<Fingerprint>),
    /// Any.
    Anybody,
}

impl Standard {
    pub(super) const fn trust(&self) -> TlsTrust {
        match self {
            Self::Verified(_) => TlsTrust::Verified,
            Self::Pinned(_) => TlsTrust::Pinned,
            Self::Anybody => TlsTrust::Anybody,
        }
    }
}

/// Judges certificates by a standard.
#[derive(Debug)]
pub(super) struct Judge {
    standard: Standard,
    algorithms: WebPkiSupportedAlgorithms,
}

/// Asterisk's certificate was refused. It is found in the error of the handshake by [`refused`].
#[derive(Debug, Clone, ThisError)]
#[error("{} (SHA-256 fingerprint {fingerprint})", match cause {
    Some(cause) => cause.to_string(),
    None => "the certificate is not the one that 'tlsfingerprint' names".to_owned(),
})]
pub struct Refused {
    /// That of the certificate that was shown.
    pub fingerprint: Fingerprint,
    /// What is wrong with it; `None` when it is not the pinned one.
    pub cause: Option<Error>,
}

/// Why a handshake failed, if it was because of Asterisk's certificate.
pub fn refused(error: &Error) -> Option<&Refused> {
    match error {
        Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) => {
            inner.downcast_ref()
        }
        _ => None,
    }
}

impl Judge {
    pub(super) fn new(standard: Standard) -> Self {
        Self {
            standard,
            algorithms: super::provider().signature_verification_algorithms,
        }
    }
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let fingerprint = Fingerprint::of(certificate);
        let cause = match &self.standard {
            Standard::Anybody => return Ok(ServerCertVerified::assertion()),
            // Every pin is compared, so that time does not tell which it was.
            Standard::Pinned(pins) => {
                let same = |known, pin: &Fingerprint| known | pin.matches(&fingerprint);
                if pins.iter().fold(false, same) {
                    return Ok(ServerCertVerified::assertion());
                }
                None
            }
            Standard::Verified(verifier) => {
                let verified = verifier.verify_server_cert(
                    certificate,
                    intermediates,
                    server_name,
                    ocsp_response,
                    now,
                );
                match verified {
                    Ok(verified) => return Ok(verified),
                    Err(error) => Some(error),
                }
            }
        };
        let refused = OtherError(Arc::new(Refused { fingerprint, cause }));
        Err(Error::InvalidCertificate(CertificateError::Other(refused)))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verified = verify_tls13_signature(message, certificate, signature, &self.algorithms);
        if verified.is_ok() {
            return verified;
        }
        // Certificates of version 1, as Asterisk's own script made them for long, are not read by rustls; their key is.
        match X509Certificate::from_der(certificate) {
            Ok((_, old)) if old.version() == X509Version::V1 => {
                let key = SubjectPublicKeyInfoDer::from(old.public_key().raw);
                verify_tls13_signature_with_raw_key(message, &key, signature, &self.algorithms)
            }
            _ => verified,
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
