//! AMI over HTTP, answer for answer: the same conversations with Asterisk's HTTP server and with that of amimux.
//! Statuses, the headers that matter and bodies are the same, but for what differs from run to run. Where amimux
//! means to differ, the reason stands with the conversation.
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
mod request;
mod requests;
mod sessions;
#[path = "../support/mod.rs"]
mod support;
mod uris;

use conversation::{Conversation, Server};
use std::sync::Mutex;
use support::Asterisk;

/// Users of these conversations only.
const USERS: &str = "\n[nosecret]\nread = all\nwrite = all\n";

/// Conversations at a time, of those that do not look at events: Asterisk takes a second to refuse a login.
const AT_A_TIME: usize = 8;

fn together(conversations: Vec<Conversation>, at_a_time: usize, asterisk: &Server) -> Vec<String> {
    let (left, faults) = (Mutex::new(conversations), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..at_a_time {
            scope.spawn(|| {
                loop {
                    let Some(conversation) = left.lock().expect("the rest").pop() else {
                        return;
                    };
                    let begin = std::time::Instant::now();
                    let answers = conversation.attempt(asterisk);
                    let took = begin.elapsed();
                    let mut f = faults.lock().expect("f");
                    f.push(String::new());
                    eprintln!(
                        "##### {} [{took:?}]\n{}",
                        conversation.name,
                        match answers {
                            Ok(a) => a.join("\n--\n"),
                            Err(e) => format!("ERR {e}"),
                        }
                    );
                }
            });
        }
    });
    faults.into_inner().expect("faults")
}

#[test]
fn amimux_answers_over_http_as_asterisk_does() {
    let asterisk = Asterisk::start_with(USERS);
    let server = Server {
        port: asterisk.ami_port + 1,
        ami_port: asterisk.ami_port,
    };
    let conversations: Vec<_> = [
        uris::conversations(),
        requests::conversations(),
        sessions::conversations(),
        actions::conversations(),
        digest::conversations(),
    ]
    .into_iter()
    .flatten()
    .collect();
    together(conversations, AT_A_TIME, &server);
    together(events::conversations(), 1, &server);
}
