//! The hub of one Asterisk: routing, views, logs and mailboxes, as a deterministic state machine.
//!
//! It does no I/O and reads no clock. Bytes from Asterisk, bytes from clients and the time go in as method
//! calls; what comes out is drained by the caller: bytes for Asterisk ([`Hub::outbound`]), per client what is
//! to be written ([`Hub::gather`]), and notices for the log ([`Hub::next_notice`]). The shells around it are
//! [`crate::upstream`] and [`crate::session`]; a seeded simulation drives it in the tests.
//!
//! The life of an action: [`requests`](self) frames and authorises it; if it is answered here, it waits in
//! the session's queue for its turn; else it is rebuilt, takes its turn among the clients, gets a token and
//! a place in the ring, and its reply is routed back by both. The life of an event: decided once per view,
//! appended to the view's log, and read from there by each member's cursor.

pub mod carry;
mod counting;
mod delivery;
pub mod door;
mod ending;
mod errand;
mod events;
mod farewell;
mod filter;
mod forward;
mod judge;
mod kept;
mod late;
pub mod limit;
pub mod line_limit;
mod link;
mod local;
pub mod log;
mod login;
pub mod login_refusals;
mod loss;
mod mailbox;
mod notice;
pub mod pulse;
mod random;
mod reload;
mod replies;

mod reports;
mod requests;
mod ring;
pub mod security;
mod session;
mod slow;
pub mod statistics;
pub mod survey;
mod turns;
mod view;
mod web;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use sha2::{Digest as _, Sha256};
use slab::Slab;

use self::errand::Errands;
use self::late::LateActions;
use self::limit::{Limit, LimitCounters};
use self::link::Link;
use self::log::LogPosition;
use self::pulse::Pulse;
use self::random::Random;
use self::ring::Ring;
use self::security::Connection;
use self::session::{Local, Pending, Session, Stage, find_mut};
use self::statistics::{ActionOutcome, Statistics};
use self::turns::Turns;
use self::view::{ViewId, ViewKey, Views};
use self::web::{Kind, Web};
use crate::config::settings::{General, Upstream};
use crate::policy::action::ActionTable;
use crate::policy::class::Classes;
use crate::policy::credential::Challenge;
use crate::policy::event_mask::EventMask;
use crate::policy::user::{ActionIds, User, Users};
use crate::protocol::action_id::TokenMint;
use crate::protocol::upstream_framer::UpstreamFramer;

pub use self::delivery::Outcome;
pub use self::errand::{Errand, ErrandAnswer, Kick, Kicked};
pub use self::filter::{FilterDraft, FilterDrafted};
pub use self::judge::{FilterBuild, FilterStatistics};
pub use self::link::SETTINGS_CHANGED;
pub use self::log::Slices;
pub use self::notice::Notice;
pub use self::reload::Reload;
pub use self::reports::AuditRecord;
pub use self::requests::defect_text;
pub use self::session::{CloseReason, Revoked, SessionId};
pub use self::web::{Answer, Fetched, NotAsked, Place, WebOutput};

/// The time, as the caller knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Since the program began; never goes back.
    pub since_start: Duration,
    /// Since 1970, for what clients are shown.
    pub wall: Duration,
}

/// What the login room hands over: a client that has proved who it is.
#[derive(Debug)]
pub struct Admission {
    /// The user.
    pub user: Arc<User>,
    /// The name of the user as the client wrote it.
    pub account: Box<[u8]>,
    /// Its connection.
    pub connection: Connection,
    /// The ActionID of its login.
    pub action_id: Option<Box<[u8]>>,
    /// What it asked for with `Events:` on login.
    pub events: EventMask,
    /// The challenge that the session was given, if any.
    pub challenge: Option<Challenge>,
    /// A random number, for a challenge still to come.
    pub challenge_random: u32,
    /// Input behind the login.
    pub input: BytesMut,
}

/// A synchronous Originate whose outcome has not come.
#[derive(Debug, Clone)]
struct Originate {
    session: SessionId,
    action_id: Option<Box<[u8]>>,
    deadline: Duration,
}

/// The hub of one Asterisk. A copy of it is of use only to be packed ([`Hub::pack`]) while the hub itself goes on.
#[derive(Debug, Clone)]
pub struct Hub {
    general: Arc<General>,
    upstream: Arc<Upstream>,
    /// The users since the last reload: they hold for logins that were decided before it, and come in after it.
    users: Option<Arc<Users>>,
    /// amimux ends: no request is taken up any more.
    ending: bool,
    mint: TokenMint,
    random: Random,

