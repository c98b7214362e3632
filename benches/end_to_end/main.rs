//! Measures amimux end to end: `cargo bench --bench end_to_end`, with `-- --quick` in about four minutes.
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
mod identity;
mod limits;
mod options;
mod others;
mod readers;
mod report;
mod requests;
mod sessions;
mod share;
#[path = "../../tests/support/mod.rs"]
mod support;
mod tls;
mod web;
mod window;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use serde_json::json;

use self::options::{Internal, Options, Section};
use self::report::Report;

/// Makes one kind of measurement.
type Measure = fn(&Options, &mut Report);

/// What is measured, and in which order; two of them in one.
const MEASUREMENTS: [(&[Section], Measure); 8] = [
    (&[Section::Fanout], fanout_table::fanout),
    (&[Section::Views], fanout_table::views),
    (&[Section::Actions, Section::Flood], requests::measure),
    (&[Section::Idle], sessions::idle),
    (&[Section::Logins], sessions::logins),
    (&[Section::Tls], tls::measure),
    (&[Section::Web], web::measure),
    (&[Section::Asterisk], share::measure),
];

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
    if std::env::args()
        .nth(1)
        .is_some_and(|first| first == "--list")
    {
        // A test runner asks which tests there are: none.
        return Ok(0);
    }
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
    report.machine(options.quick);
    for (sections, measure) in MEASUREMENTS {
        if !sections.iter().any(|section| options.wants(*section)) {
            continue;
        }
        let (others, ()) = others::share_during(|| measure(&options, &mut report));
        let percent = others * 100.0;
        report.line(&format!(
            "  (others used {percent:.0} % of the machine meanwhile)"
        ));
        let names = sections
            .iter()
            .map(|section| format!("{section:?}").to_lowercase());
        let names = names.collect::<Vec<_>>();
        let entry = json!({ "sections": names, "share": others });
        report.record("used_by_others", entry);
    }
    aims::tell(&mut report);
    report.load_after();
    report.finish(options.json.as_deref())
}
