//! `amimux tap` and `MuxTap`, with the program itself: what an application sends and receives is seen, no secret is,
//! nothing of others is, and a tap that is not read harms nobody.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by a panic"
)]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use amimux::admin::client::{ControlClient, Message};
use support::{AmiClient, Amimux, PATIENCE, Simulated, free_ports, until};

struct Bench {
    amimux: Amimux,
    http: u16,
    folder: tempfile::TempDir,
    _asterisk: Simulated,
}

impl Bench {
    fn start() -> Self {
        let asterisk = Simulated::start();
        let folder = tempfile::tempdir().unwrap();
        let http = free_ports(1);
        let amimux = Amimux::start(&format!(
            "[general]\nbindaddr = 127.0.0.1\nport = {{port}}\ncontrolsocket = {}\nwebenabled = yes\n\
             [http]\nenabled = yes\nbindaddr = 127.0.0.1\nbindport = {http}\n\
             [pbx]\ntype = upstream\nhost = 127.0.0.1\nport = {}\nusername = upstream\nsecret = upstream-secret\n\
             [alice]\nsecret = alice-secret\nread = all\nwrite = all\n\
             [bob]\nsecret = bob-secret\nread = all\nwrite = all\n",
            folder.path().join("control.sock").display(),
            asterisk.port
        ));
        until("amimux is connected", || {
            amimux.log().contains("Asterisk is connected").then_some(())
        });
        let bench = Self {
            amimux,
            http,
            folder,
            _asterisk: asterisk,
        };
        until("the control socket is open", || {
            bench.socket().exists().then_some(())
        });
        bench
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("control.sock")
    }

    fn control(&self) -> ControlClient {
        ControlClient::connect(&self.socket()).unwrap()
    }

    /// A tap that has begun.
    fn tap(&self, header: &str, value: &str) -> (ControlClient, Message) {
        let mut control = self.control();
        let answer = control.ask("MuxTap", &[(header, value)]).unwrap();
        control.wait_for(Some(PATIENCE)).unwrap();
        (control, answer.response)
    }

    /// `amimux tap` with these arguments, once it has begun.
    fn program(&self, arguments: &[&str]) -> Printer {
        let before = self.taps();
        let mut process = Command::new(env!("CARGO_BIN_EXE_amimux"))
            .arg("tap")
            .args(arguments)
            .arg("--socket")
            .arg(self.socket())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = process.stdout.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            lines.for_each(|line| drop(sender.send(line)));
        });
        until("the tap has begun", || (self.taps() > before).then_some(()));
        Printer { process, lines }
    }

    fn taps(&self) -> usize {
        self.amimux.log().matches("a tap begins").count()
    }

    fn session(&self, user: &str) -> AmiClient {
        AmiClient::session(self.amimux.port, user, "on")
    }
}

/// A running `amimux tap`; killed with the value.
struct Printer {
    process: Child,
    lines: Receiver<String>,
}

impl Printer {
    /// Everything up to the line with `text` in it.
    fn read_to(&self, text: &str) -> String {
        let mut seen = String::new();
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("no {text:?} but {seen}"));
            seen.push_str(&line);
            seen.push('\n');
            if line.contains(text) {
                return seen;
            }
        }
    }
}

impl Drop for Printer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn lines(message: &Message) -> Vec<&str> {
    message.all("Line").collect()
}

/// Reads on to the message in which that line stands.
fn message_with(control: &mut ControlClient, line: &str) -> Message {
    loop {
        let message = control.next_message().unwrap();
        if lines(&message).contains(&line) {
            return message;
        }
    }
}

fn user_event(client: &mut AmiClient, name: &str) {
    client.action(&[
        ("Action", "UserEvent"),
        ("ActionID", name),
        ("UserEvent", name),
    ]);
}

