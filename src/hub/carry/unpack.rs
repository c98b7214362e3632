//! Making a hub of what was carried.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::flight::{CarriedEntry, CarriedLate, session_at};
use super::link::CarriedAction;
use super::session::{CarriedSession, sent_count};
use super::view::{CarriedKey, CarriedView};
use super::{Carried, CarryError, Unpacked, VERSION, bounded, unsound};
use crate::config::settings::{General, Upstream};
use crate::hub::link::Phase;
use crate::hub::log::LogPosition;
use crate::hub::random::Random;
use crate::hub::ring::{Owner, Ring};
use crate::hub::session::{CloseReason, Session, SessionId, find_mut};
use crate::hub::view::{View, ViewId, ViewKey};
use crate::hub::{Hub, Now};
use crate::policy::acl::Acl;
use crate::policy::class::Classes;
use crate::policy::rights::{Audit, Rights};
use crate::policy::secret::Credential;
use crate::policy::user::{ActionIds, LoginForms, OnSlow, OnUpstreamLoss, User, Users};

/// What a lost connection is called that was not handed over.
const NOT_HANDED_OVER: &str = "amimux was restarted, and its connection could not be kept";

impl Hub {
    /// A hub that goes on where another was packed. `now` goes on from [`Carried::since_start`]. `connected`: the
    /// connection to Asterisk goes along; if it does not, it counts as lost. Sessions whose user is gone, or is of
    /// another Asterisk, are ended. The caller reads from and writes to each session's connection as if it were new,
    /// but for those of which [`Hub::is_blocked`] says that they are to be drained.
    ///
    /// # Errors
    /// A later version packed it, or it is not sound.
    pub fn unpack(
        general: Arc<General>,
        upstream: Arc<Upstream>,
        users: &Users,
        carried: Carried,
        connected: bool,
        now: Now,
    ) -> Result<Unpacked, CarryError> {
        let Carried {
            version,
            upstream: _,
            since_start: _,
            nonce,
            random,
            generation,
            next_view,
            link,
            banner,
            inbound,
            outbound,
            skipping,
            first_sequence,
            ring,
            late,
            originates,
            actions,
            views,
            sessions,
            turns,
        } = carried;
        if version > VERSION {
            return Err(CarryError::Version { found: version });
        }
        let mut hub = Self::new(general, upstream, nonce.0);
        hub.random = Random(random.0);
        hub.generation = generation;
        hub.views.next_number = next_view;
        hub.link = link.unpack();
        if let Some(banner) = banner {
            hub.heed_banner(banner);
        }
        hub.inbound = inbound.into_mut();
        hub.outbound = outbound.into_mut();
        if let Some(end) = skipping {
            hub.framer.skip_rest(end.into());
        }
        hub.table = CarriedAction::table(&actions);
        let mut views = CarriedViews::put_in(&mut hub, views)?;
        let arrived = hub.put_sessions(users, sessions, &mut views)?;
        let ids = arrived.iter().map(|arrived| arrived.id).collect::<Vec<_>>();
        hub.put_ring(first_sequence, ring, &ids)?;
        hub.late = CarriedLate::unpack_all(late, &ids)?;
        for originate in originates {
            let (sequence, originate) = originate.unpack(&ids)?;
            if let Some(session) = hub.session_mut(originate.session) {
                session.originates += 1;
            }
            hub.originates.insert(sequence, originate);
        }
        for place in turns {
            let id = session_at(&ids, place)?;
            if let Some(session) = hub.session_mut(id)
                && !session.has_turn
            {
                session.has_turn = true;
                hub.turns.push(id);
            }
        }
        views.keep(&mut hub, users, now);
        views.let_go(&mut hub);
        hub.check_link()?;
        hub.go_on(now, connected, &arrived);
        let names = arrived.iter().map(|arrived| (arrived.name, arrived.id));
        Ok(Unpacked {
            sessions: names.collect(),
            hub,
        })
    }

    /// That a connection that is there is not made again, and one that is not is.
    fn check_link(&mut self) -> Result<(), CarryError> {
        if matches!(self.link.phase, Phase::Down { .. }) {
            if self.ring.front().is_some() {
                return Err(unsound(
                    "actions are with Asterisk, and there is no connection",
                ));
            }
            self.link.retry_at.get_or_insert_default();
        } else {
            self.link.retry_at = None;
        }
        Ok(())
    }

    fn put_ring(
        &mut self,
        first: u64,
        entries: Vec<CarriedEntry>,
        ids: &[SessionId],
    ) -> Result<(), CarryError> {
        self.ring = Ring {
            first: bounded(first)?,
            ..Ring::default()
        };
        for entry in entries {
            let entry = entry.unpack(ids)?;
            if let Owner::Session { id, .. } = entry.owner
                && let Some(session) = self.session_mut(id)
            {
                session.in_flight += 1;
            }
            self.ring.push(entry);
        }
        let agree = |(_, session): (usize, &Session)| session.in_flight == sent_count(session);
        if self.sessions.iter().all(agree) {
            Ok(())
        } else {
            Err(unsound("an action is not with Asterisk that should be"))
        }
    }

