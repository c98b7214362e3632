//! Promise 6: every accepted action ends in exactly one final answer; when Asterisk is away, clients stay connected
//! and are told.

mod hub_harness;

use std::time::Duration;

use amimux::config::settings::{AuthType, General, Upstream};
use amimux::hub::{Notice, Outcome};
use amimux::policy::class::Classes;
use amimux::policy::user::{OnUpstreamLoss, User};
use hub_harness::{Bench, general, upstream, user};

/// A user who sees no events.
fn quiet(name: &str) -> User {
    User {
        read: Classes::NONE,
        ..user(name)
    }
}

const LOST: &str = "Connection to Asterisk lost: it broke";

fn error(action_id: &str, text: &str) -> String {
    format!("Response: Error|ActionID: {action_id}|Message: {text}")
}

#[test]
fn everything_under_way_is_answered_when_asterisk_goes_away() {
    let mut bench = Bench::with(
        general(),
        Upstream {
            window: 3,
            ..upstream()
        },
    );
    let (client, other) = (bench.client(quiet("a")), bench.client(quiet("b")));
    bench.send(
        client,
        "Action: Originate|ActionID: pending|Channel: Local/1@x|Application: NoOp",
    );
    bench.succeed();
    bench.send(client, "Action: CoreShowChannels|ActionID: open");
    bench.send(client, "Action: CoreStatus|ActionID: flying");
    bench.send(other, "Action: CoreStatus|ActionID: others");
    bench.send(client, "Action: Ping|ActionID: ping");
    bench.send(client, "Action: CoreStatus|ActionID: queued");
    bench.send(client, "Action: Events|ActionID: mask|EventMask: off");
    bench.send(client, "Action: CoreStatus|ActionID: held");
    bench.answer(&[
        "Response: Success|ActionID: {id}|EventList: start",
        "Event: CoreShowChannel|ActionID: {id}",
    ]);
    assert_eq!(bench.got(client).len(), 2);
    bench.lose("it broke");
    let expected = [
        error("open", LOST),
        "Event: CoreShowChannelsComplete|ActionID: open|EventList: Cancelled|ListItems: 1"
            .to_owned(),
        error("flying", LOST),
        "Response: Success|ActionID: ping|Ping: Pong|Timestamp: 1700000000.000000".to_owned(),
    ];
    let got = bench.got(client);
    assert_eq!(got[..4], expected);
    let mut rest = got[4..].to_vec();
    rest.sort();
    let mut expected = [
        error("pending", LOST),
        error("queued", LOST),
        "Response: Success|ActionID: mask|Events: Off".to_owned(),
        error("held", LOST),
    ];
    expected.sort();
    assert_eq!(rest, expected);
    assert_eq!(bench.got(other), [error("others", LOST)]);
    let lost = bench.notices.iter().find_map(|notice| match notice {
        Notice::UpstreamLost { failed, .. } => Some(*failed),
        _ => None,
    });
    assert_eq!(lost, Some(6));
    bench.pass(Duration::from_secs(2));
    bench.connect();
    assert_eq!(bench.asked(), [""; 0], "nothing is sent again");
    bench.send(client, "Action: CoreStatus|ActionID: new");
    bench.succeed();
    assert_eq!(
        bench.got(client),
        ["Response: Success|ActionID: new|Message: done"]
    );
}

#[test]
fn what_clients_that_have_gone_asked_is_not_counted_as_failed() {
    let mut bench = Bench::new();
    let (gone, client) = (bench.client(quiet("a")), bench.client(quiet("b")));
    for asker in [gone, client] {
        bench.send(asker, "Action: CoreStatus|ActionID: 1");
    }
    bench.vanish(gone);
    bench.lose("it broke");
    assert!(
        bench
            .notices
            .iter()
            .any(|notice| matches!(notice, Notice::UpstreamLost { failed: 1, .. }))
    );
}

#[test]
fn pending_originates_fail_in_the_order_of_their_requests() {
    let mut bench = Bench::new();
    let client = bench.client(quiet("a"));
    for number in 0..20 {
        bench.send(
            client,
            &format!("Action: Originate|ActionID: {number}|Channel: Local/1@x|Application: NoOp"),
        );
        bench.succeed();
    }
    bench.lose("it broke");
    let expected = (0..20).map(|number| error(&number.to_string(), LOST));
    assert_eq!(bench.got(client), expected.collect::<Vec<_>>());
}

