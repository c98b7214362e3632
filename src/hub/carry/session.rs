//! One session, as it is carried.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::BytesMut;
use serde::{Deserialize, Serialize};

use super::mail::{CarriedMailbox, ViewPlaces};
use super::plain::{Blob, Hidden, Nanos};
use super::request::{CarriedMask, CarriedPending};
use super::{CarryError, bounded, unsound};
use crate::hub::filter::Drafting;
use crate::hub::log::LogPosition;
use crate::hub::reports::ReportLimits;
use crate::hub::security::Connection;
use crate::hub::session::{CloseReason, Session, Stage, Waiting};
use crate::hub::view::{ViewId, Views};
use crate::hub::web::Kind;
use crate::policy::credential::Challenge;
use crate::policy::event_filter::EventFilters;
use crate::policy::user::User;
use crate::protocol::request_framer::{FramerState, RequestFramer};

#[derive(Serialize, Deserialize)]
enum CarriedKind {
    Client,
    Listener,
}

#[derive(Serialize, Deserialize)]
struct CarriedConnection {
    local: SocketAddr,
    remote: SocketAddr,
    number: u64,
    encrypted: bool,
}

#[derive(Serialize, Deserialize)]
struct CarriedFramer {
    kept_bytes: usize,
    searched_bytes: usize,
    lines: usize,
    discarding: bool,
    line_too_long: bool,
    too_many_lines: bool,
    forbidden_byte: bool,
}

#[derive(Serialize, Deserialize)]
struct CarriedWaiting {
    from: u64,
    mail_number: u64,
    deadline: Option<Nanos>,
}

#[derive(Serialize, Deserialize)]
struct CarriedFilter {
    criteria: Option<Box<str>>,
    pattern: Box<str>,
}

#[derive(Serialize, Deserialize)]
enum CarriedReason {
    Logoff,
    EndOfInput,
    Disconnected,
    TooSlow(u64),
    NotReading(u64, Nanos),
    UpstreamLost,
    Expired,
    UserGone,
    FiltersLost,
    Shutdown,
}

/// A session.
#[derive(Serialize, Deserialize)]
pub(super) struct CarriedSession {
    /// What its caller calls it.
    pub(super) name: u64,
    generation: u32,
    kind: CarriedKind,
    pub(super) user: String,
    account: Blob,
    connection: CarriedConnection,
    logged_in_at: Nanos,
    input: Blob,
    framer: CarriedFramer,
    end_of_input: bool,
    pending: Vec<CarriedPending>,
    waiting: Option<CarriedWaiting>,
    mask_deadline: Option<Nanos>,
    mask: CarriedMask,
    filters: Vec<CarriedFilter>,
    mailbox: CarriedMailbox,
    challenge: Option<Hidden<String>>,
    challenge_random: Hidden<u32>,
    blocked: bool,
    progress_at: Nanos,
    stalled: bool,
    backlogged: bool,
    closing: Option<CarriedReason>,
}

impl CarriedSession {
    pub(super) fn bytes(&self) -> usize {
        self.mailbox.bytes() + self.input.0.len()
    }

