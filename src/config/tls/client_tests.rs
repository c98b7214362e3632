//! Tests of TLS towards Asterisk: whom it trusts, what it writes, and what is said of mistakes.

use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SupportedProtocolVersion, version};

use super::*;
use crate::config::settings::{Settings, TlsTrust};
use crate::config::testing::{BASE, USER, load_files};
use crate::config::tls::judge::refused;
use crate::config::tls::testing::{Authority, Pair, record_lengths, self_signed, shake, version_1};

const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS12, &version::TLS13];

/// The settings with these lines in the upstream's section, from line 9 on, and the report.
fn load(lines: &str, files: &[(&str, &str)]) -> (Option<Settings>, String) {
    let main = format!("{BASE}{lines}\n{USER}").replace("192.0.2.1", "pbx.example");
    let mut all = vec![("amimux.conf", main.as_str())];
    all.extend(files);
    load_files(&all)
}

fn upstream(lines: &str, files: &[(&str, &str)]) -> UpstreamTls {
    let (settings, report) = load(&format!("tls=yes\n{lines}"), files);
    assert!(!report.contains("error"), "{lines}: {report}");
    settings.unwrap().upstreams.remove(0).tls.unwrap()
}

/// An Asterisk with this certificate; it asks for one of that authority, if any.
fn asterisk(
    pair: &Pair,
    clients: Option<&Authority>,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let key = ring::sign::any_supported_type(&key).unwrap();
    let verifier = match clients {
        None => WebPkiClientVerifier::no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.der()).unwrap();
            let provider = crate::config::tls::provider();
            let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.build().unwrap()
        }
    };
    let config = ServerConfig::builder_with_provider(crate::config::tls::provider())
        .with_protocol_versions(versions)
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(CertifiedKey::new(
            vec![pair.der()],
            key,
        ))));
    Arc::new(config)
}

fn accepts(upstream: &UpstreamTls, asterisk: &Arc<ServerConfig>) -> Result<(), String> {
    let name = upstream.server_name.to_str();
    let shaken = shake(&upstream.tls, asterisk, &name);
    shaken.map(|_| ()).map_err(|error| match refused(&error) {
        Some(refused) => refused.to_string(),
        None => error.to_string(),
    })
}

#[test]
fn a_certificate_is_verified_for_the_name() {
    let (known, unknown) = (Authority::new("known"), Authority::new("unknown"));
    let here = known.issue("pbx.example");
    let files = [("ca", known.certificate.as_str())];
    let cases = [
        ("tlscafile=ca", &here, ""),
        ("tlscafile=ca\ntlsverify=yes", &here, ""),
        ("tlscafile=ca\ntlsservername=PBX.example", &here, ""),
        (
            "tlscafile=ca\ntlsservername=other.example",
            &here,
            "not valid for name",
        ),
        (
            "tlscafile=ca",
            &known.issue("other.example"),
            "not valid for name",
        ),
        (
            "tlscafile=ca\ntlsservername=other.example",
            &known.issue("other.example"),
            "",
        ),
        (
            "tlscafile=ca\ntlsservername=192.0.2.7",
            &known.issue("192.0.2.7"),
            "",
        ),
        (
            "tlscafile=ca",
            &unknown.issue("pbx.example"),
            "UnknownIssuer",
        ),
        (
            "tlscafile=ca",
            &known.issue_for("pbx.example", 2000..2001),
            "expired",
        ),
        ("tlscafile=ca", &self_signed("pbx.example"), "UnknownIssuer"),
    ];
    for (lines, pair, expected) in cases {
        let upstream = upstream(lines, &files);
        assert_eq!(upstream.trust, TlsTrust::Verified);
        for versions in [BOTH, &[&version::TLS12]] {
            let found = accepts(&upstream, &asterisk(pair, None, versions));
            match (expected, found) {
                ("", found) => assert_eq!(found, Ok(()), "{lines}"),
                (text, found) => {
                    let error = found.unwrap_err();
                    assert!(error.contains(text), "{lines}: {error}");
                    let fingerprint = Fingerprint::of(&pair.der()).to_string();
                    assert!(error.contains(&fingerprint), "{lines}: {error}");
                }
            }
        }
    }
}

#[test]
fn a_self_signed_certificate_can_be_its_own_authority() {
    let pair = self_signed("pbx.example");
    let upstream = upstream("tlscafile=ca", &[("ca", &pair.certificate)]);
    assert_eq!(accepts(&upstream, &asterisk(&pair, None, BOTH)), Ok(()));
}

