//! Those who follow events over HTTP: places, coming back, and falling behind.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by a panic"
)]

mod hub_harness;

use std::time::Duration;

use amimux::config::settings::General;
use amimux::hub::{Place, SessionId};
use amimux::policy::class::Classes;
use amimux::policy::event_mask::EventMask;
use amimux::policy::user::User;
use hub_harness::{Bench, general, upstream, user, wire};
use proptest::prelude::*;

const RETENTION: usize = 16 * 1024;

const GAP: &str = "Event: MuxEventsSkipped|Privilege: system,all|Messages: unknown|Bytes: unknown";

const LITTLE: Duration = Duration::from_millis(1);

fn call(number: usize) -> String {
    format!("Event: Newstate|Privilege: call,all|N: {number}")
}

fn large(number: usize) -> String {
    format!("{}|Fill: {}", call(number), "x".repeat(1000))
}

fn caller(name: &str) -> User {
    User {
        read: Classes::CALL,
        ..user(name)
    }
}

fn small() -> Bench {
    let general = General {
        retention_bytes: RETENTION,
        memory_limit_bytes: 8 << 20,
        ..general()
    };
    Bench::with(general, upstream())
}

/// What a `MuxEventsSkipped` says: messages and bytes.
fn gap(message: &str) -> Option<(usize, usize)> {
    let counts = message
        .strip_prefix("Event: MuxEventsSkipped|Privilege: system,all|Messages: ")?
        .split_once("|Bytes: ")?;
    Some((counts.0.parse().unwrap(), counts.1.parse().unwrap()))
}

fn follower(bench: &mut Bench, name: &str, resume: Option<Place>) -> SessionId {
    let id = bench.listener_from(caller(name), EventMask::Everything, resume);
    bench.follow(id, LITTLE);
    bench.pass(LITTLE);
    id
}

#[test]
fn events_are_fetched_in_pieces_with_the_place_behind_each() {
    let mut bench = Bench::new();
    let listener = follower(&mut bench, "a", None);
    let size = wire(&call(1)).len();
    bench.events(&[&call(1), &call(2)]);
    bench.event(&call(3));
    let two = bench.fetch(listener, 2 * size);
    assert_eq!(two[0].0, call(1));
    assert_eq!(two[1].0, call(2));
    assert_eq!(two.len(), 2);
    assert_eq!(two[1].1.position - two[0].1.position, size as u64);
    let one = bench.fetch(listener, 1);
    assert_eq!(one[0].0, call(3), "one at least, however long");
    assert_eq!(bench.fetch(listener, 1), []);
}

#[test]
fn one_that_comes_back_goes_on_at_its_place() {
    let mut bench = Bench::new();
    let first = follower(&mut bench, "a", None);
    bench.event(&call(0));
    let seen = bench.fetch(first, usize::MAX);
    bench.events(&[&call(1), &call(2), &call(3)]);
    let places = bench.fetch(first, usize::MAX);
    bench.hub.leave(bench.now, first);
    bench.settle();
    assert_eq!(bench.web.ended, [first]);
    bench.pass(Duration::from_secs(59));
    bench.event(&call(4));
    let numbers = |events: &[String]| events.len();
    let all = [call(1), call(2), call(3), call(4)];
    let from = std::iter::once(&seen[0]).chain(&places);
    for (place, rest) in from.map(|(_, place)| *place).zip([4, 3, 2, 1]) {
        // Everybody of that user's view may come back, as often as they like.
        let again = bench.listener_from(caller("a"), EventMask::Everything, Some(place));
        let got = bench.events_of(again);
        assert_eq!(got, all[4 - rest..]);
        assert_eq!(numbers(&got), rest);
        bench.hub.leave(bench.now, again);
        bench.settle();
    }
}

#[test]
fn one_that_cannot_go_on_at_its_place_is_told() {
    let mut bench = small();
    let first = follower(&mut bench, "a", None);
    bench.events(&[&call(1), &call(2)]);
    let place = bench.fetch(first, 1)[0].1;
    let cases = [
        (
            "another view",
            Place {
                view: place.view + 1000,
                ..place
            },
        ),
        (
            "within an event",
            Place {
                position: place.position + 3,
                ..place
            },
        ),
        (
            "not yet",
            Place {
                position: place.position + 10_000,
                ..place
            },
        ),
    ];
    for (name, wrong) in cases {
        let again = bench.listener_from(caller("b"), EventMask::Everything, Some(wrong));
        bench.event(&call(7));
        assert_eq!(bench.events_of(again), [GAP, &call(7)], "{name}");
    }
    let right = bench.listener_from(caller("b"), EventMask::Everything, Some(place));
    assert_eq!(
        bench.events_of(right).len(),
        4,
        "others of the same view may"
    );
    let mask = EventMask::Some(Classes::CALL.union(Classes::CDR));
    let other = bench.listener_from(user("c"), mask, Some(place));
    assert_eq!(
        bench.events_of(other),
        [GAP],
        "another mask is another view"
    );
    for number in 0..400 {
        bench.event(&large(number));
    }
    let late = bench.listener_from(caller("a"), EventMask::Everything, Some(place));
    assert_eq!(bench.events_of(late), [GAP], "it is no longer kept");
}

