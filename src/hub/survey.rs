//! A hub as administrators see it: its connection, sessions, views and counts, copied at one moment.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;

use super::link::Phase;
use super::session::{Pending, Stage};
use super::statistics::{Statistics, ViewCounts};
use super::{FilterStatistics, Hub, Now, SessionId};
use crate::policy::class::Classes;
use crate::policy::event_filter::EventFilters;
use crate::protocol::request_framer::RequestFramer;

/// How far the connection to Asterisk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// There is none.
    Down,
    /// It is being made: banner, login, action table.
    Connecting,
    /// Actions can be run.
    Ready,
}

/// What one connection to Asterisk is like.
#[derive(Debug, Clone)]
pub struct LinkReport {
    /// How far it is.
    pub state: LinkState,
    /// Why it is down; empty else.
    pub cause: String,
    /// What Asterisk greeted with last.
    pub banner: Option<String>,
    /// How long it has been ready; zero while it is not.
    pub ready_for: Duration,
    /// How many attempts have failed since it was last ready.
    pub failures: u32,
    /// The classes that Asterisk was asked for.
    pub classes: Classes,
    /// Actions that are with Asterisk.
    pub in_flight: usize,
    /// How long the oldest of them has been there.
    pub oldest_in_flight: Duration,
    /// How many actions Asterisk offers, as far as is known.
    pub actions: usize,
    /// How long Asterisk took to answer the last request of amimux's own that nothing was ahead of.
    pub round_trip: Option<Duration>,
}

/// How far the clients are behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lag {
    /// Bytes that the worst of them has not been written.
    pub worst_bytes: u64,
    /// Bytes that were not written, of all clients.
    pub bytes: u64,
    /// Sessions whose socket is full.
    pub blocked: usize,
    /// Requests that wait for their turn to go to Asterisk.
    pub queued: usize,
    /// Requests of clients that are with Asterisk.
    pub in_flight: usize,
}

/// How a session reaches amimux.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Plain TCP.
    Tcp,
    /// TLS.
    Tls,
    /// HTTP, with or without TLS.
    Http,
}

/// One session.
#[derive(Debug, Clone)]
pub struct SessionReport {
    /// Its name within the hub.
    pub id: SessionId,
    /// Its user.
    pub user: String,
    /// Where it is.
    pub address: SocketAddr,
    /// How it came.
    pub transport: Transport,
    /// When it logged in, since 1970.
    pub logged_in_at: Duration,
    /// The classes of events that it is sent.
    pub classes: Classes,
    /// The classes of its user's read.
    pub read: Classes,
    /// The classes of its user's write.
    pub write: Classes,
    /// Filters that are in force for it.
    pub filters: usize,
    /// The number of its view.
    pub view: u64,
    /// Its actions that are with Asterisk.
    pub in_flight: usize,
    /// Its requests without answer, those included.
    pub pending: usize,
    /// Where it is in the events of its view: bytes since that began.
    pub event_bytes: u64,
    /// Bytes that it has not been written.
    pub behind_bytes: u64,
    /// Whether its socket is full.
    pub is_blocked: bool,
}

/// One view.
#[derive(Debug, Clone)]
pub struct ViewReport {
    /// Its number.
    pub number: u64,
    /// Its classes.
    pub classes: Classes,
    /// How many filters it has.
    pub filters: usize,
    /// These filters.
    pub filter_set: Arc<EventFilters>,
    /// Sessions that see it.
    pub sessions: usize,
    /// Bytes of events since it began.
    pub bytes: u64,
    /// Events since it began.
    pub events: u64,
    /// Bytes that are kept for slow readers.
    pub retained_bytes: usize,
    /// What was decided for it.
    pub counts: ViewCounts,
    /// Whether metrics show it by itself.
    pub is_named: bool,
}

/// One hub.
#[derive(Debug, Clone)]
pub struct HubReport {
    /// The upstream's name.
    pub upstream: String,
    /// Its connection.
    pub link: LinkReport,
    /// What it counted.
    pub statistics: Statistics,
    /// What its filters cost.
    pub filters: FilterStatistics,
    /// Its sessions; empty unless they were asked for.
    pub sessions: Vec<SessionReport>,
    /// Its views.
    pub views: Vec<ViewReport>,
    /// What was decided for views that are gone and that metrics showed one by one.
    pub gone: ViewCounts,
    /// The same for views that metrics did not show one by one.
    pub gone_others: ViewCounts,
    /// How far the clients are behind.
    pub lag: Lag,
    /// The `memorylimit` of `kept_bytes`.
    pub kept_bytes_max: usize,
    /// How many sessions each user has, by the user's name in lower case.
    pub users: Vec<(String, usize)>,
    /// Bytes kept for slow readers in all: events and private messages.
    pub kept_bytes: usize,
}

