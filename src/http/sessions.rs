//! The sessions of HTTP: what is remembered of a client between two requests. Each has a key that nobody can guess, is
//! bound to the address that it was made from and to the way in which it was made, and ends some time after its
//! last request. One that has not logged in lives for seconds, and there is a bound on their number.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use super::cookie::SessionKey;
use super::login::Visit;
use crate::config::settings::OnReload;
use crate::hub::SessionId;
use crate::hub::limit::{Limit, LimitCounters};
use crate::hub::security::Connection;
use crate::policy::host::Host;
use crate::policy::user::User;
use crate::session::crowd::Crowd;
use crate::session::live::Rules;
use crate::session::shell::Clock;
use crate::session::web::WebHub;

/// How long a session lives that has not logged in (`main/manager.c`, `generic_http_callback`).
const OUTSIDE_LIFE: Duration = Duration::from_secs(5);

/// Most sessions that have not logged in; beyond it, the oldest of the host with the most goes.
const OUTSIDE_MAX: usize = 4096;

/// Most of them from one host; beyond it, the host's oldest goes.
const OUTSIDE_PER_HOST_MAX: usize = 256;

/// How soon a hub that was too busy is told again that a session has ended.
const LEAVE_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// How a session was made, which is the only way to use it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Means {
    /// It is named by a cookie.
    Cookie,
    /// It is named by a token that `/login` gave.
    Token,
    /// Its requests carry Digest credentials of this user, for this nonce.
    Digest(Box<str>, Box<str>),
    /// Its requests carry a name and a secret, or a token of the configuration, of which this is a fingerprint.
    Credentials([u8; 32]),
}

/// Where a session's actions go, once it has logged in.
#[derive(Debug, Clone)]
pub(super) struct Inside {
    /// Its user.
    pub(super) user: Arc<User>,
    /// Its Asterisk's thread.
    pub(super) hub: WebHub,
    /// What stands for it there.
    pub(super) listener: SessionId,
}

/// One session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) key: SessionKey,
    /// Sessions are numbered as they come.
    number: u64,
    means: RefCell<Means>,
    pub(super) connection: Connection,
    /// Its login, until that has succeeded. Whoever has it decides a request before the next is looked at.
    pub(super) visit: Mutex<Option<Box<Visit>>>,
    inside: RefCell<Option<Inside>>,
    ended: CancellationToken,
    /// Requests under way.
    uses: Cell<usize>,
    /// How many of them are streams of events.
    pub(super) streams: Cell<usize>,
    /// When it expires, while no request is under way.
    due: Cell<Duration>,
}

impl Session {
    /// Where its actions go; `None` before its login.
    pub(super) fn inside(&self) -> Option<Inside> {
        self.inside.borrow().clone()
    }

    /// It has logged in.
    pub(super) fn admit(&self, inside: Inside) {
        *self.inside.borrow_mut() = Some(inside);
    }

    /// Whether each of its requests proves whose it is.
    fn proves_itself(&self) -> bool {
        matches!(
            *self.means.borrow(),
            Means::Digest(..) | Means::Credentials(_)
        )
    }

    /// Whether what proved `before` still proves `user`. A session that is named by a key lives on, as over AMI.
    fn is_proved(&self, before: &User, user: &User) -> bool {
        let same = before.credential == user.credential
            && before.web_token == user.web_token
            && before.login_forms == user.login_forms;
        same || !self.proves_itself()
    }

    /// Whether it has ended.
    pub(super) fn is_over(&self) -> bool {
        self.ended.is_cancelled()
    }

    /// Resolves when it has ended.
    ///
    /// Cancel safe: nothing is kept.
    pub(super) async fn ended(&self) {
        self.ended.cancelled().await;
    }
}

/// All sessions.
#[derive(Debug)]
pub(super) struct Sessions {
    clock: Clock,
    /// How long a session lives after a request, once it has logged in.
    life: Cell<Duration>,
    limits: Arc<LimitCounters>,
    table: RefCell<Table>,
    /// The timer has to look at the deadlines again.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Table {
    by_key: HashMap<SessionKey, Rc<Session>>,
    /// Those that are named by what each request proves.
    by_proof: HashMap<(Means, IpAddr), Rc<Session>>,
    /// Those without a request under way, those that expire first at the beginning.
    due: BTreeSet<(Duration, SessionKey)>,
    /// Those that have not logged in.
    outside: Crowd<(u64, SessionKey)>,
    /// The number of the next session.
    next: u64,
    /// What the hubs could not be told yet.
    leaving: Vec<(WebHub, SessionId)>,
}