#[test]
fn while_asterisk_is_away_clients_are_told_so() {
    let mut bench = Bench::away(general(), upstream());
    let client = bench.client(quiet("a"));
    bench.send(client, "Action: CoreStatus|ActionID: 1");
    bench.send(client, "Action: Ping|ActionID: 2");
    bench.send(client, "Action: Events|ActionID: 3|EventMask: on");
    let got = bench.got(client);
    assert!(got[0].starts_with(
        "Response: Error|ActionID: 1|Message: Asterisk is not connected: not connected yet"
    ));
    assert!(got[1].starts_with("Response: Success|ActionID: 2|Ping: Pong"));
    assert_eq!(got[2], "Response: Success|ActionID: 3|Events: On");
    bench.lose("cannot connect to 192.0.2.1:5038: connection refused");
    bench.send(client, "Action: CoreStatus|ActionID: 4");
    assert!(bench.got(client)[0].contains("connection refused; next attempt in 0."));
}

#[test]
fn a_user_may_want_to_be_disconnected_instead() {
    let mut bench = Bench::new();
    let client = bench.client(User {
        on_upstream_loss: OnUpstreamLoss::Close,
        ..user("a")
    });
    bench.send(client, "Action: CoreStatus|ActionID: 1");
    bench.lose("it broke");
    let got = bench.got(client);
    assert_eq!(got[0], error("1", LOST));
    assert!(got[1].starts_with("Event: MuxUpstreamLost|"));
    assert_eq!(bench.clients[client].closed, Some(Outcome::Finished));
}

/// What a client gets for `action` if Asterisk answers so, and an action behind it normally.
fn answered(action: &str, answers: &[&str]) -> Vec<String> {
    let mut bench = Bench::new();
    let client = bench.client(quiet("a"));
    bench.send(client, &format!("Action: {action}|ActionID: 1"));
    bench.send(client, "Action: CoreStatus|ActionID: 2");
    bench.answer(answers);
    bench.succeed();
    let mut got = bench.got(client);
    let last = got.pop();
    assert_eq!(
        last.as_deref(),
        Some("Response: Success|ActionID: 2|Message: done"),
        "{action}"
    );
    assert_eq!(bench.asked(), [""; 0]);
    got
}

#[test]
fn no_or_several_responses_are_one_answer() {
    let gone = &error("1", "Asterisk gave no answer to this action")[..];
    let (text, success) = (
        "IAX2/a 1 2 3\nIAX2/b 4 5 6\n",
        "Response: Success|ActionID: {id}",
    );
    let start = "Response: Success|ActionID: {id}|EventList: start";
    let failed = "Response: Error|ActionID: {id}|Message: failed";
    let cases: [(&str, &[&str], &[&str]); 9] = [
        ("IAXnetstats", &[], &[gone]),
        ("JabberSend", &[], &[gone]),
        ("JabberSend", &[success, success], &[success, success]),
        (
            "ModuleLoad|LoadType: reload",
            &[failed, failed, failed],
            &[failed, failed, failed],
        ),
        ("CoreShowChannelMap", &[start, failed], &[start, failed]),
        (
            "CoreShowChannelMap",
            &[
                start,
                "Event: CoreShowChannelMap|ActionID: {id}",
                "Event: CoreShowChannelMapComplete|ActionID: {id}|EventList: Complete",
            ],
            &[
                start,
                "Event: CoreShowChannelMap|ActionID: {id}",
                "Event: CoreShowChannelMapComplete|ActionID: {id}|EventList: Complete",
            ],
        ),
        (
            "PJSIPShowEndpoint",
            &[
                start,
                failed,
                "Event: EndpointDetailComplete|ActionID: {id}|EventList: Complete",
            ],
            &[
                start,
                failed,
                "Event: EndpointDetailComplete|ActionID: {id}|EventList: Complete",
            ],
        ),
        (
            "ThirdParty",
            &["Event: Third|Name: party", success],
            &["Event: Third|Name: party", success],
        ),
        ("CoreStatus", &[], &[gone]),
    ];
    for (action, answers, expected) in cases {
        let expected = expected
            .iter()
            .map(|message| message.replace("{id}", "1"))
            .collect::<Vec<_>>();
        assert_eq!(answered(action, answers), expected, "{action} {answers:?}");
    }
    let mut bench = Bench::new();
    let client = bench.client(quiet("a"));
    bench.send(client, "Action: IAXnetstats|ActionID: 1");
    bench.asterisk.waiting.pop_front();
    bench.feed(format!("{text}\r\n").as_bytes());
    assert_eq!(bench.got_bytes(client), format!("{text}\r\n").as_bytes());
}

