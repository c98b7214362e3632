//! Sessions without a socket, in the hub: listeners, whose events wait until they are fetched, and askers, requests of
//! a listener each with an answer of its own.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by a panic"
)]

mod hub_harness;

use std::time::Duration;

use amimux::config::settings::General;
use amimux::hub::{CloseReason, NotAsked, Notice, WebOutput};
use amimux::policy::class::Classes;
use amimux::policy::event_mask::EventMask;
use amimux::policy::rights::Audit;
use amimux::policy::user::{ActionIds, OnUpstreamLoss, User};
use hub_harness::{Bench, general, upstream, user};

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
fn requests_run_at_the_same_time_and_each_has_its_own_answer() {
    let mut bench = Bench::new();
    let listener = bench.listener(user("a"), EventMask::Off);
    let slow = bench.ask(listener, "Action: CoreStatus|ActionID: 1");
    let pong = bench.query(listener, "Action: Ping|ActionID: 2");
    assert!(pong[0].starts_with("Response: Success|ActionID: 2|Ping: Pong|"));
    let list = bench.ask(listener, "Action: QueueStatus|ActionID: 3");
    assert_eq!(bench.handed(slow), None);
    bench.succeed();
    assert_eq!(
        bench.handed(slow).unwrap(),
        ["Response: Success|ActionID: 1|Message: done"]
    );
    bench.answer(&[
        "Response: Success|ActionID: {id}|EventList: start|Message: follows",
        "Event: QueueParams|Queue: a|ActionID: {id}",
        "Event: QueueStatusComplete|ActionID: {id}|EventList: Complete|ListItems: 1",
    ]);
    assert_eq!(bench.handed(list).unwrap().len(), 3);
    let refused = bench.query(listener, "Action: Nonsense|ActionID: 4");
    assert_eq!(
        refused,
        [
            "Response: Error|ActionID: 4|Message: Invalid/unknown command: Nonsense. Use Action: ListCommands to show available commands."
        ]
    );
    assert_eq!(
        bench.query(listener, "Action: Login|Username: a|Secret: x"),
        ["Response: Success|Message: Already authenticated"]
    );
    assert_eq!(bench.hub.session_count(), 1, "a request is no session");
}

#[test]
fn a_challenge_is_the_listeners() {
    let mut bench = Bench::new();
    let listener = bench.listener(user("a"), EventMask::Off);
    let first = bench.query(listener, "Action: Challenge|AuthType: MD5");
    assert!(
        first[0].starts_with("Response: Success|Challenge: "),
        "{first:?}"
    );
    assert_eq!(
        bench.query(listener, "Action: Challenge|AuthType: MD5"),
        first
    );
}

#[test]
fn a_login_is_answered_as_that_of_a_client_with_a_socket() {
    let general = General {
        disabled_events: Vec::new(),
        ..general()
    };
    let mut bench = Bench::with(general, upstream());
    let watcher = bench.client(User {
        read: Classes::SECURITY,
        ..user("watcher")
    });
    assert_eq!(bench.got(watcher).len(), 0);
    let events = EventMask::Everything;
    let listener = bench.listener(user("a"), events);
    assert_eq!(bench.got(watcher), [""; 0], "no login was asked for");
    let asker = bench
        .hub
        .ask_to_log_in(bench.now, listener, Some(b"7".as_slice().into()), events)
        .unwrap();
    bench.settle();
    let answer = bench.handed(asker).unwrap();
    assert_eq!(
        answer[0],
        "Response: Success|ActionID: 7|Message: Authentication accepted"
    );
    assert!(answer[1].starts_with("Event: FullyBooted|Privilege: system,all|Uptime: 5|"));
    assert_eq!(answer.len(), 2);
    let told = bench.got(watcher);
    assert!(told[0].starts_with("Event: SuccessfulAuth|"), "{told:?}");
    assert_eq!(told.len(), 1);
    let opened =
        |notice: &&Notice| matches!(notice, Notice::SessionOpened { user, .. } if user == "a");
    assert_eq!(bench.notices.iter().filter(opened).count(), 1);
    let closed = |notice: &&Notice| matches!(notice, Notice::SessionClosed { .. });
    assert_eq!(bench.notices.iter().filter(closed).count(), 0);
}

