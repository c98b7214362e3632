//! The entrance: accepts connections, greets, and deals with them until they have logged in. Then the
//! socket moves to the thread of the user's Asterisk. `accept` has the ports, `handshake` makes TLS of a connection,
//! `certificate` reads the names of those who show one, and `turnstile` stops the ports for a while.

mod accept;
pub mod certificate;
mod handshake;
mod turnstile;

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error};

pub use self::accept::Port;
use self::handshake::Prepared;
pub use self::turnstile::Turnstile;
use super::client::Arrival;
use super::gate::Gate;
use super::proxy::{self, Parsed};
use super::refusal_log::ConnectionLines;
use super::registry::LoginGuard;
use super::reports::Visitor;
use super::waiting_room::{Seat, WaitingRoom};
use crate::hub::Admission;
use crate::hub::door::{Admitted, Door, Step};
use crate::hub::limit::Limit;
use crate::hub::security::Connection;
use crate::policy::acl::{Acl, RuleList};
use crate::policy::host::Host;
use crate::transport::socket::prepare_client;
use crate::transport::stream::Stream;

/// What clients are greeted with before any Asterisk was seen: the AMI version of Asterisk 22.
const BANNER_DEFAULT: &str = "Asterisk Call Manager/11.0.0";

/// How long the first clients wait for Asterisk's own banner after a start.
const FIRST_BANNER_WITHIN: Duration = Duration::from_secs(2);

/// What is logged of a client that may not connect.
const DENIED: &str = "the address is denied by the access control list of [general]";

/// Everything that the entrance needs.
#[derive(Debug)]
pub struct Entrance {
    /// What logins are decided with.
    pub gate: Gate,
    /// The way to each Asterisk's thread, by the upstream's name.
    pub hubs: HashMap<String, mpsc::Sender<Arrival>>,
    /// What the first upstream's Asterisk greets with.
    pub upstream_banner: watch::Receiver<Option<String>>,
    /// What is greeted with instead.
    pub banner: Option<String>,
    /// How long a login may take.
    pub auth_timeout: Duration,
    /// Most connections that are not logged in.
    pub auth_limit: usize,
    /// Who may connect at all.
    pub acl: Acl,
    /// Whose connections begin with a header of the PROXY protocol.
    pub proxy_from: RuleList,
    /// The log of connections closed at once.
    pub lines: ConnectionLines,
    /// Where TLS is spoken, to tell those who try it elsewhere.
    pub tls_address: Option<SocketAddr>,
    /// Stops the ports for a while.
    pub turnstile: Turnstile,
}

