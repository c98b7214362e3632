//! The one decision about a request: whether this user may run this action with these headers, and with which
//! headers it goes on. The hub asks it for every request, and `amimux explain` asks it too, so that what is
//! explained is what happens. The checks, in order: the action exists; a class of it is the user's, or it is
//! open to everybody and `openactions` leaves it so; the user's forced headers are put in; action filters; guards.
//! Source: `main/manager.c`, `process_message`.

use std::borrow::Cow;

use super::action::{Action, ActionTable};
use super::class::Classes;
use super::guard;
use super::rights::{ForcedHeader, OpenActions};
use super::user::User;
use crate::protocol::limits::UNKNOWN_ACTION_TEXT_BYTES_MAX;
use crate::protocol::request::{Request, header_value};

/// What refused a request.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Rule {
    /// The message as a whole is none that Asterisk would read as it looks.
    Format,
    /// It names no action.
    NoAction,
    /// There is no such action.
    UnknownAction,
    /// The user has none of these classes.
    Class(Classes),
    /// The action is open to everybody in Asterisk, and `openactions` closes it.
    OpenActions,
    /// An action filter; where it stands.
    ActionFilter(String),
    /// A guard; its name.
    Guard(&'static str),
}

impl Rule {
    /// What metrics call the kinds of rules, in the order of [`Rule::kind`].
    pub const KINDS: [&str; 7] = [
        "format",
        "no_action",
        "unknown_action",
        "class",
        "openactions",
        "actionfilter",
        "guard",
    ];

    /// Its place in [`Rule::KINDS`].
    pub const fn kind(&self) -> usize {
        match self {
            Self::Format => 0,
            Self::NoAction => 1,
            Self::UnknownAction => 2,
            Self::Class(_) => 3,
            Self::OpenActions => 4,
            Self::ActionFilter(_) => 5,
            Self::Guard(_) => 6,
        }
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Format => formatter.write_str("format"),
            Self::NoAction => formatter.write_str("no action"),
            Self::UnknownAction => formatter.write_str("unknown action"),
            Self::Class(classes) => write!(formatter, "class {classes}"),
            Self::OpenActions => formatter.write_str("openactions"),
            Self::ActionFilter(place) => write!(formatter, "actionfilter {place}"),
            Self::Guard(name) => write!(formatter, "guard {name}"),
        }
    }
}

/// Why a request is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The value of the answer's `Message`.
    pub message: Cow<'static, [u8]>,
    /// What refused it, for the log and for the administrator.
    pub rule: Rule,
}

impl Refusal {
    /// With one of Asterisk's texts.
    pub const fn new(message: &'static str, rule: Rule) -> Self {
        Self {
            message: Cow::Borrowed(message.as_bytes()),
            rule,
        }
    }

    fn unknown(name: &[u8]) -> Self {
        Self {
            message: Cow::Owned(unknown_text(name)),
            rule: Rule::UnknownAction,
        }
    }
}

