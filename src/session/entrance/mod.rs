//! The entrance: accepts connections, greets, and deals with them until they have logged in. Then the
//! socket moves to the thread of the user's Asterisk. `accept` has the ports, `handshake` makes TLS of a connection,
//! `certificate` reads the names of those who show one, and `turnstile` stops the ports for a while.

mod accept;
pub mod certificate;
mod handshake;
mod turnstile;

use std::cell::Cell;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tracing::{debug, error, info};

pub use self::accept::Port;
use self::handshake::Prepared;
pub use self::turnstile::Turnstile;
use super::client::Arrival;
use super::gate::Gate;
use super::live::Rules;
use super::proxy::{self, Parsed};
use super::refusal_log::ConnectionLines;
use super::registry::LoginGuard;
use super::reports::Visitor;
use super::waiting_room::{Seat, WaitingRoom};
use crate::hub::Admission;
use crate::hub::door::{Admitted, Door, Step};
use crate::hub::limit::Limit;
use crate::hub::security::Connection;
use crate::policy::host::Host;
use crate::transport::socket::prepare_client;
use crate::transport::stream::Stream;

/// What clients are greeted with before any Asterisk was seen: the AMI version of Asterisk 22.
pub const BANNER_DEFAULT: &str = "Asterisk Call Manager/11.0.0";

/// How long the first clients wait for Asterisk's own banner after a start.
const FIRST_BANNER_WITHIN: Duration = Duration::from_secs(2);

/// What is logged of a client that may not connect.
const DENIED: &str = "the address is denied by the access control list of [general]";

/// What deals with all connections that have not logged in.
#[derive(Debug)]
pub struct Entrance {
    /// What logins are decided with, and what is in force.
    gate: Gate,
    /// The log of connections closed at once.
    lines: ConnectionLines,
    room: WaitingRoom,
    /// Each connection has a share.
    shares: Rc<()>,
    /// Where TLS is spoken, to tell those who try it elsewhere.
    tls_address: Cell<Option<SocketAddr>>,
    /// Stops the ports for a while.
    turnstile: Turnstile,
}

impl Entrance {
    /// An entrance without a port.
    pub fn new(gate: Gate) -> Rc<Self> {
        Rc::new(Self {
            gate,
            lines: ConnectionLines::default(),
            room: WaitingRoom::default(),
            shares: Rc::default(),
            tls_address: Cell::new(None),
            turnstile: Turnstile::default(),
        })
    }

    /// What stops all ports for a while.
    pub const fn turnstile(&self) -> &Turnstile {
        &self.turnstile
    }

    /// TLS is spoken there from now on, or nowhere.
    pub fn speaks_tls_at(&self, address: Option<SocketAddr>) {
        self.tls_address.set(address);
    }

    /// Waits for what Asterisk greets with, so that the first clients are greeted so, too.
    ///
    /// Cancel safe: nothing is kept.
    pub async fn await_first_banner(&self) {
        let rules = self.gate.live.now();
        let first = rules.upstreams().next();
        if let (None, Some((_, ways))) = (&rules.general.banner, first) {
            let mut banner = ways.banner.clone();
            if banner.borrow().is_some() {
                return;
            }
            let _ = tokio::time::timeout(FIRST_BANNER_WITHIN, banner.changed()).await;
        }
    }

    fn greeting(&self) -> BytesMut {
        let rules = self.gate.live.now();
        let upstream = rules.upstreams().next();
        let upstream = upstream.and_then(|(_, ways)| ways.banner.borrow().clone());
        let banner = (rules.general.banner.as_deref())
            .or(upstream.as_deref())
            .unwrap_or(BANNER_DEFAULT);
        let mut greeting = BytesMut::from(banner.as_bytes());
        greeting.extend_from_slice(b"\r\n");
        greeting
    }

    /// Whether a client at this address may connect; if not, that is logged.
    fn may_connect(&self, rules: &Rules, address: SocketAddr) -> bool {
        let allowed = rules.general.acl.allows(address.ip());
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
        encrypted: bool,
        rules: &Rules,
        seat: &Seat,
    ) {
        let tls = match (encrypted, &rules.general.tls) {
            (false, _) => None,
            (true, Some(listener)) => Some(Arc::clone(&listener.tls)),
            // It came to a port that is being closed.
            (true, None) => return,
        };
        prepare_client(&socket);
        let stream = Stream::plain(socket);
        let clock = self.gate.clock;
        let deadline = clock.instant(clock.now().since_start + rules.general.auth_timeout);
        let mut input = BytesMut::new();
        let mut client = Some(address);
        if rules.general.proxy_from.names(address.ip()) {
            let named = self.named_client(&stream, rules, address, &mut input);
            match timeout_at(deadline, named).await {
                Ok(named) => client = named,
                Err(_) => {
                    self.gate.limits.count(Limit::AuthTimeout);
                    return self.refuse(address, "no PROXY header came within authtimeout");
                }
            }
        }
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
        rules: &Rules,
        address: SocketAddr,
        input: &mut BytesMut,
    ) -> Option<SocketAddr> {
        loop {
            match proxy::parse(input) {
                Parsed::Header { source, consumed } => {
                    input.advance(consumed.min(input.len()));
                    return source
                        .or(Some(address))
                        .filter(|client| self.may_connect(rules, *client));
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
            let reason = match self.tls_address.get() {
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
        let rules = self.gate.live.now();
        let Some(ways) = rules.hubs.get(&user.upstream) else {
            let upstream = &user.upstream;
            info!(
                name: "no-such-upstream",
                user = user.name,
                upstream, "the upstream was removed while its client logged in"
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
        if ways.arrivals.send(arrival).await.is_err() {
            let address = connection.address();
            debug!(%address, "a client came while its upstream was being shut down");
        }
    }
}

/// How the connection is named in the log and in security events; `None`: it is gone already.
fn identify(stream: &Stream, remote: SocketAddr, encrypted: bool) -> Option<Connection> {
    let local = stream.socket().local_addr().ok()?;
    let random = getrandom::u64()
        .inspect_err(
            |error| error!(name: "no-random-numbers", %error, "no random numbers from the system"),
        )
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
            error!(name: "no-random-numbers", %error, "no random numbers from the system: logins are refused");
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
