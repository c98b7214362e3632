//! One virtual AMI session: what it asked and has not been answered, what it may see, and what it still
//! has to be written. A table of facts; the rules are in [`super::requests`], [`super::local`] and [`super::replies`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use slab::Slab;

use super::errand::Running;
use super::filter::Drafting;
use super::log::LogPosition;
use super::mailbox::Mailbox;
use super::reports::ReportLimits;
use super::ring::Route;
use super::security::{Connection, Happening};
use super::view::ViewId;
use super::web::Kind;
use super::{Admission, Now};
use crate::policy::action::ReplyShape;
use crate::policy::class::Classes;
use crate::policy::credential::Challenge;
use crate::policy::event_filter::EventFilters;
use crate::policy::event_mask::EventMask;
use crate::policy::user::User;
use crate::protocol::rebuild::Outgoing;
use crate::protocol::request_framer::RequestFramer;

/// Names a session. The generation keeps an old name from meaning a new session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId {
    pub(super) index: u32,
    pub(super) generation: u32,
}

impl SessionId {
    /// Its place among the sessions of its hub; that of one that has ended is given away again.
    pub const fn index(self) -> usize {
        self.index as usize
    }
}

/// As administrators are shown it and name it.
impl std::fmt::Display for SessionId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}", self.index, self.generation)
    }
}

impl SessionId {
    /// The session that is shown so; `None` where none could be.
    pub fn parse(text: &str) -> Option<Self> {
        let (index, generation) = text.split_once('.')?;
        let number = |digits: &str| {
            let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            is_plain.then(|| digits.parse().ok()).flatten()
        };
        Some(Self {
            index: number(index)?,
            generation: number(generation)?,
        })
    }
}

/// The session of that name, if it is still there. Borrows nothing else of the hub.
pub(super) fn find_mut(sessions: &mut Slab<Session>, id: SessionId) -> Option<&mut Session> {
    sessions
        .get_mut(id.index as usize)
        .filter(|session| session.generation == id.generation)
}

/// Why a session ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// It said `Logoff`.
    Logoff,
    /// It ended its input, and everything it asked was answered.
    EndOfInput,
    /// Its connection broke.
    Disconnected,
    /// It read too slowly: so many bytes were waiting.
    TooSlow {
        /// How many bytes it was behind.
        behind_bytes: u64,
    },
    /// Its socket took nothing for its user's `writetimeout`, while so many bytes were waiting.
    NotReading {
        /// How many bytes it was behind.
        behind_bytes: u64,
        /// The `writetimeout`.
        timeout: Duration,
    },
    /// Its user has `onupstreamloss = close`, and Asterisk went away.
    UpstreamLost,
    /// Its HTTP session is over: it expired, or the client logged off elsewhere.
    Expired,
    /// After a reload, it has no right to be there any more.
    Reloaded {
        /// Why.
        why: Revoked,
    },
    /// The filters that it had added do not compile any more.
    FiltersLost,
    /// An administrator ended it.
    Kicked,
    /// amimux itself ends.
    Shutdown,
}

/// Why a session has no right to be there any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    /// There is no such user any more.
    UserRemoved,
    /// Its user belongs to another Asterisk now.
    OtherUpstream,
    /// It may not come from where it came from any more.
    Address,
}

impl std::fmt::Display for Revoked {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::UserRemoved => "its user was removed",
            Self::OtherUpstream => "its user belongs to another upstream now",
            Self::Address => "its address is no longer permitted",
        })
    }
}

impl std::fmt::Display for CloseReason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Logoff => formatter.write_str("logoff"),
            Self::EndOfInput => formatter.write_str("end of input"),
            Self::Disconnected => formatter.write_str("disconnected"),
            Self::TooSlow { behind_bytes } => {
                write!(formatter, "too slow: {behind_bytes} bytes behind")
            }
            Self::NotReading {
                behind_bytes,
                timeout,
            } => write!(
                formatter,
                "too slow: took nothing for {} ms (writetimeout), {behind_bytes} bytes behind",
                timeout.as_millis()
            ),
            Self::UpstreamLost => formatter.write_str("Asterisk went away"),
            Self::Expired => formatter.write_str("its HTTP session is over"),
            Self::Reloaded { why } => write!(formatter, "reload: {why}"),
            Self::FiltersLost => {
                formatter.write_str("its event filters could not be kept over a restart")
            }
            Self::Kicked => formatter.write_str("ended by an administrator"),
            Self::Shutdown => formatter.write_str("amimux is shutting down"),
        }
    }
}

/// A request that is answered here.
#[derive(Debug, Clone)]
pub(super) enum Local {
    /// The answer to the login itself: from here on the session sees events.
    LoggedIn(EventMask),
    /// Nothing but the wait until the events of a listener that comes in are seen.
    Listening(EventMask),
    /// `Login` once more.
    AlreadyAuthenticated,
    /// `Challenge`; whether its AuthType was MD5.
    Challenge(bool),
    /// `Ping`.
    Ping,
    /// `Events`.
    Events(EventMask),
    /// `WaitEvent`; how long (`None`: for ever).
    WaitEvent(Option<Duration>),
    /// `Filter` that adds this one: criteria, if there are any, and pattern.
    Filter(Option<Box<str>>, Box<str>),
    /// What an administrator asks; the lines of the request.
    Errand(Box<[u8]>),
    /// `ListCommands`.
    ListCommands,
    /// `Logoff`.
    Logoff,
    /// An error with this text; and what is told of it to those who read `security`.
    Refuse(Box<[u8]>, Option<Happening>),
}

