//! Originated calls: who can be called, how it ends, and the variables that go with it (`main/pbx.c`, `ast_pbx_outgoing_exten`).

use std::time::Duration;

use super::calls::{Call, Stage};
use super::channel::State;
use super::events::Extra;
use super::world::World;
use crate::policy::class::Classes;

/// Most originated calls at the same time.
const ORIGINATED_MAX: usize = 20_000;

/// A request to call somebody.
#[derive(Debug, Clone, Default)]
pub(super) struct Originate {
    pub(super) action_id: Vec<u8>,
    /// Whether its session waits for the end of dialling.
    pub(super) synchronous: bool,
    /// The `Channel` header.
    pub(super) dialled: Vec<u8>,
    pub(super) application: Option<(Vec<u8>, Vec<u8>)>,
    pub(super) context: Vec<u8>,
    pub(super) extension: Vec<u8>,
    pub(super) priority: u32,
    pub(super) timeout: Duration,
    /// Number and name.
    pub(super) caller: (Vec<u8>, Vec<u8>),
    pub(super) account: Vec<u8>,
    pub(super) channel_id: Vec<u8>,
    /// In the order in which they are set.
    pub(super) variables: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What becomes of a call to some place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    Busy,
    Never,
    /// There is nobody there, or no such technology.
    Missing,
}

/// The last part of the dialled name decides: `busy` or 103 is busy, `noanswer` or 105 rings for ever,
/// `nosuch` or 999 does not exist, everything else answers, provided that the technology is known.
fn answer_of(dialled: &[u8]) -> Answer {
    let mut parts = dialled.splitn(2, |byte| *byte == b'/');
    let technology = parts.next().unwrap_or_default();
    let known = ["PJSIP", "SIP", "IAX2", "DAHDI", "Local"]
        .iter()
        .any(|name| technology.eq_ignore_ascii_case(name.as_bytes()));
    let resource = parts.next().unwrap_or_default();
    let resource = resource
        .split(|byte| *byte == b'@')
        .next()
        .unwrap_or_default();
    match resource {
        _ if !known => Answer::Missing,
        b"busy" | b"103" => Answer::Busy,
        b"noanswer" | b"105" => Answer::Never,
        b"nosuch" | b"999" => Answer::Missing,
        _ => Answer::Yes,
    }
}

impl World {
    /// Begins to dial; the result is the call, whose end is told by event and, for a synchronous one, in `resolved`.
    pub(super) fn originate(&mut self, originate: Originate) -> Option<u64> {
        if self.calls.len() >= ORIGINATED_MAX {
            return None;
        }
        let id = self.next_number();
        let answer = answer_of(&originate.dialled);
        let wait = match answer {
            Answer::Missing => Duration::ZERO,
            Answer::Never => originate.timeout,
            Answer::Busy => Duration::from_millis(100).min(originate.timeout),
            Answer::Yes => self.options.answer_after.min(originate.timeout),
        };
        // Keys of channels begin at 1: there is no channel 0, and no queue of that index.
        let mut caller = 0;
        if answer != Answer::Missing {
            self.processed_calls += 1;
            caller = self.dial(&originate);
        }
        let mut call = Call::new(Stage::Dialling, caller, usize::MAX);
        call.originate = Some(originate);
        self.calls.insert(id, call);
        self.schedule(id, wait);
        Some(id)
    }

    fn dial(&mut self, originate: &Originate) -> u64 {
        let extension = if originate.extension.is_empty() {
            b"s"
        } else {
            &originate.extension[..]
        };
        let context = if originate.context.is_empty() {
            b"default"
        } else {
            &originate.context[..]
        };
        let key = self.new_channel(&originate.dialled, (context, extension), None);
        if let Some(channel) = self.channels.get_mut(&key) {
            channel.account.clone_from(&originate.account);
            if !originate.channel_id.is_empty() {
                channel.unique_id = String::from_utf8_lossy(&originate.channel_id).into_owned();
                channel.linked_id.clone_from(&channel.unique_id);
            }
        }
        self.announce_channel(key, State::Down);
        self.run(key, "AppDial2", "(Outgoing Line)");
        for (name, value) in &originate.variables {
            self.set_variable(key, name, value);
        }
        let (number, name) = &originate.caller;
        if !number.is_empty() || !name.is_empty() {
            self.identify(key, (number, name), (number, name));
        }
        let dial_string = originate
            .dialled
            .splitn(2, |byte| *byte == b'/')
            .nth(1)
            .unwrap_or_default();
        let extra: Extra<'_> = &[("DialString", dial_string)];
        self.dial_event("DialBegin", Classes::CALL, (None, key), extra);
        self.new_state(key, State::Ringing);
        self.set_device(&originate.dialled, "RINGING");
        let extra: Extra<'_> = &[("DialStatus", b"RINGING")];
        self.dial_event("DialState", Classes::CALL, (None, key), extra);
        key
    }

