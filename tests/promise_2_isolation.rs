//! Promise 2: a client receives the answers to its own actions only, with its own ActionID; tokens are never shown.
//! (That no client is ever shown a token is checked by the harness after every write.)

mod hub_harness;

use std::time::Duration;

use amimux::policy::user::{ActionIds, User};
use hub_harness::{Bench, user, wire};

fn with_ids(name: &str, action_ids: ActionIds) -> User {
    User {
        action_ids,
        ..user(name)
    }
}

#[test]
fn equal_action_ids_of_two_clients_do_not_collide() {
    let mut bench = Bench::new();
    let clients = [
        bench.client(user("a")),
        bench.client(user("b")),
        bench.client(user("a")),
    ];
    for round in 0..3 {
        for client in clients {
            let variable = format!("Action: Getvar|ActionID: same|Variable: {round}of{client}");
            bench.send(client, &variable);
        }
    }
    while let Some(asked) = bench.asterisk.waiting.front() {
        let value = asked.get("Variable").to_owned();
        bench.answer(&[&format!(
            "Response: Success|ActionID: {{id}}|Value: {value}"
        )]);
    }
    for client in clients {
        let expected = (0..3)
            .map(|round| format!("Response: Success|ActionID: same|Value: {round}of{client}"))
            .collect::<Vec<_>>();
        assert_eq!(bench.got(client), expected);
    }
}

#[test]
fn action_ids_come_back_to_the_byte() {
    let long = "x".repeat(1000);
    type Case<'a> = (&'a str, &'a [u8], Option<&'a [u8]>);
    let cases: [Case<'_>; 7] = [
        ("plain", b"ActionID: 1\r\n", Some(b"1")),
        ("none, or empty", b"ActionID:\r\n", None),
        (
            "1,000 bytes",
            &[b"ActionID: ", long.as_bytes(), b"\r\n"].concat(),
            Some(long.as_bytes()),
        ),
        (
            "UTF-8",
            "actionid:żółw\r\n".as_bytes(),
            Some("żółw".as_bytes()),
        ),
        (
            "no UTF-8",
            b"ACTIONID: \xff\xfe\x80\r\n",
            Some(b"\xff\xfe\x80"),
        ),
        (
            "blanks at the end",
            b"ActionID: \t a b \t \r\n",
            Some(b"a b \t "),
        ),
        (
            "like a token",
            b"ActionID: feedfacecafebee0-o-1\r\n",
            Some(b"feedfacecafebee0-o-1"),
        ),
    ];
    for (name, line, expected) in cases {
        let mut bench = Bench::new();
        let client = bench.client(user("a"));
        for action in ["QueueStatus", "Ping", "Nonsense"] {
            bench.raw(
                client,
                &[b"Action: ", action.as_bytes(), b"\r\n", line, b"\r\n"].concat(),
            );
        }
        bench.answer(&[
            "Response: Success|ActionID: {id}|EventList: start",
            "Event: QueueParams|ActionID: {id}|Queue: a",
            "Event: QueueMember|Queue: a|ActionID: {id}",
            "Event: QueueEntry|Queue: a",
            "Event: QueueStatusComplete|ActionID: {id}|EventList: Complete",
        ]);
        let own = expected.map_or_else(Vec::new, |id| [b"ActionID: ", id, b"\r\n"].concat());
        let expected = [
            b"Response: Success\r\n",
            &own[..],
            b"EventList: start\r\n\r\nEvent: QueueParams\r\n",
            &own,
            b"Queue: a\r\n\r\nEvent: QueueMember\r\nQueue: a\r\n",
            &own,
            b"\r\nEvent: QueueEntry\r\nQueue: a\r\n\r\nEvent: QueueStatusComplete\r\n",
            &own,
            b"EventList: Complete\r\n\r\nResponse: Success\r\n",
            &own,
            b"Ping: Pong\r\nTimestamp: 1700000000.000000\r\n\r\nResponse: Error\r\n",
            &own,
            b"Message: Invalid/unknown command: Nonsense. Use Action: ListCommands to show available commands.\r\n\r\n",
        ]
        .concat();
        assert_eq!(
            String::from_utf8_lossy(&bench.got_bytes(client)),
            String::from_utf8_lossy(&expected),
            "{name}"
        );
    }
}

