//! Those who come over HTTP: listeners whose events are fetched, waited for or left alone, and their requests, of which
//! each must have exactly one answer. Some answers nobody takes, some requests are given up, some listeners come back.

use std::collections::HashMap;
use std::time::Duration;

use amimux::hub::{Admission, Answer, CloseReason, Fetched, NotAsked, Place, SessionId, WebOutput};
use amimux::policy::class::Classes;
use amimux::policy::event_mask::EventMask;
use amimux::policy::user::{OnUpstreamLoss, User};
use bytes::BytesMut;

use super::actions;
use super::reader::{Reader, Want};
use super::world::World;
use crate::hub_harness::connection;

const LISTENERS_MAX: usize = 8;

/// What a request changes once it is answered.
#[derive(Debug, Clone, Copy)]
enum Change {
    Mask(Classes),
    KeepsOut(usize),
}

pub(super) struct Listener {
    pub(super) id: SessionId,
    user: User,
    events: EventMask,
    /// Its events.
    pub(super) reader: Reader,
    pub(super) asked: HashMap<SessionId, Reader>,
    /// The request that waits for events.
    pub(super) waiting: Option<SessionId>,
    /// What it has chosen last; its reader knows that once all that was before is read.
    mask: Classes,
    kept_out: [bool; 10],
    /// It has read to there, and nothing has changed since it came in.
    place: Option<Place>,
    pub(super) gone: bool,
}

impl World {
    pub(super) fn live_by_web(&mut self) {
        // What was answered last is known to have been.
        self.drain_web();
        match self.random.below(20) {
            0 | 1 => self.come_in(),
            2..=9 => self.request(),
            10 | 11 => self.wait(),
            12..=15 => self.fetch_some(),
            16 | 17 => self.follow(),
            18 => self.give_up(),
            _ => self.go(),
        }
        self.after_turn();
    }

    fn any_listener(&mut self) -> Option<usize> {
        if self.web.is_empty() {
            return None;
        }
        let index = self.random.below(self.web.len());
        self.web.get(index).filter(|listener| !listener.gone)?;
        Some(index)
    }

    fn come_in(&mut self) {
        if self.web.iter().filter(|listener| !listener.gone).count() >= LISTENERS_MAX {
            return;
        }
        // Some are closed where Asterisk is lost.
        let closes = self.random.once_in(4);
        let mut user = self.some_user(if closes { "shy-" } else { "web-" });
        if closes {
            user.on_upstream_loss = OnUpstreamLoss::Close;
            self.users.insert(user.name.clone(), user.clone());
        }
        let events = match self.random.below(3) {
            0 => EventMask::Off,
            1 => EventMask::Some(Classes::CALL),
            _ => EventMask::Everything,
        };
        let reader = Reader::of(&user.name);
        self.enter(user, events, reader, None);
    }

    fn enter(&mut self, user: User, events: EventMask, mut reader: Reader, resume: Option<Place>) {
        let admission = Admission {
            account: user.name.as_bytes().into(),
            user: user.clone().into(),
            connection: connection(),
            action_id: None,
            events,
            challenge: None,
            challenge_random: 7,
            input: BytesMut::new(),
        };
        let id = self.hub.attach_listener(self.now, admission, resume);
        let mask = events.within(user.read);
        let kept_out = self.kept_out_of(&user);
        reader.logged_in = true;
        reader.mask = mask;
        reader.kept_out = kept_out;
        reader.unsigned_before = resume.map_or(0, |_| self.pbx.happened.len());
        let mut listener = Listener {
            id,
            user,
            events,
            reader,
            asked: HashMap::new(),
            waiting: None,
            mask,
            kept_out,
            place: None,
            gone: false,
        };
        if resume.is_none() && self.random.once_in(2) {
            let asked = self
                .hub
                .ask_to_log_in(self.now, id, Some(b"in".as_slice().into()), events);
            let mut reader = Reader::of(&listener.user.name);
            reader.ask(Some("in"), Want::Login(mask));
            listener.asked.insert(asked.unwrap(), reader);
        }
        self.web.push(listener);
        self.tally.clients += 1;
    }

    fn request(&mut self) {
        let Some(index) = self.any_listener() else {
            return;
        };
        self.serial += 1;
        let listener = &mut self.web[index];
        let mut reader = Reader::of(&listener.user.name);
        let mut out = Vec::new();
        actions::ask(
            &mut self.random,
            &listener.user,
            &mut reader,
            self.serial,
            &mut out,
        );
        if reader
            .requests
            .front()
            .is_some_and(|request| request.want == Want::Wait)
        {
            return self.wait_at(index);
        }
        self.ask_at(index, out, reader);
    }