    link: Link,
    banner: Option<String>,
    framer: UpstreamFramer,
    inbound: BytesMut,
    outbound: BytesMut,
    ring: Ring,
    late: LateActions,
    /// By the number of the action, so that they end in the order of their requests.
    originates: BTreeMap<u64, Originate>,
    table: ActionTable,

    sessions: Slab<Session>,
    generation: u32,
    by_user: HashMap<Box<str>, Vec<SessionId>>,
    turns: Turns,
    views: Views,
    /// Bytes of the filters that sessions added.
    added_filter_bytes: usize,
    /// Sessions whose `Filter` waits to be compiled.
    drafting: VecDeque<SessionId>,
    /// What administrators asked.
    errands: Errands,
    mail_bytes: usize,
    /// Sessions in `WaitEvent`, or waiting for classes to be confirmed.
    waiters: Vec<SessionId>,
    dirty: Vec<SessionId>,
    resumed: Vec<SessionId>,
    /// Sessions whose input goes on to be parsed with the next tick.
    backlog: Vec<SessionId>,
    /// What is to be done for sessions without a socket.
    web: Web,
    /// When the next session may be ended whose socket takes nothing; never too late, but perhaps too early.
    write_deadline: Option<Duration>,
    notices: VecDeque<Notice>,
    limits: Arc<LimitCounters>,
    statistics: Statistics,
    pulse: Arc<Pulse>,
}

impl Hub {
    /// A hub that is not connected yet. `nonce` makes the ActionIDs sent to Asterisk unguessable: 64 random bits.
    pub fn new(general: Arc<General>, upstream: Arc<Upstream>, nonce: u64) -> Self {
        Self {
            mint: TokenMint::new(nonce),
            random: Random::new(nonce),
            link: Link::new(),
            banner: None,
            framer: UpstreamFramer::new(general.frame_bytes_max),
            inbound: BytesMut::new(),
            outbound: BytesMut::new(),
            ring: Ring::default(),
            late: LateActions::default(),
            originates: BTreeMap::new(),
            table: ActionTable::builtin(),
            sessions: Slab::new(),
            generation: 0,
            by_user: HashMap::new(),
            turns: Turns::default(),
            views: Views::numbered_from(first_view_number(nonce)),
            added_filter_bytes: 0,
            drafting: VecDeque::new(),
            errands: Errands::default(),
            mail_bytes: 0,
            waiters: Vec::new(),
            dirty: Vec::new(),
            resumed: Vec::new(),
            backlog: Vec::new(),
            web: Web::default(),
            write_deadline: None,
            notices: VecDeque::new(),
            limits: Arc::default(),
            statistics: Statistics::default(),
            pulse: Arc::default(),
            users: None,
            ending: false,
            general,
            upstream,
        }
    }

    /// Takes in a client that has logged in. Its answer to the login is already on the way.
    pub fn attach(&mut self, now: Now, mut admission: Admission) -> SessionId {
        let revoked = self.resolve_user(&mut admission);
        let login = Pending {
            action_id: admission.action_id.take(),
            stage: Stage::Local(Local::LoggedIn(admission.events)),
        };
        let key = ViewKey {
            classes: Classes::NONE,
            all_action_ids: admission.user.action_ids == ActionIds::All,
            filters: Arc::clone(&admission.user.event_filters),
        };
        let view = self.views.subscribe(&key);
        let id = self.open(now, Kind::Client, admission, (view, self.end_of(view)));
        match revoked {
            None => self.push_pending(id, login),
            Some(why) => self.turn_away(id, login.action_id.as_deref(), why),
        }
        self.pump(now, id);
        self.end_turn(now);
        id
    }

    /// A session of a user begins, who is told of in the log.
    fn open(
        &mut self,
        now: Now,
        kind: Kind,
        admission: Admission,
        place: (ViewId, LogPosition),
    ) -> SessionId {
        self.statistics.logins += 1;
        self.statistics.client_bytes_in += admission.input.len() as u64;
        self.notice_session_opened(&admission.user, admission.connection.address());
        let session = Session::begin(self.next_generation(), kind, now, admission, place);
        let user_key = session.user_key.clone();
        let id = self.insert(session);
        self.enter_view(id, place.0);
        self.by_user.entry(user_key).or_default().push(id);
        id
    }

    const fn next_generation(&mut self) -> u32 {
        self.generation = self.generation.wrapping_add(1);
        self.generation
    }

