//! Tests of action filters: each kind alone, together, and what a client could try.

use proptest::prelude::*;

use super::*;
use crate::policy::action::ActionTable;

fn filters(lines: &[&str]) -> ActionFilters {
    let mut filters = ActionFilters::default();
    for (number, line) in (1..).zip(lines) {
        let (option, pattern) = line.split_once(" =").unwrap();
        filters
            .push(format!("f:{number}"), option, pattern.trim())
            .unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    filters
}

/// The place of the filter that refuses, or nothing.
fn refused_by(lines: &[&str], text: &str) -> String {
    let table = ActionTable::builtin();
    let request = Request::new(text.as_bytes());
    let action = table.get(request.action().unwrap()).unwrap();
    match filters(lines).check(action, request) {
        Ok(()) => String::new(),
        Err(refusal) => {
            assert_eq!(&*refusal.message, b"Permission denied");
            match refusal.rule {
                Rule::ActionFilter(place) => place,
                other => panic!("{other}"),
            }
        }
    }
}

/// Filters; request after `Action: Originate`; the filter that refuses it.
type Case = (&'static [&'static str], &'static str, &'static str);

const X: &str = "actionfilter(name(Originate),header(X),method(exact)) = a";
const NOT_X: &str = "actionfilter(action(exclude),name(Originate),header(X),method(exact)) = a";
const MUST_X: &str = "actionfilter(action(require),name(originate),header(X),method(exact)) = a";
const STATUS: &str = "actionfilter(name(CoreStatus)) =";

const CASES: &[Case] = &[
    (&[], "", ""),
    // Kinds alone and together.
    (&["actionfilter(name(originatE)) ="], "", ""),
    (&[STATUS], "", "f:1"),
    (&[STATUS, "actionfilter(name(Originate)) ="], "", ""),
    (&[STATUS, X], "X: b\n", "f:2"),
    (&[STATUS, X], "X: a\n", ""),
    (&["actionfilter(header(X),method(exact)) = a"], "X: a\n", ""),
    (
        &["actionfilter(header(X),method(exact)) = a"],
        "X: b\n",
        "f:1",
    ),
    (
        &["actionfilter(action(exclude),name(Originate)) ="],
        "",
        "f:1",
    ),
    (
        &["actionfilter(action(exclude),name(CoreStatus)) ="],
        "",
        "",
    ),
    (&["actionfilter(name(CoreStatus)) = !"], "", ""),
    (&[NOT_X], "X: b\n", ""),
    (&[NOT_X], "X: a\n", "f:1"),
    (&["actionfilter(name(Originate)) =", NOT_X], "X: a\n", "f:2"),
    (&["actionfilter(name(Originate)) =", NOT_X], "X: b\n", ""),
    (&["actionfilter(name(Originate)) =", MUST_X], "X: a\n", ""),
    (
        &["actionfilter(name(Originate)) =", MUST_X],
        "X: b\n",
        "f:2",
    ),
    (&[MUST_X], "X: b\n", "f:1"),
    (&[MUST_X], "", "f:1"),
    (
        &["actionfilter(action(require),name(Redirect),header(X)) ="],
        "",
        "",
    ),
    (&["actionfilter(action(require),header(X)) ="], "", "f:1"),
    (&["actionfilter(action(require),header(X)) ="], "X: 1\n", ""),
    (
        &[
            MUST_X,
            "actionfilter(action(require),name(Originate),header(Y)) =",
        ],
        "X: a\n",
        "f:2",
    ),
    // A header that repeats, in any order.
    (&[X], "X: a\nX: a\n", ""),
    (&[X], "X: a\nX: b\n", "f:1"),
    (&[X], "X: b\nX: a\n", "f:1"),
    (&[X], "X:\nX: a\n", "f:1"),
    (&[X], "X: a\nX:\n", "f:1"),
    (&[MUST_X], "X: a\nx: b\n", "f:1"),
    (&[MUST_X], "X:\nX: a\n", "f:1"),
    (&[NOT_X], "X: b\nX: a\n", "f:1"),
    (&[NOT_X], "X: a\nX: b\n", "f:1"),
    (&[NOT_X], "X:\nX: a\n", "f:1"),
    // Empty is absent.
    (&[X], "X:\n", "f:1"),
    (&[MUST_X], "X: \n", "f:1"),
    (
        &["actionfilter(name(Originate),header(X)) ="],
        "X:\n",
        "f:1",
    ),
    (&["actionfilter(name(Originate),header(X)) ="], "X: 1\n", ""),
    (&["actionfilter(action(exclude),header(X)) ="], "X:  \n", ""),
    (
        &["actionfilter(action(exclude),header(X)) ="],
        "X: 1\n",
        "f:1",
    ),
    // Headers are looked up as Asterisk does.
    (&[X], "x:a\n", ""),
    (&[X], "X:\u{1}\ta\r\n", ""),
    (&[X], "X : a\n", "f:1"),
    (&[X], " X: a\n", "f:1"),
    (&[NOT_X], "X : a\n", ""),
    (&[NOT_X], "x:\u{1}a\n", "f:1"),
    // Case counts in favour of nobody.
    (&[X], "X: A\n", "f:1"),
    (&[MUST_X], "X: A\n", "f:1"),
    (&[NOT_X], "X: A\n", "f:1"),
    (
        &["actionfilter(header(X),method(regex)) = !^lo.al/"],
        "X: LOCAL/1\n",
        "f:1",
    ),
    (
        &["actionfilter(header(X),method(contains)) = !AbC"],
        "X: xaBcx\n",
        "f:1",
    ),
    // Blanks behind a value do not help either.
    (&[X], "X: a \n", "f:1"),
    (&[NOT_X], "X: a \t\n", "f:1"),
    (
        &["actionfilter(header(X),method(ends_with)) = !@in"],
        "X: 1@in \n",
        "f:1",
    ),
    (
        &["actionfilter(header(X),method(regex)) = !@in$"],
        "X: 1@in \n",
        "f:1",
    ),
    // The whole message.
    (&["actionfilter = !X: a$"], "Y: b\nX: A\n", "f:1"),
    (&["actionfilter = !X: a$"], "Y: b\nX: b\n", ""),
    (
        &["actionfilter = !^Action: Originate.*X: a"],
        "X: a\n",
        "f:1",
    ),
    (
        &["actionfilter(name(Redirect),method(regex)) = !a"],
        "X: a\n",
        "",
    ),
    (
        &["actionfilter(name(Originate),method(contains)) = !y: 1"],
        "X: a\nY: 1\n",
        "f:1",
    ),
];