    fn ask_at(&mut self, index: usize, request: Vec<u8>, reader: Reader) -> Option<SessionId> {
        let listener = &mut self.web[index];
        let wait = Duration::from_secs(5);
        match self.hub.ask(self.now, listener.id, &request.into(), wait) {
            Ok(asker) => {
                assert!(listener.asked.insert(asker, reader).is_none());
                Some(asker)
            }
            Err(error) => {
                assert_eq!(error, NotAsked::TooMany);
                assert!(listener.asked.len() >= self.max_queued);
                None
            }
        }
    }

    fn wait(&mut self) {
        if let Some(index) = self.any_listener() {
            self.wait_at(index);
        }
    }

    fn wait_at(&mut self, index: usize) {
        let listener = &self.web[index];
        let mut reader = Reader::of(&listener.user.name);
        reader.ask(Some("w"), Want::Wait);
        let older = listener.waiting;
        let timeout = self.random.below(9);
        let request = format!("Action: WaitEvent\r\nActionID: w\r\nTimeout: {timeout}\r\n\r\n");
        let Some(asker) = self.ask_at(index, request.into_bytes(), reader) else {
            return;
        };
        if self.web[index].mask.is_empty() {
            let everything = EventMask::Everything.within(self.web[index].user.read);
            self.change(index, Change::Mask(everything));
        }
        self.web[index].waiting = Some(asker);
        self.drain_web();
        if let Some(older) = older {
            assert!(
                !self.web[index].asked.contains_key(&older),
                "a newer one takes its place"
            );
        }
    }

    fn follow(&mut self) {
        let Some(index) = self.any_listener() else {
            return;
        };
        let wait = Duration::from_millis(self.random.below(3000) as u64);
        self.hub.follow(self.now, self.web[index].id, wait).unwrap();
        self.web[index].waiting = None;
    }

    fn fetch_some(&mut self) {
        if let Some(index) = self.any_listener() {
            let bytes_max = self.random.below(5000);
            let all = self.random.once_in(2);
            self.fetch_from(index, if all { usize::MAX } else { bytes_max });
        }
    }

    /// Fetches; now and then, nobody takes it. `usize::MAX`: all there is.
    pub(super) fn fetch_from(&mut self, index: usize, bytes_max: usize) {
        let taken = !self.random.once_in(6);
        let id = self.web[index].id;
        let mut fetched = None;
        self.hub.hand_events(self.now, id, bytes_max, |events| {
            fetched = Some(events).filter(|_| taken);
            taken
        });
        if let Some(fetched) = fetched {
            self.take_fetched(index, &fetched);
            if bytes_max == usize::MAX {
                self.know_choice(index);
            }
        }
    }

    fn take_fetched(&mut self, index: usize, fetched: &Fetched) {
        let settled = !self.unsettled;
        let listener = &mut self.web[index];
        let ends = fetched.ends.last().map_or(0, |(end, _)| *end);
        assert_eq!(ends, fetched.bytes.len());
        listener
            .reader
            .receive(&fetched.bytes, &self.pbx.happened, settled);
        assert!(listener.reader.is_between_messages());
        if let Some((_, place)) = fetched.ends.last() {
            listener.place = Some(*place);
        }
    }

    /// All that was before a change is read: from here on, everything must come.
    fn know_choice(&mut self, index: usize) {
        let listener = &mut self.web[index];
        listener.reader.mask = listener.mask;
        listener.reader.kept_out = listener.kept_out;
    }

    fn change(&mut self, index: usize, change: Change) {
        let listener = &mut self.web[index];
        match change {
            Change::Mask(mask) => {
                listener.mask = mask;
                listener.reader.mask = listener.reader.mask.union(mask);
            }
            Change::KeepsOut(digit) => listener.kept_out[digit] = true,
        }
        listener.reader.from = None;
        listener.events = EventMask::Invalid;
    }

    fn give_up(&mut self) {
        let Some(index) = self.any_listener() else {
            return;
        };
        let listener = &mut self.web[index];
        if let Some(asker) = listener.asked.keys().copied().min() {
            listener.asked.remove(&asker);
            listener.waiting.take_if(|waiting| *waiting == asker);
            self.hub.give_up(asker);
        }
    }

    /// A listener goes, by `Logoff` or because it has expired; perhaps it comes back.
    fn go(&mut self) {
        let Some(index) = self.any_listener() else {
            return;
        };
        if self.random.once_in(2) {
            let mut reader = Reader::of(&self.web[index].user.name);
            reader.ask(None, Want::Goodbye);
            self.ask_at(index, b"Action: Logoff\r\n\r\n".to_vec(), reader);
            self.drain_web();
            return;
        }
        self.hub.leave(self.now, self.web[index].id);
        self.drain_web();
        let listener = &self.web[index];
        assert!(listener.gone);
        if let Some(place) = listener.place
            && listener.events != EventMask::Invalid
        {
            let (user, events) = (listener.user.clone(), listener.events);
            let reader = self.web[index].reader.after_return();
            self.enter(user, events, reader, Some(place));
        }
    }

