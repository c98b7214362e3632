//! Tapped messages as text for people, and as JSON for programs.

use amimux::admin::client::Message;
use serde_json::{Map, Value, json};

/// Seconds of a day.
const DAY: u64 = 86_400;

/// What a transcript looks like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// One object on each line.
    pub(super) is_json: bool,
    /// Colours for a terminal.
    pub(super) is_coloured: bool,
}

impl Style {
    /// One message.
    pub(super) fn message(self, message: &Message) -> String {
        if self.is_json {
            return object(message);
        }
        let is_sent = message.get("Direction") == "Sent";
        let (arrow, colour) = if is_sent {
            ("→", "33")
        } else {
            ("←", "36")
        };
        let head = format!(
            "{} {arrow} {} {}",
            clock(message.get("Time")),
            message.get("User"),
            message.get("Session"),
        );
        let mut text = format!("{}\n", self.coloured(colour, &head));
        for line in message.all("Line") {
            text.push_str(&format!("    {}\n", harmless(line)));
        }
        let left_out = message.get("LeftOut");
        if !left_out.is_empty() {
            text.push_str(&format!("    ({left_out} more bytes)\n"));
        }
        text
    }

    /// A gap.
    pub(super) fn missed(self, message: &Message) -> String {
        let count = message.get("Messages");
        if self.is_json {
            return format!("{}\n", json!({"missed": number(count)}));
        }
        let text =
            format!("-- {count} messages missed: they came faster than this could be written");
        format!("{}\n", self.coloured("31", &text))
    }

    fn coloured(self, colour: &str, text: &str) -> String {
        if self.is_coloured {
            format!("\u{1b}[{colour}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// The time of the day, UTC, to the millisecond.
fn clock(time: &str) -> String {
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, "000"));
    let second = seconds.parse::<u64>().unwrap_or_default() % DAY;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let fraction = fraction.get(..3).unwrap_or(fraction);
    format!("{hour:02}:{minute:02}:{second:02}.{fraction}")
}

/// Without what would command a terminal.
fn harmless(line: &str) -> String {
    let shown = |character: char| {
        let is_safe = !character.is_control() || character == '\t';
        if is_safe { character } else { '\u{fffd}' }
    };
    line.chars().map(shown).collect()
}

fn number(text: &str) -> Value {
    text.parse::<u64>()
        .map_or_else(|_| text.into(), Value::from)
}

fn object(message: &Message) -> String {
    let mut object = Map::new();
    for (name, key) in [
        ("Session", "session"),
        ("User", "user"),
        ("Direction", "direction"),
        ("Time", "time"),
    ] {
        let value = message.get(name);
        let value = if name == "Direction" {
            value.to_ascii_lowercase()
        } else {
            value.to_owned()
        };
        object.insert(key.to_owned(), value.into());
    }
    let lines: Vec<_> = message.all("Line").collect();
    object.insert("lines".to_owned(), json!(lines));
    let left_out = message.get("LeftOut");
    if !left_out.is_empty() {
        object.insert("left_out_bytes".to_owned(), number(left_out));
    }
    format!("{}\n", Value::Object(object))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Message {
        Message::read(text.replace('|', "\r\n").as_bytes())
    }

    const TAPPED: &str = "Event: MuxTapped|Session: pbx/0.1|User: crm|Direction: Sent|Time: 90061.250001|\
         Line: Action: Ping|Line:   a\u{1b}[2J";

    #[test]
    fn for_people() {
        let mut style = Style {
            is_json: false,
            is_coloured: false,
        };
        assert_eq!(
            style.message(&message(TAPPED)),
            "01:01:01.250 → crm pbx/0.1\n    Action: Ping\n      a\u{fffd}[2J\n"
        );
        let received = TAPPED.replace("Sent", "Received") + "|LeftOut: 7";
        let text = style.message(&message(&received));
        assert!(
            text.contains(" ← ") && text.ends_with("    (7 more bytes)\n"),
            "{text}"
        );
        assert!(
            style
                .missed(&message("Messages: 3"))
                .starts_with("-- 3 messages missed")
        );
        style.is_coloured = true;
        let text = style.message(&message(TAPPED));
        assert!(
            text.starts_with("\u{1b}[33m01:01:01.250 → crm pbx/0.1\u{1b}[0m\n"),
            "{text}"
        );
    }

    #[test]
    fn for_programs() {
        let style = Style {
            is_json: true,
            is_coloured: true,
        };
        assert_eq!(
            style.message(&message(TAPPED)),
            "{\"session\":\"pbx/0.1\",\"user\":\"crm\",\"direction\":\"sent\",\"time\":\"90061.250001\",\
             \"lines\":[\"Action: Ping\",\"  a\\u001b[2J\"]}\n"
        );
        assert_eq!(style.missed(&message("Messages: 3")), "{\"missed\":3}\n");
    }
}
