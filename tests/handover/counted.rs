//! Counted events and numbered actions, against the simulated PBX.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use amimux::policy::class::Classes;

use super::configuration;
use super::service::{Service, Way};
use super::support::{AmiClient, Simulated};

const RESTARTS: usize = 10;

/// The time between two restarts: long enough for the slow reader to fall behind.
const BETWEEN: Duration = Duration::from_millis(400);

/// A thread that has the PBX send numbered events, until it is asked how many.
struct Source {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Source {
    fn start(asterisk: &Simulated) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, pbx) = (Arc::clone(&stop), asterisk.pbx.clone());
        let thread = std::thread::spawn(move || {
            let mut number = 0;
            while !stopped.load(Ordering::Relaxed) {
                for _ in 0..10 {
                    number += 1;
                    let event = format!(
                        "Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: Count\r\nNumber: {number}\r\nFiller: {}\r\n\r\n",
                        "x".repeat(300)
                    );
                    pbx.with(|pbx, _| pbx.broadcast(Classes::USER, event.as_bytes()));
                }
                std::thread::park_timeout(Duration::from_millis(5));
            }
            number
        });
        Self { stop, thread }
    }

    /// How many events there were; the last one says so.
    fn finish(self, asterisk: &Simulated) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        let count = self.thread.join().expect("the source");
        let end = "Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: End\r\n\r\n";
        let pbx = &asterisk.pbx;
        pbx.with(|pbx, _| pbx.broadcast(Classes::USER, end.as_bytes()));
        count
    }
}

/// The value of a header.
fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// Reads to the end of the counted events; `pause` is made after each message. How many events it saw.
fn read_counted(client: &mut AmiClient, pause: impl Fn(u64)) -> u64 {
    let mut seen = 0;
    loop {
        let message = client.read_message().expect("an open connection");
        let message = String::from_utf8_lossy(&message);
        match header(&message, "UserEvent") {
            Some("Count") => {
                let number: u64 = header(&message, "Number").unwrap().parse().unwrap();
                assert_eq!(number, seen + 1, "each event once, in order");
                seen = number;
                pause(seen);
            }
            Some("End") => return seen,
            _ => {}
        }
    }
}

/// Asks for numbered things until it is stopped; each answer comes once, in order. How many.
fn ask(port: u16, name: usize, stop: &AtomicBool, asked: &AtomicU64) -> u64 {
    let mut client = AmiClient::session(port, "alice", "off");
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        // Three at a time, the last of them in two halves.
        let id = |number: u64| format!("{name}/{number}");
        for offset in 1..=2 {
            client.action(&[("Action", "Ping"), ("ActionID", &id(number + offset))]);
        }
        let list = format!(
            "Action: CoreShowChannels\r\nActionID: {}\r\n\r\n",
            id(number + 3)
        );
        let (first, second) = list.split_at(20);
        client.send(first.as_bytes());
        std::thread::park_timeout(Duration::from_millis(3));
        client.send(second.as_bytes());
        for offset in 1..=3 {
            let message = client.read_message().expect("an open connection");
            let message = String::from_utf8_lossy(&message).into_owned();
            assert_eq!(header(&message, "Response"), Some("Success"), "{message}");
            assert_eq!(
                header(&message, "ActionID"),
                Some(id(number + offset).as_str()),
                "{message}"
            );
        }
        let rest = client.read_until("CoreShowChannelsComplete\r\n");
        let rest = String::from_utf8_lossy(&rest).into_owned();
        assert!(
            rest.contains(&format!("ActionID: {}\r\n", id(number + 3))),
            "{rest}"
        );
        number += 3;
        asked.fetch_add(3, Ordering::Relaxed);
    }
    client.action(&[("Action", "Logoff"), ("ActionID", "bye")]);
    let rest = String::from_utf8_lossy(&client.read_to_end()).into_owned();
    assert_eq!(rest.matches("Response: ").count(), 1, "{rest}");
    number
}

/// The answer to `WaitEvent`, once.
fn it_has_waited(client: &mut AmiClient) {
    let waited = client.read_until("Event: WaitEventComplete\r\n");
    let waited = String::from_utf8_lossy(&waited).into_owned();
    let answers = ["Response: Success\r\n", "Event: WaitEventComplete\r\n"];
    for text in answers {
        assert_eq!(waited.matches(text).count(), 1, "{waited}");
    }
    assert_eq!(waited.matches("ActionID: wait\r\n").count(), 2, "{waited}");
}

fn ten_restarts_lose_and_repeat_nothing(way: Way) {
    let asterisk = Simulated::start();
    let mut service = Service::start(way, &configuration(asterisk.port, ""));
    let port = service.port;
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::new(AtomicU64::new(0));
    let askers: Vec<_> = (0..4)
        .map(|name| {
            let (stop, asked) = (Arc::clone(&stop), Arc::clone(&asked));
            std::thread::spawn(move || ask(port, name, &stop, &asked))
        })
        .collect();
    let mut readers: Vec<_> = (0..6)
        .map(|_| AmiClient::session(port, "alice", "user"))
        .collect();
    // One waits by an action, and one has sent half of one.
    let mut waiting = AmiClient::session(port, "alice", "off");
    waiting.action(&[
        ("Action", "WaitEvent"),
        ("ActionID", "wait"),
        ("Timeout", "4"),
    ]);
    let mut half = AmiClient::session(port, "alice", "off");
    half.send(b"Action: Ping\r\nActio");
    let source = Source::start(&asterisk);
    let slow = readers.pop().expect("a reader");
    let slow = std::thread::spawn(move || {
        let mut slow = slow;
        // Reads nothing for seconds, then a little now and then.
        std::thread::park_timeout(Duration::from_secs(3));
        read_counted(&mut slow, |seen| {
            if seen % 500 == 0 {
                std::thread::park_timeout(Duration::from_millis(20));
            }
        })
    });
    let readers: Vec<_> = readers
        .into_iter()
        .map(|mut reader| std::thread::spawn(move || read_counted(&mut reader, |_| {})))
        .collect();
    for restart in 1..=RESTARTS {
        let before = asked.load(Ordering::Relaxed);
        let took = service.restart();
        service.wait_for_take_overs(restart);
        super::support::until("actions are answered", || {
            (asked.load(Ordering::Relaxed) >= before + 30).then_some(())
        });
        assert!(took < Duration::from_secs(10), "{took:?}");
        std::thread::park_timeout(BETWEEN);
    }
    half.send(b"nID: half\r\n\r\n");
    let answer = String::from_utf8_lossy(&half.read_message().expect("an answer")).into_owned();
    assert!(answer.contains("ActionID: half\r\n"), "{answer}");
    stop.store(true, Ordering::Relaxed);
    let answered: u64 = askers
        .into_iter()
        .map(|asker| asker.join().expect("an asker"))
        .sum();
    assert_eq!(answered, asked.load(Ordering::Relaxed));
    let count = source.finish(&asterisk);
    for reader in readers {
        assert_eq!(reader.join().expect("a reader"), count);
    }
    assert_eq!(slow.join().expect("the slow reader"), count);
    assert_eq!(asterisk.connections().len(), 1, "amimux stays connected");
    it_has_waited(&mut waiting);
    let took_over = service.taken_over();
    assert_eq!(took_over.len(), RESTARTS, "{took_over:#?}");
}

#[test]
fn ten_successors_lose_and_repeat_nothing() {
    ten_restarts_lose_and_repeat_nothing(Way::TakeOver);
}

#[test]
fn ten_restarts_by_the_service_manager_lose_and_repeat_nothing() {
    ten_restarts_lose_and_repeat_nothing(Way::Store);
}