#[test]
fn events_are_collected_from_the_login_on() {
    let mut bench = Bench::new();
    bench.event(&call(0));
    let listener = bench.listener(caller("a"), EventMask::Everything);
    let silent = bench.listener(caller("a"), EventMask::Off);
    bench.event(&call(1));
    bench.event("Event: Cdr|Privilege: cdr,all|N: 2");
    bench.event(&call(3));
    assert_eq!(bench.events_of(listener), [call(1), call(3)]);
    assert_eq!(bench.events_of(listener), [""; 0]);
    assert_eq!(bench.events_of(silent), [""; 0]);
}

#[test]
fn what_a_request_changes_is_its_listeners() {
    let mut bench = Bench::new();
    let listener = bench.listener(user("a"), EventMask::Off);
    bench.event(&call(1));
    assert_eq!(
        bench.query(listener, "Action: Events|EventMask: call"),
        ["Response: Success|Events: On"]
    );
    bench.event(&call(2));
    assert_eq!(
        bench.query(listener, "Action: Filter|Operation: Add|Filter: !N: 3"),
        ["Response: Success|Message: Success"]
    );
    bench.events(&[&call(3), &call(4)]);
    assert_eq!(
        bench.query(listener, "Action: Events|EventMask: off"),
        ["Response: Success|Events: Off"]
    );
    bench.event(&call(5));
    assert_eq!(bench.events_of(listener), [call(2), call(4)]);
    bench.query(listener, "Action: Events|EventMask: call");
    bench.events(&[&call(3), &call(6)]);
    assert_eq!(bench.events_of(listener), [call(6)], "the filter stays");
}

#[test]
fn two_filters_that_are_compiled_at_the_same_time_both_hold() {
    let mut bench = Bench::new();
    let listener = bench.listener(caller("a"), EventMask::Everything);
    let ask = |bench: &mut Bench, number: usize| {
        let message = format!("Action: Filter\r\nOperation: Add\r\nFilter: !N: {number}\r\n\r\n");
        let wait = Duration::ZERO;
        bench
            .hub
            .ask(bench.now, listener, &message.into(), wait)
            .unwrap()
    };
    let askers = [ask(&mut bench, 1), ask(&mut bench, 2)];
    let drafts = [(); 2].map(|()| bench.hub.next_filter_draft().unwrap());
    for draft in drafts {
        bench.hub.filter_drafted(bench.now, draft.run());
    }
    bench.settle();
    for asker in askers {
        assert_eq!(
            bench.handed(asker).unwrap(),
            ["Response: Success|Message: Success"]
        );
    }
    bench.events(&[&call(1), &call(2), &call(3)]);
    assert_eq!(bench.events_of(listener), [call(3)]);
}

#[test]
fn a_change_of_mask_waits_until_asterisk_has_confirmed_it() {
    let mut bench = Bench::new();
    let listener = bench.listener(user("a"), EventMask::Off);
    bench.asterisk.manual = true;
    let asker = bench.ask(listener, "Action: Events|EventMask: cdr");
    assert_eq!(bench.handed(asker), None);
    let pong = bench.query(listener, "Action: Ping");
    assert!(pong[0].contains("Pong"), "others do not wait");
    bench.answer(&["Response: Success|ActionID: {id}|Events: On"]);
    assert_eq!(
        bench.handed(asker).unwrap(),
        ["Response: Success|Events: On"]
    );
}

