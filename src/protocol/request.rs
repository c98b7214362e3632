//! A request as Asterisk reads it: a borrowed view of one whole message from a client.
//! The rules of look-up are those of `main/manager.c`, `__astman_get_header`.

/// One request: its lines without the blank one that ended it. Copying it copies a reference.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    bytes: &'a [u8],
}

impl<'a> Request<'a> {
    /// A view of `bytes`: lines, each with its line end (LF or CRLF), without the closing blank line.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The text of the whole message, without the closing blank line.
    pub const fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Every line, without its line end.
    pub fn lines(self) -> impl Iterator<Item = &'a [u8]> {
        Lines { rest: self.bytes }
    }

    /// The value of the first header of that name, without leading blanks; `Some(b"")` when it is empty.
    /// Names compare ignoring case, from column 0 up to the colon.
    pub fn get(self, name: &str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// As [`Request::get`], with an absent header read as empty: what Asterisk's handlers see.
    pub fn get_or_empty(self, name: &str) -> &'a [u8] {
        self.get(name).unwrap_or_default()
    }

    /// The values of every header of that name, in order.
    pub fn all(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.lines()
            .filter_map(move |line| header_value(line, name))
    }

    /// The action: the first `Action` header that is not empty.
    pub fn action(self) -> Option<&'a [u8]> {
        self.all("Action").find(|value| !value.is_empty())
    }

    /// The ActionID to be repeated in answers; `None` when absent or empty.
    pub fn action_id(self) -> Option<&'a [u8]> {
        self.get("ActionID").filter(|value| !value.is_empty())
    }
}

/// The value of `line` if it is a header called `name`, with leading bytes below 33 skipped, as Asterisk does.
pub fn header_value<'a>(line: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let (head, rest) = line.split_at_checked(name.len())?;
    if !head.eq_ignore_ascii_case(name.as_bytes()) {
        return None;
    }
    let mut value = rest.strip_prefix(b":")?;
    while let [0..=32, rest @ ..] = value {
        value = rest;
    }
    Some(value)
}

struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let line = match memchr::memchr(b'\n', self.rest) {
            Some(end) => {
                let line = self.rest.get(..end).unwrap_or_default();
                self.rest = self.rest.get(end + 1..).unwrap_or_default();
                line
            }
            None => std::mem::take(&mut self.rest),
        };
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_up_follows_asterisk() {
        let request = Request::new(
            b"action: \x01 Ping \r\nActionID:\r\nActionID: 5\r\nX : no\r\n Y: no\r\nno colon\nEmpty: \r\n",
        );
        assert_eq!(request.action(), Some(&b"Ping "[..]));
        assert_eq!(request.action_id(), None, "the first counts, even empty");
        assert_eq!(request.get("X"), None, "a blank before the colon");
        assert_eq!(request.get("Y"), None, "a blank before the name");
        assert_eq!(request.get("empty"), Some(&b""[..]));
        assert_eq!(request.lines().count(), 7);
    }

    #[test]
    fn only_action_skips_empty_headers() {
        let request = Request::new(b"Action:\r\nAction: Command\r\n");
        assert_eq!(request.action(), Some(&b"Command"[..]));
        assert_eq!(request.get("Action"), Some(&b""[..]));
    }
}
