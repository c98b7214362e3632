//! The configuration was read again: the hub is told, and what this thread has made of the old settings follows.

use std::rc::Rc;

use super::shell::Shell;
use crate::hub::Reload;
use crate::transport::socket::wait_for_client;

impl Shell {
    /// From here on these settings hold: see [`Hub::reload`](crate::hub::Hub::reload).
    pub fn reload(self: &Rc<Self>, change: Reload) {
        let now = self.now();
        self.pace
            .borrow_mut()
            .limit_delay(change.general.flush_delay);
        self.hub.borrow_mut().reload(now, change);
        for id in self.hub.borrow().session_ids() {
            if let Some(client) = self.clients.borrow().get(id) {
                let full = self.hub.borrow().is_blocked(id);
                wait_for_client(client.stream.socket(), self.write_timeout(id), full);
            }
        }
        self.settle();
        // It may have to drop its connection, or to connect sooner and elsewhere.
        self.upstream_wake.notify_one();
    }
}