#[test]
fn tokens_are_short_and_differ() {
    let mut bench = Bench::new();
    let client = bench.client(user("a"));
    for _ in 0..5 {
        bench.send(client, "Action: CoreStatus|ActionID: same");
    }
    let mut tokens = bench
        .asterisk
        .waiting
        .iter()
        .map(|asked| asked.action_id.clone())
        .collect::<Vec<_>>();
    assert!(
        tokens
            .iter()
            .all(|token| token.len() <= 67 && token.contains("feedfacecafebeef"))
    );
    tokens.dedup();
    assert_eq!(tokens.len(), 5);
}

/// What a broadcast with an ActionID looks like to the sender, to another session of its user, to another user,
/// and to a user with `actionids = all`.
fn seen(action: &str, event: &str, action_ids: ActionIds) -> [String; 4] {
    let mut bench = Bench::new();
    let clients = [
        bench.client(with_ids("A", action_ids)),
        bench.client(with_ids("a", action_ids)),
        bench.client(with_ids("b", action_ids)),
        bench.client(with_ids("c", ActionIds::All)),
    ];
    bench.send(clients[0], action);
    let asked = bench.token();
    bench.succeed();
    bench.got(clients[0]);
    bench.event(&event.replace("{id}", &asked));
    clients.map(|client| bench.got(client).join(" "))
}

#[test]
fn broadcasts_show_an_action_id_to_whom_it_concerns() {
    let originate =
        "Action: Originate|ActionID: mine|Channel: Local/1@x|Application: NoOp|Async: yes";
    let response = "Event: OriginateResponse|Privilege: call,all|{line}Response: Success|Reason: 4";
    let user_event = "Action: UserEvent|UserEvent: x|ActionID: mine|Key: v";
    let echo = "Event: UserEvent|Privilege: user,all|UserEvent: x|{line}Key: v";
    for (action, event) in [(originate, response), (user_event, echo)] {
        let with = event.replace("{line}", "ActionID: mine|");
        let without = event.replace("{line}", "");
        let token = event.replace("{line}", "ActionID: {id}|");
        for (action_ids, others) in [
            (ActionIds::Session, [true, false, false, true]),
            (ActionIds::User, [true, true, false, true]),
            (ActionIds::All, [true, true, true, true]),
        ] {
            let expected = others.map(|shown| if shown { with.clone() } else { without.clone() });
            assert_eq!(
                seen(action, &token, action_ids),
                expected,
                "{action_ids:?} {action}"
            );
        }
        let nameless = action.replace("ActionID: mine|", "");
        for action_ids in [ActionIds::Session, ActionIds::User, ActionIds::All] {
            let expected = [0; 4].map(|_| without.clone());
            assert_eq!(
                seen(&nameless, &token, action_ids),
                expected,
                "{action_ids:?} {nameless}"
            );
        }
    }
}

#[test]
fn an_event_of_a_session_that_has_gone_still_concerns_its_user() {
    let mut bench = Bench::new();
    let (sender, same, other) = (
        bench.client(user("a")),
        bench.client(user("a")),
        bench.client(user("b")),
    );
    bench.send(
        sender,
        "Action: Originate|ActionID: 5|Channel: Local/1@x|Application: NoOp|Async: 1",
    );
    let asked = bench.token();
    bench.succeed();
    bench.vanish(sender);
    bench.event(&format!(
        "Event: OriginateResponse|Privilege: call,all|ActionID: {asked}|Reason: 4"
    ));
    assert_eq!(
        bench.got(same),
        ["Event: OriginateResponse|Privilege: call,all|ActionID: 5|Reason: 4"]
    );
    assert_eq!(
        bench.got(other),
        ["Event: OriginateResponse|Privilege: call,all|Reason: 4"]
    );
}

