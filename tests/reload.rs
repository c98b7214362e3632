//! What a reload means for those who are logged in: rights that are lost are lost at once, rights that are gained are
//! gained, settings follow, and whom nothing concerns notices nothing.
#![expect(clippy::unwrap_used, reason = "a broken assumption fails the test")]

mod hub_harness;

use std::sync::Arc;
use std::time::Duration;

use amimux::config::settings::{General, Upstream};
use amimux::hub::{CloseReason, Notice, Reload, Revoked};
use amimux::policy::acl::{Acl, RuleList, Sense};
use amimux::policy::class::Classes;
use amimux::policy::event_filter::EventFilters;
use amimux::policy::event_mask::EventMask;
use amimux::policy::rights::ForcedHeader;
use amimux::policy::user::{ActionIds, User, Users};
use hub_harness::{Bench, general, upstream, user};

const CALL: &str = "Event: Newchannel|Privilege: call,all|Channel: 1";
const AGENT: &str = "Event: AgentLogin|Privilege: agent,all|Agent: 1";
const REFUSED: &str = "Response: Error|Message: Permission denied";

fn users(list: &[&User]) -> Arc<Users> {
    let mut users = Users::default();
    for user in list {
        users.insert((*user).clone());
    }
    Arc::new(users)
}

fn change(list: &[&User]) -> Reload {
    Reload {
        general: general().into(),
        upstream: upstream().into(),
        users: users(list),
        keep_rights: false,
    }
}

fn reload(bench: &mut Bench, list: &[&User]) {
    bench.hub.reload(bench.now, change(list));
    bench.settle();
}

fn reader(read: Classes) -> User {
    User { read, ..user("a") }
}

fn writer(write: Classes) -> User {
    User { write, ..user("a") }
}

fn filtered(patterns: &[&str]) -> User {
    let mut filters = EventFilters::default();
    for pattern in patterns {
        filters.push("", "eventfilter", pattern).unwrap();
    }
    User {
        event_filters: filters.into(),
        ..user("a")
    }
}

fn denying(address: &str) -> Acl {
    let mut list = RuleList::default();
    list.push_line(Sense::Deny, address).unwrap();
    let mut acl = Acl::default();
    acl.push(list);
    acl
}

/// Why sessions were ended, as the log has it.
fn reasons(bench: &Bench) -> Vec<String> {
    let reason = |notice: &Notice| match notice {
        Notice::SessionClosed { reason, .. } => Some(reason.to_string()),
        _ => None,
    };
    bench.notices.iter().filter_map(reason).collect()
}

#[test]
fn what_may_be_read_is_what_was_asked_for_within_the_rights_of_now() {
    let all = Classes::CALL.union(Classes::AGENT);
    let mut bench = Bench::new();
    let (wide, narrow) = (bench.client(reader(all)), bench.client(reader(all)));
    bench.send(narrow, "Action: Events|EventMask: call");
    bench.got(narrow);
    let cases: [(Classes, &[&str], &[&str]); 5] = [
        (Classes::AGENT, &[AGENT], &[]),
        (all, &[CALL, AGENT], &[CALL]),
        (Classes::NONE, &[], &[]),
        (Classes::CALL, &[CALL], &[CALL]),
        (Classes::ALL, &[CALL, AGENT], &[CALL]),
    ];
    for (read, by_wide, by_narrow) in cases {
        reload(&mut bench, &[&reader(read)]);
        bench.events(&[CALL, AGENT]);
        assert_eq!(bench.got(wide), by_wide, "{read}");
        assert_eq!(bench.got(narrow), by_narrow, "{read}");
    }
}

#[test]
fn what_happened_before_is_still_seen_and_nothing_after() {
    let mut bench = Bench::new();
    let client = bench.client(user("a"));
    bench.clients[client].stuck = true;
    bench.event(CALL);
    reload(&mut bench, &[&reader(Classes::AGENT)]);
    bench.events(&[CALL, AGENT]);
    bench.unstick(client);
    assert_eq!(bench.got(client), [CALL, AGENT]);
}