    /// What the shell does with what comes of it.
    pub(super) fn drain_web(&mut self) {
        while let Some(output) = self.hub.next_web_output() {
            match output {
                WebOutput::Answered(asker) => self.take_answer(asker),
                WebOutput::Fetch(id) => {
                    if let Some(index) = self.listener_of(id) {
                        self.fetch_from(index, 1000);
                    }
                }
                WebOutput::Replaced(id) => assert!(self.listener_of(id).is_some()),
                WebOutput::Ended(id) => {
                    let index = self.listener_of(id).expect("it is known");
                    self.web[index].gone = true;
                    self.hub.remove(id, CloseReason::Expired);
                }
            }
        }
    }

    fn listener_of(&self, id: SessionId) -> Option<usize> {
        self.web.iter().position(|listener| listener.id == id)
    }

    fn take_answer(&mut self, asker: SessionId) {
        let index = self
            .web
            .iter()
            .position(|listener| listener.asked.contains_key(&asker));
        let index = index.expect("somebody asked, and was not answered before");
        let reader = self.web[index].asked.remove(&asker).unwrap();
        let taken = !self.random.once_in(10);
        let mut got = Answer::default();
        self.hub.hand_answer(self.now, asker, |answer| {
            got = answer;
            taken
        });
        if reader
            .requests
            .front()
            .is_some_and(|request| request.want == Want::Wait)
        {
            self.take_waited(index, asker, &got, taken);
        } else {
            self.check_answer(index, reader, &got);
        }
    }

    /// A `WaitEvent`: its response, the listener's events, its end; or nothing, if another took its place.
    fn take_waited(&mut self, index: usize, asker: SessionId, got: &Answer, taken: bool) {
        let latest = self.web[index].waiting.take_if(|waiting| *waiting == asker);
        self.tally.answers += 1;
        assert_eq!(
            got.bytes.is_empty(),
            latest.is_none(),
            "only one that was replaced has no answer"
        );
        if got.bytes.is_empty() {
            return;
        }
        let head =
            b"Response: Success\r\nActionID: w\r\nMessage: Waiting for Event completed.\r\n\r\n";
        let tail = b"Event: WaitEventComplete\r\nActionID: w\r\n\r\n";
        let events = got
            .bytes
            .strip_prefix(&head[..])
            .unwrap()
            .strip_suffix(&tail[..])
            .unwrap();
        if taken {
            let settled = !self.unsettled;
            let listener = &mut self.web[index];
            listener.reader.receive(events, &self.pbx.happened, settled);
            assert!(listener.reader.is_between_messages());
            // Where that was, nobody is told.
            listener.place = None;
        }
    }

    fn check_answer(&mut self, index: usize, mut reader: Reader, got: &Answer) {
        let want = reader.requests.front().map(|request| request.want.clone());
        reader.receive(&got.bytes, &self.pbx.happened, !self.unsettled);
        assert!(reader.is_between_messages());
        assert!(reader.originates.is_empty(), "{want:?}: {got:?}");
        let left = reader.requests.front().map(|request| &request.want);
        let open = matches!(left, None | Some(Want::Parts(_)));
        assert!(open, "not answered in full: {left:?}: {got:?}");
        assert_eq!(got.ended, want == Some(Want::Goodbye));
        self.tally.answers += reader.answers;
        self.tally.failures += reader.failures;
        match want {
            Some(Want::Mask(Some(mask))) => self.change(index, Change::Mask(mask)),
            // One that could not be compiled was answered with an error, which its reader does not take.
            Some(Want::Filter(digit)) => self.change(index, Change::KeepsOut(digit)),
            _ => {}
        }
    }

    /// Once Asterisk was asked for everything, listeners can be held to have everything that comes from then on.
    pub(super) fn settle_listeners(&mut self) {
        for listener in &mut self.web {
            let known = listener.reader.mask == listener.mask
                && listener.reader.kept_out == listener.kept_out;
            if known && listener.reader.from.is_none() {
                listener.reader.from = Some(self.pbx.happened.len());
            }
        }
    }

    /// Everybody fetches everything.
    pub(super) fn fetch_all(&mut self) {
        for index in 0..self.web.len() {
            while !self.web[index].gone && self.hub.behind_bytes(self.web[index].id) > 0 {
                self.fetch_from(index, usize::MAX);
            }
            if !self.web[index].gone {
                self.know_choice(index);
            }
        }
    }

    /// Everything was answered, and nothing is missing.
    pub(super) fn check_listeners(&self) {
        for (index, listener) in self.web.iter().enumerate() {
            assert!(
                listener.asked.is_empty(),
                "listener {index}: {:?}",
                listener.asked
            );
            if !listener.gone {
                assert!(listener.reader.from.is_some());
                listener
                    .reader
                    .missed(self.pbx.happened.len(), &self.pbx.happened);
            }
        }
    }
}