#[test]
fn the_outcome_of_a_synchronous_originate_is_seen_by_nobody_else() {
    let mut bench = Bench::new();
    let clients = [
        bench.client(user("a")),
        bench.client(user("a")),
        bench.client(with_ids("c", ActionIds::All)),
    ];
    bench.send(
        clients[0],
        "Action: Originate|ActionID: 5|Channel: Local/1@x|Application: NoOp",
    );
    let asked = bench.token();
    bench.succeed();
    bench.event(&format!(
        "Event: OriginateResponse|Privilege: call,all|ActionID: {asked}|Response: Success"
    ));
    bench.event(&format!(
        "Event: OriginateResponse|Privilege: call,all|ActionID: {asked}|Response: Success"
    ));
    assert_eq!(
        bench.got(clients[0]),
        ["Response: Success|ActionID: 5|Message: Originate successfully queued"]
    );
    assert_eq!(bench.got(clients[1]), [""; 0]);
    assert_eq!(bench.got(clients[2]), [""; 0]);
}

#[test]
fn an_action_id_of_somebody_else_is_content() {
    let mut bench = Bench::new();
    let client = bench.client(user("a"));
    for id in ["5", "feedfacecafebee0-o-1", "a|ActionID: b"] {
        let event = format!("Event: UserEvent|Privilege: user,all|UserEvent: x|ActionID: {id}");
        bench.event(&event);
        assert_eq!(bench.got(client), [event]);
    }
}

#[test]
fn a_late_token_from_before_a_reconnect_is_nobodys() {
    let mut bench = Bench::new();
    let (client, other) = (bench.client(user("a")), bench.client(user("b")));
    bench.send(
        client,
        "Action: Originate|ActionID: 0|Channel: Local/1@x|Application: NoOp|Async: yes",
    );
    let mut old = bench.asterisk.waiting.clone();
    bench.succeed();
    bench.send(client, "Action: CoreStatus|ActionID: 1");
    bench.send(
        client,
        "Action: Originate|ActionID: 2|Channel: Local/1@x|Application: NoOp|Async: yes",
    );
    bench.send(
        client,
        "Action: Originate|ActionID: 3|Channel: Local/1@x|Application: NoOp",
    );
    old.extend(std::mem::take(&mut bench.asterisk.waiting));
    bench.lose("gone");
    bench.pass(Duration::from_secs(1));
    bench.connect();
    bench.got(client);
    bench.got(other);
    bench.send(other, "Action: QueueStatus|ActionID: new");
    for asked in &old {
        bench.event(&format!(
            "Response: Success|ActionID: {}|Message: late",
            asked.action_id
        ));
        bench.event(&format!("Event: QueueParams|ActionID: {}", asked.action_id));
        bench.event(&format!(
            "Event: OriginateResponse|Privilege: call,all|ActionID: {}|Reason: 4",
            asked.action_id
        ));
    }
    let nameless = "Event: OriginateResponse|Privilege: call,all|Reason: 4";
    assert_eq!(bench.got(client), [nameless; 3]);
    assert_eq!(bench.got(other), [nameless; 3]);
    bench.succeed();
    assert_eq!(
        bench.got(other),
        ["Response: Success|ActionID: new|Message: done"]
    );
}

#[test]
fn frames_forged_in_a_value_go_to_nobody_else() {
    for next in [
        "CoreStatus",
        "QueueStatus",
        "IAXnetstats",
        "ThirdParty",
        "UserEvent",
        "JabberSend",
        "Originate",
    ] {
        for forged in [
            "Response: Success|Message: forged",
            "Event: DBGetResponse|Val: forged",
            "forged text",
            "Event: X|ActionID: v|Val: forged",
        ] {
            let mut bench = Bench::new();
            let (attacker, victim) = (bench.client(user("a")), bench.client(user("v")));
            bench.send(attacker, "Action: Getvar|ActionID: 1|Variable: x");
            bench.send(
                victim,
                &format!("Action: {next}|ActionID: v|Channel: Local/1@x|Application: NoOp"),
            );
            bench.answer(&[
                "Response: Success|ActionID: {id}|Variable: x|Value: a",
                forged,
            ]);
            assert_eq!(bench.got(victim), [""; 0], "{forged} before {next}");
            assert_eq!(bench.got(attacker).len(), 1);
        }
    }
}

