//! The ports that are listened on: opened here, or passed by a service manager that had them open before (socket
//! activation, `sd_listen_fds(3)`), each under the name of what is to be served on it.

use std::io::{Error, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;

use listenfd::ListenFd;
use rustix::net::sockopt::set_socket_reuseport;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{info, warn};

use super::handover::Stored;
use crate::config::settings::{Settings, TlsListener};

/// Why a port cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// Somebody listens there already.
    #[error(
        "cannot listen on {address}: another program uses the port (Asterisk itself? `ss -ltnp` tells); change {option}"
    )]
    InUse {
        /// Where.
        address: SocketAddr,
        /// The option that says so.
        option: &'static str,
    },
    /// A port below 1024, or a policy of the system forbids it.
    #[error(
        "cannot listen on {address}: not permitted; ports below 1024 want CAP_NET_BIND_SERVICE, or change {option}"
    )]
    Forbidden {
        /// Where.
        address: SocketAddr,
        /// The option that says so.
        option: &'static str,
    },
    /// No interface of this machine has the address.
    #[error("cannot listen on {address}: this machine does not have the address; change {option}")]
    NotHere {
        /// Where.
        address: SocketAddr,
        /// The option that says so.
        option: &'static str,
    },
    /// Anything else.
    #[error("cannot listen on {address} ({option}): {error}")]
    Other {
        /// Where.
        address: SocketAddr,
        /// The option that says so.
        option: &'static str,
        /// What the system says.
        error: Error,
    },
}

impl PortError {
    fn new(address: SocketAddr, option: &'static str, error: Error) -> Self {
        match error.kind() {
            ErrorKind::AddrInUse => Self::InUse { address, option },
            ErrorKind::PermissionDenied => Self::Forbidden { address, option },
            ErrorKind::AddrNotAvailable => Self::NotHere { address, option },
            _ => Self::Other {
                address,
                option,
                error,
            },
        }
    }
}

/// What is served on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Service {
    /// What the service manager calls the socket.
    pub(super) name: &'static str,
    /// The option that says where, for errors.
    pub(super) option: &'static str,
}

/// AMI.
pub(super) const AMI: Service = Service {
    name: "ami",
    option: "`port` or `bindaddr` in [general]",
};
/// AMI with TLS.
pub(super) const AMI_TLS: Service = Service {
    name: "ami-tls",
    option: "`tlsbindaddr` in [general]",
};
/// HTTP.
pub(super) const HTTP: Service = Service {
    name: "http",
    option: "`bindport` or `bindaddr` in [http]",
};
/// HTTP with TLS.
pub(super) const HTTPS: Service = Service {
    name: "https",
    option: "`tlsbindaddr` in [http]",
};
/// Numbers for Prometheus.
pub(super) const METRICS: Service = Service {
    name: "metrics",
    option: "`metricsbindaddr` in [general]",
};

const ALL: [Service; 5] = [AMI, AMI_TLS, METRICS, HTTP, HTTPS];

/// What is to be served, and where.
fn wanted(settings: &Settings) -> Vec<(Service, SocketAddr)> {
    let general = &settings.general;
    let http = settings.http.as_ref();
    let tls = |listener: Option<&TlsListener>| listener.map(|listener| listener.bind);
    let all = [
        (AMI, Some(general.bind)),
        (AMI_TLS, tls(general.tls.as_ref())),
        (METRICS, general.metrics),
        (HTTP, http.map(|http| http.bind)),
        (HTTPS, tls(http.and_then(|http| http.tls.as_ref()))),
    ];
    let wanted = all.into_iter();
    wanted
        .filter_map(|(service, address)| Some((service, address?)))
        .collect()
}

/// A port that is open.
#[derive(Debug)]
struct OpenPort {
    service: Service,
    /// Where the configuration wants it.
    wanted: SocketAddr,
    /// The service manager opened it.
    is_passed: bool,
    socket: TcpListener,
    closed: CancellationToken,
    /// Cancelled when nobody listens any more.
    ended: CancellationToken,
}

/// A port that is to be served from now on.
#[derive(Debug)]
pub(super) struct NewPort {
    pub(super) service: Service,
    /// It does not block.
    pub(super) listener: TcpListener,
    /// Cancelled when it is to be served no longer.
    pub(super) closed: CancellationToken,
    /// To be dropped when nobody listens any more.
    pub(super) open: DropGuard,
}

/// All ports that are open.
#[derive(Debug)]
pub(super) struct Ports {
    passed: Passed,
    open: Vec<OpenPort>,
}

