//! What a hub counts is what happened: events, deliveries, and what became of each request.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by a panic"
)]

mod hub_harness;

use std::sync::Arc;
use std::time::Duration;

use amimux::config::settings::{General, Upstream};
use amimux::hub::statistics::{ActionOutcome, Statistics};
use amimux::hub::survey::{HubReport, LinkState};
use amimux::policy::class::Classes;
use amimux::policy::event_filter::EventFilters;
use amimux::policy::event_mask::EventMask;
use amimux::policy::user::User;
use hub_harness::{Bench, general, upstream, user};

fn report(bench: &Bench) -> HubReport {
    bench.hub.survey(bench.now, false)
}

/// The outcomes that there were, and how often.
fn outcomes(bench: &Bench) -> Vec<(&'static str, u64)> {
    let statistics = report(bench).statistics;
    ActionOutcome::ALL
        .into_iter()
        .map(|outcome| (outcome.name(), statistics.finished(outcome)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

fn finished(statistics: &Statistics) -> u64 {
    statistics.outcomes.iter().sum()
}

fn filters(pattern: &str) -> Arc<EventFilters> {
    let mut filters = EventFilters::default();
    filters.push("", "eventfilter", pattern).expect("a filter");
    Arc::new(filters)
}

fn event(number: usize) -> String {
    format!("Event: Newchannel|Privilege: call,all|Number: {number}")
}

#[test]
fn events_and_deliveries() {
    let mut bench = Bench::new();
    for _ in 0..3 {
        bench.client(user("everything"));
    }
    bench.login_with(user("calls"), EventMask::Some(Classes::CALL), b"");
    bench.login_with(user("nothing"), EventMask::Off, b"");
    bench.client(User {
        event_filters: filters("Number: 1"),
        ..user("ones")
    });
    let before = report(&bench);
    let sent_before = before.statistics.client_bytes_out;
    for number in 0..4 {
        bench.event(&event(number));
    }
    bench.event("Event: PeerStatus|Privilege: system,all|Number: 1");
    let after = report(&bench);
    let events = after.statistics.upstream_events - before.statistics.upstream_events;
    assert_eq!(events, 5);
    let rows = |report: &HubReport| {
        let mut rows = report
            .views
            .iter()
            .filter(|view| view.classes != Classes::NONE)
            .map(|view| {
                let counts = view.counts;
                (
                    view.number,
                    view.sessions,
                    counts.events,
                    counts.deliveries,
                    counts.filtered,
                )
            })
            .collect::<Vec<_>>();
        rows.sort_unstable();
        rows
    };
    let mut grown = Vec::new();
    for (new, old) in rows(&after).into_iter().zip(rows(&before)) {
        grown.push((new.1, new.2 - old.2, new.3 - old.3, new.4 - old.4));
    }
    // Sessions, events, deliveries, filtered: by the order in which the views were made.
    assert_eq!(grown, [(3, 5, 15, 0), (1, 4, 4, 0), (1, 2, 2, 3)]);
    let mut received = 0;
    for client in 0..bench.clients.len() {
        received += bench.got_bytes(client).len() as u64;
    }
    let sent = after.statistics.client_bytes_out;
    assert!(
        sent > sent_before && received <= sent,
        "{received} of {sent}"
    );
}

#[test]
fn views_that_are_gone_and_views_beyond_the_hundredth_still_count() {
    let mut bench = Bench::new();
    for number in 0..105 {
        bench.client(User {
            event_filters: filters(&format!("Number: {number}x")),
            ..user(&format!("u{number}"))
        });
    }
    bench.event(&event(1));
    let sum = |report: &HubReport| {
        let mut sum = report.gone;
        sum.add(report.gone_others);
        for view in &report.views {
            sum.add(view.counts);
        }
        sum
    };
    let before = report(&bench);
    let named = before.views.iter().filter(|view| view.is_named).count();
    // Some places are taken by views without events, which a session has until its login is answered.
    assert!((98..=100).contains(&named), "{named}");
    assert!(before.views.len() >= 105);
    for client in 0..105 {
        bench.vanish(client);
    }
    let after = report(&bench);
    assert_eq!(sum(&after), sum(&before));
    assert!(after.gone_others.filtered > 0 && after.gone.filtered > 0);
    assert_eq!(
        after.gone.deliveries + after.gone_others.deliveries,
        sum(&before).deliveries
    );
}

#[test]
fn each_request_has_one_outcome() {
    let mut bench = Bench::with(
        general(),
        Upstream {
            window: 2,
            ..upstream()
        },
    );
    let client = bench.client(user("a"));
    let weak = bench.client(User {
        write: Classes::NONE,
        ..user("b")
    });
    bench.send(client, "Action: Ping");
    bench.send(client, "Action: Events|EventMask: call");
    assert_eq!(outcomes(&bench), [("answered_here", 2)]);
    for answer in ["Success", "Error", "Goodbye"] {
        bench.send(client, "Action: CoreStatus");
        bench.answer(&[&format!("Response: {answer}|ActionID: {{id}}")]);
    }
    bench.send(weak, "Action: CoreStatus");
    bench.send(weak, "Action: NoSuchThing");
    bench.send(weak, "NoAction: x");
    let expected = [
        ("answered_here", 2),
        ("success", 2),
        ("error", 1),
        ("refused", 3),
    ];
    assert_eq!(outcomes(&bench), expected);
    let refusals = report(&bench).statistics.refusals;
    assert_eq!(refusals, [0, 1, 1, 1, 0, 0, 0]);

    // Two are with Asterisk, one waits; then a client goes, and Asterisk.
    for _ in 0..2 {
        bench.send(client, "Action: CoreStatus");
    }
    let other = bench.client(user("c"));
    bench.send(other, "Action: CoreStatus");
    bench.send(other, "Action: CoreStatus");
    let lag = report(&bench).lag;
    assert_eq!((lag.in_flight, lag.queued), (2, 2));
    bench.vanish(other);
    assert_eq!(report(&bench).lag.queued, 0);
    bench.lose("gone");
    bench.send(client, "Action: CoreStatus");
    let expected = [
        ("answered_here", 2),
        ("success", 2),
        ("error", 1),
        ("refused", 3),
        ("unavailable", 1),
        ("lost", 2),
        ("abandoned", 2),
    ];
    assert_eq!(outcomes(&bench), expected);
    let statistics = report(&bench).statistics;
    assert_eq!(statistics.requests, finished(&statistics));
    assert_eq!((statistics.losses, statistics.connects), (1, 1));
    assert_eq!(statistics.forwarded, 5);
    assert_eq!(statistics.logins, 3);
}

#[test]
fn lists_raw_text_and_originates_end_once() {
    let mut bench = Bench::new();
    let client = bench.client(user("a"));
    bench.send(client, "Action: CoreShowChannels");
    bench.answer(&[
        "Response: Success|ActionID: {id}|EventList: start|Message: Channels will follow",
        "Event: CoreShowChannel|ActionID: {id}|Channel: x",
        "Event: CoreShowChannelsComplete|ActionID: {id}|EventList: Complete|ListItems: 1",
    ]);
    assert_eq!(outcomes(&bench), [("success", 1)]);
    for (answer, outcome) in [("Success", "success"), ("Failure", "error")] {
        let before = outcomes(&bench);
        bench.send(
            client,
            "Action: Originate|Channel: Local/1@a|Application: Wait",
        );
        let token = bench.token();
        bench.answer(&["Response: Success|ActionID: {id}|Message: Originate successfully queued"]);
        assert_eq!(outcomes(&bench), before, "its outcome is open");
        bench.event(&format!(
            "Event: OriginateResponse|Privilege: call,all|ActionID: {token}|Response: {answer}"
        ));
        let after = outcomes(&bench);
        let of = |counts: &[(&str, u64)]| {
            let found = counts.iter().find(|(name, _)| *name == outcome);
            found.map_or(0, |(_, count)| *count)
        };
        assert_eq!(of(&after), of(&before) + 1, "{outcome}");
    }
    let statistics = report(&bench).statistics;
    assert_eq!(statistics.requests, 3);
    assert_eq!(finished(&statistics), 3);
    assert_eq!(
        statistics.latencies.count(),
        3,
        "one for each that was answered"
    );
}

#[test]
fn times_of_actions() {
    let mut bench = Bench::with(
        general(),
        Upstream {
            window: 1,
            ..upstream()
        },
    );
    let client = bench.client(user("a"));
    bench.send(client, "Action: CoreStatus");
    bench.send(client, "Action: CoreStatus");
    bench.now.since_start += Duration::from_millis(80);
    assert_eq!(
        report(&bench).link.oldest_in_flight,
        Duration::from_millis(80)
    );
    bench.succeed();
    bench.now.since_start += Duration::from_millis(20);
    bench.succeed();
    let statistics = report(&bench).statistics;
    assert_eq!(statistics.latencies.count(), 2);
    assert_eq!(statistics.latencies.total, Duration::from_millis(100));
    assert_eq!(statistics.waits.count(), 2);
    assert_eq!(statistics.waits.total, Duration::from_millis(80));
    bench.send(client, "Action: CoreStatus");
    bench.pass(Duration::from_secs(31));
    assert!(outcomes(&bench).contains(&("timeout", 1)) || outcomes(&bench).contains(&("lost", 1)));
}

#[test]
fn the_connection_and_those_who_are_behind() {
    let mut bench = Bench::away(general(), upstream());
    assert_eq!(report(&bench).link.state, LinkState::Down);
    assert_eq!(report(&bench).link.round_trip, None);
    bench.connect();
    bench.settle();
    let link = report(&bench).link;
    assert_eq!(link.state, LinkState::Ready);
    assert_eq!(
        link.round_trip,
        Some(Duration::ZERO),
        "the login was answered at once"
    );
    let client = bench.client(user("a"));
    let id = bench.clients[client].id;
    bench.clients[client].stuck = true;
    bench.hub.set_blocked(bench.now, id, true);
    let text = event(1);
    bench.event(&text);
    let lag = report(&bench).lag;
    let bytes = hub_harness::wire(&text).len() as u64;
    assert_eq!((lag.blocked, lag.bytes, lag.worst_bytes), (1, bytes, bytes));
    assert_eq!(report(&bench).users, [("a".to_owned(), 1)]);
}

/// With ten thousand sessions in a hundred views.
#[test]
fn a_survey_is_short() {
    let mut bench = Bench::with(
        General {
            auth_limit: 0,
            ..general()
        },
        upstream(),
    );
    let filters = (0..100)
        .map(|number| filters(&format!("Number: {number}x")))
        .collect::<Vec<_>>();
    for number in 0..10_000 {
        let admission = amimux::hub::Admission {
            account: Box::default(),
            user: Arc::new(User {
                event_filters: Arc::clone(&filters[number % 100]),
                ..user(&format!("user{}", number % 1000))
            }),
            connection: hub_harness::connection(),
            action_id: None,
            events: EventMask::Everything,
            challenge: None,
            challenge_random: 7,
            input: bytes::BytesMut::new(),
        };
        bench.hub.attach(bench.now, admission);
    }
    let shortest = (0..20)
        .map(|_| {
            let began = std::time::Instant::now();
            let report = report(&bench);
            let took = began.elapsed();
            assert!(report.sessions.is_empty() && report.users.len() == 1000);
            took
        })
        .min()
        .unwrap_or_default();
    // A debug build on a busy machine takes many times as long as a release build, in which a millisecond is the limit.
    assert!(shortest < Duration::from_millis(10), "{shortest:?}");
}
