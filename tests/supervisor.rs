//! Reloads of a running amimux, over real sockets: everything that a configuration says comes into force while sessions
//! live on, or nothing of it.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by a panic"
)]

mod support;

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

#[test]
fn users_come_and_go_and_have_what_is_written_now() {
    let asterisk = Simulated::start();
    let pbx = [("pbx", asterisk.port)];
    let running = Running::start(&with("", &pbx, &format!("{ALICE}{BOB}")));
    let (mut alice, mut bob) = (running.client("alice"), running.client("bob"));
    let narrower = ALICE
        .replace("write = all", "write = call")
        .replace("alice-secret", "other-secret");
    let carol = "[carol]\nsecret = carol-secret\nread = all\n";
    let changes = running.reload(&with("", &pbx, &format!("{narrower}{carol}")));
    assert_eq!(
        changes,
        [
            "user alice: write was 'all', is 'call'",
            "user alice: secret changed",
            "user carol: added",
            "user bob: removed"
        ]
    );
    bob.read_to_end();
    let refused = ask(&mut alice, &[("Action", "CoreStatus")]);
    assert!(refused.contains("Permission denied"), "{refused}");
    assert!(is_alive(&mut alice));
    assert!(!comes_in(running.port, "alice", "alice-secret"));
    assert!(comes_in(running.port, "alice", "other-secret"));
    assert!(comes_in(running.port, "carol", "carol-secret"));
    assert!(!comes_in(running.port, "bob", "bob-secret"));
    // Whom an access list denies now goes.
    let denied = format!("{narrower}deny = 127.0.0.1\n{carol}");
    running.reload(&with("", &pbx, &denied));
    alice.read_to_end();
    assert!(!comes_in(running.port, "alice", "other-secret"));
    // Nothing else has changed, so nothing is told.
    assert_eq!(
        running.reload(&with("", &pbx, &format!("; moved\n\n{denied}"))),
        [""; 0]
    );
}

#[test]
fn rights_are_kept_where_reload_is_as_with_asterisk() {
    let asterisk = Simulated::start();
    let pbx = [("pbx", asterisk.port)];
    let running = Running::start(&with("reload = asterisk", &pbx, &format!("{ALICE}{BOB}")));
    let (mut alice, mut bob) = (running.client("alice"), running.client("bob"));
    running.reload(&with(
        "reload = asterisk",
        &pbx,
        &ALICE.replace("write = all", "write = call"),
    ));
    reaches_asterisk(&mut alice);
    reaches_asterisk(&mut bob);
    assert!(!comes_in(running.port, "bob", "bob-secret"));
    let mut fresh = running.client("alice");
    assert!(ask(&mut fresh, &[("Action", "CoreStatus")]).contains("Permission denied"));
}

#[test]
fn limits_hold_for_whoever_comes_next() {
    let asterisk = Simulated::start();
    let pbx = [("pbx", asterisk.port)];
    let users = format!("{ALICE}{BOB}");
    let running = Running::start(&with("", &pbx, &users));
    let mut first = running.client("alice");
    let mut second = running.client("alice");
    running.reload(&with(
        "sessionlimit = 1\nbanner = Asterisk Call Manager/1.2.3",
        &pbx,
        &users,
    ));
    assert!(
        is_alive(&mut first) && is_alive(&mut second),
        "whoever is in stays"
    );
    assert!(!comes_in(running.port, "alice", "alice-secret"));
    running.reload(&with("authtimeout = 1", &pbx, &users));
    assert!(comes_in(running.port, "alice", "alice-secret"));
    let mut silent = AmiClient::connect(running.port).expect("a connection");
    let begin = std::time::Instant::now();
    silent.read_to_end();
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "authtimeout of now"
    );
    running.reload(&with(
        "failedlogins = 1\nfailedloginperiod = 3600",
        &pbx,
        &users,
    ));
    assert!(!comes_in(running.port, "bob", "wrong"));
    assert!(
        !comes_in(running.port, "bob", "bob-secret"),
        "too many failed"
    );
    running.reload(&with("failedlogins = 0", &pbx, &users));
    assert!(comes_in(running.port, "bob", "bob-secret"));
    running.reload(&with("deny = 127.0.0.1", &pbx, &users));
    assert!(
        AmiClient::connect(running.port).is_err(),
        "nobody may connect"
    );
    first.read_to_end();
}

