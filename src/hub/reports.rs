//! What is told of logins, refusals and actions: security events to the clients that may read them, and records
//! for the log. And which of Asterisk's security events are about amimux's own session, and so nobody's business.

use bytes::BytesMut;

use super::line_limit::LineLimit;
use super::link::OwnSession;
use super::security::{Happening, SecurityEvent};
use super::session::{Session, SessionId};
use super::{Hub, Notice, Now};
use crate::policy::class::Classes;
use crate::policy::decision::{Decision, Refusal, Rule};
use crate::policy::redact;
use crate::policy::rights::Audit;
use crate::protocol::frame::Frame;
use crate::protocol::request::Request;

/// Lines about refusals that one session may cause in a second.
const REFUSAL_LINES_MAX: u32 = 10;

/// Security events that one session may cause in a second.
const REPORTS_MAX: u32 = 100;

/// One action of a user with `audit`, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Whose.
    pub user: String,
    /// From where.
    pub address: std::net::IpAddr,
    /// The session, as in security events.
    pub session: String,
    /// The action's name, cut.
    pub action: String,
    /// What refused it; `None` if it was allowed.
    pub refused_by: Option<String>,
    /// Its headers, without secrets: see [`redact::headers`].
    pub headers: String,
}

/// How much a session may still cause to be told about itself.
#[derive(Debug, Clone)]
pub(super) struct ReportLimits {
    refusal_lines: LineLimit,
    reports: LineLimit,
}

impl ReportLimits {
    pub(super) const fn new() -> Self {
        Self {
            refusal_lines: LineLimit::new(REFUSAL_LINES_MAX),
            reports: LineLimit::new(REPORTS_MAX),
        }
    }
}

impl Hub {
    /// Tells the clients that read `security` what happened to a connection that has not logged in.
    pub fn report(&mut self, now: Now, event: &SecurityEvent) {
        self.broadcast_security(event);
        self.end_turn(now);
    }

    /// The same of a session, where the answer to what it asked was just given.
    pub(super) fn report_session(&mut self, now: Now, id: SessionId, happening: Happening) {
        let counted = self.owner(id);
        let Some(session) = self.session_mut(counted) else {
            return;
        };
        if session.limits.reports.admit(now.since_start).is_none() {
            return;
        }
        let event = SecurityEvent::of_session(
            happening,
            &session.account,
            session.connection,
            now.wall,
            session.logged_in_at,
        );
        self.broadcast_security(&event);
    }

    fn broadcast_security(&mut self, event: &SecurityEvent) {
        if self.is_disabled(event.name()) {
            return;
        }
        let mut bytes = BytesMut::new();
        event.write(&mut bytes, self.general.timestamp_events == Some(true));
        self.append_own_event(Classes::SECURITY, &bytes);
    }

    /// Whether a security event of Asterisk's is about the session that amimux itself has there. The first login
    /// of that account that is seen after our own is our own: Asterisk sends it right behind the answer.
    pub(super) fn is_about_us(&mut self, frame: Frame<'_>) -> bool {
        let ours = frame
            .get("AccountID")
            .is_some_and(|account| account.eq_ignore_ascii_case(self.upstream.username.as_bytes()));
        let Some(session) = frame.get("SessionID").filter(|_| ours) else {
            return false;
        };
        match &self.link.own_session {
            OwnSession::Expected if frame.name() == b"SuccessfulAuth" => {
                self.link.own_session = OwnSession::Known(session.into());
                true
            }
            OwnSession::Known(own) => **own == *session,
            _ => false,
        }
    }

    pub(super) fn notice_refused(
        &mut self,
        now: Now,
        id: SessionId,
        request: Request<'_>,
        refusal: &Refusal,
    ) {
        let counted = self.owner(id);
        let Some(session) = self.session_mut(counted) else {
            return;
        };
        let Some(suppressed) = session.limits.refusal_lines.admit(now.since_start) else {
            return;
        };
        let notice = Notice::Refused {
            user: session.user.name.clone(),
            address: session.connection.address(),
            action: Self::first_line(request.action().unwrap_or_default()),
            reason: Self::first_line(&refusal.message),
            rule: refusal.rule.to_string(),
            suppressed,
        };
        self.notice(notice);
    }
}

/// The record of an action that is allowed, if its user's are recorded.
pub(super) fn audit_allowed(session: &Session, decision: &Decision<'_, '_>) -> Option<Notice> {
    let recorded = match session.user.audit {
        Audit::Off | Audit::Refused => false,
        Audit::Writes => !decision.action.only_reads && decision.action.handling.is_filtered(),
        Audit::All => true,
    };
    recorded.then(|| record(session, decision.request(), None))
}

/// The record of a request that is refused, if its user's are recorded. One that names no action is none.
pub(super) fn audit_refused(
    session: &Session,
    request: Request<'_>,
    rule: &Rule,
) -> Option<Notice> {
    let recorded = session.user.audit != Audit::Off && *rule != Rule::NoAction;
    recorded.then(|| record(session, request, Some(rule.to_string())))
}

fn record(session: &Session, request: Request<'_>, refused_by: Option<String>) -> Notice {
    let action = request.action().unwrap_or_default();
    Notice::Audit(Box::new(AuditRecord {
        user: session.user.name.clone(),
        address: session.connection.address(),
        session: session.connection.session_id(),
        action: Hub::first_line(action),
        refused_by,
        headers: redact::headers(action, request),
    }))
}