#[test]
fn a_whole_conversation_is_seen_and_no_secret_is() {
    let bench = Bench::start();
    let printer = bench.program(&["--user", "Alice"]);
    let mut alice = bench.session("alice");
    // What follows the login in the same write is seen as well; so is a login within the session.
    let mut second = AmiClient::connect(bench.amimux.port).unwrap();
    second.send(
        b"Action: Login\r\nUsername: alice\r\nSecret: alice-secret\r\nEvents: off\r\n\r\n\
          Action: Ping\r\nActionID: behind the login\r\n\r\n",
    );
    second.read_until("ActionID: behind the login");
    alice.action(&[
        ("Action", "Login"),
        ("Username", "alice"),
        ("Secret", "alice-secret"),
        ("Key", "89abcdef01234567"),
    ]);
    alice.action(&[
        ("Action", "DBPut"),
        ("Family", "secret"),
        ("Key", "me"),
        ("Val", "hush-hush"),
    ]);
    alice.send(b"Action: Ping\nX: a:  b\r\nnot a header\r\n\r\n");
    user_event(&mut alice, "Finale");
    let seen = printer.read_to("UserEvent: Finale") + &printer.read_to("Event: UserEvent");
    for secret in ["alice-secret", "89abcdef01234567", "hush-hush"] {
        assert!(!seen.contains(secret), "{secret} in {seen}");
    }
    for text in [
        "    Message: Authentication accepted\n",
        "    ActionID: behind the login\n",
        "    Secret: [redacted]\n    Key: [redacted]\n",
        "    Family: secret\n    Key: me\n    Val: [redacted]\n",
        "    Action: Ping\n    X: a:  b\n    not a header\n",
        " → alice pbx/",
        " ← alice pbx/",
    ] {
        assert!(seen.contains(text), "no {text:?} in {seen}");
    }
    let log = bench.amimux.log();
    assert!(
        log.contains("a tap begins") && log.contains("user Alice"),
        "{log}"
    );
    assert!(log.contains("by=\"uid "), "{log}");
    drop(printer);
    until("the end of the tap is logged", || {
        bench.amimux.log().contains("a tap has ended").then_some(())
    });
}

#[test]
fn nothing_of_others_is_seen_and_a_tap_ends_at_the_next_request() {
    let bench = Bench::start();
    let mut alice = bench.session("alice");
    let mut bob = bench.session("bob");
    let sessions = bench
        .control()
        .ask("MuxSessions", &[("User", "bob")])
        .unwrap();
    let name = sessions.items[0].get("Session").to_owned();
    let (mut by_user, response) = bench.tap("User", "bob");
    assert_eq!(response.get("Sessions"), "1");
    let (mut by_session, _) = bench.tap("Session", &name);
    let ping = |client: &mut AmiClient, id| {
        client.action(&[("Action", "Ping"), ("ActionID", id)]);
        client.read_until(&format!("ActionID: {id}"));
    };
    ping(&mut alice, "of alice");
    ping(&mut bob, "of bob");
    for control in [&mut by_user, &mut by_session] {
        for direction in ["Sent", "Received"] {
            let message = control.next_message().unwrap();
            assert_eq!(message.get("Event"), "MuxTapped");
            assert_eq!(message.get("User"), "bob");
            assert_eq!(message.get("Session"), name);
            assert_eq!(message.get("Direction"), direction);
            assert!(lines(&message).contains(&"ActionID: of bob"), "{message:?}");
        }
        let id = control.send("Ping", &[]).unwrap();
        assert_eq!(control.next_message().unwrap().get("Event"), "MuxTapEnded");
        assert_eq!(control.answer(&id).unwrap().response.get("Ping"), "Pong");
    }

    // A tap of one session ends with it.
    let mut printer = bench.program(&["--session", &name]);
    bob.action(&[("Action", "Logoff")]);
    printer.read_to("Message: Thanks for all the fish.");
    assert_eq!(printer.process.wait().unwrap().code(), Some(0));
}

#[test]
fn only_over_the_control_socket_and_only_for_who_is_there() {
    let bench = Bench::start();
    let mut alice = bench.session("alice");
    alice.action(&[("Action", "MuxTap"), ("ActionID", "t"), ("User", "bob")]);
    let answer = String::from_utf8(alice.read_until("ActionID: t\r\n")).unwrap();
    assert!(answer.contains("Response: Error"), "{answer}");
    for (headers, error) in [
        (vec![("User", "nobody")], "No such user"),
        (vec![("Session", "pbx/77.1")], "No such session"),
        (vec![("Session", "elsewhere/0.1")], "No such session"),
        (vec![], "Name either a Session or a User"),
        (
            vec![("User", "bob"), ("Session", "pbx/0.1")],
            "Name either a Session or a User",
        ),
    ] {
        let refused = bench.control().ask("MuxTap", &headers).unwrap_err();
        assert_eq!(refused.to_string(), error, "{headers:?}");
    }
}

