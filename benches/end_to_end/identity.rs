//! A certificate for amimux that is made for a run, and clients that trust it.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, ensure};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256,
    PKCS_RSA_SHA256,
};
use rustls::client::Resumption;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;

use crate::child::{Running, Setup, free_port};
use crate::client::Target;

/// The name in every certificate.
pub(crate) const SERVER_NAME: &str = "amimux.example";

/// The key of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    EcdsaP256,
    Rsa2048,
}

impl Key {
    fn make(self) -> anyhow::Result<KeyPair> {
        match self {
            Self::EcdsaP256 => Ok(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?),
            Self::Rsa2048 => {
                // The cryptography that is used here signs with such keys and makes none.
                let made = Command::new("openssl")
                    .args(["genpkey", "-algorithm", "RSA"])
                    .args(["-pkeyopt", "rsa_keygen_bits:2048"])
                    .stderr(Stdio::null())
                    .output()
                    .context("openssl, which makes RSA keys, is missing")?;
                ensure!(made.status.success(), "openssl did not make an RSA key");
                let pem = String::from_utf8(made.stdout)?;
                Ok(KeyPair::from_pem_and_sign_algo(&pem, &PKCS_RSA_SHA256)?)
            }
        }
    }
}

/// A certificate with its key in a file, and the authority that issued it.
pub(crate) struct Identity {
    folder: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Identity {
    pub(crate) fn new(key: Key) -> anyhow::Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, key.make()?)?;
        let key = key.make()?;
        let params = CertificateParams::new([SERVER_NAME.to_owned()])?;
        let certificate = params.signed_by(&key, &authority)?;
        let folder = tempfile::Builder::new().prefix("amimux-bench-").tempdir()?;
        let identity = Self { folder, authority };
        let file = identity.file();
        std::fs::write(&file, certificate.pem() + &key.serialize_pem())?;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))?;
        Ok(identity)
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("amimux.pem")
    }

    /// The lines of `[general]` that have amimux speak TLS on this port.
    fn lines(&self, port: u16) -> String {
        let file = self.file();
        let file = file.display();
        format!("tlsenable = yes\ntlsbindaddr = 127.0.0.1:{port}\ntlscertfile = {file}\n")
    }

    /// Starts amimux with this certificate before a source on that port; whether its clients take up earlier TLS
    /// sessions.
    pub(crate) fn start_amimux(
        &self,
        source: u16,
        users: &str,
        resumes: bool,
    ) -> anyhow::Result<(Running, Target)> {
        let port = free_port()?;
        let setup = Setup {
            general: self.lines(port),
            ports: vec![port],
            ..Setup::of(users)
        };
        let tls = Some(self.client(resumes)?);
        let running = Running::start_amimux(source, &setup)?;
        Ok((running, Target { port, tls }))
    }

    /// A client that trusts it, and takes up earlier sessions or makes a full handshake each time.
    fn client(&self, resumes: bool) -> anyhow::Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let mut config = builder.with_no_client_auth();
        if !resumes {
            config.resumption = Resumption::disabled();
        }
        Ok(Arc::new(config))
    }
}
