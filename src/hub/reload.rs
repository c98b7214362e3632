//! The configuration was read again while sessions are open: settings hold from now on, whoever has no right to be there
//! any more is disconnected, and whose rights have changed has the new ones at once. Those whom nothing concerns notice
//! nothing. Asterisk leaves sessions alone (`main/manager.c`, `__init_manager`); so does `reload = asterisk`.

use std::net::IpAddr;
use std::sync::Arc;

use super::session::{CloseReason, Local, Revoked, SessionId, Stage};
use super::{Admission, Hub, Now};
use crate::config::settings::{General, Upstream};
use crate::policy::event_filter::EventFilters;
use crate::policy::user::{User, Users};
use crate::protocol::writer::{MessageWriter, Text};

/// Any filter: whether one may be added is asked with this.
const FILTER: &[u8] = b"Action: Filter\r\nOperation: Add\r\nFilter: x\r\n\r\n";

/// What a configuration says now.
#[derive(Debug, Clone)]
pub struct Reload {
    /// `[general]`.
    pub general: Arc<General>,
    /// The section of this hub's Asterisk.
    pub upstream: Arc<Upstream>,
    /// All users, those of other upstreams included.
    pub users: Arc<Users>,
    /// Those who are logged in keep the rights that they logged in with (`reload = asterisk`).
    pub keep_rights: bool,
}

impl Hub {
    /// From here on these settings hold. A login that was decided before and comes in later is judged by these users:
    /// where logins are decided, they must be known no sooner than here.
    pub fn reload(&mut self, now: Now, change: Reload) {
        self.general = change.general;
        self.framer.limit_frames(self.general.frame_bytes_max);
        let old = std::mem::replace(&mut self.upstream, change.upstream);
        self.follow_upstream(now, &old);
        self.users = (!change.keep_rights).then_some(change.users);
        // Requests over HTTP have their listener's rights: that comes first.
        let ids = self.session_ids();
        let (askers, others): (Vec<_>, Vec<_>) = ids.into_iter().partition(|id| self.is_asker(*id));
        for id in others.iter().chain(&askers) {
            self.revise(now, *id);
        }
        self.find_write_deadline();
        // There may be room for more requests now, for queued ones in the window, and for fewer bytes.
        for id in self.session_ids() {
            self.pump(now, id);
        }
        self.end_turn(now);
    }

