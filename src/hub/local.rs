//! Answers made here: Ping, Events, WaitEvent, ListCommands, Challenge, Logoff, refusals, and the answer to
//! the login. Each waits until everything that the session asked before was answered, and takes effect there.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;

use super::link::CONFIRM_WITHIN;
use super::log::LogPosition;
use super::security::Happening;
use super::session::{Local, Pending, SessionId, Stage, Waiting};
use super::view::ViewKey;
use super::{Hub, Now};
use crate::policy::class::Classes;
use crate::policy::credential::Challenge;
use crate::policy::event_mask::EventMask;
use crate::policy::user::ActionIds;
use crate::protocol::request::Request;
use crate::protocol::writer::{MessageWriter, Text};

/// Longest `WaitEvent`; nothing waits longer than this without asking again.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// Whether a local request is over.
#[derive(PartialEq, Eq)]
enum Run {
    Done,
    Waits,
}

impl Hub {
    /// Answers the requests at the head of the queue that are answered here.
    pub(super) fn answer_in_turn(&mut self, now: Now, id: SessionId) {
        loop {
            let Some(session) = self.session_mut(id) else {
                return;
            };
            if session.waiting.is_some() || session.closing.is_some() {
                return;
            }
            // A Logoff waits for the outcome of synchronous Originates before it, too: nothing can be told later.
            match session.pending.front().map(|pending| &pending.stage) {
                Some(Stage::Local(Local::Logoff)) if session.originates > 0 => return,
                Some(Stage::Local(_)) => {}
                _ => return,
            }
            let Some(Pending {
                action_id,
                stage: Stage::Local(local),
            }) = session.pending.pop_front()
            else {
                return;
            };
            if self.run_local(now, id, action_id.as_deref(), &local) == Run::Waits {
                if let Some(session) = self.session_mut(id) {
                    session.pending.push_front(Pending {
                        action_id,
                        stage: Stage::Local(local),
                    });
                }
                return;
            }
            self.give_turn(id);
        }
    }

    fn run_local(
        &mut self,
        now: Now,
        id: SessionId,
        action_id: Option<&[u8]>,
        local: &Local,
    ) -> Run {
        let action_id = action_id.and_then(Text::new);
        let success = Text::fixed("Success");
        match local {
            Local::LoggedIn(mask) => return self.log_in(now, id, action_id, *mask),
            Local::Listening(mask) => {
                let read = self.session(id).map(|session| session.user.read);
                if !self.confirmed(now, id, mask.within(read.unwrap_or_default())) {
                    return Run::Waits;
                }
            }
            Local::Events(mask) => return self.change_events(now, id, action_id, *mask),
            Local::WaitEvent(timeout) if self.is_asker(id) => {
                if self.ask_to_wait(now, id, *timeout) {
                    return Run::Waits;
                }
                self.post(id, |out| {
                    wait_completed(out, action_id);
                    wait_event_complete(out, action_id);
                });
            }
            Local::WaitEvent(timeout) => return self.begin_wait(now, id, *timeout),
            Local::AlreadyAuthenticated => {
                self.answer(id, success, action_id, "Already authenticated");
            }
            Local::Challenge(true) => self.answer_challenge(id, action_id),
            Local::Challenge(false) => {
                self.answer(id, Text::fixed("Error"), action_id, "Must specify AuthType");
            }
            Local::Ping => {
                let time = format!("{}.{:06}", now.wall.as_secs(), now.wall.subsec_micros());
                self.post(id, |out| {
                    let mut writer = MessageWriter::response(out, success, action_id)
                        .header(Text::fixed("Ping"), Text::fixed("Pong"));
                    if let Some(time) = Text::new(time.as_bytes()) {
                        writer = writer.header(Text::fixed("Timestamp"), time);
                    }
                    writer.finish();
                });
            }
            Local::Filter(..) if !self.add_filter(id, action_id) => return Run::Waits,
            Local::Filter(..) => {}
            Local::ListCommands => self.answer_list_commands(id, action_id),
            Local::Logoff => {
                self.answer(
                    id,
                    Text::fixed("Goodbye"),
                    action_id,
                    "Thanks for all the fish.",
                );
                self.log_off(id);
            }
            Local::Refuse(text, happening) => {
                let text = Text::new(text).unwrap_or(Text::fixed("Permission denied"));
                self.post(id, |out| {
                    MessageWriter::response(out, Text::fixed("Error"), action_id)
                        .header(Text::fixed("Message"), text)
                        .finish();
                });
                if let Some(happening) = happening {
                    self.report_session(now, id, happening.clone());
                }
            }
        }
        Run::Done
    }

