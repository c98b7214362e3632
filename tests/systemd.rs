//! As a service: what amimux tells a service manager, and the sockets that it takes from one. The manager is this test.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by a panic"
)]

mod support;

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use support::test_logs::{has_secrets, log_file};
use support::{AmiClient, Amimux, Simulated, free_ports, repository, terminate, until};
use tempfile::TempDir;

/// A service manager's end of the protocol.
struct Manager {
    folder: TempDir,
    socket: UnixDatagram,
}

impl Manager {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let socket = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
        socket
            .set_read_timeout(Some(support::PATIENCE))
            .expect("a deadline");
        Self { folder, socket }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("notify")
    }

    /// The next message.
    fn next(&self) -> String {
        let mut message = [0; 4096];
        let length = self.socket.recv(&mut message).expect("a message");
        String::from_utf8_lossy(&message[..length]).into_owned()
    }

    /// Reads on to a message with that text.
    fn wait_for(&self, text: &str) -> String {
        let mut seen = Vec::new();
        for _ in 0..200 {
            let message = self.next();
            if message.contains(text) {
                return message;
            }
            seen.push(message);
        }
        panic!("no {text}: {seen:?}");
    }
}

fn configuration(upstream: u16) -> String {
    format!(
        "[general]\nbindaddr = 127.0.0.1\nport = {{port}}\n\
         [pbx]\ntype = upstream\nhost = 127.0.0.1\nport = {upstream}\nusername = upstream\nsecret = upstream-secret\n\
         [alice]\nsecret = alice-secret\nread = all\nwrite = all\n"
    )
}

#[test]
fn the_manager_is_told_of_readiness_state_reload_and_end() {
    let manager = Manager::start();
    let asterisk = Simulated::start();
    let mut amimux = Amimux::start_in(
        &configuration(asterisk.port),
        &[],
        &[
            ("NOTIFY_SOCKET", &manager.path()),
            ("WATCHDOG_USEC", Path::new("1000000")),
        ],
    );
    let first = manager.next();
    assert!(
        first.starts_with("READY=1\nSTATUS=") && first.contains("of 1 upstreams connected"),
        "{first}"
    );
    manager.wait_for("WATCHDOG=1");
    manager.wait_for("STATUS=1 of 1 upstreams connected, 0 clients");
    let _alice = AmiClient::session(amimux.port, "alice", "off");
    manager.wait_for("1 of 1 upstreams connected, 1 clients");
    manager.wait_for("WATCHDOG=1");

    let pid = amimux.pid().to_string();
    let hangup = Command::new("kill").args(["-HUP", &pid]).status();
    assert!(hangup.is_ok_and(|status| status.success()));
    let reloading = manager.wait_for("RELOADING=1");
    let time = reloading
        .lines()
        .find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
    assert!(
        time.is_some_and(|time| time.parse::<u64>().is_ok_and(|time| time > 0)),
        "{reloading}"
    );
    manager.wait_for("READY=1");

    assert_eq!(amimux.end(), Some(0));
    manager.wait_for("STOPPING=1");
}

/// An amimux to which two sockets are passed under these names; ends with the value.
struct Activated {
    process: Child,
    _folder: TempDir,
    log_file: PathBuf,
}

impl Activated {
    fn start(configuration: &str, sockets: [TcpListener; 2], names: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("amimux.conf");
        std::fs::write(&file, configuration).expect("a configuration file");
        has_secrets(configuration.as_bytes());
        let log_file = log_file();
        let log = File::create(&log_file).expect("a file for its log");
        let [first, second] = sockets.map(OwnedFd::from);
        // The shell keeps its process id when it becomes amimux, and moves the sockets to where they are looked for.
        let process = Command::new("sh")
            .args([
                "-c",
                "exec 3<&0 4>&1 </dev/null >/dev/null; LISTEN_PID=$$ exec \"$0\" run --config \"$1\"",
                env!("CARGO_BIN_EXE_amimux"),
            ])
            .arg(&file)
            .env("LISTEN_FDS", "2")
            .env("LISTEN_FDNAMES", names)
            .stdin(Stdio::from(first))
            .stdout(Stdio::from(second))
            .stderr(log)
            .spawn()
            .expect("sh runs");
        Self {
            process,
            _folder: folder,
            log_file,
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log_file).unwrap_or_default()
    }
}

