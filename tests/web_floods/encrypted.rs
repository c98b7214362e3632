//! HTTPS: handshakes that never end keep nobody out, and what is no TLS is closed and logged.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crate::client::connect_from;
use crate::site::{Site, curl};
use crate::support::Authority;
use crate::{ELSEWHERE, FILES_BESIDE};

#[test]
fn handshakes_without_an_end_keep_nobody_out() {
    let authority = Authority::new("amimux tests");
    let server = authority.issue(&["localhost"]);
    let site = Site::with(
        "",
        &format!(
            "session_inactivity = 3000\ntlsenable = yes\ntlsbindaddr = 127.0.0.1:{{next}}\ntlscertfile = {}\n",
            server.file.display()
        ),
    );
    let port = site.port + 1;
    let ask = || {
        let file = authority.file();
        let url = format!(
            "https://localhost:{port}/rawman?action=login&username=alice&secret=alice-secret"
        );
        curl(
            &url,
            &["--cacert", file.to_str().unwrap(), "--max-time", "5"],
        )
    };
    let begun: [&[u8]; 3] = [
        b"",
        b"\x16",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ];
    let mut stalled = Vec::new();
    for number in 0..300 {
        let mut stream = connect_from(ELSEWHERE, port);
        let _ = stream.write_all(begun[number % 3]);
        stalled.push(stream);
        if number % 50 == 0 {
            let answer = ask();
            assert!(answer.body.contains("accepted"), "{answer:?}");
            let files = crate::client::open_files(site.amimux.pid());
            assert!(files < 100 + 16 + FILES_BESIDE, "{files}");
        }
    }
    // Those that still have a place lose it soon.
    let begin = Instant::now();
    for stream in &mut stalled {
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert!(
        begin.elapsed() < Duration::from_secs(8),
        "{:?}",
        begin.elapsed()
    );
    assert!(ask().body.contains("accepted"));
    let mut plain = connect_from(ELSEWHERE, port);
    plain
        .write_all(b"GET /rawman HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .expect("bytes are taken");
    let mut answer = Vec::new();
    plain.read_to_end(&mut answer).expect("a clean end");
    // An alert at most.
    assert!(answer.len() <= 7, "{}", answer.escape_ascii());
    site.logged(&["kind=connection address=127.0.0.2", "TLS handshake"]);
}
