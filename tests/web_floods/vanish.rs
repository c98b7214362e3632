//! Clients that vanish: what was held for them is given back.

use std::time::Duration;

use crate::client::{Beside, Conversation, connect_from, metric, open_files};
use crate::support::until;
use crate::{ELSEWHERE, start};

#[test]
fn a_thousand_that_wait_and_vanish_leave_nothing_behind() {
    let (site, metrics) = start("httptimeout = 12\n", "sessionlimit = 1200\n");
    let files = open_files(site.amimux.pid());
    let mut gone: Vec<Conversation> = (0..1000)
        .map(|number| {
            let mut one = Conversation::over(connect_from(ELSEWHERE, site.port));
            let login = "/rawman?action=login&username=alice&secret=alice-secret&events=call";
            let login = one.ask(login, "x=y");
            let cookie = login.split("Set-Cookie: ").nth(1).expect("a cookie");
            let cookie = cookie.split(';').next().unwrap().to_owned();
            // Some wait for an event, some for Asterisk, some for nothing.
            let request = match number % 3 {
                0 => "waitevent",
                1 => "waitevent&timeout=-1",
                _ => "CoreShowChannels",
            };
            let request = format!("GET /rawman?action={request} HTTP/1.1\r\nCookie");
            one.send(format!("{request}: {cookie}\r\n\r\n").as_bytes());
            one
        })
        .collect();
    assert_eq!(metric(metrics, "amimux_sessions"), 1000);
    let with_them = open_files(site.amimux.pid());
    assert!(with_them > files + 990, "{with_them}, before {files}");
    gone.truncate(500);
    site.happen("nobody is there");
    drop(gone);
    until("the connections are closed", || {
        (open_files(site.amimux.pid()) <= files + 2).then_some(())
    });
    // A session outlives its connection, but not for long.
    let begin = std::time::Instant::now();
    until("the sessions are gone", || {
        (metric(metrics, "amimux_sessions") == 0).then_some(())
    });
    assert!(begin.elapsed() < Duration::from_secs(20));
    Beside::start(&site).round(&site, "as before");
}

#[test]
fn a_stream_that_is_never_read_costs_its_place_and_no_more() {
    let (site, metrics) = start("httptimeout = 12\nretention = 64K\n", "");
    let mut beside = Beside::start(&site);
    let token = site.token_of("alice");
    let mut deaf = Conversation::over(connect_from([127, 0, 0, 1], site.port));
    deaf.send(format!("GET /events HTTP/1.1\r\n{token}\r\n\r\n").as_bytes());
    until("it follows", || {
        (metric(metrics, "amimux_sessions") >= 4).then_some(())
    });
    let [upstream] = site.asterisk.connections()[..] else {
        panic!("one upstream connection");
    };
    for round in 0..5 {
        site.asterisk.pbx.with(|pbx, _| pbx.flood(upstream, 5_000));
        beside.round(&site, &format!("round {round}"));
    }
    drop(deaf);
    until("stream and session are gone", || {
        (metric(metrics, "amimux_sessions") <= 2).then_some(())
    });
}
