//! Thousands of sessions are listed in bounded time and memory, and those who are listed notice nothing.

use super::*;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const SESSIONS: usize = 10_000;

/// Bytes of memory that the process has.
fn memory(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let kilobytes: usize = line.trim().trim_end_matches(" kB").trim().parse().unwrap();
    kilobytes * 1024
}

fn log_in(port: u16) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(support::PATIENCE)).unwrap();
    stream
        .write_all(b"Action: Login\r\nUsername: bob\r\nSecret: bob-secret\r\nEvents: off\r\n\r\n")
        .unwrap();
    let mut seen = Vec::new();
    while support::find(&seen, b"accepted\r\n\r\n").is_none() {
        let mut bytes = [0; 512];
        let count = stream.read(&mut bytes).unwrap();
        assert!(count > 0, "closed: {}", seen.escape_ascii());
        seen.extend_from_slice(&bytes[..count]);
    }
    stream
}

#[test]
fn ten_thousand_sessions_are_listed() {
    let bench = Bench::start("sessionlimit = 0\nauthlimit = 1000", "");
    let port = bench.amimux.port;
    let crowd: Vec<_> = std::thread::scope(|scope| {
        let parts: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| (0..SESSIONS / 4).map(|_| log_in(port)).collect::<Vec<_>>()))
            .collect();
        parts
            .into_iter()
            .flat_map(|part| part.join().unwrap())
            .collect()
    });
    assert_eq!(crowd.len(), SESSIONS);
    let mut alice = bench.session("alice");
    let mut watcher = bench.session("alice");
    // The first makes room for the largest answer; from then on it must not grow.
    let begin = Instant::now();
    let text = run(&mut alice, "1", "MuxSessions", &[]);
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "{:?}",
        begin.elapsed()
    );
    assert!(text.contains(&format!("ListItems: {}\r\n", SESSIONS + 2)));
    let before = memory(bench.amimux.pid());
    let slowest = std::thread::scope(|scope| {
        let lister = scope.spawn(|| {
            for _ in 0..5 {
                let text = run(&mut alice, "1", "MuxSessions", &[]);
                assert!(text.contains(&format!("ListItems: {}\r\n", SESSIONS + 2)));
            }
        });
        let mut slowest = Duration::ZERO;
        while !lister.is_finished() {
            let begin = Instant::now();
            let text = run(&mut watcher, "p", "UserEvent", &[("UserEvent", "Tick")]);
            assert!(text.contains("Success"), "{text}");
            slowest = slowest.max(begin.elapsed());
        }
        lister.join().unwrap();
        slowest
    });
    assert!(
        slowest < Duration::from_secs(1),
        "an action took {slowest:?}"
    );
    let grown = memory(bench.amimux.pid()).saturating_sub(before);
    assert!(grown < 64 << 20, "grew by {grown} bytes");
    let kicked = bench.printed(&["kick", "--user", "bob"]);
    assert_eq!(kicked, format!("ended {SESSIONS} sessions\n"));
    drop(crowd);
}
