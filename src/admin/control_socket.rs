//! The control socket: AMI without a login, for root and the group of amimux, and for nothing but administration. Who may
//! connect is decided by the system, by the mode of the socket's file.

use std::cell::Cell;
use std::io::{Error, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::UCred;
use tokio::net::{UnixListener, UnixStream};
use tracing::{debug, warn};

use super::administration::{Administration, Asker};
use super::socket_file::SocketFile;
use super::tap;
use crate::hub::defect_text;
use crate::policy::action::{ActionTable, Handling};
use crate::policy::decision;
use crate::protocol::request::Request;
use crate::protocol::request_framer::{RequestEnd, RequestFramer};
use crate::protocol::writer::{MessageWriter, Text};
use crate::session::entrance::BANNER_DEFAULT;

/// Connections at a time.
const CONNECTIONS_MAX: usize = 32;

/// How long a client may take nothing of an answer.
const WRITE_WITHIN: Duration = Duration::from_secs(30);

/// Bytes of an answer that are written in one go.
const WRITE_BYTES: usize = 64 << 10;

/// Bytes read in one go.
const READ_BYTES: usize = 4 << 10;

/// The pause after an error (too many open files), so that it is not asked again and again.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections until it is dropped, each served by a task of its own; so many are open.
///
/// Cancel safe: connections that are open go on.
pub(super) async fn serve(
    file: &SocketFile,
    listener: &UnixListener,
    administration: &Rc<Administration>,
    open: &Rc<Cell<usize>>,
) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!(name: "control-accept-failed", %error, "the control socket cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Some(name) = admitted(file, &stream) else {
            continue;
        };
        if open.get() >= CONNECTIONS_MAX {
            warn!(name: "control-full", by = name, "the control socket has too many connections");
            continue;
        }
        let place = Place::take(open);
        let connection = Connection {
            stream,
            administration: Rc::clone(administration),
            actions: ActionTable::of_control_socket(),
            name,
        };
        tokio::task::spawn_local(async move {
            let _place = place;
            let name = connection.name.clone();
            if let Err(error) = connection.serve().await {
                debug!(by = name, %error, "a connection to the control socket broke");
            }
        });
    }
}

/// A place among the open connections.
struct Place(Rc<Cell<usize>>);

impl Place {
    fn take(open: &Rc<Cell<usize>>) -> Self {
        open.set(open.get() + 1);
        Self(Rc::clone(open))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// Who that is, for the log; `None`: not one who may administer. The system lets in whom the file's mode allows; should
/// somebody have opened that to everybody, root and amimux's own user are let in only.
fn admitted(file: &SocketFile, stream: &UnixStream) -> Option<String> {
    let peer = match stream.peer_cred() {
        Ok(peer) => peer,
        Err(error) => {
            warn!(name: "control-peer-unknown", %error, "it cannot be told who connects to the control socket");
            return None;
        }
    };
    let own = rustix::process::geteuid().as_raw();
    let is_known = peer.uid() == 0 || peer.uid() == own;
    if !is_known && !file.is_closed_to_others() {
        warn!(
            name: "control-refused",
            uid = peer.uid(),
            path = %file.path().display(),
            "refused a connection to the control socket: others may use its file; chmod 660 it"
        );
        return None;
    }
    debug!(uid = peer.uid(), "the control socket has a connection");
    Some(name_of(&peer))
}

fn name_of(peer: &UCred) -> String {
    match peer.pid() {
        Some(pid) => format!("uid {}, process {pid}", peer.uid()),
        None => format!("uid {}", peer.uid()),
    }
}

struct Connection {
    stream: UnixStream,
    administration: Rc<Administration>,
    actions: ActionTable,
    name: String,
}

impl Connection {
    async fn serve(mut self) -> Result<(), Error> {
        let rules = self.administration.live.now();
        let banner = rules.general.banner.as_deref().unwrap_or(BANNER_DEFAULT);
        self.write(format!("{banner}\r\n").as_bytes()).await?;
        drop(rules);
        let mut framer = RequestFramer::default();
        let mut input = BytesMut::new();
        loop {
            while let Some(end) = framer.next(&mut input) {
                let text = input.get(..end.text).unwrap_or_default().to_vec();
                input.advance(end.consumed.min(input.len()));
                if !self.request(&end, &text, &mut input).await? {
                    return self.stream.shutdown().await;
                }
            }
            // The framer leaves no more than an unfinished request behind, which is bounded.
            input.reserve(READ_BYTES);
            if self.stream.read_buf(&mut input).await? == 0 {
                return Ok(());
            }
        }
    }

    /// Answers one request. `false`: it was the last.
    async fn request(
        &mut self,
        end: &RequestEnd,
        text: &[u8],
        input: &mut BytesMut,
    ) -> Result<bool, Error> {
        let request = Request::new(text);
        let action_id = request.action_id().and_then(Text::new);
        let mut out = BytesMut::new();
        let refused = |out: &mut BytesMut, text: &[u8]| {
            let text = Text::new(text).unwrap_or(Text::fixed("Permission denied"));
            MessageWriter::response(out, Text::fixed("Error"), action_id)
                .header(Text::fixed("Message"), text)
                .finish();
        };
        if let Some(defect) = end.defect {
            refused(&mut out, defect_text(defect));
            self.write(&out).await?;
            return Ok(true);
        }
        let handling = match decision::find(&self.actions, text) {
            Ok(action) => action.handling,
            Err(refusal) => {
                refused(&mut out, &refusal.message);
                self.write(&out).await?;
                return Ok(true);
            }
        };
        match handling {
            Handling::Ping => {
                let wall = self.administration.clock.now().wall;
                let time = format!("{}.{:06}", wall.as_secs(), wall.subsec_micros());
                let time = Text::new(time.as_bytes()).unwrap_or(Text::fixed(""));
                MessageWriter::response(&mut out, Text::fixed("Success"), action_id)
                    .header(Text::fixed("Ping"), Text::fixed("Pong"))
                    .header(Text::fixed("Timestamp"), time)
                    .finish();
            }
            Handling::ListCommands => self.list_commands(&mut out, action_id),
            Handling::Logoff => {
                MessageWriter::response(&mut out, Text::fixed("Goodbye"), action_id)
                    .header(
                        Text::fixed("Message"),
                        Text::fixed("Thanks for all the fish."),
                    )
                    .finish();
            }
            _ => {
                let asker = Asker {
                    name: self.name.clone(),
                    session: None,
                    action_id: action_id.map(|id| id.as_bytes().into()),
                };
                if request.action().is_some_and(tap::is_meant) {
                    tap::run(
                        &self.administration,
                        &asker,
                        request,
                        &mut self.stream,
                        input,
                    )
                    .await?;
                    return Ok(true);
                }
                let answer = self.administration.answer(&asker, request).await;
                out = answer.messages.unwrap_or_default();
            }
        }
        self.write(&out).await?;
        Ok(handling != Handling::Logoff)
    }

    fn list_commands(&self, out: &mut BytesMut, action_id: Option<Text<'_>>) {
        let mut writer = MessageWriter::response(out, Text::fixed("Success"), action_id);
        for action in self.actions.iter() {
            let line = action.listed();
            if let Some(line) = Text::new(line.as_bytes()) {
                writer = writer.line(line);
            }
        }
        writer.finish();
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        for part in bytes.chunks(WRITE_BYTES) {
            let written = tokio::time::timeout(WRITE_WITHIN, self.stream.write_all(part)).await;
            written.map_err(|_| Error::from(ErrorKind::TimedOut))??;
        }
        Ok(())
    }
}
