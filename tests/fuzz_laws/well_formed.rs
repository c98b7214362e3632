//! Whether a document is well-formed XML with namespaces, as far as ours go: elements, attributes and text, no more.

use std::collections::BTreeSet;

/// Panics where a browser's parser would stop.
pub fn check(document: &[u8]) {
    let text = std::str::from_utf8(document).expect("UTF-8");
    assert!(text.chars().all(is_character), "characters of XML");
    let mut open: Vec<&str> = Vec::new();
    let mut roots = 0;
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        assert!(
            !open.is_empty() || before.trim().is_empty(),
            "text outside of the document"
        );
        text_of(before);
        if let Some(tag) = tag.strip_prefix("</") {
            let (name, behind) = tag.split_once('>').expect("a tag that ends");
            assert_eq!(open.pop(), Some(name), "elements are nested");
            rest = behind;
            continue;
        }
        let (name, attributes) = name(&tag[1..]);
        let (closed, behind) = attributes_of(attributes);
        roots += usize::from(open.is_empty());
        if !closed {
            open.push(name);
        }
        rest = behind;
    }
    assert!(
        rest.trim().is_empty() && open.is_empty(),
        "everything is closed"
    );
    assert_eq!(roots, 1, "one document");
}

const fn is_character(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// The name at the start of `text`, and what is behind it. Names of other letters are none of ours.
fn name(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "_-.".contains(c)));
    let (name, behind) = text.split_at(end.expect("something is behind a name"));
    assert!(
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'),
        "{name:?} is no name"
    );
    (name, behind)
}

/// Passes over attributes; whether the tag closes itself, and what is behind it.
fn attributes_of(text: &str) -> (bool, &str) {
    let mut seen = BTreeSet::new();
    let mut rest = text;
    loop {
        let trimmed = rest.trim_start();
        if let Some(behind) = trimmed.strip_prefix("/>") {
            return (true, behind);
        }
        if let Some(behind) = trimmed.strip_prefix('>') {
            return (false, behind);
        }
        assert_ne!(trimmed.len(), rest.len(), "a blank before an attribute");
        let (name, behind) = name(trimmed);
        assert!(seen.insert(name), "{name} is there twice");
        assert_ne!(name, "xmlns", "no namespaces");
        let value = behind.strip_prefix("='").expect("a value");
        let (value, behind) = value.split_once('\'').expect("a value that ends");
        assert!(!value.contains('<'));
        text_of(value);
        rest = behind;
    }
}

/// Every `&` in `text` is one of the five entities that every parser knows.
fn text_of(text: &str) {
    for behind in text.split('&').skip(1) {
        let entity = behind.split_once(';').map(|(entity, _)| entity);
        assert!(
            matches!(entity, Some("amp" | "lt" | "gt" | "quot" | "apos")),
            "&{behind}"
        );
    }
}