/// A check that was passed, in the order in which they are made.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Passed<'a> {
    /// The action exists.
    Known(&'a Action),
    /// These classes of the user's allow it.
    Class(Classes),
    /// It needs no class.
    Open,
    /// This header was put in.
    Forced(&'a ForcedHeader),
    /// The action, and the request as it would go on: what filters and guards look at.
    Ready(&'a Action, Request<'a>),
    /// The user's action filters let it pass.
    Filters,
    /// The guard of that name lets it pass.
    Guard(&'static str),
}

/// A request that is allowed.
#[derive(Debug)]
pub struct Decision<'t, 'r> {
    /// The action.
    pub action: &'t Action,
    text: Cow<'r, [u8]>,
}

impl Decision<'_, '_> {
    /// The request as it goes on: the client's lines, with forced headers in place of its own.
    pub fn request(&self) -> Request<'_> {
        Request::new(&self.text)
    }
}

/// Decides about a request, given as the text of one whole message.
///
/// # Errors
/// The refusal to be sent to the client; nothing of the request may then reach Asterisk.
pub fn decide<'t, 'r>(
    table: &'t ActionTable,
    user: &User,
    text: &'r [u8],
) -> Result<Decision<'t, 'r>, Refusal> {
    decide_and_tell(table, user, text, &mut |_| ())
}

/// As [`decide`]; `tell` hears of every check that was passed.
///
/// # Errors
/// As [`decide`].
pub fn decide_and_tell<'t, 'r>(
    table: &'t ActionTable,
    user: &User,
    text: &'r [u8],
    tell: &mut dyn FnMut(Passed<'_>),
) -> Result<Decision<'t, 'r>, Refusal> {
    let action = find(table, text)?;
    tell(Passed::Known(action));
    check_class(action, user, tell)?;
    let text = with_forced_headers(action, user, text, tell);
    let decision = Decision { action, text };
    if action.handling.is_filtered() {
        tell(Passed::Ready(action, decision.request()));
        user.rights
            .action_filters
            .check(action, decision.request())?;
        tell(Passed::Filters);
    }
    guard::check(action, user, decision.request(), tell)?;
    Ok(decision)
}

/// The action that a request names.
///
/// # Errors
/// It names none, or one that there is not.
pub fn find<'t>(table: &'t ActionTable, text: &[u8]) -> Result<&'t Action, Refusal> {
    let name = Request::new(text)
        .action()
        .ok_or_else(|| Refusal::new("Missing action in request", Rule::NoAction))?;
    table.get(name).ok_or_else(|| Refusal::unknown(name))
}

/// Whether the user may run the action at all, whatever its arguments: what `ListCommands` lists.
pub fn may_run(action: &Action, user: &User) -> bool {
    check_class(action, user, &mut |_| ()).is_ok()
        && (!action.handling.is_filtered() || user.rights.action_filters.may_pass(action))
}

fn check_class(
    action: &Action,
    user: &User,
    tell: &mut dyn FnMut(Passed<'_>),
) -> Result<(), Refusal> {
    const DENIED: &str = "Permission denied";
    if !action.classes.is_empty() {
        let granted = user.write.intersection(action.classes);
        if granted.is_empty() {
            return Err(Refusal::new(DENIED, Rule::Class(action.classes)));
        }
        tell(Passed::Class(granted));
        return Ok(());
    }
    let open = action.handling.is_local()
        || match user.rights.open_actions {
            OpenActions::Asterisk => true,
            OpenActions::Safe => action.only_reads,
            OpenActions::None => false,
        };
    if !open {
        return Err(Refusal::new(DENIED, Rule::OpenActions));
    }
    tell(Passed::Open);
    Ok(())
}

/// The request with the user's forced headers. All of the client's own lines of that name go, so that it does
/// not matter which of them Asterisk would have read.
fn with_forced_headers<'r>(
    action: &Action,
    user: &User,
    text: &'r [u8],
    tell: &mut dyn FnMut(Passed<'_>),
) -> Cow<'r, [u8]> {
    let forced = || {
        user.rights
            .forced_headers
            .iter()
            .filter(|forced| forced.action.eq_ignore_ascii_case(&action.name))
    };
    if forced().next().is_none() {
        return Cow::Borrowed(text);
    }
    let mut lines = Vec::with_capacity(text.len() + 64);
    for line in Request::new(text).lines() {
        if !forced().any(|forced| header_value(line, &forced.name).is_some()) {
            lines.extend_from_slice(line);
            lines.extend_from_slice(b"\r\n");
        }
    }
    for forced in forced() {
        for part in [&*forced.name, ": ", &*forced.value, "\r\n"] {
            lines.extend_from_slice(part.as_bytes());
        }
        tell(Passed::Forced(forced));
    }
    Cow::Owned(lines)
}

/// Asterisk's text for an action that does not exist, cut as there.
fn unknown_text(name: &[u8]) -> Vec<u8> {
    let mut text = b"Invalid/unknown command: ".to_vec();
    text.extend_from_slice(name);
    text.extend_from_slice(b". Use Action: ListCommands to show available commands.");
    text.truncate(UNKNOWN_ACTION_TEXT_BYTES_MAX);
    text
}

#[cfg(test)]
mod tests;
