//! What a package has besides the program: manual pages that man shows without a complaint, completions that the shells
//! can read, and documents that agree with the program.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

fn run(program: &str, arguments: &[&Path]) -> Output {
    Command::new(program)
        .args(arguments)
        .env("MANWIDTH", "80")
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}: it must be installed"))
}

/// The files that `amimux generate` writes.
fn generated(what: &str) -> (TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_amimux"))
        .args(["generate", what])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let files = std::fs::read_dir(folder.path()).unwrap();
    let mut files: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    (folder, files)
}

fn names(files: &[PathBuf]) -> Vec<&str> {
    files
        .iter()
        .map(|file| file.file_name().unwrap().to_str().unwrap())
        .collect()
}

/// The page as man shows it.
fn shown(page: &Path) -> String {
    let warnings = Path::new("--warnings");
    let output = run("man", &[warnings, Path::new("-l"), page]);
    assert!(output.status.success(), "{output:?}");
    let complaints = String::from_utf8(output.stderr).unwrap();
    assert_eq!(complaints, "", "{}", page.display());
    let text = String::from_utf8(output.stdout).unwrap();
    // Letters in bold are overstruck where man writes to a pipe.
    let mut plain = String::new();
    for character in text.chars() {
        match character {
            '\u{8}' => drop(plain.pop()),
            _ => plain.push(character),
        }
    }
    plain
}

#[test]
fn manual_pages_are_shown_without_a_complaint() {
    let (_folder, pages) = generated("man");
    let expected = [
        "amimux-check.1",
        "amimux-demo.1",
        "amimux-explain.1",
        "amimux-filter-test.1",
        "amimux-hash-secret.1",
        "amimux-import.1",
        "amimux-kick.1",
        "amimux-log.1",
        "amimux-reload.1",
        "amimux-run.1",
        "amimux-show-command.1",
        "amimux-show-commands.1",
        "amimux-show-connected.1",
        "amimux-show-filters.1",
        "amimux-show-sessions.1",
        "amimux-show-settings.1",
        "amimux-show-upstreams.1",
        "amimux-show-user.1",
        "amimux-show-users.1",
        "amimux-show-views.1",
        "amimux-show.1",
        "amimux-status.1",
        "amimux-tap.1",
        "amimux-top.1",
        "amimux.1",
    ];
    assert_eq!(names(&pages), expected);
    let mut all = String::new();
    for page in &pages {
        all.push_str(&shown(page));
    }
    for part in [
        "amimux-run(1)",
        "--log-format",
        "Exit codes",
        "78",
        "SEE ALSO",
        "amimux.conf(5)",
    ] {
        assert!(all.contains(part), "no {part} in\n{all}");
    }

    let (_folder, pages) = generated("conf-man");
    assert_eq!(names(&pages), ["amimux.conf.5"]);
    let page = shown(&pages[0]);
    for part in [
        "bindaddr",
        "eventfilter",
        "Default:",
        "OPTIONS: USERS",
        "SEE ALSO",
        "amimux(1)",
    ] {
        assert!(page.contains(part), "no {part} in\n{page}");
    }
}

#[test]
fn shells_can_read_the_completions() {
    let (_folder, files) = generated("completions");
    assert_eq!(names(&files), ["_amimux", "amimux.bash", "amimux.fish"]);
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        for part in ["filter-test", "log-format"] {
            assert!(text.contains(part), "{}: no {part}", file.display());
        }
    }
    let output = run("bash", &[Path::new("-n"), &files[1]]);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn documents_name_every_exit_code() {
    let help = run(env!("CARGO_BIN_EXE_amimux"), &[Path::new("--help")]);
    let help = String::from_utf8(help.stdout).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = std::fs::read_to_string(root.join("docs/install.md")).unwrap();
    let source = std::fs::read_to_string(root.join("src/cli/exit.rs")).unwrap();
    let codes: Vec<_> = source
        .lines()
        .filter_map(|line| line.split_once(": u8 = ")?.1.strip_suffix(';'))
        .collect();
    assert_eq!(codes.len(), 7, "{codes:?}");
    for code in codes {
        assert!(document.contains(&format!("\n| {code} | ")), "{code}");
        assert!(help.contains(&format!("{code} ")), "{code}\n{help}");
    }
}

#[test]
fn alerts_ask_for_limits_that_there_are() {
    use amimux::hub::limit::Limit;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging");
    let rules = std::fs::read_to_string(root.join("prometheus-rules.yml")).unwrap();
    let names: Vec<_> = Limit::ALL.iter().map(|limit| limit.name()).collect();
    let lists = rules.split("{limit").skip(1).collect::<Vec<_>>();
    assert_eq!(lists.len(), 3);
    for list in lists {
        let list = list.trim_start_matches(['=', '~', '"']);
        for name in list.split('"').next().unwrap().split('|') {
            assert!(names.contains(&name), "{name}");
        }
    }
}
