//! The limit of open files: thousands of clients need more than a shell usually allows.

use std::os::unix::process::CommandExt;
use std::process::Command;

/// Files that a run has open at most.
const FILES_MAX: u64 = 20_000;

/// Set in the process that has raised its limit.
const RAISED: &str = "AMIMUX_BENCH_LIMIT_RAISED";

/// The soft and the hard limit.
fn limits() -> Option<(u64, u64)> {
    let text = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    let mut numbers = line
        .split_ascii_whitespace()
        .map(|field| field.parse().unwrap_or(u64::MAX));
    Some((numbers.next()?, numbers.next()?))
}

/// How many files this process may have open.
pub(crate) fn open_files() -> u64 {
    limits().map_or(1024, |(soft, _)| soft)
}

/// Starts this program anew with the highest limit that is allowed; where that fails, things stay as they are.
pub(crate) fn raise() {
    let higher = limits().is_some_and(|(soft, hard)| soft < hard);
    if !higher || std::env::var_os(RAISED).is_some() {
        return;
    }
    if let Ok(program) = std::env::current_exe() {
        // Only an error returns.
        let _ = Command::new("sh")
            .args(["-c", "ulimit -n \"$(ulimit -Hn)\"; exec \"$0\" \"$@\""])
            .arg(program)
            .args(std::env::args_os().skip(1))
            .env(RAISED, "1")
            .exec();
    }
}

/// Has the kernel make the table of open files as large as it will have to be. Later, with several threads, each
/// growth would stop the bench for milliseconds, which would look like a contestant's latency.
pub(crate) fn grow_table() {
    let files = (0..open_files().saturating_sub(50).min(FILES_MAX))
        .map_while(|_| std::fs::File::open("/dev/null").ok())
        .collect::<Vec<_>>();
    drop(files);
}