#[test]
fn a_list_that_asterisk_leaves_open_is_closed() {
    let got = answered(
        "CoreShowChannels",
        &[
            "Response: Success|ActionID: {id}|EventList: start",
            "Event: CoreShowChannel|ActionID: {id}",
        ],
    );
    assert_eq!(
        got[2..],
        [
            error("1", "Asterisk gave no answer to this action"),
            "Event: CoreShowChannelsComplete|ActionID: 1|EventList: Cancelled|ListItems: 1"
                .to_owned(),
        ]
    );
}

#[test]
fn an_answer_longer_than_allowed_is_an_error() {
    let mut bench = Bench::with(
        General {
            frame_bytes_max: 4096,
            ..general()
        },
        upstream(),
    );
    let client = bench.client(quiet("a"));
    bench.send(client, "Action: CoreStatus|ActionID: 1");
    bench.send(client, "Action: CoreStatus|ActionID: 2");
    bench.answer(&[&format!(
        "Response: Success|ActionID: {{id}}|Fill: {}",
        "x".repeat(9000)
    )]);
    bench.succeed();
    let got = bench.got(client);
    assert_eq!(
        got[0],
        error(
            "1",
            "The answer from Asterisk was longer than 4096 bytes (maxmessage)"
        )
    );
    assert_eq!(got[1], "Response: Success|ActionID: 2|Message: done");
}

#[test]
fn an_overdue_action_is_answered_and_its_late_answer_dropped() {
    let mut bench = Bench::new();
    let (client, other) = (bench.client(quiet("a")), bench.client(quiet("b")));
    bench.send(client, "Action: CoreStatus|ActionID: 1");
    bench.pass(Duration::from_secs(10));
    bench.send(other, "Action: CoreStatus|ActionID: 2");
    for second in 10..45 {
        assert_eq!(
            bench.got(client).len(),
            usize::from(second == 30),
            "after {second} s"
        );
        assert_eq!(
            bench.got(other).len(),
            usize::from(second == 40),
            "after {second} s"
        );
        bench.event("Event: Cdr|Privilege: cdr,all");
        bench.pass(Duration::from_secs(1));
    }
    assert!(bench.hub.is_ready(), "it is alive, only slow");
    bench.succeed();
    bench.succeed();
    bench.send(client, "Action: CoreStatus|ActionID: 3");
    bench.succeed();
    assert_eq!(
        bench.got(client),
        ["Response: Success|ActionID: 3|Message: done"]
    );
    assert_eq!(bench.got(other), [""; 0]);
}

#[test]
fn an_originate_whose_outcome_does_not_come_is_answered() {
    let mut bench = Bench::new();
    let client = bench.client(quiet("a"));
    bench.send(
        client,
        "Action: Originate|ActionID: 1|Channel: Local/1@x|Application: NoOp|Timeout: 5000",
    );
    bench.succeed();
    bench.pass(Duration::from_secs(15));
    assert_eq!(bench.got(client), [""; 0]);
    bench.pass(Duration::from_secs(10));
    assert_eq!(
        bench.got(client),
        [error(
            "1",
            "Originate failed: Asterisk did not tell its outcome in time"
        )]
    );
    bench.send(client, "Action: Originate|ActionID: 2|Channel: nothing");
    bench.answer(&["Response: Error|ActionID: {id}|Message: Channel not specified"]);
    assert_eq!(bench.got(client), [error("2", "Channel not specified")]);
}

