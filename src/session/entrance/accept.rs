//! The ports: connections are taken from each of them, and may wait for their login as long as there is room for all
//! ports together.

use std::net::SocketAddr;
use std::rc::Rc;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Entrance;
use crate::hub::limit::Limit;
use crate::policy::host::Host;
use crate::transport::accept::{self, accept};

/// Most connections that have lost their place to another and are not closed yet.
const PUSHED_OUT_MAX: usize = 16;

/// Connections that the system holds for a port, and that are still taken when it is closed.
const BACKLOG_MAX: usize = 1024;

/// One port.
#[derive(Debug)]
pub struct Port {
    /// Where connections come from.
    pub listener: TcpListener,
    /// Whether TLS is spoken there. Each connection gets what the settings say when it comes.
    pub encrypted: bool,
    /// Cancelled when nobody is accepted any more. Whoever has connected by then is dealt with.
    pub closed: CancellationToken,
    /// Dropped once it is closed.
    pub open: DropGuard,
}

impl Entrance {
    /// Takes connections from one port until it is closed.
    ///
    /// Cancel safe: connections not yet logged in are dropped with the tasks that they have.
    pub async fn accept_at(self: Rc<Self>, port: Port) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = port.closed.cancelled() => break,
                accepted = self.let_in(&port.listener) => accepted,
            };
            self.take(accepted, port.encrypted).await;
        }
        if !self.turnstile.is_open() {
            // Whoever waits there is another process's.
            return;
        }
        let waiting = accept::close(port.listener, BACKLOG_MAX);
        drop(port.open);
        for accepted in waiting {
            self.take(accepted, port.encrypted).await;
        }
    }

    /// The next connection, once the turnstile is open.
    ///
    /// Cancel safe: no connection is lost.
    async fn let_in(&self, listener: &TcpListener) -> (TcpStream, SocketAddr) {
        loop {
            self.turnstile.is(true).await;
            tokio::select! {
                biased;
                () = self.turnstile.is(false) => {}
                accepted = accept(listener) => return accepted,
            }
        }
    }

    async fn take(self: &Rc<Self>, (socket, address): (TcpStream, SocketAddr), encrypted: bool) {
        let rules = self.gate.live.now();
        let general = &rules.general;
        // Whoever is behind a balancer is judged when the balancer has named it.
        if !general.proxy_from.names(address.ip()) && !self.may_connect(&rules, address) {
            return;
        }
        let Some(seat) = self.room.enter(Host::at(address.ip()), general.auth_limit) else {
            self.gate.limits.count(Limit::AuthLimit);
            return self.refuse(address, "authlimit reached");
        };
        // Each of their tasks has a share. Those that were pushed out go before more come: accepting is quicker than
        // closing.
        let shares_max = general.auth_limit.saturating_add(PUSHED_OUT_MAX + 1);
        while Rc::strong_count(&self.shares) > shares_max {
            tokio::task::yield_now().await;
        }
        let entrance = Rc::clone(self);
        let share = (Rc::clone(&self.shares), self.turnstile.enter());
        tokio::task::spawn_local(async move {
            tokio::select! {
                biased;
                () = entrance.receive(socket, address, encrypted, &rules, &seat) => {}
                () = seat.is_needed() => {
                    entrance.gate.limits.count(Limit::AuthLimit);
                    entrance.refuse(address, "authlimit reached, a later one took its place");
                }
            }
            drop((seat, share));
        });
    }
}
