//! The command line: Asterisk's own shapes as a real Asterisk prints them, tables of our own, JSON, and what is said when
//! something is wrong.

use super::*;
use serde_json::Value;
use support::{Asterisk, USERS};

/// Users for whom every line of `manager show user` has something to say.
const MORE_USERS: &str = "
[shown]
secret = shown-secret
permit = 2001:db8::/32
deny = 10.0.0.0/8,192.168.1.5
deny = 0.0.0.0/0
write = all
read = call,system
setvar = A=b
setvar = CC=dd ee
displayconnects = no
allowmultiplelogin = no
";

/// A real Asterisk, amimux in front of it, and the folder with its control socket.
fn start() -> (Asterisk, Amimux, tempfile::TempDir) {
    let asterisk = Asterisk::start_with(MORE_USERS);
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("control.sock");
    let configuration = format!(
        "[general]\nbindaddr = 127.0.0.1\nport = {{port}}\ncontrolsocket = {}\nguards = asterisk\n\n\
         [asterisk]\ntype = upstream\nhost = 127.0.0.1\nport = {}\nusername = upstream\nsecret = upstream-secret\n\n\
         {USERS}{MORE_USERS}",
        socket.display(),
        asterisk.ami_port
    );
    let amimux = Amimux::start(&configuration);
    until("amimux is connected", || {
        amimux.log().contains("Asterisk is connected").then_some(())
    });
    until("the control socket is open", || {
        socket.exists().then_some(())
    });
    (asterisk, amimux, folder)
}