    /// The settings of the connection to Asterisk, as they are now.
    pub const fn upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }

    /// What is left of a login that was decided before a reload: the user as it is now, or why it may not come in.
    pub(super) fn resolve_user(&self, admission: &mut Admission) -> Option<Revoked> {
        let users = self.users.as_ref()?;
        let address = admission.connection.address();
        match self.standing(users, &admission.user.name, address) {
            Ok(user) => {
                admission.user = Arc::clone(user);
                None
            }
            Err(why) => Some(why),
        }
    }

    /// A client that proved who it is by what holds no longer is told what it would be told now.
    pub(super) fn turn_away(&mut self, id: SessionId, action_id: Option<&[u8]>, why: Revoked) {
        self.post_error(id, action_id, "Authentication failed");
        self.close(id, CloseReason::Reloaded { why });
    }

    /// The user that a session of that name and address has now, if it may be there.
    fn standing<'a>(
        &self,
        users: &'a Users,
        name: &str,
        address: IpAddr,
    ) -> Result<&'a Arc<User>, Revoked> {
        let user = users.get(name.as_bytes()).ok_or(Revoked::UserRemoved)?;
        if user.upstream != self.upstream.name {
            return Err(Revoked::OtherUpstream);
        }
        if !self.general.acl.allows(address) || !user.acl.allows(address) {
            return Err(Revoked::Address);
        }
        Ok(user)
    }

    /// What the users of now mean for one session.
    fn revise(&mut self, now: Now, id: SessionId) {
        let Some(users) = self.users.clone() else {
            return;
        };
        let Some(session) = self.session(id).filter(|s| s.closing.is_none()) else {
            return;
        };
        let address = session.connection.address();
        match self.standing(&users, &session.user.name, address) {
            Err(why) => self.revoke(id, why),
            Ok(user) if *user == session.user => {}
            Ok(user) => self.change_user(now, id, user),
        }
    }

    /// Ends a session behind all that it was answered. A request over HTTP has its one answer all the same.
    fn revoke(&mut self, id: SessionId, why: Revoked) {
        let head = self.session(id).and_then(|session| session.pending.front());
        if self.is_asker(id)
            && let Some(head) = head
        {
            let action_id = head.action_id.clone();
            let text = format!("Session ended: {why}");
            self.post_error(id, action_id.as_deref(), &text);
        }
        self.close(id, CloseReason::Reloaded { why });
    }

    fn post_error(&mut self, id: SessionId, action_id: Option<&[u8]>, text: &str) {
        let action_id = action_id.and_then(Text::new);
        let text = Text::new(text.as_bytes()).unwrap_or(Text::fixed("Permission denied"));
        self.post(id, |out| {
            MessageWriter::response(out, Text::fixed("Error"), action_id)
                .header(Text::fixed("Message"), text)
                .finish();
        });
    }

    /// A session's user is another one now.
    fn change_user(&mut self, now: Now, id: SessionId, user: &Arc<User>) {
        let owner_classes = self.session(self.owner(id)).map(|owner| owner.classes);
        let Some(session) = self.session_mut(id) else {
            return;
        };
        session.user = Arc::clone(user);
        if session.kind.is_asker() {
            session.classes = owner_classes.unwrap_or_default();
        } else {
            let filters = filters_with(&user.event_filters, &session.filters);
            session.filters = filters;
            session.classes = session.mask.within(user.read);
            let classes = session.classes;
            self.ensure_classes(now, classes);
            let before = self.session(id).map(|session| session.view);
            self.choose_view(id);
            if self.session(id).map(|session| session.view) != before {
                self.wait_on(id);
            }
        }
        self.decide_queue_again(now, id);
        self.give_turn(id);
        self.offer_turn(id);
    }

    /// A `WaitEvent` goes on in the view that its session has now.
    fn wait_on(&mut self, id: SessionId) {
        let end = self.session(id).map(|session| self.end_of(session.view));
        if let (Some(end), Some(session)) = (end, self.session_mut(id))
            && let Some(waiting) = &mut session.waiting
        {
            waiting.from = end;
            waiting.mail_number = session.mailbox.next_number();
        }
    }

    /// Requests that Asterisk does not have yet are decided under the rights of now.
    fn decide_queue_again(&mut self, now: Now, id: SessionId) {
        let count = self.session(id).map_or(0, |session| session.pending.len());
        for index in 0..count {
            let session = self.session_mut(id);
            let pending = session.and_then(|session| session.pending.get_mut(index));
            let Some(pending) = pending else { return };
            let text: Box<[u8]> = match &mut pending.stage {
                Stage::Queued(queued) => std::mem::take(&mut queued.text),
                // One that is at its turn has begun to take effect.
                Stage::Local(Local::Filter(..)) if index > 0 => FILTER.into(),
                _ => continue,
            };
            let is_local = matches!(pending.stage, Stage::Local(_));
            let stage = self.decide_again(now, id, &text);
            // A filter is asked for its class only: what it says was read already.
            let is_refused = matches!(stage, Stage::Local(Local::Refuse(..)));
            let session = self.session_mut(id);
            let pending = session.and_then(|session| session.pending.get_mut(index));
            if let Some(pending) = pending
                && (!is_local || is_refused)
            {
                pending.stage = stage;
            }
        }
    }
}

/// A user's filters of now, with those that a session added; the same as before where nothing is different.
fn filters_with(user: &Arc<EventFilters>, session: &Arc<EventFilters>) -> Arc<EventFilters> {
    let filters = user.with_added_of(session);
    if filters == **session {
        Arc::clone(session)
    } else if filters == **user && filters.added_bytes() == 0 {
        Arc::clone(user)
    } else {
        Arc::new(filters)
    }
}