#[test]
fn a_dead_asterisk_is_noticed() {
    let mut bench = Bench::new();
    bench.pass(Duration::from_secs(100));
    assert!(
        bench.asterisk.pings > 3 && bench.asterisk.pings < 9,
        "kept alive"
    );
    assert_eq!(bench.hub.drop_requested(), None);
    bench.asterisk.silent = true;
    bench.pass(Duration::from_secs(50));
    let cause = bench.hub.drop_requested().unwrap();
    assert!(
        cause.starts_with("Asterisk has been silent for 30 s"),
        "{cause}"
    );
}

#[test]
fn every_step_of_the_login_has_a_deadline() {
    for (answers, expected) in [
        (0, "no banner within 10 s"),
        (1, "no answer to the login within 10 s"),
        (2, "no answer to ListCommands within 10 s"),
    ] {
        let mut bench = Bench::away(
            general(),
            Upstream {
                auth_type: AuthType::Plain,
                ..upstream()
            },
        );
        bench.asterisk.silent = true;
        bench.hub.upstream_connected(bench.now);
        if answers > 0 {
            bench.feed(b"Asterisk Call Manager/11.0.0\r\n");
        }
        if answers > 1 {
            bench.feed(b"Response: Success\r\nActionID: feedfacecafebeef-o-0\r\n\r\nEvent: Load\r\nPrivilege: system,all\r\n\r\n");
        }
        bench.pass(Duration::from_secs(9));
        assert_eq!(bench.hub.drop_requested(), None);
        bench.now.since_start += Duration::from_secs(2);
        bench.hub.tick(bench.now);
        assert_eq!(bench.hub.drop_requested().as_deref(), Some(expected));
    }
}

#[test]
fn something_else_than_asterisk_is_refused() {
    for banner in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        &"x".repeat(1000),
    ] {
        let mut bench = Bench::away(general(), upstream());
        bench.hub.upstream_connected(bench.now);
        bench.feed(banner.as_bytes());
        assert!(
            bench
                .hub
                .drop_requested()
                .unwrap()
                .starts_with("no AMI banner")
        );
    }
}

#[test]
fn pauses_grow_jitter_and_have_a_ceiling() {
    let mut bench = Bench::away(general(), upstream());
    let mut pauses = Vec::new();
    for _ in 0..40 {
        bench.lose("connection refused");
        pauses.push(bench.hub.reconnect_at().unwrap() - bench.now.since_start);
    }
    for (index, pause) in pauses.iter().enumerate() {
        let full = Duration::from_millis(500 << index.min(10)).min(Duration::from_secs(30));
        assert!(*pause <= full && *pause >= full / 2, "{index}: {pause:?}");
    }
    let mut late = pauses[10..].to_vec();
    late.sort();
    late.dedup();
    assert!(late.len() > 20, "they jitter");
    bench.connect();
    bench.lose("it broke");
    let pause = bench.hub.reconnect_at().unwrap() - bench.now.since_start;
    assert!(
        pause <= Duration::from_millis(500),
        "a connection that worked starts anew"
    );
}

#[test]
fn a_refused_login_is_told_and_not_tried_again_at_once() {
    let mut bench = Bench::away(general(), upstream());
    bench.asterisk.refuses = true;
    bench.connect();
    let cause = bench.hub.drop_requested().unwrap();
    assert!(cause.contains("Asterisk refused the login of user \"mux\" (Authentication failed)"));
    assert!(!cause.contains("hunter2"));
    bench.lose(&cause);
    let pause = bench.hub.reconnect_at().unwrap() - bench.now.since_start;
    assert!(pause >= Duration::from_secs(5), "{pause:?}");
}

#[test]
fn a_skipped_action_of_somebody_else_does_not_disturb_the_order() {
    let mut bench = Bench::new();
    let (one, two) = (bench.client(quiet("a")), bench.client(quiet("b")));
    bench.send(one, "Action: CoreStatus|ActionID: 1");
    bench.send(one, "Action: Ping|ActionID: 2");
    bench.send(two, "Action: CoreStatus|ActionID: 3");
    bench.answer(&[]);
    bench.succeed();
    assert_eq!(
        bench.got(two),
        ["Response: Success|ActionID: 3|Message: done"]
    );
    let got = bench.got(one);
    assert_eq!(got[0], error("1", "Asterisk gave no answer to this action"));
    assert!(got[1].starts_with("Response: Success|ActionID: 2|Ping: Pong"));
}
