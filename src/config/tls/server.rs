//! The side that listens: the options about TLS that `[general]` and `[http]` have in common, as in Asterisk
//! (`main/tcptls.c`, `ast_tls_read_conf`), and ours about certificates of clients.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls::crypto::ring::Ticketer;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{ServerConfig, SupportedProtocolVersion, version};

use super::{ciphers, files};
use crate::config::diagnostics::{Location, Report, quoted};
use crate::config::raw::RawOption;
use crate::config::secret_file::SecretFiles;
use crate::config::settings::TlsListener;
use crate::config::value;

/// Most sessions that are remembered for clients of TLS 1.2 that cannot keep a ticket.
const SESSIONS_KEPT: usize = 256;

/// Whether clients are asked for a certificate (`tlsclientcert`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum ClientCertificate {
    #[default]
    No,
    Optional,
    Require,
}

/// What a section says about the port that speaks TLS, while it is being read.
#[derive(Default)]
pub(in crate::config) struct ListenerDraft {
    pub(super) enabled: Option<Location>,
    pub(super) bind: Option<RawOption>,
    pub(super) certificate: Option<RawOption>,
    pub(super) key: Option<RawOption>,
    pub(super) ciphers: Option<RawOption>,
    pub(super) authorities: Option<RawOption>,
    client_certificate: ClientCertificate,
    client_certificate_at: Option<Location>,
    pub(super) without_tls12: bool,
    pub(super) client_order: bool,
}

/// What the sections differ in.
pub(in crate::config) struct Kind {
    /// The port where `tlsbindaddr` has none.
    pub(in crate::config) port: u16,
    /// The application protocols that are negotiated.
    pub(in crate::config) protocols: &'static [&'static [u8]],
}

/// A section with a port that speaks TLS.
pub(in crate::config) trait HasListener: 'static {
    /// What documentation says of `tlsbindaddr`.
    const BIND_DEFAULT: &'static str;

    /// Where the options are kept.
    fn listener(&mut self) -> &mut ListenerDraft;
}

impl ListenerDraft {
    /// A `tlsclientcert` line.
    pub(super) fn client_certificate(&mut self, option: &RawOption, report: &mut Report) {
        let words = [
            ("no", ClientCertificate::No),
            ("optional", ClientCertificate::Optional),
            ("require", ClientCertificate::Require),
        ];
        self.client_certificate_at = Some(option.location.clone());
        value::assign(
            &mut self.client_certificate,
            value::one_of(option, &words, report),
        );
    }

    /// Whether clients can show who they are by a certificate.
    pub(in crate::config) fn asks_for_certificates(&self) -> bool {
        self.enabled.is_some() && self.client_certificate != ClientCertificate::No
    }

    /// The port that speaks TLS, if there is to be one; files are read now. `plain` is where the section's other port is.
    pub(in crate::config) fn finish(
        &self,
        kind: &Kind,
        plain: SocketAddr,
        files: &SecretFiles<'_>,
        report: &mut Report,
    ) -> Option<TlsListener> {
        let enabled_at = self.enabled.as_ref()?;
        let bind = self.bind(kind, plain, enabled_at, report);
        let tls = self.config(kind, enabled_at, files, report);
        Some(TlsListener {
            bind: bind?,
            tls: Arc::new(tls?),
        })
    }

    fn bind(
        &self,
        kind: &Kind,
        plain: SocketAddr,
        enabled_at: &Location,
        report: &mut Report,
    ) -> Option<SocketAddr> {
        let bind = match &self.bind {
            None => SocketAddr::new(plain.ip(), kind.port),
            Some(option) => {
                match parse_bind(&option.value, kind.port) {
                    Some(bind) => bind,
                    None => {
                        report.error(
                        &option.location,
                        format!("tlsbindaddr = {} is not an address", quoted(&option.value)),
                        format!("write a numeric address and a port, as in 127.0.0.1:{0} or [::]:{0}", kind.port),
                    );
                        return None;
                    }
                }
            }
        };
        if overlap(bind, plain) {
            report.error(
                self.bind.as_ref().map_or(enabled_at, |option| &option.location),
                format!("TLS and plain connections would both be accepted at {bind}"),
                format!(
                    "write tlsbindaddr = {} with another port, or give the plain port another number",
                    bind.ip()
                ),
            );
        }
        Some(bind)
    }

