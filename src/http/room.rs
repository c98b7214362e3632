//! The connections over HTTP: there are at most `sessionlimit` of `[http]`. When one more comes, one that does nothing
//! for anybody who is logged in gives way: it waits for its next request, or its request is not whole, or is
//! that of a stranger. Whose it is, [`Crowd`] decides. Where all do something, the newcomer is refused.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use tokio_util::sync::CancellationToken;

use crate::policy::host::Host;
use crate::session::crowd::Crowd;

/// The places for connections.
#[derive(Debug, Clone, Default)]
pub(super) struct Room(Rc<RefCell<Places>>);

#[derive(Debug, Default)]
struct Places {
    /// The number of the next one; the oldest has the smallest.
    next: u64,
    taken: HashMap<u64, CancellationToken>,
    /// Those that would give way.
    idle: Crowd<u64>,
    /// Those that have given way and are not closed yet.
    closing: usize,
}

/// A connection's place, until this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    room: Room,
    number: u64,
    host: Host,
    idle: Cell<bool>,
    /// Cancelled when the place is needed for another.
    needed: CancellationToken,
}

impl Room {
    /// A place for one more from that host where there are `limit` of them; `None` if there is none. It would give way
    /// until it says otherwise.
    pub(super) fn enter(&self, host: Host, limit: usize) -> Option<Place> {
        let mut places = self.0.borrow_mut();
        if places.taken.len() >= limit {
            let (owner, number) = places.idle.gives_way_to(host)?;
            places.idle.remove(owner, number);
            let needed = places.taken.remove(&number)?;
            places.closing += 1;
            needed.cancel();
        }
        let number = places.next;
        places.next += 1;
        let needed = CancellationToken::new();
        places.taken.insert(number, needed.clone());
        places.idle.insert(host, number);
        drop(places);
        Some(Place {
            room: self.clone(),
            number,
            host,
            idle: Cell::new(true),
            needed,
        })
    }

    /// How many have given way and are not closed yet.
    pub(super) fn closing(&self) -> usize {
        self.0.borrow().closing
    }

    /// Whether there is no connection.
    pub(super) fn is_empty(&self) -> bool {
        let places = self.0.borrow();
        places.taken.is_empty() && places.closing == 0
    }
}

impl Place {
    /// Says whether this connection would give way now.
    pub(super) fn set_idle(&self, idle: bool) {
        if self.idle.replace(idle) == idle {
            return;
        }
        let mut places = self.room.0.borrow_mut();
        if !idle {
            places.idle.remove(self.host, self.number);
        } else if places.taken.contains_key(&self.number) {
            places.idle.insert(self.host, self.number);
        }
    }

    /// Resolves when the place is needed for another.
    ///
    /// Cancel safe: nothing is kept.
    pub(super) async fn is_needed(&self) {
        self.needed.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.room.0.borrow_mut();
        match places.taken.remove(&self.number) {
            Some(_) => places.idle.remove(self.host, self.number),
            None => places.closing = places.closing.saturating_sub(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(number: u32) -> Host {
        Host::V4(number)
    }

    fn given_way(places: &[&Place]) -> Vec<bool> {
        places
            .iter()
            .map(|place| place.needed.is_cancelled())
            .collect()
    }

    #[test]
    fn what_does_nothing_gives_way_and_what_does_something_never() {
        let room = Room::default();
        let greedy = [(); 3].map(|()| room.enter(host(1), 4).unwrap());
        let [first, second, third] = &greedy;
        let modest = room.enter(host(2), 4).unwrap();
        first.set_idle(false);
        let newcomer = room.enter(host(3), 4).unwrap();
        let all = [first, second, third, &modest, &newcomer];
        assert_eq!(given_way(&all), [false, true, false, false, false]);
        assert_eq!(room.closing(), 1);
        // One that has given way does not come back, whatever it begins.
        second.set_idle(false);
        second.set_idle(true);
        for place in [third, &modest, &newcomer] {
            place.set_idle(false);
        }
        assert!(room.enter(host(4), 4).is_none() && room.enter(host(1), 4).is_none());
        modest.set_idle(true);
        let last = room.enter(host(1), 4).unwrap();
        assert_eq!(given_way(&all), [false, true, false, true, false]);
        drop((modest, newcomer, last));
        assert_eq!((room.closing(), room.is_empty()), (1, false));
        drop(greedy);
        assert!(room.is_empty());
        let places = room.0.borrow();
        assert_eq!((places.idle.count(), places.closing), (0, 0));
    }

    #[test]
    fn a_room_without_a_place_has_none() {
        assert!(Room::default().enter(host(1), 0).is_none());
    }
}
