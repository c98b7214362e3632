//! Taking a hub apart.

use super::flight::{CarriedEntry, CarriedLate, CarriedOriginate, Places};
use super::link::{CarriedAction, CarriedLink};
use super::mail::ViewPlaces;
use super::plain::{Hidden, Nanos};
use super::session::CarriedSession;
use super::view::CarriedView;
use super::{Carried, VERSION};
use crate::hub::ring::Ring;
use crate::hub::session::{CloseReason, SessionId};
use crate::hub::turns::Turns;
use crate::hub::view::{ViewId, Views};
use crate::hub::{Hub, Now};

/// A place in a list. None has as many entries as that.
fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

impl Hub {
    /// Takes the hub apart, so that another process can go on with it. `name_of` names each session that goes along, so
    /// that its connection can be found again; those without a name are dropped, and so are requests over HTTP: their
    /// callers end them before. Fetch what the hub has for the log before, and give what it has for clients no thought:
    /// all of it goes along. If the other process cannot take over, [`Hub::unpack`] makes a hub of it here again.
    #[expect(clippy::too_many_lines, reason = "a list of all that a hub has")]
    pub fn pack(mut self, now: Now, name_of: impl Fn(SessionId) -> Option<u64>) -> Carried {
        let names = self.leave_behind(name_of);
        // What waits only for the end of a turn is done, and every event is readable.
        self.end_turn(now);
        for (_, view) in self.views.iter_mut() {
            view.log.seal();
        }
        let ids = names.iter().enumerate();
        let places: Places = ids.map(|(index, (id, _))| (*id, place(index))).collect();
        let Self {
            // The new process has its own.
            general: _,
            users: _,
            ending: _,
            upstream,
            mint,
            random,
            link,
            banner,
            framer,
            inbound,
            outbound,
            ring: Ring { entries, first },
            late,
            originates,
            table,
            mut sessions,
            generation,
            // Found out from the sessions.
            by_user: _,
            turns: Turns { queue },
            views,
            added_filter_bytes: _,
            drafting: _,
            mail_bytes: _,
            waiters: _,
            // Every session is written to, and read again, by the new process.
            dirty: _,
            resumed: _,
            backlog: _,
            // Only requests have anything there.
            web: _,
            write_deadline: _,
            notices: _,
            // Counted from the start of a process.
            limits: _,
            statistics: _,
            pulse: _,
        } = self;
        let next_view = views.next_number;
        let (views, view_places) = pack_views(views);
        let mut carried = Vec::with_capacity(names.len());
        for (id, name) in names {
            if let Some(session) = sessions.try_remove(id.index()) {
                carried.push(CarriedSession::pack(session, name, &view_places));
            }
        }
        let owned = |(sequence, originate)| CarriedOriginate::pack(sequence, originate, &places);
        let entries = entries.into_iter();
        Carried {
            version: VERSION,
            upstream: upstream.name.clone(),
            since_start: Nanos::from(now.since_start),
            nonce: Hidden(mint.nonce()),
            random: Hidden(random.0),
            generation,
            next_view,
            link: CarriedLink::pack(link),
            banner,
            inbound: inbound.into(),
            outbound: outbound.into(),
            skipping: framer.skipping().map(Into::into),
            first_sequence: first,
            ring: entries
                .map(|entry| CarriedEntry::pack(entry, &places))
                .collect(),
            late: CarriedLate::pack_all(late, &places),
            originates: originates.into_iter().filter_map(owned).collect(),
            actions: table.iter().map(CarriedAction::pack).collect(),
            views,
            sessions: carried,
            turns: queue
                .iter()
                .filter_map(|id| places.get(id).copied())
                .collect(),
        }
    }

    /// Drops the sessions that do not go along; the others with their names.
    fn leave_behind(
        &mut self,
        name_of: impl Fn(SessionId) -> Option<u64>,
    ) -> Vec<(SessionId, u64)> {
        let mut names = Vec::with_capacity(self.sessions.len());
        let mut left = Vec::new();
        for id in self.session_ids() {
            match name_of(id).filter(|_| !self.is_asker(id)) {
                Some(name) => names.push((id, name)),
                None => left.push(id),
            }
        }
        // Requests first: they belong to others.
        left.sort_by_key(|id| !self.is_asker(*id));
        for id in left {
            self.remove(id, CloseReason::Shutdown);
        }
        names
    }
}

/// All views in the order of their places.
fn pack_views(views: Views) -> (Vec<CarriedView>, ViewPlaces) {
    let Views {
        spare: _,
        slab,
        grown: _,
        retained_bytes: _,
        by_key,
        next_number: _,
        kept,
        judge: _,
    } = views;
    let mut places = ViewPlaces::new();
    let mut carried = Vec::with_capacity(slab.len());
    for (index, view) in slab {
        let id = ViewId(index);
        let is_open = by_key.get(&view.key) == Some(&id);
        let until = kept.views.iter().find(|(kept, _)| *kept == id);
        places.insert(id, place(carried.len()));
        let until = until.map(|(_, until)| Nanos::from(*until));
        carried.push(CarriedView::pack(view, is_open, until));
    }
    (carried, places)
}
