//! What the program tells people: help, `check` and its exit codes, what goes wrong at start.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by a panic"
)]

mod support;

use std::io::Write;
use std::process::{Command, Output, Stdio};

use support::test_logs::{has_secrets, said};

fn amimux(arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_amimux"))
        .args(arguments)
        .output()
        .expect("amimux can be run");
    said(&[&output.stdout[..], &output.stderr].concat());
    output
}

/// As [`amimux`], with something to read on standard input.
fn amimux_reading(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_amimux"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("amimux can be run");
    let mut stdin = child.stdin.take().expect("its standard input");
    // It may end without having read everything.
    let _ = stdin.write_all(input);
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    said(&[&output.stdout[..], &output.stderr].concat());
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A configuration in a folder of its own, readable by nobody else.
fn configuration(text: &str) -> (tempfile::TempDir, String) {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("amimux.conf");
    has_secrets(text.as_bytes());
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
    assert_eq!(amimux(&["run", "--nonsense"]).status.code(), Some(64));
}

#[test]
fn check_accepts_the_sample_configuration() {
    let output = amimux(&[
        "check",
        "--config",
        concat!(env!("CARGO_MANIFEST_DIR"), "/conf/amimux.conf"),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("usable: 1 upstream"));
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
    assert_eq!(output.status.code(), Some(69));
    let error = text(&output.stderr);
    assert!(
        error.contains(&format!("cannot listen on 127.0.0.1:{port}")) && error.contains("bindaddr"),
        "{error}"
    );
}

#[test]
fn a_configuration_that_may_not_be_read_has_a_code_of_its_own() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, path) = configuration(GOOD);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).expect("mode 0");
    let root = Command::new("id").arg("-u").output().expect("id runs");
    let check = [env!("CARGO_BIN_EXE_amimux"), "check", "--config", &path];
    let mut run = if root.stdout == b"0\n" {
        // Root without what lets it read everything.
        let mut run = Command::new("setpriv");
        run.arg("--bounding-set=-dac_override,-dac_read_search")
            .args(check);
        run
    } else {
        let mut run = Command::new(check[0]);
        run.args(&check[1..]);
        run
    };
    let output = run.output().expect("it runs");
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(77), "{error}");
    assert!(
        error.contains("cannot read") && error.contains("Permission denied"),
        "{error}"
    );
}

#[test]
fn a_wrong_log_filter_is_wrong_usage() {
    let (_folder, path) = configuration(&GOOD.replace("PORT", "5039"));
    let output = amimux(&["run", "--config", &path, "--log", "a=b=c"]);
    assert_eq!(output.status.code(), Some(64), "{}", text(&output.stderr));
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
        (&[], 64, &[]),
    ] {
        let (found, said) = explain(arguments);
        assert_eq!(found, Some(code), "{arguments:?}\n{said}");
        for part in parts {
            assert!(said.contains(part), "{arguments:?}: no {part:?} in\n{said}");
        }
    }
}

/// [`GOOD`] with event filters, in lines 14 to 18.
fn with_filters() -> String {
    let good = GOOD
        .replace("PORT", "5039")
        .replace("[asterisk]", "disabledevents = RTCPSent\n[asterisk]");
    good + "eventfilter(name(Newchannel)) =\n\
        eventfilter = Event: Hangup\n\
        eventfilter = !Local/.*\\;2\n\
        eventfilter = !.*[^:]{3}Zap.*\n\
        eventfilter = [^:]{3}[0-9a-f]{9}\n"
}

const CAPTURE: &[u8] = b"Asterisk Call Manager/9.0.0\r\n\
Response: Success\r\nMessage: Authentication accepted\r\n\r\n\
Event: Newchannel\r\nPrivilege: call,all\r\nChannel: PJSIP/100-00000001\r\n\r\n\
Event: Hangup\r\nPrivilege: call,all\r\nChannel: Local/1@x-0001;2\r\n\r\n\
Event: VarSet\r\nPrivilege: dialplan,all\r\nVariable: A\x1b[2J\r\n\r\n\
Event: Newstate\r\nPrivilege: call,all\r\nChannel: PJSIP/100-1\r\n\r\n\
Event: RTCPSent\r\nPrivilege: reporting,all\r\n\r\n\
Event: PeerEntry\r\nObjectName: 100\r\n\r\n\
Event: Half\r\n";

