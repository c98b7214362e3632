//! Byte for byte, amimux answers as Asterisk does: logins, actions, refusals, lists and odd
//! input, each sent once to Asterisk and once through amimux. Where amimux means to differ,
//! the reason stands with the case.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends by panicking"
)]

mod actions;
mod case;
mod exchanges;
mod logins;
mod odd_input;
mod requests;
#[path = "../support/mod.rs"]
mod support;

use support::{Amimux, Asterisk};

#[test]
fn amimux_answers_as_asterisk_does() {
    let asterisk = Asterisk::start();
    let amimux = Amimux::before(&asterisk);
    // A call that stays, for the lists.
    asterisk.cli("channel originate Local/102@ami-test application Wait 3600");
    support::until("a call", || {
        (asterisk
            .cli("core show channels concise")
            .matches("!Wait!3600!")
            .count()
            == 2)
            .then_some(())
    });
    // Originates come last: their calls would show up in what others receive.
    let cases: Vec<_> = [
        logins::cases(),
        actions::cases(),
        actions::of_lesser_users(),
        odd_input::cases(),
        exchanges::cases(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let faults: Vec<_> = cases
        .iter()
        .filter_map(
            |case| match (case.attempt(asterisk.ami_port), case.attempt(amimux.port)) {
                (Ok(direct), Ok(through)) => case.fault(&direct, &through),
                (Err(fault), _) | (_, Err(fault)) => Some(fault),
            },
        )
        .collect();
    assert!(
        faults.is_empty(),
        "{} of {} exchanges differ\n\n{}",
        faults.len(),
        cases.len(),
        faults.join("\n\n")
    );
}
