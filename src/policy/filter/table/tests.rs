//! Verdicts of many sets together against one by one: on recorded traffic, on random filters, on hostile ones.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::protocol::upstream_framer::{Step, UpstreamFramer};

const BUSY: &[u8] = include_bytes!("../../../../tests/data/busy.recv");
const SETS: &str = include_str!("../../../../tests/data/filters.txt");

fn set<'l>(lines: impl IntoIterator<Item = (&'l str, &'l str)>) -> Option<Arc<EventFilters>> {
    let mut filters = EventFilters::default();
    for (criteria, pattern) in lines {
        let option = format!("eventfilter{criteria}");
        filters.push("", &option, pattern).ok()?;
    }
    Some(Arc::new(filters))
}

fn events(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut framer = UpstreamFramer::new(1 << 20);
    let mut events = Vec::new();
    loop {
        let length = match framer.next(bytes) {
            Step::Incomplete => return events,
            Step::Skip(length) | Step::Oversized { length } => length,
            Step::Frame { length } => {
                events.push(&bytes[..length]);
                length
            }
        };
        bytes = &bytes[length..];
    }
}

/// Compares every verdict with the one filter by filter; returns the table, and how many were to pass.
fn compare<'e>(
    sets: &[Arc<EventFilters>],
    events: impl IntoIterator<Item = &'e [u8]>,
) -> (FilterTable, usize) {
    let mut table = FilterTable::build(sets.iter().cloned());
    let numbers: Vec<_> = sets.iter().map(|set| table.number(set).unwrap()).collect();
    let mut passed = 0;
    for event in events {
        let frame = Frame::new(event);
        let verdicts = table.judge(frame);
        for (set, number) in sets.iter().zip(&numbers) {
            let expected = set.pass(frame);
            assert_eq!(
                verdicts.pass(*number),
                expected,
                "{:?}\n{}",
                set.iter().map(|filter| filter.text()).collect::<Vec<_>>(),
                String::from_utf8_lossy(event)
            );
            passed += usize::from(expected);
        }
    }
    (table, passed)
}

/// The sets that are also tried on a real Asterisk.
#[test]
fn known_sets_judge_a_recorded_stream_as_one_by_one() {
    let sets: Vec<_> = SETS
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let lines = line.split(" & ").map(|line| {
                let (criteria, pattern) = line.split_once('=').unwrap();
                (criteria.trim(), pattern.trim())
            });
            set(lines).unwrap()
        })
        .collect();
    assert!(sets.len() > 100);
    let events = events(BUSY);
    let (table, passed) = compare(&sets, events.iter().copied());
    assert!(table.set_count() > 100);
    assert!(passed > events.len() && passed < events.len() * sets.len());
    assert!(table.number(&set([("", "elsewhere")]).unwrap()).is_none());
}

/// What a session may add to make the others wait: texts within texts, and states that multiply.
#[test]
fn hostile_filters_are_judged_as_one_by_one() {
    let mut sets: Vec<_> = (1..200)
        .map(|count| set([("", &*"a".repeat(count))]).unwrap())
        .collect();
    sets.extend((0..40).map(|count| {
        let pattern = format!("[ab]*a[ab]{{{}}}z", 20 + count);
        set([("", &*pattern)]).unwrap()
    }));
    sets.extend((0..20).map(|count| {
        let pattern = format!("\\ba{{{count}}}b\\b");
        set([("", &*pattern)]).unwrap()
    }));
    let mut random = 1_u32;
    let texts: Vec<_> = (0..40)
        .map(|number| {
            let mut text = b"Event: X\r\nText: ".to_vec();
            for _ in 0..number * 20 {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                text.push(if random >> 31 == 0 { b'a' } else { b'b' });
            }
            text.extend_from_slice("z é b\r\n\r\n".as_bytes());
            text
        })
        .collect();
    let (table, passed) = compare(&sets, texts.iter().map(Vec::as_slice));
    assert!(passed > 100);
    assert!(
        table.given_up() > 10,
        "nothing was given up: the test is too easy"
    );
}

#[test]
fn a_condition_of_many_sets_is_asked_once() {
    let sets: Vec<_> = (0..300)
        .map(|number| {
            let (kind, other) = match number % 3 {
                0 => ("", "!Exten"),
                1 => ("(header(Exten))", ""),
                _ => ("(action(exclude),name(Hangup))", ""),
            };
            set([("", "Newchannel"), (kind, other), ("(name(X))", "")]).unwrap_or_default()
        })
        .collect();
    compare(&sets, events(BUSY));
    let table = FilterTable::build(sets);
    assert_eq!(table.set_count(), 3);
    assert_eq!(table.uses.len(), 5);
}

/// Filters of few letters, of every kind.
fn filter() -> impl Strategy<Value = (String, String)> {
    let word = "[abc]{1,3}";
    let regex = prop_oneof![
        3 => "[abc]{1,4}",
        2 => "[abc]{3}\\.\\*[abc]{3}",
        1 => "\\^?[abc]{1,3}\\$?",
        1 => "(\\^|)Event: [AB]\\.\\*[abc]{1,2}\\[ab\\]\\{2,9\\}",
        1 => "\\[ab\\]\\*[abc]\\.\\{1,12\\}[abc]",
        1 => "\\\\b[abc]{1,2}\\\\b",
        1 => "(\\([abc]{1,3}\\|[abc]{3,4}\\)[abc.]{1,3})",
        1 => Just(".*".to_owned()),
    ];
    let scope = select(vec![
        "",
        "name(A)",
        "name(B)",
        "header(H)",
        "header(Ha)",
        "name(A),header(H)",
        "name(C)",
    ]);
    let action = select(vec!["", "action(exclude)", "action(include)"]);
    let method = select(vec![
        "regex",
        "contains",
        "exact",
        "starts_with",
        "ends_with",
        "none",
    ]);
    (scope, action, method, word, regex).prop_map(|(scope, action, method, word, regex)| {
        if scope.is_empty() && method == "regex" {
            let mark = if action == "action(exclude)" { "!" } else { "" };
            return (String::new(), format!("{mark}{regex}"));
        }
        let criteria = format!("({scope},{action},method({method}))");
        let pattern = match method {
            "regex" => regex,
            "none" => String::new(),
            _ => word,
        };
        (criteria, pattern)
    })
}

fn event() -> impl Strategy<Value = String> {
    let line = (
        select(vec!["H", "Ha", "Hab", "h"]),
        select(vec![":", ": ", ":  \t"]),
        "[abcé]{0,24}",
    );
    let lines = proptest::collection::vec(
        line.prop_map(|(name, colon, value)| format!("{name}{colon}{value}\r\n")),
        0..6,
    );
    (select(vec!["A", "B", "D"]), lines)
        .prop_map(|(name, lines)| format!("Event: {name}\r\n{}\r\n", lines.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_sets_judge_as_one_by_one(
        sets in proptest::collection::vec(proptest::collection::vec(filter(), 1..4), 1..40),
        events in proptest::collection::vec(event(), 1..20),
    ) {
        let sets: Vec<_> = sets
            .iter()
            .filter_map(|lines| set(lines.iter().map(|(criteria, pattern)| (&**criteria, &**pattern))))
            .collect();
        compare(&sets, events.iter().map(String::as_bytes));
    }
}
