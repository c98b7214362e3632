//! Sessions with the simulated PBX: greeting, logins, permissions, event masks, WaitEvent.

use md5::{Digest, Md5};

use super::*;

const ACCEPTED: &str =
    "Response: Success\r\nActionID: 1\r\nMessage: Authentication accepted\r\n\r\n";

#[test]
fn banner_login_and_booted() {
    let mut pbx = Pbx::new(options());
    let id = pbx.connect(seconds(0));
    assert_eq!(take(&mut pbx, id), "Asterisk Call Manager/11.0.0\r\n");
    let login = [
        "Action: Login",
        "ActionID: 1",
        "Username: ALL",
        "Secret: all-secret",
    ];
    let answer = ask(&mut pbx, id, seconds(7), &login);
    let booted = "Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: 7\r\nLastReload: 7\r\nStatus: Fully Booted\r\n\r\n";
    let rest = answer.strip_prefix(&format!("{ACCEPTED}{booted}")).unwrap();
    assert!(
        rest.starts_with("Event: SuccessfulAuth\r\nPrivilege: security,all\r\n"),
        "{rest}"
    );
    assert!(rest.contains("AccountID: ALL\r\n"));
    let again = ask(
        &mut pbx,
        id,
        seconds(7),
        &["Action: Login", "Username: nobody"],
    );
    assert_eq!(
        again,
        "Response: Success\r\nMessage: Already authenticated\r\n\r\n"
    );
}

#[test]
fn booted_is_told_only_to_those_who_may_read_it() {
    for (user, events) in [
        ("call", "on"),
        ("all", "off"),
        ("all", "call"),
        ("nothing", "on"),
    ] {
        let mut pbx = Pbx::new(options());
        let id = pbx.connect(seconds(0));
        let lines = [
            "Action: Login",
            "ActionID: 1",
            &format!("Username: {user}"),
            &format!("Secret: {user}-secret"),
            &format!("Events: {events}"),
        ];
        take(&mut pbx, id);
        assert_eq!(
            ask(&mut pbx, id, seconds(0), &lines),
            ACCEPTED,
            "{user} {events}"
        );
    }
}

#[test]
fn booted_later_is_a_broadcast() {
    let mut pbx = Pbx::new(PbxOptions {
        boot_delay: seconds(3),
        ..options()
    });
    let id = logged_in(&mut pbx, seconds(1), "all", "system");
    assert_eq!(pbx.next_deadline(), Some(seconds(3)));
    pbx.tick(seconds(3));
    let expected = "Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\nUptime: 3\r\nLastReload: 3\r\n\r\n";
    assert_eq!(take(&mut pbx, id), expected);
}

#[test]
fn md5_login() {
    let mut pbx = Pbx::new(options());
    let id = pbx.connect(seconds(0));
    take(&mut pbx, id);
    let refused = ask(
        &mut pbx,
        id,
        seconds(0),
        &["Action: Challenge", "AuthType: SHA"],
    );
    assert_eq!(
        refused,
        "Response: Error\r\nMessage: Must specify AuthType\r\n\r\n"
    );
    let answer = ask(
        &mut pbx,
        id,
        seconds(0),
        &["Action: Challenge", "AuthType: md5"],
    );
    assert_eq!(
        answer,
        ask(
            &mut pbx,
            id,
            seconds(0),
            &["Action: Challenge", "AuthType: MD5"]
        )
    );
    let challenge = answer.split("Challenge: ").nth(1).unwrap().trim();
    let digest = Md5::digest(format!("{challenge}all-secret").as_bytes());
    let key: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let lines = [
        "Action: Login",
        "AuthType: MD5",
        "Username: all",
        "Events: off",
    ];
    let (key, upper) = (
        format!("Key: {key}"),
        format!("Key: {}", key.to_uppercase()),
    );
    let good = [&lines[..], &[&*key]].concat();
    let upper = [&lines[..], &[&*upper]].concat();
    let other = pbx.connect(seconds(0));
    take(&mut pbx, other);
    assert_eq!(
        ask(&mut pbx, other, seconds(0), &upper),
        "",
        "a key is compared exactly"
    );
    assert!(ask(&mut pbx, id, seconds(0), &good).contains("Authentication accepted"));
}

