//! The same events through any filters: for each of more than a hundred sets of filters, a session of amimux is sent
//! what a session of Asterisk with the same lines is sent, the same bytes in the same order, of real calls and of
//! events made up for the purpose.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends by panicking"
)]

mod support;

use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

use support::{AmiClient, Amimux, Asterisk, until};

/// Sets of filters, one a line; `&` stands between the lines of a set, `eventfilter` is left out.
const SETS: &str = include_str!("data/filters.txt");

/// What the events made up for the purpose say, besides their names.
const MADE_UP: &[&[u8]] = &[
    b"Text: plain",
    b"Text: two\r\nText: values",
    b"Text:\r\nText: after an empty one",
    b"Text:   three blanks first",
    b"Text: \tand a tab",
    b"Text: trailing ",
    b"text: lower case name",
    b"Text : blank before the colon",
    b"Empty:",
    b"Utf8: \xc5\xbc\xc3\xb3\xc5\x82\xc4\x87 \xe2\x9c\x93",
    b"Broken: \xff\xfe a \xc3",
    b"Meta: a.b*c(d)[e]{f}|g^h$i\\j",
    b"Number: 16",
    b"Number: 160",
    b"Number: 116",
    b"Privilege: call,all\r\nEvent: Hangup",
    b"Long: 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
];

struct Set {
    name: String,
    lines: String,
}

fn sets() -> Vec<Set> {
    let sets = SETS
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    sets.enumerate()
        .map(|(number, set)| Set {
            name: format!("f{number}"),
            lines: set
                .split(" & ")
                .map(|line| format!("eventfilter{line}\n"))
                .collect(),
        })
        .collect()
}

fn sections(sets: &[Set]) -> String {
    sets.iter()
        .map(|Set { name, lines }| {
            format!("\n[{name}]\nsecret = {name}-secret\nread = call,user,agent,dialplan,cdr,dtmf\nwrite = system\nwritetimeout = 10000\n{lines}")
        })
        .collect()
}

/// Makes calls of several kinds and made-up events, and waits until it is quiet again.
fn traffic(asterisk: &Asterisk) {
    let mut control = AmiClient::session(asterisk.ami_port, "second", "off");
    for number in [100, 101, 103, 106, 110, 112, 115, 116] {
        asterisk.cli(&format!(
            "channel originate Local/{number}@ami-test application Wait 2"
        ));
    }
    for (number, text) in MADE_UP.iter().enumerate() {
        for name in ["Alpha", "Beta"] {
            let mut event =
                format!("Action: UserEvent\r\nUserEvent: {name}\r\nCount: {number}\r\n")
                    .into_bytes();
            event.extend_from_slice(text);
            event.extend_from_slice(b"\r\n\r\n");
            control.send(&event);
        }
    }
    control.action(&[("Action", "Ping"), ("ActionID", "sent")]);
    control.read_until("ActionID: sent\r\n");
    until("the calls end", || {
        asterisk
            .cli("core show channels count")
            .contains("0 active channels")
            .then_some(())
    });
}

/// Reads a session that is sent everything until nothing has come for two seconds: it is quiet.
fn until_quiet(watcher: &mut TcpStream) {
    watcher
        .set_read_timeout(Some(Duration::from_secs(2)))
        .expect("a deadline");
    let mut bytes = [0; 65536];
    while watcher.read(&mut bytes).is_ok_and(|count| count > 0) {}
}

/// The events of a recording, less what tells of logins.
fn events(bytes: &[u8]) -> Vec<String> {
    let text = bytes.escape_ascii().to_string();
    text.split("\\r\\n\\r\\n")
        .filter(|message| {
            message.starts_with("Event: ") && !message.contains("Privilege: security")
        })
        .map(|message| message.replace("\\r\\n", "\n"))
        .collect()
}

#[test]
fn filtered_sessions_receive_the_same_events() {
    let sets = sets();
    assert!(sets.len() >= 100, "{} sets", sets.len());
    let sections = sections(&sets);
    let asterisk = Asterisk::start_with(&sections);
    let amimux = Amimux::start(&format!(
        "[general]\nbindaddr = 127.0.0.1\nport = {{port}}\nauthlimit = 500\n\n\
         [asterisk]\ntype = upstream\nhost = 127.0.0.1\nport = {}\nusername = upstream\nsecret = upstream-secret\n{sections}",
        asterisk.ami_port
    ));
    let mut writers = Vec::new();
    let mut readers = Vec::new();
    for set in &sets {
        let pair = [asterisk.ami_port, amimux.port].map(|port| {
            let mut client = AmiClient::session(port, &set.name, "on");
            writers.push(client.writer());
            std::thread::spawn(move || events(&client.read_until("ActionID: the-end\r\n")))
        });
        readers.push(pair);
    }
    let mut watcher = AmiClient::session(asterisk.ami_port, "second", "on").into_stream();
    for _ in 0..2 {
        traffic(&asterisk);
        until_quiet(&mut watcher);
    }
    for writer in &mut writers {
        std::io::Write::write_all(writer, b"Action: Ping\r\nActionID: the-end\r\n\r\n")
            .expect("a Ping goes out");
    }
    let (mut faults, mut some, mut all) = (Vec::new(), 0, 0);
    for (set, pair) in sets.iter().zip(readers) {
        let [direct, through] = pair.map(|reader| reader.join().expect("a recording"));
        all = all.max(direct.len());
        some += usize::from(direct.len() > 5);
        if direct != through {
            let only = |one: &[String], other: &[String]| {
                one.iter()
                    .filter(|event| !other.contains(event))
                    .take(3)
                    .cloned()
                    .collect::<Vec<_>>()
                    .join("\n\n")
            };
            faults.push(format!(
                "{}{} events directly, {} through amimux\n--- Asterisk only ---\n{}\n--- amimux only ---\n{}",
                set.lines,
                direct.len(),
                through.len(),
                only(&direct, &through),
                only(&through, &direct)
            ));
        }
    }
    assert!(
        some > sets.len() / 2 && all > 500,
        "{some} sets with events, at most {all}"
    );
    assert!(
        faults.is_empty(),
        "{} of {} sets differ\n\n{}",
        faults.len(),
        sets.len(),
        faults.join("\n\n")
    );
}
