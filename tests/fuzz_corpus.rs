//! The committed seeds of every fuzz target, held against its law as ordinary tests.

#![allow(clippy::unwrap_used, reason = "a broken assumption fails the test")]

mod fuzz_laws;
mod hub_harness;
mod simulation;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fuzz_laws::TARGETS;

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The names in a folder, less the ending.
fn stems(folder: &Path, ending: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .map(|name| name.trim_end_matches(ending).to_owned())
        .collect()
}

#[test]
fn every_target_has_a_law_and_seeds() {
    let laws: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(stems(&fuzz_folder().join("fuzz_targets"), ".rs"), laws);
    assert_eq!(stems(&fuzz_folder().join("seeds"), ""), laws);
}

#[test]
fn every_seed_keeps_its_law() {
    let mut broken = Vec::new();
    for (name, law) in TARGETS {
        let mut seeds = 0;
        for entry in fs::read_dir(fuzz_folder().join("seeds").join(name)).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            if std::panic::catch_unwind(|| law(&bytes)).is_err() {
                broken.push(path);
            }
            seeds += 1;
        }
        assert!(seeds > 0, "{name} has no seeds");
    }
    assert!(broken.is_empty(), "seeds break their law: {broken:?}");
}

#[test]
fn the_checker_of_xml_sees_what_is_ill_formed() {
    let is_well_formed =
        |text: &[u8]| std::panic::catch_unwind(|| fuzz_laws::well_formed::check(text)).is_ok();
    for good in [
        &b"<a>\n<b c='1' d='&lt;'>x &amp; y</b><e /></a>\n"[..],
        b"<a/>",
    ] {
        assert!(is_well_formed(good), "{}", good.escape_ascii());
    }
    for ill in [
        &b"<a b='1' b='2' />"[..],
        b"<a b='<' />",
        b"<a b='&' />",
        b"<a b='&nbsp;' />",
        b"<a b='\x01' />",
        b"<a b='\xff' />",
        b"<a b='1'c='2' />",
        b"<a ='1' />",
        b"<a 1='1' />",
        b"<a><b></a></b>",
        b"<a>",
        b"<a/><a/>",
        b"<a/>text",
        b"",
    ] {
        assert!(!is_well_formed(ill), "{}", ill.escape_ascii());
    }
    // What Asterisk wrote is where ours differs.
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/http");
    assert!(is_well_formed(
        &fs::read(data.join("user-event.xml")).unwrap()
    ));
    assert!(!is_well_formed(
        &fs::read(data.join("user-event-ill.xml")).unwrap()
    ));
}
