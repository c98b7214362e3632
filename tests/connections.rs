//! What a connection may rely on, over real sockets, with a simulated Asterisk behind: greeting, login
//! forms and their timing, limits, the loss of Asterisk, slow readers, several Asterisks, the end.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by a panic"
)]

mod support;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::{AmiClient, Amimux, Simulated, until};

/// An amimux before these simulated Asterisks, called `one`, `two`, …; `more` is what follows the upstreams.
fn before(asterisks: &[&Simulated], general: &str, more: &str) -> Amimux {
    before_with("", asterisks, general, more)
}

/// [`before`], with further options of every upstream.
fn before_with(upstream: &str, asterisks: &[&Simulated], general: &str, more: &str) -> Amimux {
    let mut text = format!("[general]\nbindaddr = 127.0.0.1\nport = {{port}}\n{general}\n");
    for (asterisk, name) in asterisks.iter().zip(["one", "two"]) {
        text.push_str(&format!(
            "[{name}]\ntype = upstream\nhost = 127.0.0.1\nport = {}\nusername = upstream\nsecret = upstream-secret\n\
             reconnectmin = 100ms\nreconnectmax = 200ms\n{upstream}",
            asterisk.port
        ));
    }
    let amimux = Amimux::start(&format!("{text}{more}"));
    until("amimux is connected", || {
        (amimux.log().matches("Asterisk is connected").count() == asterisks.len()).then_some(())
    });
    amimux
}

const ALICE: &str = "[alice]\nsecret = alice-secret\nread = all\nwrite = all\n";

fn raw(amimux: &Amimux) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", amimux.port)).expect("a connection");
    stream
        .set_read_timeout(Some(support::PATIENCE))
        .expect("a deadline");
    stream
}

fn answer(client: &mut AmiClient) -> String {
    String::from_utf8(client.read_message().expect("an answer")).expect("text")
}

#[test]
fn the_banner_comes_at_once_in_one_piece_and_input_before_it_is_heard() {
    let asterisk = Simulated::start();
    let amimux = before(&[&asterisk], "", ALICE);
    let mut stream = raw(&amimux);
    let mut bytes = [0; 256];
    let count = stream.read(&mut bytes).expect("a banner");
    assert_eq!(
        bytes[..count].escape_ascii().to_string(),
        "Asterisk Call Manager/11.0.0\\r\\n"
    );
    let mut eager = raw(&amimux);
    eager
        .write_all(b"Action: Login\nUsername: ALICE\nSecret: alice-secret\nEvents: off\n\nAction: Ping\n\n")
        .expect("input before the banner");
    eager
        .shutdown(std::net::Shutdown::Write)
        .expect("a half close");
    let mut all = String::new();
    eager.read_to_string(&mut all).expect("all answers");
    assert!(
        all.starts_with("Asterisk Call Manager/11.0.0\r\nResponse: Success\r\nMessage: Authentication accepted\r\n\r\nResponse: Success\r\nPing: Pong\r\n"),
        "{all:?}"
    );
}

#[test]
fn a_failed_login_is_answered_after_a_second_and_then_closed_whatever_the_cause() {
    let asterisk = Simulated::start();
    let denied =
        "[bob]\nsecret = bob-secret\nread = all\ndeny = 127.0.0.0/8\npermit = 10.0.0.0/8\n";
    let amimux = before(&[&asterisk], "", &format!("{ALICE}{denied}"));
    for (user, secret) in [
        ("alice", "wrong"),
        ("nobody", "alice-secret"),
        ("bob", "bob-secret"),
        ("", ""),
    ] {
        let mut client = AmiClient::connect(amimux.port).expect("a connection");
        let begin = Instant::now();
        client.action(&[
            ("Action", "Login"),
            ("ActionID", "a"),
            ("Username", user),
            ("Secret", secret),
        ]);
        assert_eq!(
            answer(&mut client),
            "Response: Error\r\nActionID: a\r\nMessage: Authentication failed\r\n\r\n"
        );
        assert!(begin.elapsed() >= Duration::from_secs(1), "{user}");
        assert_eq!(client.read_message(), None, "closed");
    }
    let log = amimux.log();
    assert_eq!(
        log.matches(" WARN refused kind=login address=127.0.0.1 user=")
            .count(),
        4,
        "{log}"
    );
    assert!(!log.contains("alice-secret") && !log.contains("bob-secret"));
}

