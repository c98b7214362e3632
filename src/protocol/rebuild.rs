//! The only way from a client to Asterisk: an accepted request is written anew, line by line, with our own
//! ActionID. What results is checked again by Asterisk's limits, because rewriting can create what the client's
//! bytes did not have: a legal line of 1,023 bytes that ended in LF would tear the message when it ends in CR LF.

use bytes::{BufMut, BytesMut};

use super::action_id::{TOKEN_BYTES_MAX, Token};
use super::limits::{REQUEST_LINES_MAX, REQUEST_TEXT_BYTES_MAX};
use super::request::{Request, header_value};
use super::request_framer::Defect;
use super::writer::{Text, is_text};

/// What to change in a request, beside its ActionID.
#[derive(Debug, Default, Clone, Copy)]
pub struct Rewrite<'a> {
    /// The client's ActionID header keeps its place and its spelling, and only its value changes: for actions that
    /// repeat their headers as typed (`UserEvent`).
    pub action_id_in_place: bool,
    /// Names of headers to leave out, in any case. `Action` and `ActionID` are not left out.
    pub drop: &'a [&'a str],
    /// Headers to add at the end.
    pub append: &'a [(Text<'a>, Text<'a>)],
}

/// Why a request cannot be sent. The texts are fit for the `Message` of a response; where Asterisk has one for
/// the case, it is Asterisk's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RebuildError {
    /// A line of more than 1,022 bytes.
    #[error("Failed to parse message: line too long")]
    LineTooLong,
    /// More than 128 lines.
    #[error("Too many lines in message or allocation failure")]
    TooManyLines,
    /// NUL, CR or a blank line within.
    #[error("Failed to parse message: NUL or CR in a line")]
    ForbiddenByte,
    /// Two `Action` headers, of which Asterisk would run the first that is not empty.
    #[error("More than one Action header in request")]
    DuplicateAction,
    /// Two `ActionID` headers.
    #[error("More than one ActionID header in request")]
    DuplicateActionId,
    /// No `Action` header, or an empty one.
    #[error("Missing action in request")]
    NoAction,
}

impl From<Defect> for RebuildError {
    fn from(defect: Defect) -> Self {
        match defect {
            Defect::LineTooLong => Self::LineTooLong,
            Defect::TooManyLines => Self::TooManyLines,
            Defect::ForbiddenByte => Self::ForbiddenByte,
        }
    }
}

/// One action for Asterisk, whole but for the value of its ActionID.
#[derive(Clone)]
pub struct Outgoing {
    bytes: Vec<u8>,
    /// Where the token goes.
    hole: usize,
}

impl Outgoing {
    /// Writes the action with `token` as its ActionID at the end of `out`.
    pub fn write_to(&self, token: &Token, out: &mut BytesMut) {
        // `hole` was the length of `bytes` at one time, so that the split is always there.
        let (head, tail) = self.bytes.split_at_checked(self.hole).unwrap_or_default();
        out.reserve(self.size());
        out.put_slice(head);
        out.put_slice(token.as_bytes());
        out.put_slice(tail);
    }

    /// Its bytes, and where among them the token goes.
    pub fn parts(&self) -> (&[u8], usize) {
        (&self.bytes, self.hole)
    }

    /// What [`Outgoing::parts`] gave; `None` where that cannot be.
    pub fn from_parts(bytes: Vec<u8>, hole: usize) -> Option<Self> {
        let sound = hole <= bytes.len() && bytes.ends_with(b"\r\n\r\n");
        sound.then_some(Self { bytes, hole })
    }

    /// Most bytes that it takes when written.
    pub const fn size(&self) -> usize {
        self.bytes.len() + TOKEN_BYTES_MAX
    }
}

impl std::fmt::Debug for Outgoing {
    /// Shows the size only: headers may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Outgoing({} bytes)", self.bytes.len())
    }
}

/// Writes `request` anew, changed by `rewrite`: `ActionID` first, `Action` second, then the other lines in their
/// order and with their bytes unchanged, each ended by CR LF, then the appended ones.
///
/// # Errors
/// When the request has no action or one too many, or the result is more than Asterisk reads as one message.
pub fn rebuild(request: Request<'_>, rewrite: &Rewrite<'_>) -> Result<Outgoing, RebuildError> {
    let action = only_action(request)?;
    let given = request
        .lines()
        .filter_map(|line| header_value(line, "ActionID"))
        .count();
    if given > 1 {
        return Err(RebuildError::DuplicateActionId);
    }
    let in_place = rewrite.action_id_in_place && given == 1;
    let mut draft = Draft::default();
    if !in_place {
        draft.action_id(b"ActionID")?;
    }
    draft.line(&[b"Action: ", action])?;
    for line in request.lines() {
        if header_value(line, "ActionID").is_some() {
            if in_place {
                draft.action_id(line.get(.."ActionID".len()).unwrap_or_default())?;
            }
        } else if !is_left_out(line, rewrite.drop) {
            draft.line(&[line])?;
        }
    }
    for (name, value) in rewrite.append {
        draft.appended(name.as_bytes(), value.as_bytes())?;
    }
    Ok(draft.finish())
}

/// The value of the one `Action` header, as Asterisk reads it.
fn only_action(request: Request<'_>) -> Result<&[u8], RebuildError> {
    let mut actions = request.all("Action");
    let action = actions.next().unwrap_or_default();
    if actions.next().is_some() {
        return Err(RebuildError::DuplicateAction);
    }
    if action.is_empty() {
        Err(RebuildError::NoAction)
    } else {
        Ok(action)
    }
}

/// Whether a line of the request does not go on as it stands.
fn is_left_out(line: &[u8], drop: &[&str]) -> bool {
    header_value(line, "Action").is_some()
        || drop.iter().any(|name| header_value(line, name).is_some())
}

/// A message as it grows; each line is checked as it will be sent.
#[derive(Default)]
struct Draft {
    bytes: Vec<u8>,
    hole: usize,
    lines: usize,
}

impl Draft {
    fn line(&mut self, parts: &[&[u8]]) -> Result<(), RebuildError> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if length > REQUEST_TEXT_BYTES_MAX {
            return Err(RebuildError::LineTooLong);
        }
        if length == 0 || !parts.iter().all(|part| is_text(part)) {
            return Err(RebuildError::ForbiddenByte);
        }
        if self.lines == REQUEST_LINES_MAX {
            return Err(RebuildError::TooManyLines);
        }
        self.lines += 1;
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        self.bytes.extend_from_slice(b"\r\n");
        Ok(())
    }

    /// The ActionID line, its value left open. With the longest token it is far below the limit of a line.
    fn action_id(&mut self, name: &[u8]) -> Result<(), RebuildError> {
        self.line(&[name, b": "])?;
        self.hole = self.bytes.len() - b"\r\n".len();
        Ok(())
    }

    /// An added header, which must not be a second `Action` or `ActionID`.
    fn appended(&mut self, name: &[u8], value: &[u8]) -> Result<(), RebuildError> {
        let start = self.bytes.len();
        self.line(&[name, b": ", value])?;
        let line = self.bytes.get(start..).unwrap_or_default();
        if header_value(line, "Action").is_some() {
            return Err(RebuildError::DuplicateAction);
        }
        if header_value(line, "ActionID").is_some() {
            return Err(RebuildError::DuplicateActionId);
        }
        Ok(())
    }

    fn finish(mut self) -> Outgoing {
        self.bytes.extend_from_slice(b"\r\n");
        Outgoing {
            bytes: self.bytes,
            hole: self.hole,
        }
    }
}

#[cfg(test)]
mod tests;