#[test]
fn requests_and_filters() {
    for (lines, rest, expected) in CASES {
        let text = format!("Action: Originate\n{rest}");
        assert_eq!(refused_by(lines, &text), *expected, "{lines:?} {text:?}");
        let with_cr = text.replace("\r\n", "\n").replace('\n', "\r\n");
        assert_eq!(refused_by(lines, &with_cr), *expected, "{lines:?} CR LF");
    }
}

#[test]
fn the_whole_text_has_cr_lf_between_lines() {
    let filters = filters(&["actionfilter(action(exclude),method(contains)) = !b"]);
    let message = Message {
        request: Request::new(b"A: 1\nB: 2\r\n"),
        text: OnceCell::new(),
    };
    assert_eq!(message.text(), b"A: 1\r\nB: 2");
    assert!(filters.iter().next().unwrap().describes(&message));
}

#[test]
fn bytes_that_are_no_text_do_not_hide_anything() {
    let table = ActionTable::builtin();
    let action = table.get(b"Originate").unwrap();
    let text = b"Action: Originate\r\nX: Local/\xff\xfe@in\r\n";
    for (line, allowed) in [
        (
            "actionfilter(header(X),method(regex)) = !^Local/.*@in$",
            false,
        ),
        (
            "actionfilter(header(X),method(regex)) = !^Local/[^0-9]",
            false,
        ),
        ("actionfilter = !Local/.*@in", false),
        (
            "actionfilter(header(X),method(regex)) = !^Local/[a-z]",
            true,
        ),
        (
            "actionfilter(header(X),method(regex)) = ^Local/.*@in$",
            false,
        ),
    ] {
        let decided = filters(&[line]).check(action, Request::new(text));
        assert_eq!(decided.is_ok(), allowed, "{line}");
    }
}

#[test]
fn verdicts_say_what_each_filter_sees() {
    let filters = filters(&[STATUS, X, NOT_X, "actionfilter(name(Originate)) ="]);
    let table = ActionTable::builtin();
    let action = table.get(b"originate").unwrap();
    let told: Vec<(&str, &str, Verdict)> = filters
        .verdicts(action, Request::new(b"Action: Originate\r\nX: b\r\n"))
        .map(|(filter, verdict)| (filter.place(), filter.text(), verdict))
        .collect();
    let expected = [
        ("f:1", STATUS, Verdict::OtherAction),
        ("f:2", X, Verdict::Differs),
        ("f:3", NOT_X, Verdict::Differs),
        ("f:4", "actionfilter(name(Originate)) =", Verdict::Matches),
    ];
    assert_eq!(told, expected);
}

#[test]
fn what_may_pass() {
    let table = ActionTable::builtin();
    let originate = table.get(b"Originate").unwrap();
    let cases: [(&[&str], bool); 12] = [
        (&[], true),
        (&[STATUS], false),
        (&[STATUS, X], true),
        (&["actionfilter(header(X)) ="], true),
        (&[STATUS, "actionfilter(header(X)) ="], true),
        (&[NOT_X], true),
        (&[MUST_X], true),
        (&["actionfilter(action(exclude),name(ORIGINATE)) ="], false),
        (&["actionfilter(action(exclude),name(CoreStatus)) ="], true),
        (&["actionfilter(action(exclude),header(X)) ="], true),
        (&["actionfilter = !."], true),
        (
            &[
                "actionfilter(name(Originate)) =",
                "actionfilter(name(Originate)) = !",
            ],
            false,
        ),
    ];
    for (lines, expected) in cases {
        assert_eq!(filters(lines).may_pass(originate), expected, "{lines:?}");
    }
}

