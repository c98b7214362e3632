//! Security events of amimux's own: who is told what about logins and refusals, in which order; and which of
//! Asterisk's are about amimux itself and told to nobody. And what of actions goes into the audit log.
mod hub_harness;

use std::time::Duration;

use amimux::hub::security::{Happening, SecurityEvent};
use amimux::hub::{AuditRecord, Notice};
use amimux::policy::class::Classes;
use amimux::policy::rights::{Audit, OpenActions};
use amimux::policy::user::User;

use hub_harness::{Bench, connection, general, upstream, user};

const HEAD: &str = "Privilege: security,all|EventTV: 2023-11-14T22:13:20.000+0000";
const MIDDLE: &str = "SessionID: 0x7f0000001234|LocalAddress: IPV4/TCP/192.0.2.1/5038|RemoteAddress: IPV4/TCP/192.0.2.7/1234";
const SESSION: &str = "SessionTV: 2023-11-14T22:13:20.000+0000";

/// A hub that tells of logins, too.
fn bench() -> Bench {
    let mut settings = general();
    settings.disabled_events.clear();
    Bench::with(settings, upstream())
}

fn success(account: &str) -> String {
    format!(
        "Event: SuccessfulAuth|{HEAD}|Severity: Informational|Service: AMI|EventVersion: 1|AccountID: {account}|{MIDDLE}|UsingPassword: 0|{SESSION}"
    )
}

fn not_allowed(account: &str, action: &str) -> String {
    format!(
        "Event: RequestNotAllowed|{HEAD}|Severity: Error|Service: AMI|EventVersion: 1|AccountID: {account}|{MIDDLE}|RequestType: Action: {action}|{SESSION}"
    )
}

fn bad_format(account: &str, action: &str) -> String {
    format!(
        "Event: RequestBadFormat|{HEAD}|Severity: Error|Service: AMI|EventVersion: 1|{MIDDLE}|RequestType: Action: {action}|{SESSION}|AccountID: {account}"
    )
}

fn reader(name: &str, read: Classes) -> User {
    let mut user = user(name);
    user.read = read;
    user
}

#[test]
fn a_client_sees_its_own_login_behind_the_answer_and_fully_booted() {
    let mut bench = bench();
    let client = bench.login(user("a"));
    let got = bench.got(client);
    assert_eq!(got.len(), 3, "{got:?}");
    assert_eq!(got[0], "Response: Success|Message: Authentication accepted");
    assert!(got[1].starts_with("Event: FullyBooted|"), "{got:?}");
    assert_eq!(got[2], success("a"));
}

#[test]
fn logins_are_told_to_those_who_read_security_and_to_nobody_else() {
    let mut bench = bench();
    let watcher = bench.login(reader("w", Classes::SECURITY));
    let other = bench.login(reader("o", Classes::SYSTEM.union(Classes::CALL)));
    bench.got(watcher);
    bench.got(other);
    let client = bench.login(reader("c", Classes::NONE));
    assert_eq!(bench.got(watcher), [success("c")]);
    assert_eq!(bench.got(other), [""; 0]);
    assert_eq!(bench.got(client).len(), 1);
    bench.send(watcher, "Action: Events|EventMask: call");
    bench.got(watcher);
    bench.login(user("d"));
    assert_eq!(bench.got(watcher), [""; 0]);
}