    fn answer(
        &mut self,
        id: SessionId,
        result: Text<'_>,
        action_id: Option<Text<'_>>,
        message: &'static str,
    ) {
        self.post(id, |out| {
            MessageWriter::response(out, result, action_id)
                .header(Text::fixed("Message"), Text::fixed(message))
                .finish();
        });
    }

    fn answer_challenge(&mut self, id: SessionId, action_id: Option<Text<'_>>) {
        let owner = self.owner(id);
        let Some(session) = self.session_mut(owner) else {
            return;
        };
        let random = session.challenge_random;
        let challenge = session
            .challenge
            .get_or_insert_with(|| Challenge::new(random));
        let digits = challenge.as_str().to_owned();
        self.post(id, |out| {
            let writer = MessageWriter::response(out, Text::fixed("Success"), action_id);
            match Text::new(digits.as_bytes()) {
                Some(digits) => writer.header(Text::fixed("Challenge"), digits).finish(),
                None => writer.finish(),
            }
        });
    }

    fn answer_list_commands(&mut self, id: SessionId, action_id: Option<Text<'_>>) {
        let Some(user) = self.session(id).map(|session| Arc::clone(&session.user)) else {
            return;
        };
        let mut list = BytesMut::new();
        self.table.list_commands(&user, &mut list);
        self.post(id, |out| {
            let mut writer = MessageWriter::response(out, Text::fixed("Success"), action_id);
            for line in Request::new(&list).lines() {
                if let Some(line) = Text::new(line) {
                    writer = writer.line(line);
                }
            }
            writer.finish();
        });
    }

    /// Whether `classes` reach this Asterisk's events already; if not, asks for them and lets the session wait.
    fn confirmed(&mut self, now: Now, id: SessionId, classes: Classes) -> bool {
        if !self.link.accepts_actions() || self.link.confirmed.contains_all(classes) {
            return true;
        }
        self.ensure_classes(now, classes);
        let Some(session) = self.session_mut(id) else {
            return true;
        };
        let deadline = *session
            .mask_deadline
            .get_or_insert(now.since_start + CONFIRM_WITHIN);
        if deadline <= now.since_start {
            return true;
        }
        if !self.waiters.contains(&id) {
            self.waiters.push(id);
        }
        false
    }

    fn log_in(
        &mut self,
        now: Now,
        id: SessionId,
        action_id: Option<Text<'_>>,
        mask: EventMask,
    ) -> Run {
        let Some(read) = self.session(id).map(|session| session.user.read) else {
            return Run::Done;
        };
        // A Login without `Events:` gets everything; one whose value says nothing sensible gets nothing.
        let classes = mask.within(read);
        if !self.confirmed(now, id, classes) {
            return Run::Waits;
        }
        self.answer(
            id,
            Text::fixed("Success"),
            action_id,
            "Authentication accepted",
        );
        // A listener has had its classes since it came in.
        if !self.is_asker(id) {
            self.set_mask(id, mask);
        }
        if classes.contains_all(Classes::SYSTEM) {
            self.tell_state(now, id);
        }
        self.report_session(now, id, Happening::SuccessfulAuth);
        Run::Done
    }

    fn change_events(
        &mut self,
        now: Now,
        id: SessionId,
        action_id: Option<Text<'_>>,
        mask: EventMask,
    ) -> Run {
        let Some(read) = self.session(id).map(|session| session.user.read) else {
            return Run::Done;
        };
        let broken = self.general.broken_events_action;
        if mask == EventMask::Invalid {
            if !broken {
                self.answer(id, Text::fixed("Error"), action_id, "Invalid event mask");
            }
            return Run::Done;
        }
        let classes = mask.within(read);
        if !self.confirmed(now, id, classes) {
            return Run::Waits;
        }
        let state = if mask.is_on() { "On" } else { "Off" };
        if !(broken && mask == EventMask::Everything) {
            self.post(id, |out| {
                MessageWriter::response(out, Text::fixed("Success"), action_id)
                    .header(Text::fixed("Events"), Text::fixed(state))
                    .finish();
            });
        }
        self.set_mask(id, mask);
        Run::Done
    }

    /// From here on the session sees what its user may read of that.
    pub(super) fn set_mask(&mut self, id: SessionId, mask: EventMask) {
        if let Some(session) = self.session_mut(id) {
            session.mask_deadline = None;
        }
        let owner = self.owner(id);
        if let Some(session) = self.session_mut(owner) {
            session.mask = mask;
            session.classes = mask.within(session.user.read);
            self.choose_view(owner);
        }
        self.tidy_waiters();
    }

    /// From here on the session sees what its classes and filters say.
    pub(super) fn choose_view(&mut self, id: SessionId) {
        let Some(session) = self.session_mut(id) else {
            return;
        };
        let key = ViewKey {
            classes: session.classes,
            all_action_ids: session.user.action_ids == ActionIds::All,
            filters: Arc::clone(&session.filters),
        };
        self.change_view(id, &key);
    }