#[test]
fn classes_that_are_gained_are_asked_for() {
    let mut bench = Bench::new();
    bench.client(reader(Classes::AGENT));
    bench.pass(Duration::from_secs(30));
    let last = bench.asterisk.masks.last().cloned().unwrap();
    assert!(!last.contains("dtmf"), "{last}");
    reload(&mut bench, &[&reader(Classes::DTMF)]);
    let last = bench.asterisk.masks.last().cloned().unwrap();
    assert!(last.contains("dtmf"), "{last}");
}

#[test]
fn what_was_not_sent_is_decided_again_and_answered_in_its_turn() {
    let mut bench = Bench::new();
    let before = User {
        max_in_flight: 1,
        ..user("a")
    };
    let client = bench.client(before.clone());
    let actions = ["Getvar", "CoreStatus", "Getvar|Variable: x", "Ping"];
    for (id, action) in actions.iter().enumerate() {
        bench.send(client, &format!("Action: {action}|ActionID: {id}"));
    }
    bench.send(
        client,
        "Action: Filter|Operation: Add|Filter: x|ActionID: f",
    );
    assert_eq!(bench.asked(), ["Getvar"]);
    let after = User {
        write: Classes::CALL,
        ..before
    };
    reload(&mut bench, &[&after]);
    assert_eq!(bench.got(client), [""; 0], "Asterisk has one of them");
    bench.succeed();
    assert_eq!(bench.asked(), ["Getvar|Variable: x"]);
    bench.succeed();
    let got = bench.got(client);
    let heads: Vec<_> = got
        .iter()
        .map(|m| m.split("|Timestamp").next().unwrap())
        .collect();
    assert_eq!(
        heads,
        [
            "Response: Success|ActionID: 0|Message: done",
            "Response: Error|ActionID: 1|Message: Permission denied",
            "Response: Success|ActionID: 2|Message: done",
            "Response: Success|ActionID: 3|Ping: Pong",
            "Response: Error|ActionID: f|Message: Permission denied",
        ]
    );
}

#[test]
fn what_was_not_sent_goes_with_the_headers_of_now() {
    let mut bench = Bench::new();
    let mut user = User {
        max_in_flight: 1,
        ..user("a")
    };
    let client = bench.client(user.clone());
    bench.send(client, "Action: Getvar");
    bench.send(
        client,
        "Action: Originate|Channel: Local/1@x|Async: true|Application: NoOp|Context: mine",
    );
    user.set_variables = vec![("tenant".to_owned(), "7".to_owned())];
    user.rights.forced_headers = vec![ForcedHeader {
        action: "Originate".to_owned(),
        name: "Context".to_owned(),
        value: "theirs".to_owned(),
    }];
    reload(&mut bench, &[&user]);
    bench.succeed();
    assert_eq!(
        bench.asked(),
        [
            "Originate|Channel: Local/1@x|Async: true|Application: NoOp|Context: theirs|Variable: tenant=7"
        ]
    );
}

#[test]
fn what_is_read_later_is_decided_by_the_rights_of_now() {
    let mut bench = Bench::new();
    let client = bench.client(writer(Classes::NONE));
    for (write, allowed) in [(Classes::CALL, true), (Classes::AGENT, false)] {
        reload(&mut bench, &[&writer(write)]);
        bench.send(client, "Action: Getvar");
        assert_eq!(bench.asked().len(), usize::from(allowed));
        match allowed {
            true => bench.succeed(),
            false => assert_eq!(bench.got(client).last().unwrap(), REFUSED),
        }
    }
    bench.send(client, "Action: ListCommands");
    assert!(!bench.got(client)[0].contains("Getvar"));
}

#[test]
fn more_actions_in_flight_and_a_wider_window_are_used_at_once() {
    let few = User {
        max_in_flight: 1,
        ..user("a")
    };
    let narrow = Upstream {
        window: 1,
        ..upstream()
    };
    let mut bench = Bench::with(general(), narrow.clone());
    let client = bench.client(few);
    for _ in 0..3 {
        bench.send(client, "Action: Getvar");
    }
    assert_eq!(bench.asked().len(), 1);
    let many = user("a");
    let mut change = change(&[&many]);
    change.upstream = narrow.into();
    bench.hub.reload(bench.now, change);
    bench.settle();
    assert_eq!(bench.asked().len(), 1, "the window is full");
    reload(&mut bench, &[&many]);
    assert_eq!(bench.asked().len(), 3);
}

