//! Originate: what may be run, and which variables may be set, before the call is made.
//! Source: `main/manager.c`, `is_originate_app_permitted`, `astman_get_variables`.

use super::functions::calls_escalating;
use super::split::split_arguments;
use super::{contains, contains_ignoring_case, without_quoting};
use crate::policy::class::Classes;
use crate::policy::user::User;
use crate::protocol::request::Request;

const FORBIDDEN: &str = "Originate Access Forbidden: app or data blacklisted";

/// How a rule looks at Application and Data.
enum Matches {
    /// Application contains the text, ignoring case.
    Application(&'static str),
    /// Application contains the text, ignoring case, and Data has an argument at that index that is more
    /// than quotes.
    ApplicationWithArgument(&'static str, usize),
    /// Data contains the text; case counts.
    Data(&'static str),
}

struct Rule {
    matches: Matches,
    needs_any_of: Classes,
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

/// In Asterisk's order. There the first rule that matches decides alone, so that a Queue with an AGI
/// argument hides a forbidden Data; here every rule that matches must be satisfied.
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
                        .is_some_and(|argument| argument.iter().any(|byte| *byte != b'"'))
            }
            Self::Data(text) => contains(data, text),
        }
    }
}

/// Application and Data, only when there is an Application: the other form runs the dialplan's own words.
pub(super) fn check_application(user: &User, request: Request<'_>) -> Result<(), &'static str> {
    let application = request.get_or_empty("Application");
    if application.is_empty() {
        return Ok(());
    }
    let data = request.get_or_empty("Data");
    let permitted = RULES
        .iter()
        .filter(|rule| !user.write.contains_any(rule.needs_any_of))
        .all(|rule| !rule.matches.is_met(application, data));
    if permitted { Ok(()) } else { Err(FORBIDDEN) }
}

/// Every `Variable` header, for every user: its names are set on a thread of the call's own, where
/// Asterisk's guard against writing dangerous functions from the network is off.
pub(super) fn check_variables(_user: &User, request: Request<'_>) -> Result<(), &'static str> {
    let dangerous = request
        .all("Variable")
        .flat_map(split_arguments)
        .any(|item| calls_escalating(variable_name(&without_quoting(item))));
    if dangerous { Err(FORBIDDEN) } else { Ok(()) }
}

/// What stands before the first `=`. An item without one sets nothing by itself, but Asterisk stops cutting
/// after 64 items and reads the rest as one, so that its name is looked at all the same.
fn variable_name(item: &[u8]) -> &[u8] {
    item.split(|byte| *byte == b'=').next().unwrap_or_default()
}
