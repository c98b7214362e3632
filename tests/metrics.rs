//! What Prometheus reads, with the real curl and the real promtool: limits that clients reach over sockets, before and
//! after their login, and counts that are what happened.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by a panic"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use amimux::policy::class::Classes;
use support::{AmiClient, Amimux, Simulated, free_ports, installed, repository, until};

/// What curl prints for that path, with these arguments.
fn curl(port: u16, path: &str, arguments: &[&str]) -> String {
    let output = Command::new("curl")
        .args(["--silent", "--max-time", "10"])
        .args(arguments)
        .arg(format!("http://127.0.0.1:{port}{path}"))
        .output()
        .expect("curl runs");
    String::from_utf8(output.stdout).expect("text")
}

fn reached(port: u16, limit: &str, upstream: &str) -> u64 {
    let text = curl(port, "/metrics", &[]);
    let start = format!("amimux_limit_reached_total{{limit=\"{limit}\",upstream=\"{upstream}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&start));
    line.unwrap_or_else(|| panic!("no {start} in {text}"))
        .parse()
        .expect("a number")
}

fn start(asterisk: &Simulated, general: &str) -> (Amimux, u16) {
    let metrics = free_ports(1);
    let amimux = Amimux::start(&format!(
        "[general]\nbindaddr = 127.0.0.1\nport = {{port}}\nmetricsbindaddr = 127.0.0.1:{metrics}\n{general}\n\
         [pbx]\ntype = upstream\nhost = 127.0.0.1\nport = {}\nusername = upstream\nsecret = upstream-secret\n\
         [alice]\nsecret = alice-secret\nread = all\nwrite = all\nmaxinflight = 1\nsessionlimit = 2\n\
         [Bob]\nsecret = Bob-secret\nread = all\nwrite = call\neventfilter = Number: .*7\n",
        asterisk.port
    ));
    until("amimux is connected", || {
        amimux.log().contains("Asterisk is connected").then_some(())
    });
    (amimux, metrics)
}

fn connect(amimux: &Amimux) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", amimux.port)).expect("a connection");
    stream
        .set_read_timeout(Some(support::PATIENCE))
        .expect("a deadline");
    stream
}

/// Says something and reads until the connection is closed.
fn until_closed(mut stream: TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).expect("it is sent");
    let mut rest = Vec::new();
    // A reset is an end, too.
    let _ = stream.read_to_end(&mut rest);
}

#[test]
fn limits_before_a_login_are_counted() {
    let asterisk = Simulated::start();
    let (amimux, metrics) = start(
        &asterisk,
        "authlimit = 3\nauthtimeout = 1\nfailedlogins = 2",
    );
    let held: Vec<_> = (0..5).map(|_| connect(&amimux)).collect();
    until("two lost their places", || {
        (reached(metrics, "authlimit", "") == 2).then_some(())
    });
    until("the others ran out of time", || {
        (reached(metrics, "authtimeout", "") == 3).then_some(())
    });
    drop(held);
    until_closed(connect(&amimux), &"Action: Nothing\r\n\r\n".repeat(1001));
    assert_eq!(reached(metrics, "early_requests", ""), 1);
    for _ in 0..3 {
        until_closed(
            connect(&amimux),
            "Action: Login\r\nUsername: alice\r\nSecret: wrong\r\n\r\n",
        );
    }
    assert_eq!(reached(metrics, "failedlogins", ""), 1);
    for limit in ["sessionlimit", "addresslimit"] {
        assert_eq!(reached(metrics, limit, ""), 0);
    }
}

