//! Reloads of a running amimux, over real sockets: everything that a configuration says comes into force while sessions
//! live on, or nothing of it.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by a panic"
)]

mod crowd;
mod places;
#[path = "../support/mod.rs"]
mod support;
mod users;
mod web;

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use amimux::admin::order::Reloaded;
use amimux::admin::{Order, OrderError};
use amimux::config::{self, Environment};
use amimux::daemon::{Daemon, LogControl, Passed, Source};
use amimux::policy::class::Classes;
use support::{AmiClient, Authority, Simulated, free_ports, until};
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

const ALICE: &str = "[alice]\nsecret = alice-secret\nread = all\nwrite = all\n";
const BOB: &str = "[bob]\nsecret = bob-secret\nread = all\nwrite = all\n";

/// A running amimux, in this process.
struct Running {
    port: u16,
    folder: TempDir,
    orders: mpsc::Sender<Order>,
    cancel: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Runs it with that configuration, in which `{port}` is the port of AMI.
    fn start(text: &str) -> Self {
        let port = free_ports(1);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("amimux.conf");
        std::fs::write(&path, text.replace("{port}", &port.to_string())).expect("a file");
        let (tell, told) = std::sync::mpsc::channel();
        let cancel = CancellationToken::new();
        let ended = cancel.clone();
        let thread = std::thread::spawn(move || {
            let environment = Environment::default();
            let (settings, report) = config::load(&path, &environment);
            let settings = settings.unwrap_or_else(|| panic!("{report}"));
            let runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = { runtime }.enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let daemon = Daemon::bind(settings, Passed::default()).await;
                let log = LogControl::new(|_| Ok("info".to_owned()));
                let daemon = daemon
                    .expect("ports")
                    .reloading(Source { path, environment });
                let daemon = daemon.logging(log);
                tell.send(daemon.orders()).expect("a test");
                daemon.run(ended).await.expect("a good end");
            });
        });
        let orders = told.recv().expect("a daemon");
        until("it listens", || {
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        Self {
            port,
            folder,
            orders,
            cancel,
            thread: Some(thread),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, text: &str) {
        let text = text.replace("{port}", &self.port.to_string());
        std::fs::write(self.path("amimux.conf"), text).expect("a file");
    }

    fn order(&self, dry_run: bool) -> Result<Reloaded, OrderError> {
        let (reply, answer) = oneshot::channel();
        let order = Order::Reload { dry_run, reply };
        self.orders
            .blocking_send(order)
            .expect("an amimux that obeys");
        answer.blocking_recv().expect("an answer")
    }

    /// Writes that configuration and has it read; returns what has changed.
    fn reload(&self, text: &str) -> Vec<String> {
        self.write(text);
        self.order(false).expect("a reload").changes
    }

    fn client(&self, user: &str) -> AmiClient {
        AmiClient::session(self.port, user, "on")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.cancel.cancel();
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || ended.is_some_and(|ended| ended.is_ok()));
    }
}

/// A configuration with these upstreams, and what follows.
fn with(general: &str, upstreams: &[(&str, u16)], users: &str) -> String {
    let mut text = format!("[general]\nbindaddr = 127.0.0.1\nport = {{port}}\n{general}\n");
    for (name, port) in upstreams {
        text.push_str(&format!(
            "[{name}]\ntype = upstream\nhost = 127.0.0.1\nport = {port}\nusername = upstream\nsecret = upstream-secret\n\
             reconnectmin = 100ms\nreconnectmax = 200ms\n"
        ));
    }
    text + users
}

/// What a login with that secret is answered; `None` if the connection is closed first.
fn try_log_in(port: u16, user: &str, secret: &str) -> Option<String> {
    let mut client = AmiClient::connect(port).ok()?;
    client.action(&[
        ("Action", "Login"),
        ("Username", user),
        ("Secret", secret),
        ("Events", "off"),
    ]);
    client
        .read_message()
        .map(|answer| String::from_utf8_lossy(&answer).into_owned())
}

fn comes_in(port: u16, user: &str, secret: &str) -> bool {
    try_log_in(port, user, secret).is_some_and(|answer| answer.contains("Authentication accepted"))
}

/// The answer to a request, events left out.
fn ask(client: &mut AmiClient, headers: &[(&str, &str)]) -> String {
    let number = format!("{}", std::ptr::from_ref(client).addr() % 1000);
    let id = format!("ask-{number}");
    let mut all = headers.to_vec();
    all.push(("ActionID", &id));
    client.action(&all);
    let answer = client.read_until(&format!("ActionID: {id}\r\n"));
    String::from_utf8_lossy(&answer).into_owned()
}

fn is_alive(client: &mut AmiClient) -> bool {
    ask(client, &[("Action", "Ping")]).contains("Ping: Pong")
}

/// The client can run an action that its Asterisk answers, as soon as that is there.
fn reaches_asterisk(client: &mut AmiClient) {
    until("Asterisk answers", || {
        let answer = ask(client, &[("Action", "CoreStatus")]);
        answer.contains("Response: Success").then_some(())
    });
}