/// A request of a session; while there is one, the session does not expire.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) session: Rc<Session>,
    sessions: Rc<Sessions>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.sessions.rest(&self.session);
    }
}

impl Sessions {
    /// No session yet. `life`: how long one lives after a request, once it has logged in.
    pub(super) fn new(clock: Clock, life: Duration, limits: Arc<LimitCounters>) -> Rc<Self> {
        Rc::new(Self {
            clock,
            life: Cell::new(life),
            limits,
            table: RefCell::default(),
            changed: Notify::new(),
        })
    }

    /// How long a session lives after a request.
    pub(super) const fn life(&self) -> Duration {
        self.life.get()
    }

    /// Other settings are in force. Nobody keeps what a user may not have any more; a life counts from the next request.
    pub(super) fn follow(&self, rules: &Rules) {
        if let Some(http) = &rules.http {
            self.life.set(http.session_timeout);
        }
        let sessions: Vec<_> = self.table.borrow().by_key.values().cloned().collect();
        for session in sessions {
            self.revise(&session, rules);
        }
    }

    /// Gives a session that has logged in the user that it has now. It ends if what its requests prove proves nothing
    /// any more, or if there is no such user.
    pub(super) fn revise(&self, session: &Session, rules: &Rules) {
        let Some(inside) = session.inside() else {
            return;
        };
        let user = rules.users.get(inside.user.name.as_bytes());
        let keeps_rights = rules.general.on_reload == OnReload::Asterisk;
        match user {
            Some(user) if session.is_proved(&inside.user, user) => {
                if !keeps_rights {
                    let user = Arc::clone(user);
                    session.admit(Inside { user, ..inside });
                }
            }
            None if keeps_rights && !session.proves_itself() => {}
            _ => self.end(session),
        }
    }

    /// Ends all of them.
    pub(super) fn end_all(&self) {
        let sessions: Vec<_> = self.table.borrow().by_key.values().cloned().collect();
        for session in sessions {
            self.end(&session);
        }
    }

    /// Whether every hub knows who has gone.
    pub(super) fn is_settled(&self) -> bool {
        let mut table = self.table.borrow_mut();
        table.leave_again();
        table.leaving.is_empty()
    }

    /// The session of that name, if it was made so and from there.
    pub(super) fn by_key(
        self: &Rc<Self>,
        key: SessionKey,
        means: &Means,
        at: IpAddr,
    ) -> Option<Turn> {
        let session = self.table.borrow().by_key.get(&key).cloned()?;
        let fits = *session.means.borrow() == *means && session.connection.address() == at;
        fits.then(|| self.begin(session))
    }

    /// The session whose requests prove that, from there.
    pub(super) fn by_proof(self: &Rc<Self>, means: &Means, at: IpAddr) -> Option<Turn> {
        let proof = (means.clone(), at);
        let session = self.table.borrow().by_proof.get(&proof).cloned()?;
        Some(self.begin(session))
    }

    /// Adds a session that has not logged in. Where there are too many of these, another one ends.
    pub(super) fn add(self: &Rc<Self>, key: SessionKey, means: Means, visit: Visit) -> Turn {
        let connection = visit.connection();
        let at = connection.address();
        let host = Host::at(at);
        let crowded_out = self.table.borrow().gives_way_to(host);
        if let Some(crowded_out) = crowded_out {
            self.limits.count(Limit::HttpSessions);
            self.end(&crowded_out);
        }
        let mut table = self.table.borrow_mut();
        let number = table.next;
        table.next += 1;
        let session = Rc::new(Session {
            key,
            number,
            means: RefCell::new(means.clone()),
            connection,
            visit: Mutex::new(Some(Box::new(visit))),
            inside: RefCell::new(None),
            ended: CancellationToken::new(),
            uses: Cell::new(0),
            streams: Cell::new(0),
            due: Cell::new(Duration::ZERO),
        });
        table.outside.insert(host, (number, key));
        table.by_key.insert(key, Rc::clone(&session));
        if matches!(means, Means::Digest(..) | Means::Credentials(_)) {
            table.by_proof.insert((means, at), Rc::clone(&session));
        }
        drop(table);
        self.begin(session)
    }

    /// The session is named by a nonce, and by another one from now on.
    pub(super) fn rename(&self, session: &Rc<Session>, means: Means) {
        let mut table = self.table.borrow_mut();
        let at = session.connection.address();
        let before = session.means.replace(means.clone());
        table.by_proof.remove(&(before, at));
        if table.by_key.contains_key(&session.key) {
            table.by_proof.insert((means, at), Rc::clone(session));
        }
    }