#[test]
fn limits_of_sessions_are_counted() {
    let asterisk = Simulated::start();
    let (amimux, metrics) = start(&asterisk, "maxqueued = 3");
    let mut clients: Vec<_> = (0..2)
        .map(|_| AmiClient::session(amimux.port, "alice", "off"))
        .collect();
    assert!(curl(metrics, "/metrics", &[]).contains("\namimux_sessions 2\n"));
    until_closed(
        connect(&amimux),
        "Action: Login\r\nUsername: alice\r\nSecret: alice-secret\r\n\r\n",
    );
    assert_eq!(reached(metrics, "sessionlimit", ""), 1);
    assert_eq!(reached(metrics, "maxqueued", "pbx"), 0);
    let many = "Action: CoreStatus\r\n\r\n".repeat(200);
    clients[0].send(many.as_bytes());
    until("its requests waited", || {
        (reached(metrics, "maxqueued", "pbx") > 0).then_some(())
    });
    assert!(reached(metrics, "maxinflight", "pbx") > 0);
}

#[test]
fn there_is_nothing_else() {
    let asterisk = Simulated::start();
    let (_amimux, metrics) = start(&asterisk, "");
    let status = [
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code} %{content_type}",
    ];
    assert_eq!(
        curl(metrics, "/metrics", &status),
        "200 text/plain; version=0.0.4; charset=utf-8"
    );
    let accept = "Accept: application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3";
    let asked = [&status[..], &["--header", accept]].concat();
    assert_eq!(
        curl(metrics, "/metrics", &asked),
        "200 application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert_eq!(curl(metrics, "/", &status), "404 text/plain; charset=utf-8");
    until("it is ready", || {
        curl(metrics, "/readyz", &status)
            .starts_with("200")
            .then_some(())
    });
    let post = [&status[..], &["--data", "x"]].concat();
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert_eq!(curl(metrics, path, &post), "405 text/plain; charset=utf-8");
        let head = curl(metrics, path, &["--head"]);
        assert!(
            head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"),
            "{head}"
        );
    }
}

/// All samples of a scrape: name and labels, and value.
fn scrape(port: u16) -> BTreeMap<String, f64> {
    let text = curl(port, "/metrics", &[]);
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').expect("a value");
            (name.to_owned(), value.parse().expect("a number"))
        })
        .collect()
}

/// How much those samples grew from one scrape to the other that begin like that.
fn growth(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>, start: &str) -> f64 {
    let samples = after.iter().filter(|(name, _)| name.starts_with(start));
    samples
        .map(|(name, value)| value - before.get(name).unwrap_or(&0.0))
        .sum()
}

fn assert_samples(now: &BTreeMap<String, f64>, expected: &[(&str, f64)]) {
    for (sample, expected) in expected {
        assert_eq!(now.get(*sample), Some(expected), "{sample}");
    }
}

#[test]
fn events_are_counted_as_they_came() {
    const EVENTS: usize = 40;
    let asterisk = Simulated::start();
    let (amimux, metrics) = start(&asterisk, "");
    let mut all = (0..2)
        .map(|_| AmiClient::session(amimux.port, "alice", "on"))
        .collect::<Vec<_>>();
    let mut some = AmiClient::session(amimux.port, "Bob", "on");
    let _none = AmiClient::session(amimux.port, "Bob", "off");
    let frame = |number: usize| {
        format!("Event: Numbered\r\nPrivilege: call,all\r\nNumber: {number:03}\r\n\r\n")
    };
    let happen = |numbers: std::ops::Range<usize>| {
        for number in numbers {
            let bytes = frame(number);
            asterisk
                .pbx
                .with(|pbx, _| pbx.broadcast(Classes::CALL, bytes.as_bytes()));
        }
    };
    let mut read = |last: usize| {
        let last = format!("Number: {last:03}\r\n");
        for client in &mut all {
            client.read_until(&last);
        }
        some.read_until(&last);
    };
    // What a login still brings is over then.
    happen(7..8);
    read(7);
    let before = scrape(metrics);
    happen(8..8 + EVENTS);
    read(47);
    let after = scrape(metrics);
    let (events, length) = (EVENTS as f64, frame(0).len() as f64);
    // 17, 27, 37 and 47 pass Bob's filter.
    for (start, expected) in [
        ("amimux_upstream_events_total{", events),
        ("amimux_upstream_messages_total{", events),
        ("amimux_upstream_received_bytes_total{", events * length),
        (
            "amimux_client_sent_bytes_total{",
            (2.0 * events + 4.0) * length,
        ),
        ("amimux_events_total{", events + 4.0),
        ("amimux_event_bytes_total{", (events + 4.0) * length),
        ("amimux_filtered_events_total{", events - 4.0),
        ("amimux_deliveries_total{", 2.0 * events + 4.0),
        ("amimux_view_events_total{", events + 4.0),
        ("amimux_view_event_bytes_total{", (events + 4.0) * length),
        ("amimux_view_filtered_events_total{", events - 4.0),
        ("amimux_view_deliveries_total{", 2.0 * events + 4.0),
        ("amimux_client_received_bytes_total{", 0.0),
        ("amimux_requests_total{", 0.0),
    ] {
        let grown = growth(&before, &after, start);
        assert!(
            (grown - expected).abs() < 0.5,
            "{start}: {grown}, not {expected}"
        );
    }
    assert!(growth(&before, &after, "amimux_hub_turns_total{") >= 1.0);
    assert!(growth(&before, &after, "amimux_hub_sweep_seconds_total{") > 0.0);
    assert_state(&after);
}