impl Hub {
    /// A copy of what administrators may want to know. `with_sessions`: each session, too; with thousands of them
    /// that takes a millisecond.
    pub fn survey(&self, now: Now, with_sessions: bool) -> HubReport {
        let sessions = if with_sessions {
            self.session_reports()
        } else {
            Vec::new()
        };
        let users = self.by_user.iter();
        HubReport {
            upstream: self.upstream.name.clone(),
            link: self.link_report(now),
            statistics: self.statistics,
            filters: self.filter_statistics(),
            sessions,
            views: self.view_reports(),
            gone: self.views.gone.named,
            gone_others: self.views.gone.others,
            lag: self.lag(),
            kept_bytes_max: self.general.memory_limit_bytes,
            users: users
                .map(|(user, ids)| (user.to_string(), ids.len()))
                .collect(),
            kept_bytes: self.views.retained_bytes() + self.mail_bytes,
        }
    }

    /// The sessions of a user; case does not count.
    pub fn sessions_of(&self, user: &str) -> Vec<SessionId> {
        let key = user.to_ascii_lowercase();
        let mut ids = self.by_user.get(key.as_str()).cloned().unwrap_or_default();
        ids.retain(|id| (self.session(*id)).is_some_and(|session| !session.kind.is_asker()));
        ids
    }

    /// The name of a session's user; `None`: it is not there, or is one request over HTTP.
    pub fn user_of(&self, id: SessionId) -> Option<&str> {
        let session = self.session(id).filter(|s| !s.kind.is_asker())?;
        Some(session.user.name.as_str())
    }

    /// What a session has sent and nobody has looked at, and how far it was searched for its requests.
    pub fn unread_input(&self, id: SessionId) -> (RequestFramer, BytesMut) {
        let session = self.session(id);
        session.map_or_else(Default::default, |session| {
            (session.framer.clone(), session.input.clone())
        })
    }

    fn link_report(&self, now: Now) -> LinkReport {
        let (state, cause) = match &self.link.phase {
            Phase::Down { cause } => (LinkState::Down, cause.clone()),
            Phase::Greeting | Phase::LoggingIn | Phase::Learning => {
                (LinkState::Connecting, String::new())
            }
            Phase::Ready => (LinkState::Ready, String::new()),
        };
        let since = |moment: Duration| now.since_start.saturating_sub(moment);
        LinkReport {
            state,
            cause,
            banner: self.banner.clone(),
            ready_for: match state {
                LinkState::Ready => since(self.link.ready_at),
                _ => Duration::ZERO,
            },
            failures: self.link.failures,
            classes: self.link.requested,
            in_flight: self.ring.len(),
            oldest_in_flight: (self.ring.front())
                .map_or(Duration::ZERO, |oldest| since(oldest.sent_at)),
            actions: self.table.iter().count(),
            round_trip: self.link.round_trip,
        }
    }

    /// A look at each session, which is most of what a survey takes. Events that wait for a sweep or for a fetch over
    /// HTTP are no lag.
    fn lag(&self) -> Lag {
        let mut lag = Lag::default();
        for (_, session) in &self.sessions {
            lag.in_flight += session.in_flight;
            let waits = |pending: &&Pending| matches!(pending.stage, Stage::Queued(_));
            lag.queued += session.pending.iter().filter(waits).count();
            if session.blocked {
                let end = self.end_of(session.mailbox.view());
                let behind = end.since(session.mailbox.cursor()) + session.mailbox.bytes() as u64;
                lag.blocked += 1;
                lag.bytes += behind;
                lag.worst_bytes = lag.worst_bytes.max(behind);
            }
        }
        lag
    }

    fn session_reports(&self) -> Vec<SessionReport> {
        let sessions = self.sessions.iter();
        let sessions = sessions.filter(|(_, session)| !session.kind.is_asker());
        sessions
            .map(|(index, session)| {
                let id = SessionId {
                    index: u32::try_from(index).unwrap_or(u32::MAX),
                    generation: session.generation,
                };
                let view = self.views.get(session.view);
                SessionReport {
                    id,
                    user: session.user.name.clone(),
                    address: session.connection.remote(),
                    transport: if !session.kind.has_socket() {
                        Transport::Http
                    } else if session.connection.is_encrypted() {
                        Transport::Tls
                    } else {
                        Transport::Tcp
                    },
                    logged_in_at: session.logged_in_at,
                    classes: session.classes,
                    read: session.user.read,
                    write: session.user.write,
                    filters: session.filters.iter().count(),
                    view: view.map_or(0, |view| view.number),
                    in_flight: session.in_flight,
                    pending: session.pending.len(),
                    event_bytes: session.mailbox.cursor().0,
                    behind_bytes: self.behind_bytes(id),
                    is_blocked: session.blocked,
                }
            })
            .collect()
    }

    fn view_reports(&self) -> Vec<ViewReport> {
        let views = self.views.iter();
        views
            .map(|(_, view)| ViewReport {
                number: view.number,
                classes: view.key.classes,
                filters: view.key.filters.iter().count(),
                filter_set: Arc::clone(&view.key.filters),
                sessions: view.subscribers,
                bytes: view.log.end().0,
                events: view.log.event_count(),
                retained_bytes: view.log.retained_bytes(),
                counts: view.counts(),
                is_named: view.is_named,
            })
            .collect()
    }
}
