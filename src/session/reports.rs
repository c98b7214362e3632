//! The way of a security event from the entrance, where a client has not logged in yet, to the threads of the
//! Asterisks whose clients may read it. Bounded, and never waited for: under a flood events are left out.

use std::rc::Rc;

use tokio::sync::mpsc;

use super::live::Rules;
use super::refusal_log::{self, Refusal};
use super::shell::Shell;
use crate::hub::Now;
use crate::hub::door::{Refused, RefusedCause};
use crate::hub::line_limit::LineLimit;
use crate::hub::security::{Connection, Happening, SecurityEvent};

/// Events on their way to one Asterisk's thread at most.
pub const REPORTS_MAX: usize = 64;

/// Lines about requests before login that one connection may cause in a second.
const EARLY_LINES_MAX: u32 = 10;

/// Sends an event to the clients of that upstream, or of all.
fn send(rules: &Rules, upstream: Option<&str>, event: &SecurityEvent) {
    for (name, ways) in &rules.hubs {
        if upstream.is_none_or(|upstream| upstream == name) {
            // A full channel leaves the event out; a closed one belongs to a thread that has ended.
            let _ = ways.reports.try_send(event.clone());
        }
    }
}

/// What a connection that has not logged in is refused: told in the log and to the clients that may know.
#[derive(Debug)]
pub struct Visitor {
    connection: Connection,
    early_lines: LineLimit,
}

impl Visitor {
    /// The client at the other end of that connection.
    pub const fn new(connection: Connection) -> Self {
        Self {
            connection,
            early_lines: LineLimit::new(EARLY_LINES_MAX),
        }
    }

    /// Its connection.
    pub const fn connection(&self) -> Connection {
        self.connection
    }

    /// Tells of a refusal. Failed logins are always told, however many other lines there were.
    pub fn refused(&mut self, now: Now, refused: &Refused, rules: &Rules) {
        let action = match &refused.cause {
            RefusedCause::NotAllowed { action } => String::from_utf8_lossy(action),
            _ => "".into(),
        };
        let (user, reason) = (refused.user.as_str(), refused.reason.as_str());
        let line = match &refused.cause {
            RefusedCause::Login { .. } => Refusal::Login { user, reason },
            RefusedCause::SessionLimit(_) | RefusedCause::RateLimit => {
                Refusal::Limit { user, reason }
            }
            RefusedCause::NotAllowed { .. } | RefusedCause::BadFormat | RefusedCause::Defect => {
                let action = &action;
                Refusal::Early { action, reason }
            }
        };
        let early = matches!(line, Refusal::Early { .. });
        let suppressed = if early {
            let Some(suppressed) = self.early_lines.admit(now.since_start) else {
                return;
            };
            suppressed
        } else {
            0
        };
        refusal_log::refused(self.connection.address(), line, suppressed);
        let known = rules.users.get(user.as_bytes()).filter(|_| !early);
        if let Some(happening) = happening(&refused.cause) {
            let event =
                SecurityEvent::before_login(happening, user.as_bytes(), self.connection, now.wall);
            send(rules, known.map(|user| user.upstream.as_str()), &event);
        }
    }
}

/// What the clients that read `security` are told, if Asterisk would tell it.
fn happening(cause: &RefusedCause) -> Option<Happening> {
    match cause {
        RefusedCause::Login {
            failure,
            challenge,
            response,
        } => Happening::of_login(*failure, challenge, response),
        RefusedCause::SessionLimit(_) => Some(Happening::SessionLimit),
        RefusedCause::NotAllowed { action } => Some(Happening::RequestNotAllowed(action.clone())),
        RefusedCause::BadFormat => Some(Happening::RequestBadFormat((*b"NONE").into())),
        RefusedCause::RateLimit | RefusedCause::Defect => None,
    }
}

impl Shell {
    /// The task that tells this Asterisk's clients what happened at the entrance, until the channel is closed.
    ///
    /// Cancel safe: an event is told as soon as it is received.
    pub async fn run_reports(self: Rc<Self>, mut events: mpsc::Receiver<SecurityEvent>) {
        while let Some(event) = events.recv().await {
            let now = self.now();
            self.hub.borrow_mut().report(now, &event);
            self.settle();
        }
    }
}
