//! Records as they go over the wire, without a socket.

use std::sync::Arc;

use proptest::prelude::*;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

use super::*;

/// A server `localhost`, and a client that trusts it.
pub(in crate::transport) fn configs() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let server = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let client = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

/// Bytes under way in both directions; takes and gives so many at a time.
#[derive(Default)]
struct Pipe {
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    read_max: usize,
    room: usize,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let length = self.read_max.min(buffer.len()).min(self.incoming.len());
        if length == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        buffer[..length].copy_from_slice(&self.incoming[..length]);
        self.incoming.drain(..length);
        Ok(length)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let length = bytes.len().min(self.room);
        if length == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.room -= length;
        self.outgoing.extend_from_slice(&bytes[..length]);
        Ok(length)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// A client under test after its handshake, its pipe, and the server behind it.
fn pair(records: Records) -> (Tls, Pipe, ServerConnection) {
    let (server, client) = configs();
    let mut server = ServerConnection::new(server).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(client, name).unwrap();
    while client.is_handshaking() || server.is_handshaking() || server.wants_write() {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        server.read_tls(&mut &bytes[..]).unwrap();
        server.process_new_packets().unwrap();
        bytes.clear();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        client.read_tls(&mut &bytes[..]).unwrap();
        client.process_new_packets().unwrap();
    }
    let pipe = Pipe {
        read_max: usize::MAX,
        room: usize::MAX,
        ..Pipe::default()
    };
    (Tls::new(Connection::Client(client), records), pipe, server)
}

/// The plaintext of each record.
fn decrypted(server: &mut ServerConnection, mut wire: &[u8]) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    while !wire.is_empty() {
        let length = 5 + usize::from(u16::from_be_bytes([wire[3], wire[4]]));
        let (record, rest) = wire.split_at(length);
        wire = rest;
        let mut record = record;
        while !record.is_empty() {
            server.read_tls(&mut record).unwrap();
        }
        server.process_new_packets().unwrap();
        let mut plaintext = vec![0; 20_000];
        let read = server.reader().read(&mut plaintext).unwrap();
        plaintext.truncate(read);
        records.push(plaintext);
    }
    records
}

#[test]
fn records_for_asterisk_hold_whole_lines() {
    let line = |length: usize| [vec![b'x'; length - 1], vec![b'\n']].concat();
    for (name, lines, expected) in [
        ("one message", vec![30, 40, 2], vec![72]),
        ("exactly full", vec![1000, 24], vec![1024]),
        ("one byte more", vec![1000, 25], vec![1000, 25]),
        ("60 Pings", vec![14; 60 * 3], vec![1022, 1022, 476]),
        ("a line of a whole record", vec![1024, 1], vec![1024, 1]),
        (
            "a line that is too long",
            vec![10, 2000, 10],
            vec![10, 1024, 986],
        ),
    ] {
        let (mut tls, mut pipe, mut server) = pair(Records::Lines);
        let bytes: Vec<u8> = lines.into_iter().flat_map(line).collect();
        let taken = tls.write(&mut pipe, &[IoSlice::new(&bytes)]).unwrap();
        assert_eq!(taken, bytes.len(), "{name}");
        let records = decrypted(&mut server, &pipe.outgoing);
        let lengths: Vec<_> = records.iter().map(Vec::len).collect();
        assert_eq!(lengths, expected, "{name}");
        assert_eq!(records.concat(), bytes, "{name}");
    }
}

#[test]
fn large_records_are_filled_from_several_places() {
    let (mut tls, mut pipe, mut server) = pair(Records::Large);
    let (first, second) = (vec![b'a'; 10_000], vec![b'b'; 10_000]);
    let parts = [
        IoSlice::new(&first),
        IoSlice::new(b""),
        IoSlice::new(&second),
    ];
    assert_eq!(tls.write(&mut pipe, &parts).unwrap(), 20_000);
    let records = decrypted(&mut server, &pipe.outgoing);
    let lengths: Vec<_> = records.iter().map(Vec::len).collect();
    assert_eq!(lengths, [16_384, 3_616]);
    assert_eq!(records.concat(), [first, second].concat());
    assert_eq!(tls.write(&mut pipe, &[IoSlice::new(b"")]).unwrap(), 0);
}

#[test]
fn what_waits_is_bounded() {
    for records in [Records::Large, Records::Lines] {
        let (mut tls, mut pipe, mut server) = pair(records);
        let bytes = b"Event: Newchannel\r\n".repeat(20_000);
        pipe.room = 0;
        let taken = tls.write(&mut pipe, &[IoSlice::new(&bytes)]).unwrap();
        assert!((60_000..=PLAINTEXT_BYTES_MAX + LINES_RECORD_BYTES_MAX).contains(&taken));
        for room in [0, 1, 1000] {
            pipe.room = room;
            let again = tls.write(&mut pipe, &[IoSlice::new(&bytes)]);
            assert_eq!(again.unwrap_err().kind(), ErrorKind::WouldBlock);
            let flushed = tls.flush(&mut pipe);
            assert_eq!(flushed.unwrap_err().kind(), ErrorKind::WouldBlock);
        }
        pipe.room = usize::MAX;
        tls.flush(&mut pipe).unwrap();
        let received = decrypted(&mut server, &pipe.outgoing).concat();
        assert!(
            received == bytes[..taken],
            "what was taken is what was sent"
        );
    }
}

