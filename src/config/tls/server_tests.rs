//! Tests of ports that speak TLS: what the options come to in a handshake, and what is said of mistakes.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ProtocolVersion, RootCertStore, ServerConfig, version};

use super::*;
use crate::config::testing::{BASE, Files, USER, load_files};
use crate::config::tls::provider;
use crate::config::tls::testing::{Authority, Pair, self_signed, shake, version_1};
use crate::config::{Environment, load as load_path};

/// A configuration with these lines in `[general]` from line 2 on.
pub(super) fn with_general(lines: &str) -> String {
    format!("{BASE}{USER}").replacen("[general]\n", &format!("[general]\n{lines}\n"), 1)
}

/// The listener of a configuration with these lines, and the report.
pub(super) fn load(lines: &str, files: &[(&str, &str)]) -> (Option<TlsListener>, String) {
    let main = with_general(lines);
    let mut all = vec![("amimux.conf", main.as_str())];
    all.extend(files);
    let (settings, report) = load_files(&all);
    (settings.and_then(|settings| settings.general.tls), report)
}

fn server(lines: &str, files: &[(&str, &str)]) -> Arc<ServerConfig> {
    let lines = format!("tlsenable=yes\ntlsbindaddr=127.0.0.1:5040\n{lines}");
    let (listener, report) = load(&lines, files);
    assert_eq!(report, "", "{lines}");
    listener.unwrap().tls
}

fn client(
    authority: &Authority,
    identity: Option<&Pair>,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.der()).unwrap();
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    Arc::new(match identity {
        None => builder.with_no_client_auth(),
        Some(pair) => {
            let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
            builder
                .with_client_auth_cert(vec![pair.der()], key)
                .unwrap()
        }
    })
}

const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS12, &version::TLS13];

#[test]
fn a_listener_shows_its_certificate() {
    let authority = Authority::new("ca");
    let pair = authority.issue("localhost");
    let both = pair.both();
    let forms: [(&str, &[(&str, &str)]); 3] = [
        ("tlscertfile=d/both.pem", &[("d/both.pem", &both)]),
        (
            "tlscertfile=c.pem\ntlsprivatekey=k.pem",
            &[("c.pem", &pair.certificate), ("k.pem", &pair.key)],
        ),
        (
            "sslcert=c.pem\nsslprivatekey=k.pem",
            &[("c.pem", &pair.certificate), ("k.pem", &both)],
        ),
    ];
    for (lines, files) in forms {
        let server = server(lines, files);
        let (client, _) = shake(&client(&authority, None, BOTH), &server, "localhost").unwrap();
        assert_eq!(
            client.protocol_version(),
            Some(ProtocolVersion::TLSv1_3),
            "{lines}"
        );
        assert_eq!(client.peer_certificates().unwrap(), [pair.der()]);
        assert_eq!(server.max_fragment_size, None);
        assert!(server.alpn_protocols.is_empty() && server.ignore_client_order);
        assert!(server.ticketer.enabled());
        let shown = format!("{server:?}");
        assert!(!shown.contains("PrivateKey"), "{shown}");
    }
}

#[test]
fn a_chain_is_shown_whole() {
    let (root, other) = (Authority::new("ca"), Authority::new("other"));
    let pair = root.issue("localhost");
    let chain = format!("{}{}", pair.both(), other.certificate);
    let server = server("tlscertfile=c", &[("c", &chain)]);
    let (client, _) = shake(&client(&root, None, BOTH), &server, "localhost").unwrap();
    assert_eq!(
        client.peer_certificates().unwrap(),
        [pair.der(), other.der()]
    );
}

