//! A borrowed view of one whole message from Asterisk: what it is, and its headers by name. Nothing is parsed
//! ahead or copied; each look-up walks the lines it needs. In this direction lines end at CR LF only: a lone LF is
//! data, as in the texts of some errors.

use std::ops::Range;

const EVENT: &[u8] = b"Event:";
const RESPONSE: &[u8] = b"Response:";
const PRIVILEGE: &[u8] = b"Privilege: ";

/// What a message is, by its very first bytes. A header `Response:` further down (as `OriginateResponse` has one)
/// does not make an event a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// It starts with `Response:`.
    Response,
    /// It starts with `Event:`.
    Event,
    /// Anything else: raw text such as that of `IAXnetstats`, or the rest of a message that a value tore.
    Other,
}

/// What the header `EventList` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListState {
    /// It is absent, or says nothing known.
    None,
    /// `start`: items follow.
    Start,
    /// `Complete`: the list ends with this message.
    Complete,
    /// `Cancelled`: the list ends early with this message.
    Cancelled,
}

/// Where one header stands in its message, in bytes from the message's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderLine {
    /// The whole line with its CR LF.
    pub line: Range<usize>,
    /// Its value, without the one blank after the colon.
    pub value: Range<usize>,
}

/// The first two lines of an event, which every event is asked for: read once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventHead<'a> {
    /// As [`Frame::name`].
    pub name: &'a [u8],
    /// As [`Frame::privilege`].
    pub privilege: Option<&'a [u8]>,
}

/// One whole message from Asterisk, its blank line included. Copying it copies a reference.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    bytes: &'a [u8],
}

impl<'a> Frame<'a> {
    /// A view of `bytes`, which the framer said are one message.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The message as it came.
    pub const fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// What it is, by its first bytes.
    pub fn kind(self) -> FrameKind {
        if self.bytes.starts_with(EVENT) {
            FrameKind::Event
        } else if self.bytes.starts_with(RESPONSE) {
            FrameKind::Response
        } else {
            FrameKind::Other
        }
    }

    /// The value of the first line: `Success`, `Newchannel`, …; empty for [`FrameKind::Other`].
    pub fn name(self) -> &'a [u8] {
        let head = match self.kind() {
            FrameKind::Event => EVENT.len(),
            FrameKind::Response => RESPONSE.len(),
            FrameKind::Other => return b"",
        };
        let rest = self.bytes.get(head..).unwrap_or_default();
        let (text, _) = split_line(rest);
        text.strip_prefix(b" ").unwrap_or(text)
    }

    /// The head of a message that is an event.
    pub fn event_head(self) -> Option<EventHead<'a>> {
        let (text, length) = split_line(self.bytes.strip_prefix(EVENT)?);
        let second = self.bytes.get(EVENT.len() + length..).unwrap_or_default();
        Some(EventHead {
            name: text.strip_prefix(b" ").unwrap_or(text),
            privilege: second
                .strip_prefix(PRIVILEGE)
                .map(|value| split_line(value).0),
        })
    }

    /// The classes of an event: the value of `Privilege`, only if that is the second line, spelled exactly so.
    /// Asterisk itself always writes it there; one further down was written by somebody else.
    pub fn privilege(self) -> Option<&'a [u8]> {
        let line = self.privilege_line()?;
        line.text.strip_prefix(PRIVILEGE)
    }

    /// The offset just behind the `Privilege` line.
    pub fn after_privilege(self) -> Option<usize> {
        Some(self.privilege_line()?.range.end)
    }

    /// The line directly behind `Privilege`, with its CR LF, if it is `Timestamp: …`.
    pub fn timestamp_line(self) -> Option<Range<usize>> {
        let start = self.after_privilege()?;
        let line = Walk {
            bytes: self.bytes,
            position: start,
        }
        .next()?;
        line.text.starts_with(b"Timestamp: ").then_some(line.range)
    }

    /// The value of the first header of that name, ignoring case, without the one blank after the colon.
    pub fn get(self, name: &str) -> Option<&'a [u8]> {
        self.walk().find_map(|line| value(line.text, name))
    }

    /// Where the first `ActionID` header stands, ignoring case.
    pub fn action_id(self) -> Option<HeaderLine> {
        self.walk().find_map(|line| {
            let value = value(line.text, "ActionID")?;
            let end = line.range.start + line.text.len();
            Some(HeaderLine {
                value: end - value.len()..end,
                line: line.range,
            })
        })
    }

    /// What `EventList` says, ignoring case (`FAXSessions` writes `Start`).
    pub fn list_state(self) -> ListState {
        match self.get("EventList") {
            Some(value) if value.eq_ignore_ascii_case(b"start") => ListState::Start,
            Some(value) if value.eq_ignore_ascii_case(b"Complete") => ListState::Complete,
            Some(value) if value.eq_ignore_ascii_case(b"Cancelled") => ListState::Cancelled,
            _ => ListState::None,
        }
    }

    /// Every line without its CR LF; the blank line that ends the message is left out.
    pub fn lines(self) -> impl Iterator<Item = &'a [u8]> {
        self.walk().map(|line| line.text)
    }

    const fn walk(self) -> Walk<'a> {
        Walk {
            bytes: self.bytes,
            position: 0,
        }
    }

    fn privilege_line(self) -> Option<Line<'a>> {
        self.walk()
            .nth(1)
            .filter(|line| line.text.starts_with(PRIVILEGE))
    }
}

