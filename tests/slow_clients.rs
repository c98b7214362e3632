//! Clients that read too slowly: those with `onslow = skip` go on with the present and are told exactly what they
//! missed, however their writes are cut; `writetimeout` ends those whose socket takes nothing.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by a panic"
)]

mod hub_harness;

use std::time::Duration;

use amimux::config::settings::General;
use amimux::hub::{CloseReason, Notice, Outcome};
use amimux::policy::class::Classes;
use amimux::policy::user::{OnSlow, User};
use hub_harness::{Bench, general, upstream, user};
use proptest::prelude::*;

const RETENTION: usize = 16 * 1024;

fn small() -> Bench {
    let general = General {
        retention_bytes: RETENTION,
        memory_limit_bytes: 256 * 1024,
        ..general()
    };
    Bench::with(general, upstream())
}

fn skipping(name: &str) -> User {
    User {
        on_slow: OnSlow::Skip,
        ..user(name)
    }
}

/// An event with that number, of about `size` bytes.
fn numbered(class: &str, number: usize, size: usize) -> String {
    format!(
        "Event: X|Privilege: {class},all|N: {number}|Fill: {}",
        "x".repeat(size)
    )
}

/// The number of an event of [`numbered`].
fn number_of(message: &str) -> Option<usize> {
    let (_, rest) = message.split_once("|N: ")?;
    rest.split('|').next()?.parse().ok()
}

/// What a `MuxEventsSkipped` says: messages and bytes.
fn gap(message: &str) -> Option<(usize, usize)> {
    let counts = message
        .strip_prefix("Event: MuxEventsSkipped|Privilege: system,all|Messages: ")?
        .split_once("|Bytes: ")?;
    Some((counts.0.parse().unwrap(), counts.1.parse().unwrap()))
}

fn wire_bytes(message: &str) -> usize {
    hub_harness::wire(message).len()
}

/// Takes what a client got apart: the numbers of its events, what it was told that it missed, and where.
fn told(got: &[String]) -> (Vec<usize>, Vec<(usize, usize, usize)>) {
    let (mut numbers, mut gaps) = (Vec::new(), Vec::new());
    for message in got {
        if let Some((messages, bytes)) = gap(message) {
            gaps.push((numbers.len(), messages, bytes));
        } else if let Some(number) = number_of(message) {
            numbers.push(number);
        }
    }
    (numbers, gaps)
}

#[test]
fn one_that_skips_is_told_once_and_exactly_what_it_missed() {
    let mut bench = small();
    let (slow, fast) = (bench.client(skipping("a")), bench.client(user("b")));
    bench.clients[slow].stuck = true;
    let sent = (0..300)
        .map(|number| numbered("call", number, 900 + number))
        .collect::<Vec<_>>();
    for event in &sent {
        bench.event(event);
        assert_eq!(bench.got(fast).len(), 1);
        assert!(bench.hub.held_bytes() <= RETENTION + 3000);
    }
    assert_eq!(bench.hub.lost_sessions(), [], "it is not to be ended");
    bench.unstick(slow);
    let (numbers, gaps) = told(&bench.got(slow));
    let [(0, messages, bytes)] = gaps[..] else {
        panic!("one gap, before everything: {gaps:?}");
    };
    let missed = 300 - numbers.len();
    assert!(missed > 200 && numbers.len() > 1, "{missed}");
    assert_eq!(numbers, (missed..300).collect::<Vec<_>>(), "the newest");
    let expected = sent[..missed].iter().map(|event| wire_bytes(event)).sum();
    assert_eq!((messages, bytes), (missed, expected));
    assert!(
        bench.notices.iter().any(
            |notice| matches!(notice, Notice::EventsSkipped { user, events, bytes: logged, .. }
            if user == "a" && *events == messages as u64 && *logged == bytes as u64)
        ),
        "the log is told the same"
    );
    bench.event(&numbered("call", 300, 10));
    assert_eq!(told(&bench.got(slow)), (vec![300], vec![]), "it goes on");
    assert_eq!(bench.hub.held_bytes(), 0);
}