/// The sessions of that test, and its Asterisk.
fn assert_state(now: &BTreeMap<String, f64>) {
    let expected = [
        ("amimux_user_sessions{upstream=\"pbx\",user=\"alice\"}", 2.0),
        ("amimux_user_sessions{upstream=\"pbx\",user=\"bob\"}", 2.0),
        ("amimux_sessions", 4.0),
        ("amimux_logins_total{upstream=\"pbx\"}", 4.0),
        ("amimux_hub_responding{upstream=\"pbx\"}", 1.0),
        (
            "amimux_upstream_state{upstream=\"pbx\",state=\"ready\"}",
            1.0,
        ),
        (
            "amimux_upstream_state{upstream=\"pbx\",state=\"down\"}",
            0.0,
        ),
    ];
    assert_samples(now, &expected);
}

#[test]
fn requests_are_counted_by_their_outcome() {
    let asterisk = Simulated::start();
    let (amimux, metrics) = start(&asterisk, "");
    let mut alice = AmiClient::session(amimux.port, "alice", "off");
    let mut bob = AmiClient::session(amimux.port, "Bob", "off");
    let mut sent = 0;
    let mut ask = |client: &mut AmiClient, action: &str, times: usize| {
        for _ in 0..times {
            let request = format!("Action: {action}\r\nActionID: x\r\n\r\n");
            sent += request.len();
            client.send(request.as_bytes());
            client.read_until("ActionID: x\r\n");
        }
    };
    ask(&mut alice, "Ping", 4);
    ask(&mut alice, "CoreStatus", 10);
    ask(&mut alice, "Hangup\r\nChannel: none", 2);
    ask(&mut alice, "NoSuchThing", 2);
    ask(&mut bob, "CoreStatus", 3);
    for _ in 0..2 {
        until_closed(
            connect(&amimux),
            "Action: Login\r\nUsername: alice\r\nSecret: wrong\r\n\r\n",
        );
    }
    asterisk.pbx.with(|pbx, _| pbx.shut_down());
    until("Asterisk is away", || {
        amimux.log().contains("Asterisk is away").then_some(())
    });
    ask(&mut alice, "CoreStatus", 1);
    let now = scrape(metrics);
    let of = |name: &str, label: &str, value: &str| {
        let sample = format!("amimux_{name}{{upstream=\"pbx\",{label}=\"{value}\"}}");
        *now.get(&sample).unwrap_or_else(|| panic!("no {sample}"))
    };
    for (outcome, expected) in [
        ("answered_here", 4.0),
        ("success", 10.0),
        ("error", 2.0),
        ("refused", 5.0),
        ("unavailable", 1.0),
        ("lost", 0.0),
        ("abandoned", 0.0),
    ] {
        assert_eq!(
            of("actions_total", "outcome", outcome),
            expected,
            "{outcome}"
        );
    }
    assert_eq!(of("refusals_total", "reason", "unknown_action"), 2.0);
    assert_eq!(of("refusals_total", "reason", "class"), 3.0);
    assert_requests(&now, sent as f64);
}

