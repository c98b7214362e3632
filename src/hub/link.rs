//! The state of the connection to Asterisk: its phases, the classes asked for, keeping alive, and when to try
//! again. Decides; the shell connects. What is said from the banner to the first action is in [`super::login`].

use std::sync::Arc;
use std::time::Duration;

use super::ring::{InFlight, Internal, Owner, Progress, Route};
use super::{Hub, Notice, Now};
use crate::config::settings::Upstream;
use crate::policy::action::ReplyShape;
use crate::policy::class::Classes;
use crate::protocol::action_id::TokenKind;
use crate::protocol::writer::{MessageWriter, Text};

/// How long the upstream's classes stay wider than wanted, so that they do not flap.
const NARROW_AFTER: Duration = Duration::from_secs(10);

/// How long a login or a wider mask waits for Asterisk to confirm the classes that it wants.
pub(super) const CONFIRM_WITHIN: Duration = Duration::from_secs(2);

/// How long after the login Asterisk may take to say that it has booted.
const BOOT_WITHIN: Duration = Duration::from_secs(120);

/// After a refused login, the shortest pause: a wrong secret does not mend itself in a second.
const REFUSED_PAUSE: Duration = Duration::from_secs(10);

/// Why a connection is dropped that is to be made anew with other settings.
pub const SETTINGS_CHANGED: &str = "its settings were changed by a reload";

/// Where the connection stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    /// There is none; `cause` says why.
    Down { cause: String },
    /// Connected; the banner has not come.
    Greeting,
    /// Logging in.
    LoggingIn,
    /// Logged in; the action table is on its way.
    Learning,
    /// In use.
    Ready,
}

/// What is known of the session that amimux has at Asterisk, as Asterisk's security events name it.
#[derive(Debug, Clone)]
pub(super) enum OwnSession {
    /// There is none.
    None,
    /// The login succeeded; the event that tells of it is on its way.
    Expected,
    /// It has this SessionID.
    Known(Box<[u8]>),
}

/// What Asterisk said about its own start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Booted {
    /// When amimux heard it.
    pub heard: Duration,
    /// Seconds since Asterisk's start, then.
    pub uptime: u64,
    /// Seconds since its last reload, then.
    pub last_reload: u64,
}

/// The connection's state.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub phase: Phase,
    /// When the present phase must be over, where it has a limit.
    pub deadline: Option<Duration>,
    /// When to connect next.
    pub retry_at: Option<Duration>,
    pub failures: u32,
    /// The shell is to drop the connection, for this reason.
    pub drop_cause: Option<String>,
    pub refused: bool,
    pub received_at: Duration,
    pub own_session: OwnSession,
    pub booted: Option<Booted>,
    /// Asterisk's own FullyBooted, kept until actions can be run.
    pub announcement: Option<Vec<u8>>,
    /// The classes asked for, with what is still on its way.
    pub requested: Classes,
    /// The classes that Asterisk has confirmed.
    pub confirmed: Classes,
    pub narrow_at: Option<Duration>,
    pub relearn: bool,
    /// The next attempt follows the last without a pause: it is made with other settings.
    pub at_once: bool,
    pub ready_at: Duration,
    /// The number of the latest request of the hub's own that nothing was ahead of.
    pub probe: Option<u64>,
    /// How long Asterisk took to answer the last such request.
    pub round_trip: Option<Duration>,
}

impl Link {
    pub(super) fn new() -> Self {
        Self {
            phase: Phase::Down {
                cause: "not connected yet".to_owned(),
            },
            deadline: None,
            retry_at: Some(Duration::ZERO),
            failures: 0,
            drop_cause: None,
            refused: false,
            received_at: Duration::ZERO,
            own_session: OwnSession::None,
            booted: None,
            announcement: None,
            requested: Classes::NONE,
            confirmed: Classes::NONE,
            narrow_at: None,
            relearn: false,
            at_once: false,
            ready_at: Duration::ZERO,
            probe: None,
            round_trip: None,
        }
    }

    /// Whether actions may be queued for Asterisk.
    pub(super) fn accepts_actions(&self) -> bool {
        matches!(self.phase, Phase::Learning | Phase::Ready)
    }

    /// Whether the connection is still wanted.
    pub(super) const fn drop_cause_is_none(&self) -> bool {
        self.drop_cause.is_none()
    }

    /// Asks for the action table anew: modules came or went.
    pub(super) fn relearn(&mut self) {
        self.relearn = true;
    }
}

impl Hub {
    /// When to connect to Asterisk; `None` while there is a connection.
    pub fn reconnect_at(&self) -> Option<Duration> {
        self.link.retry_at
    }

    /// Whether Asterisk is connected, logged in and in use.
    pub fn is_ready(&self) -> bool {
        self.link.phase == Phase::Ready
    }

