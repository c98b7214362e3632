//! Administration over AMI, over HTTP and over the control socket, and the command line as its client, with the program
//! itself: who may, what is told, what is ended, and that nobody else is kept waiting.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by a panic"
)]

mod support;

#[path = "admin/command_line.rs"]
mod command_line;
#[path = "admin/crowd.rs"]
mod crowd;
#[path = "admin/permissions.rs"]
mod permissions;

use std::path::PathBuf;
use std::process::{Command, Output};

use amimux::admin::client::{Answer, ControlClient, Message};
use support::{AmiClient, Amimux, Simulated, until};

/// An amimux in front of a simulated Asterisk, with a control socket.
struct Bench {
    amimux: Amimux,
    asterisk: Simulated,
    folder: tempfile::TempDir,
}

impl Bench {
    /// `general` are further lines of `[general]`, `users` further sections.
    fn start(general: &str, users: &str) -> Self {
        let asterisk = Simulated::start();
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("control.sock");
        let amimux = Amimux::start(&format!(
            "[general]\nbindaddr = 127.0.0.1\nport = {{port}}\ncontrolsocket = {}\n{general}\n\
             [pbx]\ntype = upstream\nhost = 127.0.0.1\nport = {}\nusername = upstream\nsecret = upstream-secret\n\
             [alice]\nsecret = alice-secret\nread = all\nwrite = all\n\
             [bob]\nsecret = bob-secret\nread = call\nwrite = call,config,reporting\neventfilter = !Event: RTCP\n\
             setvar = COLOUR=blue\npermit = 127.0.0.1\n{users}",
            socket.display(),
            asterisk.port
        ));
        until("amimux is connected", || {
            amimux.log().contains("Asterisk is connected").then_some(())
        });
        let bench = Self {
            amimux,
            asterisk,
            folder,
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

    fn ask(&self, action: &str, headers: &[(&str, &str)]) -> Answer {
        self.control().ask(action, headers).unwrap()
    }

    fn session(&self, user: &str) -> AmiClient {
        AmiClient::session(self.amimux.port, user, "off")
    }

    /// The program with these arguments and this control socket.
    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_amimux"))
            .args(arguments)
            .arg("--socket")
            .arg(self.socket())
            .output()
            .unwrap()
    }

    /// What it prints, if it succeeds.
    fn printed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {complaint}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Runs an action and gives its whole answer, a list to its end.
fn run(client: &mut AmiClient, id: &str, action: &str, headers: &[(&str, &str)]) -> String {
    client.action(&[&[("Action", action), ("ActionID", id)], headers].concat());
    let mut text = String::new();
    loop {
        let message = client.read_message().expect("an answer");
        let message = String::from_utf8(message).unwrap();
        let is_over = message.contains("EventList: Complete") || !message.contains("EventList");
        let is_response = message.starts_with("Response:");
        text.push_str(&message);
        if message.contains("EventList: Complete") || is_response && is_over {
            return text;
        }
    }
}

fn names<'a>(items: &'a [Message], header: &'a str) -> Vec<&'a str> {
    items.iter().map(|item| item.get(header)).collect()
}

/// Every list: the action, the event of an item, whether it has items here.
const LISTS: [(&str, &str, bool); 7] = [
    ("MuxUpstreams", "MuxUpstream", true),
    ("MuxSessions", "MuxSession", true),
    ("MuxUsers", "MuxUser", true),
    ("MuxViews", "MuxView", true),
    ("MuxFilters", "MuxFilter", true),
    ("MuxSettings", "MuxSetting", true),
    ("MuxCommands", "MuxCommand", true),
];

#[test]
fn every_list_is_one_and_is_the_same_over_ami_and_over_the_socket() {
    let bench = Bench::start("", "");
    let mut alice = bench.session("alice");
    let _bob = AmiClient::session(bench.amimux.port, "bob", "on");
    for (action, event, _) in LISTS {
        let text = run(&mut alice, "list 1", action, &[]);
        let start = "Response: Success\r\nActionID: list 1\r\nEventList: start\r\nMessage: ";
        assert!(text.starts_with(start), "{action}: {text}");
        let item = format!("Event: {event}\r\nActionID: list 1\r\n");
        let count = text.matches(&item).count();
        assert!(count > 0, "{action}: {text}");
        let end = format!(
            "Event: {action}Complete\r\nActionID: list 1\r\nEventList: Complete\r\nListItems: {count}\r\n"
        );
        assert!(text.contains(&end), "{action}: {text}");
        let messages = text.matches("\r\n\r\n").count();
        assert_eq!(text.matches("ActionID: list 1\r\n").count(), messages);
        let answer = bench.ask(action, &[]);
        assert_eq!(answer.items.len(), count, "{action}");
        assert_eq!(answer.complete.get("ListItems"), count.to_string());
    }
    let status = run(&mut alice, "s", "MuxStatus", &[]);
    for line in [
        "Sessions: 2\r\n",
        "Upstreams: 1\r\n",
        "UpstreamsReady: 1\r\n",
        "Users: 2\r\n",
    ] {
        assert!(status.contains(line), "{line} {status}");
    }
}

#[test]
fn lists_say_what_there_is() {
    let bench = Bench::start("", "");
    let _alice = bench.session("alice");
    let _bob = AmiClient::session(bench.amimux.port, "bob", "on");
    let upstream = &bench.ask("MuxUpstreams", &[]).items[0];
    assert_eq!(
        (upstream.get("Upstream"), upstream.get("State")),
        ("pbx", "Ready")
    );
    assert_eq!(
        (upstream.get("Username"), upstream.get("Sessions")),
        ("upstream", "2")
    );
    let sessions = bench.ask("MuxSessions", &[]);
    assert_eq!(names(&sessions.items, "User"), ["alice", "bob"]);
    let one = bench.ask("MuxSessions", &[("User", "BOB"), ("Upstream", "pbx")]);
    assert_eq!(names(&one.items, "User"), ["bob"]);
    assert_eq!(one.items[0].get("Transport"), "TCP");
    assert_eq!(one.items[0].get("Classes"), "call");
    assert_eq!(
        bench.ask("MuxSessions", &[("Upstream", "no")]).items.len(),
        0
    );
    let users = bench.ask("MuxUsers", &[("User", "bob")]);
    let bob = &users.items[0];
    assert_eq!(
        (bob.get("Read"), bob.get("Write")),
        ("call", "call,config,reporting")
    );
    assert_eq!(
        bob.get("ACLRule"),
        "(unnamed): allow - 127.0.0.1/255.255.255.255"
    );
    assert_eq!(
        (bob.get("Variable"), bob.get("Sessions")),
        ("COLOUR=blue", "1")
    );
    assert_eq!(bob.get("Secret"), "Set");
    let filters = bench.ask("MuxFilters", &[]);
    let filter = &filters.items[0];
    assert!(filter.get("Filter").contains("Event: RTCP"), "{filter:?}");
    assert_eq!(
        (filter.get("Kind"), filter.get("Sessions")),
        ("Exclude", "1")
    );
    assert!(filter.get("Origin").contains("amimux.conf:"), "{filter:?}");
    let settings = bench.ask("MuxSettings", &[]);
    let of_address = settings
        .items
        .iter()
        .find(|item| item.get("Name") == "bindaddr");
    assert_eq!(of_address.unwrap().get("Value"), "127.0.0.1");
}

#[test]
fn requests_behind_an_errand_are_answered_behind_it_and_two_administrators_do_not_mix() {
    let bench = Bench::start("", "");
    let mut first = bench.session("alice");
    let mut second = bench.session("alice");
    for round in 0..20 {
        let requests = |who: &str| {
            format!(
                "Action: MuxSessions\r\nActionID: {who}{round}\r\n\r\nAction: Ping\r\nActionID: {who}p\r\n\r\n\
                 Action: MuxUsers\r\nActionID: {who}u\r\n\r\nAction: CoreStatus\r\nActionID: {who}c\r\n\r\n"
            )
        };
        first.send(requests("a").as_bytes());
        second.send(requests("b").as_bytes());
        for (client, who) in [(&mut first, "a"), (&mut second, "b")] {
            let ids = [
                format!("{who}{round}"),
                format!("{who}p"),
                format!("{who}u"),
                format!("{who}c"),
            ];
            let text = client.read_until(&format!("ActionID: {who}c\r\n"));
            let text = String::from_utf8(text).unwrap();
            let mut seen: Vec<&str> = text
                .lines()
                .filter_map(|line| line.strip_prefix("ActionID: "))
                .collect();
            seen.dedup();
            assert_eq!(seen, ids, "{text}");
        }
    }
}

#[test]
fn an_errand_at_the_end_of_the_input_is_answered() {
    let bench = Bench::start("", "");
    let mut client = AmiClient::connect(bench.amimux.port).unwrap();
    client.send(
        b"Action: Login\r\nUsername: alice\r\nSecret: alice-secret\r\nEvents: off\r\n\r\nAction: MuxStatus\r\n\r\n",
    );
    client.half_close();
    let text = String::from_utf8(client.read_to_end()).unwrap();
    assert!(text.contains("Response: Success\r\nVersion: "), "{text}");
    assert_eq!(text.matches("ActionID").count(), 0, "none was sent: {text}");
}

#[test]
fn kicked_sessions_end_during_traffic_and_nobody_else_does() {
    let bench = Bench::start("", "");
    let mut victims = [bench.session("bob"), bench.session("bob")];
    let mut alice = bench.session("alice");
    for victim in &mut victims {
        let many: String = (0..60)
            .map(|id| format!("Action: CoreStatus\r\nActionID: {id}\r\n\r\n"))
            .collect();
        victim.send(many.as_bytes());
    }
    let text = run(&mut alice, "k", "MuxKick", &[("User", "Bob")]);
    assert!(
        text.contains("Response: Success\r\n") && text.contains("Kicked: 2\r\n"),
        "{text}"
    );
    for victim in &mut victims {
        victim.read_to_end();
    }
    let again = run(&mut alice, "k", "MuxKick", &[("User", "bob")]);
    assert!(
        again.starts_with("Response: Error\r\nActionID: k\r\nMessage: No such session\r\n"),
        "{again}"
    );
    assert!(run(&mut alice, "p", "Ping", &[]).contains("Pong"));
    // By the name of one session; a name that is not its any more ends nobody.
    let mut bob = bench.session("bob");
    let sessions = bench.ask("MuxSessions", &[("User", "bob")]);
    let name = sessions.items[0].get("Session").to_owned();
    let other = name.replace('.', ".9");
    for wrong in [other.as_str(), "pbx/1", "pbx/", "no/0.1", "/", "pbx/+0.1"] {
        let text = run(&mut alice, "k", "MuxKick", &[("Session", wrong)]);
        assert!(text.starts_with("Response: Error"), "{wrong}: {text}");
    }
    assert!(run(&mut alice, "k", "MuxKick", &[]).contains("Name either a Session or a User"));
    let text = run(&mut alice, "k", "MuxKick", &[("Session", &name)]);
    assert!(text.contains("Kicked: 1\r\n"), "{text}");
    bob.read_to_end();
    assert!(bench.amimux.log().contains("ended by an administrator"));
}

#[test]
fn who_kicks_itself_is_answered_first() {
    let bench = Bench::start("", "");
    let mut other = bench.session("alice");
    let mut alice = bench.session("alice");
    let text = run(&mut alice, "me", "MuxKick", &[("User", "alice")]);
    assert!(
        text.contains("ActionID: me\r\nMessage: Sessions ended\r\nKicked: 2\r\n"),
        "{text}"
    );
    assert!(alice.read_to_end().is_empty());
    other.read_to_end();
}

#[test]
fn the_socket_has_nothing_but_administration_and_refuses_as_asterisk_does() {
    let bench = Bench::start("", "");
    let mut client = bench.control();
    let listed = client.ask("ListCommands", &[]).unwrap();
    let names: Vec<_> = listed
        .response
        .headers()
        .map(|(name, _)| name.to_owned())
        .collect();
    for name in ["MuxKick", "MuxStatus", "Ping", "ListCommands", "Logoff"] {
        assert!(names.iter().any(|other| other == name), "{name}");
    }
    assert!(
        client
            .ask("Ping", &[])
            .unwrap()
            .response
            .get("Timestamp")
            .contains('.')
    );
    for (action, expected) in [
        (
            "Originate",
            "Invalid/unknown command: Originate. Use Action: ListCommands to show available commands.",
        ),
        (
            "Login",
            "Invalid/unknown command: Login. Use Action: ListCommands to show available commands.",
        ),
    ] {
        let error = client.ask(action, &[]).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let long = "x".repeat(4096);
    let error = client.ask("Ping", &[("Header", &long)]).unwrap_err();
    assert_eq!(error.to_string(), "Failed to parse message: line too long");
    assert_eq!(
        client.ask("Logoff", &[]).unwrap().response.get("Response"),
        "Goodbye"
    );
    assert!(client.ask("Ping", &[]).is_err(), "it is closed");
}

#[test]
fn the_file_of_the_socket_goes_with_the_program() {
    let mut bench = Bench::start("", "");
    let socket = bench.socket();
    assert!(socket.exists());
    assert_eq!(bench.amimux.end(), Some(0));
    assert!(!socket.exists());
    let _ = &bench.asterisk;
}
