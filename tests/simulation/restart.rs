//! Another process goes on: the hub is packed, sent as bytes and unpacked, and nobody outside may notice.

use std::sync::Arc;

use amimux::config::settings::{General, Upstream};
use amimux::hub::carry::Carried;
use amimux::hub::{Hub, Now};
use amimux::policy::event_filter::EventFilters;
use amimux::policy::user::Users;

use super::world::World;
use crate::hub_harness::NONCE;

impl World {
    /// A restart, perhaps with a changed configuration, perhaps without the connection to Asterisk.
    pub(super) fn restart(&mut self) {
        self.tally.restarts += 1;
        self.drain_web();
        self.end_requests();
        // What is being compiled is lost with the process.
        self.build = None;
        self.drafts.clear();
        let loses = self.pbx.connected && self.random.once_in(8);
        self.hand_over(!loses);
        if loses {
            self.tally.losses += 1;
            self.pbx.lose();
            self.doomed = None;
            self.unsettle();
        }
        for actor in self.actors.iter().filter(|actor| !actor.gone) {
            assert_eq!(self.hub.is_blocked(actor.id), actor.blocked);
        }
        self.after_turn();
    }

    fn hand_over(&mut self, connected: bool) {
        let (actors, listeners) = (&self.actors, &self.web);
        let name_of = |id| {
            let actor = actors
                .iter()
                .position(|actor| !actor.gone && actor.id == id);
            let listener = listeners
                .iter()
                .position(|listener| !listener.gone && listener.id == id);
            let listener = listener.map(|index| index + 10_000);
            actor.or(listener).map(|name| name as u64)
        };
        let empty = Hub::new(Arc::clone(&self.general), Arc::clone(&self.upstream), NONCE);
        let old = std::mem::replace(&mut self.hub, empty);
        let carried = old.pack(self.now, name_of);
        assert_eq!(carried.since_start(), self.now.since_start);
        let bytes = rmp_serde::to_vec_named(&carried).unwrap();
        let carried: Carried = rmp_serde::from_slice(&bytes).unwrap();
        let users = self.configure();
        let (general, upstream) = (Arc::clone(&self.general), Arc::clone(&self.upstream));
        let unpacked = Hub::unpack(general, upstream, &users, carried, connected, self.now);
        let unpacked = unpacked.unwrap();
        self.hub = unpacked.hub;
        for (name, id) in unpacked.sessions {
            match (name as usize).checked_sub(10_000) {
                Some(index) => self.web[index].id = id,
                None => self.actors[name as usize].id = id,
            }
        }
    }

    /// The users as the new process has them. A filter that keeps nothing out makes another view.
    fn configure(&mut self) -> Users {
        let mut users = Users::default();
        let mut names = self.users.keys().cloned().collect::<Vec<_>>();
        names.sort();
        for name in names {
            let changes = self.random.once_in(4);
            let user = self.users.get_mut(&name).unwrap();
            if changes {
                let mut filters = EventFilters::clone(&user.event_filters);
                let pattern = format!("!No event has this {}", filters.iter().count() % 3);
                filters.push("conf:1", "eventfilter", &pattern).unwrap();
                user.event_filters = Arc::new(filters);
            }
            users.insert(user.clone());
        }
        users
    }

    /// Connections over HTTP are not handed over: their requests are over.
    fn end_requests(&mut self) {
        for listener in &mut self.web {
            listener.waiting = None;
            let mut asked = listener.asked.drain().map(|(id, _)| id).collect::<Vec<_>>();
            asked.sort();
            for asker in asked {
                self.hub.give_up(asker);
            }
        }
    }
}

/// What a hub was packed into, and what another needs beside it.
pub struct Packed {
    pub carried: Carried,
    pub general: Arc<General>,
    pub upstream: Arc<Upstream>,
    pub users: Users,
    pub now: Now,
}

impl World {
    /// Packs the hub as it is.
    pub(super) fn pack(mut self) -> Packed {
        self.drain_web();
        self.end_requests();
        let users = self.configure();
        let names = self.actors.iter().map(|actor| actor.id);
        let names = names.chain(self.web.iter().map(|listener| listener.id));
        let names = names.collect::<Vec<_>>();
        let name_of = |id| names.iter().position(|other| *other == id);
        let carried = self
            .hub
            .pack(self.now, |id| name_of(id).map(|name| name as u64));
        Packed {
            carried,
            general: self.general,
            upstream: self.upstream,
            users,
            now: self.now,
        }
    }
}
