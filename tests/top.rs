//! `amimux top` in a real terminal (tmux) and as plain text, with the program itself.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by a panic"
)]

mod support;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use support::{AmiClient, Amimux, PATIENCE, Simulated, until};

struct Bench {
    asterisk: Simulated,
    folder: tempfile::TempDir,
}

impl Bench {
    fn start() -> (Self, Amimux) {
        let bench = Self {
            asterisk: Simulated::start(),
            folder: tempfile::tempdir().unwrap(),
        };
        let amimux = bench.amimux();
        (bench, amimux)
    }

    /// An amimux; after it has ended, another one.
    fn amimux(&self) -> Amimux {
        let amimux = Amimux::start(&format!(
            "[general]\nbindaddr = 127.0.0.1\nport = {{port}}\ncontrolsocket = {}\n\
             [pbx]\ntype = upstream\nhost = 127.0.0.1\nport = {}\nusername = upstream\nsecret = upstream-secret\n\
             [alice]\nsecret = alice-secret\nread = all\nwrite = all\n\
             [bob]\nsecret = bob-secret\nread = all\nwrite = all\n",
            self.socket().display(),
            self.asterisk.port
        ));
        until("amimux is connected", || {
            amimux.log().contains("Asterisk is connected").then_some(())
        });
        until("the control socket is open", || {
            self.socket().exists().then_some(())
        });
        amimux
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("control.sock")
    }

    fn top(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_amimux"))
            .arg("top")
            .args(arguments)
            .arg("--socket")
            .arg(self.socket())
            .output()
            .unwrap()
    }
}

/// A terminal of its own: a tmux server with one session, killed with the value.
struct Terminal {
    socket: PathBuf,
}