/// What `amimux show` prints.
fn shown(folder: &tempfile::TempDir, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_amimux"))
        .arg("show")
        .args(arguments)
        .arg("--socket")
        .arg(folder.path().join("control.sock"))
        .output()
        .unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

#[test]
fn shapes_are_those_of_asterisk() {
    let (asterisk, amimux, folder) = start();
    let show = |arguments: &[&str]| shown(&folder, arguments);
    // Asterisk has amimux's own user, and one for the tests.
    let own = ["upstream\n", "second\n"];
    let users = own
        .iter()
        .fold(asterisk.cli("manager show users"), |text, user| {
            text.replacen(user, "", 1)
        });
    let count = users.lines().count() - 5;
    let users = users.replace(
        &format!("{} manager", count + 2),
        &format!("{count} manager"),
    );
    assert_eq!(show(&["users"]), users);
    for user in [
        "shown",
        "app1",
        "callonly",
        "nothing",
        "aclok",
        "onelogin",
        "variables",
    ] {
        assert_eq!(
            show(&["user", user]),
            asterisk.cli(&format!("manager show user {user}")),
            "{user}"
        );
    }
    assert_eq!(
        show(&["user", "nobody"]),
        asterisk.cli("manager show user nobody")
    );
    let commands = asterisk.cli("manager show commands");
    let shown = show(&["commands"]);
    let shown: String = shown
        .split_inclusive('\n')
        .filter(|line| !line.starts_with("  Mux"))
        .collect();
    assert_eq!(shown, commands);
    settings_and_connected(&amimux, &asterisk, &show);
    for name in ["Ping", "originate", "CoreStatus"] {
        let shown = show(&["command", name]);
        let told = asterisk.cli(&format!("manager show command {name}"));
        for block in shown.split("\n\n") {
            assert!(told.contains(block.trim_end()), "{block}\n{told}");
        }
        assert!(shown.contains("[Privilege]"), "{shown}");
    }
    assert_eq!(asterisk.cli("manager show command none"), "");
}

/// What differs in the values is the same in its form.
fn settings_and_connected(amimux: &Amimux, asterisk: &Asterisk, show: &dyn Fn(&[&str]) -> String) {
    let labels = |text: &str| -> Vec<String> {
        text.lines()
            .map(|line| line.get(..29).unwrap_or(line).to_owned())
            .collect()
    };
    let (shown, told) = (show(&["settings"]), asterisk.cli("manager show settings"));
    assert_eq!(labels(&shown), labels(&told));
    let same = |label: &str| {
        let line = |text: &str| {
            let mut lines = text.lines();
            lines.find(|line| line.contains(label)).map(str::to_owned)
        };
        assert_eq!(line(&shown), line(&told), "{label}");
    };
    for label in [
        "Manager (AMI)",
        "HTTP Timeout",
        "Allow multiple",
        "Display conn",
        "Timestamp",
        "Disabled ev",
        "Debug",
    ] {
        same(label);
    }
    assert!(
        shown.contains(&format!(
            "  TCP Bindaddress:           127.0.0.1:{}",
            amimux.port
        )),
        "{shown}"
    );
    let _direct = AmiClient::session(asterisk.ami_port, "callonly", "off");
    let _shared = AmiClient::session(amimux.port, "callonly", "off");
    // Start, Elapsed and FileDes differ; amimux is itself a session of Asterisk.
    let form = |text: &str| -> Vec<String> {
        let mut lines = Vec::new();
        for line in text.lines() {
            let mut line = line.to_owned();
            if line.contains("  callonly ") {
                for column in [100..108, 88..98, 76..86] {
                    line.replace_range(column, "");
                }
            } else if line.contains("  upstream ") || line.contains("users connected") {
                continue;
            }
            lines.push(line);
        }
        lines
    };
    assert_eq!(
        form(&show(&["connected"])),
        form(&asterisk.cli("manager show connected"))
    );
    assert!(show(&["connected"]).ends_with("1 users connected.\n"));
}

#[test]
fn tables_fit_a_terminal_and_json_has_everything() {
    let bench = Bench::start("", "");
    let _alice = bench.session("alice");
    let _bob = AmiClient::session(bench.amimux.port, "bob", "on");
    for (what, expected) in [
        ("upstreams", "1 upstreams configured."),
        ("sessions", "2 sessions."),
        ("views", "2 views."),
        ("filters", "1 filters in force."),
        ("users", "2 manager users configured."),
    ] {
        let text = bench.printed(&["show", what]);
        assert!(text.contains(expected), "{what}: {text}");
        for line in text.lines() {
            assert!(line.len() <= 80, "{what}: {line}");
        }
        let json: Value = serde_json::from_str(&bench.printed(&["show", what, "--json"])).unwrap();
        assert_eq!(json["response"]["EventList"], "start", "{what}");
        let items = json["items"].as_array().unwrap();
        assert_eq!(json["complete"]["ListItems"], items.len().to_string());
    }
    let bob = bench.printed(&["show", "user", "bob", "--json"]);
    let bob: Value = serde_json::from_str(&bob).unwrap();
    assert_eq!(
        bob["items"][0]["Variable"],
        serde_json::json!(["COLOUR=blue"])
    );
    assert!(
        bench
            .printed(&["show", "user", "bob", "--full"])
            .contains("EventFilter: ")
    );
    assert!(
        bench
            .printed(&["show", "settings", "--full"])
            .contains("general  bindaddr ")
    );
    let status = bench.printed(&["status"]);
    assert!(
        status.contains("1 of 1 upstreams ready, 2 sessions, 2 users"),
        "{status}"
    );
    let status: Value = serde_json::from_str(&bench.printed(&["status", "--json"])).unwrap();
    assert_eq!(status["Sessions"], "2");
    let kicked: Value =
        serde_json::from_str(&bench.printed(&["kick", "--user", "bob", "--json"])).unwrap();
    assert_eq!(kicked["Kicked"], "1");
}

#[test]
fn what_is_wrong_is_said_in_one_line_with_what_to_do() {
    let bench = Bench::start("", "");
    let nowhere = bench.folder.path().join("nowhere");
    let output = Command::new(env!("CARGO_BIN_EXE_amimux"))
        .args(["show", "users", "--socket"])
        .arg(&nowhere)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.contains("amimux does not run here, or has controlsocket = no"),
        "{said}"
    );
    for (arguments, code, text) in [
        (&["kick", "pbx/99.99"][..], 1, "No such session"),
        (&["kick", "--user", "nobody"], 1, "No such session"),
        (&["kick"], 64, "required"),
        (&["show"], 64, "Usage"),
        (
            &["show", "user", "nobody"],
            1,
            "There is no manager called nobody",
        ),
        (
            &["show", "command", "nothing"],
            1,
            "There is no action called nothing",
        ),
        (
            &["show", "commands", "--upstream", "no"],
            1,
            "No such upstream",
        ),
        (&["kick", "a\nb"], 64, "write it on one line"),
    ] {
        let output = bench.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(text), "{arguments:?}: {said}");
    }
}
