//! AMI messages as JSON, and JSON as an action: for programs of today. A message is an object, a header one of its
//! members with the name as it was sent and a text as its value; a header that is there more than once has an array of
//! texts. AMI has no types, so nothing is read as a number. Text that is no UTF-8 has U+FFFD in its place.

use bytes::Bytes;
use serde_json::{Map, Value};
use thiserror::Error;

use super::header::{self, Header, HeaderError, QuotedName};
use crate::protocol::frame::{Frame, FrameKind};
use crate::protocol::limits::REQUEST_LINES_MAX;
use crate::protocol::upstream_framer::{Step, UpstreamFramer};

/// The member for lines that are no headers, as Asterisk's XML calls them; always an array.
const NAMELESS: &str = "Opaque-data";

/// Why a JSON value is no action. The texts are fit for an answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JsonError {
    /// Its outermost value is something else.
    #[error("an action is a JSON object")]
    NotAnObject,
    /// An object, null, or an array within an array.
    #[error("the value of {0} is neither text, number, true or false, nor an array of these")]
    NotText(QuotedName),
    /// A member is no header.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// More than an AMI message may have lines.
    #[error("more than 128 headers")]
    TooMany,
}

/// Each of `messages` (whole AMI messages, one after the other) as an object.
pub fn events(messages: &[u8]) -> impl Iterator<Item = Value> {
    frames(messages).map(object)
}

/// The answer to an action: `{"response": {...}, "events": [...]}`. The response is null where there is none; a second
/// one, which few actions have, and text without a head stand among the events.
pub fn answer(messages: &[u8]) -> Value {
    let mut response = Value::Null;
    let mut events = Vec::new();
    for frame in frames(messages) {
        if response.is_null() && frame.kind() == FrameKind::Response {
            response = object(frame);
        } else {
            events.push(object(frame));
        }
    }
    let mut whole = Map::new();
    whole.insert("response".to_owned(), response);
    whole.insert("events".to_owned(), Value::Array(events));
    Value::Object(whole)
}

/// One AMI message, its blank line included, of the members of an object such as
/// `{"Action": "Originate", "Variable": ["a=1", "b=2"], "Async": true}`, in their order. The members of an array are
/// headers of the same name. Numbers and `true` and `false` are written as they stand.
///
/// # Errors
/// When it is no object, holds what is no text, or what no AMI message can hold.
pub fn message(value: &Value) -> Result<Bytes, JsonError> {
    let Value::Object(members) = value else {
        return Err(JsonError::NotAnObject);
    };
    let mut headers = Vec::new();
    for (name, value) in members {
        let values = match value {
            Value::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in values {
            if headers.len() == REQUEST_LINES_MAX {
                return Err(JsonError::TooMany);
            }
            headers.push(header_of(name, value)?);
        }
    }
    Ok(header::message(&headers))
}

fn header_of(name: &str, value: &Value) -> Result<Header, JsonError> {
    let text = match value {
        Value::String(text) => return Ok(Header::new(name.as_bytes(), text.as_bytes())?),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            return Err(JsonError::NotText(QuotedName::new(name.as_bytes())));
        }
    };
    Ok(Header::new(name.as_bytes(), text.as_bytes())?)
}

/// The messages in `messages`, cut as those of Asterisk are. What is behind the last blank line is one, too.
fn frames(messages: &[u8]) -> impl Iterator<Item = Frame<'_>> {
    let mut framer = UpstreamFramer::new(usize::MAX);
    let mut rest = messages;
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                return None;
            }
            let (length, skip) = match framer.next(rest) {
                Step::Skip(length) => (length, true),
                Step::Frame { length } | Step::Oversized { length } => (length, false),
                Step::Incomplete => (rest.len(), false),
            };
            let (frame, behind) = rest.split_at_checked(length).unwrap_or((rest, b""));
            rest = behind;
            if !skip {
                return Some(Frame::new(frame));
            }
        }
    })
}

