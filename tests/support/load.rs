//! Calls that keep an Asterisk busy: each is about eighty events within five seconds.

use super::Asterisk;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

/// Originates calls at a steady rate, past amimux, until it is dropped. When Asterisk goes
/// away it waits for it to come back.
pub(crate) struct CallLoad {
    started: Arc<AtomicU32>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl CallLoad {
    /// Begins with so many calls a second.
    pub(crate) fn start(asterisk: &Asterisk, calls_per_second: u32) -> Self {
        let port = asterisk.ami_port;
        let pause = Duration::from_secs(1) / calls_per_second;
        let started = Arc::new(AtomicU32::new(0));
        let (stop, stopped) = mpsc::channel();
        let count = Arc::clone(&started);
        let thread = std::thread::spawn(move || {
            let mut caller = None;
            let mut number = 10_000;
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                number += 1;
                match call(caller.take(), port, number) {
                    Ok((open, answered)) => {
                        caller = Some(open);
                        count.fetch_add(answered, Ordering::Relaxed);
                    }
                    // Asterisk is away: the next turn tries to connect again.
                    Err(_) => caller = None,
                }
            }
        });
        Self {
            started,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// How many calls Asterisk has taken.
    pub(crate) fn started(&self) -> u32 {
        self.started.load(Ordering::Relaxed)
    }
}

impl Drop for CallLoad {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(
                ended.is_ok() || std::thread::panicking(),
                "the call load panicked"
            );
        }
    }
}

/// Sends one Originate, over a new session if there is none; how many were answered meanwhile.
fn call(caller: Option<TcpStream>, port: u16, number: u32) -> io::Result<(TcpStream, u32)> {
    let mut stream = match caller {
        Some(stream) => stream,
        None => {
            let mut stream = TcpStream::connect(("127.0.0.1", port))?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(Duration::from_millis(1)))?;
            stream.write_all(b"Action: Login\r\nUsername: second\r\nSecret: second-secret\r\nEvents: off\r\n\r\n")?;
            stream
        }
    };
    let originate = format!(
        "Action: Originate\r\nActionID: load-{number}\r\nChannel: Local/{number}@load\r\nContext: load-side\r\n\
         Exten: {number}\r\nPriority: 1\r\nTimeout: 20000\r\nCallerID: \"Caller {number}\" <555{number}>\r\n\
         Variable: LEADID={number}\r\nAsync: true\r\n\r\n"
    );
    stream.write_all(originate.as_bytes())?;
    let mut bytes = [0; 4096];
    match stream.read(&mut bytes) {
        Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
        Ok(count) => {
            let answers =
                memchr::memmem::find_iter(&bytes[..count], b"Response: Success\r\nActionID: load-")
                    .count();
            Ok((stream, u32::try_from(answers).unwrap_or(0)))
        }
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            Ok((stream, 0))
        }
        Err(error) => Err(error),
    }
}