#[test]
fn a_pinned_certificate_and_no_other() {
    let (pair, other) = (self_signed("anything"), self_signed("anything"));
    let pin = Fingerprint::of(&pair.der()).to_string();
    let bare = pin.replace(':', "").to_lowercase();
    let forms = [
        format!("tlsfingerprint={pin}"),
        format!("tlsfingerprint={bare}"),
        format!("tlsfingerprint={}\ntlsfingerprint={pin}", "0".repeat(64)),
        format!("tlsfingerprint={pin}\ntlsfingerprint={}", "0".repeat(64)),
    ];
    for lines in forms {
        let upstream = upstream(&lines, &[]);
        assert_eq!(upstream.trust, TlsTrust::Pinned);
        for versions in [BOTH, &[&version::TLS12]] {
            assert_eq!(accepts(&upstream, &asterisk(&pair, None, versions)), Ok(()));
            let error = accepts(&upstream, &asterisk(&other, None, versions)).unwrap_err();
            let found = Fingerprint::of(&other.der());
            assert!(
                error.contains(&format!("names (SHA-256 fingerprint {found})")),
                "{error}"
            );
        }
    }
}

#[test]
fn whoever_shows_a_certificate_must_have_its_key() {
    let (pair, thief) = (self_signed("pbx.example"), self_signed("pbx.example"));
    let stolen = Pair {
        certificate: pair.certificate.clone(),
        key: thief.key,
    };
    let old = Pair {
        certificate: version_1().certificate,
        key: stolen.key.clone(),
    };
    for pair in [stolen, old] {
        let pin = format!("tlsfingerprint={}", Fingerprint::of(&pair.der()));
        for lines in [pin.as_str(), "tlsverify=no"] {
            let upstream = upstream(lines, &[]);
            for versions in [BOTH, &[&version::TLS12]] {
                let found = accepts(&upstream, &asterisk(&pair, None, versions));
                assert!(found.is_err(), "{lines}");
            }
        }
    }
}

#[test]
fn certificates_of_version_1_can_be_pinned() {
    let pair = version_1();
    let pin = format!("tlsfingerprint={}", Fingerprint::of(&pair.der()));
    for lines in [pin.as_str(), "tlsverify=no"] {
        let upstream = upstream(lines, &[]);
        assert_eq!(
            accepts(&upstream, &asterisk(&pair, None, BOTH)),
            Ok(()),
            "{lines}"
        );
    }
}

#[test]
fn anybody_is_taken_with_a_warning_only() {
    let (settings, report) = load("tls=yes\ntlsverify=no", &[]);
    let upstream = settings.unwrap().upstreams.remove(0).tls.unwrap();
    assert_eq!(upstream.trust, TlsTrust::Anybody);
    for pair in [
        self_signed("a"),
        Authority::new("x").issue_for("b", 2000..2001),
    ] {
        assert_eq!(accepts(&upstream, &asterisk(&pair, None, BOTH)), Ok(()));
    }
    assert_eq!(
        report,
        "amimux.conf:10: warning: the upstream 'pbx' need not prove who it is: whoever is in between can read and change \
         everything; write tlsfingerprint = and the fingerprint of Asterisk's certificate, or tlscafile = and the file with \
         the authority that issued it"
    );
}

#[test]
fn asterisk_is_shown_a_certificate_if_there_is_one() {
    let (ca, pbx) = (Authority::new("ca"), self_signed("pbx.example"));
    let pair = ca.issue("amimux");
    let both = pair.both();
    let pin = format!("tlsfingerprint={}", Fingerprint::of(&pbx.der()));
    let files = [
        ("both", both.as_str()),
        ("cert", &pair.certificate),
        ("key", &pair.key),
    ];
    for (lines, accepted) in [
        ("", false),
        ("tlscertfile=both", true),
        ("tlscertfile=cert\ntlsprivatekey=key", true),
    ] {
        let upstream = upstream(&format!("{pin}\n{lines}"), &files);
        let found = accepts(&upstream, &asterisk(&pbx, Some(&ca), BOTH));
        assert_eq!(found.is_ok(), accepted, "{lines} {found:?}");
        let shown = format!("{upstream:?}");
        assert!(!shown.contains("PrivateKey"), "{shown}");
    }
}

