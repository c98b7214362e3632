//! What Asterisk checks inside its actions for each session, taken over here because the one session to
//! Asterisk may do everything; and what only a shared session has to fear.
//! Source: `main/manager.c` (`action_originate`, `action_getvar`, `action_status`, `action_command`,
//! `restrictedFile`), `main/pbx_functions.c`, `main/cli.c`, `main/config.c`.
//!
//! Each rule is one row of a table. Where Asterisk's own decision can be talked around (first match wins,
//! a tab for a blank, a backslash in a name), the decision here is the one that was meant.

mod command;
mod files;
mod functions;
mod originate;
mod split;
mod variables;

use super::action::Action;
use super::decision::{Passed, Refusal, Rule};
use super::user::User;
use crate::protocol::request::Request;

type Guard = fn(&User, Request<'_>) -> Result<(), &'static str>;

/// Which guard looks at which action, and what the guard is called in the log. Names compare ignoring case; every row of the name is asked.
const GUARDS: &[(&str, &str, Guard)] = &[
    ("Originate", "application", originate::check_application),
    ("Originate", "variables", originate::check_variables),
    ("Getvar", "variable", variables::check_getvar),
    ("Status", "variables", variables::check_status),
    ("Command", "command", command::check),
    ("GetConfig", "file", files::check_names),
    ("GetConfigJSON", "file", files::check_names),
    ("ListCategories", "file", files::check_names),
    ("CreateConfig", "file", files::check_names),
    ("UpdateConfig", "file", files::check_names),
    ("UpdateConfig", "directive", files::check_directives),
];

/// Decides whether `user` may run `action` with these arguments. The class was looked at before.
///
/// # Errors
/// The refusal to be sent to the client; nothing of the request may then reach Asterisk.
pub(super) fn check(
    action: &Action,
    user: &User,
    request: Request<'_>,
    tell: &mut dyn FnMut(Passed<'_>),
) -> Result<(), Refusal> {
    for (name, rule, guard) in GUARDS {
        if name.eq_ignore_ascii_case(&action.name) {
            guard(user, request).map_err(|text| Refusal::new(text, Rule::Guard(rule)))?;
            tell(Passed::Guard(rule));
        }
    }
    Ok(())
}

/// Whether `text` contains `part`, byte for byte.
fn contains(text: &[u8], part: &str) -> bool {
    memchr::memmem::find(text, part.as_bytes()).is_some()
}

/// Whether `text` contains `part`, which is lower case, ignoring ASCII case.
fn contains_ignoring_case(text: &[u8], part: &str) -> bool {
    contains(&text.to_ascii_lowercase(), part)
}

/// `text` without the quotes and backslashes that Asterisk removes on the way, however often it does.
fn without_quoting(text: &[u8]) -> Vec<u8> {
    text.iter()
        .copied()
        .filter(|byte| !matches!(byte, b'"' | b'\\'))
        .collect()
}

#[cfg(test)]
mod tests;
