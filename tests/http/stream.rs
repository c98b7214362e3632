//! Events as a stream: what comes, where a reader that comes back goes on, and what ends it.

use std::time::Duration;

use crate::site::{Running, Site};
use crate::support::until;

/// A stream of call events with that header.
fn follow(site: &Site, query: &str, header: &str, more: &[&str]) -> Running {
    let stream = Running::start(
        &site.url(&format!("/events{query}")),
        &[&["-H", header], more].concat(),
    );
    stream.wait_for("retry: ");
    stream
}

/// The ids that have come.
fn ids(stream: &Running) -> Vec<String> {
    let text = stream.so_far();
    let ids = text.lines().filter_map(|line| line.strip_prefix("id: "));
    ids.map(str::to_owned).collect()
}

#[test]
fn events_come_as_they_happen() {
    let site = Site::start();
    let token = site.token_of("alice");
    let stream = follow(&site, "?events=call", &token, &[]);
    let event = b"Event: Reload\r\nPrivilege: system,all\r\nText: other\r\n\r\n";
    let classes = amimux::policy::class::Classes::SYSTEM;
    site.asterisk
        .pbx
        .with(|pbx, _| pbx.broadcast(classes, event));
    site.happen("first");
    site.happen("se\u{301}cond");
    let text = stream.wait_for("cond");
    assert!(
        text.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"),
        "{text}"
    );
    assert!(
        text.contains(
            "\ndata: {\"Event\":\"Hangup\",\"Privilege\":\"call,all\",\"Text\":\"first\"}\n\n"
        ),
        "{text}"
    );
    assert!(!text.contains("other"), "{text}");
    assert_eq!(ids(&stream).len(), 2);
    // The session's own WaitEvent misses nothing because of it.
    let wait = r#"{"Action":"WaitEvent","Timeout":5}"#;
    let waiting = Running::start(
        &site.url("/action"),
        &[
            "-H",
            &token,
            "-H",
            "Content-Type: application/json",
            "-d",
            wait,
        ],
    );
    until("both have it", || {
        site.happen("both");
        (waiting.so_far().contains("both") && stream.so_far().contains("both")).then_some(())
    });
}

#[test]
fn a_reader_that_comes_back_goes_on_where_it_was() {
    let site = Site::start();
    let token = site.token_of("alice");
    let stream = follow(&site, "?events=call", &token, &[]);
    for number in 1..=3 {
        site.happen(&format!("number {number}"));
    }
    stream.wait_for("number 3");
    let ids = ids(&stream);
    drop(stream);
    for number in 4..=6 {
        site.happen(&format!("number {number}"));
    }
    let last = format!("Last-Event-ID: {}", ids[1]);
    let by_header = follow(&site, "?events=call", &token, &["-H", &last]);
    let by_query = follow(
        &site,
        &format!("?events=call&last-event-id={}", ids[1]),
        &token,
        &[],
    );
    for again in [by_header, by_query] {
        let text = again.wait_for("number 6");
        let seen: Vec<&str> = text
            .split("number ")
            .skip(1)
            .map(|rest| &rest[..1])
            .collect();
        assert_eq!(seen, ["3", "4", "5", "6"], "{text}");
    }
    // A place that is nobody's any more is told, and the stream goes on.
    let unknown = follow(
        &site,
        "?events=call",
        &token,
        &["-H", "Last-Event-ID: ffff-1"],
    );
    unknown.wait_for("MuxEventsSkipped");
    site.happen("after");
    unknown.wait_for("after");
    for wrong in ["x", "1", "1-", "-1", "1-1-1", "g-1"] {
        let last = format!("Last-Event-ID: {wrong}");
        let refused = site.curl("/events", &["-H", &token, "-H", &last]);
        assert_eq!(refused.status, 400, "{wrong}");
    }
}

#[test]
fn rights_and_wishes() {
    let site = Site::start();
    let bob = site.token_of("bob");
    for query in [
        "?events=none",
        "?events=",
        "?events=nonsense",
        "?evnts=call",
        "?events=call&x=y",
        "?events=%0d",
    ] {
        let refused = site.curl(&format!("/events{query}"), &["-H", &bob]);
        assert_eq!(refused.status, 400, "{query}");
    }
    assert_eq!(site.curl("/events", &[]).status, 401);
    let stream = follow(&site, "?events=system,call", &bob, &[]);
    let event = b"Event: Reload\r\nPrivilege: system,all\r\nText: secret\r\n\r\n";
    let classes = amimux::policy::class::Classes::SYSTEM;
    site.asterisk
        .pbx
        .with(|pbx, _| pbx.broadcast(classes, event));
    site.happen("seen");
    assert!(!stream.wait_for("seen").contains("secret"));
}

#[test]
fn what_ends_a_stream_and_what_does_not() {
    let site = Site::with(
        "httptimeout = 2\n",
        "session_inactivity = 1000\nsession_keep_alive = 1000\n",
    );
    let token = site.token_of("alice");
    let mut stream = follow(&site, "", &token, &[]);
    // Neither the session's time nor the connection's: and it shows that it lives.
    stream.wait_for("\n:");
    assert!(!stream.has_ended());
    let mut of_token = follow(
        &site,
        "",
        "Authorization: Bearer 0123456789-robot-token",
        &[],
    );
    let out = site.curl("/logout", &["-X", "POST", "-H", &token]);
    assert_eq!(out.status, 204);
    until("the stream ends with its session", || {
        stream.has_ended().then_some(())
    });
    assert!(!of_token.has_ended());
    drop(of_token);
    assert_eq!(site.curl("/events", &["-H", &token]).status, 401);
}

#[test]
fn so_many_streams_of_a_session_and_no_more() {
    let site = Site::start();
    let token = site.token_of("alice");
    let streams: Vec<Running> = (0..16).map(|_| follow(&site, "", &token, &[])).collect();
    assert_eq!(site.curl("/events", &["-H", &token]).status, 429);
    drop(streams);
    until("they are gone", || {
        let stream = Running::start(&site.url("/events"), &["-H", &token]);
        until("an answer", || (!stream.so_far().is_empty()).then_some(()));
        stream.so_far().starts_with("HTTP/1.1 200").then_some(())
    });
}

#[test]
fn a_reader_that_takes_nothing_skips_and_is_told() {
    use std::io::{BufRead, BufReader, Write};
    let site = Site::with("retention = 64k\n", "");
    let token = site.token_of("alice");
    let mut slow = std::net::TcpStream::connect(("127.0.0.1", site.port)).unwrap();
    socket2::SockRef::from(&slow)
        .set_recv_buffer_size(4096)
        .unwrap();
    write!(slow, "GET /events?events=call HTTP/1.1\r\n{token}\r\n\r\n").unwrap();
    let mut reader = BufReader::new(slow.try_clone().unwrap());
    let mut line = String::new();
    while !line.starts_with("retry") {
        line.clear();
        reader.read_line(&mut line).unwrap();
    }
    let fast = follow(&site, "?events=call", &token, &[]);
    let padding = "x".repeat(2000);
    for round in 0..150 {
        for number in 0..20 {
            site.happen(&format!("{round}/{number} {padding}"));
        }
        fast.wait_for(&format!("\"{round}/19 "));
    }
    site.happen("the last");
    slow.set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let (mut told, mut events) = (false, 0);
    while !line.contains("the last") {
        line.clear();
        assert!(
            reader.read_line(&mut line).unwrap() > 0,
            "the stream goes on"
        );
        told |= line.contains("MuxEventsSkipped");
        events += usize::from(line.starts_with("data: "));
    }
    assert!(told, "{events} events came");
    assert!(events < 3000, "{events}");
}