#[test]
fn refused_logins_wait_a_second_and_close() {
    let cases = [
        ("wrong secret", "Username: all", "Secret: wrong"),
        ("unknown user", "Username: nobody", "Secret: all-secret"),
        ("no user", "Secret: all-secret", "X: y"),
    ];
    for (name, one, two) in cases {
        let mut pbx = Pbx::new(options());
        let id = pbx.connect(seconds(0));
        take(&mut pbx, id);
        assert_eq!(
            ask(
                &mut pbx,
                id,
                seconds(1),
                &["Action: Login", "ActionID: 1", one, two]
            ),
            "",
            "{name}"
        );
        assert!(!pbx.wants_close(id));
        assert_eq!(pbx.next_deadline(), Some(seconds(2)), "{name}");
        pbx.tick(seconds(2));
        assert_eq!(
            take(&mut pbx, id),
            "Response: Error\r\nActionID: 1\r\nMessage: Authentication failed\r\n\r\n",
            "{name}"
        );
        assert!(pbx.wants_close(id), "{name}");
    }
}

#[test]
fn a_second_session_of_a_single_user() {
    let mut pbx = Pbx::new(options());
    let watcher = logged_in(&mut pbx, seconds(0), "all", "security");
    logged_in(&mut pbx, seconds(0), "once", "off");
    let id = pbx.connect(seconds(0));
    take(&mut pbx, id);
    take(&mut pbx, watcher);
    assert_eq!(
        ask(
            &mut pbx,
            id,
            seconds(0),
            &["Action: Login", "Username: ONCE"]
        ),
        ""
    );
    assert!(take(&mut pbx, watcher).starts_with("Event: SessionLimit\r\n"));
    pbx.tick(seconds(1));
    assert!(take(&mut pbx, id).contains("Message: Login Already In Use\r\n"));
    assert!(pbx.wants_close(id));
}

#[test]
fn before_login_and_logoff() {
    let mut pbx = Pbx::new(options());
    let id = pbx.connect(seconds(0));
    take(&mut pbx, id);
    assert!(
        ask(&mut pbx, id, seconds(0), &["Action: NoSuch"]).contains("Message: Permission denied")
    );
    assert!(
        ask(&mut pbx, id, seconds(0), &["X: y"]).contains("Message: Missing action in request")
    );
    let goodbye = ask(
        &mut pbx,
        id,
        seconds(0),
        &["Action: Logoff\r\n\r\nAction: Ping"],
    );
    assert_eq!(
        goodbye,
        "Response: Goodbye\r\nMessage: Thanks for all the fish.\r\n\r\n"
    );
    assert!(pbx.wants_close(id));
    let silent = pbx.connect(seconds(10));
    pbx.tick(seconds(40));
    assert!(pbx.wants_close(silent), "nobody stays without login");
}

#[test]
fn permissions_and_unknown_actions() {
    let mut pbx = Pbx::new(options());
    let watcher = logged_in(&mut pbx, seconds(0), "all", "security");
    let id = logged_in(&mut pbx, seconds(0), "call", "on");
    take(&mut pbx, watcher);
    assert!(
        ask(
            &mut pbx,
            id,
            seconds(0),
            &["Action: command", "Command: core show version"]
        )
        .contains("Permission denied")
    );
    let event = take(&mut pbx, watcher);
    assert!(
        event.starts_with("Event: RequestNotAllowed\r\n")
            && event.contains("RequestType: Action: command\r\n"),
        "{event}"
    );
    let unknown = ask(&mut pbx, id, seconds(0), &["Action: X", "ActionID: u"]);
    assert_eq!(
        unknown,
        "Response: Error\r\nActionID: u\r\nMessage: Invalid/unknown command: X. Use Action: ListCommands to show available commands.\r\n\r\n"
    );
    let long = ask(
        &mut pbx,
        id,
        seconds(0),
        &[&format!("Action: {}", "y".repeat(900))],
    );
    assert_eq!(
        long.len(),
        "Response: Error\r\nMessage: \r\n\r\n".len() + 511
    );
    let list = ask(&mut pbx, id, seconds(0), &["Action: ListCommands"]);
    assert!(
        list.contains("\r\nHangup: Hang a channel up.  (Priv: system,call,all)\r\n"),
        "{list}"
    );
    assert!(
        list.contains("\r\nPing: Sign of life.  (Priv: <none>)\r\n"),
        "{list}"
    );
    assert!(
        !list.contains("\r\nOriginate:") && !list.contains("\r\nCommand:"),
        "{list}"
    );
}