#[test]
fn refusals_are_told_behind_their_answer() {
    let mut bench = bench();
    let mut narrow = user("n");
    narrow.write = Classes::CALL;
    narrow.rights.open_actions = OpenActions::None;
    let client = bench.client(narrow);
    for (message, event) in [
        ("Action: coreStatus", not_allowed("n", "coreStatus")),
        ("Action: QueueStatus", not_allowed("n", "QueueStatus")),
        (
            "Action: Getvar|Variable: SHELL(ls)",
            not_allowed("n", "Getvar"),
        ),
        ("Action: Nonsense", bad_format("n", "Nonsense")),
        ("Foo: bar", bad_format("n", "NONE")),
        ("", bad_format("n", "NONE")),
    ] {
        if message.is_empty() {
            bench.raw(client, b"\r\n");
        } else {
            bench.send(client, message);
        }
        let got = bench.got(client);
        assert_eq!(got.len(), 2, "{message}: {got:?}");
        assert!(got[0].starts_with("Response: Error|"), "{message}: {got:?}");
        assert_eq!(got[1], event, "{message}");
    }
    // Behind an action that Asterisk has not answered, both wait.
    bench.send(client, "Action: Hangup|Channel: x");
    bench.send(client, "Action: CoreStatus");
    assert_eq!(bench.got(client), [""; 0]);
    bench.succeed();
    let got = bench.got(client);
    assert_eq!(got.len(), 3);
    assert_eq!(got[2], not_allowed("n", "CoreStatus"));
}

#[test]
fn what_asterisk_tells_nothing_of_is_not_told() {
    let mut bench = bench();
    let client = bench.client(user("a"));
    let many = "X: y|".repeat(200);
    for message in [
        "Action: Login|Username: x|Secret: y",
        &format!("Action: Ping|{many}Z: z"),
    ] {
        bench.send(client, message);
        assert_eq!(bench.got(client).len(), 1, "{message}");
    }
}

#[test]
fn what_happens_before_a_login_is_told() {
    let mut bench = bench();
    let watcher = bench.login(reader("w", Classes::SECURITY));
    bench.got(watcher);
    let event = SecurityEvent::before_login(
        Happening::InvalidPassword,
        b"crm",
        connection(),
        Duration::from_secs(1_700_000_000),
    );
    let now = bench.now;
    bench.hub.report(now, &event);
    bench.settle();
    assert_eq!(
        bench.got(watcher),
        [format!(
            "Event: InvalidPassword|{HEAD}|Severity: Error|Service: AMI|EventVersion: 2|AccountID: crm|{MIDDLE}|SessionTV: 1970-01-01T00:00:00.000+0000"
        )]
    );
}

#[test]
fn options_of_events_hold_for_these_too() {
    let mut settings = general();
    settings.disabled_events = vec!["RequestBadFormat".to_owned()];
    settings.timestamp_events = Some(true);
    let mut bench = Bench::with(settings, upstream());
    let client = bench.client(reader("a", Classes::SECURITY));
    bench.send(client, "Action: Nonsense");
    assert_eq!(bench.got(client).len(), 1, "the answer only");
    bench.login(user("b"));
    let got = bench.got(client);
    let stamped =
        "Event: SuccessfulAuth|Privilege: security,all|Timestamp: 1700000000.000000|EventTV";
    assert!(got[0].starts_with(stamped), "{got:?}");
}

#[test]
fn one_client_cannot_flood_the_others_with_its_refusals() {
    let mut bench = bench();
    let watcher = bench.login(reader("w", Classes::SECURITY));
    let client = bench.client(reader("c", Classes::NONE));
    bench.got(watcher);
    let lines = |bench: &Bench| {
        let refusals = bench.notices.iter().filter_map(|notice| match notice {
            Notice::Refused { suppressed, .. } => Some(*suppressed),
            _ => None,
        });
        refusals.collect::<Vec<_>>()
    };
    bench.raw(client, &b"\r\n".repeat(1000));
    assert_eq!(bench.got(client).len(), 1000, "every request is answered");
    assert_eq!(bench.got(watcher).len(), 99, "its login was the first");
    assert_eq!(lines(&bench), [0; 10]);
    bench.pass(Duration::from_secs(1));
    bench.raw(client, b"\r\n");
    assert_eq!(bench.got(watcher).len(), 1);
    assert_eq!(lines(&bench)[10..], [990]);
}

/// An event of Asterisk's about a session there.
fn asterisks(name: &str, account: &str, session: &str) -> String {
    format!(
        "Event: {name}|Privilege: security,all|Severity: Error|AccountID: {account}|SessionID: {session}|RemoteAddress: IPV4/TCP/192.0.2.9/1"
    )
}