#[test]
fn no_event_is_torn_wherever_writing_stopped() {
    let first = numbered("call", 0, 20);
    let second = numbered("user", 1, 5);
    let both = wire_bytes(&first) + wire_bytes(&second);
    for room in 1..=both {
        let mut bench = small();
        let slow = bench.client(skipping("a"));
        bench.clients[slow].stuck = true;
        bench.events(&[&first, &second]);
        bench.clients[slow].room = room;
        bench.clients[slow].stuck = false;
        bench.flush(slow);
        assert!(bench.clients[slow].stuck);
        for number in 2..100 {
            bench.event(&numbered("call", number, 900));
        }
        bench.clients[slow].room = usize::MAX;
        bench.clients[slow].piece = 1 + room % 7;
        bench.unstick(slow);
        let (numbers, gaps) = told(&bench.got(slow));
        let [(place, messages, _)] = gaps[..] else {
            panic!("{room}: {gaps:?}");
        };
        let begun = if room > wire_bytes(&first) { 2 } else { 1 };
        assert_eq!(place, begun, "{room}: behind what was begun");
        assert_eq!(numbers[..place], [0, 1][..place], "{room}");
        assert_eq!(numbers[place], place + messages);
        assert_eq!(numbers.last(), Some(&99), "{room}");
    }
}

#[test]
fn answers_are_never_skipped_and_stay_in_order() {
    let mut bench = small();
    let slow = bench.client(skipping("a"));
    bench.clients[slow].stuck = true;
    for number in 0..100 {
        bench.send(slow, &format!("Action: Ping|ActionID: ping {number}"));
        bench.send(slow, &format!("Action: CoreStatus|ActionID: core {number}"));
        bench.event(&numbered("call", number, 900));
        bench.succeed();
    }
    bench.unstick(slow);
    let got = bench.got(slow);
    let answers = got
        .iter()
        .filter(|message| message.starts_with("Response: "))
        .map(|message| {
            let (_, rest) = message.split_once("|ActionID: ").unwrap();
            rest.split('|').next().unwrap().to_owned()
        })
        .collect::<Vec<_>>();
    let expected = (0..100)
        .flat_map(|number| [format!("ping {number}"), format!("core {number}")])
        .collect::<Vec<_>>();
    assert_eq!(answers, expected);
    assert!(
        got[0].contains("ping 0") && gap(&got[1]).is_some(),
        "the first event was missed behind the first answer: {got:?}"
    );
    let (numbers, gaps) = told(&got);
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0].1 + numbers.len(), 100);
    assert_eq!(numbers.last(), Some(&99));
}

#[test]
fn an_answer_that_is_half_written_is_finished_before_the_gap() {
    let mut bench = small();
    let slow = bench.client(skipping("a"));
    bench.clients[slow].room = 10;
    bench.send(slow, "Action: Ping|ActionID: half");
    for number in 0..100 {
        bench.event(&numbered("call", number, 900));
    }
    bench.clients[slow].room = usize::MAX;
    bench.unstick(slow);
    let got = bench.got(slow);
    assert!(got[0].starts_with("Response: Success|ActionID: half|Ping: Pong"));
    assert!(gap(&got[1]).is_some(), "{:?}", got[1]);
}

#[test]
fn a_gap_that_is_half_told_is_finished_and_the_next_told_apart() {
    let mut bench = small();
    let slow = bench.client(skipping("a"));
    bench.clients[slow].stuck = true;
    for number in 0..100 {
        bench.event(&numbered("call", number, 900));
    }
    bench.clients[slow].room = 30;
    bench.clients[slow].stuck = false;
    bench.flush(slow);
    for number in 100..300 {
        bench.event(&numbered("call", number, 900));
    }
    bench.clients[slow].room = usize::MAX;
    bench.unstick(slow);
    let (numbers, gaps) = told(&bench.got(slow));
    assert_eq!(gaps.len(), 2, "{gaps:?}");
    let missed = gaps.iter().map(|(_, messages, _)| messages).sum::<usize>();
    assert_eq!(missed + numbers.len(), 300, "each is counted once");
    assert_eq!(numbers.last(), Some(&299));
}

#[test]
fn a_change_of_view_around_a_gap_takes_effect() {
    let mut bench = small();
    let (slow, fast) = (bench.client(skipping("a")), bench.client(user("b")));
    bench.clients[slow].stuck = true;
    let mut seen = Vec::new();
    for number in 0..200 {
        if number == 3 {
            bench.send(slow, "Action: Events|EventMask: user|ActionID: narrowed");
        }
        let class = if number % 2 == 0 { "call" } else { "user" };
        bench.event(&numbered(class, number, 900));
        if number < 3 || class == "user" {
            seen.push(number);
        }
        assert_eq!(bench.got(fast).len(), 1);
    }
    bench.unstick(slow);
    let got = bench.got(slow);
    let (numbers, gaps) = told(&got);
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    let missed = gaps[0].1;
    assert_eq!(
        numbers,
        seen[missed..],
        "what it missed is what it would have seen"
    );
    let narrowed = got.iter().position(|m| m.contains("ActionID: narrowed"));
    assert_eq!(narrowed, Some(1), "behind the gap, before what goes on");
    bench.event(&numbered("call", 200, 10));
    bench.event(&numbered("user", 201, 10));
    assert_eq!(told(&bench.got(slow)).0, [201]);
    assert_eq!(bench.hub.held_bytes(), 0, "no view is left behind");
}

