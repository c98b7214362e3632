//! What is allowed is what Asterisk parses: any bytes from a client with few rights, and an Asterisk that reads what
//! arrives with a reader of its own. The law is the one of `tests/smuggling`; the first byte chooses the client, the
//! second where its bytes are cut in two.

#[path = "../smuggling/decisions.rs"]
mod decisions;
#[path = "../smuggling/law.rs"]
pub mod law;
#[path = "../smuggling/reader.rs"]
pub mod reader;

use std::sync::OnceLock;

use crate::hub_harness as settings;
use reader::Message;

/// The actions of an Asterisk that is asked often.
const FEW: [&str; 14] = [
    "Command",
    "CoreShowChannels",
    "CoreStatus",
    "DBGet",
    "Getvar",
    "Hangup",
    "IAXnetstats",
    "JabberSend",
    "Originate",
    "QueueStatus",
    "Redirect",
    "Setvar",
    "Status",
    "UserEvent",
];

/// What Asterisk answers, as in the law; but it has few actions, because reading their list takes longest of all.
pub fn answer_briefly(message: &Message) -> Vec<u8> {
    static LIST: OnceLock<String> = OnceLock::new();
    if message.action() != "ListCommands" {
        return law::answer(message);
    }
    let listed = |line: &&str| {
        FEW.iter()
            .any(|name| line.starts_with(&format!("{name}: ")))
    };
    let list = LIST.get_or_init(|| {
        let lines = decisions::listed().filter(listed);
        lines.map(|line| format!("{line}\r\n")).collect()
    });
    let id = String::from_utf8_lossy(message.get("ActionID")).into_owned();
    format!("Response: Success\r\nActionID: {id}\r\n{list}\r\n").into_bytes()
}

pub fn hold(data: &[u8]) {
    if let [client, cut, bytes @ ..] = data {
        let (head, tail) = bytes.split_at(usize::from(*cut).min(bytes.len()));
        law::hold(usize::from(*client), [head, tail]);
    }
}
