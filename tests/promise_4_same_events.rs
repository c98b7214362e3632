//! Promise 4: a client receives an event exactly if Asterisk would deliver it to that user.

mod hub_harness;

use std::time::Duration;

use amimux::config::settings::General;
use amimux::policy::class::Classes;
use amimux::policy::event_mask::EventMask;
use amimux::policy::user::User;
use hub_harness::{Bench, general, upstream, user};

fn reader(read: Classes) -> User {
    User { read, ..user("a") }
}

const BOOTED: &str = "Event: FullyBooted|Privilege: system,all|";

fn booted(messages: &[String]) -> usize {
    messages
        .iter()
        .filter(|message| message.starts_with(BOOTED))
        .count()
}

#[test]
fn every_class_of_an_event_is_needed() {
    let system_user = Classes::SYSTEM.union(Classes::USER);
    let readers = [
        Classes::NONE,
        Classes::CALL,
        Classes::SYSTEM,
        Classes::USER,
        system_user,
        Classes::ALL,
    ];
    let cases: [(&str, [bool; 6]); 8] = [
        ("call,all", [false, true, false, false, false, true]),
        ("system,user,all", [false, false, false, false, true, true]),
        ("user,all", [false, false, false, true, true, true]),
        ("<none>", [true; 6]),
        ("all", [false, false, false, false, false, true]),
        (
            "hookresponse,all",
            [false, false, false, false, false, true],
        ),
        ("Call", [false; 6]),
        ("", [false; 6]),
    ];
    let mut bench = Bench::new();
    let clients = readers.map(|read| bench.client(reader(read)));
    for (privilege, expected) in cases {
        let event = format!("Event: X|Privilege: {privilege}|Privilege: call,all");
        bench.event(&event);
        let seen = clients.map(|client| bench.got(client) == [event.clone()]);
        assert_eq!(seen, expected, "{privilege}");
    }
}

#[test]
fn the_mask_narrows_what_may_be_read_and_never_widens_it() {
    let read = Classes::CALL.union(Classes::USER);
    for (mask, call, user, agent) in [
        ("on", true, true, false),
        ("off", false, false, false),
        ("call", true, false, false),
        ("user,agent", false, true, false),
        ("agent", false, false, false),
        ("2", true, false, false),
        ("foo", false, false, false),
    ] {
        let mut bench = Bench::new();
        let client = bench.client(reader(read));
        bench.send(client, &format!("Action: Events|EventMask: {mask}"));
        bench.got(client);
        bench.events(&[
            "Event: A|Privilege: call,all",
            "Event: B|Privilege: user,all",
            "Event: C|Privilege: agent,all",
        ]);
        let got = bench.got(client).join(" ");
        assert_eq!(
            ["Event: A", "Event: B", "Event: C"].map(|name| got.contains(name)),
            [call, user, agent],
            "{mask}"
        );
    }
}

#[test]
fn an_invalid_mask_leaves_it_unchanged() {
    let mut bench = Bench::new();
    let client = bench.client(reader(Classes::CALL));
    bench.send(client, "Action: Events|EventMask: ");
    bench.event("Event: A|Privilege: call,all");
    assert_eq!(
        bench.got(client),
        [
            "Response: Error|Message: Invalid event mask",
            "Event: A|Privilege: call,all"
        ]
    );
}

#[test]
fn brokeneventsaction_is_silent_where_asterisk_is() {
    let mut bench = Bench::with(
        General {
            broken_events_action: true,
            ..general()
        },
        upstream(),
    );
    let client = bench.client(reader(Classes::CALL));
    for (mask, expected) in [
        ("on", None),
        ("", None),
        ("call", Some("On")),
        ("off", Some("Off")),
    ] {
        bench.send(client, &format!("Action: Events|EventMask: {mask}"));
        let expected = expected.map_or_else(Vec::new, |state| {
            vec![format!("Response: Success|Events: {state}")]
        });
        assert_eq!(bench.got(client), expected, "{mask}");
    }
}

#[test]
fn list_items_come_whatever_may_be_read() {
    let mut bench = Bench::new();
    let client = bench.client(reader(Classes::NONE));
    let other = bench.client(reader(Classes::ALL));
    bench.got(other);
    bench.send(client, "Action: Status|ActionID: 1");
    bench.answer(&[
        "Response: Success|ActionID: {id}|EventList: start|Message: Channel status will follow",
        "Event: Status|Privilege: Call|Channel: SIP/1|ActionID: {id}",
        "Event: StatusComplete|ActionID: {id}|EventList: Complete|ListItems: 1|Items: 1",
    ]);
    let got = bench.got(client);
    assert_eq!(got.len(), 3);
    assert_eq!(
        got[1],
        "Event: Status|Privilege: Call|Channel: SIP/1|ActionID: 1"
    );
    assert_eq!(bench.got(other), [""; 0]);
}

