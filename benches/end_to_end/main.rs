//! Measures amimux end to end: `cargo bench --bench end_to_end`, with `-- --quick` in about a minute.
//!
//! Contestants run side by side in one run, each as a process of its own; amimux is the real program with a
//! configuration file. Source (a fake Asterisk) and readers are threads of this process, so that they share a clock.
//! What is measured is the CPU time of the contestant's process, as the kernel accounts for it, and latency.

mod aims;
mod asterisk;
mod child;
mod client;
mod contestants;
mod event;
mod fanout;
mod fanout_table;
mod limits;
mod options;
mod readers;
mod report;
mod requests;
mod sessions;
mod window;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use self::options::{Internal, Options, Section};
use self::report::Report;

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failed) => complain(&format!("{failed} runs failed")),
        Err(error) => complain(&format!("{error:#}")),
    }
}

fn complain(text: &str) -> ExitCode {
    // Where nobody listens, the exit code tells.
    let _ = writeln!(std::io::stderr(), "end_to_end: {text}");
    ExitCode::FAILURE
}

/// Returns how many runs failed.
fn run() -> anyhow::Result<usize> {
    let options = Options::parse();
    if let Some(Internal::Contestant {
        name,
        source,
        clients,
    }) = &options.internal
    {
        contestants::run(name, *source, *clients)?;
        return Ok(0);
    }
    if options.is_a_test() {
        return Ok(0);
    }
    limits::raise();
    limits::grow_table();
    child::end_with_signals()?;
    let mut report = Report::default();
    report.machine();
    if options.wants(Section::Fanout) {
        fanout_table::fanout(&options, &mut report);
    }
    if options.wants(Section::Views) {
        fanout_table::views(&options, &mut report);
    }
    if options.wants(Section::Actions) || options.wants(Section::Flood) {
        requests::measure(&options, &mut report);
    }
    if options.wants(Section::Idle) {
        sessions::idle(&options, &mut report);
    }
    if options.wants(Section::Logins) {
        sessions::logins(&options, &mut report);
    }
    aims::print(&report);
    report.load_after();
    report.finish(options.json.as_deref())
}
