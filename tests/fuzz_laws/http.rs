//! Any bytes as the query of an HTTP request, as a JSON action, as an answer and as credentials: what goes on is exactly one
//! message as Asterisk reads it, with exactly what was asked; what comes back is well-formed.

use amimux::http::cookie::SessionKey;
use amimux::http::header::HeaderError;
use amimux::http::html::{self, Form};
use amimux::http::parameters::{ParameterError, Parameters};
use amimux::http::{basic, digest, json, sse, xml};
use bytes::BytesMut;

use super::decisions::reader::Reader;
use super::well_formed;

pub fn hold(data: &[u8]) {
    query(data);
    actions(data);
    let mut parts = data.splitn(3, |byte| *byte == b'|');
    let mut part = || parts.next().unwrap_or_default();
    let (dest, object) = (part(), part());
    answers(part(), dest, object);
    answers(data, b"", b"");
    credentials(data);
}

/// Headers without those that are passed over: `Action` with nothing but blanks.
fn counted<'a>(pairs: impl Iterator<Item = (Vec<u8>, &'a [u8])>) -> Vec<Vec<u8>> {
    pairs
        .filter(|(name, value)| {
            !name.eq_ignore_ascii_case(b"action") || value.iter().any(|byte| *byte > 32)
        })
        .map(|(name, value)| [&*name, b": ", value].concat())
        .collect()
}

/// What an upstream that reads as Asterisk does finds in `message`.
fn read(message: &[u8]) -> Vec<Vec<u8>> {
    let mut asterisk = Reader::default();
    let mut messages = asterisk.read(message);
    assert_eq!(messages.len(), 1, "one message");
    assert!(asterisk.is_idle(), "nothing is left over");
    let message = messages.remove(0);
    assert!(!message.broken, "within Asterisk's limits");
    message.lines
}

fn query(text: &[u8]) {
    let decoded = decode(text);
    let parameters = match Parameters::parse(text) {
        Ok(parameters) => parameters,
        Err(error) => return assert_refused(&decoded, &error),
    };
    let pairs: Vec<_> = parameters
        .iter()
        .map(|(name, value)| (name.to_vec(), value.to_vec()))
        .collect();
    assert_eq!(pairs, decoded);
    let expected = decoded.iter().map(|(name, value)| (name.clone(), &**value));
    assert_eq!(read(&parameters.message()), counted(expected));
}

/// Nothing harmless is refused.
fn assert_refused(decoded: &[(Vec<u8>, Vec<u8>)], error: &ParameterError) {
    let some = |wrong: &dyn Fn(&[u8], &[u8]) -> bool| {
        assert!(
            decoded.iter().any(|(name, value)| wrong(name, value)),
            "{error}"
        );
    };
    let ends_line = |byte: &u8| matches!(byte, b'\r' | b'\n' | 0);
    match error {
        ParameterError::TooMany => assert!(decoded.len() > 128),
        ParameterError::Header(HeaderError::ForbiddenByte(_)) => {
            some(&|name, value| name.iter().chain(value).any(ends_line));
        }
        ParameterError::Header(HeaderError::Colon(_)) => some(&|name, _| name.contains(&b':')),
        ParameterError::Header(HeaderError::Control(_)) => {
            some(&|name, _| name.iter().any(u8::is_ascii_control));
        }
        ParameterError::Header(HeaderError::TooLong(_)) => {
            some(&|name, value| name.len() + value.len() > 1020);
        }
    }
}