#[test]
fn what_is_kept_for_those_who_come_back_is_bounded_in_bytes_and_time() {
    let mut bench = Bench::new();
    let first = follower(&mut bench, "a", None);
    for number in 0..1000 {
        bench.event(&large(number));
        bench.events_of(first);
    }
    let held = bench.hub.held_bytes();
    assert!((255 * 1024..=256 * 1024).contains(&held), "{held}");
    bench.hub.leave(bench.now, first);
    bench.settle();
    bench.pass(Duration::from_secs(62));
    bench.event(&large(0));
    assert_eq!(bench.hub.held_bytes(), 0, "nobody came back");
}

#[test]
fn one_that_only_asks_keeps_nothing_of_what_was_read() {
    let mut bench = Bench::new();
    let listener = bench.listener(caller("a"), EventMask::Everything);
    bench.event(&call(1));
    bench.query(listener, "Action: WaitEvent");
    bench.event(&call(2));
    bench.events_of(listener);
    bench.event("Event: Cdr|Privilege: cdr,all");
    bench.hub.swept();
    assert_eq!(bench.hub.held_bytes(), 0);
}

#[test]
fn one_that_reads_nothing_skips_and_is_told_exactly_what_it_missed() {
    let mut bench = small();
    let listener = bench.listener(caller("a"), EventMask::Everything);
    let client = bench.client(caller("b"));
    let mut sent = 0;
    for number in 0..500 {
        bench.event(&large(number));
        sent += wire(&large(number)).len();
        let held = bench.hub.held_bytes();
        assert!(held <= 2 * 1024 * 1024, "{held}");
    }
    let got = bench.events_of(listener);
    let (events, bytes) = gap(&got[0]).unwrap();
    let rest = &got[1..];
    let had = rest.iter().map(|event| wire(event).len()).sum::<usize>();
    assert_eq!((events + rest.len(), bytes + had), (500, sent));
    for (event, number) in rest.iter().zip(events..) {
        assert_eq!(*event, large(number));
    }
    assert_eq!(bench.got(client).len(), 500, "nobody else misses any");
    assert_eq!(bench.web.ended, []);
}

#[test]
fn private_messages_of_one_that_reads_nothing_are_bounded() {
    let mut bench = Bench::new();
    let listener = bench.listener(user("a"), EventMask::Some(Classes::USER));
    let rounds = 2000;
    for number in 0..rounds {
        bench.ask(
            listener,
            &format!("Action: UserEvent|UserEvent: x|ActionID: {number}"),
        );
        let event = bench
            .asterisk
            .waiting
            .iter()
            .find(|asked| asked.action == "UserEvent");
        let token = event.unwrap().action_id.clone();
        let fill = "y".repeat(400);
        bench.event(&format!(
            "Event: UserEvent|Privilege: user,all|ActionID: {token}|UserEvent: x|Fill: {fill}"
        ));
        bench.answer(&["Response: Success|ActionID: {id}|Message: Event Sent"]);
        let held = bench.hub.held_bytes();
        assert!(held < (1 << 20) + 300 * 1024, "{held}");
    }
    let got = bench.events_of(listener);
    let (missed, _) = gap(&got[0]).unwrap();
    assert_eq!(missed + got.len() - 1, rounds);
    assert!(
        got[1].contains(&format!("|ActionID: {missed}|")),
        "{}",
        got[1]
    );
}

#[test]
fn changes_of_view_of_one_that_reads_nothing_are_bounded() {
    let mut bench = Bench::new();
    let listener = bench.listener(user("a"), EventMask::Some(Classes::CALL));
    for number in 0..100 {
        let mask = if number % 2 == 0 { "call,cdr" } else { "call" };
        bench.event(&call(number));
        bench.query(listener, &format!("Action: Events|EventMask: {mask}"));
    }
    let got = bench.events_of(listener);
    let (missed, _) = gap(&got[0]).unwrap();
    assert_eq!(missed + got.len() - 1, 100);
    assert_eq!(got[1], call(missed));
    bench.event(&call(100));
    assert_eq!(bench.events_of(listener), [call(100)]);
    bench.hub.leave(bench.now, listener);
    bench.settle();
    assert_eq!(bench.hub.held_bytes(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is fetched, lost on the way and asked for again: what comes and what is told to be missed is everything,
    /// in order and once.
    #[test]
    fn fetched_and_missed_is_everything(steps in proptest::collection::vec((0..6_u8, 1..40_usize), 1..60)) {
        let mut bench = small();
        let listener = bench.listener(user("a"), EventMask::Some(Classes::CALL));
        let (mut sent, mut next, mut extra) = (0, 0, 0);
        let mut take = |events: Vec<String>| {
            for event in events {
                if let Some((missed, _)) = gap(&event) {
                    next += missed;
                } else {
                    assert!(event.starts_with(&format!("{}|", call(next))), "{event} for {next}");
                    next += 1;
                }
            }
        };
        for (step, count) in steps {
            match step {
                0..=2 => {
                    for _ in 0..count {
                        bench.event(&large(sent));
                        sent += 1;
                    }
                }
                3 => {
                    let events = bench.fetch(listener, count * 300);
                    take(events.into_iter().map(|(event, _)| event).collect());
                }
                4 => {
                    extra += 1;
                    let mask = if extra % 2 == 1 { "call,cdr" } else { "call" };
                    bench.query(listener, &format!("Action: Events|EventMask: {mask}"));
                }
                _ => {
                    bench.hub.hand_events(bench.now, listener, count * 300, |_| false);
                }
            }
        }
        take(bench.events_of(listener));
        prop_assert_eq!(next, sent);
    }
}
