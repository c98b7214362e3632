//! What the fake Asterisk says: its greeting, and an answer at once to every request. It does as much as a proxy
//! needs to be content, and no more, so that it costs next to nothing beside what is measured.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

const BANNER: &[u8] = b"Asterisk Call Manager/11.0.0\r\n";

const AFTER_LOGIN: &str = "Event: SuccessfulAuth\r\nPrivilege: security,all\r\nEventTV: 2026-01-01T00:00:00.000+0000\r\n\
    Severity: Informational\r\nService: AMI\r\nEventVersion: 1\r\nAccountID: bench\r\nSessionID: 0x7f6000000040\r\n\
    LocalAddress: IPV4/TCP/127.0.0.1/5038\r\nRemoteAddress: IPV4/TCP/127.0.0.1/32769\r\nUsingPassword: 0\r\n\
    SessionTV: 2026-01-01T00:00:00.000+0000\r\n\r\n\
    Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\nUptime: 1000\r\nLastReload: 1000\r\n\r\n";

const COMMANDS: &str = "Getvar: Gets a channel variable or function value.  (Priv: call,reporting,all)\r\n\
    Ping: Keepalive command.  (Priv: <none>)\r\nEvents: Control Event Flow.  (Priv: <none>)\r\n\
    Login: Login Manager.  (Priv: <none>)\r\nLogoff: Logoff Manager.  (Priv: <none>)\r\n\
    ListCommands: List available manager commands.  (Priv: <none>)\r\n";

/// How long the contestant may take to come.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);

fn header<'a>(request: &'a [u8], name: &str) -> &'a [u8] {
    let mut lines = request.split(|byte| *byte == b'\n');
    let value = lines.find_map(|line| {
        let (label, rest) = line.split_at_checked(name.len())?;
        let rest = rest.strip_prefix(b":")?;
        label
            .eq_ignore_ascii_case(name.as_bytes())
            .then_some(rest.trim_ascii())
    });
    value.unwrap_or_default()
}

/// Answers the whole requests at the start of `input`, and takes them away.
fn answer(input: &mut Vec<u8>, output: &mut Vec<u8>) {
    let mut consumed = 0;
    while let Some(rest) = input.get(consumed..)
        && let Some(end) = memmem::find(rest, b"\r\n\r\n")
    {
        let request = rest.get(..end + 2).unwrap_or_default();
        consumed += end + 4;
        output.extend_from_slice(b"Response: Success\r\n");
        let action_id = header(request, "ActionID");
        if !action_id.is_empty() {
            output.extend_from_slice(b"ActionID: ");
            output.extend_from_slice(action_id);
            output.extend_from_slice(b"\r\n");
        }
        let (text, after) = match header(request, "Action") {
            b"Getvar" => ("Variable: BENCH\r\nValue: 1\r\n", ""),
            b"Login" => ("Message: Authentication accepted\r\n", AFTER_LOGIN),
            b"ListCommands" => (COMMANDS, ""),
            b"Events" => ("Events: On\r\n", ""),
            b"Ping" => ("Ping: Pong\r\nTimestamp: 1760000000.000000\r\n", ""),
            _ => ("Message: Done\r\n", ""),
        };
        output.extend_from_slice(text.as_bytes());
        output.extend_from_slice(b"\r\n");
        output.extend_from_slice(after.as_bytes());
    }
    input.drain(..consumed);
}

/// The connection of a contestant, to which events may be written while requests on it are answered.
#[derive(Debug, Clone)]
pub(crate) struct Line(Arc<Mutex<TcpStream>>);

impl Line {
    /// Writes all of it, or fails when the contestant has gone.
    pub(crate) fn send(&self, bytes: &[u8]) -> std::io::Result<()> {
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stream.write_all(bytes)
    }
}

/// Waits in a thread of its own for one contestant, and hands over its line.
pub(crate) fn await_contestant(
    listener: TcpListener,
    speaks_ami: bool,
) -> mpsc::Receiver<anyhow::Result<Line>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || match accept_one(&listener) {
        Ok(stream) => serve_one(stream, speaks_ami, &sender),
        Err(error) => drop(sender.send(Err(error))),
    });
    receiver
}

fn accept_one(listener: &TcpListener) -> anyhow::Result<TcpStream> {
    let deadline = Instant::now() + CONNECT_WITHIN;
    listener.set_nonblocking(true)?;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error).context("the source cannot accept"),
        }
        if Instant::now() >= deadline {
            bail!("the contestant did not connect to the source");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn serve_one(stream: TcpStream, speaks_ami: bool, sender: &mpsc::Sender<anyhow::Result<Line>>) {
    let mut reader = match stream.try_clone() {
        Ok(reader) => reader,
        Err(error) => return drop(sender.send(Err(error.into()))),
    };
    let line = Line(Arc::new(Mutex::new(stream)));
    if speaks_ami && line.send(BANNER).is_err() {
        return;
    }
    let _ = sender.send(Ok(line.clone()));
    let (mut input, mut output) = (Vec::new(), Vec::new());
    let mut buffer = [0_u8; 4096];
    while let Ok(read @ 1..) = reader.read(&mut buffer) {
        input.extend_from_slice(buffer.get(..read).unwrap_or_default());
        answer(&mut input, &mut output);
        if line.send(&output).is_err() {
            return;
        }
        output.clear();
    }
}

/// Answers on any number of connections until cancelled, in a thread of its own; there are no events.
pub(crate) fn answer_all(listener: TcpListener) -> anyhow::Result<tokio_util::sync::DropGuard> {
    let cancel = CancellationToken::new();
    let token = cancel.clone();
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::Builder::new()
        .name("asterisk".to_owned())
        .spawn(move || {
            runtime.block_on(async move {
                let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
                    return;
                };
                loop {
                    tokio::select! {
                        () = token.cancelled() => return,
                        accepted = listener.accept() => match accepted {
                            Ok((stream, _)) => drop(tokio::spawn(answer_one(stream))),
                            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                        },
                    }
                }
            });
        })?;
    Ok(cancel.drop_guard())
}

async fn answer_one(mut stream: tokio::net::TcpStream) {
    // Without the option the figures are worse, not wrong.
    let _ = stream.set_nodelay(true);
    let (mut input, mut output) = (Vec::with_capacity(4096), Vec::new());
    if stream.write_all(BANNER).await.is_err() {
        return;
    }
    while let Ok(1..) = stream.read_buf(&mut input).await {
        answer(&mut input, &mut output);
        if stream.write_all(&output).await.is_err() {
            return;
        }
        output.clear();
    }
}