#[test]
fn who_has_no_right_to_be_there_is_disconnected_behind_what_it_was_answered() {
    let (home, away) = (user("a"), user("b"));
    let elsewhere = User {
        upstream: "other".to_owned(),
        ..home.clone()
    };
    let barred = User {
        acl: denying("192.0.2.7"),
        ..home.clone()
    };
    let closed = General {
        acl: denying("192.0.2.0/24"),
        ..general()
    };
    let cases = [
        (general(), &away, "reload: its user was removed"),
        (
            general(),
            &elsewhere,
            "reload: its user belongs to another upstream now",
        ),
        (
            general(),
            &barred,
            "reload: its address is no longer permitted",
        ),
        (closed, &home, "reload: its address is no longer permitted"),
    ];
    for (general, now, why) in cases {
        let mut bench = Bench::new();
        let client = bench.client(home.clone());
        bench.clients[client].stuck = true;
        bench.send(client, "Action: Getvar");
        bench.succeed();
        bench.send(client, "Action: CoreStatus");
        let mut change = change(&[now]);
        change.general = general.into();
        bench.hub.reload(bench.now, change);
        bench.event(CALL);
        bench.send(client, "Action: Getvar");
        bench.unstick(client);
        assert_eq!(
            bench.got(client),
            ["Response: Success|Message: done"],
            "{why}"
        );
        assert!(bench.clients[client].closed.is_some(), "{why}");
        assert_eq!(reasons(&bench), [why]);
        assert_eq!(bench.hub.session_count(), 0);
        bench.succeed();
    }
}

#[test]
fn a_user_has_other_filters_and_the_session_keeps_its_own() {
    let events = ["X-1", "X-2", "X-3"].map(|name| format!("Event: {name}|Privilege: call,all"));
    let mut bench = Bench::new();
    let client = bench.client(filtered(&["!X-1"]));
    bench.send(client, "Action: Filter|Operation: Add|Filter: !X-3");
    bench.got(client);
    let cases: [(&[&str], &[usize]); 4] = [
        (&["!X-1"], &[1]),
        (&["!X-2"], &[0]),
        (&[], &[0, 1]),
        (&["!X-3"], &[0, 1]),
    ];
    for (patterns, seen) in cases {
        reload(&mut bench, &[&filtered(patterns)]);
        for event in &events {
            bench.event(event);
        }
        let expected: Vec<_> = seen.iter().map(|index| events[*index].as_str()).collect();
        assert_eq!(bench.got(client), expected, "{patterns:?}");
    }
    reload(&mut bench, &[&user("a")]);
    bench.event(&events[2]);
    assert_eq!(
        bench.got(client),
        [""; 0],
        "the session's own filter outlives the user's"
    );
}

#[test]
fn whom_nothing_concerns_notices_nothing() {
    let mut bench = Bench::new();
    let (same, other) = (filtered(&["!X-1"]), user("b"));
    let client = bench.client(same.clone());
    let listener = bench.listener(same.clone(), EventMask::Everything);
    bench.client(other.clone());
    let sets = bench.hub.filter_statistics();
    // Read again, every part of it is new and says the same.
    let again = filtered(&["!X-1"]);
    let barred = User {
        read: Classes::NONE,
        ..other
    };
    bench.hub.reload(bench.now, change(&[&again, &barred]));
    let unaware = bench.clients[client].id;
    while let Some(dirty) = bench.hub.next_dirty() {
        assert_ne!(dirty, unaware);
    }
    assert!(Arc::ptr_eq(
        &bench.hub.user(unaware).unwrap().event_filters,
        &same.event_filters
    ));
    bench.settle();
    assert_eq!(bench.got(client), [""; 0]);
    assert_eq!(bench.events_of(listener), [""; 0]);
    assert_eq!(
        bench.hub.filter_statistics(),
        sets,
        "nothing is compiled anew"
    );
    assert!(bench.hub.drop_requested().is_none());
    bench.event(CALL);
    assert_eq!(bench.got(client), [CALL]);
    assert_eq!(bench.events_of(listener), [CALL]);
}