#[test]
fn connections_that_do_not_log_in_are_bounded_in_number_and_time() {
    let asterisk = Simulated::start();
    let amimux = before(&[&asterisk], "authtimeout = 2\nauthlimit = 3\n", ALICE);
    let begin = Instant::now();
    let mut idle = (0..3)
        .map(|_| until("a place", || AmiClient::connect(amimux.port).ok()))
        .collect::<Vec<_>>();
    // Whoever logs in at once is not in the way of those that say nothing: the oldest of them makes room.
    let session = AmiClient::session(amimux.port, "alice", "off");
    for client in &mut idle {
        assert_eq!(client.read_to_end(), b"", "closed without a message");
        let first = begin.elapsed() < Duration::from_secs(2);
        let log = amimux.log();
        let displaced = log
            .matches("authlimit reached, a later one took its place")
            .count();
        assert_eq!(displaced, 1, "after {:?}, {first}:\n{log}", begin.elapsed());
    }
    assert!(begin.elapsed() >= Duration::from_secs(2));
    drop(session);
    AmiClient::session(amimux.port, "alice", "off");
}

#[test]
fn sessions_are_bounded_in_all_by_user_and_by_address() {
    let asterisk = Simulated::start();
    let users =
        "[carol]\nsecret = carol-secret\nsessionlimit = 1\n\n[dave]\nsecret = dave-secret\n";
    let amimux = before(&[&asterisk], "sessionlimit = 3\naddresslimit = 2\n", users);
    let login = |host: u8, user: &str| {
        let mut client = AmiClient::connect_from(amimux.port, Ipv4Addr::new(127, 0, 0, host))
            .expect("a connection");
        client.action(&[
            ("Action", "Login"),
            ("Username", user),
            ("Secret", &format!("{user}-secret")),
            ("Events", "off"),
        ]);
        let answer = answer(&mut client);
        (client, answer)
    };
    let accepted = "Response: Success\r\nMessage: Authentication accepted\r\n\r\n";
    let refused = "Response: Error\r\nMessage: Too many sessions\r\n\r\n";
    let (carol, answer) = login(1, "carol");
    assert_eq!(answer, accepted);
    assert_eq!(login(2, "carol").1, refused);
    let (dave, answer) = login(1, "dave");
    assert_eq!(answer, accepted);
    assert_eq!(login(1, "dave").1, refused);
    let (other, answer) = login(2, "dave");
    assert_eq!(answer, accepted);
    assert_eq!(login(3, "dave").1, refused);
    for reason in ["of the user", "of [general]"] {
        let line = format!("reason=\"sessionlimit {reason} reached\"");
        assert!(amimux.log().contains(&line), "{reason}");
    }
    assert!(amimux.log().contains("reason=\"addresslimit reached\""));
    // Whoever leaves makes room.
    drop((carol, dave));
    until("room", || (login(1, "carol").1 == accepted).then_some(()));
    drop(other);
}

#[test]
fn a_user_with_allowmultiplelogin_no_has_one_session_at_a_time() {
    let asterisk = Simulated::start();
    let single = "[carol]\nsecret = carol-secret\nread = all\nallowmultiplelogin = no\n";
    let amimux = before(&[&asterisk], "", single);
    let mut first = AmiClient::session(amimux.port, "carol", "off");
    let mut second = AmiClient::connect(amimux.port).expect("a connection");
    second.action(&[
        ("Action", "Login"),
        ("Username", "Carol"),
        ("Secret", "whatever"),
    ]);
    assert_eq!(
        answer(&mut second),
        "Response: Error\r\nMessage: Login Already In Use\r\n\r\n"
    );
    assert_eq!(second.read_message(), None);
    first.action(&[("Action", "Logoff"), ("ActionID", "bye")]);
    assert_eq!(
        answer(&mut first),
        "Response: Goodbye\r\nActionID: bye\r\nMessage: Thanks for all the fish.\r\n\r\n"
    );
    assert_eq!(first.read_message(), None);
    until("carol may log in again", || {
        let mut again = AmiClient::connect(amimux.port).ok()?;
        again.action(&[
            ("Action", "Login"),
            ("Username", "carol"),
            ("Secret", "carol-secret"),
        ]);
        answer(&mut again)
            .contains("Authentication accepted")
            .then_some(())
    });
}