#[test]
fn a_wire_that_trickles_keeps_nobody_waiting() {
    let (mut tls, mut pipe, mut server) = pair(Records::Large);
    server
        .writer()
        .write_all(b"Response: Pong\r\n\r\n")
        .unwrap();
    server.write_tls(&mut pipe.incoming).unwrap();
    pipe.read_max = 1;
    let before = pipe.incoming.len();
    let blocked = tls.read(&mut pipe, <[u8]>::len).unwrap_err();
    assert_eq!(blocked.kind(), ErrorKind::WouldBlock);
    assert_eq!(before - pipe.incoming.len(), READS_MAX);
    let mut plaintext = Vec::new();
    while plaintext.is_empty() {
        let _ = tls.read(&mut pipe, |bytes| {
            plaintext.extend_from_slice(bytes);
            bytes.len()
        });
    }
    assert_eq!(plaintext, b"Response: Pong\r\n\r\n");
}

#[test]
fn plaintext_before_a_broken_record_is_read_then_the_peer_is_told() {
    let (mut tls, mut pipe, mut server) = pair(Records::Large);
    server.writer().write_all(b"last words").unwrap();
    server.write_tls(&mut pipe.incoming).unwrap();
    pipe.incoming.extend_from_slice(b"\x17\x03\x03\x00\x20");
    pipe.incoming.extend_from_slice(&[0; 32]);
    assert!(!tls.has_input());
    assert_eq!(tls.read(&mut pipe, |_| 4).unwrap(), 4);
    assert!(tls.has_input());
    assert_eq!(tls.read(&mut pipe, <[u8]>::len).unwrap(), 6);
    assert!(tls.has_input(), "the error is still to be read");
    for _ in 0..2 {
        let error = tls.read(&mut pipe, <[u8]>::len).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
    }
    assert!(tls.write(&mut pipe, &[IoSlice::new(b"x")]).is_err());
    server.read_tls(&mut &pipe.outgoing[..]).unwrap();
    let told = server.process_new_packets().unwrap_err();
    let alert = rustls::AlertDescription::BadRecordMac;
    assert_eq!(told, rustls::Error::AlertReceived(alert));
}

#[test]
fn the_end_is_the_end_announced_or_not() {
    let (mut tls, mut pipe, mut server) = pair(Records::Large);
    server.writer().write_all(b"bye").unwrap();
    server.send_close_notify();
    server.write_tls(&mut pipe.incoming).unwrap();
    assert_eq!(tls.read(&mut pipe, <[u8]>::len).unwrap(), 3);
    assert!(tls.has_input());
    assert_eq!(tls.read(&mut pipe, <[u8]>::len).unwrap(), 0);
    tls.finish();
    tls.flush(&mut pipe).unwrap();
    server.read_tls(&mut &pipe.outgoing[..]).unwrap();
    assert!(server.process_new_packets().unwrap().peer_has_closed());

    let (mut tls, _, _) = pair(Records::Large);
    let mut nothing = std::io::Cursor::new(Vec::new());
    assert_eq!(tls.read(&mut nothing, <[u8]>::len).unwrap(), 0);
    assert!(tls.has_input());
}

proptest! {
    #[test]
    fn what_is_written_towards_asterisk_arrives_in_lines(
        lines in prop::collection::vec(0_usize..1500, 1..40),
        rooms in prop::collection::vec(1_usize..3000, 1..40),
    ) {
        let (mut tls, mut pipe, mut server) = pair(Records::Lines);
        let bytes: Vec<u8> = lines
            .iter()
            .flat_map(|length| [vec![b'x'; *length], vec![b'\r', b'\n']].concat())
            .collect();
        let mut rest = &bytes[..];
        let mut rooms = rooms.into_iter().cycle();
        while !rest.is_empty() {
            pipe.room = rooms.next().unwrap();
            match tls.write(&mut pipe, &[IoSlice::new(rest)]) {
                Ok(taken) => rest = &rest[taken..],
                Err(error) => prop_assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
        pipe.room = usize::MAX;
        tls.flush(&mut pipe).unwrap();
        let records = decrypted(&mut server, &pipe.outgoing);
        let mut in_line = 0;
        for record in &records {
            prop_assert!(record.len() <= LINES_RECORD_BYTES_MAX);
            in_line += record.len();
            // Only a line that no record could hold goes on in the next one.
            prop_assert!(record.ends_with(b"\n") || in_line >= LINES_RECORD_BYTES_MAX);
            if record.ends_with(b"\n") {
                in_line = 0;
            }
        }
        prop_assert!(records.concat() == bytes);
    }
}