#[test]
fn fully_booted_comes_once_with_each_login_for_those_who_read_system() {
    let mut bench = Bench::new();
    bench.pass(Duration::from_secs(60));
    for (read, mask, expected) in [
        (Classes::ALL, EventMask::Everything, 1),
        (Classes::SYSTEM, EventMask::Everything, 1),
        (Classes::CALL, EventMask::Everything, 0),
        (Classes::ALL, EventMask::Some(Classes::CALL), 0),
        (Classes::ALL, EventMask::Off, 0),
    ] {
        let client = bench.login_with(reader(read), mask, b"");
        let got = bench.got(client);
        assert_eq!(got[0], "Response: Success|Message: Authentication accepted");
        assert_eq!(
            (got.len(), booted(&got)),
            (1 + expected, expected),
            "{read} {mask:?}"
        );
        if expected == 1 {
            assert_eq!(
                got[1],
                format!("{BOOTED}Uptime: 65|LastReload: 65|Status: Fully Booted")
            );
        }
    }
}

#[test]
fn fully_booted_comes_once_when_asterisk_is_back() {
    let mut bench = Bench::away(general(), upstream());
    let early = bench.login(user("a"));
    let got = bench.got(early);
    assert!(
        got[1].starts_with("Event: MuxUpstreamLost|Privilege: system,all|"),
        "{got:?}"
    );
    assert_eq!(booted(&got), 0);
    bench.connect();
    let late = bench.login(user("b"));
    for round in 0..3 {
        assert_eq!(booted(&bench.got(early)), 1, "round {round}");
        let got = bench.got(late);
        assert_eq!(booted(&got), 1, "round {round}: {got:?}");
        bench.event(&format!("{BOOTED}Status: Fully Booted"));
        assert_eq!(booted(&bench.got(early)), 0, "Asterisk said it twice");
        bench.lose("gone");
        let got = bench.got(late);
        assert_eq!(got.len(), 1);
        assert!(got[0].starts_with("Event: MuxUpstreamLost|"));
        bench.got(early);
        bench.pass(Duration::from_secs(3));
        bench.connect();
    }
}

#[test]
fn fully_booted_waits_for_an_asterisk_that_is_still_starting() {
    let mut bench = Bench::away(general(), upstream());
    bench.asterisk.booted = false;
    bench.connect();
    let client = bench.client(user("a"));
    bench.pass(Duration::from_secs(30));
    assert_eq!(bench.got(client), [""; 0]);
    bench.event(&format!("{BOOTED}Status: Fully Booted"));
    assert_eq!(bench.got(client), [format!("{BOOTED}Status: Fully Booted")]);
    let next = bench.login(user("b"));
    assert_eq!(booted(&bench.got(next)), 1);
}

#[test]
fn an_asterisk_that_never_says_that_it_booted_is_taken_for_booted() {
    let mut bench = Bench::away(general(), upstream());
    bench.asterisk.booted = false;
    bench.connect();
    let client = bench.client(user("a"));
    bench.pass(Duration::from_secs(200));
    assert_eq!(booted(&bench.got(client)), 1);
}

#[test]
fn disabled_events_come_to_nobody() {
    let disabled_events = vec!["Newstate".to_owned(), "UserEvent".to_owned()];
    let mut bench = Bench::with(
        General {
            disabled_events,
            ..general()
        },
        upstream(),
    );
    let client = bench.client(user("a"));
    bench.send(client, "Action: UserEvent|ActionID: 1|UserEvent: x");
    let asked = bench.token();
    bench.succeed();
    bench.got(client);
    bench.events(&[
        "Event: Newstate|Privilege: call,all",
        "Event: newstate|Privilege: call,all",
        "Event: Newstates|Privilege: call,all",
        &format!("Event: UserEvent|Privilege: user,all|UserEvent: x|ActionID: {asked}"),
    ]);
    assert_eq!(
        bench.got(client),
        [
            "Event: newstate|Privilege: call,all",
            "Event: Newstates|Privilege: call,all"
        ]
    );
}

#[test]
fn timestamps_are_as_configured() {
    let plain = "Event: X|Privilege: call,all|A: b";
    let stamped = "Event: X|Privilege: call,all|Timestamp: 5.000001|A: b";
    let added = "Event: X|Privilege: call,all|Timestamp: 1700000000.000000|A: b";
    for (timestamp_events, sent, expected) in [
        (None, plain, plain),
        (None, stamped, stamped),
        (Some(true), plain, added),
        (Some(true), stamped, stamped),
        (Some(false), plain, plain),
        (Some(false), stamped, plain),
    ] {
        let mut bench = Bench::with(
            General {
                timestamp_events,
                ..general()
            },
            upstream(),
        );
        let client = bench.client(user("a"));
        bench.event(sent);
        assert_eq!(bench.got(client), [expected], "{timestamp_events:?}");
    }
}

