//! Promise 1: what a client receives is in Asterisk's order, whole messages only; answers come in the order of the
//! client's requests, those made here included, and what they change takes effect there.

mod hub_harness;

use std::time::Duration;

use amimux::hub::Outcome;
use amimux::policy::class::Classes;
use amimux::policy::event_mask::EventMask;
use amimux::policy::user::User;
use hub_harness::{Bench, user};

const LIST: &[&str] = &[
    "Response: Success|ActionID: {id}|EventList: start|Message: follows",
    "Event: QueueParams|Queue: a|ActionID: {id}",
    "Event: QueueStatusComplete|ActionID: {id}|EventList: Complete|ListItems: 1",
];

fn call(number: u32) -> String {
    format!("Event: Newstate|Privilege: call,all|N: {number}")
}

/// A user who sees `call` events only.
fn caller(name: &str) -> User {
    User {
        read: Classes::CALL,
        ..user(name)
    }
}

/// The first line, and the line that begins with `N:` or `ActionID:`.
fn brief(messages: &[String]) -> Vec<String> {
    messages
        .iter()
        .map(|message| {
            let mut lines = message.split('|');
            let first = lines.next().unwrap_or_default();
            let mark = lines.find(|line| line.starts_with("N:") || line.starts_with("ActionID:"));
            format!("{first} {}", mark.unwrap_or_default())
        })
        .collect()
}

#[test]
fn answers_made_here_wait_for_earlier_ones_from_asterisk() {
    let mut bench = Bench::new();
    let client = bench.client(caller("a"));
    for message in [
        "Action: CoreStatus|ActionID: 1",
        "Action: Ping|ActionID: 2",
        "Action: Nonsense|ActionID: 3",
        "Action: CoreStatus|ActionID: 4",
        "Action: Events|ActionID: 5|EventMask: call",
        "Action: ListCommands|ActionID: 6",
    ] {
        bench.send(client, message);
    }
    assert_eq!(bench.got(client), [""; 0], "nothing overtakes the first");
    assert_eq!(
        bench.asked(),
        ["CoreStatus", "CoreStatus"],
        "both are sent at once"
    );
    bench.succeed();
    let expected = [
        "Response: Success ActionID: 1",
        "Response: Success ActionID: 2",
        "Response: Error ActionID: 3",
    ];
    assert_eq!(brief(&bench.got(client)), expected);
    bench.succeed();
    let expected = [
        "Response: Success ActionID: 4",
        "Response: Success ActionID: 5",
        "Response: Success ActionID: 6",
    ];
    assert_eq!(brief(&bench.got(client)), expected);
}

#[test]
fn nothing_lands_inside_a_list_however_it_arrives() {
    let mut bench = Bench::new();
    let client = bench.client(caller("a"));
    let other = bench.client(caller("b"));
    bench.send(client, "Action: QueueStatus|ActionID: 1");
    bench.send(client, "Action: Ping|ActionID: 2");
    let asked = bench.asterisk.waiting.pop_front().unwrap();
    for (index, message) in LIST.iter().enumerate() {
        for byte in hub_harness::wire(&message.replace("{id}", &asked.action_id)) {
            bench.feed(&[byte]);
        }
        bench.send(client, &format!("Action: Ping|ActionID: late{index}"));
        bench.send(other, "Action: Ping|ActionID: other");
    }
    let expected = [
        "Response: Success ActionID: 1",
        "Event: QueueParams ActionID: 1",
        "Event: QueueStatusComplete ActionID: 1",
        "Response: Success ActionID: 2",
        "Response: Success ActionID: late0",
        "Response: Success ActionID: late1",
        "Response: Success ActionID: late2",
    ];
    assert_eq!(brief(&bench.got(client)), expected);
    assert_eq!(bench.got(other).len(), 3, "another client need not wait");
}