#[test]
fn events_are_delivered_by_all_bits() {
    let mut pbx = Pbx::new(options());
    let both = logged_in(&mut pbx, seconds(0), "all", "system,user");
    let one = logged_in(&mut pbx, seconds(0), "all", "user");
    let stranger = pbx.connect(seconds(0));
    for id in [both, one, stranger] {
        take(&mut pbx, id);
    }
    pbx.broadcast(
        Classes::SYSTEM.union(Classes::USER),
        b"Event: X\r\nPrivilege: system,user,all\r\n\r\n",
    );
    assert!(take(&mut pbx, both).starts_with("Event: X"));
    assert_eq!(take(&mut pbx, one), "");
    assert_eq!(take(&mut pbx, stranger), "");
    let events = ask(
        &mut pbx,
        both,
        seconds(0),
        &["Action: Events", "EventMask: off"],
    );
    assert_eq!(events, "Response: Success\r\nEvents: Off\r\n\r\n");
    pbx.broadcast(Classes::USER, b"Event: Y\r\n\r\n");
    assert_eq!(take(&mut pbx, both), "");
    assert_eq!(take(&mut pbx, one), "Event: Y\r\n\r\n");
}

#[test]
fn wait_event_holds_events_and_answers() {
    let mut pbx = Pbx::new(options());
    let id = logged_in(&mut pbx, seconds(0), "all", "user");
    take(&mut pbx, id);
    assert_eq!(
        ask(
            &mut pbx,
            id,
            seconds(0),
            &["Action: WaitEvent", "ActionID: w", "Timeout: 10"]
        ),
        ""
    );
    pbx.broadcast(Classes::USER, b"Event: X\r\n\r\n");
    assert_eq!(take(&mut pbx, id), "", "looked at once a second");
    pbx.tick(seconds(1));
    let head = "Response: Success\r\nActionID: w\r\nMessage: Waiting for Event completed.\r\n\r\n";
    let tail = "Event: WaitEventComplete\r\nActionID: w\r\n\r\n";
    assert_eq!(take(&mut pbx, id), format!("{head}Event: X\r\n\r\n{tail}"));
    assert_eq!(
        ask(
            &mut pbx,
            id,
            seconds(1),
            &["Action: WaitEvent", "ActionID: w", "Timeout: 0x2"]
        ),
        ""
    );
    pbx.tick(seconds(2));
    assert_eq!(take(&mut pbx, id), "");
    pbx.tick(seconds(3));
    assert_eq!(take(&mut pbx, id), format!("{head}{tail}"));
    assert_eq!(
        ask(
            &mut pbx,
            id,
            seconds(3),
            &["Action: WaitEvent", "ActionID: w"]
        ),
        ""
    );
    let woken = ask(&mut pbx, id, seconds(3), &["Action: Ping", "ActionID: p"]);
    assert!(
        woken.starts_with(&format!("{head}{tail}Response: Success\r\nActionID: p\r\n")),
        "{woken}"
    );
}

#[test]
fn what_arrived_is_recorded() {
    let mut pbx = Pbx::new(options());
    let id = logged_in(&mut pbx, seconds(0), "all", "off");
    ask(
        &mut pbx,
        id,
        seconds(0),
        &["Action: Ping", "X: a:b", "no colon"],
    );
    let executed = pbx.executed().last().unwrap();
    assert_eq!((executed.connection, &*executed.action), (id, &b"Ping"[..]));
    let headers = [("Action", "Ping"), ("X", "a:b"), ("no colon", "")];
    assert_eq!(
        executed.headers,
        headers.map(|(name, value)| (name.into(), value.into()))
    );
}