#[test]
fn what_cannot_be_used_changes_nothing_and_a_dry_run_neither() {
    let asterisk = Simulated::start();
    let pbx = [("pbx", asterisk.port)];
    let good = with("", &pbx, ALICE);
    let running = Running::start(&good);
    let mut alice = running.client("alice");
    running.write(&with("retention = lots", &pbx, BOB));
    let Err(OrderError::Configuration(errors)) = running.order(false) else {
        panic!("it was put in force");
    };
    assert!(
        errors[0].contains("amimux.conf:4:") && errors[0].contains("retention"),
        "{errors:?}"
    );
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let at = taken.local_addr().expect("its address").port();
    let elsewhere = |port: u16| {
        let other = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let far = other.local_addr().expect("its address").port();
        let general = format!("metricsbindaddr = 127.0.0.1:{port}");
        with(
            &general,
            &[("pbx", asterisk.port), ("far", far)],
            &format!("{BOB}upstream = pbx\n"),
        )
    };
    running.write(&elsewhere(at));
    let Err(OrderError::Unable(reason)) = running.order(false) else {
        panic!("the port is taken");
    };
    assert!(reason.contains("another program uses the port"), "{reason}");
    running.write(&elsewhere(free_ports(1)));
    let would = running.order(true).expect("it could be");
    assert!(
        would
            .changes
            .iter()
            .any(|line| line == "user alice: removed"),
        "{would:?}"
    );
    assert!(is_alive(&mut alice));
    assert!(comes_in(running.port, "alice", "alice-secret"));
    assert!(!comes_in(running.port, "bob", "bob-secret"));
    assert_eq!(running.reload(&good), [""; 0]);
}

#[test]
fn ports_are_opened_moved_and_closed_while_sessions_stay() {
    let asterisk = Simulated::start();
    let pbx = [("pbx", asterisk.port)];
    let running = Running::start(&with("", &pbx, ALICE));
    let mut alice = running.client("alice");
    let authority = Authority::new("authority");
    let identity = authority.issue(&["localhost"]);
    let (moved, tls, metrics) = (free_ports(1), free_ports(1), free_ports(1));
    let general = format!(
        "tlsenable = yes\ntlsbindaddr = 127.0.0.1:{tls}\ntlscertfile = {}\nmetricsbindaddr = 127.0.0.1:{metrics}",
        identity.file.display()
    );
    running.reload(&with(&general, &pbx, ALICE));
    let mut encrypted = AmiClient::encrypted(tls, &authority.client()).expect("TLS");
    encrypted.log_in("alice", "off");
    assert!(TcpStream::connect(("127.0.0.1", metrics)).is_ok());
    // Another certificate for whoever comes next.
    let other = Authority::new("other");
    std::fs::copy(&other.issue(&["localhost"]).file, &identity.file).expect("a file");
    let changes = running.reload(&with(&general, &pbx, ALICE));
    assert_eq!(
        changes,
        ["[general] certificate of tlsbindaddr changed (the file of tlscertfile)"]
    );
    assert!(AmiClient::encrypted(tls, &authority.client()).is_err());
    assert!(AmiClient::encrypted(tls, &other.client()).is_ok());
    let there = with("", &pbx, ALICE).replace("{port}", &moved.to_string());
    running.reload(&there);
    until("the ports are closed", || {
        let open = |port| TcpStream::connect(("127.0.0.1", port)).is_ok();
        (!open(running.port) && !open(tls) && !open(metrics)).then_some(())
    });
    let mut late = AmiClient::session(moved, "alice", "off");
    assert!(is_alive(&mut late) && is_alive(&mut alice) && is_alive(&mut encrypted));
    // From one address to all of them and back, with the same number.
    for address in ["0.0.0.0", "127.0.0.1"] {
        running.reload(&there.replace("bindaddr = 127.0.0.1", &format!("bindaddr = {address}")));
        assert!(comes_in(moved, "alice", "alice-secret"), "{address}");
    }
    assert!(is_alive(&mut late));
}

