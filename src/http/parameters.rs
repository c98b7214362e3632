//! The parameters of an HTTP request, from its query or its form, as the headers of an AMI message.
//! Source: `main/http.c`, `ast_http_parse_post_form` and its kin, `ast_uri_decode`; `main/manager.c`,
//! `generic_http_callback`. What Asterisk does silently (drop the 129th parameter, cut a value at a NUL, make a header of a
//! name with a colon) is an error here.

use bytes::Bytes;
use thiserror::Error;

use super::header::{Header, HeaderError, message};
use crate::protocol::limits::REQUEST_LINES_MAX;

/// Why a query or a form is no AMI message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParameterError {
    /// A parameter is no header.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// More than an AMI message may have lines.
    #[error("more than 128 parameters")]
    TooMany,
}

/// Parameters in the order in which they were sent, decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters(Vec<Header>);

impl Parameters {
    /// Reads `text`: pairs with `&` between them, and in each the first `=` between name and value. `+` is a blank and
    /// `%` with two hexadecimal digits a byte, everywhere; any other `%` is itself. A pair without `=` has an empty
    /// value. Empty text has no pairs; elsewhere an empty pair is one, as in Asterisk.
    ///
    /// # Errors
    /// When there are too many, or one of them cannot be a header.
    pub fn parse(text: &[u8]) -> Result<Self, ParameterError> {
        let mut headers = Vec::new();
        if text.is_empty() {
            return Ok(Self(headers));
        }
        for pair in text.split(|byte| *byte == b'&') {
            if headers.len() == REQUEST_LINES_MAX {
                return Err(ParameterError::TooMany);
            }
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decoded(halves.next().unwrap_or_default());
            let value = decoded(halves.next().unwrap_or_default());
            headers.push(Header::new(&name, &value)?);
        }
        Ok(Self(headers))
    }

    /// Every name and value, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|header| (header.name(), header.value()))
    }

    /// The value of the first parameter of that name, ignoring case.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        find(self.iter(), name)
    }

    /// The value of the last parameter of that name, ignoring case: what counts for `ajaxdest`.
    pub fn last(&self, name: &str) -> Option<&[u8]> {
        find(self.iter().rev(), name)
    }

    /// The action, as Asterisk reads it: the first `Action` that is not empty, without leading bytes below 33.
    pub fn action(&self) -> Option<&[u8]> {
        self.iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(b"Action"))
            .map(|(_, value)| without_leading_blanks(value))
            .find(|value| !value.is_empty())
    }

    /// Whether it is the action of that name, ignoring case.
    pub fn is_action(&self, name: &str) -> bool {
        self.action()
            .is_some_and(|action| action.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// One AMI message, its blank line included: a header for each parameter, in order, but for an `Action` without a
    /// value, which Asterisk passes over as well.
    pub fn message(&self) -> Bytes {
        message(&self.0)
    }
}

fn find<'a>(mut pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>, name: &str) -> Option<&'a [u8]> {
    pairs
        .find(|(own, _)| own.eq_ignore_ascii_case(name.as_bytes()))
        .map(|(_, value)| value)
}

fn without_leading_blanks(mut value: &[u8]) -> &[u8] {
    while let [0..=32, rest @ ..] = value {
        value = rest;
    }
    value
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        let byte = match (*first, tail) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            (byte, _) => byte,
        };
        out.push(byte);
    }
    out
}