impl std::fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The content may be a client's business; the head is enough to tell messages apart.
        let name = String::from_utf8_lossy(self.name());
        write!(
            f,
            "Frame({:?} {name:?}, {} bytes)",
            self.kind(),
            self.bytes.len()
        )
    }
}

/// The value of `line` if it is a header called `name`.
fn value<'a>(line: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let (head, rest) = line.split_at_checked(name.len())?;
    // The colon is the cheaper test, and false for almost every line.
    let value = rest.strip_prefix(b":")?;
    if !head.eq_ignore_ascii_case(name.as_bytes()) {
        return None;
    }
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

/// One line: its text, and where it stands with its CR LF.
struct Line<'a> {
    text: &'a [u8],
    range: Range<usize>,
}

/// Walks the lines from `position` on.
struct Walk<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Iterator for Walk<'a> {
    type Item = Line<'a>;

    #[inline]
    fn next(&mut self) -> Option<Line<'a>> {
        let start = self.position;
        let rest = self.bytes.get(start..)?;
        if rest.is_empty() || rest == b"\r\n" {
            return None;
        }
        let (text, length) = split_line(rest);
        self.position = start + length;
        Some(Line {
            text,
            range: start..start + length,
        })
    }
}

/// The first line of `rest` without its CR LF, and its length with it. Without a CR LF, all of `rest`.
#[inline]
fn split_line(rest: &[u8]) -> (&[u8], usize) {
    for end in memchr::memchr_iter(b'\n', rest) {
        let Some(line) = rest.get(..end) else { break };
        if let Some(text) = line.strip_suffix(b"\r") {
            return (text, end + 1);
        }
    }
    (rest, rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Option<&[u8]>) -> Option<&str> {
        bytes.map(|bytes| std::str::from_utf8(bytes).unwrap())
    }

    #[test]
    fn heads() {
        use FrameKind::{Event, Other, Response};
        let cases: &[(&str, FrameKind, &str, Option<&str>)] = &[
            (
                "Event: Hangup\r\nPrivilege: call,all\r\nX: y\r\n\r\n",
                Event,
                "Hangup",
                Some("call,all"),
            ),
            (
                "Event: Hangup\r\nX: y\r\nPrivilege: call,all\r\n\r\n",
                Event,
                "Hangup",
                None,
            ),
            (
                "Event: Hangup\r\nprivilege: call,all\r\n\r\n",
                Event,
                "Hangup",
                None,
            ),
            (
                "Event: Hangup\r\nPrivilege:call,all\r\n\r\n",
                Event,
                "Hangup",
                None,
            ),
            (
                "Event: Hangup\r\nPrivilege: \r\n\r\n",
                Event,
                "Hangup",
                Some(""),
            ),
            (
                "Event: OriginateResponse\r\nPrivilege: call,all\r\nResponse: Failure\r\n\r\n",
                Event,
                "OriginateResponse",
                Some("call,all"),
            ),
            ("Event:\r\n\r\n", Event, "", None),
            (
                "Response: Success\r\nEvent: no\r\n\r\n",
                Response,
                "Success",
                None,
            ),
            ("Response:Success\r\n\r\n", Response, "Success", None),
            ("event: A\r\n\r\n", Other, "", None),
            ("some text\n\r\n", Other, "", None),
            ("", Other, "", None),
        ];
        for (bytes, kind, name, privilege) in cases {
            let frame = Frame::new(bytes.as_bytes());
            assert_eq!(frame.kind(), *kind, "{bytes:?}");
            assert_eq!(text(Some(frame.name())), Some(*name), "{bytes:?}");
            assert_eq!(text(frame.privilege()), *privilege, "{bytes:?}");
            let head = frame.event_head();
            assert_eq!(head.is_some(), *kind == Event, "{bytes:?}");
            if let Some(head) = head {
                assert_eq!(
                    (head.name, head.privilege),
                    (frame.name(), frame.privilege())
                );
            }
        }
    }

    #[test]
    fn the_first_header_of_a_name_counts() {
        let bytes = b"Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: a\nActionID: no\r\nactionid:  h4 \r\nActionID: 2\r\nEmpty:\r\nBlank: \r\nActionIDs: x\r\n\r\n";
        let frame = Frame::new(bytes);
        assert_eq!(text(frame.get("Event")), Some("UserEvent"));
        assert_eq!(
            text(frame.get("USEREVENT")),
            Some("a\nActionID: no"),
            "a lone LF is data"
        );
        assert_eq!(
            text(frame.get("ActionID")),
            Some(" h4 "),
            "one blank goes, the others stay"
        );
        assert_eq!(
            (text(frame.get("Empty")), text(frame.get("Blank"))),
            (Some(""), Some(""))
        );
        assert_eq!(frame.get("Action"), None);
        let header = frame.action_id().unwrap();
        assert_eq!(text(bytes.get(header.line)), Some("actionid:  h4 \r\n"));
        assert_eq!(text(bytes.get(header.value)), Some(" h4 "));
        assert_eq!(
            Frame::new(b"Event: A\r\nX: ActionID: 1\r\n ActionID: 2\r\n\r\n").action_id(),
            None
        );
    }

    #[test]
    fn what_stands_behind_the_privilege() {
        let bytes = b"Event: A\r\nPrivilege: call,all\r\nTimestamp: 1.5\r\nX: y\r\n\r\n";
        let frame = Frame::new(bytes);
        assert_eq!(frame.after_privilege(), Some(31));
        assert_eq!(frame.timestamp_line(), Some(31..47));
        assert_eq!(text(bytes.get(31..47)), Some("Timestamp: 1.5\r\n"));
        for other in [
            &b"Event: A\r\nTimestamp: 1.5\r\nPrivilege: call,all\r\n\r\n"[..],
            b"Event: A\r\nPrivilege: call,all\r\nX: y\r\nTimestamp: 1.5\r\n\r\n",
            b"Event: A\r\nTimestamp: 1.5\r\n\r\n",
            b"Event: A\r\nPrivilege: call,all\r\n\r\n",
        ] {
            assert_eq!(Frame::new(other).timestamp_line(), None);
        }
    }

    #[test]
    fn list_states_ignore_case() {
        let cases = [
            ("EventList: start", ListState::Start),
            ("EventList: Start", ListState::Start),
            ("eventlist: COMPLETE", ListState::Complete),
            ("EventList: Cancelled", ListState::Cancelled),
            ("EventList: starting", ListState::None),
            ("Message: EventList: start", ListState::None),
        ];
        for (line, expected) in cases {
            let bytes = format!("Response: Success\r\n{line}\r\n\r\n");
            assert_eq!(
                Frame::new(bytes.as_bytes()).list_state(),
                expected,
                "{line}"
            );
        }
    }

    #[test]
    fn lines_end_at_cr_lf_only() {
        let lines = |bytes: &'static [u8]| {
            Frame::new(bytes)
                .lines()
                .map(|line| text(Some(line)).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            lines(b"Response: Error\r\nMessage: a\n\r\n\r\n"),
            ["Response: Error", "Message: a\n"]
        );
        assert_eq!(lines(b"a\nb\rc\n\r\n"), ["a\nb\rc\n"]);
        assert_eq!(
            lines(b"a\r\n\r\nb\r\n\r\n"),
            ["a", "", "b"],
            "a blank line within old Command text"
        );
        assert_eq!(lines(b"torn"), ["torn"]);
        assert!(lines(b"").is_empty());
    }

    #[test]
    fn debug_shows_the_head_alone() {
        let shown = format!("{:?}", Frame::new(b"Event: A\r\nSecret: x\r\n\r\n"));
        assert_eq!(shown, "Frame(Event \"A\", 23 bytes)");
    }
}
