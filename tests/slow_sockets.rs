//! Clients that read too slowly, over real sockets, with a simulated Asterisk behind: they skip or are given up as
//! configured, and their neighbours notice nothing.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

mod support;

use std::io::Read;
use std::time::{Duration, Instant};

use amimux::sim::ConnectionId;
use support::{AmiClient, Amimux, Simulated, until};

/// An amimux before that Asterisk with these options of `[general]` and these users.
fn before(asterisk: &Simulated, general: &str, users: &str) -> Amimux {
    let amimux = Amimux::start(&format!(
        "[general]\nbindaddr = 127.0.0.1\nport = {{port}}\n{general}\n[one]\ntype = upstream\nhost = 127.0.0.1\n\
         port = {}\nusername = upstream\nsecret = upstream-secret\n{users}",
        asterisk.port
    ));
    until("amimux is connected", || {
        amimux.log().contains("Asterisk is connected").then_some(())
    });
    amimux
}

/// A user who may do and see everything, with these further lines.
fn user(name: &str, lines: &str) -> String {
    format!("[{name}]\nsecret = {name}-secret\nread = all\nwrite = all\n{lines}\n")
}

fn upstream(asterisk: &Simulated) -> ConnectionId {
    let [upstream] = asterisk.connections()[..] else {
        panic!("one upstream connection");
    };
    upstream
}

/// Asterisk sends so many events; the client reads all of them.
fn burst(asterisk: &Simulated, reader: &mut AmiClient, events: u64) {
    let connection = upstream(asterisk);
    asterisk.pbx.with(|pbx, _| pbx.flood(connection, events));
    for _ in 0..events {
        let message = reader.read_message().expect("an event");
        assert!(
            message.starts_with(b"Event: "),
            "{}",
            message.escape_ascii()
        );
    }
}

/// How long a client waits for the answer to a Ping.
fn ping(client: &mut AmiClient) -> Duration {
    let begin = Instant::now();
    client.action(&[("Action", "Ping"), ("ActionID", "now")]);
    client.read_until("ActionID: now\r\n");
    begin.elapsed()
}

/// Reads up to the answer with that ActionID: every message, as text.
fn read_up_to(client: &mut AmiClient, action_id: &str) -> Vec<String> {
    let end = format!("Response: Success\r\nActionID: {action_id}\r\n");
    let mut messages = Vec::new();
    loop {
        let message = client.read_message().expect("a message");
        let message = String::from_utf8(message).expect("text");
        let last = message.starts_with(&end);
        messages.push(message);
        if last {
            return messages;
        }
    }
}

#[test]
fn a_client_that_skips_reads_on_later_with_one_event_about_what_it_missed() {
    const BURSTS: u64 = 20;
    const EVENTS: u64 = 1000;
    let asterisk = Simulated::start();
    let users = user("alice", "") + &user("skips", "onslow = skip\nwritetimeout = 600000");
    let amimux = before(
        &asterisk,
        "retention = 1M\ndisabledevents = SuccessfulAuth\n",
        &users,
    );
    let mut slow = AmiClient::session(amimux.port, "skips", "on");
    slow.read_until("Event: FullyBooted");
    let mut reader = AmiClient::session(amimux.port, "alice", "on");
    reader.read_until("Event: FullyBooted");
    for number in 0..BURSTS {
        burst(&asterisk, &mut reader, EVENTS);
        slow.action(&[("Action", "Ping"), ("ActionID", &number.to_string())]);
    }
    slow.action(&[("Action", "Ping"), ("ActionID", "last")]);
    let messages = read_up_to(&mut slow, "last");
    let gaps = messages
        .iter()
        .filter_map(|message| {
            let counts = message
                .strip_prefix("Event: MuxEventsSkipped\r\nPrivilege: system,all\r\nMessages: ")?;
            counts.split("\r\n").next()?.parse::<u64>().ok()
        })
        .collect::<Vec<_>>();
    let [missed] = gaps[..] else {
        panic!("one gap: {gaps:?}");
    };
    let events = messages
        .iter()
        .filter(|message| message.starts_with("Event: "))
        .filter(|message| !message.starts_with("Event: Mux"))
        .count() as u64;
    assert_eq!(events + missed, BURSTS * EVENTS, "each was sent or counted");
    let answers = messages
        .iter()
        .filter_map(|message| message.strip_prefix("Response: Success\r\nActionID: "))
        .filter_map(|rest| rest.split("\r\n").next())
        .collect::<Vec<_>>();
    let asked = (0..BURSTS).map(|number| number.to_string());
    assert!(asked.chain(["last".to_owned()]).eq(answers), "in order");
    assert_eq!(
        messages.len() as u64,
        events + 1 + BURSTS + 1,
        "nothing else, and nothing torn"
    );
    until("the log says so", || {
        let line = format!(
            "events skipped: too slow upstream=\"one\" user=\"skips\" address=127.0.0.1 events={missed} "
        );
        amimux.log().contains(&line).then_some(())
    });
    burst(&asterisk, &mut reader, 10);
    for _ in 0..10 {
        assert!(
            slow.read_message()
                .expect("an event")
                .starts_with(b"Event: ")
        );
    }
}

