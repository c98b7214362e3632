//! AMI over HTTP, answer for answer: the same conversations with Asterisk's HTTP server and with that of amimux.
//! Statuses, the headers that matter and bodies are the same, but for what differs from run to run. Where amimux
//! means to differ, the reason stands with the conversation. And what amimux allows to whom is the same over TCP,
//! with a cookie and with Digest.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends by panicking"
)]

mod actions;
mod answer;
mod conversation;
mod digest;
mod events;
mod permissions;
mod request;
mod requests;
mod sessions;
mod strictness;
#[path = "../support/mod.rs"]
mod support;
mod uris;
#[path = "../real_decisions/users.rs"]
mod users;

use std::collections::VecDeque;
use std::sync::Mutex;

use conversation::{Conversation, Server};
use permissions::Way;
use support::{Amimux, Asterisk, USERS, free_ports};

/// A user of these conversations only.
const WITHOUT_SECRET: &str = "\n[nosecret]\nread = all\nwrite = all\n";

/// Conversations at a time, of those that do not look at events: Asterisk takes a second to refuse a login.
const AT_A_TIME: usize = 12;

/// An amimux and where it speaks HTTP.
struct Proxy {
    amimux: Amimux,
    http_port: u16,
}

impl Proxy {
    fn start(asterisk: &Asterisk, guards: &str, users: &str) -> Self {
        let (http_port, ami_port) = (free_ports(1), asterisk.ami_port);
        let amimux = Amimux::start(&format!(
            "[general]\nbindaddr = 127.0.0.1\nport = {{port}}\nguards = {guards}\nfailedlogins = 0\nwebenabled = yes\n\n\
             [http]\nenabled = yes\nbindaddr = 127.0.0.1\nbindport = {http_port}\n{}\n\
             [asterisk]\ntype = upstream\nhost = 127.0.0.1\nport = {ami_port}\nusername = upstream\nsecret = upstream-secret\n\n\
             {USERS}{users}",
            uris::OPTIONS
        ));
        Self { amimux, http_port }
    }
}

#[test]
fn amimux_answers_over_http_as_asterisk_does() {
    let users = users::all();
    let sections = WITHOUT_SECRET.to_owned() + &users::sections(&users);
    let asterisk = Asterisk::start_with(&sections);
    let faithful = Proxy::start(&asterisk, "asterisk", &sections);
    let safe = Proxy::start(&asterisk, "safe", &sections);
    call_that_stays(&asterisk);
    let server = |port| Server {
        port,
        ami_port: asterisk.ami_port,
    };
    let servers = [server(asterisk.ami_port + 1), server(faithful.http_port)];
    let independent = [
        uris::conversations(),
        requests::conversations(),
        sessions::conversations(),
        actions::conversations(),
        digest::conversations(),
        strictness::conversations(),
    ];
    let mut faults = compare(
        independent.into_iter().flatten().collect(),
        AT_A_TIME,
        &servers,
    );
    faults.extend(compare(events::conversations(), 1, &servers));
    for user in &users {
        let ask = |way, port| permissions::ask(&way, port, user);
        let tcp = ask(Way::Tcp, safe.amimux.port);
        for (name, way) in [("cookie", Way::Cookie), ("Digest", Way::Digest)] {
            let answers = ask(way, safe.http_port);
            faults.extend(permissions::faults(user, ("TCP", &tcp), (name, &answers)));
        }
        let direct = ask(Way::Cookie, servers[0].port);
        let through = ask(Way::Cookie, servers[1].port);
        faults.extend(permissions::faults(
            user,
            ("Asterisk", &direct),
            ("amimux", &through),
        ));
    }
    faults.extend(compare(actions::calls(), 1, &servers));
    assert!(
        faults.is_empty(),
        "{} differences that were not meant\n\n{}",
        faults.len(),
        faults.join("\n\n")
    );
}

/// For the lists.
fn call_that_stays(asterisk: &Asterisk) {
    asterisk.cli("channel originate Local/102@ami-test application Wait 3600");
    support::until("a call", || {
        let channels = asterisk.cli("core show channels concise");
        (channels.matches("!Wait!3600!").count() == 2).then_some(())
    });
}

/// What differs between two servers, by these conversations, so many at a time.
fn compare(
    conversations: Vec<Conversation>,
    at_a_time: usize,
    servers: &[Server; 2],
) -> Vec<String> {
    let left = Mutex::new(VecDeque::from(conversations));
    let faults = Mutex::new(Vec::new());
    let next = || left.lock().expect("the rest").pop_front();
    std::thread::scope(|scope| {
        for _ in 0..at_a_time {
            scope.spawn(|| {
                while let Some(conversation) = next() {
                    let [direct, through] = servers
                        .each_ref()
                        .map(|server| conversation.attempt(server));
                    let fault = match (direct, through) {
                        (Ok(direct), Ok(through)) => conversation.fault(&direct, &through),
                        (Err(fault), _) | (_, Err(fault)) => Some(fault),
                    };
                    faults.lock().expect("the faults").extend(fault);
                }
            });
        }
    });
    faults.into_inner().expect("the faults")
}
