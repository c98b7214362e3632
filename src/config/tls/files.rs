//! Certificates and keys out of PEM files. What is wrong with one is said with the option that names it, and no part of a
//! key is ever shown.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys, RootCertStore};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use zeroize::Zeroizing;

use crate::config::diagnostics::{Report, quoted};
use crate::config::include::READABLE_BY_OTHERS;
use crate::config::raw::RawOption;
use crate::config::secret_file::SecretFiles;

/// Most bytes of a file; all authorities of a large system are a quarter of a megabyte.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// How to write a chain.
const CHAIN_REMEDY: &str = "put the certificate of this side first, then those of the authorities between it and the root, \
                            each from BEGIN CERTIFICATE to END CERTIFICATE";

/// What stands in a file.
struct Pem {
    bytes: Zeroizing<Vec<u8>>,
    /// Whether everybody on the machine can read it.
    exposed: bool,
}

/// A certificate with its chain, and its key: from one file, or the key from another. `None` after an error, which is noted.
pub(super) fn identity(
    certificate: &RawOption,
    key: Option<&RawOption>,
    files: &SecretFiles<'_>,
    provider: &CryptoProvider,
    report: &mut Report,
) -> Option<Arc<CertifiedKey>> {
    let chain_file = read(certificate, files, report)?;
    let chain = certificates(certificate, &chain_file, report);
    let (key_option, key) = match key {
        Some(option) => {
            let file = read(option, files, report)?;
            (option, private_key(option, &file, true, report))
        }
        None => (
            certificate,
            private_key(certificate, &chain_file, false, report),
        ),
    };
    let (chain, key) = (chain?, key?);
    let Ok(key) = provider.key_provider.load_private_key(key) else {
        report.error(
            &key_option.location,
            format!(
                "the private key in {} is of a kind that cannot be used",
                named(key_option)
            ),
            "use RSA of 2048 to 8192 bits, ECDSA with P-256 or P-384, or Ed25519",
        );
        return None;
    };
    let identity = CertifiedKey::new(chain, key);
    if !check_match(&identity, certificate, key_option, report) {
        return None;
    }
    if let (Some(first), Some(now)) = (identity.cert.first(), files.since_1970) {
        warn_of_time(certificate, first, now, report);
    }
    Some(Arc::new(identity))
}

/// Warns of a certificate that has expired, or whose time has not come.
fn warn_of_time(
    option: &RawOption,
    certificate: &CertificateDer<'_>,
    now: Duration,
    report: &mut Report,
) {
    // One that the parser does not understand is none that a time could be read from.
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return;
    };
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let validity = certificate.validity();
    let (what, remedy) = if validity.not_after.timestamp() < now {
        (
            format!("expired on {}", validity.not_after),
            "have it renewed; the other side will refuse it",
        )
    } else if validity.not_before.timestamp() > now {
        (
            format!("is not valid before {}", validity.not_before),
            "correct this machine's clock, or wait; the other side will refuse it",
        )
    } else {
        return;
    };
    report.warning(
        &option.location,
        format!("the first certificate in {} {what}", named(option)),
        remedy,
    );
}

/// The authorities in a file; `None` after an error, which is noted.
pub(super) fn authorities(
    option: &RawOption,
    files: &SecretFiles<'_>,
    report: &mut Report,
) -> Option<RootCertStore> {
    let file = read(option, files, report)?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates(option, &file, report)? {
        if let Err(error) = roots.add(certificate) {
            report.error(
                &option.location,
                format!(
                    "{} holds a certificate that cannot be used: {error}",
                    named(option)
                ),
                "remove it from the file, or make it anew",
            );
            return None;
        }
    }
    Some(roots)
}

/// The option and the file, for a message.
fn named(option: &RawOption) -> String {
    format!(
        "{} = {}",
        option.name.to_ascii_lowercase(),
        quoted(&option.value)
    )
}

fn read(option: &RawOption, files: &SecretFiles<'_>, report: &mut Report) -> Option<Pem> {
    let name = named(option);
    let path = match files.path(&option.value) {
        Ok(path) => path,
        Err(error) => {
            report.error(&option.location, format!("{name}: {error}"), error.remedy());
            return None;
        }
    };
    match try_read(&path) {
        Ok(pem) => Some(pem),
        Err(error) => {
            report.error(
                &option.location,
                format!("{name}: the file cannot be read: {error}"),
                "check the path and the permissions",
            );
            None
        }
    }
}