impl Session {
    /// A session of that kind that has not asked anything, and reads `view` from `cursor` on.
    pub(super) fn begin(
        generation: u32,
        kind: Kind,
        now: Now,
        admission: Admission,
        (view, cursor): (ViewId, LogPosition),
    ) -> Self {
        let Admission { user, input, .. } = admission;
        Self {
            generation,
            kind,
            user_key: user.name.to_ascii_lowercase().into(),
            account: admission.account,
            connection: admission.connection,
            logged_in_at: now.wall,
            limits: ReportLimits::new(),
            // Most have nothing left; the buffer in which their login was read goes then.
            input: if input.is_empty() {
                BytesMut::new()
            } else {
                input
            },
            framer: RequestFramer::default(),
            end_of_input: false,
            pending: VecDeque::new(),
            in_flight: 0,
            originates: 0,
            has_turn: false,
            waiting: None,
            mask_deadline: None,
            mask: EventMask::Off,
            classes: Classes::NONE,
            filters: Arc::clone(&user.event_filters),
            drafting: Drafting::Idle,
            errand: Running::Idle,
            view,
            mailbox: Mailbox::new(view, cursor),
            member_index: 0,
            challenge: admission.challenge,
            challenge_random: admission.challenge_random,
            blocked: false,
            progress_at: now.since_start,
            dirty: false,
            stalled: false,
            backlogged: false,
            closing: None,
            user,
        }
    }

    /// Whether a `Logoff` waits for its turn: what is behind it is not looked at, as Asterisk would never read it.
    pub(super) fn says_goodbye(&self) -> bool {
        let last = self.pending.back().map(|pending| &pending.stage);
        matches!(last, Some(Stage::Local(Local::Logoff)))
    }
}

impl Local {
    /// Whether nothing behind it may go to Asterisk before it was answered: it changes what is seen, or takes time.
    pub(super) const fn holds_back(&self) -> bool {
        matches!(
            self,
            Self::LoggedIn(_)
                | Self::Listening(_)
                | Self::Events(_)
                | Self::Filter(..)
                | Self::WaitEvent(_)
                | Self::Logoff
                | Self::Errand(_)
        )
    }
}

/// An action that waits for its turn.
#[derive(Debug, Clone)]
pub(super) struct Queued {
    /// The request as it came, to be decided again if its user changes.
    pub text: Box<[u8]>,
    pub outgoing: Outgoing,
    pub route: Route,
    pub shape: ReplyShape,
    pub list_end: Option<&'static str>,
    /// How long its ActionID may come back in a later event; `None` if it does not.
    pub late: Option<Duration>,
    /// When its request came.
    pub queued_at: Duration,
}

/// What became of a request so far.
#[derive(Debug, Clone)]
pub(super) enum Stage {
    /// It is answered here when its turn comes.
    Local(Local),
    /// It waits for its turn to go to Asterisk.
    Queued(Box<Queued>),
    /// It is with Asterisk.
    Sent,
}

/// A request that has not been answered.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub action_id: Option<Box<[u8]>>,
    pub stage: Stage,
}

/// A `WaitEvent` that waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    /// Where the log ended when it began.
    pub from: LogPosition,
    /// The number of the next private message then.
    pub mail_number: u64,
    /// When it ends by itself.
    pub deadline: Option<Duration>,
}

/// One virtual AMI session.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub generation: u32,
    pub kind: Kind,
    pub user: Arc<User>,
    /// The user's name in lower case.
    pub user_key: Box<str>,
    /// The user's name as the client wrote it.
    pub account: Box<[u8]>,
    pub connection: Connection,
    /// When it logged in, since 1970.
    pub logged_in_at: Duration,
    pub limits: ReportLimits,
    /// Input that is not parsed yet.
    pub input: BytesMut,
    pub framer: RequestFramer,
    pub end_of_input: bool,
    pub pending: VecDeque<Pending>,
    /// How many of `pending` are with Asterisk.
    pub in_flight: usize,
    /// How many synchronous Originates wait for their outcome.
    pub originates: usize,
    pub has_turn: bool,
    pub waiting: Option<Waiting>,
    /// Waits until Asterisk has confirmed the classes that it wants; until when at most.
    pub mask_deadline: Option<Duration>,
    /// What it asked for last.
    pub mask: EventMask,
    /// Of that, what its user may read.
    pub classes: Classes,
    /// The user's event filters, and those that the session added.
    pub filters: Arc<EventFilters>,
    /// The `Filter` at the head of `pending`.
    pub drafting: Drafting,
    /// What an administrator asks, at the head of `pending`.
    pub errand: Running,
    /// The view chosen last; the mailbox may still be reading an earlier one.
    pub view: ViewId,
    pub mailbox: Mailbox,
    /// Its place among the members of the view that the mailbox reads.
    pub member_index: usize,
    pub challenge: Option<Challenge>,
    pub challenge_random: u32,
    /// Its socket is full; its own task drains it.
    pub blocked: bool,
    /// When its socket last took something, or was first found full.
    pub progress_at: Duration,
    /// It is on the list of those to be flushed.
    pub dirty: bool,
    /// Its input was left unread because it is full; it goes on when there is room.
    pub stalled: bool,
    /// It has had its share of this turn, and more requests may be in its input.
    pub backlogged: bool,
    pub closing: Option<CloseReason>,
}
