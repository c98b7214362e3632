//! What patterns are known to be, and that it is true of random ones.

use proptest::prelude::*;

use super::super::ere;
use super::{Shape, trim};

fn shape(pattern: &str) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match Shape::of_hir(&trim(ere::parse(pattern, false).unwrap())) {
        Shape::Always => "always".to_owned(),
        Shape::Fixed(texts) => texts
            .iter()
            .map(|fixed| {
                let (start, end) = (
                    if fixed.at_start { "^" } else { "" },
                    if fixed.at_end { "$" } else { "" },
                );
                format!("{start}{}{end}", text(&fixed.bytes))
            })
            .collect::<Vec<_>>()
            .join(" "),
        Shape::Required(sets) => sets
            .iter()
            .map(|set| {
                let texts: Vec<_> = set.iter().map(|bytes| text(bytes)).collect();
                format!("<{}>", texts.join(" "))
            })
            .collect::<Vec<_>>()
            .join(""),
    }
}

#[test]
fn shapes_of_patterns() {
    for (pattern, expected) in [
        ("Hangup", "Hangup"),
        (".*Hangup.*", "Hangup"),
        ("(.*Hangup)+.*", "Hangup"),
        ("^Hangup$", "^Hangup$"),
        ("^.*Hangup", "<Hangup>"),
        ("Hangups*", "Hangup"),
        ("Hangups+", "Hangups"),
        ("Hangup|Newchannel", "Hangup Newchannel"),
        (
            "Event: (Hangup|Newchannel)",
            "Event: Hangup Event: Newchannel",
        ),
        (
            "^(Event: Hangup|Event: New.*)",
            "^Event: Hangup ^Event: New",
        ),
        ("[Hh]angup", "Hangup hangup"),
        ("Queues?: 1", "Queue: 1 Queues: 1"),
        (".*", "always"),
        ("", "always"),
        ("a|", "always"),
        ("(x?)+", "always"),
        ("Event: New.*Exten: 200", "<Event: New><Exten: 200>"),
        (
            "Exten: [0-9]+",
            "Exten: 0 Exten: 1 Exten: 2 Exten: 3 Exten: 4 Exten: 5 Exten: 6 Exten: 7 Exten: 8 Exten: 9",
        ),
        ("[0-9]+", "0 1 2 3 4 5 6 7 8 9"),
        ("[0-9]{2,}", ""),
        ("[[:alpha:]]{4}", ""),
        ("(abc|d)[^x]efg", "<efg>"),
        ("(abc|def)[^x]", "<abc def>"),
        ("\\bSIP\\b", "<SIP>"),
        ("a.b", ""),
    ] {
        assert_eq!(shape(pattern), expected, "{pattern}");
    }
}

/// Patterns of few letters, so that they match often.
fn patterns() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => "[abc]{1,4}",
        1 => Just(".".to_owned()),
        1 => Just("[ab]".to_owned()),
        1 => Just("[^a]".to_owned()),
        1 => Just("^".to_owned()),
        1 => Just("$".to_owned()),
        1 => Just("\\b".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            4 => proptest::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            2 => (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one}|{other})")),
            2 => (inner.clone(), prop_oneof!["\\*", "\\+", "\\?", "\\{2\\}", "\\{1,3\\}", "\\{0,2\\}"])
                .prop_map(|(part, times)| format!("({part}){times}")),
            1 => inner.prop_map(|part| format!(".*{part}.*")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// The shape never says anything else than the pattern itself, and trimming changes nothing.
    #[test]
    fn a_shape_is_true(pattern in patterns(), texts in proptest::collection::vec("[abc\n ]{0,12}", 8)) {
        let Ok(hir) = ere::parse(&pattern, false) else { return Ok(()) };
        let Ok((whole, _)) = ere::build(&hir) else { return Ok(()) };
        let trimmed = trim(hir.clone());
        let (short, _) = ere::build(&trimmed).unwrap();
        for text in &texts {
            let text = text.as_bytes();
            let expected = whole.is_match(text);
            prop_assert_eq!(short.is_match(text), expected, "trimmed: {:?}", trimmed);
            let occurs = |part: &[u8]| memchr::memmem::find(text, part).is_some();
            match Shape::of_hir(&trimmed) {
                Shape::Always => prop_assert!(expected),
                Shape::Fixed(fixed) => {
                    let found = fixed.iter().any(|fixed| match (fixed.at_start, fixed.at_end) {
                        (true, true) => text == fixed.bytes,
                        (true, false) => text.starts_with(&fixed.bytes),
                        (false, true) => text.ends_with(&fixed.bytes),
                        (false, false) => occurs(&fixed.bytes),
                    });
                    prop_assert_eq!(found, expected);
                }
                Shape::Required(sets) => {
                    let possible = sets.iter().all(|set| set.iter().any(|part| occurs(part)));
                    prop_assert!(possible || !expected);
                }
            }
        }
    }
}