#[test]
fn rights_are_kept_where_the_administrator_has_it_so() {
    let mut bench = Bench::new();
    let client = bench.client(user("a"));
    let mut kept = change(&[&reader(Classes::NONE)]);
    kept.keep_rights = true;
    kept.general = General {
        disabled_events: vec!["AgentLogin".to_owned()],
        ..general()
    }
    .into();
    bench.hub.reload(bench.now, kept.clone());
    bench.events(&[CALL, AGENT]);
    assert_eq!(bench.got(client), [CALL], "settings hold all the same");
    kept.users = users(&[]);
    bench.hub.reload(bench.now, kept);
    bench.event(CALL);
    assert_eq!(bench.got(client), [CALL]);
    let late = bench.client(user("a"));
    bench.event(CALL);
    assert_eq!(bench.got(late), [CALL]);
}

#[test]
fn a_login_that_was_decided_before_comes_in_with_the_rights_of_now() {
    let mut bench = Bench::new();
    reload(&mut bench, &[&reader(Classes::AGENT)]);
    let client = bench.client(user("A"));
    bench.events(&[CALL, AGENT]);
    assert_eq!(bench.got(client), [AGENT]);
    let listener = bench.listener(user("a"), EventMask::Everything);
    bench.events(&[CALL, AGENT]);
    assert_eq!(bench.events_of(listener), [AGENT]);

    let gone = bench.login(user("b"));
    assert_eq!(
        bench.got(gone),
        ["Response: Error|Message: Authentication failed"]
    );
    assert!(bench.clients[gone].closed.is_some());
    let ended = bench.listener(user("b"), EventMask::Everything);
    assert_eq!(bench.web.ended, [ended]);
}

#[test]
fn another_asterisk_is_connected_to_at_once() {
    let changes: [fn(&mut Upstream); 5] = [
        |upstream| upstream.host = "192.0.2.2".to_owned(),
        |upstream| upstream.port = 5039,
        |upstream| upstream.username = "other".to_owned(),
        |upstream| upstream.secret = amimux::policy::secret::Secret::new("other"),
        |upstream| upstream.auth_type = amimux::config::settings::AuthType::Plain,
    ];
    for changed in changes {
        let mut bench = Bench::new();
        let client = bench.client(user("a"));
        bench.send(client, "Action: Getvar|ActionID: 1");
        let mut change = change(&[&user("a")]);
        let mut other = upstream();
        changed(&mut other);
        change.upstream = other.into();
        bench.hub.reload(bench.now, change);
        bench.send(client, "Action: Getvar|ActionID: 2");
        assert_eq!(bench.asked().len(), 1, "nothing more goes to the old one");
        let cause = bench.hub.drop_requested().unwrap();
        assert_eq!(cause, "its settings were changed by a reload");
        bench.lose(&cause);
        let got = bench.got(client);
        for (id, got) in ["1", "2"].iter().zip(&got) {
            assert!(
                got.starts_with(&format!("Response: Error|ActionID: {id}|")),
                "{got}"
            );
        }
        assert_eq!(bench.hub.reconnect_at(), Some(bench.now.since_start));
        bench.connect();
        assert!(bench.hub.is_ready());
        bench.send(client, "Action: Getvar");
        assert_eq!(bench.asked().len(), 1);
    }
}

#[test]
fn who_waits_to_connect_waits_no_longer_than_it_must_now() {
    let mut bench = Bench::new();
    bench.lose("it broke");
    for _ in 0..8 {
        bench.hub.upstream_lost(bench.now, "refused");
    }
    let wait = |bench: &Bench| bench.hub.reconnect_at().unwrap() - bench.now.since_start;
    assert!(wait(&bench) > Duration::from_secs(10));
    let mut shorter = change(&[]);
    shorter.upstream = Upstream {
        reconnect_max: Duration::from_secs(1),
        ..upstream()
    }
    .into();
    bench.hub.reload(bench.now, shorter);
    assert_eq!(wait(&bench), Duration::from_secs(1));
    let mut elsewhere = change(&[]);
    elsewhere.upstream = Upstream {
        port: 1,
        ..upstream()
    }
    .into();
    bench.hub.reload(bench.now, elsewhere);
    assert_eq!(wait(&bench), Duration::ZERO);
}