    /// The last banner that Asterisk sent, without its line end.
    pub fn banner(&self) -> Option<&str> {
        self.banner.as_deref()
    }

    /// TCP to Asterisk stands.
    pub fn upstream_connected(&mut self, now: Now) {
        self.inbound.clear();
        self.outbound.clear();
        self.framer.reset();
        self.link.phase = Phase::Greeting;
        self.link.retry_at = None;
        self.link.drop_cause = None;
        self.link.at_once = false;
        self.link.refused = false;
        self.link.own_session = OwnSession::None;
        self.link.received_at = now.since_start;
        self.link.deadline = Some(now.since_start + self.upstream.login_timeout);
        self.link.round_trip = None;
    }

    /// Whether the connection is to be dropped: see [`Hub::drop_requested`].
    pub fn is_drop_requested(&self) -> bool {
        self.link.drop_cause.is_some()
    }

    /// If the connection is to be dropped: why. The shell then drops it and calls [`Hub::upstream_lost`].
    pub fn drop_requested(&mut self) -> Option<String> {
        self.link.drop_cause.take()
    }

    pub(super) fn drop_upstream(&mut self, cause: String) {
        self.link.drop_cause.get_or_insert(cause);
    }

    /// The settings of the connection are others now. `old` were those before.
    pub(super) fn follow_upstream(&mut self, now: Now, old: &Upstream) {
        let new = Arc::clone(&self.upstream);
        let is_down = matches!(self.link.phase, Phase::Down { .. });
        if let Some(deadline) = self.link.deadline {
            let began = deadline.saturating_sub(old.login_timeout);
            self.link.deadline = Some(began + new.login_timeout);
        }
        if !new.connects_like(old) {
            self.link.at_once = true;
            if !is_down {
                self.drop_upstream(SETTINGS_CHANGED.to_owned());
            } else if self.link.retry_at.is_some() {
                self.link.retry_at = Some(now.since_start);
            }
        } else if let Some(retry_at) = self.link.retry_at {
            self.link.retry_at = Some(retry_at.min(now.since_start + new.reconnect_max));
        }
    }

