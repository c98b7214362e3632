//! What the commands that talk to a running amimux have in common: where it is, and answers as JSON.

use std::io::Write;
use std::path::PathBuf;

use amimux::admin::client::{Answer, ControlClient, ControlError, DEFAULT_PATH, Message};
use anyhow::Context;
use clap::Args;
use serde_json::{Map, Value, json};

/// Headers that a message may have several times: always lists in JSON.
const REPEATED: [&str; 9] = [
    "ACLRule",
    "ActionFilter",
    "AllowCommand",
    "AllowFile",
    "Error",
    "EventFilter",
    "NotAnswering",
    "SetHeader",
    "Variable",
];

/// How to reach the running amimux, and how to print what it says.
#[derive(Debug, Clone, Args)]
pub(super) struct ControlArguments {
    /// The control socket (option controlsocket).
    #[arg(
        long,
        value_name = "PATH",
        default_value = DEFAULT_PATH,
        env = "AMIMUX_CONTROL_SOCKET",
        global = true
    )]
    socket: PathBuf,
    /// Print JSON, made of the messages as docs/administration.md describes them.
    #[arg(long, global = true)]
    json: bool,
}

impl ControlArguments {
    /// Whether JSON is wanted.
    pub(super) const fn is_json(&self) -> bool {
        self.json
    }

    /// A connection.
    pub(super) fn connect(&self) -> Result<ControlClient, ControlError> {
        ControlClient::connect(&self.socket)
    }

    /// The whole answer to one action.
    pub(super) fn ask(
        &self,
        action: &str,
        headers: &[(&str, &str)],
    ) -> Result<Answer, ControlError> {
        self.connect()?.ask(action, headers)
    }
}

/// Prints on standard output.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .context("cannot write to standard output")
}

/// Says on standard error which threads gave no answer, so that what is missing is not taken for absent.
pub(super) fn warn_of_silence(answer: &Answer) {
    for message in [&answer.response, &answer.complete] {
        for upstream in message.all("NotAnswering") {
            super::say(&format!(
                "amimux: the thread of upstream {upstream} gave no answer: see the log"
            ));
        }
    }
}

/// An answer as JSON: a response alone, or a list with what ends it.
pub(super) fn json(answer: &Answer) -> String {
    let response = object(&answer.response);
    let value = if answer.complete == Message::default() {
        response
    } else {
        let items: Vec<_> = answer.items.iter().map(object).collect();
        json!({"response": response, "items": items, "complete": object(&answer.complete)})
    };
    format!("{value:#}\n")
}

/// Each header a member; all values are texts.
fn object(message: &Message) -> Value {
    let mut object = Map::new();
    for (name, value) in message.headers() {
        if name.eq_ignore_ascii_case("ActionID") {
            continue;
        }
        if REPEATED.contains(&name) {
            let list = object.entry(name).or_insert_with(|| json!([]));
            if let Value::Array(values) = list {
                values.push(value.into());
            }
        } else {
            object.entry(name).or_insert_with(|| value.into());
        }
    }
    Value::Object(object)
}