#[test]
fn a_wait_event_around_a_gap_is_answered() {
    for rest in [0, 100] {
        let mut bench = small();
        let slow = bench.client(skipping("a"));
        bench.clients[slow].stuck = true;
        for number in 0..50 {
            bench.event(&numbered("call", number, 900));
        }
        bench.send(slow, "Action: WaitEvent|ActionID: wait");
        for number in 50..52 + rest {
            bench.event(&numbered("call", number, 900));
        }
        bench.unstick(slow);
        let got = bench.got(slow);
        let place = |text: &str| got.iter().position(|message| message.contains(text));
        let begin = place("Waiting for Event completed.").unwrap();
        let end = place("Event: WaitEventComplete|ActionID: wait").unwrap();
        let skipped = place("MuxEventsSkipped").unwrap();
        assert!(skipped < begin && begin < end, "{rest}: {got:?}");
        let (numbers, gaps) = told(&got);
        assert_eq!(gaps.len(), 1, "{rest}");
        assert_eq!(gaps[0].1 + numbers.len(), 52 + rest);
    }
}

#[test]
fn one_that_skips_is_cut_off_when_its_answers_fill_the_memory() {
    let general = General {
        retention_bytes: RETENTION,
        memory_limit_bytes: 64 * 1024,
        ..general()
    };
    let mut bench = Bench::with(general, upstream());
    let (slow, fast) = (bench.client(skipping("a")), bench.client(user("b")));
    bench.clients[slow].stuck = true;
    for number in 0..400 {
        bench.send(slow, "Action: ListCommands");
        bench.event(&numbered("call", number, 900));
        assert_eq!(bench.got(fast).len(), 1);
        assert!(bench.hub.held_bytes() <= 64 * 1024);
    }
    assert_eq!(bench.hub.lost_sessions(), [bench.clients[slow].id]);
    bench.unstick(slow);
    assert!(matches!(
        bench.clients[slow].closed,
        Some(Outcome::FellOff { .. })
    ));
}

#[test]
fn the_gap_is_told_to_those_who_may_not_read_system() {
    let mut bench = small();
    let slow = bench.client(User {
        read: Classes::CALL,
        ..skipping("a")
    });
    bench.clients[slow].stuck = true;
    for number in 0..100 {
        bench.event(&numbered("call", number, 900));
        bench.event(&numbered("user", number, 10));
    }
    bench.unstick(slow);
    let (numbers, gaps) = told(&bench.got(slow));
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0].1 + numbers.len(), 100, "its own view only");
}

fn timed(milliseconds: u64) -> User {
    User {
        write_timeout: Duration::from_millis(milliseconds),
        ..user("a")
    }
}

/// Whether a client is to be ended.
fn is_lost(bench: &Bench, client: usize) -> bool {
    bench.hub.lost_sessions() == [bench.clients[client].id]
}

#[test]
fn a_socket_that_takes_nothing_for_writetimeout_is_given_up_on_a_quiet_system() {
    let mut bench = Bench::new();
    let (slow, fast) = (bench.client(timed(2000)), bench.client(user("b")));
    bench.clients[slow].stuck = true;
    bench.pass(Duration::from_secs(60));
    assert!(!is_lost(&bench, slow), "nothing waits for it");
    bench.event("Event: X|Privilege: call,all");
    bench.pass(Duration::from_millis(1999));
    assert!(!is_lost(&bench, slow));
    bench.pass(Duration::from_millis(1));
    assert!(is_lost(&bench, slow));
    bench
        .hub
        .remove(bench.clients[slow].id, CloseReason::Disconnected);
    bench.settle();
    let reason = bench.notices.iter().find_map(|notice| match notice {
        Notice::SessionClosed { reason, .. } => Some(reason.to_string()),
        _ => None,
    });
    assert_eq!(
        reason.as_deref(),
        Some("too slow: took nothing for 2000 ms (writetimeout), 33 bytes behind")
    );
    assert_eq!(bench.got(fast).len(), 1);
    bench.event("Event: X|Privilege: call,all");
    assert_eq!(bench.hub.held_bytes(), 0);
}

