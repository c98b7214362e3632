//! Reading from clients: one task each, which waits for input and hands it to the hub.

use std::cell::Cell;
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::clients::Client;
use super::registry::LoginGuard;
use super::shell::Shell;
use crate::hub::{Admission, CloseReason, SessionId};
use crate::transport::socket::wait_for_client;
use crate::transport::stream::{Detached, Stream};

/// How long Asterisk may take for its last answers when amimux ends.
pub const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// A client that has logged in, on its way to the thread of its Asterisk.
#[derive(Debug)]
pub struct Arrival {
    /// Its connection.
    pub stream: Detached,
    /// Who it is.
    pub admission: Admission,
    /// Its login, counted.
    pub login: LoginGuard,
}

impl Shell {
    /// The task that takes in the clients that log in, until the channel is closed.
    ///
    /// Cancel safe: an arrival is taken in as soon as it is received.
    pub async fn run_arrivals(self: Rc<Self>, mut arrivals: mpsc::Receiver<Arrival>) {
        while let Some(arrival) = arrivals.recv().await {
            match arrival.stream.attach() {
                Ok(stream) => self.take_in(stream, arrival.admission, arrival.login),
                Err(error) => {
                    warn!(name: "client-lost", %error, "a client could not be handed over");
                }
            }
        }
    }

    fn take_in(self: &Rc<Self>, stream: Stream, admission: Admission, login: LoginGuard) {
        let now = self.now();
        let input = self.is_tapped.get().then(|| admission.input.clone());
        let id = self.hub.borrow_mut().attach(now, admission);
        self.serve(id, stream, login);
        if let Some(input) = input {
            self.tap_newcomer(id, &input);
        }
        self.settle();
    }

    /// Reads a session's socket and writes to it from now on.
    pub(super) fn serve(self: &Rc<Self>, id: SessionId, stream: Stream, login: LoginGuard) {
        wait_for_client(stream.socket(), self.write_timeout(id), false);
        let client = Rc::new(Client {
            stream,
            resumed: Notify::new(),
            gone: CancellationToken::new(),
            login: Cell::new(Some(login)),
        });
        self.clients.borrow_mut().insert(id, &client);
        tokio::task::spawn_local(Rc::clone(self).read(id, client));
    }

    /// The task that reads one client.
    ///
    /// Cancel safe: input goes to the hub as soon as it is read.
    async fn read(self: Rc<Self>, id: SessionId, client: Rc<Client>) {
        let mut ended = false;
        loop {
            let wants = !ended && self.hub.borrow_mut().wants_input(id);
            tokio::select! {
                () = client.gone.cancelled() => return,
                () = client.resumed.notified(), if !wants => {}
                ready = client.stream.readable(), if wants => {
                    if ready.is_err() || !self.read_some(id, &client, &mut ended) {
                        self.end(id, CloseReason::Disconnected);
                        self.settle();
                        return;
                    }
                }
            }
        }
    }

    /// Reads once. `false`: the connection is broken.
    fn read_some(self: &Rc<Self>, id: SessionId, client: &Client, ended: &mut bool) -> bool {
        let mut buffer = self.read_buffer.borrow_mut();
        let now = self.now();
        match client.stream.try_read(&mut buffer) {
            Ok(0) => {
                *ended = true;
                self.hub.borrow_mut().client_end_of_input(now, id);
            }
            Ok(read) => {
                if read < buffer.len() {
                    client.stream.is_drained();
                }
                let bytes = buffer.get(..read).unwrap_or_default();
                if self.is_tapped.get() {
                    self.tap_sent(id, bytes);
                }
                self.hub.borrow_mut().client_bytes(now, id, bytes);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
            Err(_) => return false,
        }
        drop(buffer);
        self.settle();
        true
    }

    /// Ends all clients in good order, within the time that the caller allows. Asterisk has [`ANSWERS_WITHIN`] to answer
    /// what it was asked.
    ///
    /// Cancel safe: what is not written by then is lost with the connections.
    pub async fn close_all(self: &Rc<Self>) {
        let now = self.now();
        self.turn_web_away();
        self.hub.borrow_mut().begin_shut_down(now);
        self.settle();
        let _ = tokio::time::timeout(ANSWERS_WITHIN, self.drained()).await;
        let now = self.now();
        self.hub.borrow_mut().shut_down(now);
        self.settle();
        self.close_web();
        loop {
            let next = self.clients.borrow().first();
            let Some(client) = next else { break };
            client.gone.cancelled().await;
            client.stream.close().await;
        }
        self.closing.close();
        self.closing.wait().await;
    }

    /// Until Asterisk has answered all that it was asked for clients.
    async fn drained(&self) {
        while !self.hub.borrow().is_drained() {
            self.answered.notified().await;
        }
    }
}
