//! Many sessions that wait at the same time.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::site::Site;
use crate::support::PATIENCE;

/// Reads one answer whose length its head tells.
fn read(stream: &mut TcpStream) -> String {
    let (mut answer, mut bytes) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&answer).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split("Content-Length: ").nth(1).expect("a length");
            let length: usize = length.lines().next().unwrap().parse().expect("a number");
            if body.len() >= length {
                return text;
            }
        }
        let count = stream.read(&mut bytes).expect("an answer");
        assert!(count > 0, "closed after {text:?}");
        answer.extend_from_slice(&bytes[..count]);
    }
}

#[test]
fn a_thousand_wait_and_one_event_wakes_them() {
    let site = Site::with("", "sessionlimit = 2000\n");
    let mut waiting: Vec<TcpStream> = (0..1000)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", site.port)).expect("a connection");
            stream.set_read_timeout(Some(PATIENCE)).expect("a deadline");
            stream
                .write_all(b"GET /rawman?action=login&username=bob&secret=bob-secret&events=call HTTP/1.1\r\n\r\n")
                .unwrap();
            let login = read(&mut stream);
            assert!(login.contains("Authentication accepted"), "{login}");
            let cookie = login.split("Set-Cookie: ").nth(1).unwrap().split(';').next().unwrap();
            write!(stream, "GET /rawman?action=waitevent HTTP/1.1\r\nCookie: {cookie}\r\n\r\n").unwrap();
            stream
        })
        .collect();
    // Nobody is served before the event: a request behind all of them has been answered.
    let cookie = site.cookie_of("alice");
    assert!(
        site.with_cookie(&cookie, "/rawman?action=CoreStatus")
            .body
            .contains("Success")
    );
    site.happen("everybody");
    for stream in &mut waiting {
        let answer = read(stream);
        assert!(answer.contains("Text: everybody\r\n"), "{answer}");
        assert!(
            answer.ends_with("Event: WaitEventComplete\r\n\r\n"),
            "{answer}"
        );
    }
}
