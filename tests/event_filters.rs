//! Event filters in the hub: from when on they hold, what they do not touch, and whose they are.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test ends by panicking"
)]

mod hub_harness;

use std::sync::Arc;
use std::time::Duration;

use amimux::policy::event_filter::EventFilters;
use amimux::policy::user::User;
use hub_harness::{Bench, user};

const CALL: &str = "Event: Newchannel|Privilege: call,all|Channel: X/1";
const HANGUP: &str = "Event: Hangup|Privilege: call,all|Channel: X/1";

fn filtered(lines: &[(&str, &str)]) -> User {
    let mut filters = EventFilters::default();
    for (option, pattern) in lines {
        filters.push("", option, pattern).expect("a filter");
    }
    User {
        event_filters: Arc::new(filters),
        ..user("a")
    }
}

#[test]
fn a_users_filters_hold_from_its_login_on() {
    let mut bench = Bench::new();
    let narrow = bench.login(filtered(&[("eventfilter(name(Hangup))", "")]));
    let wide = bench.client(user("b"));
    let got = bench.got(narrow);
    assert!(
        got.iter()
            .any(|event| event.starts_with("Event: FullyBooted")),
        "the state of Asterisk is told to everybody who logs in: {got:?}"
    );
    bench.got(wide);
    bench.events(&[CALL, HANGUP, CALL]);
    assert_eq!(bench.got(narrow), [HANGUP]);
    assert_eq!(bench.got(wide), [CALL, HANGUP, CALL]);
}

#[test]
fn a_filter_added_holds_from_its_answer_on_and_for_that_session_only() {
    let mut bench = Bench::new();
    let (one, other) = (bench.client(user("a")), bench.client(user("a")));
    for client in [one, other] {
        bench.got(client);
    }
    bench.event(CALL);
    // Behind an action that Asterisk has not answered, it waits like anything else.
    bench.raw(
        one,
        b"Action: CoreStatus\r\n\r\nAction: Filter\r\nActionID: f\r\nOperation: Add\r\nFilter: Event: Hangup\r\n\r\n",
    );
    bench.event(CALL);
    bench.succeed();
    bench.events(&[CALL, HANGUP]);
    let done = "Response: Success|Message: done";
    let added = "Response: Success|ActionID: f|Message: Success";
    assert_eq!(bench.got(one), [CALL, CALL, done, added, HANGUP]);
    assert_eq!(bench.got(other), [CALL, CALL, CALL, HANGUP]);
}

#[test]
fn what_is_not_broadcast_is_not_filtered() {
    let mut bench = Bench::new();
    let client = bench.client(filtered(&[("eventfilter", "Nothing at all")]));
    bench.got(client);
    bench.send(client, "Action: CoreShowChannels|ActionID: 1");
    bench.answer(&[
        "Response: Success|ActionID: {id}|EventList: start",
        "Event: CoreShowChannel|ActionID: {id}|Channel: X/1",
        "Event: CoreShowChannelsComplete|ActionID: {id}|EventList: Complete",
    ]);
    assert_eq!(bench.got(client).len(), 3);
}

#[test]
fn a_waiting_session_is_woken_by_what_passes_only() {
    let mut bench = Bench::new();
    let client = bench.client(filtered(&[("eventfilter", "!Newchannel")]));
    bench.got(client);
    bench.send(client, "Action: WaitEvent|Timeout: 60");
    bench.event(CALL);
    assert_eq!(bench.got(client), [""; 0]);
    bench.event(HANGUP);
    assert_eq!(
        bench.got(client),
        [
            "Response: Success|Message: Waiting for Event completed.",
            HANGUP,
            "Event: WaitEventComplete"
        ]
    );
}

#[test]
fn filters_see_the_action_id_that_the_client_wrote() {
    let mut bench = Bench::new();
    let client = bench.client(filtered(&[("eventfilter", "ActionID: mine")]));
    bench.got(client);
    bench.send(client, "Action: UserEvent|ActionID: mine|UserEvent: x");
    let token = bench.token();
    bench.event(&format!(
        "Event: UserEvent|Privilege: user,all|UserEvent: x|ActionID: {token}"
    ));
    bench.event("Event: UserEvent|Privilege: user,all|UserEvent: x");
    let got = bench.got(client);
    assert_eq!(
        got,
        ["Event: UserEvent|Privilege: user,all|UserEvent: x|ActionID: mine"]
    );
}

#[test]
fn what_a_filter_may_not_be_changes_nothing() {
    let mut bench = Bench::new();
    let client = bench.client(user("a"));
    bench.got(client);
    for (rest, text) in [
        ("Operation: Remove", "Unknown operation"),
        (
            "Operation: Add|Filter: (",
            "Filter did not compile.  Check the syntax of the filter given.",
        ),
        (
            "Operation: Add|Filter: (a)\\1",
            "Filter did not compile.  Check the syntax of the filter given.",
        ),
        (
            "Operation: Add",
            "Filter was formatted incorrectly.  Check the syntax of the filter given.",
        ),
        (
            "Operation: Add|MatchCriteria: name",
            "Filter was formatted incorrectly.  Check the syntax of the filter given.",
        ),
    ] {
        bench.send(client, &format!("Action: Filter|{rest}"));
        assert_eq!(
            bench.got(client),
            [format!("Response: Error|Message: {text}")]
        );
    }
    for number in 0..300 {
        bench.send(
            client,
            &format!("Action: Filter|Operation: Add|Filter: !no{number}"),
        );
    }
    let refused = "Response: Error|Message: Too many filters in this session";
    assert_eq!(
        bench
            .got(client)
            .iter()
            .filter(|answer| *answer == refused)
            .count(),
        300 - 256
    );
    bench.event(CALL);
    assert_eq!(bench.got(client), [CALL]);
}