#[test]
fn events_and_responses_keep_asterisks_order_in_pieces_of_any_size() {
    for piece in [1, 2, 3, 7, 64, usize::MAX] {
        let mut bench = Bench::new();
        let client = bench.client(caller("a"));
        bench.clients[client].piece = piece;
        bench.send(client, "Action: CoreStatus|ActionID: 1");
        bench.send(client, "Action: QueueStatus|ActionID: 2");
        let asked = std::mem::take(&mut bench.asterisk.waiting);
        let (first, second) = (&asked[0].action_id, &asked[1].action_id);
        let list = LIST
            .iter()
            .map(|message| message.replace("{id}", second))
            .collect::<Vec<_>>();
        let turn = [
            &call(1),
            &format!("Response: Success|ActionID: {first}"),
            &call(2),
            &list[0],
            &list[1],
            &list[2],
            &call(3),
        ];
        bench.events(&turn.map(String::as_str));
        let expected = [
            "Event: Newstate N: 1",
            "Response: Success ActionID: 1",
            "Event: Newstate N: 2",
            "Response: Success ActionID: 2",
            "Event: QueueParams ActionID: 2",
            "Event: QueueStatusComplete ActionID: 2",
            "Event: Newstate N: 3",
        ];
        assert_eq!(brief(&bench.got(client)), expected, "{piece}");
    }
}

#[test]
fn a_slow_client_gets_the_same_in_the_same_order() {
    let mut bench = Bench::new();
    let slow = bench.client(caller("a"));
    let fast = bench.client(caller("a"));
    bench.clients[slow].stuck = true;
    for number in 0..50 {
        bench.event(&call(number));
        for client in [slow, fast] {
            bench.send(client, &format!("Action: CoreStatus|ActionID: {number}"));
            bench.succeed();
        }
    }
    bench.clients[slow].piece = 5;
    bench.unstick(slow);
    let (slow, fast) = (bench.got(slow), bench.got(fast));
    assert_eq!(slow.len(), 100);
    assert_eq!(slow, fast);
}

#[test]
fn a_change_of_mask_takes_effect_at_its_place() {
    for stuck in [false, true] {
        let mut bench = Bench::new();
        let client = bench.client(caller("a"));
        bench.clients[client].stuck = stuck;
        bench.clients[client].piece = 3;
        bench.event(&call(1));
        bench.send(client, "Action: CoreStatus|ActionID: 1");
        bench.send(client, "Action: Events|ActionID: 2|EventMask: off");
        bench.send(client, "Action: CoreStatus|ActionID: 3");
        bench.event(&call(2));
        bench.succeed();
        bench.event(&call(3));
        bench.send(client, "Action: Events|ActionID: 4|EventMask: call");
        bench.event(&call(4));
        bench.succeed();
        bench.event(&call(5));
        bench.unstick(client);
        let expected = [
            "Event: Newstate N: 1",
            "Event: Newstate N: 2",
            "Response: Success ActionID: 1",
            "Response: Success ActionID: 2",
            "Response: Success ActionID: 3",
            "Response: Success ActionID: 4",
            "Event: Newstate N: 5",
        ];
        assert_eq!(brief(&bench.got(client)), expected, "stuck: {stuck}");
    }
}

#[test]
fn a_slow_client_that_changes_its_view_again_and_again_keeps_its_place() {
    let mut bench = Bench::new();
    let slow = bench.client(user("a"));
    let fast = bench.client(user("b"));
    for client in [slow, fast] {
        bench.send(client, "Action: Events|EventMask: off");
        bench.got(client);
    }
    bench.clients[slow].stuck = true;
    for (round, mask) in ["call", "user", "call,user", "off", "call"]
        .iter()
        .cycle()
        .take(40)
        .enumerate()
    {
        for client in [slow, fast] {
            bench.send(
                client,
                &format!("Action: Events|ActionID: m{round}|EventMask: {mask}"),
            );
        }
        bench.event(&format!("Event: Newstate|Privilege: call,all|N: {round}"));
        bench.event(&format!("Event: UserEvent|Privilege: user,all|N: {round}"));
    }
    bench.clients[slow].piece = 11;
    bench.unstick(slow);
    let (slow, fast) = (bench.got(slow), bench.got(fast));
    assert_eq!(slow, fast);
    assert_eq!(fast.len(), 40 + 8 * (1 + 1 + 2 + 1));
}

#[test]
fn wait_event_ends_by_an_event_with_its_answer_before_it() {
    let mut bench = Bench::new();
    let client = bench.client(caller("a"));
    bench.send(client, "Action: WaitEvent|ActionID: 7");
    bench.event("Event: Reload|Privilege: system,all");
    assert_eq!(bench.got(client), [""; 0], "that one is not for this user");
    bench.events(&[&call(1), &call(2)]);
    let expected = [
        "Response: Success|ActionID: 7|Message: Waiting for Event completed.",
        "Event: Newstate|Privilege: call,all|N: 1",
        "Event: Newstate|Privilege: call,all|N: 2",
        "Event: WaitEventComplete|ActionID: 7",
    ];
    assert_eq!(bench.got(client), expected);
    bench.event(&call(3));
    assert_eq!(bench.got(client).len(), 1, "the next one comes by itself");
}