#[test]
fn what_is_refused() {
    use ActionFilterError::{NothingRequired, WholeMessage};
    let cases = [
        ("actionfilter", "x", WholeMessage),
        ("actionfilter(name(A),method(regex))", "x", WholeMessage),
        (
            "actionfilter(action(include),method(exact))",
            "!x",
            WholeMessage,
        ),
        (
            "actionfilter(action(require),name(A),method(contains))",
            "x",
            WholeMessage,
        ),
        ("actionfilter(action(require),name(A))", "", NothingRequired),
        (
            "actionfilter(names(A))",
            "",
            ActionFilterError::Criteria(CriteriaError::UnknownKeyword("names".to_owned())),
        ),
    ];
    for (option, pattern, expected) in cases {
        let mut filters = ActionFilters::default();
        let error = filters.push("f:1".to_owned(), option, pattern).unwrap_err();
        assert_eq!(error, expected, "{option} = {pattern}");
        assert!(!error.remedy().is_empty());
        assert_eq!(filters.iter().count(), 0);
    }
}

#[test]
fn the_number_of_filters_is_bounded() {
    let mut filters = ActionFilters::default();
    let mut push = || {
        filters
            .push(String::new(), "actionfilter(name(A))", "")
            .err()
    };
    for _ in 0..FILTERS_MAX {
        assert_eq!(push(), None);
    }
    assert_eq!(push(), Some(ActionFilterError::TooMany));
    assert_eq!(filters.iter().count(), FILTERS_MAX);
}

/// Filters from few words, so that they often meet the requests below.
fn some_filter() -> impl Strategy<Value = (String, String)> {
    let kinds = prop::sample::select(vec!["include", "exclude", "require"]);
    let names = prop::sample::select(vec!["", ",name(Originate)", ",name(Redirect)"]);
    let headers = prop::sample::select(vec![
        ",header(X)",
        ",header(X),method(exact)",
        ",header(Y),method(starts_with)",
    ]);
    let patterns = prop::sample::select(vec!["a", "b", "A"]);
    (kinds, names, headers, patterns).prop_map(|(kind, name, header, pattern)| {
        let pattern = if header.contains("method") {
            pattern
        } else {
            ""
        };
        let option = format!("actionfilter(action({kind}){name}{header})");
        (option, pattern.to_owned())
    })
}

fn some_request() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec!["X: a", "X: b", "X:", "x: A", "Y: ab", "Y: b", "Z: a"]);
    prop::collection::vec(line, 0..5)
        .prop_map(|lines| format!("Action: Originate\r\n{}", lines.join("\r\n")))
}

fn allows(filters: &[(String, String)], text: &str) -> bool {
    let table = ActionTable::builtin();
    let mut all = ActionFilters::default();
    for (option, pattern) in filters {
        all.push(String::new(), option, pattern).unwrap();
    }
    let action = table.get(b"Originate").unwrap();
    let allowed = all.check(action, Request::new(text.as_bytes())).is_ok();
    assert!(all.may_pass(action) || !allowed, "{filters:?} {text}");
    allowed
}

proptest! {
    /// The order of filters does not matter.
    #[test]
    fn order_does_not_matter(
        (one, other) in prop::collection::vec(some_filter(), 0..6)
            .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        text in some_request(),
    ) {
        prop_assert_eq!(allows(&one, &text), allows(&other, &text));
    }

    /// A filter more that excludes or requires never allows more.
    #[test]
    fn to_exclude_or_require_only_narrows(
        mut filters in prop::collection::vec(some_filter(), 0..5),
        more in some_filter().prop_filter("an include may widen", |(option, _)| !option.contains("include")),
        text in some_request(),
    ) {
        let before = allows(&filters, &text);
        filters.push(more);
        prop_assert!(before || !allows(&filters, &text));
    }

    /// A line more never makes a refused request allowed, unless it brings a header that was missing.
    #[test]
    fn repeating_a_header_never_helps(
        filters in prop::collection::vec(some_filter(), 0..5),
        text in some_request(),
        more in prop::sample::select(vec!["X: a", "X: b", "X:", "Y: ab", "Y:"]),
    ) {
        let name = more.get(..2).unwrap();
        prop_assume!(text.to_ascii_uppercase().contains(&format!("\n{name}")));
        let longer = format!("{text}\r\n{more}");
        prop_assert!(allows(&filters, &text) || !allows(&filters, &longer));
    }
}