#[test]
fn when_asterisk_goes_away_clients_are_told_and_stay_or_are_closed_as_configured() {
    let asterisk = Simulated::start();
    let closing = "[dave]\nsecret = dave-secret\nread = all\nwrite = all\nonupstreamloss = close\n";
    let amimux = before(&[&asterisk], "", &format!("{ALICE}{closing}"));
    let mut keeps = AmiClient::session(amimux.port, "alice", "system");
    let mut closes = AmiClient::session(amimux.port, "dave", "off");
    let mut probe = AmiClient::session(amimux.port, "alice", "off");
    keeps.read_until("Event: FullyBooted");
    asterisk.pbx.with(|pbx, _| pbx.freeze(true));
    for client in [&mut keeps, &mut closes] {
        client.action(&[("Action", "CoreStatus"), ("ActionID", "in flight")]);
    }
    keeps.action(&[("Action", "CoreStatus"), ("ActionID", "behind")]);
    // The actions have to be heard before Asterisk goes: what was sent before a few turns of another client was.
    for _ in 0..3 {
        probe.action(&[("Action", "Ping")]);
        assert!(answer(&mut probe).contains("Pong"));
    }
    asterisk.pbx.with(|pbx, _| pbx.shut_down());
    let told = String::from_utf8(keeps.read_until("Event: MuxUpstreamLost")).expect("text");
    for id in ["in flight", "behind"] {
        let error =
            format!("Response: Error\r\nActionID: {id}\r\nMessage: Connection to Asterisk lost: ");
        assert_eq!(told.matches(&error).count(), 1, "{told}");
    }
    let last = String::from_utf8(closes.read_to_end()).expect("text");
    assert!(
        last.starts_with(
            "Response: Error\r\nActionID: in flight\r\nMessage: Connection to Asterisk lost: "
        ),
        "{last:?}"
    );
    keeps.action(&[("Action", "CoreStatus"), ("ActionID", "away")]);
    let away = answer(&mut keeps);
    assert!(
        away.starts_with(
            "Response: Error\r\nActionID: away\r\nMessage: Asterisk is not connected: "
        ),
        "{away:?}"
    );
    let mut late = AmiClient::session(amimux.port, "alice", "system");
    late.read_until("Event: MuxUpstreamLost");
    asterisk.pbx.with(|pbx, now| {
        pbx.freeze(false);
        pbx.restart(now);
    });
    for client in [&mut keeps, &mut late] {
        let back = String::from_utf8(client.read_until("Event: FullyBooted")).expect("text");
        assert_eq!(back.matches("Event:").count(), 1, "{back:?}");
        client.action(&[("Action", "CoreStatus"), ("ActionID", "back")]);
        assert!(answer(client).starts_with("Response: Success\r\nActionID: back\r\n"));
    }
}

#[test]
fn an_asterisk_that_stops_answering_is_given_up_and_tried_again() {
    let asterisk = Simulated::start();
    let amimux = before_with(
        "responsetimeout = 1\nkeepalive = 1\n",
        &[&asterisk],
        "",
        ALICE,
    );
    let mut client = AmiClient::session(amimux.port, "alice", "off");
    asterisk.pbx.with(|pbx, _| pbx.freeze(true));
    // Nobody asks anything: the keepalive notices.
    until("the silence is noticed", || {
        amimux.log().contains("has been silent").then_some(())
    });
    asterisk.pbx.with(|pbx, _| pbx.freeze(false));
    until("it is used again", || {
        client.action(&[("Action", "CoreStatus")]);
        answer(&mut client)
            .starts_with("Response: Success")
            .then_some(())
    });
}

#[test]
fn a_client_that_does_not_read_is_dropped_alone() {
    const BURSTS: usize = 60;
    const EVENTS: usize = 1000;
    let asterisk = Simulated::start();
    let amimux = before(&[&asterisk], "retention = 1M\n", ALICE);
    let stalled = AmiClient::session(amimux.port, "alice", "on");
    let readers = (0..6)
        .map(|_| Reader::start(&AmiClient::session(amimux.port, "alice", "on")))
        .collect::<Vec<_>>();
    let [upstream] = asterisk.connections()[..] else {
        panic!("one upstream connection");
    };
    for burst in 1..=BURSTS {
        asterisk
            .pbx
            .with(|pbx, _| pbx.flood(upstream, EVENTS as u64));
        until("every reader has the burst", || {
            readers
                .iter()
                .all(|reader| reader.events.load(Ordering::Relaxed) >= burst * EVENTS)
                .then_some(())
        });
    }
    until("the stalled client is dropped", || {
        amimux.log().contains("too slow").then_some(())
    });
    let received = readers.into_iter().map(Reader::end).collect::<Vec<_>>();
    for other in &received[1..] {
        assert!(other == &received[0], "all readers received the same");
    }
    assert_eq!(amimux.log().matches("too slow").count(), 1);
    drop(stalled);
    let resident = resident_mebibytes(amimux.pid());
    assert!(resident < 100, "{resident} MiB resident");
}

