//! The client programs of `tests/clients`: applications made with well-known AMI libraries.

use super::{PATIENCE, installed, repository};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Instant;

/// A client library that applications use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Library {
    /// panoramisk, Python.
    Panoramisk,
    /// asterisk-manager, Node.js.
    AsteriskManager,
}

impl Library {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Panoramisk, Self::AsteriskManager];

    fn command(self) -> Command {
        let clients = repository().join("tests/clients");
        let (interpreter, script, library) = match self {
            Self::Panoramisk => {
                let python = installed("clients/venv/bin/python");
                (python.clone(), "panoramisk_session.py", python)
            }
            Self::AsteriskManager => (
                "node".into(),
                "manager_session.mjs",
                installed("clients/node/node_modules/asterisk-manager"),
            ),
        };
        assert!(
            library.exists(),
            "{self:?} is not installed ({}): run scripts/setup.sh",
            library.display()
        );
        let mut command = Command::new(interpreter);
        command.arg(clients.join(script)).env(
            "AMIMUX_NODE_MODULES",
            installed("clients/node/node_modules"),
        );
        command
    }
}

/// A running client program; killed with the value.
pub(crate) struct Program {
    what: String,
    process: Child,
    lines: Receiver<String>,
}

impl Program {
    /// Runs an application called `name` that logs in at `port`.
    pub(crate) fn start(
        library: Library,
        port: u16,
        user: &str,
        secret: &str,
        name: &str,
        options: &[&str],
    ) -> Self {
        let mut command = library.command();
        command
            .args(["127.0.0.1", &port.to_string(), user, secret, name])
            .args(options);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command
            .spawn()
            .unwrap_or_else(|error| panic!("{library:?}: {error}: run scripts/setup.sh"));
        let output = process.stdout.take().expect("its output");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            BufReader::new(output)
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        Self {
            what: format!("{library:?} {name}"),
            process,
            lines,
        }
    }

    /// The next line that it prints; `None` at its end.
    pub(crate) fn line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE * 4) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                panic!("{}: printed nothing in {:?}", self.what, PATIENCE * 4)
            }
        }
    }

    /// Reads on to a line with `text` in it.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let begin = Instant::now();
        let mut seen = Vec::new();
        while begin.elapsed() < PATIENCE * 4 {
            match self.line() {
                Some(line) if line.contains(text) => return line,
                Some(line) => seen.push(line),
                None => break,
            }
        }
        let complaint = self.complaint();
        panic!(
            "{}: no {text:?}; it printed {seen:?} and said {complaint}",
            self.what
        );
    }

    /// Writes a line to it.
    pub(crate) fn tell(&mut self, line: &str) {
        let input = self.process.stdin.as_mut().expect("its input");
        writeln!(input, "{line}").unwrap_or_else(|error| panic!("{}: {error}", self.what));
    }

    /// Everything it prints up to its end, or what went wrong with it.
    pub(crate) fn finish(mut self) -> Result<Vec<String>, String> {
        let lines: Vec<_> = std::iter::from_fn(|| self.line()).collect();
        let status = self.process.wait().expect("its exit status");
        if status.success() {
            return Ok(lines);
        }
        let complaint = self.complaint();
        Err(format!(
            "{}: {status} after {} lines: {complaint}",
            self.what,
            lines.len()
        ))
    }

    fn complaint(&mut self) -> String {
        // Killed first, so that its standard error ends.
        let _ = self.process.kill();
        let mut text = String::new();
        if let Some(mut stderr) = self.process.stderr.take() {
            // Text that is not UTF-8 is no loss: this is for a human to read.
            let _ = stderr.read_to_string(&mut text);
        }
        text
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only for a process that is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
