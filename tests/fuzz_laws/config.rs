//! Any bytes as configuration: it loads or is refused, in time and without panic; every error names a line that is
//! there; and what was loaded once is loaded again, with a comment behind it too. The input is the main file, or
//! several files with a line `--` between them, the later of which are `a.conf`, `b.conf` and so on.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use amimux::config::diagnostics::Report;
use amimux::config::settings::Settings;
use amimux::config::{Environment, load};

/// Longest input: what is slow shows itself in less.
const BYTES_MAX: usize = 8192;

/// Names of the files; what is beyond them is left out.
const NAMES: [&str; 4] = ["amimux.conf", "a.conf", "b.conf", "c.conf"];

pub fn hold(data: &[u8]) {
    if data.len() > BYTES_MAX {
        return;
    }
    let files = split(&tame(data));
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (name, bytes) in NAMES.iter().zip(&files) {
        write(&directory.path().join(name), bytes);
    }
    let main = directory.path().join(NAMES[0]);
    let begin = Instant::now();
    let (settings, report) = load(&main, &Environment::default());
    assert!(begin.elapsed() < Duration::from_secs(5), "too slow");
    assert_eq!(settings.is_some(), !report.has_errors(), "{report}");
    places_exist(directory.path(), &files, &report);

    let (again, same) = load(&main, &Environment::default());
    assert_eq!(report, same, "read twice");
    assert_eq!(shown(settings.as_ref()), shown(again.as_ref()), "twice");

    write(&main, &[&files[0], b"\n; behind it\n".as_slice()].concat());
    let (commented, _) = load(&main, &Environment::default());
    assert_eq!(shown(settings.as_ref()), shown(commented.as_ref()));
}

/// Without what leads out of the directory: a slash in a line that may be an include, or name a file with a secret.
fn tame(data: &[u8]) -> Vec<u8> {
    let mut tame = Vec::with_capacity(data.len());
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        let lower = line.to_ascii_lowercase();
        let leads = |word: &[u8]| lower.windows(word.len()).any(|part| part == word);
        let escapes = leads(b"#") || leads(b"file");
        let kept = |byte: &u8| {
            if escapes && *byte == b'/' {
                b'_'
            } else {
                *byte
            }
        };
        tame.extend(line.iter().map(kept));
    }
    tame
}

fn split(data: &[u8]) -> Vec<Vec<u8>> {
    let mut files = vec![Vec::new()];
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        if line == b"--\n" {
            files.push(Vec::new());
        } else if let Some(file) = files.last_mut() {
            file.extend_from_slice(line);
        }
    }
    files
}

fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("a file is written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("it is ours");
}

/// Everything that is said is about a line of a file, or about the main file as a whole.
fn places_exist(directory: &Path, files: &[Vec<u8>], report: &Report) {
    for diagnostic in report.diagnostics() {
        let place = &diagnostic.location;
        let name = Path::new(&*place.file).strip_prefix(directory);
        let name = name.expect("a file of ours").to_str().expect("its name");
        let index = NAMES.iter().position(|other| *other == name);
        let index = index.unwrap_or_else(|| panic!("there is no {name}: {diagnostic}"));
        let lines = files[index].split(|byte| *byte == b'\n').count();
        assert!(place.line as usize <= lines, "of {lines}: {diagnostic}");
        assert!(place.line > 0 || index == 0, "no line: {diagnostic}");
        assert!(!diagnostic.what.is_empty() && !diagnostic.remedy.is_empty());
    }
}

/// Settings as text, users in order.
fn shown(settings: Option<&Settings>) -> Vec<String> {
    let Some(settings) = settings else {
        return Vec::new();
    };
    let users = settings.users.iter().map(|user| format!("{user:?}"));
    let mut users: Vec<_> = users.collect();
    users.sort();
    users.push(format!("{:?} {:?}", settings.general, settings.upstreams));
    users
}
