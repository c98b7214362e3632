//! Digest against the examples of the RFCs and against headers that Asterisk 22.10.1 accepted.

use proptest::prelude::*;

use super::*;
use crate::policy::class::Classes;
use crate::policy::fixtures::user;
use crate::policy::secret_hash::SecretHash;

const RFC_2617: &str = "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", \
    nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", qop=auth, nc=00000001, cnonce=\"0a4f113b\", \
    response=\"6629fae49393a05397450978507c4ef1\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";

/// The example of RFC 2069 with the response that its erratum gives.
const RFC_2069: &str = "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", \
    nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", \
    response=\"1949323746fe6a43ef61f9606e7febea\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";

fn of(name: &str, secret: &str) -> User {
    User {
        credential: Credential::Secret(Secret::new(secret)),
        ..user(name, Classes::NONE)
    }
}

fn proved(
    header: &str,
    user: Option<&User>,
    realm: &str,
    method: &str,
) -> Result<(), LoginFailure> {
    Authorization::parse(header.as_bytes())
        .unwrap()
        .prove(user, realm, method)
}

#[test]
fn the_examples_of_the_rfcs() {
    const REALM: &str = "testrealm@host.com";
    for (header, secret) in [(RFC_2617, "Circle Of Life"), (RFC_2069, "CircleOfLife")] {
        let mufasa = of("Mufasa", secret);
        assert_eq!(proved(header, Some(&mufasa), REALM, "GET"), Ok(()));
        for (user, realm, method) in [
            (of("Mufasa", "circle of life"), REALM, "GET"),
            (of("mufasa", secret), REALM, "GET"),
            (of("Mufasa", secret), "asterisk", "GET"),
            (of("Mufasa", secret), REALM, "POST"),
        ] {
            let failure = Err(LoginFailure::WrongKey);
            assert_eq!(
                proved(header, Some(&user), realm, method),
                failure,
                "{user:?} {realm} {method}"
            );
        }
        for (part, other) in [
            ("/dir/", "/dir2/"),
            ("dcd98", "dcd99"),
            ("a43", "a44"),
            ("50978507", "50978508"),
        ] {
            let changed = header.replacen(part, other, 1);
            if changed != header {
                assert_eq!(
                    proved(&changed, Some(&mufasa), REALM, "GET"),
                    Err(LoginFailure::WrongKey),
                    "{changed}"
                );
            }
        }
    }
}

#[test]
fn what_asterisk_accepted() {
    let upstream = of("upstream", "upstream-secret");
    for (nonce, response, rest) in [
        (
            "65f0c4d5",
            "00768be5d7a82bf0678a17287500c1ff",
            ", qop=auth, nc=00000001, cnonce=\"abcdef\"",
        ),
        (
            "28227a7a",
            "1683eaf4e4c5ee1d088d1d66de4dfea7",
            ", qop=auth, nc=0000000A, cnonce=\"abcdef\"",
        ),
        ("6b4e42d4", "44b9a52ed3b79e1a5f143f0165730e48", ""),
        ("6b4e42d4", "44B9A52ED3B79E1A5F143F0165730E48", ""),
    ] {
        let header = format!(
            "Digest username=\"upstream\", realm=\"asterisk\", nonce=\"{nonce}\", uri=\"/arawman?action=ping\", response=\"{response}\"{rest}"
        );
        assert_eq!(
            proved(&header, Some(&upstream), "asterisk", "GET"),
            Ok(()),
            "{header}"
        );
        // The name counts as it is configured, whatever the client calls itself.
        let header = header.replace("\"upstream\"", "\"UPSTREAM\"");
        assert_eq!(
            proved(&header, Some(&upstream), "asterisk", "GET"),
            Ok(()),
            "{header}"
        );
    }
}

