//! Refusals with their place, the constructs that filters use, and patterns made to hurt.

use super::*;

fn refusal(pattern: &str) -> EreError {
    match Ere::compile(pattern, false) {
        Ok(_) => panic!("{pattern:?} was accepted"),
        Err(error) => error,
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    Ere::compile(pattern, false)
        .unwrap()
        .is_match(text.as_bytes())
}

#[test]
fn a_refusal_says_what_is_wrong_and_where() {
    for (pattern, at, what) in [
        (
            "ab\\",
            2,
            "a backslash at the end has nothing to stand before",
        ),
        (
            "(a)\\1",
            3,
            "a back-reference (\\1) cannot be matched in bounded time",
        ),
        ("x(a", 1, "a ( without its )"),
        ("xé[a", 3, "a [ without its ]"),
        ("*a", 0, "nothing before * that it could repeat"),
        ("a|+", 2, "nothing before + that it could repeat"),
        ("^*", 1, "nothing before * that it could repeat"),
        ("a{1", 1, "a { without its }"),
        ("a{x", 1, "a { without its }"),
        (
            "a{x}",
            1,
            "an interval has only digits and a comma between { and }",
        ),
        ("a{}", 1, "an interval is {m}, {m,}, {,n} or {m,n}"),
        ("a{2,1}", 1, "an interval's first number is the larger one"),
        ("a{32768}", 1, "an interval's numbers go up to 32767"),
        (
            "[z-a]",
            1,
            "a range whose end (a) comes before its start (z)",
        ),
        (
            "[à-ö]",
            1,
            "Asterisk's locale has no ranges of characters beyond ASCII; list them one by one",
        ),
        ("[a-[:digit:]]", 1, "a class cannot be an end of a range"),
        (
            "[a-c-e]",
            4,
            "a hyphen here makes no range; as a member it stands first or last in the brackets",
        ),
        ("[[:word:]]", 1, "there is no character class of this name"),
        (
            "[[.ab.]]",
            1,
            "only a single ASCII character can stand between [. and .]",
        ),
        ("[[:alpha:", 1, "a [: without its :]"),
        ("a\0", 1, "a pattern cannot contain a NUL"),
    ] {
        let error = refusal(pattern);
        assert_eq!((error.at, error.what.as_str()), (at, what), "{pattern:?}");
    }
}

#[test]
fn the_place_is_marked() {
    let error = refusal("żó[z-a]");
    assert_eq!(error.mark("żó[z-a]"), "żó[z-a]\n   ^");
    let long = format!("{}\n(b{}", "a".repeat(100), "c".repeat(100));
    let error = refusal(&long);
    let expected = format!(
        "…{}?(b{}…\n{}^",
        "a".repeat(47),
        "c".repeat(22),
        " ".repeat(49)
    );
    assert_eq!(error.mark(&long), expected);
    assert_eq!(EreError::new(9, "").mark("ab"), "ab\n  ^");
}

#[test]
fn what_filters_use() {
    let text = "Event: Newchannel\r\nChannel: PJSIP/żółw-0001\r\nContext: internal\r\n\r\n";
    for (pattern, expected) in [
        ("^Event: (Newchannel|Hangup)\r\n", true),
        ("^Channel", false),
        (".*^Channel", true),
        ("Channel: [^/]+/ż.{2}w-[0-9]{4}\r", true),
        ("Context: internal$", false),
        ("internal\r\n\r\n$", true),
        ("\\<internal\\>", true),
        ("Context: (default|external)", false),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern:?}");
    }
}

#[test]
fn case_is_ignored_where_asked() {
    let pattern = Ere::compile("pjsip/Żółw", true).unwrap();
    assert!(pattern.is_match("Channel: PJSIP/żÓŁw-1".as_bytes()));
    assert!(!matches("pjsip", "PJSIP"));
}

#[test]
fn bytes_that_are_not_utf_8_are_no_characters() {
    let any = Ere::compile("a.b", false).unwrap();
    let other = Ere::compile("a[^x]b", false).unwrap();
    for (text, expected) in [
        (&b"a\xe9b"[..], false),
        (b"a\xc3\xa9b", true),
        (b"a\nb", true),
        (b"\xff a-b \xff", true),
    ] {
        assert_eq!(any.is_match(text), expected);
        assert_eq!(other.is_match(text), expected);
    }
}

#[test]
fn every_class_has_members() {
    for class in [
        "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
        "upper", "xdigit",
    ] {
        let members = Ere::compile(&format!("[[:{class}:]]"), false).unwrap();
        assert!(members.is_match(b"\x01\t aA1!"), "{class}");
    }
}

/// Either refused, or compiled and matched in bounded memory; these would overflow the stack or never end otherwise.
#[test]
fn hostile_patterns_are_harmless() {
    let nested = |depth: usize, inner: &str, end: &str| {
        format!("{}{inner}{}", "(".repeat(depth), end.repeat(depth))
    };
    let accepted = [
        nested(limits::NESTING_MAX, "a", ")"),
        nested(limits::NESTING_MAX / 2, "a", ")*"),
        format!("a{}", "*".repeat(8000)),
        "a*".repeat(2000),
        "(a|b)?".repeat(500),
        "(.*a){30}".to_owned(),
        "(){32767}".to_owned(),
        "(\\bfoo ?){1,30}".to_owned(),
        "[[:alpha:]]{40}".to_owned(),
        ".{1000}".to_owned(),
    ];
    for pattern in accepted {
        // What may match nothing counts only between things that may not.
        for pattern in [format!("é{pattern}é"), pattern] {
            let compiled = Ere::compile(&pattern, false);
            assert!(compiled.is_ok(), "{pattern:.40}: {compiled:?}");
            compiled.unwrap().is_match("aé ".repeat(300).as_bytes());
        }
    }
    let refused = [
        nested(limits::NESTING_MAX + 1, "a", ")"),
        nested(4000, "a", ")"),
        "(".repeat(8000),
        nested(30, "^a*", "b?)*"),
        nested(60, "a", "b?){1,2}"),
        format!("(^a){}", "+".repeat(8000)),
        ".{1,30000}".to_owned(),
        "((a{0,100}){0,100}){0,100}".to_owned(),
        "(((^|a){9}){9}){9}".to_owned(),
        "(a*^b*$)".repeat(30),
        "(\\ba){32767}".to_owned(),
        "\\w".repeat(4000),
        "(x?.?){1100}z".to_owned(),
        "a".repeat(limits::PATTERN_BYTES_MAX + 1),
    ];
    for pattern in refused {
        let pattern = match pattern.contains('^') {
            true => pattern,
            false => format!("a{pattern}z"),
        };
        let error = refusal(&pattern);
        assert!(!error.what.is_empty() && error.at <= pattern.len());
    }
}

#[test]
fn a_compiled_pattern_knows_what_it_means() {
    let compiled = Ere::compile(".*a+|^b", false).unwrap();
    assert_eq!(compiled.pattern(), ".*a+|^b");
    assert_eq!(compiled.hir(), parse("a|^b", false));
}
