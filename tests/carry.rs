//! A hub is packed, sent as bytes and unpacked: what each session finds then, where the configuration has changed or
//! the connection to Asterisk stays behind; and that nothing damaged is taken for a hub.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a broken assumption fails the test, and figures are shown"
)]

#[path = "carry/damage.rs"]
mod damage;
mod hub_harness;
mod simulation;

use std::sync::Arc;
use std::time::{Duration, Instant};

use amimux::config::settings::{General, Upstream};
use amimux::hub::carry::{Carried, CarryError};
use amimux::hub::{CloseReason, Hub, Notice, Outcome, SessionId};
use amimux::policy::class::Classes;
use amimux::policy::event_filter::EventFilters;
use amimux::policy::event_mask::EventMask;
use amimux::policy::user::{User, Users};
use hub_harness::{Bench, NONCE, general, upstream, user};

fn users(all: &[User]) -> Users {
    let mut users = Users::default();
    for user in all {
        users.insert(user.clone());
    }
    users
}

fn sent(carried: &Carried) -> Carried {
    let bytes = rmp_serde::to_vec_named(carried).unwrap();
    rmp_serde::from_slice(&bytes).unwrap()
}

/// Another process goes on with the bench's hub.
fn restart_with(bench: &mut Bench, users: &Users, connected: bool) {
    let settings = || (Arc::new(general()), Arc::new(upstream()));
    let (old_general, old_upstream) = settings();
    let old = std::mem::replace(&mut bench.hub, Hub::new(old_general, old_upstream, NONCE));
    let clients = &bench.clients;
    // Listeners are named as well, by numbers that no client has.
    let name_of = |id: SessionId| {
        let client = clients.iter().position(|client| client.id == id);
        Some(client.unwrap_or_else(|| 10_000 + id.index()) as u64)
    };
    let carried = old.pack(bench.now, name_of);
    let carried = sent(&carried);
    assert_eq!(carried.since_start(), bench.now.since_start);
    let (general, upstream) = settings();
    let unpacked = Hub::unpack(general, upstream, users, carried, connected, bench.now).unwrap();
    bench.hub = unpacked.hub;
    for (name, id) in unpacked.sessions {
        if let Some(client) = bench.clients.get_mut(usize::try_from(name).unwrap()) {
            client.id = id;
        }
    }
    bench.settle();
}

fn restart(bench: &mut Bench, all: &[User]) {
    restart_with(bench, &users(all), true);
}

#[test]
fn what_is_half_done_is_done_by_the_next_process() {
    let mut bench = Bench::new();
    let (a, b) = (user("a"), user("b"));
    let (client, other) = (bench.client(a.clone()), bench.client(b.clone()));
    bench.send(other, "Action: Challenge|AuthType: MD5");
    let digits = bench.got(other);
    bench.send(client, "Action: CoreShowChannels|ActionID: list");
    let token = bench.token();
    bench.event(&format!(
        "Response: Success|ActionID: {token}|EventList: start"
    ));
    bench.raw(client, b"Action: CoreSta");
    bench.send(
        other,
        "Action: Originate|ActionID: call|Channel: Local/1@x|Application: NoOp",
    );
    let call = bench.asterisk.waiting[1].action_id.clone();
    assert_eq!(bench.got(client).len(), 1);
    let all = [a, b];
    for _ in 0..3 {
        restart(&mut bench, &all);
    }
    bench.raw(client, b"tus\r\nActionID: status\r\n\r\n");
    bench.answer(&[
        "Event: CoreShowChannel|ActionID: {id}",
        "Event: CoreShowChannelsComplete|ActionID: {id}|EventList: Complete|ListItems: 1",
    ]);
    bench.succeed();
    bench.succeed();
    let expected = [
        "Event: CoreShowChannel|ActionID: list",
        "Event: CoreShowChannelsComplete|ActionID: list|EventList: Complete|ListItems: 1",
        "Response: Success|ActionID: status|Message: done",
    ];
    assert_eq!(bench.got(client), expected);
    assert_eq!(bench.got(other), [""; 0], "its outcome has not come");
    restart(&mut bench, &all);
    bench.event(&format!(
        "Event: OriginateResponse|Privilege: call,all|ActionID: {call}|Response: Success"
    ));
    let outcome = "Response: Success|ActionID: call|Message: Originate successfully queued";
    assert_eq!(bench.got(other), [outcome]);
    bench.send(other, "Action: Challenge|AuthType: MD5");
    assert_eq!(bench.got(other), digits, "a session has one challenge");
}

