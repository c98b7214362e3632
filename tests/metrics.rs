//! What Prometheus reads, with the real curl: limits that clients reach over sockets, before and after their login.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by a panic"
)]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use support::{AmiClient, Amimux, Simulated, free_ports, until};

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
         [alice]\nsecret = alice-secret\nread = all\nwrite = all\nmaxinflight = 1\nsessionlimit = 2\n",
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
        "200 application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert_eq!(curl(metrics, "/", &status), "404 text/plain; charset=utf-8");
    let post = [&status[..], &["--data", "x"]].concat();
    assert_eq!(
        curl(metrics, "/metrics", &post),
        "405 text/plain; charset=utf-8"
    );
    let head = curl(metrics, "/metrics", &["--head"]);
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
}