#[test]
fn records_hold_no_more_than_asterisk_reads() {
    let pair = self_signed("pbx.example");
    let upstream = upstream("tlscafile=ca", &[("ca", &pair.certificate)]);
    // What a suite adds: with TLS 1.3 a tag and the true type, with TLS 1.2 a nonce and a tag.
    let cases: [(&[_], usize); 2] = [(&[&version::TLS13], 17), (&[&version::TLS12], 24)];
    for (versions, overhead) in cases {
        let server = asterisk(&pair, None, versions);
        let (client, _) = shake(&upstream.tls, &server, "pbx.example").unwrap();
        let lengths: Vec<usize> = record_lengths(client, 3000)
            .into_iter()
            .map(|length| length - overhead)
            .collect();
        assert_eq!(lengths, [1024, 1024, 952]);
    }
}

#[test]
fn the_port_follows_tls() {
    let pin = "0".repeat(64);
    for (lines, expected) in [
        (String::new(), 5038),
        ("tls=no".to_owned(), 5038),
        (format!("tls=yes\ntlsfingerprint={pin}"), 5039),
        (format!("port=7000\ntls=yes\ntlsfingerprint={pin}"), 7000),
        (format!("tls=yes\ntlsfingerprint={pin}\nport=5038"), 5038),
    ] {
        let (settings, report) = load(&lines, &[]);
        assert_eq!(report, "");
        assert_eq!(settings.unwrap().upstreams[0].port, expected, "{lines}");
    }
}

#[test]
fn without_authorities_of_the_system_there_is_an_error() {
    let section = RawSection {
        name: "pbx".to_owned(),
        location: Location::whole_file("f"),
        template: false,
        options: Vec::new(),
    };
    let mut report = Report::default();
    let one = [Authority::new("ca").der(), CertificateDer::from(vec![0])];
    let found = system_authorities(&one, &section, &mut report);
    assert_eq!(found.unwrap().len(), 1, "what cannot be read is left out");
    assert!(!report.has_errors());
    assert!(system_authorities(&one[1..], &section, &mut report).is_none());
    let text = report.to_string();
    assert!(text.starts_with("f: error: there are no authorities of the system to judge Asterisk's certificate by; install the package ca-certificates; or write tlsfingerprint = "), "{text}");
}

const WRONG: &[(&str, &str)] = &[
    (
        "tlscafile=ca",
        "9: error: 'tlscafile' is given, but TLS is not switched on for the upstream 'pbx'; write tls = yes, or tls = no if that is meant",
    ),
    (
        "tlsverify=no",
        "9: error: 'tlsverify' is given, but TLS is not switched on for the upstream 'pbx'; write tls = yes, or tls = no if that is meant",
    ),
    ("tls=no\ntlscafile=missing", ""),
    (
        "tls=maybe",
        "9: warning: tls = 'maybe' is neither yes nor no and counts as no; write yes or no",
    ),
    (
        "tls=yes\ntlsfingerprint=abc",
        "10: error: tlsfingerprint = 'abc' is not valid: it has 3 hexadecimal digits instead of 64; write what openssl x509 -noout -fingerprint -sha256 -in CERTIFICATE prints behind '='",
    ),
    (
        "tls=yes\ntlsfingerprint=DA:39:A3:EE:5E:6B:4B:0D:32:55:BF:EF:95:60:18:90:AF:D8:07:09",
        "10: error: tlsfingerprint = 'DA:39:A3:EE:5E:6B:4B:0D:32:55:BF:EF:95:6...' is not valid: it is as long as a SHA-1, and SHA-256 is needed; write what openssl x509 -noout -fingerprint -sha256 -in CERTIFICATE prints behind '='",
    ),
    (
        "tls=yes\ntlscafile=ca\ntlsverify=no",
        "11: error: there are 'tlscafile' and 'tlsverify = no', and only one of them can count; keep one of them; lines that a template brings count as well",
    ),
    (
        "tls=yes\ntlscafile=ca\ntlsfingerprint=PIN",
        "10: error: there are 'tlsfingerprint' and 'tlscafile', and only one of them can count; keep one of them; lines that a template brings count as well",
    ),
    (
        "tls=yes\ntlscafile=missing",
        "10: error: tlscafile = 'missing': the file cannot be read: No such file or directory (os error 2); check the path and the permissions",
    ),
    (
        "tls=yes\ntlscafile=key",
        "10: error: tlscafile = 'key' holds no certificate in PEM form; name a file with certificates, each from BEGIN CERTIFICATE to END CERTIFICATE",
    ),
    (
        "tls=yes\ntlscafile=junk",
        "10: error: tlscafile = 'junk' holds a certificate that cannot be used: invalid peer certificate: BadEncoding; remove it from the file, or make it anew",
    ),
    (
        "tls=yes\ntlscafile=ca\ntlsservername=a b",
        "11: error: tlsservername = 'a b' is no name that a certificate can have; write tlsservername = and the DNS name or the address in Asterisk's certificate",
    ),
    (
        "tls=yes\ntlscafile=ca\nhost=a..b",
        "11: error: host = 'a..b' is no name that a certificate can have; write tlsservername = and the DNS name or the address in Asterisk's certificate",
    ),
    ("tls=yes\ntlscafile=ca\nhost=a..b\ntlsservername=pbx", ""),
    (
        "tls=yes\ntlscafile=ca\ntlsprivatekey=key",
        "11: error: there is a 'tlsprivatekey' without 'tlscertfile'; write tlscertfile = and the certificate that the key belongs to",
    ),
    (
        "tls=yes\ntlscafile=ca\ntlscertfile=ca",
        "11: error: tlscertfile = 'ca' holds no private key, and there is no 'tlsprivatekey'; write tlsprivatekey = and the file with the key",
    ),
];

