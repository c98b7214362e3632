//! What happens when the next process cannot take over: the one before goes on, or, where it is gone, clients are told.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::configuration;
use super::service::{Service, Way};
use super::support::{AmiClient, Simulated, until};

/// A client that is asked whether it is still there.
struct Probe {
    client: AmiClient,
    number: usize,
}

impl Probe {
    fn start(service: &Service) -> Self {
        Self {
            client: AmiClient::session(service.port, "alice", "off"),
            number: 0,
        }
    }

    fn is_answered(&mut self) {
        self.number += 1;
        let id = format!("probe/{}", self.number);
        self.client.action(&[("Action", "Ping"), ("ActionID", &id)]);
        let answer = self.client.read_message().expect("an open connection");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.contains(&format!("ActionID: {id}\r\n")), "{answer}");
    }
}

/// Another process, so far as one on the other end can tell.
fn successor(service: &Service) -> UnixStream {
    let mut stream = UnixStream::connect(service.path("handover")).expect("a handover socket");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a deadline");
    stream.write_all(b"take over 1\n").expect("a question");
    stream
}

/// Reads until it is said how many sockets come; the sockets themselves are closed on the way.
fn read_parcel(stream: &mut UnixStream) -> String {
    let mut text = [0; 64];
    let length = stream.read(&mut text).expect("a line");
    String::from_utf8_lossy(&text[..length]).into_owned()
}

/// Sends a line and a file.
fn send(stream: &UnixStream, line: &[u8], file: &File) {
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let files = [file.as_fd()];
    assert!(ancillary.push(SendAncillaryMessage::ScmRights(&files)));
    let parts = [std::io::IoSlice::new(line)];
    sendmsg(stream, &parts, &mut ancillary, SendFlags::empty()).expect("it is sent");
}

/// Sealed memory with these bytes.
fn sealed(bytes: &[u8]) -> File {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = File::from(memfd_create("state", flags).expect("memory"));
    file.write_all(bytes).expect("it is written");
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    fcntl_add_seals(&file, seals).expect("it is sealed");
    file
}

#[test]
fn whoever_cannot_take_over_leaves_everything_as_it_was() {
    let asterisk = Simulated::start();
    let mut service = Service::start(Way::TakeOver, &configuration(asterisk.port, ""));
    let mode = std::fs::metadata(service.path("handover")).expect("a socket");
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    let mut probe = Probe::start(&service);
    let failures = |count: usize| {
        until("the failure is logged", || {
            let log = service.log();
            (log.matches("not handed over, everything goes on").count() >= count).then_some(())
        });
    };

    // It has got the parcel and dies.
    let mut stream = successor(&service);
    assert!(
        read_parcel(&mut stream).starts_with("parcel 3\n"),
        "a client, Asterisk and a port"
    );
    drop(stream);
    failures(1);
    probe.is_answered();

    // It has got the parcel and cannot use it.
    let mut stream = successor(&service);
    read_parcel(&mut stream);
    stream.write_all(b"no: not today\n").expect("a refusal");
    failures(2);
    probe.is_answered();
    assert!(service.log().contains("not today"), "the reason is told");

    // It asks for what nobody knows.
    let mut stream = UnixStream::connect(service.path("handover")).expect("a socket");
    stream.write_all(b"take over 9\n").expect("a question");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("no: "), "{answer}");
    failures(3);
    probe.is_answered();

    // A real one, killed as soon as it runs, and one whose other port is in use.
    let mut killed = service.run(&["--take-over"]);
    killed.kill().expect("it runs");
    killed.wait().expect("it has ended");
    probe.is_answered();
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let file = service.path("amimux.conf");
    let good = std::fs::read_to_string(&file).expect("the configuration");
    let taken = taken.local_addr().expect("its address");
    let bad = good.replace(
        "[general]\n",
        &format!("[general]\nmetricsbindaddr = {taken}\n"),
    );
    for text in [bad.as_str(), "[general]\nport = many\n"] {
        std::fs::write(&file, text).expect("a configuration");
        let mut refused = service.run(&["--take-over"]);
        assert!(!refused.wait().expect("it has ended").success());
        probe.is_answered();
    }
    std::fs::write(&file, &good).expect("a configuration");
    assert!(service.process().try_wait().expect("its state").is_none());
    assert_eq!(asterisk.connections().len(), 1);
    // After all that it can be taken over.
    service.restart();
    probe.is_answered();
    assert_eq!(service.taken_over().len(), 1);
}

#[test]
fn a_damaged_parcel_is_refused_with_its_reason() {
    let asterisk = Simulated::start();
    let service = Service::start(Way::TakeOver, &configuration(asterisk.port, ""));
    // Stands for the process before.
    let path = service.path("other");
    let listener = UnixListener::bind(&path).expect("a socket");
    let cases: [(&[u8], &str); 2] = [
        (b"\x82\xa7version\x01", "cannot be read"),
        (b"\x82\xa7version\x63\xa7program\xa19", "has form 99"),
    ];
    for (state, reason) in cases {
        let mut command = service.command(env!("CARGO_BIN_EXE_amimux"), &[]);
        command
            .arg("--handover-socket")
            .arg(&path)
            .arg("--take-over");
        let mut process = command.spawn().expect("amimux runs");
        let (mut stream, _) = listener.accept().expect("it asks");
        let mut line = [0; 64];
        let length = stream.read(&mut line).expect("a line");
        assert_eq!(&line[..length], b"take over 1\n");
        send(&stream, b"parcel 0\n", &sealed(state));
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(
            answer.starts_with("no: ") && answer.contains(reason),
            "{answer}"
        );
        assert!(!process.wait().expect("it has ended").success());
        assert!(service.log().contains(reason));
    }
}

#[test]
fn what_is_damaged_in_the_store_is_told_and_amimux_starts_all_the_same() {
    let asterisk = Simulated::start();
    let mut service = Service::start(Way::Store, &configuration(asterisk.port, ""));
    let mut probe = Probe::start(&service);
    probe.is_answered();
    service.stop_for_restart();
    service.store.with(|files| {
        let (near, far) = UnixStream::pair().expect("sockets");
        send(&near, b"parcel 3\n", &sealed(b"nothing"));
        let envelope = files.iter_mut().find(|(name, _)| name == "s");
        envelope.expect("the state is in the store").1 = far.into();
    });
    let next = service.run(&[]);
    *service.process() = next;
    until("the store is empty", || {
        (service.store.len() == 0).then_some(())
    });
    let rest = probe.client.read_to_end();
    assert!(rest.is_empty(), "{}", rest.escape_ascii());
    let mut probe = until("amimux is up", || {
        AmiClient::connect(service.port)
            .is_ok()
            .then(|| Probe::start(&service))
    });
    probe.is_answered();
    let log = service.log();
    assert!(log.contains("clients have to connect again"), "{log}");
}
