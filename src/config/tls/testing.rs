//! Certificates for tests, made anew for each, and handshakes in memory.

use std::io::Write as _;
use std::ops::Range;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};

/// A certificate and its key in PEM form.
#[derive(Clone)]
pub(in crate::config) struct Pair {
    pub(in crate::config) certificate: String,
    pub(in crate::config) key: String,
}

impl Pair {
    pub(in crate::config) fn both(&self) -> String {
        format!("{}{}", self.certificate, self.key)
    }

    pub(in crate::config) fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap()
    }
}

/// A certificate that nobody issued but itself.
pub(in crate::config) fn self_signed(name: &str) -> Pair {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    Pair {
        certificate: made.cert.pem(),
        key: made.signing_key.serialize_pem(),
    }
}

/// A certificate of version 1, which openssl made until its version 3.2 when it was asked for nothing special.
pub(in crate::config) fn version_1() -> Pair {
    Pair {
        certificate: VERSION_1.to_owned(),
        key: VERSION_1_KEY.to_owned(),
    }
}

const VERSION_1: &str = "\
-----BEGIN CERTIFICATE-----
MIIBFjCBvQIUaChj+eaaKNrO/V591XXiKRC5Z5kwCgYIKoZIzj0EAwIwDjEMMAoG
A1UEAwwDcGJ4MB4XDTI2MTEyMTEwMTgwNVoXDTM2MTExODEwMTgwNVowDjEMMAoG
A1UEAwwDcGJ4MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE7o/ircKlmZWeGVp/
0NmsIF/OngZZfbZg8v2cYR6G3VClvRswyDQ0XzXHw2tdFJ36Ov1qSyLMCcKtnXzi
0/+SODAKBggqhkjOPQQDAgNIADBFAiEA2kCil+sTwYGLM+CcOFabFVfYqTzLI1bX
l5jQxAXIYOQCIAhWQIVKDCypHOVmxaN2h9VfnpZY38T5ovIHoKIohLrj
-----END CERTIFICATE-----
";

const VERSION_1_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgEf40IaL58m0ASvRp
bn8c/sXVYsEYxFRPcw6TlbMi8XihRANCAATuj+KtwqWZlZ4ZWn/Q2awgX86eBll9
tmDy/ZxhHobdUKW9GzDINDRfNcfDa10Unfo6/WpLIswJwq2dfOLT/5I4
-----END PRIVATE KEY-----
";

/// An authority.
pub(in crate::config) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(in crate::config) certificate: String,
}

impl Authority {
    pub(in crate::config) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self {
            issuer,
            certificate,
        }
    }

    pub(in crate::config) fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap()
    }

    pub(in crate::config) fn issue(&self, name: &str) -> Pair {
        self.issue_for(name, 1975..4096)
    }

    /// A certificate that holds from the beginning of one year to that of another.
    pub(in crate::config) fn issue_for(&self, name: &str, years: Range<i32>) -> Pair {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(years.start, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.end, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

/// Both sides after a handshake, or what went wrong.
pub(in crate::config) fn shake(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
    name: &str,
) -> Result<(ClientConnection, ServerConnection), rustls::Error> {
    let name = name.to_owned().try_into().unwrap();
    let client = ClientConnection::new(Arc::clone(client), name)?;
    let server = ServerConnection::new(Arc::clone(server))?;
    let (mut client, mut server) = (Connection::from(client), Connection::from(server));
    for _ in 0..10 {
        carry(&mut client, &mut server)?;
        carry(&mut server, &mut client)?;
    }
    match (client, server) {
        (Connection::Client(client), Connection::Server(server)) => Ok((client, server)),
        _ => unreachable!("they are what they were made as"),
    }
}

/// Carries what one side has to send to the other.
fn carry(from: &mut Connection, to: &mut Connection) -> Result<(), rustls::Error> {
    let mut wire = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut wire).unwrap();
    }
    let mut wire = wire.as_slice();
    while !wire.is_empty() {
        to.read_tls(&mut wire).unwrap();
        to.process_new_packets()?;
    }
    Ok(())
}

/// How long each record is that a client makes of so many bytes, header not counted.
pub(in crate::config) fn record_lengths(client: ClientConnection, bytes: usize) -> Vec<usize> {
    let mut client = Connection::from(client);
    client.writer().write_all(&vec![b'x'; bytes]).unwrap();
    let mut wire = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut wire).unwrap();
    }
    let mut lengths = Vec::new();
    let mut rest = wire.as_slice();
    while let [_, _, _, high, low, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        lengths.push(length);
        rest = &after[length..];
    }
    lengths
}