    pub(super) fn pack(session: Session, name: u64, views: &ViewPlaces) -> Self {
        let Session {
            generation,
            kind,
            user,
            user_key: _,
            account,
            connection,
            logged_in_at,
            // It may cause as many lines again.
            limits: _,
            input,
            framer,
            end_of_input,
            pending,
            // What is with Asterisk is counted there.
            in_flight: _,
            originates: _,
            has_turn: _,
            waiting,
            mask_deadline,
            mask,
            // What the mask says within the user's new rights.
            classes: _,
            filters,
            // It is compiled once more.
            drafting: _,
            // The last that its mailbox leads to.
            view: _,
            mailbox,
            member_index: _,
            challenge,
            challenge_random,
            blocked,
            progress_at,
            dirty: _,
            stalled,
            backlogged,
            closing,
        } = session;
        let added = |(criteria, pattern): (Option<&str>, &str)| CarriedFilter {
            criteria: criteria.map(Box::from),
            pattern: pattern.into(),
        };
        Self {
            name,
            generation,
            kind: match kind {
                Kind::Client => CarriedKind::Client,
                // Who waits for its events, and its requests, are connections that are not carried.
                Kind::Listener(_) | Kind::Asker(_) => CarriedKind::Listener,
            },
            user: user.name.clone(),
            account: Blob(account.into()),
            connection: CarriedConnection::pack(connection),
            logged_in_at: logged_in_at.into(),
            input: input.into(),
            framer: CarriedFramer::pack(if closing.is_some() {
                // Its input was dropped.
                FramerState::default()
            } else {
                framer.state()
            }),
            end_of_input,
            pending: pending.into_iter().map(CarriedPending::pack).collect(),
            waiting: waiting.map(CarriedWaiting::pack),
            mask_deadline: mask_deadline.map(Nanos::from),
            mask: mask.into(),
            filters: filters.added().map(added).collect(),
            mailbox: CarriedMailbox::pack(mailbox, views),
            challenge: challenge.map(|challenge| Hidden(challenge.as_str().to_owned())),
            challenge_random: Hidden(challenge_random),
            blocked,
            progress_at: progress_at.into(),
            stalled,
            backlogged,
            closing: closing.as_ref().map(CarriedReason::pack),
        }
    }

    /// The session as one of that user, and whether it has lost filters that it had added. It has no view but those that
    /// its mailbox leads to, and what is with Asterisk is not counted.
    pub(super) fn unpack(
        self,
        user: Arc<User>,
        ids: &[ViewId],
        views: &Views,
    ) -> Result<(Session, bool), CarryError> {
        let input: BytesMut = self.input.into_mut();
        let framer = RequestFramer::of_state(self.framer.unpack(), input.len());
        let pending = self.pending.into_iter().map(CarriedPending::unpack);
        let pending = pending.collect::<Result<_, _>>()?;
        let (mailbox, view) = self.mailbox.unpack(ids, views)?;
        let digits = self.challenge.as_ref().map(|challenge| &*challenge.0);
        let mask = self.mask.into();
        let closing = self.closing.map(CarriedReason::unpack);
        if mailbox.until.is_some() && closing.is_none() {
            return Err(unsound("a session has an end and is not ending"));
        }
        let mut filters = Arc::clone(&user.event_filters);
        let mut lost = false;
        if !self.filters.is_empty() {
            match with_added(&filters, &self.filters) {
                Some(more) => filters = Arc::new(more),
                None => lost = true,
            }
        }
        let session = Session {
            generation: self.generation,
            kind: match self.kind {
                CarriedKind::Client => Kind::Client,
                CarriedKind::Listener => Kind::Listener(Box::default()),
            },
            user_key: user.name.to_ascii_lowercase().into(),
            account: Box::from(&*self.account.0),
            connection: self.connection.unpack(),
            logged_in_at: self.logged_in_at.get(),
            limits: ReportLimits::new(),
            input,
            framer: framer.ok_or(unsound("a request is longer than its bytes"))?,
            end_of_input: self.end_of_input,
            pending,
            in_flight: 0,
            originates: 0,
            has_turn: false,
            waiting: self.waiting.map(CarriedWaiting::unpack).transpose()?,
            mask_deadline: self.mask_deadline.map(Nanos::get),
            mask,
            classes: mask.within(user.read),
            filters,
            drafting: Drafting::Idle,
            view,
            mailbox,
            member_index: 0,
            challenge: digits.and_then(Challenge::of_digits),
            challenge_random: self.challenge_random.0,
            blocked: self.blocked,
            progress_at: self.progress_at.get(),
            dirty: false,
            stalled: self.stalled,
            backlogged: self.backlogged,
            closing,
            user,
        };
        Ok((session, lost))
    }
}