#[test]
fn upstreams_come_go_and_move() {
    let (one, two) = (Simulated::start(), Simulated::start());
    let alice = format!("{ALICE}upstream = one\n");
    let bob = format!("{BOB}upstream = two\n");
    let running = Running::start(&with("", &[("one", one.port)], &alice));
    let mut first = running.client("alice");
    reaches_asterisk(&mut first);
    let both = [("one", one.port), ("two", two.port)];
    let changes = running.reload(&with("", &both, &format!("{alice}{bob}")));
    assert_eq!(changes, ["upstream two: added", "user bob: added"]);
    let mut second = running.client("bob");
    reaches_asterisk(&mut second);
    // The other Asterisk takes its place: clients stay, and are answered by that one.
    let moved = Simulated::start();
    let there = [("one", moved.port), ("two", two.port)];
    running.reload(&with("", &there, &format!("{alice}{bob}")));
    drop(one);
    reaches_asterisk(&mut first);
    assert!(is_alive(&mut second));
    // A user moves, and the upstream goes.
    let bob_moved = bob.replace("upstream = two", "upstream = one");
    let changes = running.reload(&with(
        "",
        &[("one", moved.port)],
        &format!("{alice}{bob_moved}"),
    ));
    assert_eq!(
        changes,
        [
            "upstream two: removed",
            "user bob: upstream was 'two', is 'one'"
        ]
    );
    second.read_to_end();
    reaches_asterisk(&mut first);
    let mut again = running.client("bob");
    reaches_asterisk(&mut again);
}

#[test]
fn http_is_switched_on_changed_and_off_while_ami_goes_on() {
    let asterisk = Simulated::start();
    let pbx = [("pbx", asterisk.port)];
    let plain = with("", &pbx, ALICE);
    let running = Running::start(&plain);
    let mut alice = running.client("alice");
    let port = free_ports(1);
    let http = |lines: &str| {
        let http =
            format!("[http]\nenabled = yes\nbindaddr = 127.0.0.1\nbindport = {port}\n{lines}\n");
        with("webenabled = yes", &pbx, ALICE) + &http
    };
    let get = |path: &str, cookie: &str| {
        let url = format!("http://127.0.0.1:{port}{path}");
        let run = std::process::Command::new("curl")
            .args(["-s", "-i", "-b", cookie, &url])
            .output();
        String::from_utf8_lossy(&run.expect("curl").stdout).into_owned()
    };
    running.reload(&http(""));
    let login = get(
        "/rawman?action=login&username=alice&secret=alice-secret",
        "",
    );
    assert!(login.contains("Authentication accepted"), "{login}");
    let cookie = login.split("mansession_id=").nth(1).expect(&login);
    let cookie = format!(
        "mansession_id={}",
        cookie.split(';').next().unwrap_or_default()
    );
    let ping = |path: &str| get(&format!("{path}/rawman?action=ping"), &cookie);
    assert!(ping("").contains("Ping: Pong"));
    running.reload(&http("prefix = pre\nservername = other/1"));
    let answer = ping("/pre");
    assert!(
        answer.contains("Ping: Pong") && answer.contains("Server: other/1"),
        "{answer}"
    );
    assert!(ping("").contains("404"));
    running.reload(&plain);
    until("HTTP is not served", || {
        TcpStream::connect(("127.0.0.1", port))
            .is_err()
            .then_some(())
    });
    assert!(is_alive(&mut alice));
    running.reload(&http(""));
    assert!(
        !ping("").contains("Ping: Pong"),
        "its sessions went with it"
    );
    let (reply, answer) = oneshot::channel();
    let filter = "debug".to_owned();
    let order = Order::SetLog { filter, reply };
    running
        .orders
        .blocking_send(order)
        .expect("an amimux that obeys");
    assert_eq!(
        answer.blocking_recv().expect("an answer").as_deref(),
        Ok("info")
    );
}

