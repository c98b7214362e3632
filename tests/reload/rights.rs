//! Rights that are lost and gained.

use super::*;

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
