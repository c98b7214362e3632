//! What the simulated PBX can be told to do wrong.

use super::*;

#[test]
fn frozen_means_silent_until_thawed() {
    let mut pbx = Pbx::new(PbxOptions {
        calls_per_second: 10.0,
        ..options()
    });
    let id = logged_in(&mut pbx, seconds(0), "all", "on");
    take(&mut pbx, id);
    pbx.freeze(true);
    assert_eq!(pbx.next_deadline(), None);
    assert_eq!(ask(&mut pbx, id, seconds(1), &["Action: Ping"]), "");
    let late = pbx.connect(seconds(2));
    assert_eq!(take(&mut pbx, late), "", "not even a banner");
    pbx.tick(seconds(3));
    assert_eq!(take(&mut pbx, id), "");
    pbx.freeze(false);
    pbx.tick(seconds(3));
    let answer = take(&mut pbx, id);
    assert!(
        answer.contains("Ping: Pong") && answer.contains("Event: Newchannel"),
        "{answer}"
    );
    assert!(take(&mut pbx, late).starts_with("Asterisk Call Manager/"));
}

#[test]
fn lost_repeated_and_forged_frames() {
    let mut pbx = Pbx::new(options());
    let id = logged_in(&mut pbx, seconds(0), "all", "on");
    take(&mut pbx, id);
    let ping = ["Action: Ping", "ActionID: p"];
    pbx.leave_unanswered(1);
    assert_eq!(ask(&mut pbx, id, seconds(0), &ping), "");
    pbx.repeat_replies(1);
    assert_eq!(
        ask(&mut pbx, id, seconds(0), &ping)
            .matches("Ping: Pong")
            .count(),
        2
    );
    assert_eq!(
        ask(&mut pbx, id, seconds(0), &ping)
            .matches("Ping: Pong")
            .count(),
        1
    );
    pbx.inject(id, b"Response: Forged\r\n\r\n\0");
    assert_eq!(take(&mut pbx, id), "Response: Forged\r\n\r\n\0");
    assert_eq!(
        pbx.executed().len(),
        4,
        "a lost reply's action was run all the same"
    );
}

#[test]
fn shutdown_and_restart() {
    let mut pbx = Pbx::new(options());
    let id = logged_in(&mut pbx, seconds(0), "all", "system");
    let other = logged_in(&mut pbx, seconds(0), "call", "on");
    take(&mut pbx, id);
    take(&mut pbx, other);
    pbx.shut_down();
    assert_eq!(
        take(&mut pbx, id),
        "Event: Shutdown\r\nPrivilege: system,all\r\nShutdown: Cleanly\r\nRestart: False\r\n\r\n"
    );
    assert_eq!(take(&mut pbx, other), "");
    assert!(pbx.wants_close(id) && pbx.wants_close(other));
    let refused = pbx.connect(seconds(1));
    assert!(pbx.wants_close(refused) && take(&mut pbx, refused).is_empty());
    pbx.restart(seconds(5));
    let id = logged_in(&mut pbx, seconds(6), "all", "off");
    let status = ask(&mut pbx, id, seconds(7), &["Action: CoreStatus"]);
    assert!(status.contains("CoreStartupTime: 22:14:04\r\n"), "{status}");
}

#[test]
fn a_reader_too_far_behind_is_dropped() {
    let mut pbx = Pbx::new(PbxOptions {
        output_bytes_max: 1000,
        ..options()
    });
    let id = logged_in(&mut pbx, seconds(0), "all", "user");
    let blocked = logged_in(&mut pbx, seconds(0), "all", "user");
    take(&mut pbx, id);
    ask(&mut pbx, blocked, seconds(0), &["Action: WaitEvent"]);
    for _ in 0..101 {
        assert!(!pbx.was_dropped(id) && !pbx.was_dropped(blocked));
        pbx.broadcast(Classes::USER, b"12345678\r\n");
    }
    assert!(pbx.was_dropped(id) && pbx.wants_close(id) && pbx.output(id).is_empty());
    assert!(pbx.was_dropped(blocked), "what is held back counts too");
}

#[test]
fn flood_comes_as_fast_as_it_is_taken() {
    let mut pbx = Pbx::new(options());
    let id = logged_in(&mut pbx, seconds(0), "all", "dialplan");
    take(&mut pbx, id);
    pbx.flood(id, 5000);
    let mut stream = String::new();
    while let Some(more) = Some(take(&mut pbx, id)).filter(|more| !more.is_empty()) {
        assert!(more.len() < 400_000, "in portions");
        stream.push_str(&more);
    }
    let all = frames(&stream);
    assert_eq!(all.len(), 5000);
    assert!(
        all.iter()
            .all(|frame| frame.contains("\r\nPrivilege: dialplan,all\r\n"))
    );
    assert!(pbx.pending().next().is_none());
    let deaf = logged_in(&mut pbx, seconds(0), "nothing", "on");
    take(&mut pbx, deaf);
    pbx.flood(deaf, 10);
    assert_eq!(take(&mut pbx, deaf), "");
}

#[test]
fn irregular_replies() {
    let mut pbx = Pbx::new(options());
    let id = logged_in(&mut pbx, seconds(0), "all", "off");
    take(&mut pbx, id);
    let three = ask(
        &mut pbx,
        id,
        seconds(0),
        &["Action: ModuleLoad", "ActionID: m"],
    );
    let errors = [
        "Incomplete ModuleLoad action.",
        "Need module name",
        "Incomplete ModuleLoad action.",
    ];
    assert_eq!(
        three,
        errors
            .map(|error| format!("Response: Error\r\nActionID: m\r\nMessage: {error}\r\n\r\n"))
            .concat()
    );
    let raw = ask(
        &mut pbx,
        id,
        seconds(0),
        &["Action: IAXnetstats", "ActionID: i"],
    );
    assert!(
        raw.starts_with("IAX2/") && raw.ends_with("0\n\r\n") && !raw.contains("ActionID"),
        "{raw:?}"
    );
}
