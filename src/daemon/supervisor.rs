//! What holds the running program together: the threads of the Asterisks and of HTTP, the ports, and what is in force. It
//! obeys administrators: [`reload`](super::reload) has what a changed configuration means.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::handover::{Arrival, Exits};
use super::http_thread::HttpThread;
use super::hub_thread::HubThread;
use super::log_control::LogControl;
use super::notify::Watched;
use super::ports::{self, NewPort, Ports};
use super::source::Source;
use super::{Daemon, files};
use crate::admin::{Order, OrderError, Service};
use crate::config::diff::Picture;
use crate::config::settings::{Http, Settings};
use crate::http::server::{self, Server};
use crate::metrics::reload::ReloadOutcomes;
use crate::metrics::{self, Sources};
use crate::session::entrance::{self, Entrance};
use crate::session::gate::Gate;
use crate::session::live::{Live, Rules, Ways};
use crate::session::registry::Registry;
use crate::session::shell::Clock;

/// The running program.
pub(super) struct Supervisor {
    pub(super) source: Option<Source>,
    orders: mpsc::Receiver<Order>,
    log: Option<LogControl>,
    hangups: Option<Signal>,
    pub(super) in_force: watch::Sender<Arc<Rules>>,
    pub(super) live: Live,
    /// What the configuration in force was read from, to be compared.
    pub(super) picture: Arc<Picture>,
    pub(super) ports: Ports,
    /// What became of reloads, for the metrics.
    pub(super) outcomes: Arc<ReloadOutcomes>,
    pub(super) gate: Gate,
    pub(super) entrance: Rc<Entrance>,
    pub(super) exits: Exits,
    /// The tasks that accept clients.
    accepting: JoinSet<()>,
    pub(super) hubs: Vec<HubThread>,
    pub(super) http: Option<HttpThread>,
    /// What has been removed and is not over yet.
    ending: JoinSet<anyhow::Result<()>>,
    pub(super) cancel: CancellationToken,
}

