//! Tests of the simulated PBX as a client sees it.

mod calls;
mod faults;
mod originate;
mod recorded;
mod server;
mod sessions;

use std::time::Duration;

use super::{ConnectionId, Pbx, PbxOptions};
use crate::policy::class::Classes;
use crate::sim::SimUser;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A quiet PBX with a user for every purpose.
fn options() -> PbxOptions {
    let all = Classes::ALL;
    let mut once = SimUser::new("once", "once-secret", all, all);
    once.allow_multiple_login = false;
    PbxOptions {
        users: vec![
            SimUser::new("all", "all-secret", all, all),
            SimUser::new("call", "call-secret", Classes::CALL, Classes::CALL),
            SimUser::new("nothing", "nothing-secret", Classes::NONE, Classes::NONE),
            once,
        ],
        record: true,
        ..PbxOptions::default()
    }
}

/// Everything that waits for a connection, taken away.
fn take(pbx: &mut Pbx, id: ConnectionId) -> String {
    let output = pbx.output(id).split();
    String::from_utf8_lossy(&output).into_owned()
}

/// Sends lines joined by CRLF, with the blank line, and takes what comes at once.
fn ask(pbx: &mut Pbx, id: ConnectionId, now: Duration, lines: &[&str]) -> String {
    let request = [lines.join("\r\n").as_bytes(), b"\r\n\r\n"].concat();
    pbx.input(id, now, &request);
    take(pbx, id)
}

/// A connection logged in as `user`, whose output is empty.
fn logged_in(pbx: &mut Pbx, now: Duration, user: &str, events: &str) -> ConnectionId {
    let id = pbx.connect(now);
    let (name, secret) = (
        format!("Username: {user}"),
        format!("Secret: {user}-secret"),
    );
    let answer = ask(
        pbx,
        id,
        now,
        &[
            "Action: Login",
            &name,
            &secret,
            &format!("Events: {events}"),
        ],
    );
    assert!(answer.contains("Authentication accepted"), "{answer}");
    id
}

/// The frames of a stream, without the blank lines between them.
fn frames(text: &str) -> Vec<&str> {
    let frames = text.split("\r\n\r\n");
    frames
        .map(|frame| frame.trim_start_matches("\r\n"))
        .filter(|frame| !frame.is_empty())
        .collect()
}