impl Entrance {
    /// Accepts at all ports until `cancel`.
    ///
    /// Cancel safe: connections not yet logged in are dropped.
    pub async fn run(self, ports: Vec<Port>, cancel: CancellationToken) {
        let room = WaitingRoom::new(self.auth_limit);
        let shared = Rc::new(self);
        shared.await_first_banner().await;
        let mut accepting = JoinSet::new();
        let others = ports.len();
        for port in ports {
            let (shared, room, cancel) = (Rc::clone(&shared), room.clone(), cancel.clone());
            accepting.spawn_local(shared.accept_at(port, room, others, cancel));
        }
        // A panic in one of them ends the program, as it would in this task.
        while let Some(ended) = accepting.join_next().await {
            if let Err(error) = ended
                && error.is_panic()
            {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }

    async fn await_first_banner(&self) {
        if self.banner.is_none() {
            let mut banner = self.upstream_banner.clone();
            let _ = tokio::time::timeout(FIRST_BANNER_WITHIN, banner.changed()).await;
        }
    }

    fn greeting(&self) -> BytesMut {
        let upstream = self.upstream_banner.borrow();
        let banner = self
            .banner
            .as_deref()
            .or(upstream.as_deref())
            .unwrap_or(BANNER_DEFAULT);
        let mut greeting = BytesMut::from(banner.as_bytes());
        greeting.extend_from_slice(b"\r\n");
        greeting
    }

    /// Whether a client at this address may connect; if not, that is logged.
    fn may_connect(&self, address: SocketAddr) -> bool {
        let allowed = self.acl.allows(address.ip());
        if !allowed {
            self.refuse(address, DENIED);
        }
        allowed
    }

    fn refuse(&self, address: SocketAddr, reason: &str) {
        self.lines
            .refused(self.gate.clock.now().since_start, address.ip(), reason);
    }

    /// Deals with a connection from its first byte until it is closed or handed over.
    ///
    /// Cancel safe: nothing of a connection that is dropped matters.
    async fn receive(
        &self,
        socket: TcpStream,
        address: SocketAddr,
        tls: Option<Arc<ServerConfig>>,
        seat: &Seat,
    ) {
        prepare_client(&socket);
        let stream = Stream::plain(socket);
        let clock = self.gate.clock;
        let deadline = clock.instant(clock.now().since_start + self.auth_timeout);
        let mut input = BytesMut::new();
        let mut client = Some(address);
        if self.proxy_from.names(address.ip()) {
            let named = self.named_client(&stream, address, &mut input);
            match timeout_at(deadline, named).await {
                Ok(named) => client = named,
                Err(_) => {
                    self.gate.limits.count(Limit::AuthTimeout);
                    return self.refuse(address, "no PROXY header came within authtimeout");
                }
            }
        }
        let encrypted = tls.is_some();
        let Some(connection) = client.and_then(|client| identify(&stream, client, encrypted))
        else {
            return;
        };
        seat.is_of(Host::at(connection.address()));
        let Some(Prepared { stream, names }) =
            (self.prepare(stream, tls, connection, &mut input, deadline)).await
        else {
            return;
        };
        let visit = self.visit(&stream, connection, names, input);
        match timeout_at(deadline, visit).await {
            // It has been told that it is in: from here on it is not pushed out.
            Ok(Some(visitor)) => {
                seat.settle();
                self.hand_over(stream, connection, visitor).await;
            }
            Ok(None) => stream.close().await,
            Err(_) => {
                self.gate.limits.count(Limit::AuthTimeout);
                let address = connection.address();
                debug!(%address, "no login within authtimeout");
            }
        }
    }

    /// Makes the handshake where there is to be one. `None`: the connection is closed, and that is logged.
    ///
    /// Cancel safe: nothing of a connection that is dropped matters.
    async fn prepare(
        &self,
        stream: Stream,
        tls: Option<Arc<ServerConfig>>,
        connection: Connection,
        input: &mut BytesMut,
        deadline: Instant,
    ) -> Option<Prepared> {
        let Some(tls) = tls else {
            let names = None;
            return Some(Prepared { stream, names });
        };
        let refuse = |reason: &str| {
            let now = self.gate.clock.now().since_start;
            self.lines.refused(now, connection.address(), reason);
        };
        match timeout_at(deadline, handshake::secure(stream, tls, input)).await {
            Ok(Ok(prepared)) => return Some(prepared),
            Ok(Err((stream, reason))) => {
                if let Some(reason) = reason {
                    refuse(&reason);
                }
                stream.close().await;
            }
            Err(_) => {
                self.gate.limits.count(Limit::AuthTimeout);
                refuse("no TLS handshake was made within authtimeout");
            }
        }
        None
    }

    /// Reads the header with which the balancer at `address` names its client; what is behind it stays in
    /// `input`. `None`: the connection is to be closed, and that is logged.
    ///
    /// Cancel safe: nothing of a connection that is dropped matters.
    async fn named_client(
        &self,
        stream: &Stream,
        address: SocketAddr,
        input: &mut BytesMut,
    ) -> Option<SocketAddr> {
        loop {
            match proxy::parse(input) {
                Parsed::Header { source, consumed } => {
                    input.advance(consumed.min(input.len()));
                    return source
                        .or(Some(address))
                        .filter(|client| self.may_connect(*client));
                }
                Parsed::Invalid => {
                    self.refuse(address, "the connection does not begin with a PROXY header");
                    return None;
                }
                Parsed::Incomplete => {}
            }
            if read_some(stream, input).await != Some(true) {
                // Balancers look in this way whether anybody listens.
                if !input.is_empty() {
                    self.refuse(address, "the connection ended within the PROXY header");
                }
                return None;
            }
        }
    }

    /// Talks to a connection until it has logged in; `None` when it is to be closed.
    ///
    /// Cancel safe: nothing of a connection that is dropped matters.
    async fn visit(
        &self,
        stream: &Stream,
        connection: Connection,
        names: Option<Vec<String>>,
        input: BytesMut,
    ) -> Option<(Box<Admitted>, u32, LoginGuard)> {
        let mut out = self.greeting();
        stream.write_all(&mut out).await.ok()?;
        let random = random_u32()?;
        let mut door = Door::new(random).with_certificate(names);
        *door.input() = input;
        let mut visitor = Visitor::new(connection);
        let mut verified: Option<bool> = None;
        loop {
            if self.is_lost(stream, connection, door.input()) {
                return None;
            }
            let now = self.gate.clock.now();
            let address = connection.address();
            let step = (self.gate).step(&mut door, address, now, verified.take(), &mut out);
            self.gate.tell_refusals(&mut door, now, &mut visitor);
            match step {
                Step::Wait => {
                    stream.write_all(&mut out).await.ok()?;
                    if !read_some(stream, door.input()).await? {
                        return None;
                    }
                }
                Step::CloseAt(moment) => {
                    tokio::time::sleep_until(self.gate.clock.instant(moment)).await;
                    stream.write_all(&mut out).await.ok()?;
                    return None;
                }
                Step::Close => {
                    stream.write_all(&mut out).await.ok()?;
                    return None;
                }
                Step::Verify(verification) => {
                    stream.write_all(&mut out).await.ok()?;
                    verified = Some(self.gate.verifier.run(verification).await);
                }
                Step::Admit(admitted) => {
                    // Counted before anything is waited for: of two at the same time only one is the first.
                    let login = self.gate.registry.log_in(&admitted.user, address);
                    stream.write_all(&mut out).await.ok()?;
                    return Some((admitted, random, login));
                }
            }
        }
    }

    /// Whether the client wants TLS on the port without; that is logged.
    fn is_lost(&self, stream: &Stream, connection: Connection, input: &[u8]) -> bool {
        let lost = !stream.is_encrypted() && handshake::is_client_hello(input);
        if lost {
            let reason = match self.tls_address {
                Some(address) => format!(
                    "a TLS handshake on the port for plain connections: TLS is spoken at {address} (tlsbindaddr)"
                ),
                None => "a TLS handshake on the port for plain connections: TLS is not switched on (tlsenable, tlsbindaddr)".to_owned(),
            };
            let now = self.gate.clock.now().since_start;
            self.lines.refused(now, connection.address(), &reason);
        }
        lost
    }

    async fn hand_over(
        &self,
        stream: Stream,
        connection: Connection,
        (admitted, challenge_random, login): (Box<Admitted>, u32, LoginGuard),
    ) {
        let Admitted {
            user,
            account,
            action_id,
            events,
            challenge,
            input,
        } = *admitted;
        let Some(hub) = self.hubs.get(&user.upstream) else {
            error!(
                user = user.name,
                upstream = user.upstream,
                "no such upstream"
            );
            return;
        };
        let Ok(stream) = stream.detach() else {
            return;
        };
        let arrival = Arrival {
            stream,
            admission: Admission {
                user,
                account,
                connection,
                action_id,
                events,
                challenge,
                challenge_random,
                input,
            },
            login,
        };
        if hub.send(arrival).await.is_err() {
            let address = connection.address();
            debug!(%address, "a client came while its upstream was being shut down");
        }
    }
}

/// How the connection is named in the log and in security events; `None`: it is gone already.
fn identify(stream: &Stream, remote: SocketAddr, encrypted: bool) -> Option<Connection> {
    let local = stream.socket().local_addr().ok()?;
    let random = getrandom::u64()
        .inspect_err(|error| error!(%error, "no random numbers from the system"))
        .ok()?;
    let connection = Connection::new(local, remote, random);
    Some(match encrypted {
        true => connection.over_tls(),
        false => connection,
    })
}

fn random_u32() -> Option<u32> {
    match getrandom::u32() {
        Ok(random) => Some(random),
        Err(error) => {
            error!(%error, "no random numbers from the system: logins are refused");
            None
        }
    }
}

/// Reads once; `Some(false)` at the end of input.
async fn read_some(stream: &Stream, input: &mut BytesMut) -> Option<bool> {
    loop {
        stream.readable().await.ok()?;
        input.reserve(4096);
        match stream.try_read_buf(input) {
            Ok(read) => return Some(read > 0),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
}