#[test]
fn one_byte_a_second_is_not_nothing() {
    let mut bench = Bench::new();
    let slow = bench.client(timed(2000));
    bench.clients[slow].stuck = true;
    bench.event(&numbered("call", 0, 10));
    let size = wire_bytes(&numbered("call", 0, 10));
    for taken in 1..size {
        bench.pass(Duration::from_secs(1));
        assert!(!is_lost(&bench, slow), "{taken}");
        bench.clients[slow].room = 1;
        bench.clients[slow].stuck = false;
        bench.flush(slow);
    }
    bench.pass(Duration::from_secs(2));
    assert!(is_lost(&bench, slow), "and then it stopped");
}

#[test]
fn a_new_blockage_has_the_whole_time_again() {
    let mut bench = Bench::new();
    let slow = bench.client(timed(2000));
    for number in 0..5 {
        bench.clients[slow].stuck = true;
        bench.event(&numbered("call", number, 10));
        bench.pass(Duration::from_millis(1900));
        assert!(!is_lost(&bench, slow), "{number}");
        bench.unstick(slow);
        assert_eq!(bench.got(slow).len(), 1);
    }
    bench.pass(Duration::from_secs(60));
    assert!(!is_lost(&bench, slow), "it has everything");
}

/// What happens to the client of the property test.
#[derive(Debug, Clone)]
enum Step {
    /// Asterisk sends so many events of that size in one turn.
    Events(usize, usize),
    /// The client asks for something that is answered here.
    Ping,
    /// It asks for an event mask: everything, or `call` alone.
    Mask(bool),
    /// Its socket takes so many bytes.
    Read(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..6_usize, 0..1500_usize).prop_map(|(count, size)| Step::Events(count, size)),
        1 => Just(Step::Ping),
        1 => any::<bool>().prop_map(Step::Mask),
        3 => (1..5000_usize).prop_map(Step::Read),
    ];
    prop::collection::vec(step, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// However writes are cut: whole messages, answers in order, and what is missing is what is told, where it is told.
    #[test]
    fn what_comes_and_what_is_told_to_be_missed_is_everything(steps in steps()) {
        let general = General { retention_bytes: 4096, ..general() };
        let mut bench = Bench::with(general, upstream());
        let slow = bench.client(skipping("a"));
        bench.clients[slow].stuck = true;
        let (mut sent, mut pings, mut wide) = (Vec::new(), 0, true);
        for step in steps {
            match step {
                Step::Events(count, size) => {
                    let first = sent.len();
                    let events = (first..first + count).map(|number| {
                        let class = if number % 2 == 0 { "call" } else { "user" };
                        sent.push(wide || class == "call");
                        numbered(class, number, size)
                    }).collect::<Vec<_>>();
                    bench.events(&events.iter().map(String::as_str).collect::<Vec<_>>());
                }
                Step::Ping => {
                    bench.send(slow, &format!("Action: Ping|ActionID: {pings}"));
                    pings += 1;
                }
                Step::Mask(all) => {
                    let mask = if all { "on" } else { "call" };
                    bench.send(slow, &format!("Action: Events|EventMask: {mask}"));
                    wide = all;
                }
                Step::Read(room) => {
                    bench.clients[slow].room = room;
                    bench.clients[slow].stuck = false;
                    bench.flush(slow);
                    bench.clients[slow].stuck = true;
                    bench.flush(slow);
                }
            }
            prop_assert_eq!(bench.hub.lost_sessions(), []);
        }
        bench.clients[slow].room = usize::MAX;
        bench.unstick(slow);
        bench.event("Event: Last|Privilege: call,all");
        let got = bench.got(slow);
        let wanted = (0..sent.len()).filter(|number| sent[*number]).collect::<Vec<_>>();
        let (numbers, gaps) = told(&got);
        let missed = gaps.iter().map(|(_, messages, _)| messages).sum::<usize>();
        prop_assert_eq!(missed + numbers.len(), wanted.len());
        // Where a gap is told, at least one is missing, and nowhere else may one be.
        let mut rest = wanted.as_slice();
        for (index, number) in numbers.iter().enumerate() {
            let at = rest.iter().position(|wanted| wanted == number);
            prop_assert!(at.is_some(), "{number} twice, out of order, or not wanted");
            let at = at.unwrap();
            let told = gaps.iter().any(|(place, ..)| *place == index);
            prop_assert!(at == 0 || told, "{at} missing in silence before {number}");
            rest = &rest[at + 1..];
        }
        let answered = got.iter().filter(|message| message.contains("Ping: Pong"))
            .map(|message| message.split('|').nth(1).unwrap().to_owned())
            .collect::<Vec<_>>();
        let asked = (0..pings).map(|number| format!("ActionID: {number}")).collect::<Vec<_>>();
        prop_assert_eq!(answered, asked);
        prop_assert_eq!(bench.hub.held_bytes(), 0);
    }
}
