//! What clients ask, and what they must be answered.

use amimux::policy::event_mask;
use amimux::policy::user::User;

use super::random::Random;
use super::reader::{Reader, Want};
use super::rights::needed;

/// ActionIDs that clients like; all of them use the same.
const IDS: [&str; 6] = ["1", "1", "same", "feedfacecafebee0-o-1", "a b ", "żółw"];

const MASKS: [&str; 9] = [
    "on",
    "off",
    "call",
    "user,call",
    "agent",
    "system",
    "",
    "2",
    "nonsense",
];

/// What one random request is: its bytes, written to `out`; the reader is told what to expect.
pub fn ask(
    random: &mut Random,
    user: &User,
    reader: &mut Reader,
    serial: usize,
    out: &mut Vec<u8>,
) {
    let id = (!random.once_in(4)).then(|| *random.pick(&IDS));
    let mark = format!("{}{serial}", user.name);
    let own = id.unwrap_or("none");
    let name = &user.name;
    let (text, want) = match random.below(19) {
        0..=2 => (format!("Getvar\r\nMark: {mark}"), Want::Value(mark)),
        3..=5 => (format!("QueueStatus\r\nMark: {mark}"), Want::List(mark)),
        6 => (format!("IAXnetstats\r\nMark: {mark}"), Want::Text(mark)),
        7 => (format!("JabberSend\r\nMark: {mark}"), Want::Parts(mark)),
        8 => (
            format!("UserEvent\r\nUserEvent: x\r\nSender: {name}\r\nOwn: {own}"),
            Want::Plain,
        ),
        9 => (
            format!(
                "Originate\r\nChannel: Local/1@x\r\nApplication: NoOp\r\nAsync: true\r\nMark: {name}/{own}"
            ),
            Want::Plain,
        ),
        10 => return originate(random, name, serial, reader, out),
        11 | 12 => ("Ping".to_owned(), Want::Ping),
        13 => {
            let mask = *random.pick(&MASKS);
            let parsed = event_mask::parse(mask.as_bytes());
            let parsed = Some(parsed).filter(|mask| *mask != event_mask::EventMask::Invalid);
            (format!("Events\r\nEventMask: {mask}"), Want::Mask(parsed))
        }
        14 => ("WaitEvent\r\nTimeout: 3".to_owned(), Want::Wait),
        15 => ("ListCommands".to_owned(), Want::Commands),
        16 => {
            let digit = random.below(10);
            (
                format!("Filter\r\nOperation: Add\r\n{}", keeps_out(random, digit)),
                Want::Filter(digit),
            )
        }
        17 => (
            "Nonsense".to_owned(),
            Want::Refusal("Invalid/unknown command: Nonsense."),
        ),
        _ => return malformed(random, reader, out),
    };
    let action = text.split("\r\n").next().unwrap_or_default();
    reader.ask_with(id, want, needed(action));
    let id = id.map_or_else(String::new, |id| format!("ActionID: {id}\r\n"));
    out.extend_from_slice(format!("Action: {text}\r\n{id}\r\n").as_bytes());
}

/// The headers of a filter that keeps out the events whose number ends with that digit.
fn keeps_out(random: &mut Random, digit: usize) -> String {
    match random.below(3) {
        0 => format!("Filter: !N: [0-9]*{digit}[^0-9]"),
        1 => {
            format!("MatchCriteria: action(exclude),header(N),method(ends_with)\r\nFilter: {digit}")
        }
        _ => format!("MatchCriteria: header(N),method(regex)\r\nFilter: !{digit}$"),
    }
}

/// A synchronous Originate: its answer may come late, so that it needs an ActionID that is known again.
fn originate(
    random: &mut Random,
    name: &str,
    serial: usize,
    reader: &mut Reader,
    out: &mut Vec<u8>,
) {
    let id = format!("so-{serial}");
    let form = *random.pick(&["", "Async: no\r\n"]);
    let text = format!(
        "Action: Originate\r\nActionID: {id}\r\n{form}Channel: Local/1@x\r\nApplication: NoOp\r\nMark: {name}/{id}\r\n\r\n"
    );
    reader.originates.insert(id);
    out.extend_from_slice(text.as_bytes());
}

fn malformed(random: &mut Random, reader: &mut Reader, out: &mut Vec<u8>) {
    let long = "x".repeat(1100);
    let (text, id, start) = match random.below(5) {
        0 => ("\r\n".to_owned(), None, "Missing action"),
        1 => (
            "Action: Command\r\nX: a\rb\r\n\r\n".to_owned(),
            None,
            "Failed to parse",
        ),
        2 => (
            "ActionID: 7\r\nAction: Command\r\n\0\r\n\r\n".to_owned(),
            Some("7"),
            "Failed to parse",
        ),
        3 => (
            format!("ActionID: 7\r\nAction: Getvar\r\nX: {long}\r\n\r\n"),
            Some("7"),
            "Failed to parse message: line too long",
        ),
        _ => (
            format!("ActionID: 7\nAction: Getvar\n{}\n", "A: b\n".repeat(130)),
            Some("7"),
            "Too many lines",
        ),
    };
    reader.ask(id, Want::Refusal(start));
    out.extend_from_slice(text.as_bytes());
}