const FILTER_TEST: &str = "\
sent      1  Newchannel  Channel: PJSIP/100-00000001  by eventfilter(name(Newchannel))= (FILE:14)
kept out  2  Hangup      Channel: Local/1@x-0001;2    by eventfilter=!Local/.*;2 (FILE:16)
kept out  3  VarSet      Variable: A?[2J              by class: read lacks dialplan
kept out  4  Newstate    Channel: PJSIP/100-1         since no filter takes it in
kept out  5  RTCPSent                                 by disabledevents
answer    6  PeerEntry   ObjectName: 100              to whoever asked, past classes and filters

6  events
1  sent
1  parts of answers
1  kept out by disabledevents
1  kept out by class
1  kept out by eventfilter=!Local/.*;2 (FILE:16)
1  kept out since no filter takes them in
1  taken in by eventfilter(name(Newchannel))= (FILE:14)
matched nothing that the user reads:
  eventfilter=!.*[^:]{3}Zap.* (FILE:17)
  eventfilter=[^:]{3}[0-9a-f]{9} (FILE:18)
";

#[test]
fn filter_test_tells_what_each_event_comes_to_and_by_which_filter() {
    let (_folder, path) = configuration(&with_filters());
    let command = ["filter-test", "--config", &path, "--user", "crm"];
    let output = amimux_reading(&command, CAPTURE);
    let warning = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{warning}");
    assert_eq!(text(&output.stdout).replace(&path, "FILE"), FILTER_TEST);
    assert_eq!(
        warning,
        "amimux: the last 13 bytes are no whole message, and left out\n"
    );
}

#[test]
fn filter_test_tells_what_each_filter_costs_and_what_to_write_instead() {
    let (_folder, path) = configuration(&with_filters());
    let command = ["filter-test", "--config", &path, "--user", "crm", "--cost"];
    let output = amimux_reading(&command, CAPTURE);
    let said = text(&output.stdout).replace(&path, "FILE");
    let cost = said
        .strip_prefix(FILTER_TEST)
        .unwrap_or_else(|| panic!("something else first:\n{said}"));
    let (head, lines) = cost.split_at(cost.find("first\n").expect("a heading") + 6);
    assert_eq!(head, "\ncost of each filter by itself, slowest first\n");
    let mut nanoseconds: Vec<f64> = Vec::new();
    let mut rest = Vec::new();
    for line in lines.lines() {
        match line.split_once(" ns per event, ") {
            Some((number, what)) => {
                nanoseconds.push(number.trim().parse().expect("a number"));
                rest.push(what);
            }
            None => rest.push(line.trim_start()),
        }
    }
    assert_eq!(nanoseconds.len(), 5, "{lines}");
    assert!(
        nanoseconds.is_sorted_by(|one, other| one >= other),
        "{lines}"
    );
    // Which is slowest is the machine's business.
    rest.sort_unstable();
    assert_eq!(
        rest,
        [
            "instead: eventfilter = ![^:]{3}Zap; means the same",
            "instead: eventfilter(name(Hangup)) =; differs: the pattern also matches events whose name begins with \
             Hangup (HangupRequest, HangupHandlerPop, HangupHandlerPush, HangupHandlerRun), or with that text within a value",
            "instead: name(NAME) or header(HEADER),method(regex); differs: it then looks only at that event or header, \
             no longer at everything in every event",
            "matched 0 of 3; regular expression with a fixed text that must occur: eventfilter=!.*[^:]{3}Zap.* (FILE:17)",
            "matched 0 of 3; regular expression without a fixed text: eventfilter=[^:]{3}[0-9a-f]{9} (FILE:18)",
            "matched 1 of 3; fixed text: eventfilter=Event: Hangup (FILE:15)",
            "matched 1 of 3; no pattern: eventfilter(name(Newchannel))= (FILE:14)",
            "matched 1 of 3; regular expression with a fixed text that must occur: eventfilter=!Local/.*;2 (FILE:16)",
        ]
    );
}

#[test]
fn filter_test_says_what_it_cannot_do() {
    let (_folder, path) = configuration(&with_filters());
    let (_other, broken) = configuration(&with_filters().replace("(name(", "(nome("));
    for (config, user, input, code, part) in [
        (&path, "crm", &b""[..], 1, "no events on standard input"),
        (
            &path,
            "crm",
            b"Response: Success\r\n\r\n",
            1,
            "no events on standard input",
        ),
        (
            &path,
            "crm",
            &vec![b'\n'; (64 << 20) + 1],
            1,
            "more than 64 MiB on standard input",
        ),
        (
            &path,
            "nobody",
            CAPTURE,
            1,
            "there is no user \"nobody\"; there are: crm",
        ),
        (&broken, "crm", CAPTURE, 78, "'nome' is no keyword"),
    ] {
        let output = amimux_reading(&["filter-test", "--config", config, "--user", user], input);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{error}");
        assert!(error.contains(part), "no {part:?} in {error}");
        assert_eq!(text(&output.stdout), "");
    }
}

#[test]
fn explain_lists_the_event_filters_with_their_places() {
    let (_folder, path) = configuration(&with_filters());
    let said = text(&amimux(&["explain", "--config", &path, "--user", "crm"]).stdout);
    let (_, filters) = said
        .split_once("\nevent filters")
        .unwrap_or_else(|| panic!("no event filters in\n{said}"));
    let lines: Vec<String> = filters
        .lines()
        .map(|line| line.trim().replace(&path, "FILE"))
        .collect();
    assert_eq!(
        lines,
        [
            "eventfilter(name(Newchannel))= (FILE:14)",
            "eventfilter=!.*[^:]{3}Zap.* (FILE:17)",
            "eventfilter=!Local/.*;2 (FILE:16)",
            "eventfilter=Event: Hangup (FILE:15)",
            "eventfilter=[^:]{3}[0-9a-f]{9} (FILE:18)",
        ]
    );
    let (_folder, path) = configuration(&GOOD.replace("PORT", "5039"));
    let said = text(&amimux(&["explain", "--config", &path, "--user", "crm"]).stdout);
    assert!(
        said.contains("may read") && !said.contains("event filters"),
        "{said}"
    );
}