#[test]
fn asterisks_events_about_amimux_itself_are_told_to_nobody() {
    let mut bench = bench();
    let client = bench.client(reader("w", Classes::SECURITY));
    for round in 0..2 {
        // Somebody else's come first, before and behind our own: all are shown.
        let shown = [
            asterisks("SuccessfulAuth", "other", "0x1"),
            asterisks("RequestNotAllowed", "mux", "0x3"),
            asterisks("SuccessfulAuth", "mux", "0x2"),
            asterisks("RequestNotAllowed", "mux", "0x2"),
            asterisks("RequestNotAllowed", "other", "0xa"),
            asterisks("InvalidPassword", "mux", "0x4"),
        ];
        let own = format!("0x{}", ["a", "b"][round]);
        let hidden = [
            asterisks("SuccessfulAuth", "MUX", &own),
            asterisks("RequestNotAllowed", "mux", &own),
            asterisks("RequestBadFormat", "mux", &own),
        ];
        bench.event(&shown[0]);
        bench.event(&shown[1]);
        for event in &hidden {
            bench.event(event);
        }
        for event in &shown[2..] {
            bench.event(event);
        }
        bench.event(&hidden[1]);
        assert_eq!(bench.got(client), shown, "connection {round}");
        bench.lose("test");
        bench.pass(Duration::from_secs(60));
        bench.connect();
        bench.got(client);
    }
}

fn audited(bench: &mut Bench) -> Vec<AuditRecord> {
    let notices = bench.notices.drain(..);
    let records = notices.filter_map(|notice| match notice {
        Notice::Audit(record) => Some(*record),
        _ => None,
    });
    records.collect()
}

#[test]
fn the_audit_log_has_what_the_user_is_audited_for() {
    const REQUESTS: [&str; 6] = [
        "Action: Ping",
        "Action: CoreStatus",
        "Action: Hangup|Channel: PJSIP/1;2|Secret: hunter2",
        "Action: ModuleLoad|Module: x",
        "Action: Nonsense|Password: hunter2",
        "Foo: bar",
    ];
    for (audit, expected) in [
        (Audit::Off, &[] as &[&str]),
        (Audit::Refused, &["ModuleLoad", "Nonsense"]),
        (Audit::Writes, &["Hangup", "ModuleLoad", "Nonsense"]),
        (
            Audit::All,
            &["Ping", "CoreStatus", "Hangup", "ModuleLoad", "Nonsense"],
        ),
    ] {
        let mut bench = bench();
        let mut user = user("a");
        user.write = Classes::CALL.union(Classes::REPORTING);
        user.audit = audit;
        let client = bench.client(user);
        for request in REQUESTS {
            bench.send(client, request);
        }
        let records = audited(&mut bench);
        let actions = records.iter().map(|record| record.action.as_str());
        assert_eq!(actions.collect::<Vec<_>>(), expected, "{audit:?}");
        assert!(!format!("{records:?}").contains("hunter2"));
        for record in &records {
            let (refused_by, headers) = match record.action.as_str() {
                "Hangup" => (None, r"Channel: PJSIP/1\;2; Secret: [redacted]"),
                "ModuleLoad" => (Some("class system"), "Module: x"),
                "Nonsense" => (Some("unknown action"), "Password: [redacted]"),
                _ => (None, ""),
            };
            assert_eq!(record.refused_by.as_deref(), refused_by);
            assert_eq!(record.headers, headers);
            assert_eq!(record.session, "0x7f0000001234");
            assert_eq!(record.address.to_string(), "192.0.2.7");
        }
    }
}

#[test]
fn no_record_is_lost_however_much_is_asked_at_once() {
    let mut bench = bench();
    let mut user = user("a");
    user.audit = Audit::All;
    let clients = [(); 20].map(|()| bench.client(user.clone()));
    bench.notices.clear();
    // All of it is read before anything is logged.
    for client in clients {
        let id = bench.clients[client].id;
        let now = bench.now;
        let pings = b"Action: Ping\r\n\r\n".repeat(500);
        bench.hub.client_bytes(now, id, &pings);
    }
    bench.settle();
    assert_eq!(audited(&mut bench).len(), 20 * 500);
}
