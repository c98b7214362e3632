//! What the guides say is what the program says: the reference is the table of options, texts that troubleshooting quotes
//! are those of the source, libraries that are called tested are tested, and every document is listed.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends by panicking"
)]

use std::path::PathBuf;
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_reference_is_the_table_of_options() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_amimux"))
        .args(["generate", "reference"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let generated = std::fs::read_to_string(folder.path().join("configuration.md")).unwrap();
    let differs = generated
        .lines()
        .zip(read("docs/configuration.md").lines())
        .find(|(generated, written)| generated != written)
        .map(|(generated, written)| format!("\nis        {written}\nshould be {generated}"));
    assert!(
        generated == read("docs/configuration.md"),
        "docs/configuration.md is not what the table of options says; mend it with\n\
         cargo run -- generate reference docs{}",
        differs.unwrap_or_default()
    );
}
