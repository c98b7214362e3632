//! Originate in the simulated PBX, synchronous and not.

use super::*;

const SYNC: [&str; 5] = [
    "Action: Originate",
    "ActionID: o",
    "Application: Wait",
    "Data: 1",
    "Timeout: 3000",
];

fn synchronous(channel: &str) -> Vec<String> {
    let mut lines: Vec<String> = SYNC.iter().map(|line| (*line).to_owned()).collect();
    lines.push(format!("Channel: {channel}"));
    lines
}

fn originate(pbx: &mut Pbx, id: ConnectionId, channel: &str) -> String {
    let lines = synchronous(channel);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    ask(pbx, id, seconds(0), &lines)
}

#[test]
fn synchronous_originate_blocks_its_connection_only() {
    let mut pbx = Pbx::new(options());
    let id = logged_in(&mut pbx, seconds(0), "all", "user");
    let other = logged_in(&mut pbx, seconds(0), "all", "user");
    take(&mut pbx, id);
    take(&mut pbx, other);
    assert_eq!(originate(&mut pbx, id, "Local/105@test"), "");
    assert!(pbx.is_busy(id));
    assert_eq!(
        ask(
            &mut pbx,
            id,
            seconds(0),
            &["Action: Ping", "ActionID: after"]
        ),
        ""
    );
    pbx.broadcast(Classes::USER, b"Event: X\r\n\r\n");
    assert_eq!(take(&mut pbx, other), "Event: X\r\n\r\n");
    pbx.tick(Duration::from_millis(2999));
    assert_eq!(take(&mut pbx, id), "");
    pbx.tick(seconds(3));
    let expected = "Response: Error\r\nActionID: o\r\nMessage: Originate failed\r\n\r\nEvent: X\r\n\r\nResponse: Success\r\nActionID: after\r\n";
    let answer = take(&mut pbx, id);
    assert!(answer.starts_with(expected), "{answer}");
    assert_eq!(pbx.active(), (0, 0));
}

#[test]
fn outcomes() {
    let cases = [
        ("PJSIP/2001", true, 500, "4"),
        ("PJSIP/busy", false, 100, "5"),
        ("Local/noanswer@x", false, 3000, "3"),
        ("Local/999@x", false, 0, "0"),
        ("Nope/1", false, 0, "0"),
    ];
    for (channel, answered, milliseconds, reason) in cases {
        let due = Duration::from_millis(milliseconds);
        let mut pbx = Pbx::new(options());
        let id = logged_in(&mut pbx, seconds(0), "all", "off");
        take(&mut pbx, id);
        let mut answer = originate(&mut pbx, id, channel);
        pbx.tick(due);
        answer.push_str(&take(&mut pbx, id));
        let text = if answered {
            "Success\r\nActionID: o\r\nMessage: Originate successfully queued"
        } else {
            "Error\r\nActionID: o\r\nMessage: Originate failed"
        };
        assert_eq!(answer, format!("Response: {text}\r\n\r\n"), "{channel}");

        let mut pbx = Pbx::new(options());
        let id = logged_in(&mut pbx, seconds(0), "all", "call");
        take(&mut pbx, id);
        let mut lines = synchronous(channel);
        lines.push("Async: yes".to_owned());
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let mut answer = ask(&mut pbx, id, seconds(0), &lines);
        assert!(
            answer.starts_with(
                "Response: Success\r\nActionID: o\r\nMessage: Originate successfully queued\r\n\r\n"
            ),
            "{channel}"
        );
        pbx.tick(due);
        answer.push_str(&take(&mut pbx, id));
        let all = frames(&answer);
        let events: Vec<&&str> = all
            .iter()
            .filter(|frame| frame.starts_with("Event: OriginateResponse\r\n"))
            .collect();
        let [event] = events[..] else {
            panic!("{channel}: {answer}")
        };
        let expected = if answered { "Success" } else { "Failure" };
        assert!(
            event.contains(&format!(
                "\r\nActionID: o\r\nResponse: {expected}\r\nChannel: {channel}"
            )),
            "{event}"
        );
        assert!(
            event.contains(&format!("\r\nReason: {reason}\r\n")),
            "{event}"
        );
    }
}

