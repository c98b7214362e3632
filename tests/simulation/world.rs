//! The world: who does what next is drawn by lot; the promises are checked after every step.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use amimux::config::settings::{General, Upstream};
use amimux::hub::{Admission, CloseReason, FilterBuild, FilterDrafted, Hub, Now, SessionId};
use amimux::policy::class::Classes;
use amimux::policy::event_filter::EventFilters;
use amimux::policy::event_mask::EventMask;
use amimux::policy::user::{OnSlow, User};
use amimux::protocol::frame::Frame;
use bytes::BytesMut;

use super::Tally;
use super::actions;
use super::pbx::Pbx;
use super::random::Random;
use super::reader::{Reader, Want};
use super::web::Listener;
use crate::hub_harness::{NONCE, connection, general, upstream, user};

pub(super) const CLASSES: [Classes; 6] = [
    Classes::CALL,
    Classes::CALL,
    Classes::USER,
    Classes::AGENT,
    Classes::SYSTEM,
    Classes::SYSTEM.union(Classes::USER),
];

pub(super) struct Actor {
    pub(super) id: SessionId,
    pub(super) user: User,
    pub(super) reader: Reader,
    pub(super) out: Vec<u8>,
    /// It reads seldom.
    pub(super) lazy: bool,
    /// It never reads again.
    pub(super) stopped: bool,
    pub(super) blocked: bool,
    /// It has said all that it has to say.
    pub(super) quiet: bool,
    pub(super) ended_input: bool,
    pub(super) gone: bool,
}

pub struct World {
    pub(super) random: Random,
    pub(super) hub: Hub,
    pub(super) general: Arc<General>,
    pub(super) upstream: Arc<Upstream>,
    /// Everybody who ever came, as configured now.
    pub(super) users: HashMap<String, User>,
    pub(super) now: Now,
    pub(super) pbx: Pbx,
    pub(super) actors: Vec<Actor>,
    pub(super) web: Vec<Listener>,
    pub(super) max_queued: usize,
    pub(super) serial: usize,
    pub(super) memory_limit: usize,
    /// Since the last loss, Asterisk has not yet been asked for everything that clients want.
    pub(super) unsettled: bool,
    /// For how long Asterisk and the hub have perhaps not heard each other.
    pub(super) unheard: Duration,
    /// For so many steps Asterisk does nothing.
    pub(super) pause: usize,
    /// After so many steps the connection breaks.
    pub(super) doomed: Option<usize>,
    /// Filters that are being compiled.
    pub(super) build: Option<FilterBuild>,
    pub(super) drafts: Vec<FilterDrafted>,
    pub(super) tally: Tally,
}

