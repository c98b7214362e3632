//! `WaitEvent` and fetching over HTTP, in the hub: what ends a wait, what follows a change, and what becomes of events that
//! nobody took.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by a panic"
)]

mod hub_harness;

use std::time::Duration;

use amimux::policy::class::Classes;
use amimux::policy::event_mask::EventMask;
use amimux::policy::user::User;
use hub_harness::{Bench, user};

fn call(number: usize) -> String {
    format!("Event: Newstate|Privilege: call,all|N: {number}")
}

fn caller(name: &str) -> User {
    User {
        read: Classes::CALL,
        ..user(name)
    }
}

const WAITED: &str = "Response: Success|Message: Waiting for Event completed.";
const COMPLETE: &str = "Event: WaitEventComplete";

#[test]
fn a_wait_ends_with_the_first_event_or_in_time_and_not_by_other_requests() {
    let mut bench = Bench::new();
    let listener = bench.listener(caller("a"), EventMask::Everything);
    let asker = bench.ask(listener, "Action: WaitEvent|ActionID: 1|Timeout: 20");
    bench.query(listener, "Action: Ping");
    bench.event("Event: Cdr|Privilege: cdr,all|N: 0");
    assert_eq!(bench.handed(asker), None, "that is not for it");
    bench.events(&[&call(1), &call(2)]);
    let response = "Response: Success|ActionID: 1|Message: Waiting for Event completed.";
    let complete = "Event: WaitEventComplete|ActionID: 1";
    assert_eq!(
        bench.handed(asker).unwrap(),
        [response, &call(1), &call(2), complete]
    );
    bench.event(&call(3));
    let at_once = bench.query(listener, "Action: WaitEvent");
    assert_eq!(at_once, [WAITED, &call(3), COMPLETE]);
    for (timeout, seconds) in [
        ("Timeout: 20", 20),
        ("Timeout: -1", 50),
        ("Timeout: 99", 50),
    ] {
        let asker = bench.ask(listener, &format!("Action: WaitEvent|{timeout}"));
        bench.pass(Duration::from_secs(seconds) - Duration::from_millis(1));
        assert_eq!(bench.handed(asker), None, "{timeout}");
        bench.pass(Duration::from_millis(1));
        assert_eq!(
            bench.handed(asker).unwrap(),
            [WAITED, COMPLETE],
            "{timeout}"
        );
    }
    let zero = bench.query(listener, "Action: WaitEvent|Timeout: 0");
    assert_eq!(zero, [WAITED, COMPLETE]);
}

#[test]
fn a_wait_turns_on_a_mask_that_is_off() {
    let mut bench = Bench::new();
    let listener = bench.listener(caller("a"), EventMask::Off);
    bench.event(&call(1));
    let asker = bench.ask(listener, "Action: WaitEvent");
    bench.event(&call(2));
    assert_eq!(bench.handed(asker).unwrap(), [WAITED, &call(2), COMPLETE]);
    bench.query(listener, "Action: Events|EventMask: off");
    let asker = bench.ask(listener, "Action: WaitEvent");
    bench.event(&call(3));
    assert_eq!(bench.handed(asker).unwrap(), [WAITED, &call(3), COMPLETE]);
}

#[test]
fn a_wait_follows_a_change_of_mask() {
    let mut bench = Bench::new();
    let listener = bench.listener(user("a"), EventMask::Some(Classes::CALL));
    let asker = bench.ask(listener, "Action: WaitEvent");
    bench.query(listener, "Action: Events|EventMask: cdr");
    bench.event(&call(1));
    assert_eq!(bench.handed(asker), None);
    let cdr = "Event: Cdr|Privilege: cdr,all|N: 2";
    bench.event(cdr);
    assert_eq!(bench.handed(asker).unwrap(), [WAITED, cdr, COMPLETE]);
}

#[test]
fn a_newer_wait_or_fetch_takes_the_place_of_the_older() {
    let mut bench = Bench::new();
    let listener = bench.listener(caller("a"), EventMask::Everything);
    let wait = Duration::from_secs(10);
    let first = bench.ask(listener, "Action: WaitEvent|ActionID: 1");
    let second = bench.ask(listener, "Action: WaitEvent|ActionID: 2");
    assert_eq!(bench.handed(first).unwrap(), [""; 0]);
    bench.follow(listener, wait);
    assert_eq!(bench.handed(second).unwrap(), [""; 0]);
    assert_eq!(bench.web.replaced, []);
    let third = bench.ask(listener, "Action: WaitEvent");
    assert_eq!(bench.web.replaced, [listener]);
    bench.event(&call(1));
    assert_eq!(bench.handed(third).unwrap(), [WAITED, &call(1), COMPLETE]);
    assert_eq!(bench.web.fetched, []);
    bench.follow(listener, wait);
    bench.event(&call(2));
    assert_eq!(bench.web.fetched, [(listener, vec![call(2)])]);
    bench.follow(listener, wait);
    bench.pass(wait);
    assert_eq!(bench.web.fetched[1], (listener, Vec::new()));
}

#[test]
fn what_nobody_takes_waits_on() {
    let mut bench = Bench::new();
    let listener = bench.listener(caller("a"), EventMask::Everything);
    bench.web.refuses = true;
    bench.ask(listener, "Action: WaitEvent");
    bench.event(&call(1));
    bench.follow(listener, Duration::from_secs(1));
    bench.web.refuses = false;
    bench.event(&call(2));
    assert_eq!(bench.events_of(listener), [call(1), call(2)]);
}

#[test]
fn a_request_that_is_given_up_leaves_nothing_behind() {
    let mut bench = Bench::new();
    let listener = bench.listener(
        User {
            max_in_flight: 1,
            ..caller("a")
        },
        EventMask::Everything,
    );
    for _ in 0..3 {
        let waiting = bench.ask(listener, "Action: WaitEvent");
        bench.hub.give_up(waiting);
        let working = bench.ask(listener, "Action: CoreStatus|ActionID: gone");
        let queued = bench.ask(listener, "Action: CoreStatus|ActionID: next");
        bench.hub.give_up(working);
        bench.succeed();
        bench.succeed();
        assert_eq!(bench.handed(working), None);
        assert_eq!(bench.handed(queued).unwrap().len(), 1);
    }
    bench.event(&call(1));
    assert_eq!(bench.events_of(listener), [call(1)]);
}
