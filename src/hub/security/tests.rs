//! The events byte for byte as Asterisk 22 sent them, and what no client can put into one.

use super::*;
use proptest::prelude::*;

/// What a session that reads `security` received from Asterisk 22.10.1 while others logged in and failed to.
const RECORDED: &[u8] = include_bytes!("../../../tests/data/security/events.recv");

fn connection() -> Connection {
    Connection::new(
        "192.0.2.1:5038".parse().unwrap(),
        "192.0.2.7:40000".parse().unwrap(),
        0x7f00_0000_1234,
    )
}

fn written(event: &SecurityEvent) -> String {
    let mut out = BytesMut::new();
    event.write(&mut out, false);
    String::from_utf8(out.to_vec()).unwrap()
}

#[test]
fn the_transport_is_named() {
    let event = |connection| {
        let at = Duration::from_secs(1);
        let event = SecurityEvent::before_login(Happening::FailedAcl, b"crm", connection, at);
        written(&event)
    };
    let plain = event(connection());
    let encrypted = event(connection().over_tls());
    assert!(plain.contains(
        "\r\nLocalAddress: IPV4/TCP/192.0.2.1/5038\r\nRemoteAddress: IPV4/TCP/192.0.2.7/40000\r\n"
    ));
    assert_eq!(encrypted, plain.replace("/TCP/", "/TLS/"));
}

/// With times, ids and addresses replaced where their form is right, and without `ExpectedResponse`.
fn normal(message: &str) -> String {
    let shape = |text: &str| -> String {
        text.chars()
            .map(|character| match character {
                '0'..='9' => '9',
                other => other,
            })
            .collect()
    };
    let line = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        let value = match name {
            "ExpectedResponse" => return None,
            "SessionTV" if value.starts_with("1970-01-01T00:00:00.000") => value.to_owned(),
            "EventTV" | "SessionTV" => shape(value),
            "SessionID" => {
                let digits = value.strip_prefix("0x").expect("0x");
                assert!(u64::from_str_radix(digits, 16).is_ok(), "{value}");
                format!("{} digits", digits.len())
            }
            "LocalAddress" | "RemoteAddress" => {
                let parts = value.split('/').collect::<Vec<_>>();
                let [family, transport, address, port] = parts[..] else {
                    panic!("{value}");
                };
                assert!(address.parse::<IpAddr>().is_ok() && port.parse::<u16>().is_ok());
                format!("{family}/{transport}/a/p")
            }
            _ => value.to_owned(),
        };
        Some(format!("{name}: {value}"))
    };
    let lines = message.split("\r\n").filter_map(line).collect::<Vec<_>>();
    lines.join("\r\n")
}

#[test]
fn every_event_is_written_as_asterisk_writes_it() {
    let recorded = std::str::from_utf8(RECORDED).unwrap();
    let recorded = recorded.split_inclusive("\r\n\r\n").collect::<Vec<_>>();
    let early = |happening, username: &str| {
        let at = Duration::from_millis(1_795_232_622_499);
        SecurityEvent::before_login(happening, username.as_bytes(), connection(), at)
    };
    let late = |happening, account: &str| {
        let start = Duration::from_millis(1_795_232_620_095);
        SecurityEvent::of_session(happening, account.as_bytes(), connection(), start, start)
    };
    let ours = [
        late(Happening::SuccessfulAuth, "APP1"),
        early(Happening::InvalidAccountId, "nosuch"),
        early(Happening::InvalidPassword, "APP1"),
        early(Happening::FailedAcl, "acldenied"),
        early(
            Happening::ChallengeResponseFailed {
                challenge: (*b"177947992").into(),
                response: (*b"00ff").into(),
            },
            "App1",
        ),
        early(Happening::SessionLimit, "OneLogin"),
        early(Happening::RequestNotAllowed((*b"ping").into()), ""),
        early(Happening::RequestBadFormat((*b"NONE").into()), ""),
        late(
            Happening::RequestNotAllowed((*b"hangup").into()),
            "ReadOnly",
        ),
        late(
            Happening::RequestBadFormat(
                format!("NoSuchAction{}", "x".repeat(100))
                    .into_bytes()
                    .into(),
            ),
            "ReadOnly",
        ),
        late(
            Happening::of_rule(&Rule::NoAction, None, Guards::Safe).unwrap(),
            "ReadOnly",
        ),
    ];
    assert_eq!(recorded.len(), ours.len());
    for (recorded, ours) in recorded.iter().zip(&ours) {
        assert_eq!(normal(&written(ours)), normal(recorded));
    }
}