#[test]
fn logoff_ends_the_listener_and_answers_who_waits() {
    let mut bench = Bench::new();
    let listener = bench.listener(caller("a"), EventMask::Everything);
    let waiting = bench.ask(listener, "Action: WaitEvent|ActionID: w");
    let working = bench.ask(listener, "Action: CoreStatus|ActionID: s");
    let asker = bench.ask(listener, "Action: Logoff|ActionID: l");
    let (_, goodbye, ended) = bench
        .web
        .answers
        .iter()
        .find(|(id, ..)| *id == asker)
        .unwrap();
    assert_eq!(
        goodbye[..],
        ["Response: Goodbye|ActionID: l|Message: Thanks for all the fish."]
    );
    assert!(ended);
    assert_eq!(bench.handed(waiting).unwrap().len(), 2);
    assert_eq!(bench.web.ended, [listener]);
    let ping = bench.try_ask(listener, "Action: Ping");
    assert_eq!(ping, Err(NotAsked::Ended));
    assert_eq!(
        bench.hub.follow(bench.now, listener, Duration::ZERO),
        Err(NotAsked::Ended)
    );
    bench.succeed();
    assert_eq!(
        bench.handed(working).unwrap().len(),
        1,
        "it is answered all the same"
    );
    assert_eq!(bench.hub.session_count(), 0);
}

#[test]
fn an_actionid_belongs_to_the_listener() {
    for (action_ids, shown) in [(ActionIds::User, 2), (ActionIds::Session, 1)] {
        let mut bench = Bench::new();
        let of = |name| User {
            action_ids,
            ..user(name)
        };
        let listener = bench.listener(of("a"), EventMask::Everything);
        let sibling = bench.listener(of("a"), EventMask::Everything);
        let other = bench.listener(of("b"), EventMask::Everything);
        bench.ask(listener, "Action: UserEvent|UserEvent: x|ActionID: mine");
        let token = bench
            .asterisk
            .waiting
            .iter()
            .find(|asked| asked.action == "UserEvent");
        let token = token.unwrap().action_id.clone();
        bench.event(&format!(
            "Event: UserEvent|Privilege: user,all|ActionID: {token}|UserEvent: x"
        ));
        let with = "Event: UserEvent|Privilege: user,all|ActionID: mine|UserEvent: x";
        let without = "Event: UserEvent|Privilege: user,all|UserEvent: x";
        assert_eq!(bench.events_of(listener), [with]);
        let of_sibling = if shown == 2 { with } else { without };
        assert_eq!(bench.events_of(sibling), [of_sibling]);
        assert_eq!(bench.events_of(other), [without]);
    }
}

#[test]
fn requests_of_a_listener_share_one_turn_and_are_bounded() {
    let general = General {
        max_queued: 5,
        ..general()
    };
    let mut upstream = upstream();
    upstream.window = 2;
    let mut bench = Bench::with(general, upstream);
    let one = bench.listener(user("a"), EventMask::Off);
    let other = bench.client(user("b"));
    for number in 0..5 {
        bench.ask(one, &format!("Action: CoreStatus|From: a{number}"));
    }
    let sixth = bench.try_ask(one, "Action: Ping");
    assert_eq!(sixth, Err(NotAsked::TooMany));
    bench.send(other, "Action: CoreStatus|From: b0");
    bench.send(other, "Action: CoreStatus|From: b1");
    let mut order = Vec::new();
    while let Some(asked) = bench.asked().first().cloned() {
        order.push(asked.replace("CoreStatus|From: ", "").replace('|', ""));
        bench.succeed();
    }
    assert_eq!(order, ["a0", "a1", "a2", "b0", "a3", "b1", "a4"]);
    assert!(bench.try_ask(one, "Action: Ping").is_ok());
}

#[test]
fn no_more_is_in_flight_for_a_listener_than_its_user_may_have() {
    let mut bench = Bench::new();
    let listener = bench.listener(
        User {
            max_in_flight: 2,
            ..user("a")
        },
        EventMask::Off,
    );
    let askers = [(); 5].map(|()| bench.ask(listener, "Action: CoreStatus"));
    for done in 0..5 {
        assert_eq!(bench.asked().len(), (5 - done).min(2));
        bench.succeed();
    }
    for asker in askers {
        assert_eq!(bench.handed(asker).unwrap().len(), 1);
    }
}