#[test]
fn wait_event_ends_by_time() {
    let mut bench = Bench::new();
    let client = bench.client(caller("a"));
    bench.send(client, "Action: WaitEvent|Timeout: 5");
    bench.pass(Duration::from_millis(4900));
    assert_eq!(bench.got(client), [""; 0]);
    bench.pass(Duration::from_millis(200));
    let expected = [
        "Response: Success|Message: Waiting for Event completed.",
        "Event: WaitEventComplete",
    ];
    assert_eq!(bench.got(client), expected);
    bench.send(client, "Action: WaitEvent|Timeout: 0");
    assert_eq!(bench.got(client), expected);
}

#[test]
fn wait_event_ends_by_input_even_if_that_came_long_before() {
    let mut bench = Bench::new();
    let client = bench.client(caller("a"));
    bench.send(client, "Action: WaitEvent|ActionID: 1");
    bench.raw(client, b"Act");
    assert_eq!(
        brief(&bench.got(client)).len(),
        2,
        "half a line is input, too"
    );
    bench.raw(client, b"ion: Ping\r\n\r\n");
    assert_eq!(bench.got(client).len(), 1);

    bench.send(client, "Action: CoreStatus|ActionID: 2");
    bench.send(client, "Action: WaitEvent|ActionID: 3");
    bench.send(client, "Action: Ping|ActionID: 4");
    bench.succeed();
    let expected = [
        "Response: Success ActionID: 2",
        "Response: Success ActionID: 3",
        "Event: WaitEventComplete ActionID: 3",
        "Response: Success ActionID: 4",
    ];
    assert_eq!(brief(&bench.got(client)), expected);
}

#[test]
fn nothing_behind_a_wait_event_goes_to_asterisk_before_it_is_over() {
    let mut bench = Bench::new();
    let client = bench.client(caller("a"));
    bench.send(client, "Action: CoreStatus|ActionID: 1");
    bench.send(client, "Action: WaitEvent|ActionID: 2");
    bench.send(client, "Action: CoreStatus|ActionID: 3");
    assert_eq!(bench.asked(), ["CoreStatus"]);
    bench.succeed();
    assert_eq!(bench.asked(), ["CoreStatus"]);
    assert_eq!(bench.got(client).len(), 3);
}

#[test]
fn a_half_closed_client_is_answered_to_the_end() {
    let mut bench = Bench::new();
    let client = bench.client(caller("a"));
    bench.send(client, "Action: CoreStatus|ActionID: 1");
    bench.send(
        client,
        "Action: Originate|ActionID: 2|Channel: Local/1@x|Application: NoOp",
    );
    bench.send(client, "Action: WaitEvent|ActionID: 3");
    bench.send(client, "Action: Ping|ActionID: 4");
    bench.end_input(client);
    bench.succeed();
    assert_eq!(bench.clients[client].closed, None);
    let asked = bench.token();
    bench.succeed();
    assert_eq!(
        bench.clients[client].closed, None,
        "the outcome is still owed"
    );
    bench.event(&format!(
        "Event: OriginateResponse|Privilege: call,all|ActionID: {asked}|Response: Success"
    ));
    assert_eq!(bench.clients[client].closed, Some(Outcome::Finished));
    let expected = [
        "Response: Success ActionID: 1",
        "Response: Success ActionID: 3",
        "Event: WaitEventComplete ActionID: 3",
        "Response: Success ActionID: 4",
        "Response: Success ActionID: 2",
    ];
    assert_eq!(brief(&bench.got(client)), expected);
}

