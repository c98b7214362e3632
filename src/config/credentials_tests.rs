//! Tests of tokens and of names of certificates.

use crate::config::http::tests::served;
use crate::config::testing::{Files, load_files, load_text, set_mode};
use crate::config::tls::testing::{Authority, self_signed};
use crate::config::{Environment, load};

const TOKEN: &str = "hunter-0123456789/+=";

#[test]
fn tokens_are_taken_from_the_section_or_a_file() {
    let main = served(&format!(
        "[a]\nwebtoken={TOKEN}\n[b]\nsecret=hunter4\nwebtokenfile=token\n"
    ));
    let (settings, report) = load_files(&[
        ("amimux.conf", &main),
        ("token", "hunter-abcdefghijklmnop\n"),
    ]);
    assert_eq!(report, "", "a user with a token needs no secret");
    let users = settings.unwrap().users;
    let token = |name: &[u8]| users.get(name).unwrap().web_token.clone().unwrap();
    assert!(token(b"a").matches(TOKEN.as_bytes()));
    assert!(token(b"b").matches(b"hunter-abcdefghijklmnop"));
    assert!(!format!("{users:?}").contains("hunter"));
}

#[test]
fn what_is_wrong_with_tokens() {
    let more = "write what 'openssl rand -hex 32' prints";
    let cases = [
        ("webtoken=hunter-0123456789ab".to_owned(), format!("16: error: the token of 'a' has less than 20 characters; {more}")),
        ("webtoken=".to_owned(), format!("16: error: the token of 'a' has less than 20 characters; {more}")),
        (format!("webtoken={}", "hunter".repeat(171)), format!("16: error: the token of 'a' has more than 1024 characters; {more}")),
        ("webtoken=hunter 0123456789abcdef".to_owned(), format!("16: error: the token of 'a' has characters other than letters, digits, and -._~+/; {more}")),
        ("webtoken=hunter=0123456789abcdef".to_owned(), format!("16: error: the token of 'a' has characters other than letters, digits, and -._~+/; {more}")),
        ("webtoken=====================".to_owned(), format!("16: error: the token of 'a' has characters other than letters, digits, and -._~+/; {more}")),
        ("webtokenfile=missing".to_owned(), "16: error: webtokenfile = 'missing': the file cannot be read: No such file or directory (os error 2); check the path and the permissions".to_owned()),
        (format!("webtoken={TOKEN}\nwebtokenfile=token"), "17: error: 'a' has 'webtoken' and 'webtokenfile', and only one of them can count; keep one of them; lines that a template brings count as well".to_owned()),
        (format!("webtoken={TOKEN}\n[b](a)"), "16: error: 'b' and 'a' have the same token, which would not tell who comes; give each a token of its own; lines that a template brings count as well".to_owned()),
        (format!("webtoken={TOKEN}\n[b]\nwebtokenfile=token"), "18: error: 'b' and 'a' have the same token, which would not tell who comes; give each a token of its own; lines that a template brings count as well".to_owned()),
    ];
    for (lines, expected) in cases {
        let main = served(&format!("[a]\n{lines}"));
        let (_, report) = load_files(&[("amimux.conf", &main), ("token", TOKEN)]);
        assert_eq!(report, format!("amimux.conf:{expected}"), "{lines}");
    }
}

#[test]
fn tokens_need_http_and_https() {
    let text = served(&format!("[a]\nwebtoken={TOKEN}"));
    let (_, report) = load_text(
        &text
            .replace("webenabled=yes", "webenabled=no")
            .replace("\nenabled=yes", "\nenabled=no"),
    );
    assert_eq!(
        report,
        "amimux.conf:16: warning: the token of 'a' is of no use: HTTP is not served; write webenabled = yes in [general], and [http] with enabled = yes"
    );
    let (_, report) = load_text(&text.replace(
        "enabled=yes\nbindaddr=127.0.0.1",
        "enabled=yes\nbindaddr=192.0.2.1",
    ));
    assert_eq!(
        report,
        "amimux.conf:16: warning: the token of 'a' is taken over HTTPS and from this machine only, and there is no HTTPS; write tlsenable = yes and tlscertfile in [http]"
    );
}

#[test]
fn a_file_with_a_token_should_be_private() {
    let main = format!("{}#include token.conf\n", served("[a]"));
    let files = Files::new(&[
        ("amimux.conf", &main),
        ("token.conf", &format!("webtoken={TOKEN}\n")),
    ]);
    set_mode(&files.path("token.conf"), 0o644);
    let report = files.text(&load(&files.path("amimux.conf"), &Environment::default()).1);
    assert_eq!(
        report,
        "token.conf: warning: the file holds secrets and everybody on this machine can read it; run chmod o-r on it"
    );
}

#[test]
fn names_of_certificates_need_a_port_that_asks_for_them() {
    let (both, ca) = (self_signed("localhost").both(), Authority::new("ca"));
    let tls = "tlsenable=yes\ntlscertfile=both\ntlscafile=ca\ntlsclientcert=optional";
    let off = tls.replace("optional", "no");
    let nobody = "nobody can log in as 'a': no port asks clients for the certificate that 'tlsclientname' is about";
    let cases = [
        (
            format!("{tls}\ntlsbindaddr=127.0.0.1:5040"),
            String::new(),
            false,
        ),
        (String::new(), tls.to_owned(), false),
        (String::new(), String::new(), true),
        (format!("{off}\ntlsbindaddr=127.0.0.1:5040"), off, true),
        (format!("{tls}\ntlsenable=no"), String::new(), true),
    ];
    for (general, http, warned) in cases {
        let main = served(&format!("{http}\n[a]\ntlsclientname=A.example")).replacen(
            "webenabled=yes",
            &format!("webenabled=yes\n{general}"),
            1,
        );
        let (settings, report) = load_files(&[
            ("amimux.conf", &main),
            ("both", &both),
            ("ca", &ca.certificate),
        ]);
        assert_eq!(
            report.contains(nobody),
            warned,
            "{general} {http}: {report}"
        );
        assert_eq!(report.lines().count(), usize::from(warned), "{report}");
        let user = settings.unwrap().users.get(b"a").cloned().unwrap();
        assert_eq!(user.tls_client_name.as_deref(), Some("A.example"));
    }
    let (_, report) = load_text(&served("[a]\ntlsclientname="));
    assert_eq!(
        report,
        "amimux.conf:16: error: 'tlsclientname' has no value; write a value after '=', or remove the line"
    );
}