/// A client that reads as fast as it can, on a thread of its own.
struct Reader {
    /// How many events with a Privilege have come.
    events: Arc<AtomicUsize>,
    writer: TcpStream,
    thread: std::thread::JoinHandle<Vec<u8>>,
}

impl Reader {
    fn start(client: &AmiClient) -> Self {
        let events = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&events);
        let writer = client.writer();
        let mut stream = client.writer();
        let thread = std::thread::spawn(move || {
            let mut all = Vec::new();
            let mut bytes = vec![0; 256 * 1024];
            let mut counted = 0;
            while let Ok(read @ 1..) = stream.read(&mut bytes) {
                all.extend_from_slice(&bytes[..read]);
                let found = memchr::memmem::find_iter(&all[counted..], b"\r\nPrivilege: ").count();
                count.fetch_add(found, Ordering::Relaxed);
                // A mark that was cut is found with the next read.
                counted = all.len().saturating_sub(12).max(counted);
            }
            let begin = memchr::memmem::find(&all, b"Event: CEL").unwrap_or(0);
            all.split_off(begin)
        });
        Self {
            events,
            writer,
            thread,
        }
    }

    /// Says that it will send nothing more; everything that it received.
    fn end(self) -> Vec<u8> {
        self.writer
            .shutdown(std::net::Shutdown::Write)
            .expect("a half close");
        self.thread.join().expect("a reader")
    }
}

/// How much memory a process holds (`VmRSS` in proc(5)).
fn resident_mebibytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("VmRSS");
    let kibibytes: u64 = line
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .expect("a number");
    kibibytes / 1024
}

#[test]
fn each_user_is_connected_to_its_own_asterisk_only() {
    let (one, two) = (Simulated::start(), Simulated::start());
    let users = "[anna]\nsecret = anna-secret\nread = all\nwrite = all\nupstream = one\n\
                 [bert]\nsecret = bert-secret\nread = all\nwrite = all\nupstream = two\n";
    let amimux = before(&[&one, &two], "", users);
    let mut anna = AmiClient::session(amimux.port, "anna", "user");
    let mut bert = AmiClient::session(amimux.port, "bert", "user");
    for (client, name) in [(&mut anna, "anna"), (&mut bert, "bert")] {
        client.action(&[
            ("Action", "DBPut"),
            ("Family", "test"),
            ("Key", "who"),
            ("Val", name),
        ]);
        assert!(answer(client).starts_with("Response: Success"));
        client.action(&[("Action", "UserEvent"), ("UserEvent", name)]);
    }
    for (client, name, other) in [(&mut anna, "anna", "bert"), (&mut bert, "bert", "anna")] {
        client.action(&[("Action", "DBGet"), ("Family", "test"), ("Key", "who")]);
        let all = String::from_utf8(client.read_until("Event: DBGetComplete")).expect("text");
        assert!(all.contains(&format!("Val: {name}\r\n")), "{all}");
        assert!(all.contains(&format!("UserEvent: {name}\r\n")), "{all}");
        assert!(!all.contains(other), "{all}");
    }
    one.pbx.with(|pbx, _| pbx.shut_down());
    anna.action(&[("Action", "CoreStatus")]);
    bert.action(&[("Action", "CoreStatus")]);
    assert!(answer(&mut anna).starts_with("Response: Error"));
    assert!(answer(&mut bert).starts_with("Response: Success"));
}

#[test]
fn at_the_end_everybody_is_closed_in_good_order() {
    let asterisk = Simulated::start();
    let mut amimux = before(&[&asterisk], "", ALICE);
    let mut client = AmiClient::session(amimux.port, "alice", "off");
    let mut probe = AmiClient::session(amimux.port, "alice", "off");
    asterisk.pbx.with(|pbx, _| pbx.freeze(true));
    client.action(&[("Action", "CoreStatus"), ("ActionID", "open")]);
    for _ in 0..3 {
        probe.action(&[("Action", "Ping")]);
        assert!(answer(&mut probe).contains("Pong"));
    }
    assert_eq!(amimux.end(), Some(0));
    assert_eq!(
        answer(&mut client),
        "Response: Error\r\nActionID: open\r\nMessage: Connection ended: amimux is shutting down\r\n\r\n"
    );
    assert_eq!(client.read_message(), None, "closed, not reset");
    assert!(amimux.log().contains("amimux is down"), "{}", amimux.log());
}