#[test]
fn timestamps_are_as_configured_in_events_with_an_action_id_too() {
    let plain = "Event: OriginateResponse|Privilege: call,all|{line}Reason: 4";
    let stamped =
        "Event: OriginateResponse|Privilege: call,all|Timestamp: 5.000001|{line}Reason: 4";
    let added =
        "Event: OriginateResponse|Privilege: call,all|Timestamp: 1700000000.000000|{line}Reason: 4";
    for (timestamp_events, sent, expected) in [
        (None, plain, plain),
        (Some(true), plain, added),
        (Some(true), stamped, stamped),
        (Some(false), stamped, plain),
    ] {
        let mut bench = Bench::with(
            General {
                timestamp_events,
                ..general()
            },
            upstream(),
        );
        let (own, other) = (bench.client(user("a")), bench.client(user("b")));
        bench.send(
            own,
            "Action: Originate|ActionID: 1|Channel: Local/1@x|Application: NoOp|Async: yes",
        );
        let asked = bench.token();
        bench.succeed();
        bench.got(own);
        bench.event(&sent.replace("{line}", &format!("ActionID: {asked}|")));
        assert_eq!(
            bench.got(own),
            [expected.replace("{line}", "ActionID: 1|")],
            "{timestamp_events:?}"
        );
        assert_eq!(
            bench.got(other),
            [expected.replace("{line}", "")],
            "{timestamp_events:?}"
        );
    }
}

#[test]
fn asterisk_is_asked_for_what_somebody_wants_and_no_more() {
    let mut bench = Bench::new();
    bench.pass(Duration::from_secs(60));
    assert_eq!(
        bench.asterisk.masks,
        ["system,security", "system"],
        "boots and reloads concern the hub itself, and so does its own login"
    );
    let client = bench.client(reader(Classes::CALL));
    assert_eq!(bench.asterisk.masks.last().unwrap(), "system,call");
    let all = bench.client(reader(Classes::ALL));
    assert_eq!(bench.asterisk.masks.last().unwrap(), "on");
    assert_eq!(bench.asterisk.masks.len(), 4);
    bench.client(reader(Classes::USER));
    assert_eq!(bench.asterisk.masks.len(), 4, "it is asked for already");
    bench.vanish(all);
    bench.pass(Duration::from_secs(60));
    assert_eq!(
        bench.asterisk.masks.last().unwrap(),
        "system,call,user",
        "narrowed, with delay"
    );
    bench.send(client, "Action: Events|EventMask: off");
    bench.pass(Duration::from_secs(60));
    assert_eq!(bench.asterisk.masks.last().unwrap(), "system,user");
    bench.send(client, "Action: Events|EventMask: on");
    assert_eq!(bench.asterisk.masks.last().unwrap(), "system,call,user");
}

#[test]
fn a_login_is_answered_when_asterisk_sends_what_it_wants() {
    let mut bench = Bench::new();
    bench.asterisk.manual = true;
    let client = bench.login(reader(Classes::CALL));
    assert_eq!(
        bench.got(client),
        [""; 0],
        "not before Asterisk has the mask"
    );
    bench.answer(&["Response: Success|ActionID: {id}|Events: On"]);
    assert_eq!(bench.got(client).len(), 1);
    let next = bench.login(reader(Classes::USER));
    bench.pass(Duration::from_secs(3));
    assert_eq!(bench.got(next).len(), 1, "nor for ever");
}

#[test]
fn an_upstream_with_brokeneventsaction_confirms_by_the_ping_behind() {
    let mut bench = Bench::new();
    bench.asterisk.broken_events = true;
    let client = bench.login(reader(Classes::ALL));
    assert_eq!(bench.asterisk.masks.last().unwrap(), "on");
    assert_eq!(
        bench.got(client).len(),
        2,
        "login and FullyBooted, without waiting"
    );
}

#[test]
fn the_outcome_of_a_synchronous_originate_is_asked_for_until_it_came() {
    let mut bench = Bench::new();
    bench.pass(Duration::from_secs(60));
    let caller = bench.client(reader(Classes::CALL));
    let client = bench.client(reader(Classes::NONE));
    bench.vanish(caller);
    // Asterisk's mask is about to be narrowed when the Originate is sent.
    bench.pass(Duration::from_secs(16));
    let masks = bench.asterisk.masks.clone();
    assert_eq!(masks.last().unwrap(), "system,call");
    bench.send(
        client,
        "Action: Originate|Channel: Local/1@x|Application: NoOp|Timeout: 60000",
    );
    bench.pass(Duration::from_secs(11));
    let asked = bench.token();
    bench.succeed();
    bench.pass(Duration::from_secs(30));
    assert_eq!(bench.asterisk.masks, masks);
    bench.event(&format!(
        "Event: OriginateResponse|Privilege: call,all|ActionID: {asked}|Response: Success"
    ));
    assert_eq!(
        bench.got(client),
        ["Response: Success|Message: Originate successfully queued"]
    );
    bench.pass(Duration::from_secs(60));
    assert_eq!(bench.asterisk.masks.last().unwrap(), "system");
}
