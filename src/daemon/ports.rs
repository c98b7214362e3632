//! The ports that are listened on: opened here, or passed by a service manager that had them open before (socket
//! activation, `sd_listen_fds(3)`), each under the name of what is to be served on it.

use std::io::{Error, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use listenfd::ListenFd;
use tracing::{info, warn};

use super::handover::store;

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
#[derive(Debug, Clone, Copy)]
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

/// The ports that are open, to be handed to another process. Shared with whoever does that.
#[derive(Debug, Clone, Default)]
pub(super) struct OpenPorts(Arc<Mutex<Vec<(&'static str, TcpListener)>>>);

impl OpenPorts {
    /// A port of that service was opened.
    fn add(&self, service: Service, listener: &TcpListener) -> std::io::Result<()> {
        let copy = listener.try_clone()?;
        let mut ports = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ports.push((service.name, copy));
        Ok(())
    }

    /// Copies of them, by the names of what is served there.
    pub(super) fn copies(&self) -> std::io::Result<Vec<(String, OwnedFd)>> {
        let ports = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let copies = ports
            .iter()
            .map(|(name, listener)| Ok(((*name).to_owned(), listener.try_clone()?.into())));
        copies.collect()
    }
}

/// Sockets that were passed by the service manager or handed over by another process, by their names.
#[derive(Debug, Default)]
pub struct Passed {
    /// Those of the service manager.
    sockets: Vec<(String, TcpListener)>,
    /// Those of the process before.
    handed: Vec<(String, TcpListener)>,
    /// The state and the sockets of the process before, from the service manager's store.
    stored: Option<(OwnedFd, Vec<OwnedFd>)>,
    /// Those that this process has opened, or got from the process before.
    open: OpenPorts,
}

impl Passed {
    /// Those of this process; they are taken once. What cannot be listened on is logged and left out.
    pub fn of_process() -> Self {
        let names = match sd_notify::listen_fds_with_names() {
            Ok(files) => files.map(|(_, name)| name).collect::<Vec<_>>(),
            Err(error) => {
                warn!(%error, "the sockets that the service manager passed cannot be used");
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
            let taken = if name == store::STATE {
                files
                    .take_unix_listener(place)
                    .map(|file| envelope = file.map(OwnedFd::from))
            } else {
                files.take_tcp_listener(place).map(|file| {
                    let Some(file) = file else { return };
                    if name == store::SOCKET {
                        stored.push(file.into());
                    } else {
                        passed.sockets.push((name.clone(), file));
                    }
                })
            };
            if let Err(error) = taken {
                warn!(socket = name, %error, "a socket that the service manager passed cannot be used");
            }
        }
        passed.stored = envelope.map(|envelope| (envelope, stored));
        passed
    }

    /// What the service manager kept of the process before.
    pub(super) const fn take_stored(&mut self) -> Option<(OwnedFd, Vec<OwnedFd>)> {
        self.stored.take()
    }

    /// These come from the process before.
    pub(super) fn hand(&mut self, ports: Vec<(String, TcpListener)>) {
        self.handed = ports;
    }

    /// The ports that this process has opened so far, and will open.
    pub(super) fn open_ports(&self) -> OpenPorts {
        self.open.clone()
    }

    /// The socket of that service, or a new one at `address`. It does not block.
    ///
    /// # Errors
    /// The port cannot be opened.
    pub(super) fn open(
        &mut self,
        service: Service,
        address: SocketAddr,
    ) -> Result<TcpListener, PortError> {
        let failed = |error| PortError::new(address, service.option, error);
        let place = self
            .sockets
            .iter()
            .position(|(name, _)| name == service.name);
        let listener = if let Some(place) = place {
            let (name, listener) = self.sockets.remove(place);
            let address = listener.local_addr().map_err(failed)?;
            info!(socket = name, %address, "a socket of the service manager is used");
            listener
        } else {
            let listener = match self.take_handed(service, address) {
                Some(listener) => listener,
                None => bind(address).map_err(failed)?,
            };
            self.open.add(service, &listener).map_err(failed)?;
            listener
        };
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(listener)
    }

    /// The socket of that service which the process before had, if it is where it is wanted now.
    fn take_handed(&mut self, service: Service, address: SocketAddr) -> Option<TcpListener> {
        let is_wanted = |listener: &TcpListener| {
            listener.local_addr().is_ok_and(|at| {
                at.ip() == address.ip() && (at.port() == address.port() || address.port() == 0)
            })
        };
        let mut handed = self.handed.iter();
        let place =
            handed.position(|(name, listener)| name == service.name && is_wanted(listener))?;
        Some(self.handed.remove(place).1)
    }

    /// Says which sockets are left, and closes them: no option says that something is served there.
    pub(super) fn warn_of_rest(self) {
        for (name, listener) in self.sockets {
            let address = listener.local_addr().ok().map(tracing::field::display);
            warn!(
                socket = name,
                address,
                "a socket of the service manager is not used: its name must be ami, ami-tls, http, https or metrics, each once, and the configuration must serve that"
            );
        }
    }
}

/// As tokio does it: an address that was in use a moment ago can be used again, and 1024 connections wait at most.
fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anywhere() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    #[test]
    fn a_socket_is_taken_by_its_name_and_once() {
        let listeners = ["ami", "ami", "web"].map(|name| {
            let listener = TcpListener::bind(anywhere()).unwrap();
            (name.to_owned(), listener)
        });
        let addresses = listeners
            .each_ref()
            .map(|(_, listener)| listener.local_addr().unwrap());
        let mut passed = Passed {
            sockets: listeners.into(),
            ..Passed::default()
        };
        let open = |passed: &mut Passed, service| {
            let listener = passed.open(service, anywhere()).unwrap();
            listener.local_addr().unwrap()
        };
        assert_eq!(open(&mut passed, AMI), addresses[0]);
        let tls = open(&mut passed, AMI_TLS);
        assert!(!addresses.contains(&tls), "a new one");
        let names: Vec<_> = passed
            .sockets
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["ami", "web"]);
        passed.warn_of_rest();
    }

    #[test]
    fn what_went_wrong_is_told_with_the_option() {
        let taken = TcpListener::bind(anywhere()).unwrap();
        let address = taken.local_addr().unwrap();
        let error = Passed::default().open(HTTP, address).unwrap_err();
        assert!(matches!(error, PortError::InUse { .. }), "{error:?}");
        assert!(
            error.to_string().contains("`bindport`") && error.to_string().contains("ss -ltnp"),
            "{error}"
        );
        let elsewhere = SocketAddr::from(([192, 0, 2, 1], 5038));
        let error = Passed::default().open(METRICS, elsewhere).unwrap_err();
        assert!(matches!(error, PortError::NotHere { .. }), "{error:?}");
        for (kind, part) in [
            (ErrorKind::PermissionDenied, "CAP_NET_BIND_SERVICE"),
            (ErrorKind::OutOfMemory, "out of memory"),
        ] {
            let error = PortError::new(address, AMI.option, kind.into()).to_string();
            assert!(error.contains(part) && error.contains("`port`"), "{error}");
        }
    }
}