/// A user's filters with those that a session had added; `None` where one of them is not understood any more.
fn with_added(filters: &EventFilters, added: &[CarriedFilter]) -> Option<EventFilters> {
    let mut all = filters.clone();
    for filter in added {
        all.push_parts(filter.criteria.as_deref(), &filter.pattern)
            .ok()?;
    }
    Some(all)
}

/// How many of a session's requests are with Asterisk.
pub(super) fn sent_count(session: &Session) -> usize {
    let sent = |pending: &&crate::hub::Pending| matches!(pending.stage, Stage::Sent);
    session.pending.iter().filter(sent).count()
}

impl CarriedConnection {
    const fn pack(connection: Connection) -> Self {
        let Connection {
            local,
            remote,
            number,
            encrypted,
        } = connection;
        Self {
            local,
            remote,
            number,
            encrypted,
        }
    }

    const fn unpack(&self) -> Connection {
        Connection {
            local: self.local,
            remote: self.remote,
            number: self.number,
            encrypted: self.encrypted,
        }
    }
}

impl CarriedFramer {
    const fn pack(state: FramerState) -> Self {
        let FramerState {
            kept_bytes,
            searched_bytes,
            lines,
            discarding,
            line_too_long,
            too_many_lines,
            forbidden_byte,
        } = state;
        Self {
            kept_bytes,
            searched_bytes,
            lines,
            discarding,
            line_too_long,
            too_many_lines,
            forbidden_byte,
        }
    }

    const fn unpack(&self) -> FramerState {
        FramerState {
            kept_bytes: self.kept_bytes,
            searched_bytes: self.searched_bytes,
            lines: self.lines,
            discarding: self.discarding,
            line_too_long: self.line_too_long,
            too_many_lines: self.too_many_lines,
            forbidden_byte: self.forbidden_byte,
        }
    }
}

impl CarriedWaiting {
    fn pack(waiting: Waiting) -> Self {
        let Waiting {
            from,
            mail_number,
            deadline,
        } = waiting;
        Self {
            from: from.0,
            mail_number,
            deadline: deadline.map(Nanos::from),
        }
    }

    fn unpack(self) -> Result<Waiting, CarryError> {
        Ok(Waiting {
            from: LogPosition(bounded(self.from)?),
            mail_number: bounded(self.mail_number)?,
            deadline: self.deadline.map(Nanos::get),
        })
    }
}

impl CarriedReason {
    fn pack(reason: &CloseReason) -> Self {
        match *reason {
            CloseReason::Logoff => Self::Logoff,
            CloseReason::EndOfInput => Self::EndOfInput,
            CloseReason::Disconnected => Self::Disconnected,
            CloseReason::TooSlow { behind_bytes } => Self::TooSlow(behind_bytes),
            CloseReason::NotReading {
                behind_bytes,
                timeout,
            } => Self::NotReading(behind_bytes, timeout.into()),
            CloseReason::UpstreamLost => Self::UpstreamLost,
            CloseReason::Expired => Self::Expired,
            CloseReason::UserGone | CloseReason::Reloaded { .. } => Self::UserGone,
            CloseReason::FiltersLost => Self::FiltersLost,
            CloseReason::Shutdown => Self::Shutdown,
        }
    }

    const fn unpack(self) -> CloseReason {
        match self {
            Self::Logoff => CloseReason::Logoff,
            Self::EndOfInput => CloseReason::EndOfInput,
            Self::Disconnected => CloseReason::Disconnected,
            Self::TooSlow(behind_bytes) => CloseReason::TooSlow { behind_bytes },
            Self::NotReading(behind_bytes, timeout) => CloseReason::NotReading {
                behind_bytes,
                timeout: timeout.get(),
            },
            Self::UpstreamLost => CloseReason::UpstreamLost,
            Self::Expired => CloseReason::Expired,
            Self::UserGone => CloseReason::UserGone,
            Self::FiltersLost => CloseReason::FiltersLost,
            Self::Shutdown => CloseReason::Shutdown,
        }
    }
}