impl Terminal {
    fn start(bench: &Bench, size: (u16, u16), command: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let terminal = Self {
            // One that ends may still be there.
            socket: bench.folder.path().join(format!("tmux{number}")),
        };
        let (width, height) = (size.0.to_string(), size.1.to_string());
        terminal.tmux(&["new-session", "-d", "-x", &width, "-y", &height, command]);
        terminal
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux")
            .args(["-f", "/dev/null", "-S"])
            .arg(&self.socket)
            .args(arguments)
            .env("LC_ALL", "C.UTF-8")
            .env_remove("TMUX")
            .output()
            .expect("tmux: apt-get install tmux");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tmux {arguments:?}: {complaint}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// The screen, once that holds of it.
    fn wait_for(&self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        let begin = std::time::Instant::now();
        loop {
            let screen = self.screen();
            if holds(&screen) {
                return screen;
            }
            assert!(begin.elapsed() < PATIENCE, "{what}: not on\n{screen}");
            std::thread::park_timeout(std::time::Duration::from_millis(50));
        }
    }

    fn wait_for_text(&self, text: &str) -> String {
        self.wait_for(text, |screen| screen.contains(text))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // There is none any more if its command has ended.
        let _ = Command::new("tmux")
            .arg("-S")
            .arg(&self.socket)
            .arg("kill-server")
            .output();
    }
}

/// Runs it in a shell that tells of its end and of the terminal's state.
fn command(bench: &Bench, arguments: &str) -> String {
    format!(
        "{} top {arguments} --interval 0.2 --socket {}; echo ended with $?; stty -a | tr ' ' '\\n' | grep icanon; cat",
        env!("CARGO_BIN_EXE_amimux"),
        bench.socket().display()
    )
}

/// Where the row of that user begins, and the row of that one.
fn is_before(screen: &str, first: &str, second: &str) -> bool {
    let at = |user: &str| screen.find(&format!("\n{user} "));
    at(first)
        .zip(at(second))
        .is_some_and(|(one, other)| one < other)
}

#[test]
fn keys_change_what_is_shown() {
    let (bench, amimux) = Bench::start();
    let _bob = AmiClient::session(amimux.port, "bob", "on");
    let alice = AmiClient::session(amimux.port, "alice", "on");
    let terminal = Terminal::start(&bench, (80, 24), &command(&bench, ""));
    let screen = terminal.wait_for("clients", |screen| {
        screen.contains("\nalice ") && screen.contains("\nbob ")
    });
    for text in [
        "sessions 2",
        "UPSTREAM  STATE",
        "\npbx       Ready",
        "LAG*",
        "q quit",
    ] {
        assert!(screen.contains(text), "no {text} on\n{screen}");
    }
    assert_eq!(screen.lines().count(), 24, "{screen}");

    // Events come: rates are seen.
    let mut writer = alice.writer();
    let events = std::thread::spawn(move || {
        for number in 0..400 {
            let event = format!("Action: UserEvent\r\nUserEvent: E{number}\r\n\r\n");
            writer.write_all(event.as_bytes()).unwrap();
            std::thread::park_timeout(std::time::Duration::from_millis(10));
        }
    });
    terminal.wait_for("rates", |screen| {
        let totals = screen.lines().next().unwrap_or_default();
        totals.contains("events ")
            && !totals.contains("events 0.0/s")
            && !totals.contains("events -/s")
    });

    terminal.keys(&["u"]);
    terminal.wait_for("by user", |screen| {
        screen.contains("USER*") && is_before(screen, "alice", "bob")
    });
    terminal.keys(&["t"]);
    terminal.wait_for_text("LOGIN*");
    terminal.keys(&["/", "b", "o", "b"]);
    terminal.wait_for_text("user: bob_");
    terminal.wait_for("bob alone", |screen| !screen.contains("\nalice "));
    terminal.keys(&["Enter"]);
    terminal.wait_for_text("users like bob (Esc: all)");
    terminal.keys(&["Escape"]);
    terminal.wait_for_text("\nalice ");
    events.join().unwrap();
}

#[test]
fn it_lives_through_sizes_and_a_restart() {
    let (bench, mut amimux) = Bench::start();
    let alice = AmiClient::session(amimux.port, "alice", "on");
    let terminal = Terminal::start(&bench, (80, 24), &command(&bench, ""));
    terminal.wait_for_text("\nalice ");
    terminal.tmux(&["resize-window", "-x", "40", "-y", "12"]);
    let narrow = terminal.wait_for("a narrow frame", |screen| {
        screen.lines().count() == 12 && !screen.contains("ADDRESS") && screen.contains("\nalice ")
    });
    assert!(
        narrow.lines().all(|line| line.chars().count() <= 40),
        "{narrow}"
    );
    terminal.tmux(&["resize-window", "-x", "100", "-y", "30"]);
    terminal.wait_for_text("ADDRESS");

    amimux.end();
    terminal.wait_for_text("NO CONNECTION, trying again: ");
    let again = bench.amimux();
    let _alice = AmiClient::session(again.port, "alice", "on");
    terminal.wait_for("the new one", |screen| {
        !screen.contains("NO CONNECTION")
            && screen.contains("sessions 1")
            && screen.contains("\nalice ")
    });
    terminal.keys(&["q"]);
    let after = terminal.wait_for_text("icanon");
    assert!(
        after.contains("ended with 0") && after.contains("\nicanon"),
        "{after}"
    );
    assert!(
        !after.contains("UPSTREAM"),
        "the old screen is back: {after}"
    );
    drop(alice);
}

#[test]
fn control_c_and_sigterm_put_the_terminal_back() {
    let (bench, _amimux) = Bench::start();
    for is_signal in [false, true] {
        let terminal = Terminal::start(&bench, (80, 24), &command(&bench, "--sort user"));
        terminal.wait_for_text("no clients");
        if is_signal {
            let shell = terminal.tmux(&["display-message", "-p", "#{pane_pid}"]);
            let children = format!("/proc/{0}/task/{0}/children", shell.trim());
            let pid = std::fs::read_to_string(children).unwrap();
            let killed = Command::new("kill").args(["-TERM", pid.trim()]).status();
            assert!(killed.unwrap().success());
        } else {
            terminal.keys(&["C-c"]);
        }
        let after = terminal.wait_for_text("icanon");
        assert!(
            after.contains("ended with 0") && after.contains("\nicanon"),
            "{after}"
        );
    }
}

#[test]
fn colour_is_left_out_where_it_is_not_wanted() {
    let (bench, _amimux) = Bench::start();
    for (variables, is_coloured) in [("", true), ("NO_COLOR=1 ", false)] {
        let command = format!("{variables}{}", command(&bench, ""));
        let terminal = Terminal::start(&bench, (80, 24), &command);
        terminal.wait_for_text("no clients");
        let screen = terminal.tmux(&["capture-pane", "-p", "-e"]);
        let has_colour = screen.contains("\u{1b}[38;5;6m");
        assert_eq!(has_colour, is_coloured, "{}", screen.escape_debug());
    }
}

#[test]
fn once_is_plain_text() {
    let (bench, amimux) = Bench::start();
    let _bob = AmiClient::session(amimux.port, "bob", "on");
    let _alice = AmiClient::session(amimux.port, "alice", "on");
    let _second = AmiClient::session(amimux.port, "alice", "on");
    let printed = |arguments: &[&str]| {
        let output = bench.top(&[&["--once", "--interval", "0.2"], arguments].concat());
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complaint}");
        String::from_utf8(output.stdout).unwrap()
    };
    let all = printed(&["--sort", "user"]);
    assert!(is_before(&all, "alice", "bob"), "{all}");
    assert!(
        all.contains("events 0.0/s") && all.contains("sessions 3"),
        "{all}"
    );
    assert!(!all.contains('\u{1b}') && !all.contains("q quit"), "{all}");
    let some = printed(&["--user", "LIC", "--rows", "1"]);
    assert_eq!(some.matches("\nalice ").count(), 1, "{some}");
    assert!(!some.contains("\nbob "), "{some}");
    let by_rate = printed(&["--sort", "rate"]);
    assert!(
        by_rate.contains("BYTES/S*") && by_rate.contains("\nbob "),
        "{by_rate}"
    );
}

