//! What the tests against a real Asterisk share: an Asterisk of their own, an amimux in
//! front of it, calls to keep both busy, a raw AMI client and two real client libraries.
//!
//! Nothing here skips: what is missing is installed, or the test fails and says how to get it.
#![allow(
    dead_code,
    unused_imports,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test program uses a part of it, and a test that cannot go on says so by a panic"
)]

mod amimux;
mod asterisk;
mod client;
mod load;
mod normal;
mod program;
mod simulated;
pub(crate) mod test_logs;
mod tls;

pub(crate) use self::amimux::{Amimux, configuration};
pub(crate) use asterisk::Asterisk;
pub(crate) use client::{AmiClient, find};
pub(crate) use load::CallLoad;
pub(crate) use normal::{normal, varies};
pub(crate) use program::{Library, Program};
pub(crate) use simulated::Simulated;
pub(crate) use tls::{Authority, Identity};

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up on it. Far more than it takes: the
/// machine may be small and busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The users of the tests, as Asterisk and amimux both read them.
pub(crate) const USERS: &str = include_str!("../../scripts/asterisk/users.conf");

/// The folder of this repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder for installed things: Asterisk and the client libraries.
pub(crate) fn installed(name: &str) -> PathBuf {
    repository().join("target").join(name)
}

/// A port of 127.0.0.1 with `count - 1` further ones behind it that nobody uses just now.
pub(crate) fn free_ports(count: u16) -> u16 {
    // After thousands of connections most ports next to each other are still being given back.
    for _ in 0..10_000 {
        let first = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = first.local_addr().expect("its address").port();
        let rest = (1..count)
            .map_while(|next| TcpListener::bind(("127.0.0.1", port.checked_add(next)?)).ok());
        if rest.count() == usize::from(count) - 1 {
            return port;
        }
    }
    panic!("no {count} free ports in a row");
}

/// Tries `attempt` at short intervals until it gives something.
///
/// # Panics
/// When it gave nothing for [`PATIENCE`]; `what` says what was wanted.
pub(crate) fn until<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(result) = attempt() {
            return result;
        }
        assert!(begin.elapsed() < PATIENCE, "{what}: not in {PATIENCE:?}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// Ends a process: SIGTERM, and SIGKILL if that is not obeyed in five seconds.
pub(crate) fn terminate(process: &mut Child) {
    if matches!(process.try_wait(), Ok(Some(_))) {
        return;
    }
    let signalled = std::process::Command::new("kill")
        .arg("-TERM")
        .arg(process.id().to_string())
        .status();
    let begin = Instant::now();
    while signalled.is_ok() && begin.elapsed() < Duration::from_secs(5) {
        if !matches!(process.try_wait(), Ok(None)) {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    // Both fail only for a process that is gone already.
    let _ = process.kill();
    let _ = process.wait();
}
