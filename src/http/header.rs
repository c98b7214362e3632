//! One header of a request that came over HTTP, checked so strictly that a line of AMI can hold it: in Asterisk a decoded
//! CR LF stays within its value (`main/manager.c`, `generic_http_callback`, which never writes the line down), on a
//! connection it would be a header more.

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

use crate::protocol::limits::REQUEST_TEXT_BYTES_MAX;

/// The name of a header in an error: quoted, its odd bytes escaped, cut. Never a value, which may be a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuotedName(String);

/// Most bytes of a name that an error shows.
const QUOTED_BYTES_MAX: usize = 40;

impl QuotedName {
    /// Quotes a name.
    pub fn new(name: &[u8]) -> Self {
        let (shown, end) = match name.get(..QUOTED_BYTES_MAX) {
            Some(head) if name.len() > QUOTED_BYTES_MAX => (head, "..."),
            _ => (name, ""),
        };
        Self(format!("\"{}{end}\"", shown.escape_ascii()))
    }
}

impl std::fmt::Display for QuotedName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a name and a value are no header. The texts are fit for an answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// A byte that would end the line, or cut it for Asterisk.
    #[error("parameter {0} holds CR, LF or NUL")]
    ForbiddenByte(QuotedName),
    /// Asterisk would take what is before the colon as the name.
    #[error("the name of parameter {0} holds a colon")]
    Colon(QuotedName),
    /// A byte below 32, or 127.
    #[error("the name of parameter {0} holds a control byte")]
    Control(QuotedName),
    /// Asterisk would drop the line, and answer with an error.
    #[error("parameter {0} makes a line of more than 1,022 bytes")]
    TooLong(QuotedName),
}

/// A header of a request.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// `name: value`, without a line end.
    line: Vec<u8>,
    name_bytes: usize,
}

impl Header {
    /// A header of this name and value. The name may be empty and may have blanks around it, which makes it a name
    /// that no action asks for; blanks before the value are passed over by who reads it.
    ///
    /// # Errors
    /// When one line of AMI, read by Asterisk's rules, would not be this header.
    pub fn new(name: &[u8], value: &[u8]) -> Result<Self, HeaderError> {
        let forbidden = |byte: &u8| matches!(byte, b'\r' | b'\n' | 0);
        if name.iter().chain(value).any(forbidden) {
            return Err(HeaderError::ForbiddenByte(QuotedName::new(name)));
        }
        if name.contains(&b':') {
            return Err(HeaderError::Colon(QuotedName::new(name)));
        }
        if name.iter().any(u8::is_ascii_control) {
            return Err(HeaderError::Control(QuotedName::new(name)));
        }
        let line = [name, b": ", value].concat();
        if line.len() > REQUEST_TEXT_BYTES_MAX {
            return Err(HeaderError::TooLong(QuotedName::new(name)));
        }
        Ok(Self {
            line,
            name_bytes: name.len(),
        })
    }

    /// The name as given.
    pub fn name(&self) -> &[u8] {
        self.line.get(..self.name_bytes).unwrap_or_default()
    }

    /// The value as given.
    pub fn value(&self) -> &[u8] {
        self.line.get(self.name_bytes + 2..).unwrap_or_default()
    }

    /// Whether it is an `Action` header without a value, as Asterisk reads values: leading bytes below 33 do not count.
    fn is_blank_action(&self) -> bool {
        self.name().eq_ignore_ascii_case(b"Action") && self.value().iter().all(|byte| *byte < 33)
    }
}

impl std::fmt::Debug for Header {
    /// Shows the name only: a value may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Header({}, {} bytes)",
            QuotedName::new(self.name()),
            self.value().len()
        )
    }
}

/// One AMI message of these headers, in their order.
///
/// `Action` headers without a value are left out: Asterisk passes over them, no action sees them, and its own HTML page
/// sends one with each request, whereas two `Action` headers are refused further down.
pub fn message(headers: &[Header]) -> Bytes {
    let lines = headers.iter().filter(|header| !header.is_blank_action());
    let size = headers
        .iter()
        .map(|header| header.line.len() + 2)
        .sum::<usize>();
    let mut out = BytesMut::with_capacity(size + 2);
    for header in lines {
        out.put_slice(&header.line);
        out.put_slice(b"\r\n");
    }
    out.put_slice(b"\r\n");
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_one_line_can_hold() {
        let name = QuotedName::new;
        type Case<'a> = (&'a [u8], &'a [u8], Result<&'a [u8], HeaderError>);
        let cases: &[Case<'_>] = &[
            (b"Action", b"Ping", Ok(b"Action: Ping")),
            (b"", b"value", Ok(b": value")),
            (b"", b"", Ok(b": ")),
            (
                b" Action ",
                b" \t\x01 Ping ",
                Ok(b" Action : \x20\t\x01 Ping "),
            ),
            (b"Key", b"a: b: c\x7f\xff", Ok(b"Key: a: b: c\x7f\xff")),
            (b"\xc3\xa9", "é".as_bytes(), Ok("é: é".as_bytes())),
            (b"a", b"b\r", Err(HeaderError::ForbiddenByte(name(b"a")))),
            (b"a", b"\nb", Err(HeaderError::ForbiddenByte(name(b"a")))),
            (
                b"a",
                b"right\0junk",
                Err(HeaderError::ForbiddenByte(name(b"a"))),
            ),
            (
                b"a\r\nb",
                b"",
                Err(HeaderError::ForbiddenByte(name(b"a\r\nb"))),
            ),
            (
                b"Action: Ping",
                b"x",
                Err(HeaderError::Colon(name(b"Action: Ping"))),
            ),
            (b"a\tb", b"", Err(HeaderError::Control(name(b"a\tb")))),
            (b"a\x7f", b"", Err(HeaderError::Control(name(b"a\x7f")))),
        ];
        for (name, value, expected) in cases {
            let header = Header::new(name, value);
            assert_eq!(
                header.as_ref().map(|header| &*header.line),
                expected.as_ref().copied(),
                "{}",
                name.escape_ascii()
            );
            if let Ok(header) = header {
                assert_eq!((header.name(), header.value()), (*name, *value));
            }
        }
    }

    #[test]
    fn a_line_has_1022_bytes_at_most() {
        assert!(Header::new(b"Key", &[b'x'; 1017]).is_ok());
        let error = Header::new(b"Key", &[b'x'; 1018]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "parameter \"Key\" makes a line of more than 1,022 bytes"
        );
    }

    #[test]
    fn errors_and_debug_show_names_cut_and_no_values() {
        let error = Header::new(&[b'"'; 41], b"hunter2\n")
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            format!("parameter \"{}...\" holds CR, LF or NUL", "\\\"".repeat(40))
        );
        let header = Header::new(b"Secret", b"hunter2").unwrap();
        assert_eq!(format!("{header:?}"), "Header(\"Secret\", 7 bytes)");
    }

    #[test]
    fn actions_without_a_value_do_not_stand_in_the_message() {
        let headers: Vec<Header> = [
            (&b"action"[..], &b" "[..]),
            (b"ActionX", b""),
            (b"ACTION", b"Ping"),
            (b"Action", b""),
        ]
        .iter()
        .map(|(name, value)| Header::new(name, value).unwrap())
        .collect();
        assert_eq!(&*message(&headers), b"ActionX: \r\nACTION: Ping\r\n\r\n");
        assert_eq!(&*message(&[]), b"\r\n");
    }
}