/// Credentials that are sent with each request are worth what they are worth now.
#[test]
fn a_secret_that_has_changed_opens_nothing_over_http() {
    let asterisk = Simulated::start();
    let pbx = [("pbx", asterisk.port)];
    let port = free_ports(1);
    let text = |secret: &str| {
        let alice = ALICE.replace("alice-secret", secret);
        let http = format!("[http]\nenabled = yes\nbindaddr = 127.0.0.1\nbindport = {port}\n");
        with("webenabled = yes", &pbx, &alice) + &http
    };
    let running = Running::start(&text("alice-secret"));
    let status = |kind: &str, path: &str, secret: &str| {
        let json = [
            "-H",
            "Content-Type: application/json",
            "-d",
            "{\"Action\":\"Ping\"}",
        ];
        let body = if kind == "--basic" { &json[..] } else { &[] };
        let url = format!("http://127.0.0.1:{port}{path}");
        let user = format!("alice:{secret}");
        let arguments = [
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            kind,
            "-u",
            &user,
            &url,
        ];
        let run = std::process::Command::new("curl")
            .args(arguments)
            .args(body)
            .output();
        String::from_utf8_lossy(&run.expect("curl").stdout).into_owned()
    };
    let kinds = [("--basic", "/action"), ("--digest", "/arawman?action=ping")];
    for (kind, path) in kinds {
        assert_eq!(status(kind, path, "alice-secret"), "200", "{kind}");
    }
    running.reload(&text("new-secret"));
    for (kind, path) in kinds {
        assert_eq!(status(kind, path, "alice-secret"), "401", "{kind}");
        assert_eq!(status(kind, path, "new-secret"), "200", "{kind}");
    }
}

const CROWD: usize = 200;

/// Numbered events for a crowd that nothing concerns, while users come and go, and others log in.
#[test]
fn whom_nothing_concerns_notices_nothing() {
    let asterisk = Simulated::start();
    let pbx = [("pbx", asterisk.port)];
    let running = Running::start(&with("", &pbx, &format!("{ALICE}{BOB}")));
    let mut crowd: Vec<_> = (0..CROWD).map(|_| running.client("alice")).collect();
    reaches_asterisk(&mut crowd[0]);
    let stop = Arc::new(AtomicBool::new(false));
    let logins = Arc::new(AtomicUsize::new(0));
    let comer = {
        let (stop, logins, port) = (Arc::clone(&stop), Arc::clone(&logins), running.port);
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                assert!(comes_in(port, "alice", "alice-secret"));
                logins.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    let sender = {
        let (stop, pbx) = (Arc::clone(&stop), asterisk.pbx.clone());
        std::thread::spawn(move || {
            let mut sent = 0;
            while !stop.load(Ordering::Relaxed) {
                let event =
                    format!("Event: Numbered\r\nPrivilege: call,all\r\nNumber: {sent}\r\n\r\n");
                pbx.with(|pbx, _| pbx.broadcast(Classes::CALL, event.as_bytes()));
                sent += 1;
                std::thread::park_timeout(Duration::from_millis(2));
            }
            sent
        })
    };
    for round in 0..20 {
        let bob = match round % 2 {
            0 => format!(
                "[carol]\nsecret = carol-secret\nread = call\nmaxinflight = {}\n",
                round + 1
            ),
            _ => BOB.to_owned(),
        };
        let general = format!(
            "retention = {}M\nsessionlimit = {}",
            4 + round,
            5000 + round
        );
        let changes = running.reload(&with(&general, &pbx, &format!("{ALICE}{bob}")));
        assert!(
            !changes.iter().any(|line| line.contains("alice")),
            "{changes:?}"
        );
    }
    stop.store(true, Ordering::Relaxed);
    comer.join().expect("logins");
    let sent: usize = sender.join().expect("events");
    assert!(
        logins.load(Ordering::Relaxed) > 5 && sent > 20,
        "{sent} events"
    );
    let last = format!("Number: {}\r\n", sent - 1);
    for client in &mut crowd {
        let all = String::from_utf8_lossy(&client.read_until(&last)).into_owned();
        let numbers = all.lines().filter_map(|line| line.strip_prefix("Number: "));
        let numbers: Vec<usize> = numbers
            .map(|number| number.parse().expect("a number"))
            .collect();
        assert_eq!(
            numbers,
            (0..sent).collect::<Vec<_>>(),
            "each event once, in order"
        );
        assert!(is_alive(client));
    }
}