#[test]
fn checks_in_their_order() {
    let mut pbx = Pbx::new(options());
    let id = logged_in(&mut pbx, seconds(0), "all", "off");
    let long = format!("ChannelId: {}", "x".repeat(150));
    let cases: [(&[&str], &str); 6] = [
        (&[], "Channel not specified"),
        (&["Channel: x", "Priority: x"], "Invalid priority"),
        (&["Channel: x", "Timeout: x"], "Invalid timeout"),
        (
            &["Channel: nonsense", "Application: Wait"],
            "Invalid channel",
        ),
        (
            &["Channel: Local/1", "Context: x"],
            "Extension does not exist.",
        ),
        (&[&long], "Uniqueid length exceeds maximum of 149\n"),
    ];
    for (lines, expected) in cases {
        let lines = [&["Action: Originate"], lines].concat();
        let answer = ask(&mut pbx, id, seconds(0), &lines);
        assert!(
            answer.ends_with(&format!("Message: {expected}\r\n\r\n")),
            "{answer}"
        );
    }
}

#[test]
fn an_originated_channel_can_be_seen_changed_and_hung_up() {
    let mut pbx = Pbx::new(options());
    let id = logged_in(&mut pbx, seconds(0), "all", "off");
    take(&mut pbx, id);
    let lines = [
        "Action: Originate",
        "Channel: PJSIP/2001",
        "Exten: 100",
        "Context: c",
        "Priority: 1",
        "Async: true",
        "Variable: A=1,B=2",
        "ChannelId: mine",
    ];
    ask(&mut pbx, id, seconds(0), &lines);
    pbx.tick(seconds(1));
    let now = seconds(2);
    let value = |pbx: &mut Pbx, name: &str| {
        ask(
            pbx,
            id,
            now,
            &[
                "Action: Getvar",
                "Channel: mine",
                &format!("Variable: {name}"),
            ],
        )
    };
    assert_eq!(
        value(&mut pbx, "B"),
        "Response: Success\r\nVariable: B\r\nValue: 2\r\n\r\n"
    );
    assert!(value(&mut pbx, "CHANNEL(state)").contains("Value: Up\r\n"));
    ask(
        &mut pbx,
        id,
        now,
        &["Action: Setvar", "Channel: mine", "Variable: B", "Value: 3"],
    );
    assert!(value(&mut pbx, "B").contains("Value: 3\r\n"));
    let moved = [
        "Action: Redirect",
        "Channel: mine",
        "Context: d",
        "Exten: 5",
        "Priority: 2",
    ];
    assert!(ask(&mut pbx, id, now, &moved).contains("Redirect successful"));
    let list = ask(
        &mut pbx,
        id,
        now,
        &["Action: CoreShowChannels", "ActionID: l"],
    );
    assert!(
        list.contains("Context: d\r\nExten: 5\r\nPriority: 2\r\nUniqueid: mine\r\n"),
        "{list}"
    );
    assert!(list.ends_with("Event: CoreShowChannelsComplete\r\nActionID: l\r\nEventList: Complete\r\nListItems: 1\r\n\r\n"));
    assert!(
        ask(&mut pbx, id, now, &["Action: Hangup", "Channel: mine"]).contains("Channel Hungup")
    );
    assert!(
        ask(&mut pbx, id, now, &["Action: Hangup", "Channel: mine"]).contains("No such channel")
    );
    assert_eq!(pbx.active(), (0, 0));
}

#[test]
fn hanging_up_while_it_rings_ends_the_originate() {
    let mut pbx = Pbx::new(options());
    let id = logged_in(&mut pbx, seconds(0), "all", "off");
    let other = logged_in(&mut pbx, seconds(0), "all", "off");
    take(&mut pbx, id);
    assert_eq!(originate(&mut pbx, id, "PJSIP/noanswer"), "");
    let list = ask(
        &mut pbx,
        other,
        seconds(1),
        &["Action: Hangup", "Channel: /^PJSIP/noan.*/", "ActionID: h"],
    );
    assert!(
        list.contains("Event: ChannelHungup\r\nChannel: PJSIP/noanswer-"),
        "{list}"
    );
    assert!(list.ends_with("ListItems: 1\r\n\r\n"), "{list}");
    assert!(take(&mut pbx, id).contains("Originate failed"));
    pbx.tick(seconds(5));
    assert_eq!(take(&mut pbx, id), "", "answered once only");
}