#[test]
fn settings_follow() {
    let mut bench = Bench::new();
    let me = user("a");
    let client = bench.client(me.clone());
    let mut other = change(&[&me]);
    other.general = General {
        timestamp_events: Some(true),
        broken_events_action: true,
        frame_bytes_max: 200,
        max_queued: 1,
        ..general()
    }
    .into();
    other.upstream = Upstream {
        response_timeout: Duration::from_secs(3),
        keepalive: Duration::from_secs(2),
        ..upstream()
    }
    .into();
    bench.hub.reload(bench.now, other);
    bench.event(CALL);
    assert!(bench.got(client)[0].contains("|Timestamp: "));
    bench.event(&format!("{CALL}|Fill: {}", "x".repeat(200)));
    assert_eq!(bench.got(client), [""; 0], "longer than maxmessage");
    bench.send(client, "Action: Events|EventMask: on");
    assert_eq!(bench.got(client), [""; 0], "brokeneventsaction");
    let pings = bench.asterisk.pings;
    bench.pass(Duration::from_millis(2500));
    assert_eq!(bench.asterisk.pings, pings + 1);
    for _ in 0..3 {
        bench.send(client, "Action: Getvar");
    }
    assert_eq!(bench.asked().len(), 1, "maxqueued");
    reload(&mut bench, &[&me]);
    assert_eq!(bench.asked().len(), 3, "there is room now");
    let mut quick = change(&[&me]);
    quick.upstream = Upstream {
        response_timeout: Duration::from_secs(3),
        ..upstream()
    }
    .into();
    bench.hub.reload(bench.now, quick);
    bench.asterisk.silent = true;
    bench.pass(Duration::from_secs(4));
    assert!(
        bench
            .hub
            .drop_requested()
            .unwrap()
            .contains("silent for 3 s")
    );
}

#[test]
fn a_shorter_writetimeout_counts_for_those_who_do_not_read_now() {
    let mut bench = Bench::new();
    let client = bench.client(user("a"));
    bench.clients[client].stuck = true;
    bench.event(CALL);
    bench.flush(client);
    let hasty = User {
        write_timeout: Duration::from_secs(1),
        ..user("a")
    };
    reload(&mut bench, &[&hasty]);
    bench.pass(Duration::from_secs(2));
    assert_eq!(bench.hub.lost_sessions(), [bench.clients[client].id]);
}

#[test]
fn a_wait_for_events_goes_on_with_the_rights_of_now() {
    let mut bench = Bench::new();
    let client = bench.client(user("a"));
    bench.send(client, "Action: WaitEvent|ActionID: w");
    reload(&mut bench, &[&reader(Classes::AGENT)]);
    bench.event(CALL);
    assert_eq!(bench.got(client), [""; 0]);
    bench.event(AGENT);
    assert_eq!(
        bench.got(client),
        [
            "Response: Success|ActionID: w|Message: Waiting for Event completed.",
            AGENT,
            "Event: WaitEventComplete|ActionID: w"
        ]
    );
}

#[test]
fn whose_action_ids_are_seen_follows() {
    let mut bench = Bench::new();
    let client = bench.client(user("a"));
    let sender = bench.client(user("b"));
    for (action_ids, shown) in [(ActionIds::All, true), (ActionIds::User, false)] {
        let changed = User {
            action_ids,
            ..user("a")
        };
        reload(&mut bench, &[&changed, &user("b")]);
        bench.send(sender, "Action: UserEvent|ActionID: 7|UserEvent: x");
        let token = bench.token();
        bench.event(&format!(
            "Event: UserEvent|Privilege: user,all|ActionID: {token}|UserEvent: x"
        ));
        assert_eq!(bench.got(client)[0].contains("ActionID: 7"), shown);
        bench.succeed();
    }
}