#[test]
fn logoff_waits_for_everything_before_it_and_loses_what_is_behind_it() {
    let mut bench = Bench::new();
    let client = bench.client(caller("a"));
    bench.send(
        client,
        "Action: Originate|ActionID: 1|Channel: Local/1@x|Application: NoOp",
    );
    bench.send(client, "Action: CoreStatus|ActionID: 2");
    bench.send(client, "Action: Logoff|ActionID: 3");
    bench.send(client, "Action: CoreStatus|ActionID: 4");
    let asked = bench.token();
    bench.succeed();
    bench.succeed();
    bench.event(&format!(
        "Event: OriginateResponse|Privilege: call,all|ActionID: {asked}|Response: Failure"
    ));
    let expected = [
        "Response: Success ActionID: 2",
        "Response: Error ActionID: 1",
        "Response: Goodbye ActionID: 3",
    ];
    assert_eq!(brief(&bench.got(client)), expected);
    assert_eq!(bench.clients[client].closed, Some(Outcome::Finished));
    assert_eq!(bench.asked(), [""; 0]);
}

#[test]
fn requests_that_come_with_the_login_are_answered_behind_it() {
    let mut bench = Bench::new();
    let client = bench.login_with(
        user("a"),
        EventMask::Off,
        b"Action: Ping\r\nActionID: 1\r\n\r\nAction: Events\r\nEventMask: call\r\n\r\nAction: CoreStatus\r\n\r\nAct",
    );
    bench.event(&call(1));
    bench.succeed();
    bench.raw(client, b"ion: Ping\r\nActionID: 2\r\n\r\n");
    let expected = [
        "Response: Success ",
        "Response: Success ActionID: 1",
        "Response: Success ",
        "Event: Newstate N: 1",
        "Response: Success ",
        "Response: Success ActionID: 2",
    ];
    assert_eq!(brief(&bench.got(client)), expected);
}

#[test]
fn thousands_of_pipelined_requests_are_all_answered_in_order() {
    let mut bench = Bench::new();
    let client = bench.client(caller("a"));
    let input =
        (0..3000).flat_map(|number| hub_harness::wire(&format!("Action: Ping|ActionID: {number}")));
    bench.raw(client, &input.collect::<Vec<_>>());
    bench.end_input(client);
    let expected = (0..3000).map(|number| format!("Response: Success ActionID: {number}"));
    assert_eq!(brief(&bench.got(client)), expected.collect::<Vec<_>>());
    assert_eq!(bench.clients[client].closed, Some(Outcome::Finished));
}

#[test]
fn the_echo_of_a_user_event_comes_before_later_answers_made_here() {
    let mut bench = Bench::new();
    let client = bench.client(user("a"));
    bench.send(client, "Action: UserEvent|ActionID: 1|UserEvent: x");
    bench.send(client, "Action: Ping|ActionID: 2");
    let asked = bench.token();
    bench.answer(&[
        "Response: Success|ActionID: {id}|Message: Event Sent",
        "Event: UserEvent|Privilege: user,all|UserEvent: x|ActionID: {id}",
    ]);
    assert_ne!(asked, "1");
    let expected = [
        "Response: Success ActionID: 1",
        "Event: UserEvent ActionID: 1",
        "Response: Success ActionID: 2",
    ];
    assert_eq!(brief(&bench.got(client)), expected);
}

#[test]
fn no_message_is_put_into_one_that_is_half_written() {
    let mut bench = Bench::new();
    let client = bench.client(caller("a"));
    bench.send(
        client,
        "Action: Originate|ActionID: 1|Channel: Local/1@x|Application: NoOp",
    );
    let asked = bench.token();
    bench.succeed();
    bench.send(client, "Action: WaitEvent|ActionID: 2");
    bench.clients[client].room = 2;
    bench.event(&format!(
        "Event: OriginateResponse|Privilege: call,all|ActionID: {asked}|Response: Success"
    ));
    bench.event(&call(1));
    bench.clients[client].room = usize::MAX;
    bench.unstick(client);
    let expected = [
        "Response: Success ActionID: 1",
        "Response: Success ActionID: 2",
        "Event: Newstate N: 1",
        "Event: WaitEventComplete ActionID: 2",
    ];
    assert_eq!(brief(&bench.got(client)), expected);
}

#[test]
fn nothing_comes_behind_the_goodbye() {
    let mut bench = Bench::new();
    let client = bench.client(caller("a"));
    bench.clients[client].stuck = true;
    bench.event(&call(1));
    bench.send(client, "Action: Logoff");
    bench.event(&call(2));
    bench.unstick(client);
    let expected = ["Event: Newstate N: 1", "Response: Goodbye "];
    assert_eq!(brief(&bench.got(client)), expected);
    assert_eq!(bench.clients[client].closed, Some(Outcome::Finished));
}
