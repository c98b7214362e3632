//! An authority that issues certificates for a test, and clients that trust it.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A certificate with its key, in one file.
pub(crate) struct Identity {
    /// The file, in PEM form: the certificate, that of the authority, the key.
    pub(crate) file: PathBuf,
    /// The SHA-256 of the certificate.
    pub(crate) fingerprint: String,
}

/// An authority with a folder for what it issues.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    /// A new one.
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("an authority");
        let folder = tempfile::Builder::new()
            .prefix("amimux-tls-")
            .tempdir()
            .expect("a temporary folder");
        std::fs::write(folder.path().join("authority.pem"), issuer.pem()).expect("a file");
        Self { issuer, folder }
    }

    /// The file with its own certificate.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// A certificate for these names; the first is the subject's as well.
    pub(crate) fn issue(&self, names: &[&str]) -> Identity {
        self.issue_with(names, |_| {})
    }

    /// A certificate that was valid once.
    pub(crate) fn issue_expired(&self, names: &[&str]) -> Identity {
        self.issue_with(names, |params| {
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 2, 2);
        })
    }

    fn issue_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let owned: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(owned).expect("names");
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, names[0]);
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let digest = Sha256::digest(certificate.der());
        let fingerprint: String = digest.iter().map(|byte| format!("{byte:02X}:")).collect();
        let fingerprint = fingerprint.trim_end_matches(':').to_owned();
        let file = self
            .folder
            .path()
            .join(format!("{}.pem", &fingerprint[..11]));
        let text = [certificate.pem(), self.issuer.pem(), key.serialize_pem()].concat();
        write_secret(&file, &text);
        Identity { file, fingerprint }
    }

    /// A client that trusts it.
    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        let builder = ClientConfig::builder().with_root_certificates(self.roots());
        Arc::new(builder.with_no_client_auth())
    }

    /// A client that trusts it and shows a certificate.
    pub(crate) fn client_with(&self, identity: &Identity) -> Arc<ClientConfig> {
        let builder = ClientConfig::builder().with_root_certificates(self.roots());
        let chain = CertificateDer::pem_file_iter(&identity.file)
            .expect("a file")
            .collect::<Result<Vec<_>, _>>()
            .expect("certificates");
        let key = PrivateKeyDer::from_pem_file(&identity.file).expect("a key");
        Arc::new(builder.with_client_auth_cert(chain, key).expect("a pair"))
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).expect("a root");
        roots
    }
}

/// Writes a file that nobody else may read.
fn write_secret(file: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(file, text).expect("a file");
    let owner = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(file, owner).expect("permissions");
}