impl Drop for Activated {
    fn drop(&mut self) {
        terminate(&mut self.process);
        if std::thread::panicking() {
            let _ = writeln!(std::io::stderr(), "{}", self.log());
        }
    }
}

#[test]
fn passed_sockets_are_served_and_others_are_opened_or_warned_of() {
    let asterisk = Simulated::start();
    let sockets = [(); 2].map(|()| TcpListener::bind(("127.0.0.1", 0)).expect("a port"));
    let ports = sockets
        .each_ref()
        .map(|socket| socket.local_addr().expect("its address").port());
    // The configuration's own port is not opened, the port of the metrics is.
    let (unused, metrics) = (free_ports(1), free_ports(1));
    let text = configuration(asterisk.port).replace(
        "port = {port}",
        &format!("port = {unused}\nmetricsbindaddr = 127.0.0.1:{metrics}"),
    );
    let activated = Activated::start(&text, sockets, "ami:web");
    let mut banner = [0; 22];
    TcpStream::connect(("127.0.0.1", ports[0]))
        .and_then(|mut stream| {
            stream.set_read_timeout(Some(support::PATIENCE))?;
            stream.read_exact(&mut banner)
        })
        .expect("a banner");
    assert_eq!(&banner, b"Asterisk Call Manager/");
    until("the metrics are served", || {
        TcpStream::connect(("127.0.0.1", metrics)).ok()
    });
    assert!(TcpStream::connect(("127.0.0.1", unused)).is_err());
    let log = activated.log();
    assert!(
        log.lines().any(|line| line.contains("is not used")
            && line.contains("WARN")
            && line.contains("\"web\"")
            && line.contains(&ports[1].to_string())),
        "{log}"
    );
    assert!(
        TcpStream::connect(("127.0.0.1", ports[1])).is_err(),
        "it is closed"
    );
}

/// The units, as they stand in the repository, where systemd looks for them; the program is the one that was built.
fn units() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["amimux.service", "amimux.socket", "amimux-tls.socket"] {
        let unit = std::fs::read_to_string(repository().join("systemd").join(name)).expect(name);
        let unit = unit
            .replace("/usr/bin/amimux", env!("CARGO_BIN_EXE_amimux"))
            // Pages that only an installed package has.
            .lines()
            .filter(|line| !line.starts_with("Documentation="))
            .fold(String::new(), |unit, line| unit + line + "\n");
        std::fs::write(folder.path().join(name), unit).expect(name);
    }
    folder
}

fn systemd_analyze(arguments: &[&str], folder: &Path) -> (bool, String) {
    let output = Command::new("systemd-analyze")
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("systemd-analyze runs: install systemd");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let folder = units();
    let service = "./amimux.service";
    let (fine, said) = systemd_analyze(
        &["verify", service, "./amimux.socket", "./amimux-tls.socket"],
        folder.path(),
    );
    let about_us: Vec<_> = said
        .lines()
        .filter(|line| line.contains("amimux"))
        .collect();
    assert!(fine && about_us.is_empty(), "{said}");
    // In tenths: at most 1.5 of 10.
    let threshold = ["security", "--offline=yes", "--threshold=15", service];
    let (safe, said) = systemd_analyze(&threshold, folder.path());
    assert!(safe, "{said}");
}

#[test]
fn systemd_would_notice_what_is_wrong_with_a_unit() {
    let folder = units();
    let path = folder.path().join("amimux.service");
    let unit = std::fs::read_to_string(&path).expect("the unit");
    std::fs::write(&path, unit.replace("Type=notify", "Type=notices")).expect("the unit");
    let (_, said) = systemd_analyze(&["verify", "./amimux.service"], folder.path());
    assert!(said.contains("notices"), "{said}");
}
