//! The same over real sockets, through the program itself: entrance, shell and hub together.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::generated::{self, Random};
use crate::reader::{Message, Reader};
use crate::support::{AmiClient, Amimux, PATIENCE, until};
use crate::{disguises, law};

/// An Asterisk that answers everything with a success and writes down what it read.
pub(crate) struct Recorder {
    pub(crate) port: u16,
    pub(crate) messages: Arc<Mutex<Vec<Message>>>,
}

impl Recorder {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let messages = Arc::new(Mutex::new(Vec::new()));
        let recorded = Arc::clone(&messages);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                record(stream.expect("a connection"), &recorded);
            }
        });
        Self { port, messages }
    }

    /// What has come since it was last asked.
    pub(crate) fn take(&self) -> Vec<Message> {
        std::mem::take(&mut self.messages.lock().expect("a list"))
    }
}

fn record(mut stream: TcpStream, recorded: &Mutex<Vec<Message>>) {
    let (mut reader, mut bytes) = (Reader::default(), [0; 65536]);
    stream
        .write_all(b"Asterisk Call Manager/11.0.0\r\n")
        .expect("a banner");
    while let Ok(count @ 1..) = stream.read(&mut bytes) {
        for message in reader.read(&bytes[..count]) {
            let answer = law::answer(&message);
            recorded.lock().expect("a list").push(message);
            if stream.write_all(&answer).is_err() {
                return;
            }
        }
    }
}

/// Sends bytes in random pieces, ends the input, and reads whatever is answered.
fn talk(client: AmiClient, random: &mut Random, bytes: &[u8]) {
    let mut stream = client.into_stream();
    stream.set_read_timeout(Some(PATIENCE)).expect("a deadline");
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(1 + random.below(rest.len()));
        if stream.write_all(piece).is_err() {
            return;
        }
        if random.below(3) == 0 {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        rest = behind;
    }
    // The server may have closed first.
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = stream.read_to_end(&mut Vec::new());
}

#[test]
fn over_sockets_nothing_reaches_asterisk_before_a_login_and_nothing_forbidden_after() {
    let recorder = Recorder::start();
    let clients = law::CLIENTS.len() - 1;
    let users: String = (0..clients)
        .map(|client| {
            let write = law::CLIENTS[client].join(",");
            format!("[c{client}]\nsecret = c{client}-secret\nread = none\nwrite = {write}\n")
        })
        .collect();
    let amimux = Amimux::start(&format!(
        "[general]\nbindaddr = 127.0.0.1\nport = {{port}}\nfailedlogins = 0\n\
         [one]\ntype = upstream\nhost = 127.0.0.1\nport = {}\nusername = upstream\nsecret = s\nkeepalive = 3600\n{users}",
        recorder.port
    ));
    until("amimux is connected", || {
        amimux.log().contains("Asterisk is connected").then_some(())
    });
    // The mask is narrowed once, some time after the start.
    until("the mask is narrowed", || {
        let messages = recorder.messages.lock().expect("a list");
        messages
            .iter()
            .any(|message| message.action() == "Events")
            .then_some(())
    });
    let nonce = recorder.take()[0].get("ActionID")[..16].to_vec();
    let all = disguises::all();
    let mut random = Random::new(7);
    for _ in 0..100 {
        let client = AmiClient::connect(amimux.port).expect("a banner");
        let disguise = &all[random.below(all.len())];
        talk(client, &mut random, disguise);
    }
    let early = recorder.take();
    assert!(early.is_empty(), "before a login: {early:?}");
    let mut arrived = 0;
    for client in 0..clients {
        for number in 0..40 {
            let session = AmiClient::session(amimux.port, &format!("c{client}"), "off");
            let known = &all[random.below(all.len())];
            // Of those that are made up, more is harmless and does arrive.
            let bytes = match number % 2 {
                0 => known.clone(),
                _ => generated::messages(&mut random),
            };
            talk(session, &mut random, &bytes);
        }
        let messages = recorder.take();
        arrived += messages
            .iter()
            .filter(|message| law::judge(client, &nonce, message))
            .count();
    }
    assert!(arrived > 5, "{arrived}");
}
