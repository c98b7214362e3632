//! Many requests on one connection, and what answers each.

use std::collections::BTreeMap;

use crate::support::{AmiClient, find, normal};

/// One request: the action and its further headers, each with its line end.
pub(crate) struct Asked {
    pub(crate) action: String,
    pub(crate) headers: String,
}

impl Asked {
    pub(crate) fn new(action: impl Into<String>, headers: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            headers: headers.into(),
        }
    }

    /// In one line, for messages and for `differences.txt`.
    pub(crate) fn shown(&self) -> String {
        let headers = self.headers.replace("\r\n", " | ");
        let shown = format!("{} | {headers}", self.action);
        shown.trim_end_matches([' ', '|']).replace('\t', "\\t")
    }
}

/// Sends all requests at once and gives each one's messages, normalised, by its number. A request without any
/// answer that bears its ActionID has none.
pub(crate) fn run(port: u16, user: &str, asked: &[Asked]) -> Vec<String> {
    let mut client = AmiClient::session(port, user, "off");
    let mut text = String::new();
    for (number, Asked { action, headers }) in asked.iter().enumerate() {
        text += &format!("Action: {action}\r\nActionID: ask {number}.\r\n{headers}\r\n");
    }
    let mut writer = client.writer();
    let sender = std::thread::spawn(move || {
        std::io::Write::write_all(&mut writer, text.as_bytes())?;
        std::io::Write::write_all(&mut writer, b"Action: Ping\r\nActionID: the-end\r\n\r\n")
    });
    let mut answers = client.read_until("ActionID: the-end\r\n");
    // The outcome of a synchronous Originate may come after its turn.
    for (number, _) in asked
        .iter()
        .enumerate()
        .filter(|(_, asked)| asked.action.eq_ignore_ascii_case("Originate"))
    {
        let id = format!("ActionID: ask {number}.\r\n");
        while find(&answers, id.as_bytes()).is_none() {
            answers.extend(client.read_message().expect("an answer"));
        }
    }
    sender.join().expect("a sender").expect("requests go out");
    let mut of_each: BTreeMap<usize, String> = BTreeMap::new();
    for message in messages(&answers) {
        let number = message
            .split_once("ActionID: ask ")
            .and_then(|(_, rest)| rest.split_once('.'))
            .and_then(|(number, _)| number.parse().ok());
        if let Some(number) = number {
            *of_each.entry(number).or_default() += &message;
        }
    }
    (0..asked.len())
        .map(|number| of_each.remove(&number).unwrap_or_default())
        .collect()
}

/// The messages of an answer, normalised.
fn messages(bytes: &[u8]) -> Vec<String> {
    let text = normal(bytes);
    // QueueRule ends with a blank line too many, which amimux leaves out.
    text.split("\n\\r\\n\n")
        .map(|message| format!("{}\n", message.trim_start_matches("\\r\\n\n")))
        .collect()
}

/// Whether an answer is an error of the server's own: what it says, if so.
pub(crate) fn error(answer: &str) -> Option<&str> {
    let rest = answer.strip_prefix("Response: Error\\r\\n\n")?;
    let (_, message) = rest.split_once("Message: ")?;
    message.split("\\r\\n").next()
}
