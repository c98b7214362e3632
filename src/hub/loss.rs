//! When Asterisk goes away: every action in flight or queued is answered with an error that names the cause,
//! clients that read `system` are told, and nothing from before is ever delivered afterwards. And what is
//! due by time.

use std::time::Duration;

use bytes::BytesMut;

use super::events::write_lost;
use super::link::Phase;
use super::ring::{InFlight, Owner, Progress};
use super::session::{CloseReason, Local, SessionId, Stage};
use super::{Hub, Notice, Now};
use crate::policy::class::Classes;
use crate::policy::user::OnUpstreamLoss;

impl Hub {
    /// The connection to Asterisk ended, or could not be made.
    pub fn upstream_lost(&mut self, now: Now, cause: &str) {
        let was_up = self.link.accepts_actions();
        self.link.phase = Phase::Down {
            cause: cause.to_owned(),
        };
        self.inbound.clear();
        self.outbound.clear();
        self.framer.reset();
        self.turns.clear();
        let text = format!("Connection to Asterisk lost: {cause}");
        let mut failed = self.fail_in_flight(now, &text);
        failed += self.fail_queued(now, &text);
        self.late.clear();
        let retry_in = self.schedule_reconnect(now);
        if was_up {
            let mut event = BytesMut::new();
            write_lost(&mut event, &self.upstream.name, cause);
            self.append_own_event(Classes::SYSTEM, &event);
            self.close_those_who_asked();
        }
        self.notice(Notice::UpstreamLost {
            cause: cause.to_owned(),
            failed,
            retry_in,
        });
        // Whoever waited for classes to be confirmed need not wait any longer.
        for id in self.waiters.clone() {
            self.pump(now, id);
        }
        self.end_turn(now);
    }

    pub(super) fn fail_in_flight(&mut self, now: Now, text: &str) -> usize {
        let mut failed = 0;
        while let Some(front) = self.ring.front() {
            failed += usize::from(matches!(front.owner, Owner::Session { .. }));
            self.fail_front(now, text);
        }
        let waiting = self.originates.keys().copied().collect::<Vec<_>>();
        for sequence in waiting {
            if let Some(originate) = self.originates.remove(&sequence) {
                failed += 1;
                self.post_failure(
                    originate.session,
                    originate.action_id.as_deref(),
                    Progress::Waiting,
                    None,
                    text,
                );
                self.originate_settled(now, originate.session);
            }
        }
        failed
    }

    pub(super) fn fail_queued(&mut self, now: Now, text: &str) -> usize {
        let ids = self.session_ids();
        let mut failed = 0;
        for id in ids {
            let Some(session) = self.session_mut(id) else {
                continue;
            };
            session.has_turn = false;
            session.kind.forget_turns();
            for pending in &mut session.pending {
                if matches!(pending.stage, Stage::Queued(_)) {
                    pending.stage = Stage::Local(Local::Refuse(text.as_bytes().into(), None));
                    failed += 1;
                }
            }
            self.pump(now, id);
        }
        failed
    }

    fn close_those_who_asked(&mut self) {
        for id in self.session_ids() {
            let closes = self.session(id).is_some_and(|session| {
                session.user.on_upstream_loss == OnUpstreamLoss::Close && !session.kind.is_asker()
            });
            if closes {
                self.close(id, CloseReason::UpstreamLost);
            }
        }
    }

    /// The names of all sessions.
    pub fn session_ids(&self) -> Vec<SessionId> {
        self.sessions
            .iter()
            .map(|(index, session)| SessionId {
                index: u32::try_from(index).unwrap_or(u32::MAX),
                generation: session.generation,
            })
            .collect()
    }

    /// What an action is told while Asterisk is away.
    pub(super) fn away_text(&self, now: Now) -> Box<[u8]> {
        let cause = match &self.link.phase {
            Phase::Down { cause } => cause.as_str(),
            _ => "connecting",
        };
        let retry = match self.link_retry_in(now) {
            Some(seconds) => format!("; next attempt in {seconds:.1} s"),
            None => String::new(),
        };
        format!("Asterisk is not connected: {cause}{retry}")
            .into_bytes()
            .into()
    }

    fn link_retry_in(&self, now: Now) -> Option<f32> {
        self.reconnect_at()
            .map(|at| at.saturating_sub(now.since_start).as_secs_f32())
    }

    /// Does what is due by time. Call it when [`Hub::next_deadline`] has passed, or at any other moment.
    pub fn tick(&mut self, now: Now) {
        self.take_backlog(now);
        self.tick_link(now);
        self.late.expire(now.since_start);
        self.fail_overdue(now);
        let overdue = self
            .originates
            .iter()
            .filter(|(_, originate)| originate.deadline <= now.since_start)
            .map(|(sequence, _)| *sequence)
            .collect::<Vec<_>>();
        for sequence in overdue {
            self.end_originate(
                now,
                sequence,
                false,
                "Originate failed: Asterisk did not tell its outcome in time",
            );
        }
        self.end_stalled(now);
        self.views.give_up_kept(now.since_start);
        self.end_turn(now);
    }

    /// When [`Hub::tick`] has something to do next.
    pub fn next_deadline(&self) -> Option<Duration> {
        if !self.backlog.is_empty() {
            return Some(Duration::ZERO);
        }
        let originates = self.originates.values().map(|originate| originate.deadline);
        originates
            .chain(self.link_deadline())
            .chain(self.waiters_deadline())
            .chain(self.write_deadline)
            .chain(self.listeners_deadline())
            .chain(self.views.kept_due())
            .chain(self.overdue_at().filter(|_| self.is_ready()))
            .min()
    }

    /// When the oldest action of a client is overdue, less those behind a reply of the same client that is being read.
    fn overdue_at(&self) -> Option<Duration> {
        let owner = |entry: &InFlight| match entry.owner {
            Owner::Session { id, .. } => Some(id),
            _ => None,
        };
        let reading = self
            .ring
            .front()
            .filter(|front| front.progress != Progress::Waiting)
            .and_then(owner);
        self.ring
            .iter()
            .find(|entry| owner(entry).is_some_and(|id| Some(id) != reading))
            .map(|entry| entry.sent_at + self.upstream.response_timeout)
    }

    /// Tells clients whose action has been with Asterisk for too long. The action keeps its place: a late reply is dropped.
    fn fail_overdue(&mut self, now: Now) {
        let limit = self.upstream.response_timeout;
        let mut overdue = Vec::new();
        let mut busy = Vec::new();
        for entry in self.ring.iter_mut() {
            let Owner::Session { id, action_id, .. } = &entry.owner else {
                continue;
            };
            if busy.contains(id) {
                continue;
            }
            if entry.progress != Progress::Waiting || entry.sent_at + limit > now.since_start {
                busy.push(*id);
                continue;
            }
            overdue.push((*id, action_id.clone()));
            entry.owner = Owner::Abandoned;
        }
        let text = format!("Asterisk gave no answer within {} s", limit.as_secs_f32());
        for (id, action_id) in overdue {
            let user = self
                .user(id)
                .map_or_else(String::new, |user| user.name.clone());
            self.notice(Notice::Overdue { user });
            self.post_failure(id, action_id.as_deref(), Progress::Waiting, None, &text);
            self.settle(id);
            self.pump(now, id);
        }
    }
}
