//! The simulated PBX behind a TCP listener.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::sim::server::PbxHandle;

/// Runs a test against a PBX that is served; ends it within a minute.
fn with_server<F: Future<Output = ()>>(
    options: PbxOptions,
    test: impl FnOnce(PbxHandle, std::net::SocketAddr) -> F,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let handle = PbxHandle::new(Pbx::new(options));
        let cancel = CancellationToken::new();
        let client = async {
            tokio::time::timeout(seconds(60), test(handle.clone(), address))
                .await
                .unwrap();
            cancel.cancel();
        };
        let (served, ()) = tokio::join!(handle.serve(listener, cancel.clone()), client);
        served.unwrap();
    });
}

/// What comes up to `end`, of which only the last part is looked at and kept.
async fn read_until(stream: &mut TcpStream, end: &str) {
    let mut tail = Vec::new();
    let mut bytes = vec![0; 256 * 1024];
    while memchr::memmem::find(&tail, end.as_bytes()).is_none() {
        let count = stream.read(&mut bytes).await.unwrap();
        assert_ne!(count, 0, "closed before {end}");
        tail.drain(..tail.len().saturating_sub(end.len()));
        tail.extend_from_slice(&bytes[..count]);
    }
}

async fn log_in(address: std::net::SocketAddr, events: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let login =
        format!("Action: Login\r\nUsername: all\r\nSecret: all-secret\r\nEvents: {events}\r\n\r\n");
    stream.write_all(login.as_bytes()).await.unwrap();
    read_until(&mut stream, "accepted\r\n\r\n").await;
    stream
}

#[test]
fn serves_calls_and_disturbances() {
    let options = PbxOptions {
        calls_per_second: 10.0,
        call_seconds: 1.0,
        ..options()
    };
    with_server(options, |handle, address| async move {
        let mut stream = log_in(address, "on").await;
        read_until(&mut stream, "Event: AgentComplete").await;
        let id = handle.with(|pbx, _| pbx.connections().next()).unwrap();
        handle.with(|pbx, _| pbx.inject(id, b"FORGED\r\n\r\n"));
        read_until(&mut stream, "FORGED").await;
        handle.with(|pbx, _| pbx.shut_down());
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        assert!(
            rest.ends_with(b"Restart: False\r\n\r\n"),
            "everything is sent before the end"
        );
    });
}

#[test]
fn answers_what_was_asked_before_the_half_close() {
    with_server(options(), |_, address| async move {
        let mut stream = log_in(address, "off").await;
        let originate = b"Action: Originate\r\nChannel: PJSIP/busy\r\nApplication: Wait\r\n\r\nAction: Ping\r\n\r\n";
        stream.write_all(originate).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.unwrap();
        assert!(
            rest.contains("Originate failed") && rest.contains("Ping: Pong"),
            "{rest}"
        );
    });
}

#[test]
fn a_flood_leaves_room_for_replies_and_a_stalled_reader_is_dropped() {
    let options = PbxOptions {
        output_bytes_max: 512 * 1024,
        ..options()
    };
    with_server(options, |handle, address| async move {
        let mut stream = log_in(address, "on").await;
        let id = handle.with(|pbx, _| pbx.connections().next()).unwrap();
        handle.with(|pbx, _| pbx.flood(id, u64::MAX));
        stream
            .write_all(b"Action: Ping\r\nActionID: p\r\n\r\n")
            .await
            .unwrap();
        read_until(&mut stream, "ActionID: p\r\nPing: Pong").await;
        let mut other = log_in(address, "off").await;
        let frame = vec![b'x'; 100_000];
        for _ in 0..200 {
            // Nobody reads the first connection any more; the second one works on.
            handle.with(|pbx, _| pbx.broadcast(Classes::CALL, &frame));
            tokio::task::yield_now().await;
        }
        other.write_all(b"Action: Ping\r\n\r\n").await.unwrap();
        read_until(&mut other, "Pong").await;
        while handle.with(|pbx, _| pbx.connections().any(|other| other == id)) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}
