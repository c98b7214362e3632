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
use super::user::User;
use crate::protocol::request::Request;

/// Why a guard refuses an action, as the client is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// The user lacks the class for the action itself.
    PermissionDenied,
    /// Asterisk's own text for that refusal.
    Message(&'static str),
}

impl Refusal {
    /// The value of the `Message` header.
    pub const fn message(&self) -> &str {
        match self {
            Self::PermissionDenied => "Permission denied",
            Self::Message(text) => text,
        }
    }
}

type Guard = fn(&User, Request<'_>) -> Result<(), Refusal>;

/// Which guard looks at which action. Names compare ignoring case; every row of the name is asked.
const GUARDS: &[(&str, Guard)] = &[
    ("Originate", originate::check_application),
    ("Originate", originate::check_variables),
    ("Getvar", variables::check_getvar),
    ("Status", variables::check_status),
    ("Command", command::check),
    ("GetConfig", files::check_names),
    ("GetConfigJSON", files::check_names),
    ("ListCategories", files::check_names),
    ("CreateConfig", files::check_names),
    ("UpdateConfig", files::check_names),
    ("UpdateConfig", files::check_directives),
];

/// Decides whether `user` may run `action` with these headers: by class first, then by argument.
///
/// # Errors
/// The refusal to be sent to the client; nothing of the request may then reach Asterisk.
pub fn check(action: &Action, user: &User, request: Request<'_>) -> Result<(), Refusal> {
    if !action.allowed(user.write) {
        return Err(Refusal::PermissionDenied);
    }
    GUARDS
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(&action.name))
        .try_for_each(|(_, guard)| guard(user, request))
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
