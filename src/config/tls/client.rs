//! The side that connects to Asterisk: the options about TLS of upstream sections, and how its certificate is judged.

use std::sync::Arc;

use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, RootCertStore};

use super::files;
use super::fingerprint::Fingerprint;
use super::ingredients::Ingredients;
use super::judge::{Judge, Standard};
use crate::config::diagnostics::{Location, Report, quoted};
use crate::config::options::Spec;
use crate::config::raw::{RawOption, RawSection};
use crate::config::secret_file::SecretFiles;
use crate::config::settings::UpstreamTls;
use crate::config::upstream::UpstreamDraft;
use crate::config::value;

/// Asterisk reads at most 1,024 bytes of a record and looks for the rest only when more arrives on the socket
/// (`main/iostream.c` under `main/manager.c`), so that a longer one would hang. rustls counts the five bytes of a
/// record's header as well.
pub const FRAGMENT_SIZE: usize = 1024 + 5;

/// What stands for the options about trust.
const TRUST_REMEDY: &str = "write tlsfingerprint = and the fingerprint of Asterisk's certificate, or tlscafile = and the \
                            file with the authority that issued it";

/// What an upstream section says about TLS, while it is being read.
#[derive(Default)]
pub(in crate::config) struct ClientDraft {
    enabled: Option<bool>,
    authorities: Option<RawOption>,
    server_name: Option<RawOption>,
    pins: Vec<Fingerprint>,
    /// Where `tlsverify = no` stands.
    anybody_at: Option<Location>,
    certificate: Option<RawOption>,
    key: Option<RawOption>,
}

/// The options of upstream sections that count with `tls = yes` only.
const DEPENDENT: [&str; 6] = [
    "tlscafile",
    "tlsservername",
    "tlsfingerprint",
    "tlsverify",
    "tlscertfile",
    "tlsprivatekey",
];

/// The options about TLS.
pub(in crate::config) const OPTIONS: &[Spec<UpstreamDraft>] = &[
    Spec::read(
        "tls",
        "yes or no",
        "no",
        "whether to speak TLS with Asterisk, which must have tlsenable = yes",
        |draft, option, report| draft.tls.enabled = Some(value::boolean(option, report)),
    ),
    Spec::read(
        "tlscafile",
        "file, or %d/NAME",
        "the authorities of the system",
        "the authorities in PEM form, one of which must have issued Asterisk's certificate",
        |draft, option, _| draft.tls.authorities = Some(option.clone()),
    ),
    Spec::read(
        "tlsservername",
        "name or address",
        "host",
        "the name that Asterisk's certificate must have",
        |draft, option, _| draft.tls.server_name = Some(option.clone()),
    ),
    Spec::read(
        "tlsfingerprint",
        "SHA-256 in hexadecimal",
        "none",
        "the fingerprint that Asterisk's certificate must have, whoever issued it; several lines are alternatives",
        |draft, option, report| {
            match Fingerprint::parse(&option.value) {
            Ok(pin) => draft.tls.pins.push(pin),
            Err(error) => report.error(
                &option.location,
                format!("tlsfingerprint = {} is not valid: {error}", quoted(&option.value)),
                "write what openssl x509 -noout -fingerprint -sha256 -in CERTIFICATE prints behind '='",
            ),
        }
        },
    ),
    Spec::read(
        "tlsverify",
        "yes or no",
        "yes",
        "whether Asterisk must prove who it is",
        |draft, option, report| {
            let verify = value::boolean(option, report);
            draft.tls.anybody_at = (!verify).then(|| option.location.clone());
        },
    ),
    Spec::read(
        "tlscertfile",
        "file, or %d/NAME",
        "none",
        "the certificate to show to Asterisk in PEM form, with those between it and the root",
        |draft, option, _| draft.tls.certificate = Some(option.clone()),
    ),
    Spec::read(
        "tlsprivatekey",
        "file, or %d/NAME",
        "in tlscertfile",
        "its private key in PEM form, without a password",
        |draft, option, _| draft.tls.key = Some(option.clone()),
    ),
];

impl ClientDraft {
    /// Whether TLS is spoken.
    pub(in crate::config) fn is_enabled(&self) -> bool {
        self.enabled.unwrap_or(false)
    }

