//! What Asterisk 22.10.1 was recorded to answer in `tests/data/http`: the same answer as AMI text, XML and HTML.

use std::collections::BTreeSet;
use std::path::PathBuf;

use bytes::BytesMut;

use super::page::ErrorPage;
use super::{html, xml};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/http")
}

fn recorded(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap()
}

/// The names of all answers recorded in each form.
fn answers() -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let answers: BTreeSet<String> = names
        .filter_map(|name| Some(name.strip_suffix(".raw")?.to_owned()))
        .collect();
    assert!(answers.len() > 15, "the recordings were not found");
    answers
}

/// Bytes as characters, one each, so that they can be compared and shown.
fn text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// Where the XML is meant to differ: what Asterisk wrote, and what stands there (the bytes of U+FFFD as characters).
const DIFFERENCES: &[(&str, &str)] = &[
    ("key='1' key='2'", "key='1' key-2='2'"),
    ("a_b='1' a_b='2'", "a_b='1' a_b-2='2'"),
    ("a\x01b\x1fc\x7f", "aï¿½bï¿½cï¿½"),
    ("latin: éÿ", "latin: ï¿½ï¿½"),
    ("cut: Ã", "cut: ï¿½"),
];

#[test]
fn xml_is_asterisks() {
    for name in answers() {
        let (dest, object): (&[u8], &[u8]) = match name.as_str() {
            "dest" => (b"the-dest", b"thing"),
            _ => (b"", b""),
        };
        let mut out = BytesMut::new();
        xml::write(&recorded(&format!("{name}.raw")), dest, object, &mut out);
        let mut expected = text(&recorded(&format!("{name}.xml")));
        if name == "user-event-ill" {
            for (asterisks, ours) in DIFFERENCES {
                assert_eq!(expected.matches(asterisks).count(), 1, "{asterisks}");
                expected = expected.replace(asterisks, ours);
            }
        }
        assert_eq!(text(&out), expected, "{name}");
    }
}

#[test]
fn html_is_asterisks() {
    for name in answers() {
        let mut out = BytesMut::new();
        html::write(
            &recorded(&format!("{name}.raw")),
            html::Form::Cookie,
            &mut out,
        );
        assert_eq!(
            text(&out),
            text(&recorded(&format!("{name}.html"))),
            "{name}"
        );
    }
    let answer =
        b"Response: Success\r\nActionID: p\r\nVariable: GREETING\r\nValue: hello world\r\n\r\n";
    let mut out = BytesMut::new();
    html::write(answer, html::Form::Digest, &mut out);
    assert_eq!(text(&out), text(&recorded("getvar.digest.html")));
}

#[test]
fn error_pages_are_asterisks() {
    for (name, page) in [
        ("400-request", ErrorPage::INVALID_REQUEST),
        ("400-line", ErrorPage::REQUEST_LINE_TOO_LONG),
        ("400-length", ErrorPage::INVALID_LENGTH),
        ("401", ErrorPage::UNAUTHORIZED),
        ("403", ErrorPage::PERMISSION_DENIED),
        ("404", ErrorPage::NOT_FOUND),
        ("413-body", ErrorPage::BODY_TOO_LARGE),
        ("413-headers", ErrorPage::TOO_MANY_HEADERS),
        ("501", ErrorPage::NOT_IMPLEMENTED),
        ("501-transfer-encoding", ErrorPage::TRANSFER_ENCODING),
    ] {
        let mut out = BytesMut::new();
        page.write(Some("Asterisk/22.10.1+dfsg+~cs6.17.60671434-1"), &mut out);
        assert_eq!(
            text(&out),
            text(&recorded(&format!("{name}.page"))),
            "{name}"
        );
        assert!(name.starts_with(&page.status.to_string()));
    }
}
