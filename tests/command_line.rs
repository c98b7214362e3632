//! What the program tells people: help, `check` and its exit codes, what goes wrong at start.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by a panic"
)]

use std::process::{Command, Output};

fn amimux(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_amimux"))
        .args(arguments)
        .output()
        .expect("amimux can be run")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A configuration in a folder of its own, readable by nobody else.
fn configuration(text: &str) -> (tempfile::TempDir, String) {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("amimux.conf");
    std::fs::write(&path, text).expect("a file");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("permissions");
    (folder, path.display().to_string())
}

const GOOD: &str = "[general]\nbindaddr = 127.0.0.1\nport = PORT\n\
[asterisk]\ntype = upstream\nhost = 127.0.0.1\nusername = amimux\nsecret = s3cr3t-upstream\n\
[crm]\nsecret = s3cr3t-crm\nread = call\nwrite = originate\n";

#[test]
fn help_teaches_the_first_steps() {
    let help = text(&amimux(&["--help"]).stdout);
    for step in [
        "amimux demo",
        "amimux check --config",
        "amimux run --config",
        "type = upstream",
        "78",
    ] {
        assert!(help.contains(step), "{step} is missing:\n{help}");
    }
    assert_eq!(amimux(&["run", "--nonsense"]).status.code(), Some(2));
}

#[test]
fn check_accepts_the_sample_configuration() {
    let output = amimux(&[
        "check",
        "--config",
        concat!(env!("CARGO_MANIFEST_DIR"), "/conf/amimux.conf"),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("usable: 1 upstreams"));
}

#[test]
fn check_names_file_line_and_remedy_of_everything_that_is_wrong() {
    let bad = GOOD
        .replace("PORT", "15039")
        .replace("read = call", "read = call,bananas")
        .replace("host =", "hots =");
    let (_folder, path) = configuration(&bad);
    let output = amimux(&["check", "--config", &path]);
    assert_eq!(output.status.code(), Some(78));
    let errors = text(&output.stderr);
    assert!(errors.contains(&format!("{path}:6: error: ")), "{errors}");
    assert!(errors.contains(&format!("{path}:11: error: ")), "{errors}");
    assert!(
        errors.contains("bananas") && errors.contains("host"),
        "{errors}"
    );
    assert!(!errors.contains("s3cr3t"), "{errors}");
}

#[test]
fn a_configuration_with_errors_never_starts() {
    let (_folder, path) = configuration("[general]\nport = 1\n");
    let output = amimux(&["run", "--config", &path]);
    assert_eq!(output.status.code(), Some(78));
    assert!(text(&output.stderr).contains("not started"));
    let missing = amimux(&["run", "--config", "/nonexistent/amimux.conf"]);
    assert_eq!(missing.status.code(), Some(78), "{}", text(&missing.stderr));
}

#[test]
fn a_port_that_is_taken_is_named_with_a_remedy() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = taken.local_addr().expect("its address").port();
    let (_folder, path) = configuration(&GOOD.replace("PORT", &port.to_string()));
    let output = amimux(&["run", "--config", &path]);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(
        error.contains(&format!("cannot listen on 127.0.0.1:{port}")) && error.contains("bindaddr"),
        "{error}"
    );
}

#[test]
fn the_demo_shows_what_each_application_receives_and_ends_by_itself() {
    let output = amimux(&["demo", "--port", "0", "--seconds", "3", "--calls", "20"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    for expected in [
        "nc 127.0.0.1 ",
        "Username: crm",
        "wallboard",
        "billing",
        "events/s delivered",
    ] {
        assert!(shown.contains(expected), "{expected} is missing:\n{shown}");
    }
}

#[test]
fn explain_tells_what_would_be_decided_and_by_which_rule() {
    let configuration_text =
        GOOD.replace("PORT", "5039") + "deny = 0.0.0.0/0,::/0\npermit = 192.0.2.0/24\n";
    let (_folder, path) = configuration(&configuration_text);
    let explain = |arguments: &[&str]| {
        let output = amimux(&[&["explain", "--config", &path, "--user"], arguments].concat());
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(!said.contains("s3cr3t"), "{said}");
        (output.status.code(), said)
    };
    for (arguments, code, parts) in [
        (
            &["crm"][..],
            0,
            &["may run", "Originate", "may read", "Newchannel"][..],
        ),
        (
            &["crm", "--address", "192.0.2.9", "Originate", "Channel: X/1"],
            0,
            &[
                "permit 192.0.2.0/24",
                "login                   ALLOWED",
                "write has originate",
                "request                 ALLOWED",
                "Channel: X/1",
            ],
        ),
        (
            &["crm", "--address", "198.51.100.1"],
            1,
            &["deny 0.0.0.0/0", "REFUSED: Authentication failed"],
        ),
        (
            &["crm", "Originate", "Channel: X/1", "Application: System"],
            1,
            &[
                "guard application",
                "REFUSED: Originate Access Forbidden: app or data blacklisted",
            ],
        ),
        (
            &["crm", "Command"],
            1,
            &["class command", "REFUSED: Permission denied"],
        ),
        (
            &["crm", "Nonsense"],
            1,
            &["REFUSED: Invalid/unknown command: Nonsense."],
        ),
        (
            &["nobody"],
            1,
            &["there is no user \"nobody\"; there are: crm"],
        ),
        (&["crm", "Ping", "no header"], 1, &["is not a header"]),
        (&["crm", "Ping", "A: b\r\nAction: Logoff"], 1, &["line end"]),
        (&[], 2, &[]),
    ] {
        let (found, said) = explain(arguments);
        assert_eq!(found, Some(code), "{arguments:?}\n{said}");
        for part in parts {
            assert!(said.contains(part), "{arguments:?}: no {part:?} in\n{said}");
        }
    }
}