#[test]
fn a_wait_goes_on_and_ends_by_an_event_or_by_its_time() {
    for by_event in [true, false] {
        for changed in [true, false] {
            let mut bench = Bench::new();
            let mut a = user("a");
            let client = bench.client(a.clone());
            bench.event("Event: Before|Privilege: call,all");
            assert_eq!(bench.got(client).len(), 1);
            bench.send(client, "Action: WaitEvent|Timeout: 10");
            bench.pass(Duration::from_secs(4));
            if changed {
                a.event_filters = filter("!nothing has this");
            }
            restart(&mut bench, &[a]);
            bench.pass(Duration::from_secs(5));
            assert!(bench.got(client).is_empty());
            let mut expected = vec!["Response: Success|Message: Waiting for Event completed."];
            let event = "Event: X|Privilege: call,all";
            if by_event {
                bench.event(event);
                expected.push(event);
            } else {
                bench.pass(Duration::from_secs(1));
            }
            expected.push("Event: WaitEventComplete");
            assert_eq!(bench.got(client), expected, "{by_event} {changed}");
        }
    }
}

fn filter(pattern: &str) -> Arc<EventFilters> {
    let mut filters = EventFilters::default();
    filters.push("conf:1", "eventfilter", pattern).unwrap();
    Arc::new(filters)
}

#[test]
fn changed_rights_hold_from_the_restart_on_and_not_before() {
    let mut bench = Bench::new();
    let mut a = user("a");
    let client = bench.client(a.clone());
    bench.clients[client].stuck = true;
    bench.flush(client);
    let event = |class: &str, name: &str| format!("Event: {name}|Privilege: {class},all");
    bench.event(&event("call", "Old"));
    a.read = Classes::USER;
    a.event_filters = filter("!Quiet");
    restart(&mut bench, &[a]);
    for (class, name) in [("call", "New"), ("user", "Quiet"), ("user", "Loud")] {
        bench.event(&event(class, name));
    }
    assert!(bench.hub.is_blocked(bench.clients[client].id));
    bench.unstick(client);
    assert_eq!(
        bench.got(client),
        [event("call", "Old"), event("user", "Loud")]
    );
    bench.hub.swept();
    assert_eq!(bench.hub.held_bytes(), 0);
}

#[test]
fn a_filter_that_a_session_added_stays() {
    let mut bench = Bench::new();
    let a = user("a");
    let client = bench.client(a.clone());
    for filter in [
        "Filter: !Noise",
        "MatchCriteria: name(Y),header(Z),method(exact),action(exclude)|Filter: a)=b",
    ] {
        bench.send(client, &format!("Action: Filter|Operation: Add|{filter}"));
        assert_eq!(bench.got(client), ["Response: Success|Message: Success"]);
    }
    let changed = User {
        event_filters: filter("!Other"),
        ..a
    };
    restart(&mut bench, &[changed]);
    for event in [
        "Event: Noise",
        "Event: Y|Z: a)=b",
        "Event: Other",
        "Event: Y|Z: a",
    ] {
        let (head, rest) = event.split_once('|').unwrap_or((event, ""));
        bench.event(&format!("{head}|Privilege: call,all|{rest}"));
    }
    assert_eq!(bench.got(client), ["Event: Y|Privilege: call,all|Z: a"]);
}

#[test]
fn who_is_not_configured_any_more_is_ended_with_a_reason() {
    let mut bench = Bench::new();
    let (gone, moved, stays) = (user("gone"), user("moved"), user("stays"));
    let clients = [&gone, &moved, &stays].map(|user| bench.client(user.clone()));
    let moved = User {
        upstream: "another".to_owned(),
        ..moved
    };
    bench.clients[clients[0]].stuck = true;
    bench.flush(clients[0]);
    bench.event("Event: X|Privilege: call,all");
    restart(&mut bench, &[moved, stays]);
    bench.unstick(clients[0]);
    assert_eq!(bench.got(clients[0]), ["Event: X|Privilege: call,all"]);
    let closed = clients.map(|client| bench.clients[client].closed);
    let finished = Some(Outcome::Finished);
    assert_eq!(closed, [finished, finished, None]);
    let reasons = bench.notices.iter().filter(|notice| {
        matches!(notice, Notice::SessionClosed { reason, .. } if *reason == CloseReason::UserGone)
    });
    assert_eq!(reasons.count(), 2);
}

#[test]
fn a_connection_that_stays_behind_counts_as_lost() {
    let mut bench = Bench::new();
    let a = user("a");
    let client = bench.client(a.clone());
    bench.send(client, "Action: CoreStatus|ActionID: 1");
    restart_with(&mut bench, &users(&[a]), false);
    let got = bench.got(client);
    let cause = "amimux was restarted, and its connection could not be kept";
    let error =
        format!("Response: Error|ActionID: 1|Message: Connection to Asterisk lost: {cause}");
    assert_eq!(got[0], error);
    assert!(got[1].starts_with("Event: MuxUpstreamLost|"), "{got:?}");
    assert!(bench.hub.reconnect_at().is_some());
    bench.connect();
    bench.send(client, "Action: CoreStatus|ActionID: 2");
    bench.succeed();
    let got = bench.got(client);
    let last = got.last().map(String::as_str);
    assert_eq!(last, Some("Response: Success|ActionID: 2|Message: done"));
}