fn try_read(path: &Path) -> io::Result<Pem> {
    // Not opened before it is known to be a file: opening a pipe would wait for its writer.
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.len() > FILE_BYTES_MAX {
        return Err(io::Error::other("it is larger than 4 MiB"));
    }
    // Space for all of it, so that growing leaves no copies of a key behind.
    let room = usize::try_from(metadata.len()).unwrap_or_default() + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.by_ref().take(metadata.len()).read_to_end(&mut bytes)?;
    Ok(Pem {
        bytes,
        exposed: metadata.permissions().mode() & READABLE_BY_OTHERS != 0,
    })
}

/// Every certificate in a file; there is at least one.
fn certificates(
    option: &RawOption,
    file: &Pem,
    report: &mut Report,
) -> Option<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&file.bytes).collect();
    let why = match found {
        Ok(certificates) if certificates.is_empty() => {
            "holds no certificate in PEM form".to_owned()
        }
        Ok(certificates) => return Some(certificates),
        // What the parser says may hold a piece of the file, and a key may be in it.
        Err(_) => "is not well-formed PEM".to_owned(),
    };
    report.error(
        &option.location,
        format!("{} {why}", named(option)),
        "name a file with certificates, each from BEGIN CERTIFICATE to END CERTIFICATE",
    );
    None
}

fn private_key(
    option: &RawOption,
    file: &Pem,
    own_file: bool,
    report: &mut Report,
) -> Option<PrivateKeyDer<'static>> {
    let name = named(option);
    let encrypted = memchr::memmem::find(&file.bytes, b"ENCRYPTED").is_some();
    let found = PrivateKeyDer::from_pem_slice(&file.bytes);
    let (what, remedy) = match found {
        Ok(key) => {
            if file.exposed {
                report.warning(
                    &option.location,
                    format!("{name} holds a private key and everybody on this machine can read it"),
                    "run chmod o-r on it",
                );
            }
            return Some(key);
        }
        Err(_) if encrypted => (
            format!(
                "the private key in {name} is encrypted, and there is nobody to ask for its password"
            ),
            "decrypt it with openssl pkey -in FILE -out NEW, and protect the new file by its permissions",
        ),
        Err(pem::Error::NoItemsFound) if own_file => (
            format!("{name} holds no private key in PEM form"),
            "name a file with a key, from BEGIN PRIVATE KEY to END PRIVATE KEY",
        ),
        Err(pem::Error::NoItemsFound) => (
            format!("{name} holds no private key, and there is no 'tlsprivatekey'"),
            "write tlsprivatekey = and the file with the key",
        ),
        Err(_) => (
            format!("{name} is not well-formed PEM"),
            "name a file with a key, from BEGIN PRIVATE KEY to END PRIVATE KEY",
        ),
    };
    report.error(&option.location, what, remedy);
    None
}

/// Whether the key belongs to the first certificate.
fn check_match(
    identity: &CertifiedKey,
    certificate: &RawOption,
    key: &RawOption,
    report: &mut Report,
) -> bool {
    let (what, remedy) = match identity.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => return true,
        Err(Error::InconsistentKeys(_)) => (
            format!(
                "the private key in {} does not belong to the first certificate in {}",
                named(key),
                quoted(&certificate.value)
            ),
            format!("name the key that the certificate was made for; {CHAIN_REMEDY}"),
        ),
        Err(_) if holds_public_key(identity) => {
            report.warning(
                &certificate.location,
                format!(
                    "the first certificate in {} is not of version 3: many programs refuse it",
                    named(certificate)
                ),
                "make a certificate of version 3 with the name of this machine as subjectAltName",
            );
            return true;
        }
        Err(_) => (
            format!(
                "the first certificate in {} cannot be used",
                named(certificate)
            ),
            "make a certificate of version 3 for the key that is named".to_owned(),
        ),
    };
    report.error(&key.location, what, remedy);
    false
}

/// Whether the first certificate has the key's public half, as it stands there, in one piece.
fn holds_public_key(identity: &CertifiedKey) -> bool {
    let certificate = identity.cert.first();
    let public = identity.key.public_key();
    let (Some(certificate), Some(public)) = (certificate, public) else {
        return false;
    };
    memchr::memmem::find(certificate.as_ref(), public.as_ref()).is_some()
}
