//! Certificates for tests, made anew for each, and handshakes in memory.

use std::io::Write as _;
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

    pub(in crate::config) fn issue(&self, name: &str) -> Pair {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
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
