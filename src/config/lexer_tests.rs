//! Tests of the lexer.

use proptest::prelude::*;

use super::*;

fn strip(line: &str) -> Result<String, LineError> {
    let mut comments = CommentStripper::default();
    comments
        .strip(line.as_bytes(), 1)
        .map(|stripped| stripped.text)
}

#[test]
fn comments_within_one_line() {
    let cases = [
        ("nothing to do", "a = b", "a = b"),
        ("blanks around", " \t a = b \r", "a = b"),
        ("empty", "", ""),
        ("whole line", "; a = b", ""),
        ("at the end", "a = b ; c", "a = b"),
        ("glued", "a = b;c", "a = b"),
        ("escaped", r"a = b\;c", "a = b;c"),
        ("escaped, then comment", r"a = b\;c;d", "a = b;c"),
        ("escaped twice", r"a = \;\;b", "a = ;;b"),
        ("no look behind an escaped one", r"a = \;;b", "a = ;"),
        ("other backslashes stay", r"a = b\\c\d", r"a = b\\c\d"),
        ("hash is no comment", "a = b#c", "a = b#c"),
        ("block in the middle", "a = ;-- x --; b", "a =  b"),
        ("block at the start", ";-- x --;a = b", "a = b"),
        ("two blocks", "a;-- x --; =;-- y --; b", "a = b"),
        ("nested block", "a = ;-- x ;-- y --; z --; b", "a =  b"),
        ("semicolon within a block", "a = ;-- x ; y --; b", "a =  b"),
        ("three dashes are ordinary", "a = b ;--- c --; d", "a = b"),
        ("many dashes are ordinary", ";--------------;", ""),
        ("block, then comment", "a = b;-- x --; ; c", "a = b"),
        ("escape within a block", r"a = ;-- \; --; b", "a =  b"),
    ];
    for (name, line, expected) in cases {
        assert_eq!(strip(line), Ok(expected.to_owned()), "{name}");
    }
}

#[test]
fn comments_over_several_lines() {
    let lines = [
        ("a = 1 ;-- begins", "a = 1"),
        ("b = 2", ""),
        (";-- nested", ""),
        ("--;", ""),
        ("c = 3 --; d = 4", "d = 4"),
        (";--; does not end itself", ""),
        ("--;", ""),
        ("e = 5", "e = 5"),
    ];
    let mut comments = CommentStripper::default();
    for (number, (line, expected)) in (1..).zip(lines) {
        let stripped = comments.strip(line.as_bytes(), number).unwrap();
        assert_eq!(stripped.text, expected, "line {number}");
    }
    assert_eq!(comments.unterminated(), None);
    comments.strip(b";-- left open", 9).unwrap();
    comments.strip(b"more", 10).unwrap();
    assert_eq!(comments.unterminated(), Some(9));
}

#[test]
fn lines_that_cannot_be_stripped() {
    let long = "x".repeat(LINE_BYTES_MAX + 1);
    let deep = ";--".repeat(COMMENT_DEPTH_MAX + 1);
    let cases: &[(&str, &[u8], LineError)] = &[
        ("too long", long.as_bytes(), LineError::TooLong),
        ("too deep", deep.as_bytes(), LineError::CommentDepth),
        ("stray end", b"a = b --; c", LineError::StrayCommentEnd),
        ("NUL", b"a = b\0c", LineError::ControlCharacter),
        ("bare CR", b"a = b\rc", LineError::ControlCharacter),
        ("Latin-1", b"a = caf\xe9", LineError::NotUtf8),
    ];
    for (name, line, expected) in cases {
        let mut comments = CommentStripper::default();
        assert_eq!(comments.strip(line, 1), Err(*expected), "{name}");
    }
    let exact = vec![b'x'; LINE_BYTES_MAX];
    assert!(CommentStripper::default().strip(&exact, 1).is_ok());
    let deepest = ";--".repeat(COMMENT_DEPTH_MAX);
    assert_eq!(strip(&deepest), Ok(String::new()));
}

#[test]
fn bytes_within_comments_do_not_matter() {
    let mut comments = CommentStripper::default();
    let stripped = comments.strip(b"a = b ; caf\xe9 \0", 1).unwrap();
    assert_eq!(stripped.text, "a = b");
}