#[test]
fn a_loss_answers_everything_and_ends_those_who_asked_for_it() {
    let mut bench = Bench::new();
    let closing = User {
        on_upstream_loss: OnUpstreamLoss::Close,
        max_in_flight: 1,
        ..user("a")
    };
    let listeners = [
        closing,
        User {
            max_in_flight: 1,
            ..user("b")
        },
    ]
    .map(|user| bench.listener(user, EventMask::Off));
    let mut askers = Vec::new();
    for listener in listeners {
        for _ in 0..3 {
            askers.push(bench.ask(listener, "Action: CoreStatus"));
        }
    }
    bench.lose("it broke");
    for asker in askers {
        let answer = bench.handed(asker).unwrap();
        assert_eq!(
            answer,
            ["Response: Error|Message: Connection to Asterisk lost: it broke"]
        );
    }
    assert_eq!(bench.web.ended, [listeners[0]]);
    bench.pass(Duration::from_secs(1));
    bench.connect();
    let asker = bench.ask(listeners[1], "Action: CoreStatus");
    bench.succeed();
    assert_eq!(bench.handed(asker).unwrap().len(), 1);
}

#[test]
fn at_the_end_everything_is_answered() {
    let mut bench = Bench::new();
    let listener = bench.listener(caller("a"), EventMask::Everything);
    let waiting = bench.ask(listener, "Action: WaitEvent");
    let working = bench.ask(listener, "Action: CoreStatus");
    bench.hub.shut_down(bench.now);
    bench.settle();
    assert_eq!(bench.handed(waiting).unwrap(), [WAITED, COMPLETE]);
    assert_eq!(
        bench.handed(working).unwrap(),
        ["Response: Error|Message: Connection ended: amimux is shutting down"]
    );
    assert_eq!(bench.web.ended, [listener]);
    assert_eq!(bench.hub.session_count(), 0);
}

#[test]
fn what_is_recorded_of_requests_is_recorded_of_the_listener() {
    let general = General {
        disabled_events: Vec::new(),
        ..general()
    };
    let mut bench = Bench::with(general, upstream());
    let watcher = bench.client(User {
        read: Classes::SECURITY,
        ..user("watcher")
    });
    let listener = bench.listener(
        User {
            write: Classes::NONE,
            audit: Audit::All,
            ..user("a")
        },
        EventMask::Off,
    );
    for _ in 0..200 {
        bench.query(listener, "Action: Command|Command: x");
    }
    let audited = |notice: &&Notice| matches!(notice, Notice::Audit(_));
    assert_eq!(bench.notices.iter().filter(audited).count(), 200);
    let told = bench.got(watcher);
    assert_eq!(told.len(), 100, "a session's may be no more in a second");
    assert!(
        told[0].starts_with("Event: RequestNotAllowed|"),
        "{}",
        told[0]
    );
    let refused = |notice: &&Notice| matches!(notice, Notice::Refused { .. });
    assert_eq!(bench.notices.iter().filter(refused).count(), 10);
}

#[test]
fn a_request_whose_listener_has_ended_before_its_turn_is_answered() {
    let mut bench = Bench::new();
    let listener = bench.listener(
        User {
            write: Classes::NONE,
            audit: Audit::All,
            ..user("a")
        },
        EventMask::Everything,
    );
    // Where nobody takes what is to be logged, requests wait.
    let command = hub_harness::wire("Action: Command|Command: x");
    let flood = std::iter::repeat_n(command, 2100)
        .flatten()
        .collect::<Vec<_>>();
    let wait = Duration::from_secs(50);
    bench
        .hub
        .ask(bench.now, listener, &flood.into(), wait)
        .unwrap();
    for _ in 0..20 {
        bench.hub.tick(bench.now);
    }
    let late = "Action: WaitEvent\r\nActionID: late\r\n\r\n".into();
    let asker = bench.hub.ask(bench.now, listener, &late, wait).unwrap();
    bench.hub.leave(bench.now, listener);
    let ended = bench.hub.next_web_output();
    assert_eq!(ended, Some(WebOutput::Ended(listener)), "nobody waited yet");
    bench.hub.remove(listener, CloseReason::Expired);
    bench.settle();
    assert_eq!(
        bench.handed(asker).unwrap(),
        [
            "Response: Success|ActionID: late|Message: Waiting for Event completed.",
            "Event: WaitEventComplete|ActionID: late"
        ]
    );
}