fn object(frame: Frame<'_>) -> Value {
    let mut members = Map::new();
    let listed = frame.kind() == FrameKind::Response;
    for line in frame.lines().filter(|line| !line.is_empty()) {
        let mut halves = line.splitn(2, |byte| *byte == b':');
        let first = halves.next().unwrap_or_default();
        match halves.next() {
            Some(value) => {
                let name = String::from_utf8_lossy(first);
                let value = value.strip_prefix(b" ").unwrap_or(value);
                // A program that asks for the output of a command wants an array, however many lines there are.
                let always = listed && name == "Output";
                add(&mut members, &name, value, always);
            }
            None => add(&mut members, NAMELESS, first, true),
        }
    }
    Value::Object(members)
}

fn add(members: &mut Map<String, Value>, name: &str, value: &[u8], always_array: bool) {
    let value = Value::String(String::from_utf8_lossy(value).into_owned());
    match members.get_mut(name) {
        None if always_array => {
            members.insert(name.to_owned(), Value::Array(vec![value]));
        }
        None => {
            members.insert(name.to_owned(), value);
        }
        Some(Value::Array(values)) => values.push(value),
        Some(first) => {
            let first_value = first.take();
            *first = Value::Array(vec![first_value, value]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::protocol::request::Request;

    #[test]
    fn messages_as_objects() {
        let cases: &[(&[u8], Value)] = &[
            (b"", json!([])),
            (b"\r\n\r\n", json!([])),
            (
                b"Event: Hangup\r\nPrivilege: call,all\r\nCause: 16\r\nEmpty: \r\n\r\nEvent: B\r\n\r\n",
                json!([{"Event": "Hangup", "Privilege": "call,all", "Cause": "16", "Empty": ""}, {"Event": "B"}]),
            ),
            (
                b"Event: A\r\nChanVariable: a=1\r\nX: 1\r\nChanVariable: b=2\r\nChanVariable: c: 3\r\nx: 2\r\n\r\n",
                json!([{"Event": "A", "ChanVariable": ["a=1", "b=2", "c: 3"], "X": "1", "x": "2"}]),
            ),
            (
                b"Response: Success\r\nOutput:   one \r\n\r\n",
                json!([{"Response": "Success", "Output": ["  one "]}]),
            ),
            (b"Event: UserEvent\r\nOutput: one\r\n\r\n", json!([{"Event": "UserEvent", "Output": "one"}])),
            (
                b"Response: Error\r\nMessage: text\n\r\n\r\nEvent: B\r\n\r\n",
                json!([{"Response": "Error", "Message": "text\n"}, {"Event": "B"}]),
            ),
            (
                b"Response: Success\r\nNo categories found\r\n\r\n",
                json!([{"Response": "Success", "Opaque-data": ["No categories found"]}]),
            ),
            (b"Event: A\r\nName: \xe9\"\x01\r\n: x\r\n\r\n", json!([{"Event": "A", "Name": "\u{fffd}\"\u{1}", "": "x"}])),
            (b"Event: A\r\nCut: off", json!([{"Event": "A", "Cut": "off"}])),
        ];
        for (messages, expected) in cases {
            let found = Value::Array(events(messages).collect());
            assert_eq!(found, *expected, "{}", messages.escape_ascii());
        }
    }

    #[test]
    fn members_keep_their_order() {
        let event = events(b"Event: Z\r\nPrivilege: call,all\r\nB: 1\r\nA: 2\r\n\r\n")
            .next()
            .unwrap();
        assert_eq!(
            event.to_string(),
            r#"{"Event":"Z","Privilege":"call,all","B":"1","A":"2"}"#
        );
    }

    #[test]
    fn answers() {
        let list = b"Response: Success\r\nEventList: start\r\n\r\nEvent: Item\r\n\r\nEvent: Done\r\nEventList: Complete\r\n\r\n";
        let expected = json!({
            "response": {"Response": "Success", "EventList": "start"},
            "events": [{"Event": "Item"}, {"Event": "Done", "EventList": "Complete"}],
        });
        assert_eq!(answer(list), expected);
        assert_eq!(answer(b""), json!({"response": null, "events": []}));
        let two = b"some text\r\n\r\nResponse: Success\r\n\r\nResponse: Error\r\n\r\n";
        let expected = json!({
            "response": {"Response": "Success"},
            "events": [{"Opaque-data": ["some text"]}, {"Response": "Error"}],
        });
        assert_eq!(answer(two), expected);
    }

    #[test]
    fn objects_as_actions() {
        let cases = [
            (json!({}), "\r\n"),
            (
                json!({"Action": "Ping", "ActionID": 7}),
                "Action: Ping\r\nActionID: 7\r\n\r\n",
            ),
            (
                json!({"Variable": ["a=1", "b=2"], "Async": true, "Action": "Originate", "Timeout": -1, "X": 1.5, "E": [], "F": false}),
                "Variable: a=1\r\nVariable: b=2\r\nAsync: true\r\nAction: Originate\r\nTimeout: -1\r\nX: 1.5\r\nF: false\r\n\r\n",
            ),
            (
                json!({"Action": "UserEvent", "Note": "é: \u{1}\t"}),
                "Action: UserEvent\r\nNote: é: \u{1}\t\r\n\r\n",
            ),
            (
                json!({"action": "", "Action": "Ping"}),
                "Action: Ping\r\n\r\n",
            ),
        ];
        for (value, expected) in cases {
            assert_eq!(message(&value).unwrap(), expected.as_bytes(), "{value}");
        }
    }

    #[test]
    fn what_is_no_action() {
        let quoted = |name: &str| QuotedName::new(name.as_bytes());
        let cases = [
            (json!([]), JsonError::NotAnObject),
            (json!("Ping"), JsonError::NotAnObject),
            (json!({"a": null}), JsonError::NotText(quoted("a"))),
            (json!({"a": {}}), JsonError::NotText(quoted("a"))),
            (json!({"a": ["x", []]}), JsonError::NotText(quoted("a"))),
            (
                json!({"a": ["x", "y\r\nAction: Originate"]}),
                HeaderError::ForbiddenByte(quoted("a")).into(),
            ),
            (
                json!({"a\n": 1}),
                HeaderError::ForbiddenByte(quoted("a\n")).into(),
            ),
            (
                json!({"a": "\u{0}"}),
                HeaderError::ForbiddenByte(quoted("a")).into(),
            ),
            (json!({"a:b": 1}), HeaderError::Colon(quoted("a:b")).into()),
            (
                json!({"a\t": 1}),
                HeaderError::Control(quoted("a\t")).into(),
            ),
            (
                json!({"a": "x".repeat(1020)}),
                HeaderError::TooLong(quoted("a")).into(),
            ),
            (json!({"a": vec![0; 129]}), JsonError::TooMany),
        ];
        for (value, expected) in cases {
            assert_eq!(message(&value), Err(expected), "{value}");
        }
        assert!(message(&json!({"a": vec![0; 128]})).is_ok());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// An action is read back as the object that it was, where its values are texts.
        #[test]
        fn there_and_back(members in prop::collection::btree_map("[A-Za-z]{1,9}", prop_oneof![
            "[^\\x00\r\n]{1,30}".prop_map(Value::from),
            prop::collection::vec("[^\\x00\r\n]{0,30}", 2..5).prop_map(Value::from),
        ], 1..8)) {
            prop_assume!(!members.keys().any(|name| name.eq_ignore_ascii_case("action") || name == "Output"));
            let value = Value::Object(members.into_iter().collect());
            let message = message(&value).unwrap();
            let request = Request::new(message.strip_suffix(b"\r\n").unwrap());
            let values = value.as_object().unwrap().values();
            let count: usize = values.map(|value| value.as_array().map_or(1, Vec::len)).sum();
            prop_assert_eq!(request.lines().count(), count);
            prop_assert_eq!(events(&message).collect::<Vec<_>>(), vec![value]);
        }
    }
}