#[test]
fn a_comment_glued_to_a_value_is_noticed() {
    let glued = |line: &str| {
        let mut comments = CommentStripper::default();
        let stripped = comments.strip(line.as_bytes(), 1).unwrap();
        stripped.comment_glued
    };
    assert!(glued("secret = a;b"));
    assert!(!glued("secret = a ;b"));
    assert!(!glued(r"secret = a\;b"));
    assert!(!glued("; a;b"));
}

#[test]
fn lines_are_told_apart() {
    let section = |name, modifiers| Line::Section { name, modifiers };
    let directive = |word, argument| Line::Directive { word, argument };
    let option = |name, value, append| Line::Option {
        name,
        value,
        append,
    };
    let cases = [
        ("[a]", section("a", None)),
        ("[ a b ]", section(" a b ", None)),
        ("[a]rest", section("a", None)),
        ("[a] (b)", section("a", None)),
        ("[a](b)", section("a", Some("b"))),
        ("[a](!,b, c)rest", section("a", Some("!,b, c"))),
        ("[a]()", section("a", Some(""))),
        ("#include \"x y\"", directive("include", Some("x y"))),
        ("#include <x>", directive("include", Some("x"))),
        ("#include x", directive("include", Some("x"))),
        ("#include \"x", directive("include", Some("\"x"))),
        ("#include\tx", directive("include", Some("x"))),
        ("#include", directive("include", None)),
        ("#exec /bin/true", directive("exec", Some("/bin/true"))),
        ("a=b", option("a", "b", false)),
        ("a = b", option("a", " b", false)),
        ("a => b", option("a", " b", false)),
        ("a =>> b", option("a", "> b", false)),
        ("a = >b", option("a", " >b", false)),
        ("a = b = c", option("a", " b = c", false)),
        ("a += b", option("a", " b", true)),
        ("a +=> b", option("a", "> b", true)),
        ("a + = b", option("a +", " b", false)),
        ("a(b) = c", option("a(b)", " c", false)),
        ("a =", option("a", "", false)),
        (r"\[a] = b", option("[a]", " b", false)),
        (r"\#a = b", option("#a", " b", false)),
        (r"\=a = b", option("=a", " b", false)),
        (r"\+= b", option("+", " b", false)),
        (r"\a+= b", option("a", " b", true)),
    ];
    for (text, expected) in cases {
        assert_eq!(Line::parse(text), Ok(Some(expected)), "{text}");
    }
    assert_eq!(Line::parse(""), Ok(None));
}

#[test]
fn malformed_lines_are_refused() {
    let cases = [
        ("[a", LineError::NoBracket),
        ("[a](b", LineError::NoParenthesis),
        ("[]", LineError::NoSectionName),
        ("a", LineError::NoEqualSign),
        ("= b", LineError::NoName),
        ("+= b", LineError::NoName),
        ("\\", LineError::Escape),
        ("\\ a = b", LineError::Escape),
        ("\\= b", LineError::NoEqualSign),
    ];
    for (text, expected) in cases {
        assert_eq!(Line::parse(text), Err(expected), "{text}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(lines in prop::collection::vec(any::<Vec<u8>>(), 0..20)) {
        let mut comments = CommentStripper::default();
        for line in lines {
            if let Ok(stripped) = comments.strip(&line, 1) {
                let _ = Line::parse(&stripped.text);
            }
        }
    }

    #[test]
    fn pieces_of_the_dialect_never_panic(
        lines in prop::collection::vec(r"([\[\]()=+>;#!, ab\\\-]|;--|--;){0,30}", 0..20)
    ) {
        let mut comments = CommentStripper::default();
        for line in lines {
            if let Ok(stripped) = comments.strip(line.as_bytes(), 1) {
                prop_assert_eq!(strip_blanks(&stripped.text), &stripped.text);
                let _ = Line::parse(&stripped.text);
            }
        }
    }

    #[test]
    fn plain_options_come_back_as_written(name in "[a-z]{1,20}", value in r"[a-zA-Z0-9 =>\[\]#,!]{0,60}") {
        let line = format!("{name} = {value}");
        let text = strip(&line).unwrap();
        let parsed = Line::parse(&text).unwrap().unwrap();
        prop_assert!(
            matches!(parsed, Line::Option { name: n, value: v, append: false }
                if n == name && strip_blanks(v) == strip_blanks(&value)),
            "{line}"
        );
    }
}