#[test]
fn mistakes_are_told_with_place_and_remedy() {
    let ca = Authority::new("ca");
    let key = self_signed("x").key;
    let junk = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    let files = [
        ("ca", ca.certificate.as_str()),
        ("key", &key),
        ("junk", junk),
    ];
    for (lines, expected) in WRONG {
        let lines = lines.replace("PIN", &"0".repeat(64));
        let (_, report) = load(&lines, &files);
        let expected = match *expected {
            "" => String::new(),
            text => format!("amimux.conf:{text}"),
        };
        assert_eq!(report, expected, "{lines}");
    }
}

#[test]
fn amimux_does_not_connect_to_its_own_tls_port() {
    let pair = self_signed("localhost");
    let both = pair.both();
    let pin = Fingerprint::of(&pair.der());
    let report = |host: &str, port: u16, listens: &str| {
        let main = format!(
            "[general]\nbindaddr=127.0.0.1\nport=5038\n{listens}\n[pbx]\ntype=upstream\nhost={host}\nport={port}\n\
             username=mux\nsecret=hunter2\ntls=yes\ntlsfingerprint={pin}\n{USER}"
        );
        load_files(&[("amimux.conf", main.as_str()), ("both", &both)]).1
    };
    let listens = "tlsenable=yes\ntlscertfile=both";
    let expected = |host: &str| {
        format!(
            "amimux.conf:8: error: the upstream 'pbx' is at {host}:5039, where amimux itself listens; \
                 give [general] another port for TLS, such as tlsbindaddr = 127.0.0.1:5040"
        )
    };
    assert_eq!(report("127.0.0.1", 5039, listens), expected("127.0.0.1"));
    assert_eq!(report("localhost", 5039, listens), expected("localhost"));
    assert_eq!(report("127.0.0.1", 5040, listens), "");
    assert_eq!(report("127.0.0.1", 5039, "debug=no\nenabled=yes"), "");
}

#[test]
fn what_is_read_again_and_is_the_same_connects_alike() {
    let (one, other) = (Authority::new("one"), Authority::new("other"));
    let (ca, both) = (
        &one.certificate,
        format!("{}{}", other.certificate, one.certificate),
    );
    let turned = format!("{}{}", one.certificate, other.certificate);
    let pair = one.issue("mux");
    let own = format!("{}{}", pair.certificate, pair.key);
    let files = [
        ("ca", ca.as_str()),
        ("same", ca.as_str()),
        ("both", both.as_str()),
        ("turned", turned.as_str()),
        ("own", own.as_str()),
    ];
    let pin = |digit: &str| format!("tlsfingerprint={}", digit.repeat(64));
    let made_of = |lines: &str| upstream(lines, &files).made_of;
    for (lines, like) in [
        ("tlscafile=ca", "tlscafile=same"),
        ("tlscafile=both", "tlscafile=turned"),
        ("tlscafile=ca", "tlscafile=ca\ntlsservername=pbx.example"),
        (pin("a").as_str(), pin("A").as_str()),
    ] {
        assert_eq!(made_of(lines), made_of(like), "{lines}, {like}");
    }
    let different = [
        "tlscafile=ca",
        "tlscafile=both",
        "tlscafile=ca\ntlsservername=other.example",
        "tlscafile=ca\ntlscertfile=own",
        "tlsverify=no",
        &pin("a"),
        &pin("b"),
    ];
    let hashes: std::collections::HashSet<_> = different.iter().map(|l| made_of(l)).collect();
    assert_eq!(hashes.len(), different.len());
}
