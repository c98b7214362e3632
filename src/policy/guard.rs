//! What Asterisk checks inside its actions for each session, taken over here because the one session to
//! Asterisk may do everything; and what only a shared session has to fear.
//! Source: `main/manager.c` (`action_originate`, `action_getvar`, `action_status`, `action_command`,
//! `restrictedFile`), `main/pbx_functions.c`, `main/cli.c`, `main/config.c`.
//!
//! Each rule is one row of a table, which says for which of the two ways of judging it holds. The safe way
//! refuses whatever Asterisk refuses, and besides closes what its judgement leaves open: the first rule decides
//! alone, a tab is no blank, a backslash in a name hides it. The other way is Asterisk's judgement to the letter.

mod command;
mod command_table;
mod files;
mod functions;
mod module;
mod notify;
mod originate;
mod originate_form;
mod protected_files;
mod recording;
mod reload;
mod split;
mod variables;

pub use originate::variables_without_escalation;
pub use originate_form::missing_destination;
pub use protected_files::{holds_manager_secrets, is_protected_file};

use super::action::Action;
use super::decision::{Passed, Refusal, Rule};
use super::rights::Guards;
use super::user::User;
use crate::protocol::request::Request;

type Check = fn(&User, Request<'_>) -> Result<(), &'static str>;

/// One rule: which action it looks at (ignoring case), what it is called in the log, for which users it holds.
struct Row {
    action: &'static str,
    name: &'static str,
    /// `None`: for all, whatever their `guards`.
    guards: Option<Guards>,
    check: Check,
}

/// For users with `guards = safe`.
const fn safe(action: &'static str, name: &'static str, check: Check) -> Row {
    Row {
        action,
        name,
        guards: Some(Guards::Safe),
        check,
    }
}

/// For users with `guards = asterisk`.
const fn asterisk(action: &'static str, name: &'static str, check: Check) -> Row {
    Row {
        action,
        name,
        guards: Some(Guards::Asterisk),
        check,
    }
}

/// Every rule; all that are about an action are asked, in this order.
const GUARDS: &[Row] = &[
    safe("Originate", "application", originate::check_application),
    asterisk("Originate", "application", originate::check_as_asterisk),
    safe("Originate", "variables", originate::check_variables),
    safe("Getvar", "variable", variables::check_getvar),
    asterisk("Getvar", "variable", variables::check_getvar_as_asterisk),
    safe("Status", "variables", variables::check_status),
    asterisk("Status", "variables", variables::check_status_as_asterisk),
    safe("Setvar", "variable", variables::check_setvar),
    // Has an option of its own, `commandrules`.
    Row {
        action: "Command",
        name: "command",
        guards: None,
        check: command::check,
    },
    safe("GetConfig", "file", files::check_names),
    safe("GetConfigJSON", "file", files::check_names),
    safe("ListCategories", "file", files::check_names),
    safe("CreateConfig", "file", files::check_names),
    safe("UpdateConfig", "file", files::check_names),
    safe("UpdateConfig", "directive", files::check_directives),
    safe("UpdateConfig", "reload", reload::check),
    safe("ModuleLoad", "module", module::check),
    safe("MixMonitor", "recording", recording::check_mix_monitor),
    safe("Monitor", "recording", recording::check_monitor),
    safe("ChangeMonitor", "recording", recording::check_monitor),
    safe(
        "ConfbridgeStartRecord",
        "recording",
        recording::check_conference,
    ),
    safe("PJSIPNotify", "destination", notify::check),
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
    let rows = GUARDS.iter().filter(|row| {
        row.action.eq_ignore_ascii_case(&action.name)
            && row.guards.is_none_or(|guards| guards == user.rights.guards)
    });
    for row in rows {
        (row.check)(user, request).map_err(|text| Refusal::new(text, Rule::Guard(row.name)))?;
        tell(Passed::Guard(row.name));
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

/// Without bytes up to the blank at either end, as Asterisk strips them (`ast_strip`).
fn trim(mut text: &[u8]) -> &[u8] {
    while let [0..=32, rest @ ..] | [rest @ .., 0..=32] = text {
        text = rest;
    }
    text
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
