//! How Asterisk reads a session's bytes (`main/manager.c`: `get_input`, `do_message`, `__astman_get_header`,
//! `ast_app_separate_args`), written for these tests alone: nothing of it is shared with what it checks.

/// Bytes that a line with its end may have.
const WINDOW: usize = 1024;

/// Lines that a message may have.
const LINES_MAX: usize = 128;

/// One message as Asterisk has it.
#[derive(Debug, Default, Clone)]
pub struct Message {
    pub lines: Vec<Vec<u8>>,
    /// It is answered with an error without being looked at.
    pub broken: bool,
}

impl Message {
    /// The values of every header of that name, in order.
    pub fn all(&self, name: &str) -> Vec<&[u8]> {
        self.lines
            .iter()
            .filter(|line| {
                line.len() > name.len()
                    && line[name.len()] == b':'
                    && line[..name.len()].eq_ignore_ascii_case(name.as_bytes())
            })
            .map(|line| {
                let value = &line[name.len() + 1..];
                let start = value.iter().position(|byte| *byte > 32);
                &value[start.unwrap_or(value.len())..]
            })
            .collect()
    }

    /// The first header of that name.
    pub fn get(&self, name: &str) -> &[u8] {
        self.all(name).first().copied().unwrap_or_default()
    }

    /// The first `Action` that is not empty.
    pub fn action(&self) -> String {
        let actions = self.all("Action");
        let first = actions.into_iter().find(|value| !value.is_empty());
        String::from_utf8_lossy(first.unwrap_or_default()).into_owned()
    }
}

/// The reading side of one session.
#[derive(Debug, Default)]
pub struct Reader {
    waiting: Vec<u8>,
    message: Message,
    too_long: bool,
}

impl Reader {
    /// Takes bytes; returns the messages that are complete.
    pub fn read(&mut self, bytes: &[u8]) -> Vec<Message> {
        self.waiting.extend_from_slice(bytes);
        let mut messages = Vec::new();
        while let Some(line) = self.line() {
            if !line.is_empty() {
                if self.message.lines.len() < LINES_MAX {
                    self.message.lines.push(line);
                } else {
                    self.message.broken = true;
                }
                continue;
            }
            let mut message = std::mem::take(&mut self.message);
            message.broken |= std::mem::take(&mut self.too_long);
            messages.push(message);
        }
        messages
    }

    /// Whether nothing waits for more bytes.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.message.lines.is_empty()
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        loop {
            let seen = &self.waiting[..self.waiting.len().min(WINDOW)];
            if let Some(end) = seen.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.waiting.drain(..=end).collect();
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                if let Some(end) = line.iter().position(|byte| *byte == 0) {
                    line.truncate(end);
                }
                return Some(line);
            }
            if seen.len() < WINDOW {
                return None;
            }
            // Everything but the last byte is thrown away.
            self.waiting.drain(..WINDOW - 1);
            self.too_long = true;
        }
    }
}

/// How Asterisk cuts an argument at its commas.
pub fn arguments(text: &[u8]) -> Vec<Vec<u8>> {
    let (mut round, mut square, mut quoted, mut escaped) = (0_i32, 0_i32, false, false);
    let mut all = vec![Vec::new()];
    for byte in text {
        let here = all.last_mut().expect("there is one");
        if escaped {
            escaped = false;
            here.push(*byte);
            continue;
        }
        match byte {
            b'\\' => {
                escaped = true;
                continue;
            }
            b'"' => {
                quoted = !quoted;
                continue;
            }
            b'(' => round += 1,
            b')' => round = (round - 1).max(0),
            b'[' => square += 1,
            b']' => square = (square - 1).max(0),
            b',' if round == 0 && square == 0 && !quoted => {
                all.push(Vec::new());
                continue;
            }
            _ => {}
        }
        here.push(*byte);
    }
    all
}
