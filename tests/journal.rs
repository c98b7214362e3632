//! The program and the journal of systemd: with a journal of the tests' own where amimux looks for one, which a mount
//! namespace makes possible. fail2ban reads what it was sent.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

mod support;

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{self, Receiver};

use support::test_logs::said;
use support::{AmiClient, Amimux, Simulated, configuration, repository, until};

/// Becomes amimux where the folder `$JOURNAL` is that of the journal, with standard error named as systemd does
/// for `$STREAM = own`.
const PROGRAM: &str = "mount -t tmpfs none /run && mkdir -p /run/systemd/journal && \
    mount --bind \"$JOURNAL\" /run/systemd/journal || exit 1; \
    test \"$STREAM\" = own && export JOURNAL_STREAM=\"$(stat -L -c %d:%i /proc/self/fd/2)\"; \
    exec \"$AMIMUX\" \"$@\"";

/// amimux with the journal in that folder.
fn start(asterisk: &Simulated, journal: &Path, stream: &str, arguments: &[&str]) -> Amimux {
    let mut program = Command::new("unshare");
    program
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            PROGRAM,
            "sh",
        ])
        .env("AMIMUX", env!("CARGO_BIN_EXE_amimux"))
        .env("JOURNAL", journal)
        .env("STREAM", stream)
        .env("JOURNAL_STREAM", "1:1");
    Amimux::start_by(program, &configuration(asterisk.port), arguments, &[])
}

/// A login that is refused, and what of it is logged.
fn be_refused(amimux: &Amimux) {
    let mut client = AmiClient::connect(amimux.port).expect("a connection");
    client.action(&[
        ("Action", "Login"),
        ("Username", "app1\"\nMESSAGE=x"),
        ("Secret", "mistaken-secret"),
    ]);
    client.read_until("Authentication failed");
}

/// The value of a field in a datagram, whose length is before it.
fn value(datagram: &[u8], name: &str) -> Option<String> {
    let at = support::find(datagram, format!("\n{name}\n").as_bytes())? + name.len() + 2;
    let (length, rest) = datagram.get(at..)?.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    String::from_utf8(rest.get(..length)?.to_vec()).ok()
}

/// Reads what comes to that journal, as journald does: at once.
fn read(journal: UnixDatagram) -> Receiver<Vec<u8>> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(length) = journal.recv(&mut bytes) {
            let datagram = bytes.get(..length).expect("what was received");
            if sender.send(datagram.to_vec()).is_err() {
                break;
            }
        }
    });
    lines
}

/// The datagram that tells of the refusal.
fn refusal(journal: &Receiver<Vec<u8>>) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let datagram = journal
            .recv_timeout(support::PATIENCE)
            .expect("a line for the journal");
        all.extend_from_slice(&datagram);
        if value(&datagram, "AMIMUX_EVENT").as_deref() == Some("refused") {
            said(&all);
            return datagram;
        }
    }
}

#[test]
fn under_systemd_lines_go_to_the_journal_and_fail2ban_reads_them() {
    let asterisk = Simulated::start();
    let folder = tempfile::tempdir().expect("a folder");
    let journal = UnixDatagram::bind(folder.path().join("socket")).expect("a journal");
    let journal = read(journal);
    for (stream, arguments) in [("own", &[][..]), ("none", &["--log-format", "journald"])] {
        let amimux = start(&asterisk, folder.path(), stream, arguments);
        be_refused(&amimux);
        let refusal = refusal(&journal);
        for (name, expected) in [
            ("PRIORITY", "4"),
            ("SYSLOG_IDENTIFIER", "amimux"),
            ("AMIMUX_KIND", "login"),
            ("AMIMUX_ADDRESS", "127.0.0.1"),
        ] {
            assert_eq!(value(&refusal, name).as_deref(), Some(expected), "{name}");
        }
        // The first field has no end of line before it.
        let message = value(&[b"\n", &refusal[..]].concat(), "MESSAGE").expect("a message");
        // As fail2ban puts a line of the journal together.
        let filter = repository().join("conf/fail2ban/filter.d/amimux.conf");
        let output = Command::new("fail2ban-regex")
            .args(["--out", "<ip>"])
            .arg(format!("pbx.example amimux[{}]: {message}", amimux.pid()))
            .arg(&filter)
            .output()
            .expect("fail2ban-regex is installed: run scripts/setup.sh");
        let found = String::from_utf8_lossy(&output.stdout);
        assert_eq!(found.trim(), "127.0.0.1", "{message}");
        assert_eq!(amimux.log(), "", "nothing goes to standard error");
    }
}

#[test]
fn standard_error_is_used_where_there_is_no_journal() {
    let asterisk = Simulated::start();
    let folder = tempfile::tempdir().expect("a folder");
    for (stream, arguments, begin) in [
        // No journal listens in that folder.
        ("own", &[][..], " WARN the journal cannot be reached"),
        (
            "none",
            &["--log-format", "journald"],
            " WARN the journal cannot be reached",
        ),
        // A variable that was inherited, and standard error that goes elsewhere.
        ("none", &[], "20"),
        ("own", &["--log-format", "plain"], " INFO "),
    ] {
        let amimux = start(&asterisk, folder.path(), stream, arguments);
        be_refused(&amimux);
        until("the refusal is logged", || {
            amimux
                .log()
                .contains("WARN refused kind=login")
                .then_some(())
        });
        let log = amimux.log();
        // What the configuration's warnings say stands before.
        let log = log.lines().filter(|line| !line.contains("amimux.conf:"));
        let log = log.collect::<Vec<_>>().join("\n");
        assert!(log.starts_with(begin), "{stream} {arguments:?}: {log}");
    }
}

#[test]
fn json_is_one_object_per_line_with_time_level_event_and_fields() {
    let asterisk = Simulated::start();
    let amimux = Amimux::start_with(&configuration(asterisk.port), &["--log-format", "json"]);
    be_refused(&amimux);
    until("the refusal and the connection are logged", || {
        let is_connected = amimux.log().contains("upstream-connected");
        if !is_connected {
            return None;
        }
        amimux.log().contains("\"kind\":\"login\"").then_some(())
    });
    let log = amimux.log();
    let mut names = Vec::new();
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect(line);
        for (_, value) in line.as_object().expect("an object") {
            assert!(!value.is_object() && !value.is_array(), "{line}");
        }
        let event = line.get("event").and_then(serde_json::Value::as_str);
        names.push(event.expect("a name").to_owned());
        assert!(line.get("time").is_some() && line.get("level").is_some());
    }
    for name in ["configuration-warning", "upstream-connected", "refused"] {
        assert!(names.contains(&name.to_owned()), "{name}: {log}");
    }
}