#[test]
fn who_has_no_secret_cannot_use_it() {
    // What glibc prints for a secret that is not there opens no door here.
    let uri = "/arawman";
    let response = |secret: &str| {
        let who = hash(&[b"nobody", b"asterisk", secret.as_bytes()]);
        hash(&[
            who.as_bytes(),
            b"1",
            hash(&[b"GET", uri.as_bytes()]).as_bytes(),
        ])
    };
    let hash = SecretHash::create(b"(null)", [1; 16], 16, 1).unwrap();
    let with = |credential| User {
        credential,
        ..of("nobody", "")
    };
    let users = [
        (with(Credential::None), LoginFailure::NoSecret),
        (with(Credential::Hash(hash)), LoginFailure::Md5OfHash),
        (
            User {
                login_forms: LoginForms::Plain,
                ..of("nobody", "(null)")
            },
            LoginFailure::Md5Forbidden,
        ),
    ];
    for secret in ["", "(null)", "a user that does not exist"] {
        let header = format!(
            "Digest username=\"nobody\", realm=\"asterisk\", nonce=\"1\", uri=\"{uri}\", response=\"{}\"",
            response(secret)
        );
        for (user, failure) in &users {
            assert_eq!(
                proved(&header, Some(user), "asterisk", "GET"),
                Err(*failure),
                "{secret}"
            );
        }
        assert_eq!(
            proved(&header, None, "asterisk", "GET"),
            Err(LoginFailure::UnknownUser)
        );
    }
}

#[test]
fn the_request_that_they_were_made_for() {
    for (uri, expected) in [
        ("/arawman?action=ping", true),
        ("http://pbx:8088/arawman?action=ping", true),
        ("https://pbx/arawman?action=ping", true),
        ("/arawman", false),
        ("/arawman?", false),
        ("/arawman?action=logoff", false),
        ("/arawman?action=ping&x=y", false),
        ("/x/arawman?action=ping", false),
        ("/ARAWMAN?action=ping", false),
        ("//arawman?action=ping", false),
        ("http://pbx/x/arawman?action=ping", false),
        ("http://pbx", false),
        ("http:/arawman?action=ping", false),
        ("x", false),
    ] {
        let response = "0".repeat(32);
        let header =
            format!("Digest username=a, realm=r, nonce=n, uri=\"{uri}\", response={response}");
        let read = Authorization::parse(header.as_bytes()).unwrap();
        assert_eq!(read.is_for("/arawman?action=ping"), expected, "{uri}");
    }
}

#[test]
fn fields() {
    let header = "digest  NC=0000000a ,, qop = \"auth\",cnonce=\"x\\\"y\", userhash=false, algorithm=md5,\
        username=\"a\\\\b, c\",realm=r,nonce=\"0123456789abcdef0123456789ABCDEF\" ,uri=\"/x?a=b,c\", response=\
        \"6629FAE49393a05397450978507c4ef1\", ";
    let read = Authorization::parse(header.as_bytes()).unwrap();
    assert_eq!(read.username(), b"a\\b, c");
    assert!(read.is_for("/x?a=b,c"));
    assert_eq!(
        read.nonce(),
        Some(Nonce::new(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef))
    );
    assert_eq!(read.nonce_count(), Some(10));
    assert_eq!(read.response, b"6629fae49393a05397450978507c4ef1");
    assert_eq!(read.count.unwrap().client_nonce, b"x\"y");
    let old = Authorization::parse(RFC_2069.as_bytes()).unwrap();
    assert_eq!(
        (old.nonce_count(), old.nonce()),
        (None, None),
        "34 digits are no nonce of ours"
    );
}

