//! Requests of administrators in a hub: run outside of it, answered in their turn, forgotten with their session, and never
//! more at a time than is allowed.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a test ends by panicking"
)]

mod hub_harness;

use amimux::hub::{CloseReason, Errand, ErrandAnswer, Kick, SessionId};
use amimux::policy::class::Classes;
use amimux::policy::user::User;
use bytes::BytesMut;
use hub_harness::{Bench, user};
use proptest::prelude::*;

fn admin(name: &str) -> User {
    User {
        read: Classes::ALL,
        write: Classes::ALL,
        ..user(name)
    }
}

fn text(bench: &mut Bench, client: usize) -> String {
    String::from_utf8(bench.got_bytes(client)).unwrap()
}

fn answer(text: &str, ends_session: bool) -> ErrandAnswer {
    ErrandAnswer {
        messages: Some(BytesMut::from(text.as_bytes())),
        ends_session,
    }
}

fn done(bench: &mut Bench, errand: &Errand, text: &str) {
    let answer = answer(&format!("{text}\r\n\r\n"), false);
    bench.hub.errand_done(bench.now, errand.id, answer);
    bench.settle();
}

#[test]
fn an_errand_has_what_was_asked_and_its_answer_comes_in_its_turn() {
    let mut bench = Bench::new();
    let client = bench.client(admin("admin"));
    bench.send(client, "Action: Ping|ActionID: 1");
    bench.send(client, "Action: muxSessions|ActionID: 2|User: x");
    bench.send(client, "Action: Ping|ActionID: 3");
    let errand = bench.hub.next_errand().expect("an errand");
    assert!(bench.hub.next_errand().is_none(), "one at a time");
    assert_eq!(errand.user, "admin");
    assert_eq!(errand.action_id.as_deref(), Some(&b"2"[..]));
    assert!(
        errand.request.ends_with(b"User: x\r\n"),
        "{:?}",
        errand.request.escape_ascii()
    );
    let before = text(&mut bench, client);
    assert!(
        before.contains("ActionID: 1") && !before.contains("ActionID: 3"),
        "{before}"
    );
    done(&mut bench, &errand, "Response: Success\r\nActionID: 2");
    let after = text(&mut bench, client);
    let (own, next) = (after.find("ActionID: 2"), after.find("ActionID: 3"));
    assert!(own.is_some() && own < next, "{after}");
}

#[test]
fn who_may_not_gets_no_errand() {
    let mut bench = Bench::new();
    let client = bench.client(User {
        write: Classes::CALL,
        ..user("user")
    });
    bench.send(client, "Action: MuxKick|ActionID: 2|User: x");
    assert!(bench.hub.next_errand().is_none());
    assert!(text(&mut bench, client).contains("Message: Permission denied"));
}

#[test]
fn a_session_that_ends_meanwhile_forgets_it() {
    let mut bench = Bench::new();
    let client = bench.client(admin("admin"));
    bench.send(client, "Action: MuxStatus");
    let errand = bench.hub.next_errand().expect("an errand");
    bench.hub.remove(errand.id, CloseReason::Disconnected);
    bench
        .hub
        .errand_done(bench.now, errand.id, ErrandAnswer::default());
    // Its place may belong to another now.
    let other = bench.client(admin("other"));
    assert_eq!(bench.clients[other].id.index(), errand.id.index());
    bench.send(other, "Action: MuxStatus|ActionID: 5");
    let next = bench.hub.next_errand().expect("an errand");
    bench.hub.errand_done(
        bench.now,
        errand.id,
        answer("Response: Wrong\r\n\r\n", false),
    );
    bench
        .hub
        .errand_done(bench.now, next.id, ErrandAnswer::default());
    bench.settle();
    let text = text(&mut bench, other);
    assert!(!text.contains("Wrong"), "{text}");
    assert!(
        text.contains("ActionID: 5") && text.contains("Administration is not available"),
        "{text}"
    );
}

#[test]
fn no_more_than_32_are_run_at_a_time_and_all_are_run() {
    let mut bench = Bench::new();
    let admins: Vec<_> = (0..40)
        .map(|number| bench.client(admin(&format!("a{number}"))))
        .collect();
    for client in &admins {
        bench.send(*client, "Action: MuxStatus|ActionID: 1");
    }
    let mut running: Vec<_> = std::iter::from_fn(|| bench.hub.next_errand()).collect();
    assert_eq!(running.len(), 32);
    let mut answered = 0;
    while let Some(errand) = running.pop() {
        done(&mut bench, &errand, "Response: Success");
        answered += 1;
        running.extend(bench.hub.next_errand());
    }
    assert_eq!(answered, 40);
}

#[test]
fn whoever_ends_itself_reads_the_answer_first() {
    let mut bench = Bench::new();
    let client = bench.client(admin("admin"));
    let id = bench.clients[client].id;
    bench.send(client, "Action: MuxKick|User: admin");
    bench.send(client, "Action: Ping|ActionID: never");
    let errand = bench.hub.next_errand().expect("an errand");
    let kicked = bench
        .hub
        .kick(bench.now, &Kick::User("ADMIN".to_owned()), Some(id));
    assert_eq!((kicked.sessions, kicked.spared), (0, true));
    bench.hub.errand_done(
        bench.now,
        errand.id,
        answer("Response: Success\r\n\r\n", true),
    );
    bench.settle();
    let text = text(&mut bench, client);
    assert!(text.ends_with("Response: Success\r\n\r\n"), "{text}");
    assert!(bench.clients[client].closed.is_some());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_name_of_a_session_is_read_back_and_nothing_else_is_one(index: u32, generation: u32, text in "[0-9.+ /-]{0,12}") {
        let name = format!("{index}.{generation}");
        prop_assert_eq!(SessionId::parse(&name).unwrap().to_string(), name);
        if let Some(id) = SessionId::parse(&text) {
            prop_assert_eq!(SessionId::parse(&id.to_string()), Some(id));
        }
    }
}