#[test]
fn wrong_use_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("none");
    for (arguments, code, text) in [
        (vec!["--once"], 69, "nobody listens at"),
        (vec![], 64, "try: amimux top --once"),
        (vec!["--once", "--json"], 64, "prints no JSON"),
        (vec!["--interval", "0"], 64, "not between 0.2 and 3600"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_amimux"))
            .arg("top")
            .args(&arguments)
            .arg("--socket")
            .arg(&socket)
            .output()
            .unwrap();
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {complaint}"
        );
        assert!(complaint.contains(text), "{arguments:?}: {complaint}");
    }
}

#[test]
fn sessions_are_sorted_and_cut_by_amimux_itself() {
    let (bench, amimux) = Bench::start();
    let sessions: Vec<_> = ["bob", "alice", "bob"]
        .iter()
        .map(|user| AmiClient::session(amimux.port, user, "off"))
        .collect();
    let ask = |headers: &[(&str, &str)]| {
        let mut control = amimux::admin::client::ControlClient::connect(&bench.socket()).unwrap();
        let answer = control.ask("MuxSessions", headers);
        answer.map(|answer| {
            let users = answer.items.iter().map(|item| item.get("User").to_owned());
            (
                users.collect::<Vec<_>>(),
                answer.complete.get("Found").to_owned(),
            )
        })
    };
    let (users, found) = ask(&[("Sort", "user"), ("Limit", "2")]).unwrap();
    assert_eq!(
        (users.join(","), found.as_str()),
        ("alice,bob".to_owned(), "3")
    );
    let (users, found) = ask(&[("UserContains", "OB"), ("Limit", "1")]).unwrap();
    assert_eq!((users.join(","), found.as_str()), ("bob".to_owned(), "2"));
    assert_eq!(
        ask(&[("Limit", "x")]).unwrap_err().to_string(),
        "Limit is not a number"
    );
    let unknown = ask(&[("Sort", "Luck")]).unwrap_err().to_string();
    assert!(unknown.starts_with("Sort is none of"), "{unknown}");
    drop(sessions);
}
