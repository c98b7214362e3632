//! How much a client may send and how long it may take, and what is answered to what is no request.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::site::Site;
use crate::support::{PATIENCE, until};

#[test]
fn what_is_too_large() {
    let site = Site::start();
    let close = |status: &str, text: &str, request: &[u8]| {
        let answer = site.raw(request);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        assert!(answer.contains("Connection: close\r\n"), "{answer}");
        assert!(answer.contains(text), "{answer}");
    };
    let long = "y".repeat(4100);
    close(
        "400",
        "Request line too long",
        format!("GET /rawman?x={long} HTTP/1.1\r\n\r\n").as_bytes(),
    );
    close(
        "400",
        "Header line too long",
        format!("GET /rawman HTTP/1.1\r\nX: {long}\r\n\r\n").as_bytes(),
    );
    let many = "X: y\r\n".repeat(101);
    close(
        "413",
        "Too many headers",
        format!("GET /rawman HTTP/1.1\r\n{many}\r\n").as_bytes(),
    );
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let body = "x".repeat(40_961);
    let post = format!("POST /rawman HTTP/1.1\r\n{form}Content-Length: 40961\r\n\r\n{body}");
    close("413", "Body too large", post.as_bytes());
    let post = format!(
        "POST /rawman HTTP/1.1\r\n{form}Transfer-Encoding: chunked\r\n\r\na001\r\n{body}\r\n0\r\n\r\n"
    );
    close("413", "Body too large", post.as_bytes());
    // Far beyond that nothing is read at all.
    let answer =
        site.raw(format!("GET /rawman HTTP/1.1\r\nX: {}\r\n\r\n", "y".repeat(300_000)).as_bytes());
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let answer = site.raw(b"nonsense\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[test]
fn methods_and_paths() {
    let site = Site::with("", "redirect = /old /rawman\nservername =\n");
    for (path, method, status) in [
        ("/rawman", "PUT", 501),
        ("/arawman", "DELETE", 501),
        ("/nothing", "PUT", 404),
        ("/nothing", "GET", 404),
        ("/raw%6dan", "GET", 404),
        ("/rawman/x", "GET", 404),
        ("/static/x", "GET", 404),
    ] {
        let answer = site.curl(path, &["-X", method]);
        assert_eq!(answer.status, status, "{method} {path}");
        assert!(
            answer.body.contains("<hr />\r\n</body>"),
            "{method} {path}: no server is named"
        );
        assert_eq!(answer.header("Server"), None);
    }
    let moved = site.curl("/old", &[]);
    assert_eq!((moved.status, moved.body.as_str()), (302, ""));
    assert_eq!(
        site.curl("/OLD?x=y", &[]).header("Location"),
        Some("/rawman")
    );
    let small = site.raw(b"get /rawman?action=ping HTTP/1.0\r\n\r\n");
    assert!(small.contains("Permission denied"), "{small}");
}

#[test]
fn a_head_is_a_head_and_the_connection_goes_on() {
    let site = Site::start();
    let cookie = site.cookie_of("alice");
    let get = site.with_cookie(&cookie, "/rawman?action=CoreStatus");
    let head = site.curl("/rawman?action=CoreStatus", &["-b", &cookie, "--head"]);
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("Content-Length"), get.header("Content-Length"));
    let both = site.raw(
        b"HEAD /nothing HTTP/1.1\r\n\r\nHEAD /arawman HTTP/1.1\r\n\r\nGET /nothing HTTP/1.1\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(
        both.matches("HTTP/1.1 404 Not Found\r\n").count(),
        2,
        "{both}"
    );
    assert_eq!(both.matches("HTTP/1.1 401 ").count(), 1, "{both}");
    assert_eq!(both.matches("<html>").count(), 1, "{both}");
}

/// What comes until the server closes, and after how many milliseconds it does.
fn until_closed(site: &Site, bytes: &[u8]) -> (String, u128) {
    let begin = Instant::now();
    let answer = site.raw(bytes);
    (answer, begin.elapsed().as_millis())
}

#[test]
fn half_a_request_and_none() {
    let site = Site::with("", "session_inactivity = 1000\nsession_keep_alive = 2000\n");
    for half in [
        &b"GET /rawm"[..],
        b"GET /rawman HTTP/1.1\r\nX: y\r\n",
        b"POST /rawman HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\nab",
    ] {
        let (answer, took) = until_closed(&site, half);
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
        assert!(answer.contains("Connection: close\r\n"), "{answer}");
        assert!((900..3000).contains(&took), "{took} ms");
    }
    let (answer, took) = until_closed(&site, b"GET /rawman HTTP/1.1\r\n\r\n");
    assert!(
        answer.contains("200 OK") && (1900..4000).contains(&took),
        "{took} ms: {answer}"
    );
    // The first request has ten seconds to begin, whatever is configured.
    let (answer, took) = until_closed(&site, b"");
    assert!(
        answer.is_empty() && (9900..12000).contains(&took),
        "{took} ms: {answer}"
    );
}

#[test]
fn no_connection_is_kept_where_none_is_to_be() {
    let site = Site::with("", "session_keep_alive = 0\n");
    let (answer, took) = until_closed(&site, b"GET /rawman?action=ping HTTP/1.1\r\n\r\n");
    assert!(
        answer.contains("Connection: close\r\n") && took < 1000,
        "{took} ms: {answer}"
    );
}

#[test]
fn one_connection_too_many_takes_the_place_of_an_idle_one_or_is_closed_without_an_answer() {
    let site = Site::with("", "sessionlimit = 2\n");
    let cookie = site.cookie_of("bob");
    let connect = || {
        let stream = TcpStream::connect(("127.0.0.1", site.port)).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a deadline");
        stream
    };
    let is_closed = |stream: &mut TcpStream| {
        let brief = Some(Duration::from_secs(2));
        stream.set_read_timeout(brief).expect("a deadline");
        match stream.read(&mut [0]) {
            Ok(count) => count == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    };
    let mut idle = connect();
    let mut waiting: Vec<TcpStream> = (0..2)
        .map(|_| {
            let mut stream = connect();
            let request = "GET /rawman?action=waitevent HTTP/1.1\r\nCookie";
            write!(stream, "{request}: {cookie}\r\nConnection: close\r\n\r\n").unwrap();
            std::thread::park_timeout(Duration::from_millis(200));
            stream
        })
        .collect();
    assert!(is_closed(&mut idle));
    site.logged(&["kind=connection", "a later one took its place"]);
    // The newer wait has ended the older one, so that there is room for one that waits in turn.
    let mut first = waiting.remove(0);
    let mut answer = String::new();
    first.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    // Where both do something, the newcomer is refused; one that has not begun yet may still lose its place.
    let other = site.cookie_of("alice");
    until("a newcomer is refused", || {
        let mut busy = connect();
        let request = "GET /rawman?action=waitevent HTTP/1.1\r\nCookie";
        write!(busy, "{request}: {other}\r\n\r\n").ok()?;
        std::thread::park_timeout(Duration::from_millis(200));
        let log = || site.amimux.log();
        let refused = is_closed(&mut connect());
        (refused && log().contains("sessionlimit of [http] reached\"")).then_some(())
    });
    site.happen("still there");
    let mut answer = String::new();
    let mut last = waiting.remove(0);
    last.read_to_string(&mut answer).expect("an answer");
    assert!(answer.contains("Text: still there\r\n"), "{answer}");
}

#[test]
fn restrictions_of_paths() {
    let site = Site::with(
        "",
        "prefix = asterisk\n[/asterisk/rawman]\ntype = restriction\ndeny = 127.0.0.2\n\
         [/asterisk]\ntype = restriction\ndeny = 127.0.0.3\n",
    );
    for (from, path, status) in [
        ("127.0.0.1", "/asterisk/rawman", 200),
        ("127.0.0.2", "/asterisk/rawman", 403),
        ("127.0.0.2", "/ASTERISK/RAWMAN/", 403),
        ("127.0.0.2", "/asterisk/mxml", 200),
        ("127.0.0.3", "/asterisk/mxml", 403),
        ("127.0.0.3", "/asterisk/nothing", 403),
        ("127.0.0.3", "/nothing", 404),
    ] {
        let answer = site.curl(path, &["--interface", from]);
        assert_eq!(answer.status, status, "{from} {path}");
        assert_eq!(answer.body.contains("Access denied by ACL"), status == 403);
    }
}

#[test]
fn an_end_in_good_order() {
    let mut site = Site::start();
    let cookie = site.cookie_of("bob");
    let waiting =
        crate::site::Running::start(&site.url("/rawman?action=waitevent"), &["-b", &cookie]);
    std::thread::park_timeout(Duration::from_millis(300));
    let begin = Instant::now();
    assert_eq!(site.amimux.end(), Some(0));
    assert!(begin.elapsed() < Duration::from_secs(8));
    let answer = waiting.finish();
    assert!(matches!(answer.status, 200 | 503), "{answer:?}");
}