#[test]
fn a_tap_that_nobody_reads_harms_nobody_and_says_what_it_missed() {
    const PINGS: usize = 6000;
    let bench = Bench::start();
    let (mut control, _) = bench.tap("User", "alice");
    let mut alice = AmiClient::session(bench.amimux.port, "alice", "off");
    let long = "x".repeat(900);
    let mut writer = alice.writer();
    let sender = std::thread::spawn(move || {
        for number in 0..PINGS {
            let request = format!("Action: Ping\r\nActionID: {number} {long}\r\n\r\n");
            writer.write_all(request.as_bytes()).unwrap();
        }
    });
    // All of it is answered while the tap is not read.
    for number in 0..PINGS {
        let answer = alice.read_message().expect("an answer");
        let id = format!("ActionID: {number} ");
        assert!(support::find(&answer, id.as_bytes()).is_some(), "{number}");
    }
    sender.join().unwrap();
    let (mut seen, mut missed, mut last) = (0, 0, 0);
    // The answer to the login comes first.
    let all = 2 * PINGS + 1;
    while seen + missed < all {
        let message = control.next_message().unwrap();
        match message.get("Event") {
            "MuxTapMissed" => missed += message.get("Messages").parse::<usize>().unwrap(),
            _ => seen += 1,
        }
        last = seen + missed;
    }
    assert_eq!(last, all);
    assert!(missed > 0 && seen > 1000, "{seen} seen, {missed} missed");
    // Nothing is missed any more once it is read.
    alice.action(&[("Action", "Ping"), ("ActionID", "at last")]);
    let message = message_with(&mut control, "ActionID: at last");
    assert_eq!(message.get("Direction"), "Sent");
}

#[test]
fn many_events_come_in_order_and_count_ends_the_tap() {
    const EVENTS: usize = 500;
    let bench = Bench::start();
    let mut alice = bench.session("alice");
    let mut printer = bench.program(&["--user", "alice", "--json", "--count", "600"]);
    let mut bob = AmiClient::session(bench.amimux.port, "bob", "off");
    for number in 0..700 {
        user_event(&mut bob, &format!("E{number}"));
        bob.read_until(&format!("ActionID: E{number}\r\n"));
    }
    alice.read_until("UserEvent: E699\r\n");
    let mut numbers = Vec::new();
    for line in printer.lines.iter() {
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        let lines = object["lines"].as_array().unwrap();
        let number = (lines.iter().filter_map(|line| line.as_str()))
            .find_map(|line| line.strip_prefix("UserEvent: E"));
        numbers.extend(number.map(|number| number.parse::<usize>().unwrap()));
    }
    assert!(numbers.len() > EVENTS, "{}", numbers.len());
    assert!(numbers.is_sorted() && numbers[0] == 0, "{numbers:?}");
    assert_eq!(printer.process.wait().unwrap().code(), Some(0));
    let wrong = Command::new(env!("CARGO_BIN_EXE_amimux"))
        .arg("tap")
        .output();
    assert_eq!(wrong.unwrap().status.code(), Some(64), "whom?");
}

#[test]
fn sessions_over_http_are_seen_as_well() {
    let bench = Bench::start();
    let (mut control, _) = bench.tap("User", "alice");
    let get = |target: &str, cookie: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", bench.http)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let head = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{cookie}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let answer = get(
        "/rawman?action=login&username=alice&secret=alice-secret",
        "",
    );
    let cookie = answer.split("mansession_id=\"").nth(1).expect(&answer);
    let cookie = cookie.split('"').next().unwrap();
    let cookie = format!("Cookie: mansession_id=\"{cookie}\"\r\n");
    let first = message_with(&mut control, "Message: Authentication accepted");
    assert_eq!(first.get("User"), "alice");
    get("/rawman?action=ping&actionid=web", &cookie);
    for direction in ["Sent", "Received"] {
        // Names are as the client wrote them.
        let name = if direction == "Sent" {
            "actionid"
        } else {
            "ActionID"
        };
        let message = message_with(&mut control, &format!("{name}: web"));
        assert_eq!(message.get("Direction"), direction);
        assert_eq!(message.get("Session"), first.get("Session"));
    }
}