    fn put_sessions(
        &mut self,
        users: &Users,
        sessions: Vec<CarriedSession>,
        views: &mut CarriedViews,
    ) -> Result<Vec<Arrived>, CarryError> {
        let mut arrived = Vec::with_capacity(sessions.len());
        let mut names = BTreeSet::new();
        for session in sessions {
            let name = session.name;
            if !names.insert(name) {
                return Err(unsound("two sessions have one name"));
            }
            let user = users.get(session.user.as_bytes());
            let user = user.filter(|user| user.upstream == self.upstream.name);
            let mut ending = user.is_none().then_some(CloseReason::UserGone);
            let user = match user {
                Some(user) => Arc::clone(user),
                None => Arc::new(nobody(&session.user, &self.upstream.name)),
            };
            let (session, lost) = session.unpack(user, &views.ids, &self.views)?;
            if lost {
                ending.get_or_insert(CloseReason::FiltersLost);
            }
            let added = session.filters.added_bytes();
            self.added_filter_bytes = self.added_filter_bytes.saturating_add(added);
            self.mail_bytes = self.mail_bytes.saturating_add(session.mailbox.bytes());
            let id = self.put_session(session, views);
            arrived.push(Arrived { name, id, ending });
        }
        Ok(arrived)
    }

    fn put_session(&mut self, session: Session, views: &mut CarriedViews) -> SessionId {
        let user_key = session.user_key.clone();
        let waits = session.waiting.is_some() || session.mask_deadline.is_some();
        let backlogged = session.backlogged;
        let id = self.insert(session);
        self.by_user.entry(user_key).or_default().push(id);
        if waits {
            self.waiters.push(id);
        }
        if backlogged {
            self.backlog.push(id);
        }
        self.find_view(id, views);
        if let Some(view) = self.session(id).map(|session| session.mailbox.view()) {
            self.enter_view(id, view);
        }
        id
    }

    /// A session goes on in the view that its user's rights, its mask and its filters give, behind all that it still
    /// has to be written.
    fn find_view(&mut self, id: SessionId, views: &mut CarriedViews) {
        let Some(session) = self.session(id) else {
            return;
        };
        let old = session.view;
        let key = ViewKey {
            classes: session.classes,
            all_action_ids: session.user.action_ids == ActionIds::All,
            filters: Arc::clone(&session.filters),
        };
        let end = self.end_of(old);
        let closing = session.closing.is_some();
        let caught_up = session.mailbox.is_empty() && session.mailbox.cursor() == end;
        if !closing && caught_up && !views.goes_on(self, old, &key) {
            // It has nothing left in the old view, and need not pass through it.
            let new = self.views.subscribe(&key);
            let to = self.end_of(new);
            if let Some(session) = self.session_mut(id) {
                session.view = new;
                session.mailbox.view = new;
                session.mailbox.cursor = to;
                session.begin_wait_again(end, to);
            }
            return;
        }
        let Some(session) = find_mut(&mut self.sessions, id) else {
            return;
        };
        for view in session.mailbox.switches() {
            self.views.refer(view);
            self.views.expect(view);
        }
        self.views.refer(session.mailbox.view());
        if closing {
            // It counts until it is gone.
            self.views.count_subscriber(old);
            return;
        }
        if views.goes_on(self, old, &key) {
            self.views.subscribe_again(old, &key);
            return;
        }
        let new = self.views.subscribe(&key);
        let to = self.end_of(new);
        self.views.expect(new);
        if let Some(session) = self.session_mut(id) {
            session.view = new;
            session.mailbox.switch(end, new, to);
            session.begin_wait_again(end, to);
        }
    }

    /// Everything is in its place: what can be done is done.
    fn go_on(&mut self, now: Now, connected: bool, arrived: &[Arrived]) {
        let deadlines = self.sessions.iter();
        self.write_deadline = deadlines
            .filter_map(|(_, session)| session.write_deadline())
            .min();
        if !connected && !matches!(self.link.phase, Phase::Down { .. }) {
            self.upstream_lost(now, NOT_HANDED_OVER);
        }
        for session in arrived {
            if let Some(reason) = session.ending.clone() {
                self.close(session.id, reason);
            }
        }
        for Arrived { id, .. } in arrived {
            self.pump(now, *id);
            if !self.is_caught_up(*id) {
                self.mark_dirty(*id);
            }
        }
        let wanted = self.wanted_classes();
        self.ensure_classes(now, wanted);
        self.end_turn(now);
    }

