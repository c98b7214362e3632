//! The contestants beside amimux, each run as a process of its own: the least that a fan-out can cost, the design
//! that comes to mind first, and a plain forwarder of connections.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use anyhow::Context;
use bytes::{Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::event::EVENT_BYTES;

/// Most bytes of one turn: what amimux takes, too.
const TURN_BYTES: usize = 256 * 1024;

/// Events that may wait for one client of the queue design; the window of a run stays below it.
const QUEUE_EVENTS: usize = 16 * 1024;

/// Slices of one write.
const SLICES: usize = 64;

/// Runs the contestant of that name, with that many clients, until its source ends.
pub(crate) fn run(name: &str, source: u16, clients: usize) -> anyhow::Result<()> {
    match name {
        "relay" => relay(source, clients),
        "queue" => on_one_thread(queue(source, clients)),
        "bare" => on_one_thread(crate::web::bare::serve(source)),
        "forward" => on_one_thread(forward(source)),
        _ => anyhow::bail!("no such contestant"),
    }
}

fn on_one_thread(task: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(task)
}

/// Opens a port and tells it to whoever started this process.
pub(crate) fn listen() -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen")?;
    let port = listener.local_addr()?.port();
    let mut out = std::io::stdout();
    writeln!(out, "{port}")?;
    out.flush()?;
    Ok(listener)
}

/// Reads from the source and writes the same bytes to every client, one after another. Nothing is looked at.
fn relay(source: u16, count: usize) -> anyhow::Result<()> {
    let listener = listen()?;
    let mut clients = Vec::new();
    for _ in 0..count {
        let (client, _) = listener.accept()?;
        client.set_nodelay(true)?;
        clients.push(client);
    }
    let mut source = TcpStream::connect(("127.0.0.1", source))?;
    let mut buffer = vec![0_u8; TURN_BYTES];
    loop {
        let read = source.read(&mut buffer)?;
        let Some(bytes @ [_, ..]) = buffer.get(..read) else {
            return Ok(());
        };
        for client in &mut clients {
            client.write_all(bytes)?;
        }
    }
}

/// A queue of events and a task for each client: each event is put into every queue.
async fn queue(source: u16, count: usize) -> anyhow::Result<()> {
    let listener = listen()?;
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut queues = Vec::new();
    for _ in 0..count {
        let (client, _) = listener.accept().await?;
        client.set_nodelay(true)?;
        let (sender, receiver) = mpsc::channel(QUEUE_EVENTS);
        tokio::spawn(drain(client, receiver));
        queues.push(sender);
    }
    let mut source = tokio::net::TcpStream::connect(("127.0.0.1", source)).await?;
    let mut input = BytesMut::new();
    loop {
        input.reserve(TURN_BYTES);
        if source.read_buf(&mut input).await? == 0 {
            return Ok(());
        }
        while input.len() >= EVENT_BYTES {
            let event = input.split_to(EVENT_BYTES).freeze();
            for queue in &queues {
                // Waiting for room also makes way for others every hundred or so: only where there is none.
                if let Err(TrySendError::Full(event)) = queue.try_send(event.clone()) {
                    queue.send(event).await?;
                }
            }
        }
    }
}

async fn drain(client: tokio::net::TcpStream, mut queue: mpsc::Receiver<Bytes>) {
    let mut events = Vec::with_capacity(SLICES);
    while queue.recv_many(&mut events, SLICES).await > 0 {
        let mut slices = events
            .iter()
            .map(|event| std::io::IoSlice::new(event))
            .collect::<Vec<_>>();
        let mut rest = slices.as_mut_slice();
        while !rest.is_empty() {
            match client.try_write_vectored(rest) {
                Ok(written) => std::io::IoSlice::advance_slices(&mut rest, written),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    if client.writable().await.is_err() {
                        return;
                    }
                }
                Err(_) => return,
            }
        }
        events.clear();
    }
}

/// A connection to the source for every client; bytes are copied both ways.
async fn forward(source: u16) -> anyhow::Result<()> {
    let listener = listen()?;
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (mut client, _) = listener.accept().await?;
        client.set_nodelay(true)?;
        tokio::spawn(async move {
            if let Ok(mut upstream) = tokio::net::TcpStream::connect(("127.0.0.1", source)).await {
                let _ = upstream.set_nodelay(true);
                let _ = tokio::io::copy_bidirectional(&mut client, &mut upstream).await;
            }
        });
    }
}
