//! Captures as they come, and what becomes of their events.

use super::*;

const TRAFFIC: &[u8] = b"Asterisk Call Manager/9.0.0\r\n\
Response: Success\r\nMessage: Authentication accepted\r\n\r\n\
Event: Newchannel\r\nPrivilege: call,all\r\nTimestamp: 1.000001\r\nChannel: PJSIP/100-1\r\n\r\n\
Event: Hangup\r\nPrivilege: call,all\r\nChannel: Local/1@x-1;1\r\n\r\n\
Event: VarSet\r\nPrivilege: dialplan,all\r\nVariable: A\x1b[2J\nB\r\n\r\n\
Event: PeerEntry\r\nActionID: 7\r\nObjectName: 100\r\n\r\n\
Event: RTCPSent\r\nPrivilege: reporting,all\r\n\r\n\
Event: Half\r\nPriv";

fn filters(lines: &[(&str, &str)]) -> EventFilters {
    let mut filters = EventFilters::default();
    for (number, (criteria, pattern)) in lines.iter().enumerate() {
        let origin = format!("a.conf:{}", number + 1);
        let option = format!("eventfilter{criteria}");
        filters.push(&origin, &option, pattern).unwrap();
    }
    filters
}

fn capture(bytes: &[u8]) -> Capture {
    Capture::read(bytes.to_vec(), 1024)
}

/// One word for each outcome, with the place of the filter that decides.
fn word(outcome: Outcome<'_>) -> String {
    match outcome {
        Outcome::Answer => "answer".to_owned(),
        Outcome::Disabled => "disabled".to_owned(),
        Outcome::Class(classes) => format!("class {classes}"),
        Outcome::Filters(Decided::Excluded(filter)) => format!("out {}", filter.origin()),
        Outcome::Filters(Decided::Included(filter)) => format!("in {}", filter.origin()),
        Outcome::Filters(Decided::NotIncluded) => "not in".to_owned(),
        Outcome::Filters(Decided::NotExcluded) => "not out".to_owned(),
    }
}

/// Name, filters, what becomes of the events, how many the filters decided about, those that never matched.
type Case = (
    &'static str,
    &'static [(&'static str, &'static str)],
    [&'static str; 2],
    &'static [(&'static str, usize)],
    &'static [&'static str],
);

const CASES: [Case; 4] = [
    ("no filters", &[], ["not out", "not out"], &[], &[]),
    (
        "excludes",
        &[("", "!Local/")],
        ["not out", "out a.conf:1"],
        &[("a.conf:1", 1)],
        &[],
    ),
    (
        "includes",
        &[("(name(Hangup))", "")],
        ["not in", "in a.conf:1"],
        &[("a.conf:1", 1)],
        &[],
    ),
    (
        "both: an exclude counts more, and an include that only agrees has matched",
        &[
            ("(name(Newchannel))", ""),
            ("", "!Local/"),
            ("(name(Hangup))", ""),
            ("(name(Nothing))", ""),
        ],
        ["in a.conf:1", "out a.conf:2"],
        &[("a.conf:1", 1), ("a.conf:2", 1)],
        &["a.conf:4"],
    ),
];

#[test]
fn every_event_has_its_outcome_and_is_counted_once() {
    for (name, lines, expected, decided, unmatched) in CASES {
        let filters = filters(lines);
        let judge = Judge {
            read: Classes::CALL.union(Classes::REPORTING),
            filters: &filters,
            disabled: &["RTCPSent".to_owned()],
        };
        let capture = capture(TRAFFIC);
        let trial = Trial::run(judge, &capture);
        let words: Vec<String> = trial.rows.iter().map(|row| word(row.outcome)).collect();
        let others = ["class dialplan", "answer", "disabled"];
        assert_eq!(words, [&expected[..], &others].concat(), "{name}");
        let mut some: Vec<_> = trial
            .tallies
            .iter()
            .filter(|tally| tally.decided > 0)
            .map(|tally| (tally.filter.origin(), tally.decided))
            .collect();
        some.sort_unstable();
        assert_eq!(some, decided, "{name}");
        let never = trial.tallies.iter().filter(|tally| !tally.matched);
        let never: Vec<_> = never.map(|tally| tally.filter.origin()).collect();
        assert_eq!(never, unmatched, "{name}");
        let count = |start: &str| words.iter().filter(|word| word.starts_with(start)).count();
        let counts = Counts {
            events: 5,
            sent: count("in ") + count("not out"),
            answers: 1,
            disabled: 1,
            class: 1,
            excluded: count("out "),
            not_included: count("not in"),
        };
        assert_eq!(trial.counts, counts, "{name}");
    }
}

