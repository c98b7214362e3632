//! TLS, many idle clients, a changed configuration, and real client libraries in front of a real Asterisk.

use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use amimux::sim::PbxOptions;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::configuration;
use super::service::{Service, Way};
use super::support::{
    AmiClient, Asterisk, Authority, CallLoad, Library, Program, Simulated, USERS, until,
};

#[test]
fn clients_with_tls_are_told_and_those_without_go_on() {
    for way in [Way::TakeOver, Way::Store] {
        let authority = Authority::new("tests");
        let identity = authority.issue(&["localhost"]);
        let asterisk = Simulated::start();
        let tls = format!(
            "tlsenable = yes\ntlsbindaddr = 127.0.0.1:{{tls_port}}\ntlscertfile = {}\n",
            identity.file.display()
        );
        let mut service = Service::start(way, &configuration(asterisk.port, &tls));
        let config = authority.client();
        let connect = |service: &Service| {
            let mut client = AmiClient::encrypted(service.tls_port, &config).expect("TLS");
            client.log_in("alice", "on");
            client
        };
        let mut plain = AmiClient::session(service.port, "alice", "off");
        let mut encrypted = connect(&service);
        service.restart();
        // An end that was not announced would be an error.
        let last = String::from_utf8_lossy(&encrypted.read_to_end()).into_owned();
        assert!(last.contains("Event: Shutdown\r\n"), "{way:?}: {last}");
        plain.action(&[("Action", "Ping"), ("ActionID", "still here")]);
        plain.read_until("ActionID: still here\r\n");
        // The port was never closed.
        drop(connect(&service));
        service.wait_for_take_overs(1);
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "it says what was measured")]
fn two_thousand_idle_clients_hardly_notice() {
    const CLIENTS: usize = 2000;
    let hard = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: hard,
        maximum: hard,
    };
    setrlimit(Resource::Nofile, limit).expect("more files");
    for way in [Way::TakeOver, Way::Store] {
        let asterisk = Simulated::start();
        let mut service = Service::start(way, &configuration(asterisk.port, "sessionlimit = 4000"));
        let mut clients: Vec<_> = (0..CLIENTS)
            .map(|_| AmiClient::session(service.port, "alice", "user"))
            .collect();
        let begin = Instant::now();
        service.restart();
        for client in &mut clients {
            client.action(&[("Action", "Ping"), ("ActionID", "one")]);
        }
        for client in &mut clients {
            client.read_until("ActionID: one\r\n");
        }
        let took = begin.elapsed();
        service.wait_for_take_overs(1);
        let line = service.taken_over().join("\n");
        assert!(line.contains(&format!("clients={CLIENTS}")), "{line}");
        assert!(took < Duration::from_secs(20), "{took:?}");
        eprintln!("{way:?}: all answered after {took:?}: {line}");
    }
}

#[test]
fn who_comes_after_a_restart_is_greeted_as_by_asterisk() {
    for way in [Way::TakeOver, Way::Store] {
        let asterisk = Simulated::start_with(PbxOptions {
            ami_version: "10.0.7",
            calls_per_second: 0.0,
            ..PbxOptions::default()
        });
        let mut service = Service::start(way, &configuration(asterisk.port, ""));
        // Asterisk's own banner is known.
        let _client = AmiClient::session(service.port, "alice", "off");
        for _ in 0..2 {
            service.restart();
            let mut socket = TcpStream::connect(("127.0.0.1", service.port)).expect("a port");
            let mut banner = [0; 30];
            socket.read_exact(&mut banner).expect("a banner");
            assert_eq!(&banner, b"Asterisk Call Manager/10.0.7\r\n", "{way:?}");
        }
    }
}

#[test]
fn what_the_new_configuration_says_holds() {
    let asterisk = Simulated::start();
    let more = "[bob]\nsecret = bob-secret\nread = all\nwrite = all\n";
    let text = format!("{}{more}", configuration(asterisk.port, ""));
    let mut service = Service::start(Way::TakeOver, &text);
    let mut alice = AmiClient::session(service.port, "alice", "off");
    let mut bob = AmiClient::session(service.port, "bob", "off");
    let file = service.path("amimux.conf");
    let text = std::fs::read_to_string(&file).expect("the configuration");
    let text = text
        .replace(more, "")
        .replace("write = all", "write = system");
    std::fs::write(&file, text).expect("the configuration");
    service.restart();
    service.wait_for_take_overs(1);
    bob.read_to_end();
    alice.action(&[
        ("Action", "Originate"),
        ("ActionID", "no"),
        ("Channel", "Local/1@x"),
    ]);
    let answer = alice.read_until("ActionID: no\r\n");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.contains("Permission denied"), "{answer}");
}

fn real_applications_do_not_notice(way: Way) {
    let asterisk = Asterisk::start();
    let text = format!(
        "[general]\nbindaddr = 127.0.0.1\nport = {{port}}\nguards = asterisk\n\n\
         [asterisk]\ntype = upstream\nhost = 127.0.0.1\nport = {}\nusername = upstream\nsecret = upstream-secret\n\n{USERS}",
        asterisk.ami_port
    );
    let mut service = Service::start(way, &text);
    until("Asterisk is connected", || {
        service
            .log()
            .contains("Asterisk is connected")
            .then_some(())
    });
    let load = CallLoad::start(&asterisk, 2);
    let programs: Vec<_> = (0..2)
        .flat_map(|copy| Library::ALL.map(|library| (copy, library)))
        .map(|(copy, library)| {
            let user = format!("app{}", copy + 1);
            let secret = format!("{user}-secret");
            let name = format!("copy{copy}{library:?}");
            let options = ["--keep-going", "15"];
            Program::start(library, service.port, &user, &secret, &name, &options)
        })
        .collect();
    for restart in 1..=10 {
        std::thread::park_timeout(Duration::from_millis(1300));
        service.restart();
        service.wait_for_take_overs(restart);
    }
    // Each compares every round with its first, and counts its connections.
    let failed: Vec<_> = programs
        .into_iter()
        .filter_map(|program| program.finish().err())
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(load.started() > 0, "Asterisk was busy meanwhile");
    let log = service.log();
    assert_eq!(log.matches("Asterisk is connected").count(), 1, "{log}");
}

#[test]
fn real_applications_do_not_notice_ten_successors() {
    real_applications_do_not_notice(Way::TakeOver);
}

#[test]
fn real_applications_do_not_notice_ten_restarts_by_the_service_manager() {
    real_applications_do_not_notice(Way::Store);
}
