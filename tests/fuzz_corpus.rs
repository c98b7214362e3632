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
