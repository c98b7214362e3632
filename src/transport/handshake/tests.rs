//! Handshakes between two ends, and what they fail of.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Error, ServerConnection};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::super::stream::Records;
use super::super::tls::tests::configs;
use super::*;

async fn sockets() -> (Stream, Stream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
    (
        Stream::plain(client.unwrap()),
        Stream::plain(server.unwrap().0),
    )
}

fn client(config: Arc<ClientConfig>, name: &'static str) -> Connection {
    let name = ServerName::try_from(name).unwrap();
    Connection::Client(ClientConnection::new(config, name).unwrap())
}

/// What both sides come to when the client expects that name.
async fn handshake(name: &'static str) -> (Result<(), HandshakeError>, Result<(), HandshakeError>) {
    let (server_config, client_config) = configs();
    let (near, far) = sockets().await;
    let mut server = Connection::Server(ServerConnection::new(server_config).unwrap());
    let mut client = client(client_config, name);
    let (mut early, mut none) = (BytesMut::new(), BytesMut::new());
    tokio::join!(
        shake_hands(&near, &mut client, &mut none),
        shake_hands(&far, &mut server, &mut early)
    )
}

#[tokio::test]
async fn two_that_agree() {
    let (client, server) = handshake("localhost").await;
    client.unwrap();
    server.unwrap();
}

#[tokio::test]
async fn another_name_than_the_certificate_has() {
    let (client, server) = handshake("asterisk.example").await;
    let Err(HandshakeError::Tls(Error::InvalidCertificate(fault))) = client else {
        panic!("{client:?}");
    };
    assert_eq!(
        certificate_fault(&fault),
        "it is for localhost, not for asterisk.example"
    );
    assert!(matches!(
        server,
        Err(HandshakeError::Tls(Error::AlertReceived(_)))
    ));
}

#[tokio::test]
async fn what_was_read_before_counts_and_what_came_too_early_is_kept() {
    let (server_config, client_config) = configs();
    let (near, far) = sockets().await;
    let mut client = client(client_config, "localhost");
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    let (first, rest) = hello.split_at(7);
    near.write_all(&mut BytesMut::from(rest)).await.unwrap();
    let mut early = BytesMut::from(first);
    let mut server = Connection::Server(ServerConnection::new(server_config).unwrap());
    let talk = async {
        shake_hands(&near, &mut client, &mut BytesMut::new())
            .await
            .unwrap();
        let near = near.encrypted(client, Records::Large);
        near.try_write(b"first words").unwrap();
        near
    };
    let (_near, shaken) = tokio::join!(talk, shake_hands(&far, &mut server, &mut early));
    shaken.unwrap();
    let far = far.encrypted(server, Records::Large);
    let mut words = [0; 11];
    while far.try_read(&mut words).is_err() {
        far.readable().await.unwrap();
    }
    assert_eq!(&words, b"first words");
}

#[tokio::test]
async fn what_is_not_tls_or_ends_or_stalls() {
    for (input, closes, expected) in [
        (&b"\x16\x03"[..], true, "closed"),
        (b"\x17\x03\x03\x00\x01X", false, "tls"),
        (b"\x16\x03\x01\xff\xff", false, "tls"),
        (b"\x16\x03\x01\x00\x20", false, "stalls"),
    ] {
        let (server_config, _) = configs();
        let (near, far) = sockets().await;
        near.write_all(&mut BytesMut::from(input)).await.unwrap();
        let near = (!closes).then_some(near);
        let mut server = Connection::Server(ServerConnection::new(server_config).unwrap());
        let mut none = BytesMut::new();
        let shaken = shake_hands(&far, &mut server, &mut none);
        let came = match timeout(Duration::from_millis(200), shaken).await {
            Err(_) => "stalls",
            Ok(Err(HandshakeError::Closed)) => "closed",
            Ok(Err(HandshakeError::Tls(_))) => "tls",
            Ok(other) => panic!("{other:?}"),
        };
        assert_eq!(came, expected, "{input:?}");
        drop(near);
    }
}