#[test]
fn a_follower_comes_back_to_its_place_in_another_process() {
    let call = |number| format!("Event: Newstate|Privilege: call,all|N: {number}");
    for stays in [true, false] {
        let mut bench = Bench::new();
        let a = user("a");
        let listener = bench.listener(a.clone(), EventMask::Everything);
        bench.follow(listener, Duration::from_millis(1));
        bench.pass(Duration::from_millis(1));
        bench.events(&[&call(1), &call(2)]);
        let place = bench.fetch(listener, 1)[0].1;
        bench.event(&call(3));
        if !stays {
            bench.hub.leave(bench.now, listener);
            bench.settle();
        }
        restart(&mut bench, std::slice::from_ref(&a));
        assert_eq!(bench.hub.session_count(), usize::from(stays));
        bench.event(&call(4));
        let back = bench.listener_from(a, EventMask::Everything, Some(place));
        assert_eq!(bench.events_of(back), [call(2), call(3), call(4)]);
        if let Some(listener) = bench.hub.session_ids().first().filter(|_| stays) {
            assert_eq!(bench.events_of(*listener), [call(2), call(3), call(4)]);
        }
    }
}

#[test]
fn a_later_form_is_refused_and_one_with_more_fields_is_read() {
    let hub = Hub::new(Arc::new(general()), Arc::new(upstream()), NONCE);
    let now = Bench::new().now;
    let mut value = serde_json::to_value(hub.pack(now, |_| None)).unwrap();
    value["later"] = 7.into();
    let unpack = |value: &serde_json::Value| {
        let carried = serde_json::from_value::<Carried>(value.clone()).unwrap();
        let settings = (Arc::new(general()), Arc::new(upstream()));
        Hub::unpack(
            settings.0,
            settings.1,
            &Users::default(),
            carried,
            true,
            now,
        )
    };
    assert!(unpack(&value).is_ok());
    value["version"] = 2.into();
    assert_eq!(
        unpack(&value).unwrap_err(),
        CarryError::Version { found: 2 }
    );
}

#[test]
fn nothing_secret_is_shown() {
    let mut bench = Bench::new();
    let client = bench.client(user("a"));
    bench.raw(client, b"Action: Login\r\nSecret: hush");
    let hub = std::mem::replace(
        &mut bench.hub,
        Hub::new(Arc::new(general()), Arc::new(upstream()), NONCE),
    );
    let shown = format!("{:?}", hub.pack(bench.now, |_| Some(1)));
    assert_eq!(shown, "Carried(1 sessions, 1 views)");
}

/// What a restart costs; run it with `--release --run-ignored only --no-capture`.
#[test]
#[ignore = "measures"]
fn cost() {
    for (name, sessions, behind, own) in [
        ("10,000 idle", 10_000, 0, 0),
        ("1,000, each 100 kB of one log behind", 1_000, 100_000, 0),
        ("1,000, each with 100 kB of its own", 1_000, 0, 100_000),
    ] {
        let mut bench = Bench::with(
            General {
                memory_limit_bytes: 1 << 30,
                ..general()
            },
            Upstream { ..upstream() },
        );
        let a = user("a");
        for _ in 0..sessions {
            bench.login(a.clone());
        }
        for index in 0..sessions {
            if behind + own > 0 {
                bench.clients[index].stuck = true;
                bench.flush(index);
            }
        }
        let fill = "x".repeat(10_000);
        for _ in 0..behind / 10_000 {
            bench.event(&format!("Event: X|Privilege: call,all|Fill: {fill}"));
        }
        if own > 0 {
            for index in 0..sessions {
                bench.send(index, "Action: CoreStatus");
                let fill = "x".repeat(own);
                bench.answer(&[&format!("Response: Success|ActionID: {{id}}|Fill: {fill}")]);
            }
        }
        let (hub, now) = (bench.hub, bench.now);
        let begin = Instant::now();
        let carried = hub.pack(now, |id| Some(id.index() as u64));
        let packed = begin.elapsed();
        let bytes = rmp_serde::to_vec_named(&carried).unwrap();
        drop(carried);
        let written = begin.elapsed();
        let carried: Carried = rmp_serde::from_slice(&bytes).unwrap();
        let read = begin.elapsed();
        let settings = (Arc::new(general()), Arc::new(upstream()));
        let users = users(&[a]);
        let unpacked = Hub::unpack(settings.0, settings.1, &users, carried, true, now).unwrap();
        let all = begin.elapsed();
        assert_eq!(unpacked.sessions.len(), sessions);
        println!(
            "{name}: {} bytes; pack {packed:?}, write {:?}, read {:?}, unpack {:?}, all {all:?}",
            bytes.len(),
            written - packed,
            read - written,
            all - read
        );
    }
}