#[test]
fn filters_of_all_views_are_compiled_together_and_mean_the_same() {
    for hold_filters in [true, false] {
        let mut bench = Bench::new();
        bench.hold_filters = hold_filters;
        let users = [
            filtered(&[("eventfilter(name(Hangup))", "")]),
            filtered(&[("eventfilter", "Channel: X/[0-9]")]),
            filtered(&[("eventfilter", "!Newchannel")]),
            filtered(&[("eventfilter(name(Hangup))", "")]),
            user("a"),
        ];
        let clients: Vec<_> = users.into_iter().map(|user| bench.login(user)).collect();
        // Those that come together are compiled together.
        bench.pass(Duration::from_secs(1));
        bench.settle();
        for client in &clients {
            bench.got(*client);
        }
        bench.events(&[CALL, HANGUP]);
        let got: Vec<_> = clients.iter().map(|client| bench.got(*client)).collect();
        let all = [CALL, HANGUP].as_slice();
        let expected = [&[HANGUP], all, &[HANGUP], &[HANGUP], all];
        assert_eq!(got, expected);
        let statistics = bench.hub.filter_statistics();
        let judged_together = if hold_filters { (0, 0) } else { (3, 2) };
        assert_eq!((statistics.sets, statistics.builds), judged_together);
        assert_eq!(statistics.given_up, 0);
    }
}

#[test]
fn builds_take_turns_and_leave_pauses() {
    let mut bench = Bench::new();
    bench.hold_filters = true;
    assert!(bench.hub.next_filter_build(bench.now).is_none());
    bench.login(filtered(&[("eventfilter", "one")]));
    let build = bench.hub.next_filter_build(bench.now).expect("a build");
    bench.login(filtered(&[("eventfilter", "two")]));
    assert!(
        bench.hub.next_filter_build(bench.now).is_none(),
        "one at a time"
    );
    bench.pass(Duration::from_millis(100));
    bench.hub.filters_built(bench.now, Some(build.run()));
    // It took 100 ms: the next may begin after 900 ms.
    bench.pass(Duration::from_millis(899));
    assert!(bench.hub.next_filter_build(bench.now).is_none());
    bench.now.since_start += Duration::from_millis(1);
    let build = bench.hub.next_filter_build(bench.now).expect("a build");
    bench.hub.filters_built(bench.now, None);
    drop(build);
    bench.now.since_start += Duration::from_secs(59);
    assert!(
        bench.hub.next_filter_build(bench.now).is_none(),
        "it failed just now"
    );
    bench.now.since_start += Duration::from_secs(1);
    let build = bench.hub.next_filter_build(bench.now).expect("a build");
    bench.hub.filters_built(bench.now, Some(build.run()));
    assert_eq!(bench.hub.filter_statistics().sets, 2);
    assert!(bench.hub.filter_build_at().is_none());
}

#[test]
fn filters_of_those_who_left_are_judged_no_longer_than_they_must() {
    let mut bench = Bench::new();
    let (stays, leaves) = (
        bench.login(filtered(&[("eventfilter", "one")])),
        bench.login(filtered(&[("eventfilter", "two")])),
    );
    bench.pass(Duration::from_secs(1));
    bench.settle();
    assert_eq!(bench.hub.filter_statistics().sets, 2);
    bench.vanish(leaves);
    assert_eq!(bench.hub.filter_statistics().sets, 2, "it may come back");
    bench.pass(Duration::from_secs(11));
    bench.settle();
    assert_eq!(bench.hub.filter_statistics().sets, 1);
    bench.vanish(stays);
    bench.pass(Duration::from_secs(11));
    bench.settle();
    assert_eq!(bench.hub.filter_statistics().sets, 0);
    assert!(bench.hub.filter_build_at().is_none());
}

#[test]
fn what_all_sessions_add_is_bounded() {
    let mut bench = Bench::new();
    bench.hold_filters = true;
    let mut refused = 0;
    let mut clients = Vec::new();
    // Each pattern takes some 56 KB; a session may have 4 MB of them, all together 64 MB.
    'all: for _ in 0..32 {
        let client = bench.client(user("a"));
        clients.push(client);
        for number in 0..60 {
            bench.send(
                client,
                &format!("Action: Filter|Operation: Add|Filter: [[:alpha:]]x{number}y"),
            );
            let got = bench.got(client);
            if got[got.len() - 1].ends_with("Too many filters in this session") {
                refused += 1;
                break 'all;
            }
        }
    }
    assert_eq!(refused, 1);
    assert!(clients.len() > 10, "{}", clients.len());
    // Whoever leaves makes room.
    bench.vanish(clients[0]);
    let client = bench.client(user("a"));
    bench.got(client);
    bench.send(client, "Action: Filter|Operation: Add|Filter: [[:alpha:]]z");
    assert_eq!(bench.got(client), ["Response: Success|Message: Success"]);
}
