//! Floods at the door: thousands of connections that say nothing, that come and go, or that send nonsense without an
//! end. A client beside them is sent every event and gets every answer, others can still log in, and amimux holds
//! no more than a handful of what was thrown at it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by a panic"
)]

mod support;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::{AmiClient, Amimux, Simulated, repository, until};

const USERS: &str = "[alice]\nsecret = alice-secret\nread = all\nwrite = all\n";

/// Everything but `security`: floods at the door are told to those who read it.
const MASK: &str = "system,call,log,verbose,agent,user,config,dtmf,reporting,cdr,dialplan,originate,agi,cc,aoc,cel";

/// Events that Asterisk sends in each round.
const EVENTS: usize = 500;

/// More than what fifty connections before login need, and less than a flood would take if it were kept.
const GROWTH_MEBIBYTES_MAX: u64 = 24;

/// `authlimit`, those that have just lost their place, the sessions of the test, and the files of the program.
const FILES_MAX: usize = 50 + 16 + 20 + 30;

struct Flood(Child);

impl Flood {
    fn start(way: &str, amimux: &Amimux, amount: usize) -> Self {
        let script = repository().join("tests/clients/flood.py");
        let child = Command::new("python3")
            .arg(script)
            .args([way, &amimux.port.to_string(), &amount.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3");
        Self(child)
    }

    fn is_running(&mut self) -> bool {
        self.0.try_wait().expect("a child").is_none()
    }

    /// Ends it; how much it did.
    fn finish(mut self) -> usize {
        drop(self.0.stdin.take());
        let child = std::mem::replace(&mut self.0, Command::new("true").spawn().expect("a child"));
        let output = child.wait_with_output().expect("its output");
        let text = String::from_utf8(output.stdout).expect("text");
        text.trim().parse().expect("a number")
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn resident_mebibytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.expect("VmRSS").trim().trim_end_matches(" kB");
    kibibytes.parse::<u64>().expect("a number") / 1024
}

fn open_files(pid: u32) -> usize {
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("its files");
    files.count()
}

/// One round beside a flood: every event comes, an answer comes, and somebody logs in; how long it took.
fn round(asterisk: &Simulated, amimux: &Amimux, client: &mut AmiClient) -> Duration {
    let begin = Instant::now();
    let [upstream] = asterisk.connections()[..] else {
        panic!("one upstream connection");
    };
    asterisk
        .pbx
        .with(|pbx, _| pbx.flood(upstream, EVENTS as u64));
    let mut events = 0;
    while events < EVENTS {
        let message = client.read_message().expect("an event");
        events += usize::from(message.starts_with(b"Event: "));
    }
    client.action(&[("Action", "CoreStatus"), ("ActionID", "beside")]);
    let answer = client.read_message().expect("an answer");
    assert!(answer.starts_with(b"Response: Success\r\nActionID: beside\r\n"));
    let mut other = AmiClient::session(amimux.port, "alice", "off");
    other.action(&[("Action", "Logoff")]);
    let goodbye = other.read_message().expect("a goodbye");
    assert!(goodbye.starts_with(b"Response: Goodbye"));
    begin.elapsed()
}

fn beside(way: &str, amount: usize, done_at_least: usize) {
    let asterisk = Simulated::start();
    let amimux = Amimux::start(&format!(
        "[general]\nbindaddr = 127.0.0.1\nport = {{port}}\n\n\
         [one]\ntype = upstream\nhost = 127.0.0.1\nport = {}\nusername = upstream\nsecret = upstream-secret\n\n{USERS}",
        asterisk.port
    ));
    until("amimux is connected", || {
        amimux.log().contains("Asterisk is connected").then_some(())
    });
    let mut client = AmiClient::session(amimux.port, "alice", MASK);
    client.read_until("Event: FullyBooted");
    for _ in 0..5 {
        round(&asterisk, &amimux, &mut client);
    }
    let before = resident_mebibytes(amimux.pid());
    let mut flood = Flood::start(way, &amimux, amount);
    let (begin, mut rounds, mut slowest) = (Instant::now(), 0, Duration::ZERO);
    while rounds < 20 || (flood.is_running() && begin.elapsed() < Duration::from_secs(15)) {
        slowest = slowest.max(round(&asterisk, &amimux, &mut client));
        rounds += 1;
        let files = open_files(amimux.pid());
        assert!(files <= FILES_MAX, "{files} files are open");
    }
    let growth = resident_mebibytes(amimux.pid()).saturating_sub(before);
    assert!(growth <= GROWTH_MEBIBYTES_MAX, "{growth} MiB more are held");
    // A round waits for nothing that a flood decides; the machine may be slow, but nothing takes a timeout.
    assert!(slowest < Duration::from_secs(5), "a round took {slowest:?}");
    let done = flood.finish();
    assert!(done >= done_at_least, "the flood did only {done}");
}

#[test]
fn two_thousand_connections_that_say_nothing() {
    beside("idle", 2000, 2000);
}

#[test]
fn ten_thousand_connections_that_come_and_go() {
    beside("reconnect", 10_000, 9_000);
}

#[test]
fn blank_lines_without_an_end() {
    beside("blank", 64 << 20, 1 << 20);
}

#[test]
fn a_line_without_an_end() {
    beside("endless", 64 << 20, 1 << 20);
}

#[test]
fn requests_before_login_without_an_end() {
    beside("requests", 64 << 20, 1 << 20);
}
