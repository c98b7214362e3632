//! `WaitEvent` over HTTP: how long it waits, what it brings, and what ends it.

use std::time::{Duration, Instant};

use crate::site::{Running, Site};

const COMPLETE: &str = "Event: WaitEventComplete\r\n\r\n";

fn wait(site: &Site, cookie: &str, path: &str) -> Running {
    let waiting = Running::start(&site.url(path), &["-b", cookie]);
    // It is being waited for once another request of the session has been answered behind it.
    std::thread::park_timeout(Duration::from_millis(300));
    waiting
}

#[test]
fn an_event_ends_the_wait_and_comes_with_it() {
    let site = Site::start();
    let cookie = site.cookie_with("bob", "&events=call");
    let waiting = wait(&site, &cookie, "/rawman?action=waitevent&actionid=w");
    // Other requests of the session are not held up.
    let begin = Instant::now();
    assert!(
        site.with_cookie(&cookie, "/rawman?action=ping")
            .body
            .contains("Pong")
    );
    assert!(begin.elapsed() < Duration::from_secs(5));
    site.happen("first");
    let answer = waiting.finish();
    assert!(
        answer.body.starts_with(
            "Response: Success\r\nActionID: w\r\nMessage: Waiting for Event completed.\r\n\r\n"
        ),
        "{answer:?}"
    );
    assert!(answer.body.contains("Text: first\r\n"), "{answer:?}");
    assert!(
        answer
            .body
            .ends_with("Event: WaitEventComplete\r\nActionID: w\r\n\r\n"),
        "{answer:?}"
    );
    // What happens between two waits comes with the next, once.
    site.happen("second");
    site.happen("third");
    let next = site
        .with_cookie(&cookie, "/rawman?action=waitevent&timeout=5")
        .body;
    assert!(
        next.find("Text: second\r\n") < next.find("Text: third\r\n"),
        "{next}"
    );
    assert!(!next.contains("first"), "{next}");
}

#[test]
fn a_wait_ends_by_itself_and_no_later_than_ten_seconds_before_its_session() {
    let site = Site::with("httptimeout = 12\n", "");
    let cookie = site.cookie_with("bob", "&events=call");
    for (timeout, least, most) in [
        ("0", 0, 900),
        ("1", 900, 1900),
        ("1abc", 900, 1900),
        ("-1", 1900, 3500),
        ("99", 1900, 3500),
    ] {
        let begin = Instant::now();
        let path = format!("/rawman?action=waitevent&timeout={timeout}");
        let answer = site.with_cookie(&cookie, &path);
        let took = begin.elapsed().as_millis();
        assert!((least..most).contains(&took), "{timeout}: {took} ms");
        assert_eq!(
            answer.body,
            format!("Response: Success\r\nMessage: Waiting for Event completed.\r\n\r\n{COMPLETE}")
        );
    }
}

#[test]
fn a_newer_wait_ends_the_older_without_a_word() {
    let site = Site::start();
    let cookie = site.cookie_with("bob", "&events=call");
    let older = wait(&site, &cookie, "/rawman?action=waitevent");
    let newer = wait(&site, &cookie, "/mxml?action=waitevent");
    assert_eq!(older.finish().body, "");
    let newest = wait(&site, &cookie, "/rawman?action=waitevent");
    assert_eq!(newer.finish().body, "<ajax-response>\n</ajax-response>\n");
    site.happen("it");
    assert!(newest.finish().body.contains("Text: it\r\n"));
}

#[test]
fn a_wait_undoes_events_off_and_a_logoff_ends_a_wait() {
    let site = Site::start();
    let cookie = site.cookie_of("bob");
    site.happen("unseen");
    let waiting = wait(&site, &cookie, "/rawman?action=waitevent");
    site.happen("seen");
    let answer = waiting.finish();
    assert!(
        answer.body.contains("Text: seen\r\n") && !answer.body.contains("unseen"),
        "{answer:?}"
    );
    let waiting = wait(&site, &cookie, "/rawman?action=waitevent");
    let off = site.with_cookie(&cookie, "/rawman?action=logoff");
    assert!(off.body.starts_with("Response: Goodbye\r\n"));
    assert!(waiting.finish().body.ends_with(COMPLETE));
}

#[test]
fn rights_hold_for_events() {
    let site = Site::start();
    let cookie = site.cookie_with("bob", "&events=on");
    let event = b"Event: Reload\r\nPrivilege: system,all\r\nText: system\r\n\r\n";
    let classes = amimux::policy::class::Classes::SYSTEM;
    site.asterisk
        .pbx
        .with(|pbx, _| pbx.broadcast(classes, event));
    site.happen("call");
    let answer = site.with_cookie(&cookie, "/rawman?action=waitevent&timeout=5");
    assert!(
        answer.body.contains("Text: call") && !answer.body.contains("Text: system"),
        "{answer:?}"
    );
}