#[test]
fn rows_show_what_tells_events_apart_and_nothing_that_steers_a_terminal() {
    let filters = EventFilters::default();
    let judge = Judge {
        read: Classes::ALL,
        filters: &filters,
        disabled: &[],
    };
    let long = format!(
        "Event: E\r\nPrivilege: call,all\r\nX: {}\r\n\r\n",
        "\u{e9}".repeat(60)
    );
    let capture = capture(&[&TRAFFIC[..TRAFFIC.len() - 17], long.as_bytes()].concat());
    let trial = Trial::run(judge, &capture);
    let shown: Vec<_> = trial
        .rows
        .iter()
        .map(|row| (row.number, &*row.name, &*row.header))
        .collect();
    let cut = format!("X: {}", "\u{e9}".repeat(HEADER_CHARACTERS_MAX - 3));
    assert_eq!(
        shown,
        [
            (1, "Newchannel", "Channel: PJSIP/100-1"),
            (2, "Hangup", "Channel: Local/1@x-1;1"),
            (3, "VarSet", "Variable: A?[2J?B"),
            (4, "PeerEntry", "ObjectName: 100"),
            (5, "RTCPSent", ""),
            (6, "E", &*cut),
        ]
    );
}

#[test]
fn captures_of_all_kinds_are_read() {
    let oversized = [
        b"Event: A\r\nB: ".as_slice(),
        &[b'x'; 2000],
        b"\r\n\r\nEvent: C\r\n\r\n",
    ]
    .concat();
    for (name, bytes, events, too_long, left) in [
        ("nothing", &b""[..], 0, 0, 0),
        ("recorded, and cut", TRAFFIC, 5, 0, 17),
        (
            "the banner before an event",
            b"Asterisk Call Manager/9\r\nEvent: A\r\n\r\n",
            1,
            0,
            0,
        ),
        ("only a banner", b"Asterisk Call Manager/9", 0, 0, 0),
        (
            "an editor's line ends",
            b"Event: A\nB: c\n\nEvent: D\n\n",
            2,
            0,
            0,
        ),
        (
            "an editor's end",
            b"\nEvent: A\nB: c\n\n\nEvent: D",
            2,
            0,
            0,
        ),
        (
            "requests",
            b"Action: Ping\r\n\r\nResponse: Success\r\n\r\nEvent: A\r\n\r\n",
            1,
            0,
            0,
        ),
        ("a message that is too long", &oversized, 1, 1, 0),
    ] {
        let capture = capture(bytes);
        assert_eq!(capture.events().count(), events, "{name}");
        assert_eq!(capture.is_empty(), events == 0, "{name}");
        assert_eq!(
            (capture.oversized, capture.unfinished),
            (too_long, left),
            "{name}"
        );
    }
}

#[test]
fn line_ends_of_an_editor_mean_the_same() {
    let recorded = capture(b"Event: A\r\nPrivilege: call,all\r\nB: c\r\n\r\n");
    let edited = capture(b"Event: A\nPrivilege: call,all\nB: c\n");
    let bytes = |capture: &Capture| {
        capture
            .events()
            .map(|event| event.bytes().to_vec())
            .collect::<Vec<_>>()
    };
    assert_eq!(bytes(&recorded), bytes(&edited));
}