    fn config(
        &self,
        kind: &Kind,
        enabled_at: &Location,
        files: &SecretFiles<'_>,
        report: &mut Report,
    ) -> Option<ServerConfig> {
        let provider = self.provider(report);
        let verifier = self.verifier(enabled_at, files, report);
        let Some(certificate) = &self.certificate else {
            report.error(
                enabled_at,
                "there is no 'tlscertfile', which TLS needs",
                "write tlscertfile = and the file with certificate and key",
            );
            return None;
        };
        let key = self.key.as_ref();
        let identity = files::identity(certificate, key, files, &super::provider(), report);
        let (provider, verifier, identity) = (provider?, verifier?, identity?);
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&self.versions(&provider));
        let tickets = Ticketer::new();
        let (builder, tickets) = match (builder, tickets) {
            (Ok(builder), Ok(tickets)) => (builder, tickets),
            (Err(error), _) | (_, Err(error)) => {
                report.error(
                    enabled_at,
                    format!("TLS cannot be used: {error}"),
                    "write tlsenable = no",
                );
                return None;
            }
        };
        let mut config = builder
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
        config.ignore_client_order = !self.client_order;
        config.ticketer = tickets;
        config.session_storage = ServerSessionMemoryCache::new(SESSIONS_KEPT);
        config.alpn_protocols = kind.protocols.iter().map(|name| name.to_vec()).collect();
        Some(config)
    }

    /// The cryptography with the suites that are wanted; `None` when none is left.
    fn provider(&self, report: &mut Report) -> Option<Arc<CryptoProvider>> {
        let Some(option) = &self.ciphers else {
            return Some(super::provider());
        };
        let choice = ciphers::choose(&option.value);
        if !choice.unknown.is_empty() {
            report.error(
                &option.location,
                format!(
                    "'tlscipher' has {}, which OpenSSL does not know",
                    listed(&choice.unknown)
                ),
                "write names of suites or groups, as in ECDHE+AESGCM:ECDHE+CHACHA20",
            );
            return None;
        }
        if choice.is_void(self.without_tls12) {
            report.error(
                &option.location,
                format!(
                    "tlscipher = {} leaves no cipher suite",
                    quoted(&option.value)
                ),
                "remove the line, or write ECDHE+AESGCM:ECDHE+CHACHA20, which is all there is",
            );
            return None;
        }
        if !choice.absent.is_empty() {
            report.warning(
                &option.location,
                format!(
                    "'tlscipher' has {}, which does not exist here",
                    listed(&choice.absent)
                ),
                "remove it; there are suites with ECDHE and AES-GCM or ChaCha20 only",
            );
        }
        Some(Arc::new(CryptoProvider {
            cipher_suites: choice.suites,
            ..ring::default_provider()
        }))
    }

    /// The versions for which there are suites.
    fn versions(&self, provider: &CryptoProvider) -> Vec<&'static SupportedProtocolVersion> {
        let has = |wanted: &SupportedProtocolVersion| {
            let mut suites = provider.cipher_suites.iter();
            suites.any(|suite| suite.version() == wanted)
        };
        let mut versions = vec![&version::TLS13];
        if !self.without_tls12 {
            versions.push(&version::TLS12);
        }
        versions.retain(|version| has(version));
        versions
    }

    /// Who judges certificates of clients, if they are asked for one.
    fn verifier(
        &self,
        enabled_at: &Location,
        files: &SecretFiles<'_>,
        report: &mut Report,
    ) -> Option<Arc<dyn ClientCertVerifier>> {
        let nobody = WebPkiClientVerifier::no_client_auth;
        let at = self.client_certificate_at.as_ref().unwrap_or(enabled_at);
        let option = match (self.client_certificate, &self.authorities) {
            (ClientCertificate::No, None) => return Some(nobody()),
            (ClientCertificate::No, Some(option)) => {
                if self.client_certificate_at.is_none() {
                    report.warning(
                        &option.location,
                        "'tlscafile' has no effect: clients are not asked for certificates",
                        "write tlsclientcert = optional or tlsclientcert = require",
                    );
                }
                return Some(nobody());
            }
            (_, None) => {
                report.error(
                    at,
                    "there is no 'tlscafile' to judge certificates of clients by",
                    "write tlscafile = and the file with the authorities that issue them",
                );
                return None;
            }
            (_, Some(option)) => option,
        };
        let roots = Arc::new(files::authorities(option, files, report)?);
        let builder = WebPkiClientVerifier::builder_with_provider(roots, super::provider());
        let builder = match self.client_certificate {
            ClientCertificate::Require => builder,
            _ => builder.allow_unauthenticated(),
        };
        match builder.build() {
            Ok(verifier) => Some(verifier),
            Err(error) => {
                let what = format!(
                    "the authorities in {} cannot be used: {error}",
                    quoted(&option.value)
                );
                report.error(
                    &option.location,
                    what,
                    "name a file with certificates of authorities",
                );
                None
            }
        }
    }
}

/// An address that may have a port.
pub(in crate::config) fn parse_bind(text: &str, port: u16) -> Option<SocketAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    match bare.parse::<IpAddr>() {
        Ok(address) => Some(SocketAddr::new(address, port)),
        Err(_) => text.parse().ok(),
    }
}

/// Whether one cannot listen at both.
pub(in crate::config) fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let covers = |wide: IpAddr, narrow: IpAddr| match wide {
        IpAddr::V4(wide) => wide.is_unspecified() && narrow.is_ipv4(),
        // Listening on all of IPv6 is listening on all of IPv4 as well.
        IpAddr::V6(wide) => wide.is_unspecified(),
    };
    one.port() == other.port()
        && (one.ip() == other.ip() || covers(one.ip(), other.ip()) || covers(other.ip(), one.ip()))
}

/// Elements for a message, of which a few are enough.
fn listed(elements: &[String]) -> String {
    const SHOWN: usize = 3;
    let mut text: Vec<String> = elements.iter().take(SHOWN).map(|e| quoted(e)).collect();
    if elements.len() > SHOWN {
        text.push(format!("{} more", elements.len() - SHOWN));
    }
    text.join(", ")
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "server_report_tests.rs"]
mod report_tests;