    /// The session has logged in: it counts no longer among those that have not.
    pub(super) fn admit(&self, session: &Session, inside: Inside) {
        let mut table = self.table.borrow_mut();
        if session.is_over() {
            table.leave(&inside);
        } else {
            table.count_inside(session);
            session.admit(inside);
        }
        drop(table);
        self.changed.notify_one();
    }

    /// Ends a session. Its listener goes, unless its Asterisk's thread has ended it already.
    pub(super) fn end(&self, session: &Session) {
        let mut table = self.table.borrow_mut();
        if table.by_key.remove(&session.key).is_none() {
            return;
        }
        let proof = (session.means.borrow().clone(), session.connection.address());
        let named = table.by_proof.get(&proof);
        if named.is_some_and(|named| named.key == session.key) {
            table.by_proof.remove(&proof);
        }
        table.due.remove(&(session.due.get(), session.key));
        match session.inside() {
            Some(inside) => table.leave(&inside),
            None => table.count_inside(session),
        }
        drop(table);
        session.ended.cancel();
        self.changed.notify_one();
    }

    /// Tells a hub that a listener has gone; if the hub is too busy, it is told again later.
    pub(super) fn leave(&self, hub: &WebHub, listener: SessionId) {
        if !hub.leave(listener) {
            self.table
                .borrow_mut()
                .leaving
                .push((hub.clone(), listener));
            self.changed.notify_one();
        }
    }

    fn begin(self: &Rc<Self>, session: Rc<Session>) -> Turn {
        session.uses.set(session.uses.get() + 1);
        let due = (session.due.get(), session.key);
        self.table.borrow_mut().due.remove(&due);
        Turn {
            session,
            sessions: Rc::clone(self),
        }
    }

    /// A request is over: if it was the last, the session's time runs.
    fn rest(&self, session: &Rc<Session>) {
        let uses = session.uses.get().saturating_sub(1);
        session.uses.set(uses);
        if uses > 0 || session.is_over() {
            return;
        }
        let life = match session.inside() {
            Some(_) => self.life.get(),
            None => OUTSIDE_LIFE,
        };
        let due = self.clock.now().since_start + life;
        session.due.set(due);
        let mut table = self.table.borrow_mut();
        table.due.insert((due, session.key));
        let is_first = table.due.first() == Some(&(due, session.key));
        drop(table);
        if is_first {
            self.changed.notify_one();
        }
    }

    /// Ends the sessions whose time is over, for as long as it is polled.
    ///
    /// Cancel safe: nothing is kept between two waits.
    pub(super) async fn run_timer(&self) {
        loop {
            let now = self.clock.now().since_start;
            let next = self.expire(now);
            let changed = self.changed.notified();
            match next {
                Some(next) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(self.clock.instant(next)) => {}
                        () = changed => {}
                    }
                }
                None => changed.await,
            }
        }
    }

    /// Ends those whose time is over; returns when the next one's is.
    fn expire(&self, now: Duration) -> Option<Duration> {
        loop {
            let mut table = self.table.borrow_mut();
            table.leave_again();
            let again = (!table.leaving.is_empty()).then(|| now + LEAVE_AGAIN_AFTER);
            let Some(&(due, key)) = table.due.first() else {
                return again;
            };
            if due > now {
                return Some(again.map_or(due, |again| again.min(due)));
            }
            let Some(session) = table.by_key.get(&key).cloned() else {
                table.due.remove(&(due, key));
                continue;
            };
            drop(table);
            self.end(&session);
        }
    }
}

impl Table {
    /// Which session ends before that host has one more, if any.
    fn gives_way_to(&self, host: Host) -> Option<Rc<Session>> {
        let (_, key) = if self.outside.count_of(host) >= OUTSIDE_PER_HOST_MAX {
            self.outside.oldest_of(host)?
        } else if self.outside.count() >= OUTSIDE_MAX {
            self.outside.gives_way_to(host)?.1
        } else {
            return None;
        };
        self.by_key.get(&key).map(Rc::clone)
    }

    fn count_inside(&mut self, session: &Session) {
        let host = Host::at(session.connection.address());
        self.outside.remove(host, (session.number, session.key));
    }

    fn leave(&mut self, inside: &Inside) {
        if !inside.hub.leave(inside.listener) {
            self.leaving.push((inside.hub.clone(), inside.listener));
        }
    }

    fn leave_again(&mut self) {
        self.leaving.retain(|(hub, listener)| !hub.leave(*listener));
    }
}

#[cfg(test)]
#[path = "sessions_tests.rs"]
mod tests;