/// Other ports, opened but not served yet.
#[derive(Debug)]
pub(super) struct Plan {
    /// What is to be open.
    wanted: Vec<(Service, SocketAddr)>,
    opened: Vec<(OpenPort, TcpListener)>,
    /// What the service manager has opened elsewhere than the configuration says now.
    pub(super) unmoved: Vec<Service>,
}

impl Ports {
    /// No port is open yet but those that were passed.
    pub(super) const fn new(passed: Passed) -> Self {
        Self {
            passed,
            open: Vec::new(),
        }
    }

    /// Opens the ports that these settings want and that are not open. Nothing else changes before [`Ports::commit`].
    ///
    /// # Errors
    /// One of them cannot be opened; then none is.
    pub(super) fn plan(&self, settings: &Settings) -> Result<Plan, PortError> {
        let wanted = wanted(settings);
        let mut plan = Plan {
            opened: Vec::new(),
            unmoved: Vec::new(),
            wanted: wanted.clone(),
        };
        for (service, address) in wanted {
            match self.open.iter().find(|port| port.service == service) {
                Some(port) if port.wanted == address => {}
                Some(port) if port.is_passed => plan.unmoved.push(service),
                _ => plan.opened.push(self.open(service, address)?),
            }
        }
        Ok(plan)
    }

    /// Closes what is wanted no longer, and returns what is to be served, and what is cancelled when all that was closed
    /// is.
    pub(super) fn commit(&mut self, plan: Plan) -> (Vec<NewPort>, Vec<CancellationToken>) {
        let mut closing = Vec::new();
        self.open.retain_mut(|port| {
            let wanted = plan.wanted.iter().find(|(it, _)| *it == port.service);
            let replaced = plan.opened.iter().any(|(it, _)| it.service == port.service);
            match wanted {
                Some((_, address)) if !replaced => {
                    port.wanted = *address;
                    true
                }
                _ => {
                    port.closed.cancel();
                    closing.push(port.ended.clone());
                    false
                }
            }
        });
        let mut opened = Vec::new();
        for (port, listener) in plan.opened {
            opened.push(NewPort {
                service: port.service,
                listener,
                closed: port.closed.clone(),
                open: port.ended.clone().drop_guard(),
            });
            self.open.push(port);
        }
        (opened, closing)
    }

    /// Copies of what this process has open, by the names of what is served there. What the service manager has open, it
    /// passes to the next process itself.
    ///
    /// # Errors
    /// They cannot be copied.
    pub(super) fn copies(&self) -> std::io::Result<Vec<(String, OwnedFd)>> {
        let own = self.open.iter().filter(|port| !port.is_passed);
        let copies = own.map(|port| {
            let name = port.service.name.to_owned();
            Ok((name, port.socket.try_clone()?.into()))
        });
        copies.collect()
    }

    /// Where that service is.
    pub(super) fn address(&self, service: Service) -> Option<SocketAddr> {
        let port = self.open.iter().find(|port| port.service == service)?;
        port.socket.local_addr().ok()
    }

    /// Says which of the passed sockets are not used. One that no option can ever use is closed; a reload may use the
    /// others.
    pub(super) fn warn_of_rest(&mut self) {
        let is_used = |name: &str| {
            let mut used = self.open.iter().filter(|port| port.is_passed);
            used.any(|port| port.service.name == name)
        };
        let mut seen: Vec<String> = Vec::new();
        self.passed.handed.clear();
        self.passed.sockets.retain(|(name, listener)| {
            let is_first = !seen.contains(name);
            seen.push(name.clone());
            if !is_first || !is_used(name) {
                let address = listener.local_addr().ok().map(tracing::field::display);
                warn!(
                    name: "socket-unused",
                    socket = name,
                    address,
                    "a socket of the service manager is not used: its name must be ami, ami-tls, http, https or metrics, each once, and the configuration must serve that"
                );
            }
            is_first && ALL.iter().any(|service| service.name == name)
        });
    }

    /// The socket of that service, or a new one at `address`, and once more for who serves it. It does not block.
    fn open(
        &self,
        service: Service,
        address: SocketAddr,
    ) -> Result<(OpenPort, TcpListener), PortError> {
        let failed = |error| PortError::new(address, service.option, error);
        let passed = self.passed.get(service);
        let socket = match passed {
            Some(listener) => listener.try_clone().map_err(failed)?,
            None => match self.passed.handed(service, address) {
                Some(listener) => listener.try_clone().map_err(failed)?,
                None => self.bind(address).map_err(failed)?,
            },
        };
        socket.set_nonblocking(true).map_err(failed)?;
        let listener = socket.try_clone().map_err(failed)?;
        let at = socket.local_addr().map_err(failed)?;
        if passed.is_some() {
            let socket = service.name;
            info!(name: "socket-used", socket, address = %at, "a socket of the service manager is used");
        }
        let port = OpenPort {
            service,
            wanted: address,
            is_passed: passed.is_some(),
            socket,
            closed: CancellationToken::new(),
            ended: CancellationToken::new(),
        };
        Ok((port, listener))
    }

