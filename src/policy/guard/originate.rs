//! Originate: what may be run, and which variables may be set, before the call is made.
//! Source: `main/manager.c`, `is_originate_app_permitted`, `astman_get_variables`.

use super::functions::{calls_escalating, names_shell_variable};
use super::originate_form::earlier_fault;
use super::split::{split_arguments, split_arguments_at_most};
use super::{contains, contains_ignoring_case, without_quoting};
use crate::policy::class::Classes;
use crate::policy::user::User;
use crate::protocol::request::Request;

const FORBIDDEN: &str = "Originate Access Forbidden: app or data blacklisted";

/// Most items of one `Variable` header; Asterisk reads what follows as part of the last one.
const VARIABLES_MAX: usize = 64;

/// How a rule looks at Application and Data.
enum Matches {
    /// Application contains the text, ignoring case.
    Application(&'static str),
    /// Application contains the text, ignoring case, and Data has an argument at that index that is not
    /// empty once its quotes and backslashes are removed.
    ApplicationWithArgument(&'static str, usize),
    /// Data contains the text; case counts.
    Data(&'static str),
}

struct Rule {
    matches: Matches,
    needs_any_of: Classes,
}

impl Rule {
    const fn is_satisfied_by(&self, user: &User) -> bool {
        user.write.contains_any(self.needs_any_of)
    }
}

const fn application(text: &'static str) -> Rule {
    Rule {
        matches: Matches::Application(text),
        needs_any_of: Classes::SYSTEM,
    }
}

const fn data(text: &'static str) -> Rule {
    Rule {
        matches: Matches::Data(text),
        needs_any_of: Classes::SYSTEM,
    }
}

/// In Asterisk's order, which counts: there the first rule that matches decides alone.
const RULES: &[Rule] = &[
    application("agi"),
    application("dbdeltree"),
    application("exec"),
    application("externalivr"),
    application("mixmonitor"),
    application("originate"),
    application("reload"),
    application("system"),
    Rule {
        matches: Matches::ApplicationWithArgument("queue", 5),
        needs_any_of: Classes::AGI.union(Classes::SYSTEM),
    },
    data("CURL"),
    data("DB"),
    data("EVAL"),
    data("FILE"),
    data("ODBC"),
    data("REALTIME"),
    data("SHELL"),
];

impl Matches {
    fn is_met(&self, application: &[u8], data: &[u8]) -> bool {
        match self {
            Self::Application(text) => contains_ignoring_case(application, text),
            Self::ApplicationWithArgument(text, index) => {
                contains_ignoring_case(application, text)
                    && split_arguments(data)
                        .nth(*index)
                        .is_some_and(leaves_something)
            }
            Self::Data(text) => contains(data, text),
        }
    }
}

/// Application and Data, only when there is an Application: the other form runs the dialplan's own words.
/// Every rule that matches must be satisfied: where the first decides alone, a Queue with an AGI argument hides
/// a forbidden Data.
pub(super) fn check_application(user: &User, request: Request<'_>) -> Result<(), &'static str> {
    let all = matching(request).all(|rule| rule.is_satisfied_by(user));
    permitted(all, request)
}

/// As Asterisk decides: by the first rule that matches.
pub(super) fn check_as_asterisk(user: &User, request: Request<'_>) -> Result<(), &'static str> {
    let first = matching(request).next();
    permitted(first.is_none_or(|rule| rule.is_satisfied_by(user)), request)
}

fn matching(request: Request<'_>) -> impl Iterator<Item = &'static Rule> {
    let application = request.get_or_empty("Application");
    let data = request.get_or_empty("Data");
    RULES
        .iter()
        .filter(move |rule| !application.is_empty() && rule.matches.is_met(application, data))
}

/// The refusal, or what Asterisk would have said before it came to refuse.
fn permitted(permitted: bool, request: Request<'_>) -> Result<(), &'static str> {
    match permitted {
        true => Ok(()),
        false => Err(earlier_fault(request).unwrap_or(FORBIDDEN)),
    }
}

/// Every `Variable` header, for every user: its names are set on a thread of the call's own, where
/// Asterisk's guard against writing dangerous functions from the network is off.
pub(super) fn check_variables(_user: &User, request: Request<'_>) -> Result<(), &'static str> {
    let dangerous = request
        .all("Variable")
        .flat_map(split_arguments)
        .any(|item| {
            let item = without_quoting(item);
            let name = variable_name(&item);
            calls_escalating(name) || names_shell_variable(name)
        });
    permitted(!dangerous, request)
}

/// What the `Variable` headers of a synchronous Originate must say once it is made asynchronous: without the
/// items that write a dangerous function. Asterisk guards the thread of a session against these writes and sets
/// the others, but not the thread on which an asynchronous call sets its variables. `None` when nothing has to
/// go; else the values of all these headers in their order. An item that goes leaves an empty one behind, which
/// Asterisk passes over, so that the others keep their places.
pub fn variables_without_escalation(request: Request<'_>) -> Option<Vec<Vec<u8>>> {
    let mut changed = false;
    let values = request
        .all("Variable")
        .map(|value| {
            let items = split_arguments_at_most(VARIABLES_MAX, value).map(|item| {
                let escalates = calls_escalating(variable_name(&without_quoting(item)));
                changed |= escalates;
                if escalates { b"" } else { item }
            });
            items.collect::<Vec<_>>().join(&b',')
        })
        .collect();
    changed.then_some(values)
}

/// What stands before the first `=`. An item without one sets nothing by itself, but Asterisk stops cutting
/// after 64 items and reads the rest as one, so that its name is looked at all the same.
fn variable_name(item: &[u8]) -> &[u8] {
    item.split(|byte| *byte == b'=').next().unwrap_or_default()
}

/// Whether an argument is more than nothing once Asterisk has removed quotes and backslashes. A backslash keeps
/// the byte behind it.
fn leaves_something(mut argument: &[u8]) -> bool {
    while let [b'"', rest @ ..] = argument {
        argument = rest;
    }
    !matches!(argument, b"" | b"\\")
}