/// The value of a hexadecimal digit.
const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::header::QuotedName;
    use super::*;
    use crate::protocol::request::Request;
    use crate::protocol::request_framer::RequestFramer;

    #[test]
    fn decoding() {
        let cases: &[(&str, &str)] = &[
            ("", "\r\n"),
            ("action=ping", "action: ping\r\n\r\n"),
            (
                "Action=Ping&actionid=1%2B1",
                "Action: Ping\r\nactionid: 1+1\r\n\r\n",
            ),
            ("a=x+y%20z", "a: x y z\r\n\r\n"),
            ("a+b=1", "a b: 1\r\n\r\n"),
            ("a%3db=1", "a=b: 1\r\n\r\n"),
            ("a=b=c", "a: b=c\r\n\r\n"),
            ("a=%26&b", "a: &\r\nb: \r\n\r\n"),
            ("a=1;b=2", "a: 1;b=2\r\n\r\n"),
            ("=value", ": value\r\n\r\n"),
            ("a=1&&b=2&", "a: 1\r\n: \r\nb: 2\r\n: \r\n\r\n"),
            (
                "a=%&b=%4&c=%4z&d=%zz&e=100%25",
                "a: %\r\nb: %4\r\nc: %4z\r\nd: %zz\r\ne: 100%\r\n\r\n",
            ),
            ("a=%%41", "a: %A\r\n\r\n"),
            ("a=%2541", "a: %41\r\n\r\n"),
            ("a=%c3%A9&b=é", "a: é\r\nb: é\r\n\r\n"),
            ("a=++x", "a:   x\r\n\r\n"),
            ("action=&action=ping", "action: ping\r\n\r\n"),
            (
                "Variable=a%3d1&Variable=b%3d2",
                "Variable: a=1\r\nVariable: b=2\r\n\r\n",
            ),
        ];
        for (text, expected) in cases {
            let message = Parameters::parse(text.as_bytes()).unwrap().message();
            assert_eq!(std::str::from_utf8(&message).unwrap(), *expected, "{text}");
        }
    }

    #[test]
    fn what_asterisk_would_read_otherwise_is_refused() {
        let quoted = |text: &str| QuotedName::new(text.as_bytes());
        let cases = [
            (
                "a=1%0D%0AAction:+Originate",
                HeaderError::ForbiddenByte(quoted("a")),
            ),
            ("a=1%0a", HeaderError::ForbiddenByte(quoted("a"))),
            ("x=1&a%0d=1", HeaderError::ForbiddenByte(quoted("a\r"))),
            (
                "Secret=right%00junk",
                HeaderError::ForbiddenByte(quoted("Secret")),
            ),
            (
                "Action%3A%20Ping=x",
                HeaderError::Colon(quoted("Action: Ping")),
            ),
            ("a:b=x", HeaderError::Colon(quoted("a:b"))),
            ("a%09=x", HeaderError::Control(quoted("a\t"))),
        ];
        for (text, expected) in cases {
            let error = Parameters::parse(text.as_bytes()).unwrap_err();
            assert_eq!(error, ParameterError::Header(expected), "{text}");
        }
        let long = format!("a={}", "x".repeat(1020));
        let error = Parameters::parse(long.as_bytes()).unwrap_err();
        assert_eq!(error, HeaderError::TooLong(quoted("a")).into());
    }

    #[test]
    fn as_many_as_a_message_has_lines() {
        let most = vec!["a=1"; 128].join("&");
        assert_eq!(
            Parameters::parse(most.as_bytes()).unwrap().iter().count(),
            128
        );
        let error = Parameters::parse(format!("{most}&").as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "more than 128 parameters");
    }

    #[test]
    fn look_up_ignores_case_and_knows_first_and_last() {
        let parameters =
            Parameters::parse(b"ajaxdest=a&Action=&ACTION=%01+Ping&action=x&AjaxDest=b&c").unwrap();
        assert_eq!(parameters.get("ajaxDEST"), Some(&b"a"[..]));
        assert_eq!(parameters.last("ajaxdest"), Some(&b"b"[..]));
        assert_eq!(parameters.get("c"), Some(&b""[..]));
        assert_eq!(parameters.get("d"), None);
        assert!(parameters.is_action("ping") && !parameters.is_action("x"));
        assert!(!Parameters::default().is_action(""));
        let spaced = Parameters::parse(b"action+=ping&+action=ping&action=ping+").unwrap();
        assert!(
            !spaced.is_action("ping"),
            "a blank before the colon or behind the value"
        );
        assert!(spaced.is_action("ping "));
    }

    #[test]
    fn debug_shows_no_values() {
        let shown = format!("{:?}", Parameters::parse(b"secret=hunter2").unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Any bytes are refused or make exactly one message for our own framer, with these headers in order.
        #[test]
        fn one_message_with_these_headers(text in prop::collection::vec(prop_oneof![
            Just(b'%'), Just(b'&'), Just(b'='), Just(b'0'), Just(b'a'), Just(b'A'), Just(b'd'), Just(b'3'), any::<u8>(),
        ], 0..80)) {
            let Ok(parameters) = Parameters::parse(&text) else { return Ok(()) };
            let mut message = bytes::BytesMut::from(&parameters.message()[..]);
            let mut framer = RequestFramer::default();
            let end = framer.next(&mut message).unwrap();
            prop_assert_eq!((end.consumed, end.defect), (message.len(), None));
            let request = Request::new(&message[..end.text]);
            prop_assert_eq!(request.action(), parameters.action());
            let expected: Vec<Vec<u8>> = parameters
                .iter()
                .filter(|(name, value)| !(name.eq_ignore_ascii_case(b"action") && value.iter().all(|byte| *byte < 33)))
                .map(|(name, value)| [name, b": ", value].concat())
                .collect();
            prop_assert_eq!(request.lines().collect::<Vec<_>>(), expected);
        }

        /// What is encoded is decoded to what it was.
        #[test]
        fn encoded_and_back(pairs in prop::collection::vec(("[^:\\x00-\\x1f\\x7f]{0,12}", "[^\r\n\\x00]{0,30}"), 1..8)) {
            let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
            let pieces: Vec<String> = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
            let parameters = Parameters::parse(pieces.join("&").as_bytes()).unwrap();
            let found: Vec<_> = parameters.iter().collect();
            let expected: Vec<_> = pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