    fn begin_wait(&mut self, now: Now, id: SessionId, timeout: Option<Duration>) -> Run {
        let Some(session) = self.session(id) else {
            return Run::Done;
        };
        let more_input = !session.input.is_empty() || !session.pending.is_empty();
        let from = self.end_of(session.view);
        let Some(session) = self.session_mut(id) else {
            return Run::Done;
        };
        session.waiting = Some(Waiting {
            from,
            mail_number: session.mailbox.next_number(),
            deadline: timeout.map(|timeout| now.since_start + timeout.min(WAIT_MAX)),
        });
        if !self.waiters.contains(&id) {
            self.waiters.push(id);
        }
        if more_input || timeout == Some(Duration::ZERO) {
            // Checked by the caller's next look at the waiters: input that is there already ends it at once.
            self.dirty_wait(now, id);
        }
        Run::Waits
    }

    fn dirty_wait(&mut self, now: Now, id: SessionId) {
        if let Some(waiting) = self
            .session_mut(id)
            .and_then(|session| session.waiting.as_mut())
        {
            waiting.deadline = Some(now.since_start);
        }
    }

    /// Input came: a `WaitEvent` ends by it.
    pub(super) fn wake_waiting(&mut self, now: Now, id: SessionId) {
        if self.session(id).is_some_and(|s| s.waiting.is_some()) {
            self.end_wait(now, id);
        }
    }

    /// Ends the WaitEvents that saw an event or ran out of time, and the waits for classes that ran out of time.
    pub(super) fn check_waiters(&mut self, now: Now) {
        if self.waiters.is_empty() {
            return;
        }
        for id in self.waiters.clone() {
            let Some(session) = self.session(id) else {
                continue;
            };
            if let Some(waiting) = session.waiting {
                let seen = self.end_of(session.view) != waiting.from;
                let over = waiting
                    .deadline
                    .is_some_and(|deadline| deadline <= now.since_start);
                if seen || over || session.end_of_input {
                    self.end_wait(now, id);
                    self.pump(now, id);
                }
            } else if session
                .mask_deadline
                .is_some_and(|deadline| deadline <= now.since_start)
            {
                self.pump(now, id);
            }
        }
        self.tidy_waiters();
    }

    pub(super) fn tidy_waiters(&mut self) {
        let mut waiters = std::mem::take(&mut self.waiters);
        waiters.retain(|id| {
            self.session(*id)
                .is_some_and(|s| s.waiting.is_some() || s.mask_deadline.is_some())
        });
        self.waiters = waiters;
    }

    /// When [`Hub::check_waiters`] has something to do by time.
    pub(super) fn waiters_deadline(&self) -> Option<Duration> {
        self.waiters
            .iter()
            .filter_map(|id| self.session(*id))
            .filter_map(|session| match session.waiting {
                Some(waiting) => waiting.deadline,
                None => session.mask_deadline,
            })
            .min()
    }

    /// The answer comes before the events that were waited for; behind them, the end mark.
    fn end_wait(&mut self, _now: Now, id: SessionId) {
        let Some(session) = self.session_mut(id) else {
            return;
        };
        let Some(waiting) = session.waiting.take() else {
            return;
        };
        let Some(pending) = session.pending.pop_front() else {
            return;
        };
        let action_id = pending.action_id.as_deref().and_then(Text::new);
        let mut head = BytesMut::new();
        wait_completed(&mut head, action_id);
        let before = session.mailbox.bytes();
        session
            .mailbox
            .insert(waiting.mail_number, waiting.from, &head);
        let added = session.mailbox.bytes().saturating_sub(before);
        self.mail_bytes += added;
        self.post(id, |out| wait_event_complete(out, action_id));
        self.give_turn(id);
    }

    /// Where the log of a view ends.
    pub(super) fn end_of(&self, view: super::view::ViewId) -> LogPosition {
        self.views
            .get(view)
            .map_or_else(LogPosition::default, |view| view.log.end())
    }
}

/// The response to `WaitEvent`.
pub(super) fn wait_completed(out: &mut BytesMut, action_id: Option<Text<'_>>) {
    MessageWriter::response(out, Text::fixed("Success"), action_id)
        .header(
            Text::fixed("Message"),
            Text::fixed("Waiting for Event completed."),
        )
        .finish();
}

/// The event behind those that were waited for.
pub(super) fn wait_event_complete(out: &mut BytesMut, action_id: Option<Text<'_>>) {
    let writer = MessageWriter::event(out, Text::fixed("WaitEventComplete"));
    match action_id {
        Some(action_id) => writer.header(Text::fixed("ActionID"), action_id).finish(),
        None => writer.finish(),
    }
}