    /// Sends an action of the hub's own, past the fair queue.
    pub(super) fn send_internal(
        &mut self,
        now: Now,
        what: Internal,
        action: &'static str,
        headers: &[(&'static str, &[u8])],
    ) {
        if self.ring.len() == 0 && what != Internal::ListCommands {
            self.link.probe = Some(self.ring.next_sequence());
        }
        let sequence = self.ring.push(InFlight {
            owner: Owner::Internal(what),
            sent_at: now.since_start,
            shape: ReplyShape::Ordinary,
            list_end: None,
            fenced: false,
            progress: Progress::Waiting,
            begun: false,
            is_error: false,
        });
        let token = self.mint.token(sequence, TokenKind::Ordinary);
        let mut writer = MessageWriter::action(
            &mut self.outbound,
            Text::fixed(action),
            Text::new(token.as_bytes()),
        );
        for (name, value) in headers {
            // Configured names and secrets were checked when they were read: none has a line break.
            if let Some(value) = Text::new(value) {
                writer = writer.header(Text::fixed(name), value);
            }
        }
        writer.finish();
    }

    /// Every class that has to be asked for: `system` always, to learn of boots, reloads and shutdowns.
    pub(super) fn wanted_classes(&self) -> Classes {
        let mut wanted = self.views.wanted_classes().union(Classes::SYSTEM);
        let originating = |entry: &InFlight| matches!(&entry.owner, Owner::Session { route, .. } if *route != Route::Deliver);
        if !self.originates.is_empty() || self.ring.iter().any(originating) {
            wanted = wanted.union(Classes::CALL);
        }
        wanted
    }

    /// Asks Asterisk for these classes, unless it was asked already.
    pub(super) fn ensure_classes(&mut self, now: Now, classes: Classes) {
        if !self.link.accepts_actions() || self.link.requested.contains_all(classes) {
            return;
        }
        let all = self.link.requested.union(classes);
        self.request_classes(now, all);
    }

    fn request_classes(&mut self, now: Now, classes: Classes) {
        self.link.requested = classes;
        self.link.confirmed = self.link.confirmed.intersection(classes);
        self.link.narrow_at = None;
        let mask = mask_text(classes);
        self.send_internal(
            now,
            Internal::Events(classes),
            "Events",
            &[("EventMask", mask.as_bytes())],
        );
        if classes == Classes::ALL {
            // With brokeneventsaction there is no answer to this: the Ping's tells that it was taken.
            self.send_internal(now, Internal::Ping, "Ping", &[]);
        }
    }

    pub(super) fn classes_confirmed(&mut self, now: Now, classes: Classes) {
        self.link.confirmed = classes.intersection(self.link.requested);
        for id in std::mem::take(&mut self.waiters) {
            let waits = self
                .session(id)
                .is_some_and(|session| session.mask_deadline.is_some());
            self.waiters.push(id);
            if waits {
                self.pump(now, id);
            }
        }
        self.tidy_waiters();
    }

    /// What has to be done by time: see [`Hub::tick`].
    pub(super) fn tick_link(&mut self, now: Now) {
        if matches!(self.link.phase, Phase::Down { .. }) {
            return;
        }
        let time = now.since_start;
        if self.link.deadline.is_some_and(|deadline| deadline <= time) {
            let what = match self.link.phase {
                Phase::Greeting => "no banner",
                Phase::LoggingIn => "no answer to the login",
                _ => "no answer to ListCommands",
            };
            self.drop_upstream(format!(
                "{what} within {} s",
                self.upstream.login_timeout.as_secs_f32()
            ));
            return;
        }
        if self.link.phase != Phase::Ready {
            return;
        }
        let silent_since = self
            .ring
            .front()
            .map(|oldest| oldest.sent_at.max(self.link.received_at));
        match silent_since {
            Some(since) if since + self.upstream.response_timeout <= time => {
                self.drop_upstream(format!(
                    "Asterisk has been silent for {} s while it owed an answer",
                    self.upstream.response_timeout.as_secs_f32()
                ));
            }
            None if self.link.received_at + self.upstream.keepalive <= time => {
                self.send_internal(now, Internal::Ping, "Ping", &[]);
            }
            _ => {}
        }
        if std::mem::take(&mut self.link.relearn) {
            self.send_internal(now, Internal::ListCommands, "ListCommands", &[]);
        }
        self.narrow(now);
        if self.link.booted.is_none() && self.link.ready_at + BOOT_WITHIN <= time {
            self.notice(Notice::UpstreamNotBooted);
            self.assume_booted(now);
        }
    }

    fn narrow(&mut self, now: Now) {
        let wanted = self.wanted_classes();
        if wanted == self.link.requested {
            self.link.narrow_at = None;
            return;
        }
        self.ensure_classes(now, wanted);
        let at = *self
            .link
            .narrow_at
            .get_or_insert(now.since_start + NARROW_AFTER);
        let waits = self.waiters.iter().any(|id| {
            self.session(*id)
                .is_some_and(|session| session.mask_deadline.is_some())
        });
        if at > now.since_start {
            return;
        }
        if waits {
            self.link.narrow_at = Some(now.since_start + NARROW_AFTER);
        } else {
            self.request_classes(now, wanted);
        }
    }

    /// When [`Hub::tick_link`] has something to do next.
    pub(super) fn link_deadline(&self) -> Option<Duration> {
        if matches!(self.link.phase, Phase::Down { .. }) || !self.link.drop_cause_is_none() {
            return None;
        }
        if self.link.phase != Phase::Ready {
            return self.link.deadline;
        }
        if self.link.relearn {
            return Some(Duration::ZERO);
        }
        let quiet = match self.ring.front() {
            Some(oldest) => {
                oldest.sent_at.max(self.link.received_at) + self.upstream.response_timeout
            }
            None => self.link.received_at + self.upstream.keepalive,
        };
        let boot = self
            .link
            .booted
            .is_none()
            .then_some(self.link.ready_at + BOOT_WITHIN);
        [Some(quiet), self.link.narrow_at, boot]
            .into_iter()
            .flatten()
            .min()
    }

    /// Settles when to try again, and returns the pause: exponential, with jitter and a ceiling.
    pub(super) fn schedule_reconnect(&mut self, now: Now) -> Duration {
        let doublings = self.link.failures.min(16);
        self.link.failures = self.link.failures.saturating_add(1);
        let ceiling = self.upstream.reconnect_max;
        let mut pause = self
            .upstream
            .reconnect_min
            .saturating_mul(1 << doublings)
            .min(ceiling);
        if self.link.refused {
            pause = pause.max(REFUSED_PAUSE.min(ceiling));
        }
        if std::mem::take(&mut self.link.at_once) {
            self.link.failures = 0;
            pause = Duration::ZERO;
        }
        let thousandths = u32::try_from(500 + self.random.thousandths() / 2).unwrap_or(1000);
        let pause = pause * thousandths / 1000;
        self.link.retry_at = Some(now.since_start + pause);
        self.link.deadline = None;
        self.link.booted = None;
        self.link.announcement = None;
        self.link.requested = Classes::NONE;
        self.link.confirmed = Classes::NONE;
        self.link.narrow_at = None;
        self.link.relearn = false;
        pause
    }
}

/// How a mask is asked for. `on` where it is everything: some bits have no label.
pub(super) fn mask_text(classes: Classes) -> String {
    if classes == Classes::ALL {
        "on".to_owned()
    } else {
        classes.to_string()
    }
}
