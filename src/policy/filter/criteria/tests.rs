//! Tests of the filters' grammar: what is read, and what is refused with which words.

use proptest::prelude::*;

use super::*;
use Kind::{Exclude, Include, Require};
use Subject::{Actions, Events};

fn method(criteria: &Criteria) -> Method {
    match criteria.matcher {
        Matcher::Present => Method::None,
        Matcher::Exact(_) => Method::Exact,
        Matcher::StartsWith(_) => Method::StartsWith,
        Matcher::EndsWith(_) => Method::EndsWith,
        Matcher::Contains(_) => Method::Contains,
        Matcher::Regex(_) => Method::Regex,
    }
}

/// Option, pattern, kind, name, header, method.
type Read = (
    &'static str,
    &'static str,
    Kind,
    &'static str,
    &'static str,
    Method,
);

const READ: &[Read] = &[
    ("f(name(A))", "", Include, "A", "", Method::None),
    ("f(name(A))", "!", Exclude, "A", "", Method::None),
    (
        "f(action(exclude),name(A))",
        "",
        Exclude,
        "A",
        "",
        Method::None,
    ),
    (
        "f(action(include),name(A))",
        "!",
        Include,
        "A",
        "",
        Method::None,
    ),
    (
        "f(action(require) header(H))",
        "",
        Require,
        "",
        "H",
        Method::None,
    ),
    ("f(header(H:))", "", Include, "", "H", Method::None),
    (
        "f(method(exact),header(H))",
        "!x",
        Exclude,
        "",
        "H",
        Method::Exact,
    ),
    (
        "f(method(none),header(H))",
        "",
        Include,
        "",
        "H",
        Method::None,
    ),
    (
        "f( , name(A)\theader(Channel) ,method(starts_with),)",
        "PJSIP/",
        Include,
        "A",
        "Channel",
        Method::StartsWith,
    ),
    (
        "f(method(ends_with))",
        "x",
        Include,
        "",
        "",
        Method::EndsWith,
    ),
    (
        "f(method(contains))",
        "x",
        Include,
        "",
        "",
        Method::Contains,
    ),
    ("f(method(regex))", "^x|y$", Include, "", "", Method::Regex),
    ("f", "Context: x", Include, "", "", Method::Regex),
    ("f", "!x", Exclude, "", "", Method::Regex),
    ("f", "!!x", Exclude, "", "", Method::Regex),
];

#[test]
fn what_is_read() {
    for (option, pattern, kind, name, header, expected) in READ.iter().copied() {
        let read = Criteria::parse(option, pattern, Actions)
            .unwrap_or_else(|error| panic!("{option} = {pattern}: {error}"));
        assert_eq!(read.kind, kind, "{option} = {pattern}");
        assert_eq!(read.name.as_deref().unwrap_or(""), name, "{option}");
        assert_eq!(read.header.as_deref().unwrap_or(""), header, "{option}");
        assert_eq!(method(&read), expected, "{option}");
        let for_events = Criteria::parse(option, pattern, Events);
        assert_eq!(for_events.is_ok(), kind != Require, "{option}");
    }
}

#[test]
fn the_mark_is_no_part_of_the_pattern() {
    let read = Criteria::parse("f(header(H),method(exact))", "!x", Events).unwrap();
    assert!(read.matcher.is_match(b"x") && !read.matcher.is_match(b"!x"));
    let read = Criteria::parse("f(action(include),header(H),method(exact))", "!x", Events).unwrap();
    assert!(read.matcher.is_match(b"x"));
}

#[test]
fn only_what_excludes_actions_ignores_case() {
    for (action, subject, ignores) in [
        ("include", Actions, false),
        ("require", Actions, false),
        ("exclude", Actions, true),
        ("include", Events, false),
        ("exclude", Events, false),
    ] {
        for method in ["exact", "starts_with", "ends_with", "contains", "regex"] {
            let option = format!("f(action({action}),header(H),method({method}))");
            let read = Criteria::parse(&option, "abc", subject).unwrap();
            assert!(read.matcher.is_match(b"abc"), "{option}");
            assert_eq!(read.matcher.is_match(b"aBc"), ignores, "{option}");
        }
    }
}

