//! Floods over HTTP: connections that say nothing or hardly anything, requests by the thousand, bodies and heads
//! without an end, clients that vanish. A client beside them gets its answers and its events, amimux holds no more than
//! its limits say, and everything is given back.
#![allow(
    dead_code,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by a panic"
)]

#[path = "web_floods/client.rs"]
mod client;
#[path = "web_floods/encrypted.rs"]
mod encrypted;
#[path = "web_floods/endless.rs"]
mod endless;
#[path = "http/site.rs"]
mod site;
mod support;
#[path = "web_floods/vanish.rs"]
mod vanish;

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use client::{Beside, Conversation, connect_from, metric, open_files, resident_mebibytes};
use site::Site;
use support::{AmiClient, free_ports, until};

/// Where floods come from.
const ELSEWHERE: [u8; 4] = [127, 0, 0, 2];

/// More than what hundreds of connections need, and less than a flood would take if it were kept.
const GROWTH_MEBIBYTES_MAX: u64 = 48;

/// Files that are open besides connections over HTTP.
const FILES_BESIDE: usize = 60;

/// A site whose metrics are served; the port where they are.
fn start(general: &str, http: &str) -> (Site, u16) {
    let metrics = free_ports(1);
    let general = format!("metricsbindaddr = 127.0.0.1:{metrics}\n{general}");
    (Site::with(&general, http), metrics)
}

#[test]
fn five_hundred_idle_connections_keep_nobody_out() {
    let (site, metrics) = start("", "");
    let mut beside = Beside::start(&site);
    let mut idle = Vec::new();
    for round in 0..10 {
        for number in 0..50 {
            let mut stream = connect_from(ELSEWHERE, site.port);
            // Half of them begin something, which keeps them no longer.
            let begun: [&[u8]; 4] = [
                b"",
                b"G",
                b"POST /rawman HTTP/1.1\r\nContent-Length: 40000\r\n\r\n",
                b"GET /rawman?action=login&username=alice&secret=wrong HTTP/1.1\r\n\r\n",
            ];
            let _ = stream.write_all(begun[number % 4]);
            idle.push(stream);
        }
        beside.round(&site, &format!("round {round}"));
        assert!(open_files(site.amimux.pid()) < 100 + 16 + FILES_BESIDE);
    }
    let reached = metric(
        metrics,
        "amimux_limit_reached_total{limit=\"http_connections\"",
    );
    assert!((400..=500).contains(&reached), "{reached}");
    site.logged(&[
        "kind=connection address=127.0.0.2",
        "a later one took its place",
    ]);
    // Nobody else was ever in the way.
    let log = site.amimux.log();
    assert!(!log.contains("kind=connection address=127.0.0.1"), "{log}");
}

#[test]
fn slow_heads_and_slow_bodies_end() {
    let (site, _) = start("", "session_inactivity = 1500\n");
    let mut beside = Beside::start(&site);
    let begin = Instant::now();
    let mut slow = Vec::new();
    for number in 0..40 {
        let mut stream = connect_from(ELSEWHERE, site.port);
        let head: &[u8] = match number % 2 {
            0 => b"GET /rawman?x=",
            _ => b"POST /rawman HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n",
        };
        stream.write_all(head).expect("bytes are taken");
        slow.push(stream);
    }
    // One byte at a time, for longer than they may take.
    while begin.elapsed() < Duration::from_secs(5) {
        for stream in &mut slow {
            let _ = stream.write_all(b"x");
        }
        beside.round(&site, "slowly");
        std::thread::park_timeout(Duration::from_millis(500));
    }
    for stream in &mut slow {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
            "{answer}"
        );
    }
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn twenty_thousand_requests_without_a_cookie() {
    let (site, metrics) = start("", "");
    let mut beside = Beside::start(&site);
    let request = "GET /rawman?action=ping HTTP/1.1\r\n\r\n".repeat(50);
    let mut strangers: Vec<Conversation> = (0..4)
        .map(|number| {
            let at = if number == 0 {
                [127, 0, 0, 1]
            } else {
                ELSEWHERE
            };
            Conversation::over(connect_from(at, site.port))
        })
        .collect();
    let mut before = 0;
    for round in 0..100 {
        for stranger in &mut strangers {
            stranger.send(request.as_bytes());
        }
        for stranger in &mut strangers {
            for _ in 0..50 {
                assert!(stranger.read().contains("Permission denied"));
            }
        }
        if round % 10 == 0 {
            beside.round(&site, &format!("round {round}"));
        }
        if round == 10 {
            before = resident_mebibytes(site.amimux.pid());
        }
    }
    let growth = resident_mebibytes(site.amimux.pid()).saturating_sub(before);
    assert!(growth < 16, "{growth} MiB more are held");
    let reached = metric(
        metrics,
        "amimux_limit_reached_total{limit=\"http_sessions\"",
    );
    assert!(reached > 10_000, "{reached}");
    // Those that are logged in are counted elsewhere.
    assert_eq!(metric(metrics, "amimux_sessions"), 2);
}