    /// Dialling has come to its end: answered, or not.
    pub(super) fn dialled(&mut self, id: u64, call: &Call) {
        let Some(originate) = &call.originate else {
            return;
        };
        let answer = answer_of(&originate.dialled);
        let in_time = self.options.answer_after < originate.timeout;
        let (status, reason, cause): (&[u8], u32, u32) = match answer {
            Answer::Yes if in_time => (b"ANSWER", 4, 16),
            Answer::Yes | Answer::Never => (b"NOANSWER", 3, 19),
            Answer::Busy => (b"BUSY", 5, 17),
            Answer::Missing => (b"CHANUNAVAIL", 0, 1),
        };
        let answered = reason == 4;
        let key = call.caller;
        if answered {
            self.new_state(key, State::Up);
            self.set_device(&originate.dialled, "INUSE");
        }
        let extra: Extra<'_> = &[("DialStatus", status)];
        self.dial_event("DialEnd", Classes::CALL, (None, key), extra);
        if originate.synchronous {
            self.resolved.push((id, answered));
        } else {
            self.originate_response(id, answered.then_some(key), reason);
        }
        if answered {
            self.run_originated(id, key, originate);
        } else if answer == Answer::Missing {
            self.calls.remove(&id);
        } else {
            self.set_stage(id, Stage::Running);
            self.end_call(id, cause);
        }
    }

    fn set_stage(&mut self, id: u64, stage: Stage) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.stage = stage;
        }
    }

    fn run_originated(&mut self, id: u64, key: u64, originate: &Originate) {
        let mut seconds = self.options.call_seconds;
        if let Some((application, data)) = &originate.application {
            let (application, data) = (
                String::from_utf8_lossy(application),
                String::from_utf8_lossy(data),
            );
            self.run(key, &application, &data);
            if application.eq_ignore_ascii_case("Wait") {
                seconds = data.parse().unwrap_or(0.0);
            }
        } else {
            if let Some(channel) = self.channels.get_mut(&key) {
                channel.priority = originate.priority;
            }
            self.run(key, "Answer", "");
            self.run(key, "Wait", "3600");
        }
        self.set_stage(id, Stage::Running);
        self.schedule(id, Duration::try_from_secs_f64(seconds).unwrap_or_default());
    }
}

/// Reads `Variable` headers as Asterisk does (`astman_get_variables`): comma separated pairs, quotes and backslashes
/// taken away, commas inside quotes, parentheses or brackets kept, and the whole list reversed.
pub(super) fn parse_variables<'a>(
    headers: impl Iterator<Item = &'a [u8]>,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    const PAIRS_MAX: usize = 64;
    let mut pairs = Vec::new();
    for header in headers {
        for item in split_arguments(header).into_iter().take(PAIRS_MAX) {
            let mut halves = item.splitn(2, |byte| *byte == b'=');
            let (name, value) = (halves.next().unwrap_or_default(), halves.next());
            if let (false, Some(value)) = (name.is_empty(), value) {
                pairs.push((name.to_vec(), value.to_vec()));
            }
        }
    }
    pairs.reverse();
    pairs
}

/// Splits at commas (`main/app.c`, `__ast_app_separate_args`).
pub(super) fn split_arguments(text: &[u8]) -> Vec<Vec<u8>> {
    let mut items = vec![Vec::new()];
    let (mut depth, mut quoted) = (0_u32, false);
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        let mut kept = Some(byte);
        match byte {
            b'"' => (quoted, kept) = (!quoted, None),
            b'\\' => kept = bytes.next(),
            b'(' | b'[' if !quoted => depth += 1,
            b')' | b']' if !quoted => depth = depth.saturating_sub(1),
            b',' if !quoted && depth == 0 => {
                items.push(Vec::new());
                continue;
            }
            _ => {}
        }
        if let (Some(item), Some(byte)) = (items.last_mut(), kept) {
            item.push(*byte);
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables() {
        let cases: [(&[&str], &str); 5] = [
            (&["A=1,B=2", "C=3"], "C=3 B=2 A=1"),
            (&["A=\"x,y\""], "A=x,y"),
            (&["A=x\\,y\\\"z"], "A=x,y\"z"),
            (&["FILE(a,b)=1,novalue,=empty"], "FILE(a,b)=1"),
            (&["A="], "A="),
        ];
        for (headers, expected) in cases {
            let pairs = parse_variables(headers.iter().map(|header| header.as_bytes()));
            let shown: Vec<String> = pairs
                .iter()
                .map(|(name, value)| format!("{}={}", name.escape_ascii(), value.escape_ascii()))
                .collect();
            assert_eq!(shown.join(" ").replace("\\\"", "\""), expected);
        }
    }

    #[test]
    fn who_answers() {
        let cases = [
            ("PJSIP/2001", Answer::Yes),
            ("local/100@ami-test", Answer::Yes),
            ("Local/103@ami-test", Answer::Busy),
            ("PJSIP/noanswer", Answer::Never),
            ("Nope/1", Answer::Missing),
            ("SIP/nosuch", Answer::Missing),
        ];
        for (dialled, expected) in cases {
            assert_eq!(answer_of(dialled.as_bytes()), expected, "{dialled}");
        }
    }
}
