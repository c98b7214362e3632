//! Asterisk goes and comes back under load, and applications stay connected: they are told
//! why their actions fail meanwhile, and need not do anything for them to work again.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends by panicking"
)]

mod support;

use serde_json::Value;
use support::{Amimux, Asterisk, CallLoad, Library, Program};

/// How many of each library are connected when Asterisk goes.
const COPIES: usize = 20;

fn applications(amimux: &Amimux) -> Vec<Program> {
    let copies = (0..COPIES).flat_map(|copy| Library::ALL.map(|library| (copy, library)));
    let programs = copies.map(|(copy, library)| {
        let user = format!("app{}", copy % 4 + 1);
        Program::start(
            library,
            amimux.port,
            &user,
            &format!("{user}-secret"),
            &format!("copy{copy}{library:?}"),
            &["--through-restart"],
        )
    });
    programs.collect()
}

fn each_says(programs: &mut [Program], state: &str) {
    for program in programs {
        program.wait_for(&format!("\"{state}\""));
    }
}

/// The faults in what an application reports at its end.
fn faults(program: Program) -> Vec<String> {
    let lines = match program.finish() {
        Ok(lines) => lines,
        Err(complaint) => return vec![complaint],
    };
    let Some(report) = lines
        .last()
        .and_then(|line| serde_json::from_str::<Value>(line).ok())
    else {
        return vec![format!("no report: {lines:?}")];
    };
    let number = |name: &str| {
        report[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{name} in {report}"))
    };
    let messages: Vec<_> = report["messages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let names_the_cause = |text: &&str| {
        ["upstream", "asterisk"]
            .iter()
            .any(|cause| text.to_lowercase().contains(cause))
    };
    let checks = [
        (
            number("reconnects") == 0 && number("losses") == 0,
            "it stayed connected",
        ),
        (
            number("wrong_id") == 0,
            "every answer had the ActionID of its action",
        ),
        (number("errors") > 0, "it was told that Asterisk was away"),
        (
            !messages.is_empty() && messages.iter().all(names_the_cause),
            "errors name the cause",
        ),
        (
            number("ok_at_end") > 0 && number("events_at_end") > 0,
            "answers and events came again",
        ),
    ];
    checks
        .iter()
        .filter(|(holds, _)| !holds)
        .map(|(_, wanted)| format!("not so: {wanted}: {report}"))
        .collect()
}

fn applications_live_through(go: fn(&mut Asterisk)) {
    let mut asterisk = Asterisk::start();
    let amimux = Amimux::before(&asterisk);
    let load = CallLoad::start(&asterisk, 4);
    let mut programs = applications(&amimux);
    each_says(&mut programs, "ok");
    go(&mut asterisk);
    each_says(&mut programs, "error");
    let before = load.started();
    asterisk.start_again();
    each_says(&mut programs, "ok");
    support::until("calls after the restart", || {
        (load.started() > before).then_some(())
    });
    for program in &mut programs {
        program.tell("stop");
    }
    let found: Vec<_> = programs.into_iter().flat_map(faults).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn applications_live_through_a_crash_of_asterisk() {
    applications_live_through(Asterisk::crash);
}

#[test]
fn applications_live_through_an_orderly_restart_of_asterisk() {
    applications_live_through(Asterisk::stop);
}
