//! Reloads at random: users go, come back, and have other rights, filters, access lists and limits. What is in force at a
//! moment is known for every name, and nothing that it forbids may go to Asterisk from then on.

use std::sync::Arc;
use std::time::Duration;

use amimux::config::settings::{General, Upstream};
use amimux::hub::Reload;
use amimux::policy::acl::{Acl, RuleList, Sense};
use amimux::policy::class::Classes;
use amimux::policy::user::{User, Users};

use super::world::World;
use crate::hub_harness::{general, upstream};

pub(super) const NAMES: [&str; 3] = ["ann", "bob", "cid"];

/// The classes of which an action needs one; none for those that everybody may run.
pub fn needed(action: &str) -> Classes {
    match action {
        "Getvar" => Classes::CALL.union(Classes::REPORTING),
        "IAXnetstats" => Classes::SYSTEM.union(Classes::REPORTING),
        "JabberSend" | "Filter" => Classes::SYSTEM,
        "UserEvent" => Classes::USER,
        "Originate" => Classes::ORIGINATE,
        _ => Classes::NONE,
    }
}

pub fn may_write(write: Classes, needed: Classes) -> bool {
    needed.is_empty() || write.contains_any(needed)
}

impl World {
    /// The user of that name now: of those before the first reload, there are many.
    pub(super) fn current(&self, name: &str) -> Option<User> {
        let users = self.users.as_ref()?;
        users.get(name.as_bytes()).map(|user| User::clone(user))
    }

    /// Whether somebody of that name may be there.
    pub(super) fn is_welcome(&self, user: &User) -> bool {
        self.users.as_ref().is_none_or(|users| {
            let found = users.get(user.name.as_bytes());
            found.is_some_and(|user| user.acl == Acl::default() && user.upstream == "pbx")
        })
    }

    fn user_after_reload(&mut self, name: &str) -> Option<User> {
        let named = |user: &&User| user.name == name;
        let known = self.current(name).or_else(|| {
            let actors = self.actors.iter().filter(|actor| !actor.gone);
            actors.map(|actor| &actor.user).find(named).cloned()
        });
        let mut user = match known.filter(|_| self.random.once_in(2)) {
            Some(known) => known,
            None => self.some_user_named(name),
        };
        user.acl = Acl::default();
        user.upstream = "pbx".to_owned();
        match self.random.below(12) {
            0 => return None,
            1 => {
                let mut list = RuleList::default();
                list.push_line(Sense::Deny, "192.0.2.7").unwrap();
                user.acl.push(list);
            }
            2 => user.upstream = "other".to_owned(),
            _ => {}
        }
        Some(user)
    }

    /// The configuration is read again.
    pub(super) fn reload(&mut self) {
        self.tally.reloads += 1;
        // What is on its way to Asterisk was allowed.
        let length = self.hub.outbound().len();
        self.take_outbound(length);
        assert!(self.sent.is_empty(), "half a message to Asterisk");
        let mut users = Users::default();
        for name in NAMES {
            if let Some(user) = self.user_after_reload(name) {
                users.insert(user);
            }
        }
        let users = Arc::new(users);
        let keep_rights = self.random.once_in(8);
        self.memory_limit = 1 << (15 + self.random.below(6));
        self.max_queued = 1 + self.random.below(40);
        if self.random.once_in(6) {
            self.port += 1;
        }
        let change = Reload {
            general: Arc::new(General {
                retention_bytes: 1 << (9 + self.random.below(10)),
                memory_limit_bytes: self.memory_limit,
                max_queued: self.max_queued,
                ..general()
            }),
            upstream: Arc::new(Upstream {
                window: 1 + self.random.below(20),
                response_timeout: Duration::from_secs(30),
                port: self.port,
                ..upstream()
            }),
            users: Arc::clone(&users),
            keep_rights,
        };
        self.hub.reload(self.now, change);
        self.users = (!keep_rights).then_some(users);
        if !keep_rights {
            self.expect_new_rights();
        }
        self.after_turn();
    }

    /// From the next event on, everybody sees and may do what their user may now.
    fn expect_new_rights(&mut self) {
        let from = self.pbx.first_unheard();
        for index in 0..self.actors.len() {
            let user = self.actors[index].user.clone();
            if !self.is_welcome(&user) {
                self.tally.revoked += usize::from(!self.actors[index].revoked);
                self.actors[index].revoked = true;
                continue;
            }
            let Some(now) = self.current(&user.name).filter(|now| *now != user) else {
                continue;
            };
            let kept_out = self.kept_out_of(&now);
            let actor = &mut self.actors[index];
            self.unsettled |= actor.reader.change_rights(from, &now, kept_out);
            actor.user = now;
        }
        for index in 0..self.web.len() {
            let user = self.web[index].user.clone();
            if !self.is_welcome(&user) {
                self.web[index].revoked = true;
                continue;
            }
            let Some(now) = self.current(&user.name).filter(|now| *now != user) else {
                continue;
            };
            let kept_out = self.kept_out_of(&now);
            let listener = &mut self.web[index];
            listener.reader.change_rights(from, &now, kept_out);
            listener.reader.from = None;
            for reader in listener.asked.values_mut() {
                reader.change_rights(from, &now, kept_out);
            }
            listener.place = None;
            listener.user = now;
        }
    }

    /// Asterisk's end of the wire takes so many bytes; every action in them must be allowed now.
    pub(super) fn take_outbound(&mut self, length: usize) {
        let bytes = self.hub.outbound().split_to(length);
        self.pbx.input.extend_from_slice(&bytes);
        self.sent.extend_from_slice(&bytes);
        while let Some(end) = memchr::memmem::find(&self.sent, b"\r\n\r\n") {
            let message = self.sent.drain(..end + 4).collect::<Vec<_>>();
            let text = String::from_utf8(message).unwrap();
            let get = |name: &str| text.split("\r\n").find_map(|line| line.strip_prefix(name));
            let action = get("Action: ").unwrap();
            // Of its own actions, the hub says nothing but what they are.
            let mark = get("Mark: ").or_else(|| get("Sender: "));
            let Some(name) = mark.and_then(|mark| mark.get(..3)) else {
                continue;
            };
            if self.users.is_none() {
                continue;
            }
            let user = self.current(name).filter(|user| self.is_welcome(user));
            let user = user.unwrap_or_else(|| panic!("{name} is not there any more: {text}"));
            assert!(
                may_write(user.write, needed(action)),
                "{name} must not: {text}"
            );
        }
    }
}