    fn insert(&mut self, session: Session) -> SessionId {
        let generation = session.generation;
        let index = self.sessions.insert(session);
        SessionId {
            index: u32::try_from(index).unwrap_or(u32::MAX),
            generation,
        }
    }

    /// Forgets a session: its connection is gone. What it had queued goes with it; what Asterisk is working
    /// on keeps its place in the order.
    pub fn remove(&mut self, id: SessionId, reason: CloseReason) {
        if self.session(id).is_none() {
            return;
        }
        self.leave_listener(id);
        self.leave_view(id);
        let session = self.sessions.remove(id.index as usize);
        match session.closing.as_ref().unwrap_or(&reason) {
            CloseReason::TooSlow { .. } => self.limits.count(Limit::Retention),
            CloseReason::NotReading { .. } => self.limits.count(Limit::WriteTimeout),
            _ => {}
        }
        self.count_abandoned(&session.pending);
        let originates = session.originates as u64;
        self.statistics.finish(ActionOutcome::Abandoned, originates);
        self.mail_bytes = self.mail_bytes.saturating_sub(session.mailbox.bytes());
        let is_asker = session.kind.is_asker();
        if !is_asker {
            self.added_filter_bytes = self
                .added_filter_bytes
                .saturating_sub(session.filters.added_bytes());
        }
        for view in session.mailbox.switches() {
            self.views.arrive(view);
            self.views.release(view);
        }
        self.views.unsubscribe(session.view);
        self.views.release(session.mailbox.view());
        if !is_asker && let Some(ids) = self.by_user.get_mut(&session.user_key) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_user.remove(&session.user_key);
            }
        }
        for entry in self.ring.iter_mut() {
            if matches!(&entry.owner, ring::Owner::Session { id: owner, .. } if *owner == id) {
                entry.owner = ring::Owner::Abandoned;
            }
        }
        self.originates
            .retain(|_, originate| originate.session != id);
        self.waiters.retain(|other| *other != id);
        if session.user.display_connects && !is_asker {
            self.notice(Notice::SessionClosed {
                user: session.user.name.clone(),
                address: session.connection.address(),
                reason: session.closing.unwrap_or(reason),
            });
        }
    }

    /// Counts in these from now on, which others hold as well.
    pub fn count_in(&mut self, limits: Arc<LimitCounters>) {
        self.limits = limits;
    }

    /// How often each limit was reached; to be read by any thread.
    pub const fn limits(&self) -> &Arc<LimitCounters> {
        &self.limits
    }

    /// Shows its pulse there from now on.
    pub fn pulse_in(&mut self, pulse: Arc<Pulse>) {
        self.pulse = pulse;
    }

    /// The thread that has this hub still turns.
    pub fn beat(&self) {
        self.pulse.beat(self.is_ready());
    }

    /// How many sessions there are; those of one request are none.
    pub fn session_count(&self) -> usize {
        self.sessions.len() - self.web.askers
    }

    /// The user of a session.
    pub fn user(&self, id: SessionId) -> Option<&Arc<User>> {
        self.session(id).map(|session| &session.user)
    }

    /// Where a session's client is.
    pub fn address(&self, id: SessionId) -> Option<IpAddr> {
        self.session(id).map(|session| session.connection.address())
    }

    fn session(&self, id: SessionId) -> Option<&Session> {
        self.sessions
            .get(id.index as usize)
            .filter(|session| session.generation == id.generation)
    }

    fn session_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        find_mut(&mut self.sessions, id)
    }

    /// What a message shows of itself in the log: its first line, cut.
    fn first_line(bytes: &[u8]) -> String {
        let line = bytes
            .split(|byte| matches!(byte, b'\r' | b'\n'))
            .next()
            .unwrap_or_default();
        String::from_utf8_lossy(line.get(..80).unwrap_or(line)).into_owned()
    }
}

/// A number that only this process begins with. Clients are shown it, and must not be able to tell the nonce from it.
fn first_view_number(nonce: u64) -> u64 {
    let hash = Sha256::new()
        .chain_update(b"views")
        .chain_update(nonce.to_be_bytes());
    let hash: [u8; 32] = hash.finalize().into();
    hash.iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_processes_number_their_views_alike() {
        let firsts: std::collections::HashSet<_> = (0..1000).map(first_view_number).collect();
        assert_eq!(firsts.len(), 1000);
        let near = (0..1000).any(|nonce| first_view_number(nonce).abs_diff(nonce) < 1 << 32);
        assert!(!near, "the nonce does not shine through");
    }
}
