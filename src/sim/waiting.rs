//! What holds a session up, and how that ends: a synchronous Originate, `WaitEvent`, a refused login, no login at all.

use std::time::Duration;

use super::connection::{Blocked, Connection, ConnectionId};
use super::frame::Reply;
use super::pbx::Pbx;

impl Pbx {
    /// Ends the synchronous Originates that were decided meanwhile.
    pub(super) fn end_originates(&mut self) {
        for (resolved, answered) in std::mem::take(&mut self.world.resolved) {
            for connection in self.connections.values_mut() {
                let Some(Blocked::Originate { call, action_id }) = &connection.blocked else {
                    continue;
                };
                if *call != resolved {
                    continue;
                }
                let mut reply = Reply::new(action_id);
                if answered {
                    reply.success("Originate successfully queued");
                } else {
                    reply.error("Originate failed");
                }
                connection.blocked = None;
                connection.send(&reply.bytes);
                connection.release_held();
            }
        }
    }

    /// Ends what has waited long enough on a connection.
    pub(super) fn check_timeouts(&mut self, id: ConnectionId) {
        let now = self.world.now;
        let timeout = self.world.options.auth_timeout;
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let input = connection.reader.waiting() > 0;
        match &connection.blocked {
            Some(Blocked::Refused {
                until,
                action_id,
                message,
            }) if *until <= now => {
                let mut reply = Reply::new(action_id);
                reply.error(message);
                connection.send(&reply.bytes);
                connection.close();
            }
            Some(Blocked::WaitEvent {
                action_id,
                until,
                check,
            }) => {
                let timed_out = until.is_some_and(|until| until <= now);
                if timed_out || input || (*check <= now && connection.has_held()) {
                    let action_id = action_id.clone();
                    finish_wait(connection, &action_id);
                } else if let Some(Blocked::WaitEvent { check, .. }) = &mut connection.blocked {
                    while *check <= now {
                        *check += Duration::from_secs(1);
                    }
                }
            }
            _ => {}
        }
        let late = connection.connected_at.saturating_add(timeout) <= now;
        if connection.session.name.is_none() && late && connection.blocked.is_none() {
            connection.close();
        }
    }
}

/// The answer of `WaitEvent`: the response, what was held back, the end.
fn finish_wait(connection: &mut Connection, action_id: &[u8]) {
    let mut reply = Reply::new(action_id);
    reply.success("Waiting for Event completed.");
    connection.send(&reply.bytes);
    connection.release_held();
    let mut end = Reply::new(action_id);
    end.item("WaitEventComplete").action_id_in(256).end();
    connection.send(&end.bytes);
    connection.blocked = None;
}