/// The requests of that test, with so many bytes.
fn assert_requests(now: &BTreeMap<String, f64>, bytes: f64) {
    let expected = [
        ("amimux_requests_total{upstream=\"pbx\"}", 22.0),
        ("amimux_actions_forwarded_total{upstream=\"pbx\"}", 12.0),
        (
            "amimux_action_latency_seconds_count{upstream=\"pbx\"}",
            12.0,
        ),
        ("amimux_action_wait_seconds_count{upstream=\"pbx\"}", 12.0),
        (
            "amimux_client_received_bytes_total{upstream=\"pbx\"}",
            bytes,
        ),
        ("amimux_login_refusals_total{reason=\"wrong_secret\"}", 2.0),
        ("amimux_upstream_connects_total{upstream=\"pbx\"}", 1.0),
        (
            "amimux_upstream_state{upstream=\"pbx\",state=\"ready\"}",
            0.0,
        ),
    ];
    assert_samples(now, &expected);
    assert!(now["amimux_upstream_losses_total{upstream=\"pbx\"}"] >= 1.0);
}

#[test]
fn health_and_readiness() {
    let asterisk = Simulated::start();
    let (_amimux, metrics) = start(&asterisk, "");
    let get = |path: &str| curl(metrics, path, &["--write-out", "%{http_code}"]);
    until("it is ready", || {
        (get("/readyz") == "ok upstream pbx\n200").then_some(())
    });
    assert_eq!(get("/healthz"), "ok hub pbx\n200");
    assert_eq!(get("/readyz?upstream=pbx"), "ok upstream pbx\n200");
    assert_eq!(
        get("/readyz?upstream=other"),
        "there is no such upstream\n404"
    );
    asterisk.pbx.with(|pbx, _| pbx.shut_down());
    let away = "failed upstream pbx: not connected\n503";
    until("it is not ready", || (get("/readyz") == away).then_some(()));
    assert_eq!(get("/readyz?upstream=pbx"), away);
    assert_eq!(get("/healthz"), "ok hub pbx\n200", "sessions live on");
}

#[test]
fn reloads_are_counted() {
    let asterisk = Simulated::start();
    let (amimux, metrics) = start(&asterisk, "");
    let reload = || {
        let pid = amimux.pid().to_string();
        let asked = Command::new("kill").args(["-HUP", &pid]).status();
        assert!(asked.is_ok_and(|status| status.success()), "kill works");
    };
    let state = || {
        let now = scrape(metrics);
        [
            "amimux_config_reloads_total{outcome=\"success\"}",
            "amimux_config_reloads_total{outcome=\"failure\"}",
            "amimux_config_last_reload_successful",
        ]
        .map(|sample| now[sample])
    };
    let until_state = |expected: [f64; 3]| {
        until("the reload is counted", || {
            (state() == expected).then_some(())
        });
    };
    until_state([0.0, 0.0, 1.0]);
    reload();
    until_state([1.0, 0.0, 1.0]);
    let file = amimux.configuration_file();
    let text = std::fs::read_to_string(&file).expect("the configuration");
    std::fs::write(&file, format!("{text}\nnonsense = 1\n")).expect("a configuration");
    reload();
    until_state([1.0, 1.0, 0.0]);
    std::fs::write(&file, text).expect("a configuration");
    reload();
    until_state([2.0, 1.0, 1.0]);
    let at = scrape(metrics)["amimux_config_last_reload_success_timestamp_seconds"];
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let ago = now.expect("a clock").as_secs_f64() - at;
    assert!((0.0..60.0).contains(&ago), "{ago}");
}

