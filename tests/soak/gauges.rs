//! What a process takes, as Linux tells it, and whether it takes ever more.

use std::fmt::Write;
use std::path::PathBuf;

/// Growth of resident memory that is no leak: a part of what there was, and this many KiB.
const GROWTH_KIBIBYTES: u64 = 2 * 1024;
const GROWTH_PART: f64 = 0.1;

/// More files open than before that are no leak.
const GROWTH_FILES: u64 = 8;

/// One look at a process.
#[derive(Debug, Default, Clone, Copy)]
pub struct Sample {
    pub resident_kibibytes: u64,
    pub files: u64,
    pub threads: u64,
    /// Processor time so far, in hundredths of a second.
    pub cpu: u64,
}

impl Sample {
    /// Looks at the process; `None` if it is gone.
    pub fn of(pid: u32) -> Option<Self> {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        let status = std::fs::read_to_string(folder.join("status")).ok()?;
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
        // Behind the name, which may hold anything, the state is the third field.
        let (_, fields) = stat.rsplit_once(')')?;
        let field = |number: usize| {
            fields
                .split_whitespace()
                .nth(number - 3)?
                .parse::<u64>()
                .ok()
        };
        Some(Self {
            resident_kibibytes: number("VmRSS:")?,
            files: std::fs::read_dir(folder.join("fd")).ok()?.count() as u64,
            threads: number("Threads:")?,
            cpu: field(14)? + field(15)?,
        })
    }
}

/// What lies in the middle of these numbers.
fn median(mut numbers: Vec<u64>) -> u64 {
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied().unwrap_or(0)
}

/// Compares the last third of a run with the one before it: what grew, in words, and whether it grew too much.
pub fn growth(samples: &[Sample]) -> (String, bool) {
    let third = samples.len() / 3;
    let (second, last) = samples[third..].split_at(third);
    let (mut text, mut grew) = (String::new(), false);
    let mut compare = |what: &str, value: fn(&Sample) -> u64, most: &dyn Fn(u64) -> u64| {
        let before = median(second.iter().map(value).collect());
        let after = median(last.iter().map(value).collect());
        grew |= after > most(before);
        let _ = write!(
            text,
            "{what} {before} -> {after} (at most {}); ",
            most(before)
        );
    };
    compare(
        "RSS in KiB",
        |sample| sample.resident_kibibytes,
        &|before| before + (before as f64 * GROWTH_PART) as u64 + GROWTH_KIBIBYTES,
    );
    compare("descriptors", |sample| sample.files, &|before| {
        before + GROWTH_FILES
    });
    (text, grew)
}

#[test]
fn growth_is_seen_and_noise_is_not() {
    let run = |value: fn(u64) -> Sample| (0..300).map(value).collect::<Vec<_>>();
    let steady = run(|second| Sample {
        resident_kibibytes: 30_000 + second % 7 * 1000,
        files: 60 + second % 11,
        ..Sample::default()
    });
    assert!(!growth(&steady).1, "{}", growth(&steady).0);
    let leaking = run(|second| Sample {
        resident_kibibytes: 20_000 + second * 100,
        ..Sample::default()
    });
    assert!(growth(&leaking).1, "{}", growth(&leaking).0);
    let forgetful = run(|second| Sample {
        files: 60 + second / 10,
        ..Sample::default()
    });
    assert!(growth(&forgetful).1, "{}", growth(&forgetful).0);
    // Memory that is taken at the beginning and kept is none of it.
    let warm = run(|second| Sample {
        resident_kibibytes: 30_000 + second.min(90) * 500,
        ..Sample::default()
    });
    assert!(!growth(&warm).1, "{}", growth(&warm).0);
}

#[test]
fn a_process_is_looked_at() {
    let own = Sample::of(std::process::id()).unwrap();
    assert!(own.resident_kibibytes > 100 && own.files >= 3 && own.threads >= 1);
}