#[test]
fn a_forged_tail_that_comes_late_is_not_taken_for_the_text_of_a_new_action() {
    let mut bench = Bench::new();
    let (attacker, victim) = (bench.client(user("a")), bench.client(user("v")));
    bench.send(attacker, "Action: Getvar|ActionID: 1|Variable: x");
    let asked = bench.asterisk.waiting.pop_front().unwrap();
    bench.feed(&wire(&format!(
        "Response: Success|ActionID: {}|Value: a",
        asked.action_id
    )));
    bench.asterisk.silent = true;
    bench.send(victim, "Action: IAXnetstats|ActionID: v");
    bench.feed(b"forged\r\n\r\n");
    assert_eq!(bench.got(victim), [""; 0]);
}

#[test]
fn an_event_without_privilege_is_dropped_where_no_reply_is_open() {
    let mut bench = Bench::new();
    let clients = [
        bench.client(user("a")),
        bench.client(with_ids("c", ActionIds::All)),
    ];
    bench.event("Event: ParkedCall|Exten: 701");
    bench.event("Event: Status|Privilege: Call|Channel: SIP/1");
    bench.event("Response: Success|Message: nobody asked");
    bench.event("text");
    bench.send(clients[0], "Action: CoreStatus");
    bench.event("Event: ParkedCall|Exten: 701");
    for client in clients {
        assert_eq!(bench.got(client), [""; 0]);
    }
}

#[test]
fn the_answer_of_a_client_that_has_gone_is_dropped() {
    let mut bench = Bench::new();
    let gone = bench.client(user("a"));
    bench.send(gone, "Action: QueueStatus|ActionID: 1");
    bench.send(gone, "Action: CoreStatus|ActionID: 2");
    bench.vanish(gone);
    let next = bench.client(user("a"));
    bench.send(next, "Action: CoreStatus|ActionID: 1");
    bench.answer(&[
        "Response: Success|ActionID: {id}|EventList: start",
        "Event: QueueParams|ActionID: {id}",
        "Event: QueueStatusComplete|ActionID: {id}|EventList: Complete",
    ]);
    bench.answer(&["Response: Success|ActionID: {id}|Message: old"]);
    bench.answer(&["Response: Success|ActionID: {id}|Message: new"]);
    assert_eq!(
        bench.got(next),
        ["Response: Success|ActionID: 1|Message: new"]
    );
}

#[test]
fn an_item_with_the_token_of_another_action_is_not_part_of_an_open_list() {
    let mut bench = Bench::new();
    let (one, two) = (bench.client(user("a")), bench.client(user("b")));
    bench.send(one, "Action: QueueStatus|ActionID: 1");
    bench.send(two, "Action: QueueStatus|ActionID: 2");
    let later = bench.asterisk.waiting[1].action_id.clone();
    bench.answer(&["Response: Success|ActionID: {id}|EventList: start"]);
    assert_eq!(bench.got(one).len(), 1);
    bench.event(&format!("Event: QueueParams|ActionID: {later}|Queue: b"));
    assert_eq!(bench.got(one), [""; 0]);
    assert_eq!(bench.got(two), [""; 0], "its list is not open");
    bench.event("Event: QueueParams|Queue: a");
    assert_eq!(bench.got(one), ["Event: QueueParams|Queue: a"]);
}

#[test]
fn a_value_that_holds_an_action_id_of_its_own_does_not_hide_ours() {
    let mut bench = Bench::new();
    let client = bench.client(user("a"));
    bench.send(client, "Action: DBGet|ActionID: 1|Family: f|Key: k");
    bench.send(client, "Action: DBGet|Family: f|Key: k");
    for _ in 0..2 {
        bench.answer(&[
            "Response: Success|ActionID: {id}|EventList: start",
            "Event: DBGetResponse|Val: a|ActionID: forged|ActionID: {id}",
            "Event: DBGetComplete|ActionID: {id}|EventList: Complete",
        ]);
    }
    let got = bench.got(client);
    assert_eq!(got.len(), 6);
    assert_eq!(
        got[1],
        "Event: DBGetResponse|Val: a|ActionID: forged|ActionID: 1"
    );
    assert!(!got[4].contains("ActionID: 1"));
}