/// Pairs decoded in another way than by what is checked: over the whole text, from the end.
fn decode(text: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let hex = |byte: u8| char::from(byte).to_digit(16);
    let plain = |text: &[u8]| {
        let mut out = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let pair = text.get(at + 1..at + 3);
            let number = pair.and_then(|pair| Some(hex(pair[0])? * 16 + hex(pair[1])?));
            match (text[at], number) {
                (b'%', Some(number)) => {
                    out.push(u8::try_from(number).unwrap());
                    at += 2;
                }
                (b'+', _) => out.push(b' '),
                (byte, _) => out.push(byte),
            }
            at += 1;
        }
        out
    };
    if text.is_empty() {
        return Vec::new();
    }
    text.split(|byte| *byte == b'&')
        .map(|pair| {
            let equals = pair.iter().position(|byte| *byte == b'=');
            let end = equals.unwrap_or(pair.len());
            (
                plain(&pair[..end]),
                plain(pair.get(end + 1..).unwrap_or_default()),
            )
        })
        .collect()
}

fn actions(text: &[u8]) {
    let Ok(value) = serde_json::from_slice(text) else {
        return;
    };
    let Ok(message) = json::message(&value) else {
        return;
    };
    let members = value.as_object().unwrap();
    let pairs: Vec<(Vec<u8>, String)> = members
        .iter()
        .flat_map(|(name, value)| {
            let values = value
                .as_array()
                .cloned()
                .unwrap_or_else(|| vec![value.clone()]);
            values.into_iter().map(|value| {
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                (name.clone().into_bytes(), text)
            })
        })
        .collect();
    let expected = pairs
        .iter()
        .map(|(name, value)| (name.clone(), value.as_bytes()));
    assert_eq!(read(&message), counted(expected));
}

fn answers(answer: &[u8], dest: &[u8], object: &[u8]) {
    let mut out = BytesMut::new();
    xml::write(answer, dest, object, &mut out);
    well_formed::check(&out);
    for form in [Form::Cookie, Form::Digest] {
        let mut page = BytesMut::new();
        html::write(answer, form, &mut page);
        let mut empty = BytesMut::new();
        html::write(b"", form, &mut empty);
        let rows = page.len() - empty.len();
        let own = [
            &b"<tr>"[..],
            b"</tr>",
            b"<td>",
            b"</td>",
            b"<td colspan=\"2\">",
            b"<hr>",
            b"<br>",
        ];
        let start = empty.len() - tail(form);
        let mut rest = &page[start..start + rows];
        while let Some(at) = rest.iter().position(|byte| *byte == b'<') {
            rest = &rest[at..];
            let tag = own
                .iter()
                .find(|tag| rest.starts_with(tag))
                .expect("no other markup");
            rest = &rest[tag.len()..];
        }
    }
    let objects: Vec<_> = json::events(answer).collect();
    let whole = json::answer(answer);
    let response = usize::from(!whole["response"].is_null());
    assert_eq!(
        whole["events"].as_array().unwrap().len() + response,
        objects.len()
    );
    for object in objects {
        let text = serde_json::to_vec(&object).unwrap();
        let mut stream = BytesMut::new();
        sse::write_event(None, &text, &mut stream);
        assert_eq!(
            &stream[..],
            [&b"data: "[..], &text, b"\n\n"].concat(),
            "one line of data"
        );
    }
}

/// Bytes behind the rows of a page.
fn tail(form: Form) -> usize {
    match form {
        Form::Cookie => b"</table></body>\r\n".len(),
        Form::Digest => b"</table></form></body></html>\r\n".len(),
    }
}

fn credentials(header: &[u8]) {
    if let Ok(read) = digest::Authorization::parse(header) {
        assert!(!read.username().is_empty());
    }
    if let Ok(basic::Authorization::Basic { username, secret }) = basic::parse(header) {
        assert!(!username.contains(&b':') && !secret.expose().contains(&b'\n'));
    }
    if let Some(key) = SessionKey::from_cookies([header]) {
        let text = key.set_cookie(Some(60), "", false);
        let sent_back = text.split(';').next().unwrap();
        assert_eq!(SessionKey::from_cookies([sent_back.as_bytes()]), Some(key));
    }
    if let Some(place) = sse::place_of(header) {
        assert_eq!(sse::id_of(place).as_bytes(), header);
    }
}