impl Supervisor {
    /// Starts everything but the ports for AMI. Wants a `LocalSet`.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub(super) fn start(daemon: Daemon, cancel: CancellationToken) -> anyhow::Result<Self> {
        // Before anything that takes time: SIGHUP ends a program that does not catch it.
        let hangups = daemon.source.is_some().then(hangups).flatten();
        let mut arrival = daemon.arrival;
        let clock = arrival.as_ref().map_or_else(Clock::start, Arrival::clock);
        let (way, orders) = daemon.orders;
        let Settings {
            general,
            upstreams,
            http,
            users,
            picture,
        } = daemon.settings;
        let (general, users) = (Arc::new(general), Arc::new(users));
        let registry = Registry::default();
        let mut moved = Vec::new();
        for upstream in upstreams {
            let upstream = Arc::new(upstream);
            let taken = match &mut arrival {
                Some(arrival) => arrival.take_hub(&general, &upstream, &users, &registry)?,
                None => None,
            };
            moved.push((upstream, taken));
        }
        let took_over = arrival.is_some();
        // The last moment at which the process before can go on instead.
        arrival.map_or(Ok(()), Arrival::finish)?;
        let exits = daemon.handover.listen(took_over)?;
        let mut hubs = Vec::new();
        let mut ways = Vec::new();
        for (upstream, taken) in moved {
            let (general, cancel) = (Arc::clone(&general), cancel.clone());
            let (hub, way) = HubThread::start(general, upstream, taken, clock, cancel)?;
            hubs.push(hub);
            ways.push(way);
        }
        let rules = rules(general, http.map(Arc::new), users, ways);
        let (in_force, live) = Live::new(rules);
        let gate = Gate {
            registry,
            ..Gate::new(live.clone(), clock)
        };
        let mut supervisor = Self {
            source: daemon.source,
            orders,
            log: daemon.log,
            hangups,
            in_force,
            live,
            picture,
            ports: daemon.ports,
            outcomes: Arc::new(ReloadOutcomes::begin(clock.now().wall)),
            entrance: Entrance::new(gate.clone()),
            exits,
            gate,
            accepting: JoinSet::new(),
            hubs,
            http: None,
            ending: JoinSet::new(),
            cancel,
        };
        supervisor.administer(way);
        let http = supervisor.live.now().http.clone();
        supervisor.http = http.map(|http| supervisor.start_http(http)).transpose()?;
        supervisor.keep_informed();
        Ok(supervisor)
    }

    /// Serves these ports and obeys until the program is to end.
    ///
    /// Not cancel safe: an order may be half carried out.
    pub(super) async fn run(&mut self, opened: Vec<NewPort>) {
        let is_ami = |port: &NewPort| [ports::AMI, ports::AMI_TLS].contains(&port.service);
        let (ami, others): (Vec<_>, Vec<_>) = opened.into_iter().partition(is_ami);
        self.serve_all(others);
        tokio::select! {
            () = self.cancel.cancelled() => return,
            () = self.entrance.await_first_banner() => {}
        }
        self.serve_all(ami);
        loop {
            tokio::select! {
                () = self.cancel.cancelled() => return,
                Some(ended) = self.accepting.join_next() => raise_panic(ended),
                Some(ended) = self.ending.join_next() => report(ended),
                () = next_hangup(&mut self.hangups) => {
                    // What is wrong is in the log.
                    let _ = self.reload(false).await;
                }
                asked = self.exits.next() => if self.hand_over(asked).await {
                    self.cancel.cancel();
                    return;
                },
                Some(order) = self.orders.recv() => self.obey(order).await,
            }
        }
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Reload { dry_run, reply } => {
                let done = self.reload(dry_run).await;
                // Whoever asked may have gone.
                drop(reply.send(done));
            }
            Order::SetLog { filter, reply } => {
                let done = match &self.log {
                    Some(log) => log.set(&filter).map_err(|error| error.to_string()),
                    None => Err("what is logged cannot be changed here".to_owned()),
                };
                if let Ok(before) = &done {
                    info!(name: "log-changed", filter, before, "what is logged has changed");
                }
                drop(reply.send(done.map_err(OrderError::Invalid)));
            }
        }
    }

    /// Starts the thread of HTTP. It has no ports yet.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn start_http(&self, http: Arc<Http>) -> anyhow::Result<HttpThread> {
        let gate = self.gate.clone();
        HttpThread::start(Server { http, gate }, &self.cancel)
    }

    /// Serves ports from now on.
    pub(super) fn serve_all(&mut self, ports: Vec<NewPort>) {
        for port in ports {
            let service = port.service.name;
            if let Err(error) = self.serve(port) {
                error!(name: "port-unusable", service, %error, "a port cannot be served");
            }
        }
        self.entrance
            .speaks_tls_at(self.ports.address(ports::AMI_TLS));
    }

    fn serve(&mut self, port: NewPort) -> std::io::Result<()> {
        let NewPort {
            service,
            listener,
            closed,
            open,
        } = port;
        let address = listener.local_addr()?;
        info!(name: "listening", service = service.name, %address, "a port is served");
        match service {
            ports::AMI | ports::AMI_TLS => {
                let port = entrance::Port {
                    listener: TcpListener::from_std(listener)?,
                    encrypted: service == ports::AMI_TLS,
                    closed,
                    open,
                };
                let accepting = Rc::clone(&self.entrance).accept_at(port);
                self.accepting.spawn_local(accepting);
            }
            ports::METRICS => {
                let listener = TcpListener::from_std(listener)?;
                let sources = self.sources();
                tokio::task::spawn_local(async move {
                    metrics::serve(listener, sources, closed).await;
                    drop(open);
                });
            }
            _ => {
                if let Some(http) = &self.http {
                    http.serve(server::Port {
                        listener,
                        encrypted: service == ports::HTTPS,
                        closed,
                        open,
                    });
                }
            }
        }
        Ok(())
    }

    fn sources(&self) -> Sources {
        Sources {
            live: self.live.clone(),
            entrance: Arc::clone(&self.gate.limits),
            refusals: Arc::clone(&self.gate.refusals),
            registry: self.gate.registry.clone(),
            reloads: Arc::clone(&self.outcomes),
            clock: self.gate.clock,
        }
    }

    /// Answers administrators, whose orders come back by `orders`.
    fn administer(&self, orders: mpsc::Sender<Order>) {
        let service = Service {
            live: self.live.clone(),
            registry: self.gate.registry.clone(),
            orders,
            clock: self.gate.clock,
        };
        tokio::task::spawn_local(service.run(self.cancel.clone()));
    }

    fn keep_informed(&self) {
        let watched = Watched {
            live: self.live.clone(),
            registry: self.gate.registry.clone(),
            clock: self.gate.clock,
        };
        tokio::task::spawn_local(watched.keep_informed());
    }

    /// Ends the thread of an Asterisk that is not there any more.
    pub(super) fn end_hub(&mut self, hub: HubThread) {
        hub.end();
        self.ending.spawn(hub.join());
    }

    /// Ends the thread of HTTP, which is not served any more.
    pub(super) fn end_http(&mut self) {
        if let Some(http) = self.http.take() {
            http.end();
            self.ending.spawn(http.join());
        }
    }

    /// Where clients connect.
    pub(super) fn addresses(&self) -> (Option<SocketAddr>, Option<SocketAddr>) {
        let address = |service| self.ports.address(service);
        (address(ports::AMI), address(ports::AMI_TLS))
    }

    /// Waits until all threads have ended; the first error counts.
    pub(super) async fn join(mut self) -> anyhow::Result<()> {
        let mut ended = Ok(());
        for hub in self.hubs {
            ended = ended.and(hub.join().await);
        }
        if let Some(http) = self.http {
            ended = ended.and(http.join().await);
        }
        while let Some(other) = self.ending.join_next().await {
            let other = other.unwrap_or_else(|error| Err(error.into()));
            ended = ended.and(other);
        }
        ended
    }

    /// Makes room for what these settings may need.
    pub(super) fn prepare_files(rules: &Rules) {
        files::allow(&rules.general);
    }
}

/// What is in force with these settings.
pub(super) fn rules(
    general: Arc<crate::config::settings::General>,
    http: Option<Arc<Http>>,
    users: Arc<crate::policy::user::Users>,
    ways: Vec<Ways>,
) -> Rules {
    let name = |ways: &Ways| ways.upstream.name.clone();
    Rules {
        general,
        http,
        users,
        upstreams: ways.iter().map(name).collect(),
        hubs: ways.into_iter().map(|ways| (name(&ways), ways)).collect(),
    }
}

fn hangups() -> Option<Signal> {
    signal(SignalKind::hangup())
        .inspect_err(|error| error!(name: "signals-unusable", %error, "cannot catch SIGHUP"))
        .ok()
}

async fn next_hangup(hangups: &mut Option<Signal>) {
    if let Some(hangups) = hangups
        && hangups.recv().await.is_some()
    {
        return;
    }
    std::future::pending::<()>().await;
}

/// A panic of a task that accepts clients ends the program, as it would in the main task.
fn raise_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
}

fn report(ended: Result<anyhow::Result<()>, tokio::task::JoinError>) {
    if let Err(error) = ended.unwrap_or_else(|error| Err(error.into())) {
        error!(name: "thread-unwell", %error, "a thread that was to end");
    }
}