impl World {
    pub fn new(mut random: Random) -> Self {
        let general = General {
            retention_bytes: 1 << (9 + random.below(10)),
            memory_limit_bytes: 1 << (15 + random.below(6)),
            max_queued: 1 + random.below(40),
            ..general()
        };
        let upstream = Upstream {
            window: 1 + random.below(20),
            ..upstream()
        };
        let (general, upstream) = (Arc::new(general), Arc::new(upstream));
        Self {
            memory_limit: general.memory_limit_bytes,
            max_queued: general.max_queued,
            hub: Hub::new(Arc::clone(&general), Arc::clone(&upstream), NONCE),
            general,
            upstream,
            users: HashMap::new(),
            now: Now {
                since_start: Duration::from_secs(1),
                wall: Duration::from_secs(1_700_000_000),
            },
            random,
            pbx: Pbx::default(),
            actors: Vec::new(),
            web: Vec::new(),
            serial: 0,
            unsettled: true,
            unheard: Duration::ZERO,
            pause: 0,
            doomed: None,
            build: None,
            drafts: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Random things happen.
    pub fn live(&mut self) {
        for _ in 0..1 + self.random.below(4) {
            self.join();
        }
        for _ in 0..600 + self.random.below(1500) {
            self.step();
        }
    }

    /// What happens is what was chosen, until nothing is left of that.
    pub fn live_as_chosen(&mut self) {
        self.join();
        while self.random.is_chosen() {
            self.step();
        }
    }

    pub(super) fn step(&mut self) {
        self.tally.steps += 1;
        self.suffer();
        match self.random.below(100) {
            _ if self.random.once_in(10) => self.live_by_web(),
            _ if self.random.once_in(200) => self.restart(),
            0..=19 => self.talk(),
            20..=34 => self.say(),
            35..=44 => self.asterisk_reads(),
            45..=59 => self.asterisk_works(),
            60..=69 => self.asterisk_is_heard(),
            70..=79 => self.read(),
            80..=87 => self.sweep(),
            88..=93 => self.pass_up_to(300),
            94 => self.join(),
            95 => self.leave(),
            96 if self.random.once_in(3) => self.lose(),
            97 => self.catch_up(),
            98 if self.random.once_in(4) => self.long_pause(),
            98 if self.random.once_in(8) => self.stall(),
            98 if self.random.once_in(2) => self.pause(),
            98 if self.random.once_in(3) => self.stop_reading(),
            _ => self.pass_up_to(20),
        }
        if self.pbx.connected {
            if let Some(cause) = self.hub.drop_requested() {
                self.lose_for(&cause);
            }
        } else if self
            .hub
            .reconnect_at()
            .is_some_and(|at| at <= self.now.since_start)
        {
            self.connect();
        }
        self.settle_down();
    }

    pub(super) fn connect(&mut self) {
        self.pbx.connect();
        self.draw_fate();
        self.hub.upstream_connected(self.now);
    }

    pub(super) fn lose(&mut self) {
        if self.pbx.connected {
            self.lose_for("it broke");
        }
    }

    pub(super) fn lose_for(&mut self, cause: &str) {
        self.tally.losses += 1;
        self.pbx.lose();
        self.doomed = None;
        self.unsettle();
        self.hub.upstream_lost(self.now, cause);
        self.after_turn();
    }

    /// Once all that the hub wants was asked for, every client can be held to have everything.
    pub(super) fn settle_down(&mut self) {
        let idle = self.hub.is_ready() && self.hub.outbound().is_empty() && self.pbx.is_idle();
        if self.unsettled && idle {
            self.unsettled = false;
            for actor in &mut self.actors {
                if actor.reader.logged_in {
                    actor.reader.from = Some(self.pbx.happened.len());
                }
            }
        }
        if idle {
            self.settle_listeners();
        }
    }

    pub(super) fn join(&mut self) {
        if self.actors.iter().filter(|actor| !actor.gone).count() >= 30 {
            return;
        }
        let user = self.some_user("");
        let kept_out = self.kept_out_of(&user);
        let events = match self.random.below(3) {
            0 => EventMask::Off,
            1 => EventMask::Some(Classes::CALL),
            _ => EventMask::Everything,
        };
        let admission = Admission {
            account: user.name.as_bytes().into(),
            user: Arc::new(user.clone()),
            connection: connection(),
            action_id: Some(b"login".as_slice().into()),
            events,
            challenge: None,
            challenge_random: 7,
            input: BytesMut::new(),
        };
        let mut reader = Reader::of(&user.name);
        reader.kept_out = kept_out;
        reader.ask(Some("login"), Want::Login(events.within(user.read)));
        let id = self.hub.attach(self.now, admission);
        self.actors.push(Actor {
            id,
            user,
            reader,
            out: Vec::new(),
            lazy: self.random.once_in(8),
            stopped: false,
            blocked: false,
            quiet: false,
            ended_input: false,
            gone: false,
        });
        self.tally.clients += 1;
        self.after_turn();
    }

    /// A user whose rights were drawn by lot when it first came.
    pub(super) fn some_user(&mut self, kind: &str) -> User {
        let name = *self.random.pick(&["ann", "bob", "cid", "dan", "eve"]);
        let name = format!("{kind}{name}");
        if let Some(known) = self.users.get(&name) {
            return known.clone();
        }
        let user = self.new_user(&name);
        self.users.insert(name, user.clone());
        user
    }

    fn new_user(&mut self, name: &str) -> User {
        let mut user = user(name);
        user.max_in_flight = 1 + self.random.below(8);
        if self.random.once_in(2) {
            user.on_slow = OnSlow::Skip;
        }
        if self.random.once_in(3) {
            user.write_timeout = Duration::from_secs(2);
        }
        if self.random.once_in(2) {
            user.read = self.some_classes();
        }
        if self.random.once_in(2) {
            user.write = self.some_classes().union(Classes::ORIGINATE);
        }
        if self.random.once_in(3) {
            let mut filters = EventFilters::default();
            for _ in 0..1 + self.random.below(3) {
                let digit = self.random.below(10);
                let pattern = format!("!N: [0-9]*{digit}\r");
                filters.push("", "eventfilter", &pattern).unwrap();
            }
            user.event_filters = Arc::new(filters);
        }
        user
    }

    /// By their last digit, the numbers of events that a user's filters keep out.
    pub(super) fn kept_out_of(&self, user: &User) -> [bool; 10] {
        std::array::from_fn(|digit| {
            let event = format!("Event: X\r\nN: {digit}\r\n\r\n");
            !user.event_filters.pass(Frame::new(event.as_bytes()))
        })
    }

    pub(super) fn some_classes(&mut self) -> Classes {
        let (one, other) = (*self.random.pick(&CLASSES), *self.random.pick(&CLASSES));
        one.union(other)
    }

    pub(super) fn any(&mut self) -> Option<usize> {
        let index = self.random.below(self.actors.len());
        self.actors.get(index).filter(|actor| !actor.gone)?;
        Some(index)
    }

    pub(super) fn leave(&mut self) {
        let Some(index) = self.any() else { return };
        let actor = &mut self.actors[index];
        match self.random.below(3) {
            0 => {
                actor.gone = true;
                self.hub.remove(actor.id, CloseReason::Disconnected);
            }
            1 if !actor.quiet => {
                actor.quiet = true;
                actor.reader.ask(None, Want::Goodbye);
                actor.out.extend_from_slice(b"Action: Logoff\r\n\r\n");
            }
            _ => actor.quiet = true,
        }
    }

    /// A client has a request, or several.
    pub(super) fn talk(&mut self) {
        let Some(index) = self.any() else { return };
        for _ in 0..1 + self.random.below(4) {
            let actor = &mut self.actors[index];
            if actor.quiet || actor.out.len() > 20_000 {
                return;
            }
            self.serial += 1;
            actions::ask(
                &mut self.random,
                &actor.user,
                &mut actor.reader,
                self.serial,
                &mut actor.out,
            );
        }
    }

    /// Some of what a client has to say arrives.
    pub(super) fn say(&mut self) {
        if let Some(index) = self.any() {
            let length = self.random.piece(self.actors[index].out.len());
            self.say_some(index, length);
        }
    }

    pub(super) fn say_some(&mut self, index: usize, length: usize) {
        let actor = &mut self.actors[index];
        if actor.gone || !self.hub.wants_input(actor.id) {
            return;
        }
        if length > 0 {
            let bytes = actor.out.drain(..length).collect::<Vec<_>>();
            self.hub.client_bytes(self.now, actor.id, &bytes);
        } else if actor.quiet && actor.out.is_empty() && !actor.ended_input {
            actor.ended_input = true;
            self.hub.client_end_of_input(self.now, actor.id);
        }
        self.after_turn();
    }

    pub(super) fn asterisk_reads(&mut self) {
        if self.pbx.connected && !self.pbx.stalled && self.pause == 0 {
            let outbound = self.hub.outbound();
            let length = self.random.piece(outbound.len());
            let bytes = outbound.split_to(length);
            self.pbx.input.extend_from_slice(&bytes);
        }
    }

    pub(super) fn asterisk_works(&mut self) {
        if !self.pbx.connected || self.pbx.stalled || self.pause > 0 {
            return;
        }
        for _ in 0..1 + self.random.below(6) {
            match self.random.below(8) {
                0..=2 => self.pbx.answer(&mut self.random),
                3 => self.pbx.tell_outcome(&mut self.random),
                4 => self.pbx.echo(),
                _ => self.something_happens(),
            }
        }
    }

    pub(super) fn something_happens(&mut self) {
        let classes = *self.random.pick(&CLASSES);
        let fill = "x".repeat(self.random.below(300));
        self.pbx
            .happen(classes, "Something", &format!("Fill: {fill}\r\n"));
    }

    pub(super) fn asterisk_is_heard(&mut self) {
        if self.pbx.connected {
            let bytes = self.pbx.deliver(&mut self.random);
            self.hub.inbound().extend_from_slice(&bytes);
            self.hub.upstream_received(self.now);
            self.after_turn();
        }
    }

    /// A client whose socket was full reads.
    pub(super) fn read(&mut self) {
        if let Some(index) = self.any()
            && (!self.actors[index].lazy || self.random.once_in(20))
        {
            self.flush(index, true);
        }
    }

    pub(super) fn pass_up_to(&mut self, milliseconds: usize) {
        let time = Duration::from_millis(self.random.below(milliseconds) as u64);
        // Asterisk may be slow, but not so slow that a client's mask is not waited for any more.
        self.unheard += time;
        if self.unheard > Duration::from_millis(1500) && !self.pbx.stalled {
            self.catch_up();
        }
        self.pass(time);
    }

    /// Time passes; what is due is done when it is due.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now.since_start + time;
        for _ in 0..1000 {
            let Some(at) = self.hub.next_deadline().filter(|at| *at <= end) else {
                break;
            };
            self.now.since_start = self.now.since_start.max(at);
            self.hub.tick(self.now);
            self.after_turn();
            if !self.pbx.connected || self.pbx.stalled || self.pause > 0 {
                continue;
            }
            self.converse();
        }
        self.now.since_start = self.now.since_start.max(end);
    }

    /// Everything that is on its way between the hub and Asterisk arrives and is dealt with.
    pub(super) fn converse(&mut self) {
        self.unheard = Duration::ZERO;
        self.pause = 0;
        for _ in 0..100_000 {
            let bytes = self.hub.outbound().split();
            self.pbx.input.extend_from_slice(&bytes);
            while self.pbx.read() {
                self.pbx.answer(&mut self.random);
            }
            if self.pbx.is_idle() {
                return;
            }
            self.asterisk_is_heard();
        }
        panic!("the hub and Asterisk do not come to rest");
    }

    pub(super) fn catch_up(&mut self) {
        if self.pbx.connected {
            self.converse();
        }
    }

    /// Nothing is said for a while; or Asterisk is dead for a while, which ends the connection.
    pub(super) fn long_pause(&mut self) {
        if !self.pbx.connected {
            return;
        }
        self.finish_calls();
        if self.random.once_in(4) {
            self.pbx.stalled = true;
            self.pass_up_to(70_000);
            self.lose();
        } else {
            self.pass_up_to(25_000);
        }
    }

    /// Every echo and every outcome that is due is sent.
    pub(super) fn finish_calls(&mut self) {
        self.converse();
        for _ in 0..1000 {
            self.pbx.echo();
            self.pbx.tell_outcome(&mut self.random);
        }
        self.converse();
    }

    pub fn tally(&self) -> Tally {
        let mut tally = self.tally.clone();
        for actor in &self.actors {
            tally.answers += actor.reader.answers;
            tally.events += actor.reader.events;
            tally.failures += actor.reader.failures;
            tally.gaps += actor.reader.gaps;
        }
        for listener in &self.web {
            tally.events += listener.reader.events;
            tally.fetched += listener.reader.events;
            tally.gaps += listener.reader.gaps;
        }
        tally
    }
}
