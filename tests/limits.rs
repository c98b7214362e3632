//! Every limit that a client can reach in a hub is counted when it does, and only then: what `/metrics` shows.
mod hub_harness;

use std::time::Duration;

use amimux::config::settings::General;
use amimux::hub::limit::Limit;
use amimux::policy::user::{OnSlow, User};
use hub_harness::{Bench, general, upstream, user};

/// The limits that were reached, and how often.
fn reached(bench: &Bench) -> Vec<(Limit, u64)> {
    Limit::ALL
        .into_iter()
        .map(|limit| (limit, bench.hub.limits().reached(limit)))
        .filter(|(_, times)| *times > 0)
        .collect()
}

fn large(number: usize) -> String {
    let filling = "x".repeat(1000);
    format!("Event: Large|Privilege: call,all|Number: {number}|Filling: {filling}")
}

#[test]
fn an_ordinary_life_reaches_none() {
    let mut bench = Bench::new();
    let client = bench.client(user("a"));
    for number in 0..20 {
        bench.send(client, "Action: CoreStatus");
        bench.succeed();
        bench.event(&large(number));
        bench.send(client, "Action: Filter|Operation: Add|Filter: !nothing");
    }
    bench.send(client, "Action: Logoff");
    bench.got(client);
    assert_eq!(reached(&bench), []);
}

#[test]
fn requests_that_wait() {
    let mut bench = Bench::with(
        General {
            max_queued: 5,
            ..general()
        },
        upstream(),
    );
    let client = bench.client(User {
        max_in_flight: 2,
        ..user("a")
    });
    for _ in 0..5 {
        bench.send(client, "Action: CoreStatus");
    }
    assert_eq!(reached(&bench), [(Limit::MaxInFlight, 3)]);
    for _ in 0..10 {
        bench.send(client, "Action: CoreStatus");
    }
    let queued = (Limit::MaxQueued, 1);
    assert_eq!(
        reached(&bench),
        [queued, (Limit::MaxInFlight, 3)],
        "once, until it goes on"
    );
    bench.raw(client, &b"Action: Ping\r\n\r\n".repeat(20_000));
    assert!(!bench.hub.wants_input(bench.clients[client].id));
    assert_eq!(reached(&bench).last(), Some(&(Limit::Input, 1)));
}

#[test]
fn answers_that_are_not_read() {
    let mut bench = Bench::new();
    let client = bench.client(user("a"));
    bench.clients[client].stuck = true;
    for _ in 0..100 {
        bench.raw(client, &b"Action: Ping\r\n\r\n".repeat(100));
    }
    assert_eq!(reached(&bench), [(Limit::Answers, 1)]);
}

#[test]
fn synchronous_originates_and_filters() {
    let mut bench = Bench::new();
    let client = bench.client(user("a"));
    for number in 0..300 {
        bench.send(
            client,
            &format!("Action: Filter|Operation: Add|Filter: !no{number}"),
        );
    }
    let refused = bench.got(client);
    let refused = refused
        .iter()
        .filter(|answer| answer.contains("Too many filters"));
    let refused = u64::try_from(refused.count()).unwrap();
    assert!(refused > 0);
    assert_eq!(reached(&bench), [(Limit::Filters, refused)]);
    let mut bench = Bench::new();
    let client = bench.client(user("a"));
    let mut refused = 0;
    while refused == 0 {
        bench.send(
            client,
            "Action: Originate|Channel: Local/1@a|Application: Wait|Data: 1",
        );
        if !bench.asked().is_empty() {
            bench.succeed();
        }
        let got = bench.got(client);
        refused += got
            .iter()
            .filter(|answer| answer.contains("Too many synchronous"))
            .count();
    }
    let originates = (Limit::Originates, 1);
    assert!(
        reached(&bench).contains(&originates),
        "{:?}",
        reached(&bench)
    );
}

#[test]
fn events_that_are_not_read() {
    let bounds = General {
        retention_bytes: 8 * 1024,
        ..general()
    };
    let mut bench = Bench::with(bounds.clone(), upstream());
    let skips = bench.client(User {
        on_slow: OnSlow::Skip,
        ..user("a")
    });
    let leaves = bench.client(user("b"));
    let reader = bench.client(user("c"));
    bench.clients[skips].stuck = true;
    bench.clients[leaves].stuck = true;
    for number in 0..100 {
        bench.event(&large(number));
        bench.got(reader);
    }
    let lost = bench.hub.lost_sessions();
    assert_eq!(lost, [bench.clients[leaves].id]);
    bench.hub.remove(
        lost[0],
        amimux::hub::CloseReason::TooSlow { behind_bytes: 1 },
    );
    bench.unstick(skips);
    bench.got(skips);
    assert_eq!(
        reached(&bench),
        [(Limit::Retention, 1), (Limit::Skipped, 1)]
    );

    let mut bench = Bench::with(bounds, upstream());
    let stuck = bench.client(User {
        write_timeout: Duration::from_secs(5),
        ..user("a")
    });
    bench.clients[stuck].stuck = true;
    bench.event(&large(1));
    bench.pass(Duration::from_secs(6));
    let id = bench.clients[stuck].id;
    assert_eq!(bench.hub.lost_sessions(), [id]);
    bench.hub.remove(id, amimux::hub::CloseReason::Disconnected);
    assert_eq!(reached(&bench), [(Limit::WriteTimeout, 1)]);
}

#[test]
fn memory_and_messages() {
    let mut bench = Bench::with(
        General {
            retention_bytes: 64 * 1024,
            memory_limit_bytes: 32 * 1024,
            frame_bytes_max: 4096,
            ..general()
        },
        upstream(),
    );
    let client = bench.client(user("a"));
    bench.clients[client].stuck = true;
    bench.feed(
        format!(
            "Event: Huge\r\nPrivilege: call,all\r\nFilling: {}\r\n\r\n",
            "x".repeat(5000)
        )
        .as_bytes(),
    );
    assert_eq!(reached(&bench), [(Limit::MaxMessage, 1)]);
    for number in 0..60 {
        bench.event(&large(number));
    }
    let memory = bench.hub.limits().reached(Limit::MemoryLimit);
    assert!((1..20).contains(&memory), "{:?}", reached(&bench));
}