#[test]
fn versions_and_suites_are_those_that_are_wanted() {
    let authority = Authority::new("ca");
    let both = authority.issue("localhost").both();
    let (old, new): (&[_], &[_]) = (&[&version::TLS12], &[&version::TLS13]);
    // The key is ECDSA.
    let cases = [
        ("", old, Some("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384")),
        (
            "tlsdisablev1=yes\ntlsdisablev11=yes\ntlsdisablev12=no",
            old,
            Some("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
        ),
        ("tlsdisablev12=yes", old, None),
        ("tlsdisablev12=yes", new, Some("TLS13_AES_256_GCM_SHA384")),
        (
            "tlscipher=CHACHA20",
            old,
            Some("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
        ),
        (
            "tlscipher=AES128:AES256",
            old,
            Some("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
        ),
        (
            "tlscipher=AES128:AES256\ntlsservercipherorder=no",
            old,
            Some("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
        ),
        ("tlscipher=AES128", new, Some("TLS13_AES_256_GCM_SHA384")),
        (
            "tlscipher=TLS_CHACHA20_POLY1305_SHA256",
            new,
            Some("TLS13_CHACHA20_POLY1305_SHA256"),
        ),
        ("tlscipher=TLS_CHACHA20_POLY1305_SHA256", old, None),
        ("tlscipher=aRSA", old, None),
        ("tlscipher=ALL:!TLSv1.3", new, None),
        (
            "tlscipher=",
            old,
            Some("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
        ),
    ];
    for (lines, versions, expected) in cases {
        let server = server(&format!("tlscertfile=c\n{lines}"), &[("c", &both)]);
        let shaken = shake(&client(&authority, None, versions), &server, "localhost");
        let suite = shaken
            .ok()
            .map(|(client, _)| format!("{:?}", client.negotiated_cipher_suite().unwrap().suite()));
        assert_eq!(suite.as_deref(), expected, "{lines}");
    }
}

#[test]
fn clients_are_asked_for_certificates() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let both = ours.issue("localhost").both();
    let (known, unknown) = (ours.issue("crm"), theirs.issue("crm"));
    let cases = [
        ("tlsclientcert=no", Some(true), Some(true), Some(true)),
        (
            "tlsclientcert=optional\ntlscafile=ca",
            Some(true),
            Some(true),
            None,
        ),
        (
            "tlsclientcert=require\ntlscafile=ca",
            None,
            Some(true),
            None,
        ),
    ];
    for (lines, without, with, wrong) in cases {
        let server = server(
            &format!("tlscertfile=c\n{lines}"),
            &[("c", &both), ("ca", &ours.certificate)],
        );
        for (identity, expected) in [
            (None, without),
            (Some(&known), with),
            (Some(&unknown), wrong),
        ] {
            let shaken = shake(&client(&ours, identity, BOTH), &server, "localhost");
            assert_eq!(
                shaken.is_ok(),
                expected.is_some(),
                "{lines} {}",
                identity.is_some()
            );
            if let (Ok((_, server)), Some(identity)) = (&shaken, identity) {
                let asked = !lines.ends_with("no");
                let shown = server.peer_certificates().map(<[_]>::to_vec);
                assert_eq!(shown, asked.then(|| vec![identity.der()]), "{lines}");
            }
        }
    }
}

#[test]
fn where_tls_is_spoken() {
    let both = self_signed("localhost").both();
    let bind = |lines: &str, plain: &str| {
        let main = with_general(&format!("tlsenable=yes\ntlscertfile=c\n{lines}"))
            .replace("bindaddr=127.0.0.1\nport=5039", plain);
        let (settings, report) = load_files(&[("amimux.conf", &main), ("c", &both)]);
        match settings {
            Some(settings) => settings.general.tls.unwrap().bind.to_string(),
            None => report,
        }
    };
    let both_at = |at: &str, address: &str, line: u32| {
        format!(
            "amimux.conf:{line}: error: TLS and plain connections would both be accepted at {at}; \
                 write tlsbindaddr = {address} with another port, or give the plain port another number"
        )
    };
    let here = "bindaddr=127.0.0.1\nport=5038";
    let cases = [
        ("", here, "127.0.0.1:5039".to_owned()),
        ("", "bindaddr=::1\nport=6000", "[::1]:5039".to_owned()),
        ("tlsbindaddr=0.0.0.0", here, "0.0.0.0:5039".to_owned()),
        ("tlsbindaddr=[::1]", here, "[::1]:5039".to_owned()),
        ("tlsbindaddr=::1", here, "[::1]:5039".to_owned()),
        ("tlsbindaddr=[::]:7000", here, "[::]:7000".to_owned()),
        (
            "sslbindaddr=192.0.2.1:700",
            here,
            "192.0.2.1:700".to_owned(),
        ),
        (
            "tlsbindaddr=192.0.2.1:5038",
            here,
            "192.0.2.1:5038".to_owned(),
        ),
        (
            "",
            "bindaddr=127.0.0.1\nport=5039",
            both_at("127.0.0.1:5039", "127.0.0.1", 2),
        ),
        (
            "tlsbindaddr=0.0.0.0:5038",
            here,
            both_at("0.0.0.0:5038", "0.0.0.0", 4),
        ),
        ("tlsbindaddr=[::]:5038", here, both_at("[::]:5038", "::", 4)),
        (
            "tlsbindaddr=::1",
            "bindaddr=::\nport=5039",
            both_at("[::1]:5039", "::1", 4),
        ),
    ];
    for (lines, plain, expected) in cases {
        assert_eq!(bind(lines, plain), expected, "{lines} {plain}");
    }
}

#[test]
fn certificates_out_of_their_time_are_warned_of() {
    let authority = Authority::new("ca");
    let main = with_general("tlsenable=yes\ntlsbindaddr=127.0.0.1:5040\ntlscertfile=both");
    let day = Duration::from_secs(86_400);
    // The 31st of December 2025 is the 20,453rd day after the 1st of January 1970.
    let now = 20_453 * day;
    let cases = [
        (2020..2026, Some(now), None),
        (
            2020..2026,
            Some(now + 2 * day),
            Some("expired on Jan  1 00:00:00 2026 +00:00; have it renewed"),
        ),
        (
            2026..2030,
            Some(now),
            Some(
                "is not valid before Jan  1 00:00:00 2026 +00:00; correct this machine's clock, or wait",
            ),
        ),
        (2026..2030, Some(now + 2 * day), None),
        (2000..2001, None, None),
    ];
    for (years, since_1970, expected) in cases {
        let both = authority.issue_for("localhost", years.clone()).both();
        let files = Files::new(&[("amimux.conf", main.as_str()), ("both", &both)]);
        let environment = Environment {
            since_1970,
            ..Environment::default()
        };
        let (settings, report) = load_path(&files.path("amimux.conf"), &environment);
        assert!(settings.unwrap().general.tls.is_some(), "{years:?}");
        let expected = expected.map_or_else(String::new, |text| format!(
            "amimux.conf:4: warning: the first certificate in tlscertfile = 'both' {text}; the other side will refuse it"
        ));
        assert_eq!(files.text(&report), expected, "{years:?}");
    }
}

#[test]
fn certificates_of_version_1_are_served_with_a_warning() {
    let both = version_1().both();
    let (listener, report) = load(
        "tlsenable=yes\ntlsbindaddr=127.0.0.1:5040\ntlscertfile=both",
        &[("both", &both)],
    );
    assert!(listener.is_some());
    assert_eq!(
        report,
        "amimux.conf:4: warning: the first certificate in tlscertfile = 'both' is not of version 3: many programs \
                        refuse it; make a certificate of version 3 with the name of this machine as subjectAltName"
    );
    let other = self_signed("localhost").key;
    let (_, report) = load(
        "tlsenable=yes\ntlsbindaddr=127.0.0.1:5040\ntlscertfile=both\ntlsprivatekey=other",
        &[("both", &both), ("other", &other)],
    );
    assert!(
        report.starts_with(
            "amimux.conf:5: error: the first certificate in tlscertfile = 'both' cannot be used; "
        ),
        "{report}"
    );
}

#[test]
fn certificates_are_read_again() {
    let (first, second) = (self_signed("localhost"), self_signed("localhost"));
    let main = with_general("tlsenable=yes\ntlsbindaddr=127.0.0.1:5040\ntlscertfile=both");
    let files = Files::new(&[("amimux.conf", main.as_str()), ("both", &first.both())]);
    let show = || {
        let (settings, _) = load_path(&files.path("amimux.conf"), &Environment::default());
        let tls = settings.unwrap().general.tls.unwrap().tls;
        let authority = Authority::new("nobody");
        let error = shake(&client(&authority, None, BOTH), &tls, "localhost").unwrap_err();
        assert!(error.to_string().contains("UnknownIssuer"), "{error}");
        format!("{:?}", tls.cert_resolver)
    };
    let (before, again) = (show(), show());
    assert_eq!(before, again);
    std::fs::write(files.path("both"), second.both()).unwrap();
    assert_ne!(show(), before);
}

#[test]
fn addresses_overlap() {
    let cases = [
        ("127.0.0.1:1", "127.0.0.1:1", true),
        ("127.0.0.1:1", "127.0.0.1:2", false),
        ("127.0.0.1:1", "127.0.0.2:1", false),
        ("0.0.0.0:1", "127.0.0.2:1", true),
        ("0.0.0.0:1", "[::1]:1", false),
        ("[::]:1", "[::1]:1", true),
        ("[::]:1", "127.0.0.1:1", true),
        ("[::]:1", "0.0.0.0:1", true),
    ];
    for (one, other, expected) in cases {
        let (a, b) = (one.parse().unwrap(), other.parse().unwrap());
        assert_eq!(overlap(a, b), expected, "{one} {other}");
        assert_eq!(overlap(b, a), expected, "{other} {one}");
    }
}