#[test]
fn what_each_refusal_is_told_as() {
    use crate::policy::class::Classes;
    let not_allowed = Some(Happening::RequestNotAllowed((*b"x").into()));
    for (rule, expected) in [
        (Rule::Class(Classes::SYSTEM), not_allowed.clone()),
        (Rule::OpenActions, not_allowed.clone()),
        (Rule::ActionFilter("f:1".to_owned()), not_allowed.clone()),
        (Rule::Guard("file"), not_allowed),
        (
            Rule::UnknownAction,
            Some(Happening::RequestBadFormat((*b"x").into())),
        ),
        (Rule::Format, None),
    ] {
        assert_eq!(
            Happening::of_rule(&rule, Some(b"x"), Guards::Safe),
            expected,
            "{rule}"
        );
    }
    let guard = Rule::Guard("file");
    assert_eq!(
        Happening::of_rule(&guard, Some(b"x"), Guards::Asterisk),
        None
    );
    for failure in [
        LoginFailure::NoUsername,
        LoginFailure::NoSecret,
        LoginFailure::NoChallenge,
        LoginFailure::NoKey,
    ] {
        assert_eq!(Happening::of_login(failure, b"1", b"2"), None, "{failure}");
    }
}

#[test]
fn dates() {
    for (seconds, expected) in [
        (0, "1970-01-01T00:00:00.000+0000"),
        (951_782_399, "2000-02-28T23:59:59.000+0000"),
        (951_782_400, "2000-02-29T00:00:00.000+0000"),
        (951_868_800, "2000-03-01T00:00:00.000+0000"),
        (1_709_251_199, "2024-02-29T23:59:59.000+0000"),
        (1_735_689_599, "2024-12-31T23:59:59.000+0000"),
        (1_735_689_600, "2025-01-01T00:00:00.000+0000"),
        (1_740_787_200, "2025-03-01T00:00:00.000+0000"),
        (1_795_212_297, "2026-11-20T22:04:57.000+0000"),
        (4_107_542_400, "2100-03-01T00:00:00.000+0000"),
    ] {
        assert_eq!(iso_time(Duration::from_secs(seconds)), expected);
    }
    let millis = Duration::from_micros(1_795_212_297_425_999);
    assert_eq!(iso_time(millis), "2026-11-20T22:04:57.425+0000");
}

#[test]
fn days_follow_each_other() {
    let mut last = civil_date(0);
    for days in 1..200_000 {
        let date = civil_date(days);
        let (year, month, day) = last;
        let expected = [
            (year, month, day + 1),
            (year, month + 1, 1),
            (year + 1, 1, 1),
        ];
        assert!(expected.contains(&date), "{last:?} {date:?}");
        assert!((1..=12).contains(&date.1) && (1..=31).contains(&date.2));
        last = date;
    }
}

#[test]
fn addresses() {
    let connection =
        |remote: &str| Connection::new("[::1]:5038".parse().unwrap(), remote.parse().unwrap(), 0);
    for (remote, expected) in [
        ("192.0.2.7:1", "IPV4/TCP/192.0.2.7/1"),
        ("[2001:db8::1]:2", "IPV6/TCP/2001:db8::1/2"),
        ("[::ffff:192.0.2.7]:3", "IPV4/TCP/192.0.2.7/3"),
    ] {
        let connection = connection(remote);
        assert_eq!(connection.written(connection.remote), expected);
    }
    assert_eq!(connection("192.0.2.7:1").session_id(), "0x100000000000");
}

#[test]
fn a_timestamp_stands_behind_privilege() {
    let event = SecurityEvent::before_login(
        Happening::SessionLimit,
        b"a",
        connection(),
        Duration::from_micros(1_795_212_297_425_999),
    );
    let mut out = BytesMut::new();
    event.write(&mut out, true);
    let text = std::str::from_utf8(&out).unwrap();
    assert!(
        text.starts_with(
            "Event: SessionLimit\r\nPrivilege: security,all\r\nTimestamp: 1795212297.425999\r\nEventTV: "
        ),
        "{text}"
    );
}

#[test]
fn names_are_made_safe() {
    assert_eq!(
        safe(b"a\x1b[31m\r\n\0\xff\xc3\xa9\x7f"),
        "a?[31m????é?".as_bytes()
    );
}

proptest! {
    #[test]
    fn nothing_that_a_client_sends_adds_a_line(
        name in proptest::collection::vec(any::<u8>(), 0..100),
        which in 0..4_usize,
    ) {
        let happening = match which {
            0 => Happening::InvalidAccountId,
            1 => Happening::RequestNotAllowed(name.clone().into()),
            2 => Happening::RequestBadFormat(name.clone().into()),
            _ => Happening::ChallengeResponseFailed { challenge: (*b"1").into(), response: name.clone().into() },
        };
        let event = SecurityEvent::before_login(happening, &name, connection(), Duration::ZERO);
        let text = written(&event);
        let lines = [11, 12, 12, 13][which];
        prop_assert_eq!(text.matches('\n').count(), lines + 1, "{}", text);
        prop_assert!(text.lines().all(|line| !line.contains(|c: char| c.is_control())));
    }
}
