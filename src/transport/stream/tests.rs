//! Streams over real sockets, with and without TLS.

use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use tokio::net::TcpListener;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::super::tls::tests::configs;
use super::*;

/// A connection with a buffer that is soon full: the client's end, the server's end.
async fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
    (client.unwrap(), server.unwrap().0)
}

async fn pair(encrypted: bool) -> (Stream, Stream) {
    let (client, server) = sockets().await;
    if !encrypted {
        return (Stream::plain(client), Stream::plain(server));
    }
    let (server_config, client_config) = configs();
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(client_config);
    let acceptor = TlsAcceptor::from(server_config);
    let (client, server) = tokio::join!(connector.connect(name, client), acceptor.accept(server));
    let (socket, connection) = client.unwrap().into_inner();
    let client = Stream::plain(socket).encrypted(connection.into(), Records::Large);
    let (socket, connection) = server.unwrap().into_inner();
    let server = Stream::plain(socket).encrypted(connection.into(), Records::Large);
    (client, server)
}

async fn read_some(stream: &Stream, buffer: &mut BytesMut) -> usize {
    loop {
        stream.readable().await.unwrap();
        match stream.try_read_buf(buffer) {
            Ok(read) => return read,
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
}

async fn read_to_end(stream: &Stream) -> BytesMut {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(10_000);
        if read_some(stream, &mut buffer).await == 0 {
            return buffer;
        }
    }
}

fn numbers(count: u32) -> Vec<u8> {
    (0..count).flat_map(u32::to_be_bytes).collect()
}

#[tokio::test]
async fn all_that_is_written_is_read_in_order() {
    for encrypted in [false, true] {
        let (client, server) = pair(encrypted).await;
        let bytes = numbers(500_000);
        let write = async {
            let mut out = BytesMut::from(&bytes[..]);
            client.write_all(&mut out).await.unwrap();
            assert!(out.is_empty());
            client.close().await;
        };
        let read = async {
            let received = read_to_end(&server).await;
            server.close().await;
            received
        };
        let ((), received) = tokio::join!(write, read);
        assert!(received == bytes, "encrypted: {encrypted}");
    }
}

#[tokio::test]
async fn writing_in_parts_says_how_much_was_taken() {
    for encrypted in [false, true] {
        let (client, server) = pair(encrypted).await;
        let bytes = numbers(2_000_000);
        let mut taken = 0;
        loop {
            let rest = &bytes[taken..];
            let (first, second) = rest.split_at(rest.len() / 3);
            match client.try_write_vectored(&[IoSlice::new(first), IoSlice::new(second)]) {
                Ok(written) => taken += written,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    break;
                }
            }
        }
        assert!(taken < bytes.len(), "the socket is full");
        let flushed = client.try_flush().map_err(|error| error.kind());
        assert!(encrypted == (flushed == Err(ErrorKind::WouldBlock)));
        let drain = async {
            while client.try_flush().is_err() {
                client.writable().await.unwrap();
            }
            client.close().await;
        };
        let (received, ()) = tokio::join!(
            async {
                let received = read_to_end(&server).await;
                drop(server);
                received
            },
            drain
        );
        assert!(received == bytes[..taken], "encrypted: {encrypted}");
    }
}

#[tokio::test]
async fn plaintext_that_was_left_is_not_waited_for() {
    let (client, server) = pair(true).await;
    client.try_write(&[7; 100]).unwrap();
    let mut few = [0; 10];
    server.readable().await.unwrap();
    while server.try_read(&mut few).is_err() {
        server.readable().await.unwrap();
    }
    for _ in 1..10 {
        let ready = server.readable();
        timeout(Duration::from_secs(1), ready)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(server.try_read(&mut few).unwrap(), 10);
    }
    let ready = timeout(Duration::from_millis(50), async {
        while server.try_read(&mut few).is_err() {
            server.readable().await.unwrap();
        }
    });
    assert!(ready.await.is_err(), "there is no more");
    assert!(!server.is_drained(), "nobody can tell");
}

#[tokio::test]
async fn a_connection_moves_to_another_thread_with_what_it_holds() {
    for encrypted in [false, true] {
        let (client, server) = pair(encrypted).await;
        client.try_write(b"first second").unwrap();
        let mut first = [0; 6];
        while server.try_read(&mut first).is_err() {
            server.readable().await.unwrap();
        }
        assert_eq!(&first, b"first ");
        let detached = server.detach().unwrap();
        let moved = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let server = detached.attach().unwrap();
                let mut rest = BytesMut::with_capacity(100);
                read_some(&server, &mut rest).await;
                server.write_all(&mut rest.clone()).await.unwrap();
                server.close().await;
            });
        });
        assert_eq!(read_to_end(&client).await, b"second"[..]);
        drop(client);
        moved.join().unwrap();
    }
}

#[tokio::test]
async fn the_end_of_a_peer_that_just_goes_is_an_end() {
    for encrypted in [false, true] {
        let (client, server) = pair(encrypted).await;
        client.try_write(b"last words").unwrap();
        let socket = socket2::SockRef::from(client.socket());
        socket.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(read_to_end(&server).await, b"last words"[..]);
    }
}

#[tokio::test]
async fn closing_takes_no_longer_than_it_may() {
    let (client, server) = pair(true).await;
    while server.try_write(&[0; 60_000]).is_ok() {}
    let started = Instant::now();
    server.close().await;
    let took = started.elapsed();
    assert!(
        took >= socket::LINGER && took < socket::LINGER * 3,
        "{took:?}"
    );
    drop(client);
}