#[test]
fn failed_logins_of_every_kind_count_at_both_ports() {
    let (site, metrics) = start("failedloginperiod = 3600\n", "sessionlimit = 1500\n");
    let mut beside = Beside::start(&site);
    // Five thousand in all: most of them by means that are answered at once.
    let digest = format!(
        "username=\"alice\", realm=\"asterisk\", nonce=\"x\", uri=\"/arawman\", response=\"{}\"",
        "0".repeat(32)
    );
    let guesses = [
        format!("GET /arawman HTTP/1.1\r\nAuthorization: Digest {digest}\r\n\r\n"),
        "POST /logout HTTP/1.1\r\nAuthorization: Bearer not-a-token\r\n\r\n".to_owned(),
    ];
    let mut guesser = Conversation::over(connect_from(ELSEWHERE, site.port));
    for _ in 0..45 {
        for guess in &guesses {
            guesser.send(guess.repeat(50).as_bytes());
            for _ in 0..50 {
                let answer = guesser.read();
                assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
            }
        }
        beside.round(&site, "guessing");
    }
    let mut slow: Vec<Conversation> = (0..500)
        .map(|_| Conversation::over(connect_from(ELSEWHERE, site.port)))
        .collect();
    for stranger in &mut slow {
        stranger.send(b"GET /rawman?action=login&username=alice&secret=guess HTTP/1.1\r\n\r\n");
    }
    beside.round(&site, "five hundred at a time");
    for stranger in &mut slow {
        assert!(stranger.read().contains("Authentication failed"));
    }
    let reached = metric(metrics, "amimux_limit_reached_total{limit=\"failedlogins\"");
    assert!(reached > 4_500, "{reached}");
    // The right secret does not help there any more, at either port; elsewhere it does.
    let ami = |from: [u8; 4]| {
        let mut client = AmiClient::connect_from(site.amimux.port, from.into()).expect("a banner");
        client.action(&[
            ("Action", "Login"),
            ("Username", "alice"),
            ("Secret", "alice-secret"),
            ("Events", "off"),
        ]);
        let answer = client.read_message().expect("an answer");
        String::from_utf8_lossy(&answer).contains("Success")
    };
    assert_eq!((ami(ELSEWHERE), ami([127, 0, 0, 1])), (false, true));
    let right = "/rawman?action=login&username=alice&secret=alice-secret";
    let there = site.curl(right, &["--interface", "127.0.0.2"]);
    assert!(there.body.contains("Authentication failed"), "{there:?}");
    assert!(site.curl(right, &[]).body.contains("accepted"));
}

#[test]
fn two_hundred_large_bodies_at_once() {
    let (site, _) = start("", "sessionlimit = 300\n");
    let mut beside = Beside::start(&site);
    let before = resident_mebibytes(site.amimux.pid());
    let body = format!("x={}", "y".repeat(40 * 1024 - 2));
    let head = format!(
        "POST /rawman HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut all: Vec<Conversation> = (0..200)
        .map(|_| Conversation::over(connect_from(ELSEWHERE, site.port)))
        .collect();
    // All but the last byte, so that all of them are held at the same time.
    for one in &mut all {
        one.send(head.as_bytes());
        one.send(&body.as_bytes()[..body.len() - 1]);
    }
    beside.round(&site, "all bodies are there");
    let growth = resident_mebibytes(site.amimux.pid()).saturating_sub(before);
    assert!(growth < GROWTH_MEBIBYTES_MAX, "{growth} MiB more are held");
    for one in &mut all {
        one.send(b"y");
    }
    for one in &mut all {
        let answer = one.read();
        assert!(answer.contains("more than 1,022 bytes"), "{answer}");
    }
}

#[test]
fn requests_behind_each_other() {
    let (site, _) = start("", "");
    let mut beside = Beside::start(&site);
    let cookie = site.cookie_of("alice");
    let request = format!("GET /rawman?action=ping HTTP/1.1\r\nCookie: {cookie}\r\n\r\n");
    let mut one = Conversation::over(connect_from([127, 0, 0, 1], site.port));
    one.send(request.repeat(1000).as_bytes());
    for _ in 0..1000 {
        assert!(one.read().contains("Pong"));
    }
    // One that reads no answer is not read from for long, and its memory is bounded.
    let before = resident_mebibytes(site.amimux.pid());
    let mut deaf = connect_from(ELSEWHERE, site.port);
    deaf.set_write_timeout(Some(Duration::from_secs(1)))
        .expect("a deadline");
    let many = "GET /nothing HTTP/1.1\r\n\r\n".repeat(10_000);
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(10) && deaf.write_all(many.as_bytes()).is_ok() {}
    beside.round(&site, "beside one that reads nothing");
    let growth = resident_mebibytes(site.amimux.pid()).saturating_sub(before);
    assert!(growth < 16, "{growth} MiB more are held");
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "it was read from"
    );
    until("the log is short", || {
        (site.amimux.log().len() < 1 << 20).then_some(())
    });
}