#[test]
fn a_socket_that_takes_nothing_is_given_up_in_time_on_a_quiet_system() {
    let asterisk = Simulated::start();
    let users = user("alice", "") + &user("hasty", "writetimeout = 1500");
    let amimux = before(&asterisk, "", &users);
    let mut stalled = AmiClient::session(amimux.port, "hasty", "on");
    let mut idle = AmiClient::session(amimux.port, "hasty", "off");
    let mut reader = AmiClient::session(amimux.port, "alice", "on");
    reader.read_until("Event: FullyBooted");
    let begin = Instant::now();
    // More than the kernel takes, less than retention. Then nothing more happens.
    burst(&asterisk, &mut reader, 5000);
    until("the stalled client is given up", || {
        assert!(
            ping(&mut reader) < Duration::from_secs(1),
            "its neighbour waits"
        );
        amimux
            .log()
            .contains("too slow: took nothing for 1500 ms (writetimeout)")
            .then_some(())
    });
    assert!(begin.elapsed() >= Duration::from_millis(1500));
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "{:?}",
        begin.elapsed()
    );
    let log = amimux.log();
    assert_eq!(log.matches("too slow").count(), 1, "{log}");
    assert!(
        ping(&mut idle) < Duration::from_secs(1),
        "nothing waited for it"
    );
    // What the kernel had taken may still come, then the end.
    stalled.read_to_end();
}

#[test]
fn a_client_that_reads_a_little_at_a_time_is_not_given_up_by_time() {
    let asterisk = Simulated::start();
    let users = user("alice", "") + &user("steady", "writetimeout = 4000");
    let amimux = before(&asterisk, "", &users);
    let slow = AmiClient::session(amimux.port, "steady", "on");
    let mut reader = AmiClient::session(amimux.port, "alice", "on");
    reader.read_until("Event: FullyBooted");
    burst(&asterisk, &mut reader, 6000);
    // It is behind for more than twice its writetimeout. What it reads shows at the other end in steps only.
    let mut slow = slow.into_stream();
    let begin = Instant::now();
    let mut piece = vec![0; 15 * 1024];
    while begin.elapsed() < Duration::from_secs(9) {
        slow.read_exact(&mut piece).expect("more of the backlog");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(!amimux.log().contains("too slow"), "{}", amimux.log());
    assert!(ping(&mut reader) < Duration::from_secs(1));
}

#[test]
fn one_byte_a_second_is_bounded_by_retention_and_costs_nobody_else_anything() {
    let asterisk = Simulated::start();
    let patient = "writetimeout = 600000\n";
    let users = user("alice", "")
        + &user("drops", patient)
        + &user("skips", &format!("{patient}onslow = skip"));
    let amimux = before(&asterisk, "retention = 1M\n", &users);
    let mut drops = AmiClient::session(amimux.port, "drops", "on").into_stream();
    let mut skips = AmiClient::session(amimux.port, "skips", "on").into_stream();
    let mut reader = AmiClient::session(amimux.port, "alice", "on");
    reader.read_until("Event: FullyBooted");
    for _ in 0..5 {
        let second = Instant::now();
        for _ in 0..2 {
            burst(&asterisk, &mut reader, 1000);
            assert!(ping(&mut reader) < Duration::from_secs(1));
        }
        for slow in [&mut drops, &mut skips] {
            slow.read_exact(&mut [0]).expect("one byte");
        }
        std::thread::sleep(Duration::from_secs(1).saturating_sub(second.elapsed()));
    }
    until("the one that does not skip is dropped", || {
        amimux.log().contains("too slow: ").then_some(())
    });
    let log = amimux.log();
    assert!(
        log.contains("bytes behind") && !log.contains("writetimeout"),
        "{log}"
    );
    assert_eq!(log.matches("session ended").count(), 1, "{log}");
}
