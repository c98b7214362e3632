//! Tests of `actionfilter` and `setheader` lines: what they become, and what is said about them.

use crate::config::testing::{BASE, USER, load_text, load_user, user};
use crate::policy::action_filter::ActionFilter;
use crate::policy::filter::criteria::Kind;

#[test]
fn filters_are_kept_with_place_and_text() {
    let user = user(
        "actionfilter(name(Originate)) =\nActionFilter( action(exclude) name(Originate),header(Application) )=\n\
         actionfilter = !Variable: .*SHELL\nactionfilter(header(Context),method(exact)) => a\\;b ; words",
    );
    let filters: Vec<&ActionFilter> = user.rights.action_filters.iter().collect();
    let told: Vec<(Kind, Option<&str>, &str)> = filters
        .iter()
        .map(|filter| (filter.kind(), filter.name(), filter.text()))
        .collect();
    let expected = [
        (
            Kind::Include,
            Some("Originate"),
            "actionfilter(name(Originate)) =",
        ),
        (
            Kind::Exclude,
            Some("Originate"),
            "ActionFilter( action(exclude) name(Originate),header(Application) ) =",
        ),
        (Kind::Exclude, None, "actionfilter = !Variable: .*SHELL"),
        (
            Kind::Include,
            None,
            "actionfilter(header(Context),method(exact)) = a;b",
        ),
    ];
    assert_eq!(told, expected);
    for (filter, line) in filters.iter().zip(11..) {
        let end = format!("/amimux.conf:{line}");
        assert!(filter.place().ends_with(&end), "{}", filter.place());
    }
}

#[test]
fn filters_add_to_those_of_a_template() {
    let text = format!(
        "{BASE}[base](!)\nactionfilter(name(Originate)) =\nsetheader(Originate,Account) = base\n\
         setheader(Originate,CallerID) = 100\n[a](base)\nsecret=hunter3\nactionfilter(name(Hangup)) =\n\
         SetHeader(originate,ACCOUNT) = a\n"
    );
    let (settings, report) = load_text(&text);
    assert_eq!(report, "");
    let settings = settings.unwrap();
    let rights = &settings.users.get(b"a").unwrap().rights;
    assert_eq!(rights.action_filters.iter().count(), 2);
    let forced: Vec<(&str, &str)> = rights
        .forced_headers
        .iter()
        .map(|forced| (&*forced.name, &*forced.value))
        .collect();
    assert_eq!(forced, [("CallerID", "100"), ("ACCOUNT", "a")]);
}

const DIAGNOSTICS: &[(&str, &str)] = &[
    (
        "actionfilter=x",
        "error: without 'header' the pattern is looked for in the whole message, where a client can write whatever satisfies it; name the header, as in header(Context), or exclude, with action(exclude) or '!' before the pattern",
    ),
    (
        "actionfilter=",
        "error: there is no regular expression; write one after '=', behind '!' for what is to be left out",
    ),
    (
        "actionfilter(names(Originate))=",
        "error: 'names' is no keyword; write action, name, header or method, in lower case",
    ),
    (
        "actionfilter(name(Originate)=",
        "error: a parenthesis is not closed in '(name(Originate)'; write criteria as in (action(exclude),name(NAME),header(HEADER),method(exact))",
    ),
    (
        "actionfilter(name(Originate),header(Context))=internal",
        "error: there is a pattern, 'internal', but no method that would look at it; add a method, as in method(exact)",
    ),
    (
        "actionfilter(action(require),name(Originate))=",
        "error: 'action(require)' without 'header' requires nothing; add the header that must be there",
    ),
    (
        "actionfilter(header(Context),method(exact))=a;b",
        "error: the value ends at ';', where a comment begins; write '\\;' if the semicolon belongs to the value, or a blank before the comment",
    ),
    (
        "actionfilter(name(Orignate))=",
        "warning: no version of Asterisk is known to have an action 'Orignate'; did you mean 'Originate'? leave it only if a module of your Asterisk has one",
    ),
    (
        "actionfilter(action(exclude),name(events))=",
        "warning: the action 'events' is answered by amimux and never goes on to Asterisk; remove the line: filters look at actions that go on to Asterisk",
    ),
    (
        "actionfilter1(name(Originate))=",
        "error: the option 'actionfilter1(name(Originate))' is unknown in user sections; did you mean 'actionfilter'?",
    ),
    (
        "actionfilters(name(Originate))=",
        "error: the option 'actionfilters(name(Originate))' is unknown in user sections; did you mean 'actionfilter'?",
    ),
    (
        "actionfilter (name(Originate))=",
        "error: the option 'actionfilter (name(Originate))' is unknown in user sections; did you mean 'actionfilter'?",
    ),
    (
        "setheader=x",
        "error: 'setheader' does not name an action and a header; write setheader(Action,Header) = value",
    ),
    (
        "setheader(Originate,ActionID)=x",
        "error: the header 'ActionID' cannot be forced; remove the line",
    ),
    (
        "setheader(Events,EventMask)=off",
        "error: the action 'Events' is answered by amimux and never goes on to Asterisk; name an action that goes on to Asterisk",
    ),
    (
        "setheader(Orignate,Account)=x",
        "warning: no version of Asterisk is known to have an action 'Orignate'; did you mean 'Originate'? leave it only if a module of your Asterisk has one",
    ),
    (
        "setheader(Originate,Account)=a;b",
        "error: the value ends at ';', where a comment begins; write '\\;' if the semicolon belongs to the value, or a blank before the comment",
    ),
    (
        "setheaders(Originate,Account)=a",
        "error: the option 'setheaders(Originate,Account)' is unknown in user sections; did you mean 'setheader'?",
    ),
];

#[test]
fn diagnostics() {
    for (line, expected) in DIAGNOSTICS {
        let (user, report) = load_user(line);
        assert_eq!(report, format!("amimux.conf:11: {expected}"), "{line}");
        assert_eq!(user.is_none(), expected.starts_with("error"), "{line}");
    }
}

#[test]
fn a_regular_expression_is_refused_with_the_place_marked() {
    let line = "actionfilter(name(Originate),header(Channel),method(regex))=!^PJSIP/(crm";
    let (user, report) = load_user(line);
    assert!(user.is_none());
    assert!(
        report.starts_with("amimux.conf:11: error: the pattern is not accepted: "),
        "{report}"
    );
    assert!(report.contains("at <HERE> in '"), "{report}");
    assert!(report.contains("POSIX extended"), "{report}");
}

#[test]
fn filters_belong_to_users() {
    let text = format!("{BASE}{USER}").replacen(
        "[general]\n",
        "[general]\nactionfilter(name(Originate)) =\n",
        1,
    );
    assert_eq!(
        load_text(&text).1,
        "amimux.conf:2: error: the option 'actionfilter(name(Originate))' is unknown in [general]; move it: it belongs to user sections"
    );
}

#[test]
fn there_are_not_too_many() {
    for (line, count) in [
        ("actionfilter(name(Originate)) =\n", 256),
        ("setheader(Originate,H#) = x\n", 64),
    ] {
        let lines = |count: usize| -> String {
            let numbered = |n: usize| line.replace('#', &n.to_string());
            (0..count).map(numbered).collect()
        };
        assert_eq!(load_user(&lines(count)).1, "", "{line}");
        let report = load_user(&lines(count + 1)).1;
        assert!(report.contains(&format!("more than {count}")), "{report}");
    }
}