#[test]
fn over_http_the_rights_of_now_hold_as_well() {
    let mut bench = Bench::new();
    let before = User {
        max_in_flight: 1,
        ..user("a")
    };
    let listener = bench.listener(before.clone(), EventMask::Everything);
    let sent = bench.ask(listener, "Action: Getvar");
    let queued = bench.ask(listener, "Action: CoreStatus|ActionID: q");
    let waits = bench.ask(listener, "Action: WaitEvent|ActionID: w");
    let after = User {
        write: Classes::CALL,
        read: Classes::AGENT,
        ..before
    };
    reload(&mut bench, &[&after]);
    let refused = "Response: Error|ActionID: q|Message: Permission denied";
    assert_eq!(bench.handed(queued).unwrap(), [refused]);
    bench.event(CALL);
    assert_eq!(bench.handed(waits), None);
    bench.event(AGENT);
    assert_eq!(bench.handed(waits).unwrap()[1], AGENT);
    bench.succeed();
    assert_eq!(
        bench.handed(sent).unwrap(),
        ["Response: Success|Message: done"]
    );
    assert_eq!(bench.query(listener, "Action: CoreStatus"), [REFUSED]);
}

#[test]
fn over_http_a_user_that_is_gone_has_its_answers_and_no_more() {
    let mut bench = Bench::new();
    let one = User {
        max_in_flight: 1,
        ..user("a")
    };
    let listener = bench.listener(one, EventMask::Everything);
    let sent = bench.ask(listener, "Action: Getvar|ActionID: s");
    let queued = bench.ask(listener, "Action: Getvar|ActionID: q");
    reload(&mut bench, &[]);
    for (asker, id) in [(sent, "s"), (queued, "q")] {
        let expected =
            format!("Response: Error|ActionID: {id}|Message: Session ended: its user was removed");
        assert_eq!(bench.handed(asker).unwrap(), [expected]);
    }
    assert_eq!(bench.web.ended, [listener]);
    bench.succeed();
    assert_eq!(
        bench.asked(),
        [""; 0],
        "what was queued never goes to Asterisk"
    );
    let why = Revoked::UserRemoved;
    assert_eq!(reasons(&bench), [CloseReason::Reloaded { why }.to_string()]);

    let waiting = bench.listener(user("b"), EventMask::Everything);
    assert_eq!(
        bench.web.ended,
        [listener, waiting],
        "b is not there either"
    );
}

#[test]
fn when_amimux_ends_asterisk_may_answer_first() {
    let mut bench = Bench::new();
    let busy = bench.client(User {
        max_in_flight: 1,
        ..user("a")
    });
    let (idle, blind) = (bench.client(user("b")), bench.client(reader(Classes::CALL)));
    bench.send(busy, "Action: Getvar|ActionID: 1");
    bench.send(busy, "Action: Getvar|ActionID: 2");
    bench.hub.begin_shut_down(bench.now);
    bench.send(busy, "Action: Getvar|ActionID: 3");
    bench.send(idle, "Action: Ping");
    assert!(!bench.hub.is_drained());
    bench.succeed();
    assert!(bench.hub.is_drained());
    assert_eq!(bench.asked(), [""; 0]);
    bench.hub.shut_down(bench.now);
    bench.settle();
    let event = "Event: Shutdown|Privilege: system,all|Shutdown: Cleanly|Restart: False";
    assert_eq!(
        bench.got(busy),
        [
            "Response: Success|ActionID: 1|Message: done",
            "Response: Error|ActionID: 2|Message: Connection ended: amimux is shutting down",
            event
        ]
    );
    assert_eq!(bench.got(idle), [event]);
    assert_eq!(bench.got(blind), [""; 0], "it does not read system");
    assert!(bench.clients.iter().all(|client| client.closed.is_some()));
}

#[test]
fn when_asterisk_does_not_answer_amimux_ends_all_the_same() {
    let mut bench = Bench::new();
    let client = bench.client(filtered(&["!Restart: True"]));
    let deaf = bench.client(filtered(&["!Event: Shutdown"]));
    bench.send(client, "Action: Getvar|ActionID: 1");
    bench.hub.begin_shut_down(bench.now);
    bench.hub.shut_down(bench.now);
    bench.settle();
    assert_eq!(
        bench.got(client),
        [
            "Response: Error|ActionID: 1|Message: Connection ended: amimux is shutting down",
            "Event: Shutdown|Privilege: system,all|Shutdown: Uncleanly|Restart: False"
        ]
    );
    assert_eq!(bench.got(deaf), [""; 0]);
    assert!(bench.clients[deaf].closed.is_some());
}
