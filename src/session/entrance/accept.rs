//! The ports: connections are taken from each of them, and may wait for their login as long as there is room for all
//! ports together.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Entrance;
use crate::hub::limit::Limit;
use crate::policy::host::Host;
use crate::session::waiting_room::WaitingRoom;
use crate::transport::accept::accept;

/// Most connections that have lost their place to another and are not closed yet.
const PUSHED_OUT_MAX: usize = 16;

/// One port.
#[derive(Debug)]
pub struct Port {
    listener: TcpListener,
    /// What TLS is spoken with; a reload puts another in its place.
    tls: Option<watch::Receiver<Arc<ServerConfig>>>,
}

impl Port {
    /// A port without TLS.
    pub const fn plain(listener: TcpListener) -> Self {
        Self {
            listener,
            tls: None,
        }
    }

    /// A port with TLS. Each connection gets what `tls` says when it comes.
    pub const fn encrypted(listener: TcpListener, tls: watch::Receiver<Arc<ServerConfig>>) -> Self {
        Self {
            listener,
            tls: Some(tls),
        }
    }

    /// Where it is.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn local_address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Whether it speaks TLS.
    pub const fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// What TLS is spoken with just now.
    fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.tls.as_ref().map(|tls| Arc::clone(&tls.borrow()))
    }
}

impl Entrance {
    /// Takes connections from one port until `cancel`. `others` is how many more hold a share of the entrance for ever.
    ///
    /// Cancel safe: connections not yet logged in are dropped with the tasks that they have.
    pub(super) async fn accept_at(
        self: Rc<Self>,
        port: Port,
        room: WaitingRoom,
        others: usize,
        cancel: CancellationToken,
    ) {
        let shares_max = self.auth_limit.saturating_add(PUSHED_OUT_MAX + others);
        loop {
            let accepted = tokio::select! {
                () = cancel.cancelled() => return,
                accepted = self.let_in(&port.listener) => accepted,
            };
            let (socket, address) = accepted;
            // Whoever is behind a balancer is judged when the balancer has named it.
            if !self.proxy_from.names(address.ip()) && !self.may_connect(address) {
                continue;
            }
            let Some(seat) = room.enter(Host::at(address.ip())) else {
                self.gate.limits.count(Limit::AuthLimit);
                self.refuse(address, "authlimit reached");
                continue;
            };
            // Each of their tasks has a share in the entrance. Those that were pushed out go before more come: accepting
            // is quicker than closing.
            while Rc::strong_count(&self) > shares_max {
                tokio::task::yield_now().await;
            }
            let entrance = Rc::clone(&self);
            let tls = port.tls();
            let inside = self.turnstile.enter();
            tokio::task::spawn_local(async move {
                tokio::select! {
                    biased;
                    () = entrance.receive(socket, address, tls, &seat) => {}
                    () = seat.is_needed() => {
                        entrance.gate.limits.count(Limit::AuthLimit);
                        entrance.refuse(address, "authlimit reached, a later one took its place");
                    }
                }
                drop((seat, inside));
            });
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
}