#[test]
fn what_is_refused() {
    let cases = [
        ("Digest ", "Basic ", DigestError::Scheme),
        ("Digest ", "Digest", DigestError::Scheme),
        ("uri=\"/dir/index.html\", ", "", DigestError::Missing("uri")),
        (
            "realm=\"testrealm@host.com\"",
            "realm=\"\"",
            DigestError::Missing("realm"),
        ),
        (
            "username=\"Mufasa\"",
            "user=\"Mufasa\"",
            DigestError::Missing("username"),
        ),
        ("nc=00000001", "nc=1", DigestError::Qop),
        ("nc=00000001", "nc=+0000001", DigestError::Qop),
        ("nc=00000001, ", "", DigestError::Qop),
        (", cnonce=\"0a4f113b\"", "", DigestError::Qop),
        ("qop=auth", "qop=auth-int", DigestError::Qop),
        ("opaque=", "algorithm=", DigestError::Algorithm),
        (
            "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
            "algorithm=SHA-256",
            DigestError::Algorithm,
        ),
        ("qop=auth,", "qop=auth, uri=\"/\",", DigestError::Malformed),
        ("qop=auth,", "qop=auth", DigestError::Malformed),
        ("qop=auth,", "qop,", DigestError::Malformed),
        ("qop=auth,", "qop=,", DigestError::Malformed),
        ("qop=auth,", "=auth,", DigestError::Malformed),
        (
            "f9f0171e9517f40e41\"",
            "f9f0171e9517f40e41",
            DigestError::Malformed,
        ),
        (
            "f9f0171e9517f40e41\"",
            "f9f0171e9517f40e41\\",
            DigestError::Malformed,
        ),
        ("Mufasa", "Mu\nfasa", DigestError::Malformed),
        ("6629f", "6629g", DigestError::Response),
        ("6629f", "662", DigestError::Response),
    ];
    for (part, other, error) in cases {
        let header = RFC_2617.replacen(part, other, 1);
        assert_ne!(header, RFC_2617);
        assert_eq!(
            Authorization::parse(header.as_bytes()),
            Err(error),
            "{header}"
        );
    }
    assert_eq!(Authorization::parse(b""), Err(DigestError::Scheme));
    assert_eq!(
        Authorization::parse(&[b'x'; BYTES_MAX + 1]),
        Err(DigestError::TooLong)
    );
}

#[test]
fn the_challenge() {
    let nonce = Nonce::new(0xabc);
    assert_eq!(
        challenge("asterisk", nonce, 0x56d4, false),
        "Digest algorithm=MD5, realm=\"asterisk\", nonce=\"00000000000000000000000000000abc\", qop=\"auth\", opaque=\"000056d4\""
    );
    let stale = challenge("a\"b\\", nonce, 1, true);
    assert!(
        stale.contains("realm=\"a\\\"b\\\\\", ")
            && stale.ends_with(", opaque=\"00000001\", stale=true"),
        "{stale}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// What a client makes of the challenge is proved, whatever the names hold; quoting does not change it.
    #[test]
    fn made_and_proved(name in "[ -~é]{1,20}", secret in "[ -~é]{0,20}", realm in "[ -~]{1,20}", uri in "/[!-~]{0,30}", nc: u32) {
        let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let user = of(&name, &secret);
        let who = hash(&[name.as_bytes(), realm.as_bytes(), secret.as_bytes()]);
        let what = hash(&[b"POST", uri.as_bytes()]);
        let count = format!("{nc:08x}");
        let response = hash(&[who.as_bytes(), b"n", count.as_bytes(), b"c", b"auth", what.as_bytes()]);
        let header = format!(
            "Digest username={}, realm={}, uri={}, nonce=n, qop=auth, nc={count}, cnonce=c, response={response}",
            quoted(&name), quoted(&realm), quoted(&uri),
        );
        let read = Authorization::parse(header.as_bytes()).unwrap();
        prop_assert_eq!(read.username(), name.as_bytes());
        prop_assert_eq!(read.nonce_count(), Some(nc));
        prop_assert_eq!(read.prove(Some(&user), &realm, "POST"), Ok(()));
        prop_assert_eq!(read.prove(Some(&of(&name, &format!("{secret}x"))), &realm, "POST"), Err(LoginFailure::WrongKey));
    }

    #[test]
    fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..60), at in 0..RFC_2617.len()) {
        let mut header = RFC_2617.as_bytes().to_vec();
        let end = header.len().min(at + bytes.len());
        header.splice(at..end, bytes);
        let _read = Authorization::parse(&header);
    }
}

#[test]
fn what_is_shown_of_a_header_helps_nobody_to_guess() {
    let header = Authorization::parse(RFC_2617.as_bytes()).unwrap();
    assert_eq!(
        format!("{header:?}"),
        "Authorization { username: \"Mufasa\", .. }"
    );
}