/// Runs promtool with that input; what it says, and whether it is content.
fn promtool(arguments: &[&str], input: &str) -> (bool, String) {
    let program = installed("clients/promtool");
    let mut child = Command::new(&program)
        .args(arguments)
        .current_dir(repository())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}; run scripts/setup.sh", program.display()));
    let written = child
        .stdin
        .take()
        .map(|mut stdin| stdin.write_all(input.as_bytes()));
    written.expect("a pipe").expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.success(), said)
}

#[test]
fn promtool_finds_nothing_to_complain_about() {
    let asterisk = Simulated::start();
    let (amimux, metrics) = start(&asterisk, "");
    let mut client = AmiClient::session(amimux.port, "alice", "on");
    client.action(&[("Action", "CoreStatus"), ("ActionID", "x")]);
    client.read_until("ActionID: x\r\n");
    let text = curl(metrics, "/metrics", &[]);
    let (is_content, said) = promtool(&["check", "metrics"], &text);
    assert!(is_content && said.is_empty(), "{said}");
    // It does complain where there is something.
    let (is_content, said) = promtool(&["check", "metrics"], "# TYPE a counter\na 1\n");
    assert!(!is_content && said.contains("_total"), "{said}");
    let rules = "packaging/prometheus-rules.yml";
    let (is_content, said) = promtool(&["check", "rules", rules], "");
    assert!(is_content, "{said}");
    let (is_content, said) = promtool(&["test", "rules", "tests/data/metrics/rules-test.yml"], "");
    assert!(is_content && said.contains("SUCCESS"), "{said}");
    let read = |path: &str| std::fs::read_to_string(repository().join(path)).expect("a file");
    let (rules, tests) = (read(rules), read("tests/data/metrics/rules-test.yml"));
    for alert in rules.lines().filter_map(|line| line.split_once("alert: ")) {
        assert!(
            tests.contains(&format!("alertname: {}\n", alert.1)),
            "{alert:?} is not tested"
        );
    }
}

#[test]
fn documents_rules_and_dashboard_have_the_metrics_that_there_are() {
    let asterisk = Simulated::start();
    let (_amimux, metrics) = start(&asterisk, "");
    let text = curl(metrics, "/metrics", &[]);
    let kinds = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .collect::<BTreeMap<_, _>>();
    let there = kinds.keys().copied().collect::<BTreeSet<_>>();
    assert!(there.len() > 50, "{there:?}");
    let names = |path: &str| {
        let text = std::fs::read_to_string(repository().join(path)).expect("a file");
        let mut names = BTreeSet::new();
        for prefix in ["amimux_", "process_"] {
            for (at, _) in text.match_indices(prefix) {
                let is_whole =
                    !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
                let rest = &text[at..];
                let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_');
                let name = &rest[..end.unwrap_or(rest.len())];
                // A pattern, which has no name of its own, ends in a line below.
                if is_whole && !name.ends_with('_') {
                    let bucket = name.strip_suffix("_bucket");
                    names.insert(bucket.unwrap_or(name).to_owned());
                }
            }
        }
        names
    };
    let document = names("docs/metrics.md");
    assert_eq!(
        document.iter().map(String::as_str).collect::<BTreeSet<_>>(),
        there
    );
    let dashboard = names("packaging/grafana.json");
    assert_eq!(
        dashboard
            .iter()
            .map(String::as_str)
            .collect::<BTreeSet<_>>(),
        there
    );
    for name in names("packaging/prometheus-rules.yml") {
        assert!(there.contains(name.as_str()), "{name}");
    }
    // The document says of each of which kind it is.
    let rows = std::fs::read_to_string(repository().join("docs/metrics.md")).expect("a file");
    for (name, kind) in kinds {
        assert!(
            rows.contains(&format!("| `{name}` | {kind} |")),
            "{name} is a {kind}"
        );
    }
}