    /// What is needed to speak TLS with Asterisk, if it is to be spoken; files are read now. After an error, which is
    /// noted, there is nothing either.
    pub(in crate::config) fn finish(
        &self,
        section: &RawSection,
        host: &str,
        files: &SecretFiles<'_>,
        report: &mut Report,
    ) -> Option<UpstreamTls> {
        if !self.is_enabled() {
            self.check_enabled(section, report);
            return None;
        }
        let server_name = self.server_name(section, host, report);
        let identity = match (&self.certificate, &self.key) {
            (None, None) => Some(None),
            (None, Some(key)) => {
                report.error(
                    &key.location,
                    "there is a 'tlsprivatekey' without 'tlscertfile'",
                    "write tlscertfile = and the certificate that the key belongs to",
                );
                None
            }
            (Some(certificate), key) => {
                files::identity(certificate, key.as_ref(), files, &super::provider(), report)
                    .map(Some)
            }
        };
        let mut made_of = Ingredients::default();
        let standard = self.standard(section, files, &mut made_of, report)?;
        let trust = standard.trust();
        let builder = ClientConfig::builder_with_provider(super::provider())
            .with_safe_default_protocol_versions();
        let builder = match builder {
            Ok(builder) => builder,
            Err(error) => {
                let what = format!("TLS cannot be used: {error}");
                report.error(&section.location, what, "write tls = no");
                return None;
            }
        };
        let builder = builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Judge::new(standard)));
        let (identity, server_name) = (identity?, server_name?);
        made_of.add(server_name.to_str().as_bytes());
        // A key belongs to its certificate: that tells of both.
        for certificate in identity.iter().flat_map(|identity| &identity.cert) {
            made_of.add(certificate);
        }
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity)))
            }
        };
        config.max_fragment_size = Some(FRAGMENT_SIZE);
        // Every connection proves anew who it is; there is one in days.
        config.resumption = Resumption::disabled();
        Some(UpstreamTls {
            tls: Arc::new(config),
            server_name,
            trust,
            made_of: made_of.finish(),
        })
    }

    /// Options that would count with TLS only, where nothing is said of TLS: somebody thinks the connection is protected.
    fn check_enabled(&self, section: &RawSection, report: &mut Report) {
        if self.enabled.is_some() {
            return;
        }
        let found = DEPENDENT.iter().find_map(|name| section.named(name).next());
        if let Some(option) = found {
            report.error(
                &option.location,
                format!(
                    "{} is given, but TLS is not switched on for the upstream {}",
                    quoted(&option.name),
                    quoted(&section.name)
                ),
                "write tls = yes, or tls = no if that is meant",
            );
        }
    }

    fn server_name(
        &self,
        section: &RawSection,
        host: &str,
        report: &mut Report,
    ) -> Option<ServerName<'static>> {
        let (at, name, option) = match &self.server_name {
            Some(option) => (&option.location, option.value.as_str(), "tlsservername"),
            None => {
                let at = section.named("host").next_back();
                (
                    at.map_or(&section.location, |host| &host.location),
                    host,
                    "host",
                )
            }
        };
        if let Ok(name) = ServerName::try_from(name.to_owned()) {
            return Some(name);
        }
        // That there is no host at all is said elsewhere.
        if !name.is_empty() || self.server_name.is_some() {
            report.error(
                at,
                format!(
                    "{option} = {} is no name that a certificate can have",
                    quoted(name)
                ),
                "write tlsservername = and the DNS name or the address in Asterisk's certificate",
            );
        }
        None
    }

    fn standard(
        &self,
        section: &RawSection,
        files: &SecretFiles<'_>,
        made_of: &mut Ingredients,
        report: &mut Report,
    ) -> Option<Standard> {
        let pin_at = section.named("tlsfingerprint").next_back();
        let ways = [
            (pin_at.map(|option| &option.location), "tlsfingerprint"),
            (
                self.authorities.as_ref().map(|option| &option.location),
                "tlscafile",
            ),
            (self.anybody_at.as_ref(), "tlsverify = no"),
        ];
        let mut given = ways.iter().filter_map(|(at, name)| at.map(|at| (at, name)));
        if let (Some((_, one)), Some((at, other))) = (given.next(), given.next()) {
            report.error(
                at,
                format!("there are '{one}' and '{other}', and only one of them can count"),
                "keep one of them; lines that a template brings count as well",
            );
            return None;
        }
        if pin_at.is_some() {
            for pin in &self.pins {
                made_of.add(pin.to_string().as_bytes());
            }
            // One that cannot be read was told of already.
            return (!self.pins.is_empty()).then(|| Standard::Pinned(self.pins.clone()));
        }
        if let Some(at) = &self.anybody_at {
            made_of.add(b"anybody");
            report.warning(
                at,
                format!(
                    "the upstream {} need not prove who it is: whoever is in between can read and change everything",
                    quoted(&section.name)
                ),
                TRUST_REMEDY,
            );
            return Some(Standard::Anybody);
        }
        let roots = match &self.authorities {
            Some(option) => files::authorities(option, files, report)?,
            None => system_authorities(
                &rustls_native_certs::load_native_certs().certs,
                section,
                report,
            )?,
        };
        made_of.add(b"authorities");
        made_of.add_authorities(&roots);
        let builder =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), super::provider());
        match builder.build() {
            Ok(verifier) => Some(Standard::Verified(verifier)),
            Err(error) => {
                let at = self
                    .authorities
                    .as_ref()
                    .map_or(&section.location, |o| &o.location);
                report.error(
                    at,
                    format!("the authorities cannot be used: {error}"),
                    TRUST_REMEDY,
                );
                None
            }
        }
    }
}

/// The authorities that the system trusts; an error when there are none.
fn system_authorities(
    certificates: &[CertificateDer<'static>],
    section: &RawSection,
    report: &mut Report,
) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates.iter().cloned());
    if roots.is_empty() {
        report.error(
            &section.location,
            "there are no authorities of the system to judge Asterisk's certificate by",
            format!("install the package ca-certificates; or {TRUST_REMEDY}"),
        );
        return None;
    }
    Some(roots)
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