    /// As tokio does it: an address that was in use a moment ago can be used again, and 1024 connections wait at most.
    fn bind(&self, address: SocketAddr) -> std::io::Result<TcpListener> {
        match bind(address, false) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            bound => return bound,
        }
        // Perhaps it is one of ours that is in the way and is about to be closed, such as the same port at all addresses.
        let in_the_way = |port: &&OpenPort| {
            let at = port.socket.local_addr();
            at.is_ok_and(|at| at.port() == address.port())
        };
        let shared: Vec<_> = self.open.iter().filter(in_the_way).collect();
        for port in &shared {
            set_socket_reuseport(&port.socket, true)?;
        }
        let bound = bind(address, !shared.is_empty());
        for port in &shared {
            // As it was: another program is told that the port is in use.
            set_socket_reuseport(&port.socket, false)?;
        }
        bound
    }
}

/// Sockets that were passed by the service manager or handed over by another process, by their names.
#[derive(Debug, Default)]
pub struct Passed {
    /// Those of the service manager.
    sockets: Vec<(String, TcpListener)>,
    /// Those of the process before. The name of one is empty where only its address is known.
    handed: Vec<(String, TcpListener)>,
    /// What the service manager kept of the process before.
    stored: Option<Stored>,
}

impl Passed {
    /// Those of this process; they are taken once. What cannot be listened on is logged and left out.
    pub fn of_process() -> Self {
        let names = match sd_notify::listen_fds_with_names() {
            Ok(files) => files.map(|(_, name)| name).collect::<Vec<_>>(),
            Err(error) => {
                warn!(name: "socket-unusable", %error, "the sockets that the service manager passed cannot be used");
                return Self::default();
            }
        };
        if names.is_empty() {
            return Self::default();
        }
        let mut files = ListenFd::from_env();
        let mut passed = Self::default();
        let mut stored = Vec::new();
        let mut envelope = None;
        for (place, name) in names.into_iter().enumerate() {
            let taken = if name == Stored::ENVELOPE {
                let taken = files.take_unix_listener(place);
                taken.map(|file| envelope = file.map(OwnedFd::from))
            } else {
                // Whether or not it listens.
                files.take_tcp_listener(place).map(|file| match file {
                    Some(file) if name == Stored::SOCKET => stored.push(file.into()),
                    Some(file) => passed.sockets.push((name.clone(), file)),
                    None => {}
                })
            };
            if let Err(error) = taken {
                warn!(name: "socket-unusable", socket = name, %error, "a socket that the service manager passed cannot be used");
            }
        }
        passed.stored = envelope.map(|envelope| Stored {
            envelope,
            sockets: stored,
        });
        passed
    }

    /// What the service manager kept of the process before; it is taken once.
    pub(super) const fn take_stored(&mut self) -> Option<Stored> {
        self.stored.take()
    }

    /// These come from the process before.
    pub(super) fn hand(&mut self, ports: Vec<(String, TcpListener)>) {
        self.handed = ports;
    }

    /// The socket of that service which the process before had, if it is where it is wanted now.
    fn handed(&self, service: Service, address: SocketAddr) -> Option<&TcpListener> {
        let is_wanted = |listener: &TcpListener| {
            listener.local_addr().is_ok_and(|at| {
                at.ip() == address.ip() && (at.port() == address.port() || address.port() == 0)
            })
        };
        let mut handed = self.handed.iter();
        let is_named = |name: &str| name.is_empty() || name == service.name;
        let found = handed.find(|(name, listener)| is_named(name) && is_wanted(listener));
        found.map(|(_, listener)| listener)
    }

    /// The socket of that service. It stays open, so that it can be used again.
    fn get(&self, service: Service) -> Option<&TcpListener> {
        let mut sockets = self.sockets.iter();
        let found = sockets.find(|(name, _)| name == service.name);
        found.map(|(_, listener)| listener)
    }
}

fn bind(address: SocketAddr, beside_ours: bool) -> std::io::Result<TcpListener> {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if beside_ours {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    if beside_ours {
        socket.set_reuse_port(false)?;
    }
    Ok(socket.into())
}

#[cfg(test)]
#[path = "ports_tests.rs"]
mod tests;
