//! What has no end, or is no HTTP at all: each ends with an error and a closed connection, soon.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use crate::client::{Beside, connect_from, resident_mebibytes};
use crate::{ELSEWHERE, start};

/// Sends a beginning, and then the same over and over until nobody takes it; what was answered, and how much was taken.
fn pour(port: u16, beginning: &str, piece: &[u8]) -> (String, usize) {
    let mut stream = connect_from(ELSEWHERE, port);
    stream.write_all(beginning.as_bytes()).expect("a beginning");
    let begin = Instant::now();
    let mut sent = 0;
    while begin.elapsed() < Duration::from_secs(20) && sent < 256 << 20 {
        if stream.write_all(piece).is_err() {
            break;
        }
        sent += piece.len();
    }
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        // What was on its way when it was closed.
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
    (String::from_utf8_lossy(&answer).into_owned(), sent)
}

#[test]
fn bodies_and_heads_without_an_end() {
    let (site, _) = start("", "session_inactivity = 2000\n");
    let mut beside = Beside::start(&site);
    let before = resident_mebibytes(site.amimux.pid());
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let chunked = format!("POST /rawman HTTP/1.1\r\n{form}Transfer-Encoding: chunked\r\n\r\n");
    let chunk = [&b"1000\r\n"[..], &[b'x'; 4096], b"\r\n"].concat();
    let unknown = chunked.replace("/rawman", "/nothing");
    let long = "x".repeat(65_536);
    let header = format!("X: {}\r\n", "y".repeat(1000)).repeat(64);
    let trailers = format!("{chunked}0\r\n");
    for (what, beginning, piece) in [
        ("chunks", &*chunked, &*chunk),
        ("small chunks", &chunked, &b"1\r\nx\r\n".repeat(10_000)),
        ("an extension", &format!("{chunked}1;"), long.as_bytes()),
        (
            "extensions",
            &chunked,
            &b"1;a=bcdefghijklmnopqrstuvwxyz\r\nx\r\n".repeat(2_000),
        ),
        ("a size", &chunked, "f".repeat(65_536).as_bytes()),
        (
            "a size that is nothing",
            &chunked,
            "0".repeat(65_536).as_bytes(),
        ),
        ("trailers", &trailers, header.as_bytes()),
        ("a body that nobody wants", &unknown, &chunk),
        ("a target", "GET /", long.as_bytes()),
        ("a method", "", long.as_bytes()),
        ("headers", "GET / HTTP/1.1\r\n", header.as_bytes()),
        ("a header", "GET / HTTP/1.1\r\nX: ", long.as_bytes()),
        ("blank lines", "", "\r\n".repeat(32_768).as_bytes()),
    ] {
        let begin = Instant::now();
        let (answer, sent) = pour(site.port, beginning, piece);
        let begins = answer.get(..10).unwrap_or(&answer);
        assert!(
            answer.is_empty() || ["HTTP/1.1 4", "HTTP/1.1 5"].contains(&begins),
            "{what}: {answer}"
        );
        // Zeros before a size mean nothing, and are read for as long as a body may take.
        let may_last = what == "a size that is nothing";
        assert!(
            may_last || sent < 32 << 20,
            "{what}: {sent} bytes were taken"
        );
        let took = begin.elapsed();
        assert!(took < Duration::from_secs(15), "{what}: {took:?}");
        beside.round(&site, what);
    }
    let growth = resident_mebibytes(site.amimux.pid()).saturating_sub(before);
    assert!(growth < 16, "{growth} MiB more are held");
}

#[test]
fn other_protocols_are_closed_and_logged() {
    let (site, _) = start("", "");
    let mut beside = Beside::start(&site);
    let preface = site.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(
        preface.is_empty() || preface.starts_with("HTTP/1.1 4"),
        "{preface}"
    );
    let hello = [
        &b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03"[..],
        &[7; 194],
    ]
    .concat();
    let answer = site.raw(&hello);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 400 "),
        "{answer}"
    );
    site.logged(&["kind=connection", "TLS on the port for plain HTTP"]);
    let ami = site.raw(b"Action: Login\r\nUsername: alice\r\nSecret: alice-secret\r\n\r\n");
    assert!(ami.starts_with("HTTP/1.1 400 "), "{ami}");
    // And HTTP where AMI is spoken.
    let mut stream = connect_from(ELSEWHERE, site.amimux.port);
    stream
        .write_all(b"GET /rawman?action=login&username=alice&secret=alice-secret HTTP/1.1\r\nHost: x\r\n\r\n")
        .expect("bytes are taken");
    let mut answer = [0; 1024];
    let mut text = String::new();
    while !text.contains("Missing action in request") {
        let count = stream.read(&mut answer).expect("an answer");
        assert!(count > 0, "closed after {text}");
        text.push_str(&String::from_utf8_lossy(&answer[..count]));
    }
    site.logged(&["kind=early address=127.0.0.2", "Missing action"]);
    assert!(!site.amimux.log().contains("alice-secret"));
    beside.round(&site, "after all of them");
}
