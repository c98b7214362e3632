//! Under load, a session of amimux receives exactly the events that a session of Asterisk
//! with the same rights, mask and filters receives: the same bytes in the same order.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends by panicking"
)]

mod support;

use std::io::Write;
use std::net::TcpStream;
use std::thread::JoinHandle;
use support::{AmiClient, Amimux, Asterisk, CallLoad};

/// How long a stretch of events is compared, in events of the fullest session.
const EVENTS: usize = 2000;

/// A kind of session: user, mask, and the event that marks the stretch for it. The latter
/// has to be one that this session receives, so it is empty where that is none.
const SESSIONS: &[(&str, &str, &str)] = &[
    ("app1", "on", "UserEvent: Mark-"),
    ("app2", "call", "Device: Custom:mark-"),
    ("app3", "user", "UserEvent: Mark-"),
    ("app4", "call,cdr", "Device: Custom:mark-"),
    ("app1", "dialplan", "Variable: mark-"),
    ("app2", "user,agent,dtmf,reporting", "UserEvent: Mark-"),
    ("callonly", "on", "Device: Custom:mark-"),
    ("readonly", "on", "UserEvent: Mark-"),
    ("filtered", "on", "UserEvent: Mark-"),
    ("filtered2", "on", "UserEvent: Mark-"),
    ("nothing", "on", ""),
    ("app3", "off", ""),
];

/// Has Asterisk raise one event of each of three classes, to mark a moment for all sessions.
fn mark(control: &mut AmiClient, moment: &str) {
    let (user, variable) = (format!("Mark-{moment}"), format!("mark-{moment}"));
    let command = format!("devstate change Custom:mark-{moment} BUSY");
    control.action(&[
        ("Action", "Setvar"),
        ("ActionID", "var"),
        ("Variable", &variable),
        ("Value", "x"),
    ]);
    control.action(&[
        ("Action", "Command"),
        ("ActionID", "dev"),
        ("Command", &command),
    ]);
    control.action(&[
        ("Action", "UserEvent"),
        ("ActionID", moment),
        ("UserEvent", &user),
        ("Text", "ACTIONID: x"),
    ]);
    control.read_until(&format!("ActionID: {moment}\r\n"));
}

/// What a session received from its first mark to its last, less security events: those tell
/// of logins at Asterisk itself, and amimux tells of its own.
fn record(mut client: AmiClient, mark: &str, last: &str) -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = Vec::new();
    let (begin, end) = (format!("\r\n{mark}begin\r\n"), format!("\r\n{mark}end\r\n"));
    let holds =
        |message: &[u8], text: &str| memchr::memmem::find(message, text.as_bytes()).is_some();
    while let Some(message) = client.read_message() {
        if holds(&message, last) {
            break;
        }
        let wanted = !messages.is_empty() || holds(&message, &begin) || mark.is_empty();
        if wanted && !holds(&message, "\r\nPrivilege: security,all\r\n") {
            messages.push(message);
        }
        if !mark.is_empty() && messages.last().is_some_and(|message| holds(message, &end)) {
            break;
        }
    }
    messages
}

/// A session of each kind at one port, recorded by threads.
struct Recordings {
    threads: Vec<JoinHandle<Vec<Vec<u8>>>>,
    /// Those that hear no mark.
    unmarked: Vec<TcpStream>,
}

impl Recordings {
    fn begin(port: u16) -> Self {
        let mut recordings = Self {
            threads: Vec::new(),
            unmarked: Vec::new(),
        };
        for &(user, events, mark) in SESSIONS {
            let mut client = AmiClient::session(port, user, events);
            client.action(&[("Action", "Ping"), ("ActionID", "logged-in")]);
            client.read_until("ActionID: logged-in\r\n");
            if mark.is_empty() {
                recordings.unmarked.push(client.writer());
            }
            recordings.threads.push(std::thread::spawn(move || {
                record(client, mark, "ActionID: over\r\n")
            }));
        }
        recordings
    }

    /// What each session received; called after the last mark was set.
    fn finish(mut self) -> Vec<Vec<Vec<u8>>> {
        for writer in &mut self.unmarked {
            writer
                .write_all(b"Action: Ping\r\nActionID: over\r\n\r\n")
                .expect("a session that is open");
        }
        self.threads
            .into_iter()
            .map(|thread| thread.join().expect("a recording"))
            .collect()
    }
}

#[test]
fn sessions_receive_what_asterisk_would_send_them() {
    let asterisk = Asterisk::start();
    let amimux = Amimux::before(&asterisk);
    let mut control = AmiClient::session(asterisk.ami_port, "second", "off");
    let mut counter = AmiClient::session(asterisk.ami_port, "second", "on");
    let direct = Recordings::begin(asterisk.ami_port);
    let through = Recordings::begin(amimux.port);
    let load = CallLoad::start(&asterisk, 5);
    mark(&mut control, "begin");
    for _ in 0..EVENTS {
        counter.read_message().expect("events under load");
    }
    mark(&mut control, "end");
    assert!(load.started() > 0, "there were calls");
    let mut differences = Vec::new();
    for ((direct, through), (user, events, mark)) in direct
        .finish()
        .into_iter()
        .zip(through.finish())
        .zip(SESSIONS)
    {
        assert_eq!(
            mark.is_empty(),
            direct.is_empty(),
            "{user}, {events}: Asterisk sent {} messages",
            direct.len()
        );
        if let Some(difference) = difference(&direct, &through) {
            differences.push(format!("{user}, Events: {events}: {difference}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn difference(direct: &[Vec<u8>], through: &[Vec<u8>]) -> Option<String> {
    let at = direct
        .iter()
        .zip(through)
        .take_while(|(one, other)| one == other)
        .count();
    if at == direct.len() && at == through.len() {
        return None;
    }
    let show = |messages: &[Vec<u8>]| {
        messages.get(at).map_or_else(
            || "nothing".to_owned(),
            |message| message.escape_ascii().to_string(),
        )
    };
    Some(format!(
        "message {at} of {} differs ({} came)\n  Asterisk sent {}\n  amimux sent   {}",
        direct.len(),
        through.len(),
        show(direct),
        show(through)
    ))
}
