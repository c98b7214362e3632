//! The actions of the simulated PBX: the order of its checks, the table of what it knows, and who may run it
//! (`main/manager.c`, `process_message`).

mod channels;
mod core;
mod database;
mod irregular;
mod lists;
mod originate;
mod queues;
mod security;
mod session;
mod table;

use std::time::Duration;

use super::connection::{Blocked, ConnectionId, Session};
use super::frame::Reply;
use super::wire::Message;
use super::world::World;
use crate::policy::class::Classes;
use crate::protocol::limits::UNKNOWN_ACTION_TEXT_BYTES_MAX;

/// What an action works with.
pub(super) struct Execution<'a> {
    pub(super) world: &'a mut World,
    pub(super) session: &'a mut Session,
    pub(super) connection: ConnectionId,
    pub(super) message: &'a Message,
    pub(super) reply: Reply,
    /// Whether a session of the user named in `Username` is there.
    pub(super) name_in_use: bool,
}

impl Execution<'_> {
    /// The first header of that name; empty when there is none.
    fn get(&self, name: &'static str) -> &[u8] {
        self.message.get(name)
    }

    /// The request's ActionID, for an answer that comes later.
    fn action_id(&self) -> Vec<u8> {
        self.get("ActionID").to_vec()
    }

    /// Blocks the session for a second, then refuses and closes it.
    fn refuse(&self, message: &'static str) -> Outcome {
        Outcome::Block(Blocked::Refused {
            until: self.world.now.saturating_add(Duration::from_secs(1)),
            action_id: self.action_id(),
            message,
        })
    }
}

/// How an action leaves its session.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The reply is complete.
    Done,
    /// The session does nothing else until this ends.
    Block(Blocked),
    /// The session ends after the reply.
    Close,
}

/// One action that the PBX knows.
pub(super) struct Entry {
    name: &'static str,
    /// Any of these is enough; none needed when empty.
    classes: Classes,
    synopsis: &'static str,
    run: fn(&mut Execution<'_>) -> Outcome,
}

/// Runs one message, with every check that comes before its handler.
pub(super) fn process(execution: &mut Execution<'_>) -> Outcome {
    let name = execution.message.action().to_vec();
    if name.is_empty() {
        security::request_event(execution, "RequestBadFormat", "NONE");
        execution.reply.error("Missing action in request");
        return Outcome::Done;
    }
    let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
    let request = format!("Action: {}", String::from_utf8_lossy(&name));
    if execution.session.name.is_none() && !(is("Login") || is("Logoff") || is("Challenge")) {
        security::request_event(execution, "RequestNotAllowed", &request);
        execution.reply.error("Permission denied");
        return Outcome::Done;
    }
    if execution.session.name.is_none() && execution.name_in_use && (is("Login") || is("Challenge"))
    {
        let user = session::find_user(&execution.world.options, execution.get("Username"));
        if user.is_some_and(|user| !user.allow_multiple_login) {
            security::request_event(execution, "SessionLimit", "");
            return execution.refuse("Login Already In Use");
        }
    }
    let Some(entry) = table::ACTIONS.iter().find(|entry| is(entry.name)) else {
        security::request_event(execution, "RequestBadFormat", &request);
        execution.reply.error(unknown_action_text(&name));
        return Outcome::Done;
    };
    if !entry.classes.is_empty() && !execution.session.write.contains_any(entry.classes) {
        security::request_event(execution, "RequestNotAllowed", &request);
        execution.reply.error("Permission denied");
        return Outcome::Done;
    }
    (entry.run)(execution)
}

fn unknown_action_text(name: &[u8]) -> Vec<u8> {
    let mut text = b"Invalid/unknown command: ".to_vec();
    text.extend_from_slice(name);
    text.extend_from_slice(b". Use Action: ListCommands to show available commands.");
    text.truncate(UNKNOWN_ACTION_TEXT_BYTES_MAX);
    text
}