    fn is_caught_up(&self, id: SessionId) -> bool {
        self.session(id).is_some_and(|session| {
            session.closing.is_none()
                && session.mailbox.is_empty()
                && session.mailbox.cursor() == self.end_of(session.view)
        })
    }
}

impl Session {
    /// It was given another view at `end` of its old one: what it waits for comes in that, from `to` on.
    fn begin_wait_again(&mut self, end: LogPosition, to: LogPosition) {
        let mail_number = self.mailbox.next_number();
        if let Some(waiting) = &mut self.waiting {
            if waiting.from != end {
                // It has seen what it waited for.
                waiting.deadline = Some(Duration::ZERO);
            }
            (waiting.from, waiting.mail_number) = (to, mail_number);
        }
    }
}

/// One session that was put in.
struct Arrived {
    name: u64,
    id: SessionId,
    /// It is to be ended, for this reason.
    ending: Option<CloseReason>,
}

/// The views that were put in: each is held until all sessions have found theirs.
struct CarriedViews {
    ids: Vec<ViewId>,
    keys: HashMap<ViewId, CarriedKey>,
    kept: Vec<(ViewId, Duration)>,
}

impl CarriedViews {
    fn put_in(hub: &mut Hub, carried: Vec<CarriedView>) -> Result<Self, CarryError> {
        let mut views = Self {
            ids: Vec::with_capacity(carried.len()),
            keys: HashMap::new(),
            kept: Vec::new(),
        };
        for mut view in carried {
            let closed = View::closed(view.take_log()?, view.number);
            let id = ViewId(hub.views.slab.insert(closed));
            views.ids.push(id);
            if let Some(key) = view.key {
                views.keys.insert(id, key);
            }
            if let Some(until) = view.kept_until {
                views.kept.push((id, until.get()));
            }
        }
        Ok(views)
    }

    /// Whether a view is, or can be, that of this key.
    fn goes_on(&self, hub: &Hub, view: ViewId, key: &ViewKey) -> bool {
        match hub.views.by_key.get(key) {
            Some(id) => *id == view,
            None => {
                hub.views.is_closed(view) && self.keys.get(&view).is_some_and(|old| old.is(key))
            }
        }
    }

    /// Keeps for followers what was kept for them, where it goes on.
    fn keep(&self, hub: &mut Hub, users: &Users, now: Now) {
        for (id, until) in &self.kept {
            if *until <= now.since_start {
                continue;
            }
            if !hub.views.is_closed(*id) {
                hub.views.keep(*id, *until);
            } else if let Some(key) = self.key_of_some_user(hub, users, *id) {
                // Nobody reads it now, but somebody with these rights may come back.
                hub.views.subscribe_again(*id, &key);
                hub.views.keep(*id, *until);
                hub.views.unsubscribe(*id);
            }
        }
    }

    /// A key for a view that nobody reads, if it is what a user could have, and no other view has it.
    fn key_of_some_user(&self, hub: &Hub, users: &Users, view: ViewId) -> Option<ViewKey> {
        let old = self.keys.get(&view)?;
        let users = users
            .iter()
            .filter(|user| user.upstream == hub.upstream.name);
        let user = users.into_iter().find(|user| {
            user.read.contains_all(old.classes())
                && (user.action_ids == ActionIds::All) == old.all_action_ids()
                && old.has_filters(&user.event_filters)
        })?;
        let key = ViewKey {
            classes: old.classes(),
            all_action_ids: old.all_action_ids(),
            filters: Arc::clone(&user.event_filters),
        };
        self.goes_on(hub, view, &key).then_some(key)
    }

    /// All sessions have found their views: those that nobody needs go.
    fn let_go(&self, hub: &mut Hub) {
        for view in &self.ids {
            hub.views.release(*view);
        }
        hub.views.recount();
    }
}

/// Stands for a user that is gone: it may do and see nothing.
fn nobody(name: &str, upstream: &str) -> User {
    User {
        name: name.to_owned(),
        credential: Credential::None,
        tls_client_name: None,
        web_token: None,
        login_forms: LoginForms::default(),
        read: Classes::NONE,
        write: Classes::NONE,
        event_filters: Arc::default(),
        rights: Rights::default(),
        audit: Audit::Off,
        acl: Acl::default(),
        allow_multiple_login: true,
        display_connects: true,
        write_timeout: Duration::from_secs(10),
        on_slow: OnSlow::Disconnect,
        set_variables: Vec::new(),
        upstream: upstream.to_owned(),
        on_upstream_loss: OnUpstreamLoss::Keep,
        action_ids: ActionIds::Session,
        max_in_flight: 1,
        session_limit: 0,
    }
}