/// Criteria with their outer parentheses, pattern, error.
const REFUSED: &[(&str, &str, &str)] = &[
    ("(name(A)", "", "a parenthesis is not closed in '(name(A)'"),
    ("(name(A", "", "a parenthesis is not closed in '(name(A'"),
    ("(", "", "a parenthesis is not closed in '('"),
    (
        "(name(A)) x",
        "",
        "'x' stands after the closing parenthesis of the criteria",
    ),
    (
        "(name(A)))",
        "",
        "')' stands after the closing parenthesis of the criteria",
    ),
    (
        "(name(A)),header(B)",
        "",
        "',header(B)' stands after the closing parenthesis of the criteria",
    ),
    ("()", "", "there is nothing between the parentheses"),
    ("( , )", "", "there is nothing between the parentheses"),
    ("(names(A))", "", "'names' is no keyword"),
    ("(actionx(include),name(A))", "", "'actionx' is no keyword"),
    ("(Name(A))", "", "'Name' is no keyword"),
    ("(regex)", "x", "'regex' is no keyword"),
    ("(name(A),(B))", "", "'(B)' is no keyword"),
    ("(name(A) B)", "", "'B' is no keyword"),
    ("(name(A),name(B))", "", "'name' is there twice"),
    ("(name)", "", "'name' has no '(' after it"),
    ("(name (A))", "", "'name' has no '(' after it"),
    ("(header,name(A))", "", "'header' has no '(' after it"),
    ("(name(A B))", "", "'name(A' is not followed by ')'"),
    ("(name(A,header(B)))", "", "'name(A' is not followed by ')'"),
    ("(name(A(B)))", "", "'name(A' is not followed by ')'"),
    ("(name( A))", "", "'name(' is not followed by ')'"),
    (
        "(name(A)header(B))",
        "",
        "there is neither comma nor blank before 'header(B)'",
    ),
    ("(name())", "", "'name()' has no value"),
    ("(header(:))", "", "'header()' has no value"),
    (
        "(header(A:B))",
        "",
        "'header(A:B)' has a colon within the name",
    ),
    (
        "(action(allow),name(A))",
        "",
        "'action(allow)' is none of the kinds of filters",
    ),
    (
        "(action(Exclude),name(A))",
        "",
        "'action(Exclude)' is none of the kinds of filters",
    ),
    (
        "(method(equals),name(A))",
        "x",
        "'method(equals)' is none of the methods",
    ),
    (
        "(name(A))",
        "x",
        "there is a pattern, 'x', but no method that would look at it",
    ),
    (
        "(method(none),header(A))",
        "x",
        "there is a pattern, 'x', but no method that would look at it",
    ),
    (
        "(header(A),method(exact))",
        "",
        "there is no pattern for 'method(exact)'",
    ),
    (
        "(header(A),method(regex))",
        "!",
        "there is no pattern for 'method(regex)'",
    ),
    (
        "(action(exclude))",
        "",
        "there is neither 'name' nor 'header' nor a method",
    ),
    (
        "(method(none))",
        "",
        "there is neither 'name' nor 'header' nor a method",
    ),
    ("", "", "there is no regular expression"),
    ("", "!", "there is no regular expression"),
];

#[test]
fn what_is_refused() {
    for (criteria, pattern, expected) in REFUSED {
        for subject in [Events, Actions] {
            let option = format!("filter{criteria}");
            let error = Criteria::parse(&option, pattern, subject).unwrap_err();
            assert_eq!(error.to_string(), *expected, "{criteria}");
            assert!(!error.remedy().is_empty());
        }
    }
    let required = Criteria::parse("f(action(require),header(A))", "", Events).unwrap_err();
    assert_eq!(required, CriteriaError::RequireForEvents);
}

#[test]
fn long_patterns_are_refused() {
    for (length, accepted) in [(PATTERN_BYTES_MAX, true), (PATTERN_BYTES_MAX + 1, false)] {
        let pattern = "x".repeat(length);
        for option in ["f", "f(header(A),method(exact))"] {
            let read = Criteria::parse(option, &pattern, Events);
            assert_eq!(read.is_ok(), accepted, "{option} {length}");
        }
    }
}

#[test]
fn the_place_in_a_regular_expression_is_marked() {
    use crate::policy::filter::ere::EreError;
    let long = format!("{}ż({}", "a".repeat(40), "b".repeat(40));
    let cases = [
        ("^a(b", 2, "^a<HERE>(b".to_owned()),
        ("a\tb", 9, "a?b<HERE>".to_owned()),
        (
            long.as_str(),
            41,
            format!("{}<HERE>ż({}", "a".repeat(24), "b".repeat(22)),
        ),
    ];
    for (pattern, at, expected) in cases {
        let what = "it is wrong".to_owned();
        let error = CriteriaError::regex(pattern, EreError { what, at });
        assert_eq!(
            error.to_string(),
            format!("the pattern is not accepted: it is wrong, at <HERE> in '{expected}'")
        );
    }
    let error = Criteria::parse("f", "!a(b", Actions).unwrap_err();
    assert!(matches!(error, CriteriaError::Regex { .. }), "{error}");
}

proptest! {
    /// Whatever is written, reading it ends, and an error is one line of bounded length.
    #[test]
    fn nothing_written_is_too_much(option in "f[a-z(), :]{0,60}", value in "[!a-z]{0,3}") {
        if let Err(error) = Criteria::parse(&option, &value, Actions) {
            let text = error.to_string();
            prop_assert!(text.len() < 250 && !text.contains('\n'), "{}", text);
        }
    }

    /// The order of criteria and what separates them do not matter.
    #[test]
    fn order_does_not_matter(order in Just(vec![
        "action(exclude)", "name(A)", "header(H)", "method(exact)",
    ]).prop_shuffle(), separator in "[, \t]{1,3}") {
        let option = format!("f({})", order.join(&separator));
        let read = Criteria::parse(&option, "x", Events).unwrap();
        prop_assert_eq!(read.kind, Exclude);
        prop_assert_eq!(read.name.as_deref(), Some("A"));
        prop_assert_eq!(read.header.as_deref(), Some("H"));
        prop_assert_eq!(method(&read), Method::Exact);
    }
}
