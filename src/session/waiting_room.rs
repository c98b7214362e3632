//! Connections that have not logged in: there are at most `authlimit`. When one more comes, the host that has the most
//! of them loses its oldest: whoever opens many and says nothing pushes out its own, and whoever logs in at once is
//! hardly ever met. Only where every host has a single one is the newcomer refused.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use tokio_util::sync::CancellationToken;

use super::crowd::Crowd;
use crate::policy::host::Host;

/// The connections that have not logged in.
#[derive(Debug, Clone, Default)]
pub(super) struct WaitingRoom(Rc<RefCell<Room>>);

#[derive(Debug, Default)]
struct Room {
    /// The number of the next one; the oldest has the smallest.
    next: u64,
    seats: HashMap<u64, CancellationToken>,
    /// Whose they are.
    crowd: Crowd<u64>,
    /// How many have logged in and are on their way out of here: they keep their place.
    settled: usize,
}

/// A place in the waiting room, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    room: WaitingRoom,
    number: u64,
    host: Cell<Host>,
    settled: Cell<bool>,
    /// Cancelled when the place is needed for another.
    needed: CancellationToken,
}

impl WaitingRoom {
    /// A place for one more from that host where there are `limit` of them; `None` if there is none.
    pub(super) fn enter(&self, host: Host, limit: usize) -> Option<Seat> {
        let mut room = self.0.borrow_mut();
        // Where the limit was lowered, one makes place at a time; the rest log in, or their time runs out.
        if room.seats.len() + room.settled >= limit {
            room.displace(host)?;
        }
        let number = room.next;
        room.next += 1;
        let needed = CancellationToken::new();
        room.seats.insert(number, needed.clone());
        room.crowd.insert(host, number);
        drop(room);
        Some(Seat {
            room: self.clone(),
            number,
            host: Cell::new(host),
            settled: Cell::new(false),
            needed,
        })
    }
}

impl Room {
    /// Makes room for a newcomer; `None` if that would not be fair.
    fn displace(&mut self, newcomer: Host) -> Option<()> {
        let (host, number) = self.crowd.gives_way_to(newcomer)?;
        if host != newcomer && self.crowd.count_of(host) < 2 {
            return None;
        }
        if let Some(needed) = self.remove(host, number) {
            needed.cancel();
        }
        Some(())
    }

    fn remove(&mut self, host: Host, number: u64) -> Option<CancellationToken> {
        self.crowd.remove(host, number);
        self.seats.remove(&number)
    }
}

impl Seat {
    /// A balancer has named the client: it is that host's place.
    pub(super) fn is_of(&self, host: Host) {
        let mut room = self.room.0.borrow_mut();
        let before = self.host.replace(host);
        if room.seats.contains_key(&self.number) {
            room.crowd.remove(before, self.number);
            room.crowd.insert(host, self.number);
        }
    }

    /// Its client has logged in: nobody takes its place any more.
    pub(super) fn settle(&self) {
        let mut room = self.room.0.borrow_mut();
        room.remove(self.host.get(), self.number);
        room.settled += 1;
        self.settled.set(true);
    }

    /// Resolves when the place is needed for another; never once its client has logged in.
    ///
    /// Cancel safe: nothing is kept.
    pub(super) async fn is_needed(&self) {
        self.needed.cancelled().await;
        if self.settled.get() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut room = self.room.0.borrow_mut();
        if self.settled.get() {
            room.settled -= 1;
        } else {
            room.remove(self.host.get(), self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(number: u32) -> Host {
        Host::V4(number)
    }

    #[test]
    fn the_host_with_the_most_loses_its_oldest() {
        let room = WaitingRoom::default();
        let greedy: Vec<_> = (0..3).map(|_| room.enter(host(1), 4).unwrap()).collect();
        let modest = room.enter(host(2), 4).unwrap();
        let third = room.enter(host(3), 4).unwrap();
        assert!(greedy[0].needed.is_cancelled());
        assert!(!greedy[1].needed.is_cancelled());
        // The one that opens more and more pushes out its own.
        let more = room.enter(host(1), 4).unwrap();
        assert!(greedy[1].needed.is_cancelled());
        let still = [&greedy[2], &modest, &third, &more];
        assert!(still.iter().all(|seat| !seat.needed.is_cancelled()));
        // The places of those that were pushed out are gone already.
        drop(greedy);
        assert_eq!(room.0.borrow().seats.len(), 3);
        drop((modest, third, more));
        assert!(room.0.borrow().crowd.count() == 0);
    }

    #[test]
    fn where_nobody_has_more_than_one_the_newcomer_is_refused() {
        let room = WaitingRoom::default();
        let seats = [1, 2].map(|number| room.enter(host(number), 2).unwrap());
        assert!(room.enter(host(3), 2).is_none());
        let again = room.enter(host(1), 2).unwrap();
        assert!(seats[0].needed.is_cancelled() && !seats[1].needed.is_cancelled());
        drop(again);
    }

    #[test]
    fn whoever_has_logged_in_keeps_its_place() {
        let room = WaitingRoom::default();
        let (first, second) = (
            room.enter(host(1), 2).unwrap(),
            room.enter(host(1), 2).unwrap(),
        );
        first.settle();
        second.settle();
        assert!(room.enter(host(1), 2).is_none() && room.enter(host(2), 2).is_none());
        assert!(!first.needed.is_cancelled() && !second.needed.is_cancelled());
        drop(first);
        let third = room.enter(host(2), 2).unwrap();
        let fourth = room.enter(host(2), 2).unwrap();
        assert!(third.needed.is_cancelled());
        // It had just logged in: then it stays all the same, and nobody else comes meanwhile.
        third.settle();
        assert!(room.enter(host(3), 2).is_none());
        drop((second, third, fourth));
        assert_eq!(room.0.borrow().settled, 0);
    }

    #[test]
    fn what_a_balancer_names_counts() {
        let room = WaitingRoom::default();
        let seats = [1, 2, 3].map(|number| {
            let seat = room.enter(host(9), 3).unwrap();
            seat.is_of(host(number));
            seat
        });
        assert!(room.enter(host(9), 3).is_none());
        seats[2].is_of(host(1));
        room.enter(host(9), 3).unwrap();
        assert!(seats[0].needed.is_cancelled());
        let none = WaitingRoom::default();
        assert!(none.enter(host(1), 0).is_none());
    }
}
