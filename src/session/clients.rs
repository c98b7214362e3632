//! The live clients of one hub, by the place of their session: looked up for every write.

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::registry::LoginGuard;
use crate::hub::SessionId;
use crate::transport::stream::Stream;

/// One live client.
pub(super) struct Client {
    pub(super) stream: Stream,
    /// Its input can be taken again.
    pub(super) resumed: Notify,
    /// It is over.
    pub(super) gone: CancellationToken,
    /// Counts as a login of its user until taken.
    pub(super) login: Cell<Option<LoginGuard>>,
}

/// All of them.
#[derive(Default)]
pub(super) struct Clients {
    slots: Vec<Option<(SessionId, Rc<Client>)>>,
    count: usize,
}

impl Clients {
    /// The client of that session, if it is there still.
    pub(super) fn get(&self, id: SessionId) -> Option<Rc<Client>> {
        let (known, client) = self.slots.get(id.index())?.as_ref()?;
        (*known == id).then(|| Rc::clone(client))
    }

    /// Any client.
    pub(super) fn first(&self) -> Option<Rc<Client>> {
        let mut taken = self.slots.iter().flatten();
        taken.next().map(|(_, client)| Rc::clone(client))
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = (SessionId, &Rc<Client>)> {
        let taken = self.slots.iter().flatten();
        taken.map(|(id, client)| (*id, client))
    }

    /// A client has come. The place of its session is free: a session ends no later than its client.
    pub(super) fn insert(&mut self, id: SessionId, client: &Rc<Client>) {
        if self.slots.len() <= id.index() {
            self.slots.resize_with(id.index() + 1, || None);
        }
        if let Some(slot) = self.slots.get_mut(id.index())
            && slot.replace((id, Rc::clone(client))).is_none()
        {
            self.count += 1;
        }
    }

    /// A client has gone.
    pub(super) fn remove(&mut self, id: SessionId) -> Option<Rc<Client>> {
        let slot = self.slots.get_mut(id.index())?;
        let (_, client) = slot.take_if(|(known, _)| *known == id)?;
        self.count -= 1;
        Some(client)
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.count
    }
}
