//! AMI over HTTP, answer for answer: the same conversations with Asterisk's HTTP server and with that of amimux.
//! Statuses, the headers that matter and bodies are the same, but for what differs from run to run. Where amimux
//! means to differ, the reason stands with the conversation.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends by panicking"
)]

mod answer;
mod conversation;
mod request;
mod requests;
mod sessions;
#[path = "../support/mod.rs"]
mod support;
mod uris;

use conversation::Server;
use support::Asterisk;

/// Users of these conversations only.
const USERS: &str = "\n[nosecret]\nread = all\nwrite = all\n";

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
    ]
    .into_iter()
    .flatten()
    .collect();
    for conversation in &conversations {
        let answers = conversation.attempt(&server);
        eprintln!(
            "##### {}\n{}",
            conversation.name,
            match answers {
                Ok(a) => a.join("\n--\n"),
                Err(e) => format!("ERR {e}"),
            }
        );
    }
}
