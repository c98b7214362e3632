//! Promise 5: a slow, greedy or dead client costs bounded memory and is dropped alone; it delays nobody.

mod hub_harness;

use std::time::Duration;

use amimux::config::settings::{General, Upstream};
use amimux::hub::Outcome;
use amimux::policy::class::Classes;
use amimux::policy::user::User;
use hub_harness::{Bench, general, upstream, user, wire};

const KILOBYTE: usize = 1024;

fn small() -> General {
    General {
        retention_bytes: 64 * KILOBYTE,
        memory_limit_bytes: 256 * KILOBYTE,
        ..general()
    }
}

/// An event of about one kilobyte.
fn large(number: usize) -> String {
    format!(
        "Event: X|Privilege: call,all|N: {number}|Fill: {}",
        "x".repeat(960)
    )
}

#[test]
fn a_client_that_does_not_read_loses_its_place_and_nobody_else_does() {
    let mut bench = Bench::with(small(), upstream());
    let (slow, fast) = (bench.client(user("a")), bench.client(user("a")));
    bench.clients[slow].stuck = true;
    for number in 0..300 {
        bench.event(&large(number));
        assert!(bench.hub.held_bytes() <= 256 * KILOBYTE);
        assert_eq!(bench.got(fast).len(), 1, "{number}");
    }
    assert_eq!(bench.hub.lost_sessions(), [bench.clients[slow].id]);
    bench.unstick(slow);
    assert!(
        matches!(bench.clients[slow].closed, Some(Outcome::FellOff { behind_bytes }) if behind_bytes > 250_000)
    );
    bench.event(&large(0));
    assert!(
        bench.hub.held_bytes() == 0,
        "nobody needs anything any more"
    );
}

#[test]
fn a_client_that_reads_slowly_but_in_time_gets_everything() {
    let mut bench = Bench::with(small(), upstream());
    let slow = bench.client(user("a"));
    bench.got(slow);
    for round in 0..20 {
        bench.clients[slow].stuck = true;
        for number in 0..50 {
            bench.event(&large(50 * round + number));
        }
        bench.clients[slow].piece = 100 + round;
        bench.unstick(slow);
    }
    let got = bench.got(slow);
    assert_eq!(got.len(), 1000);
    for (number, event) in got.iter().enumerate() {
        assert!(event.contains(&format!("|N: {number}|")));
    }
}

#[test]
fn one_large_turn_costs_nobody_an_event_who_reads() {
    let mut bench = Bench::with(
        General {
            memory_limit_bytes: 16 << 20,
            ..small()
        },
        upstream(),
    );
    let (reader, stuck) = (bench.client(user("a")), bench.client(user("a")));
    bench.clients[stuck].stuck = true;
    let turn = (0..500)
        .flat_map(|number| wire(&large(number)))
        .collect::<Vec<_>>();
    bench.feed(&turn);
    assert_eq!(bench.got(reader).len(), 500);
    assert!(
        bench.hub.held_bytes() <= 64 * KILOBYTE,
        "what is kept for the slow is bounded afterwards"
    );
    assert_eq!(bench.hub.lost_sessions(), [bench.clients[stuck].id]);
}

#[test]
fn pings_without_reading_fill_neither_memory_nor_the_hub() {
    let mut bench = Bench::new();
    let (flooder, other) = (bench.client(user("a")), bench.client(user("b")));
    bench.clients[flooder].stuck = true;
    let block = (0..500)
        .flat_map(|_| wire("Action: Ping"))
        .collect::<Vec<_>>();
    let mut taken = 0;
    while bench.hub.wants_input(bench.clients[flooder].id) && taken < 1000 {
        bench.raw(flooder, &block);
        taken += 1;
        bench.send(other, "Action: Ping");
        assert_eq!(bench.got(other).len(), 1);
    }
    assert!(taken < 1000, "the flooder is not read for ever");
    assert!(bench.hub.held_bytes() < 512 * KILOBYTE);
    bench.unstick(flooder);
    assert_eq!(
        bench.got(flooder).len(),
        500 * taken,
        "all are answered in the end"
    );
    assert!(bench.hub.wants_input(bench.clients[flooder].id));
}

#[test]
fn blank_lines_without_reading_are_bounded_too() {
    let mut bench = Bench::new();
    let flooder = bench.client(user("a"));
    bench.clients[flooder].stuck = true;
    let block = b"\r\n".repeat(8192);
    let mut taken = 0;
    while bench.hub.wants_input(bench.clients[flooder].id) && taken < 1000 {
        bench.raw(flooder, &block);
        taken += 1;
    }
    assert!(taken < 100, "{taken}");
    assert!(bench.hub.held_bytes() < 512 * KILOBYTE);
    bench.unstick(flooder);
    assert_eq!(bench.got(flooder).len(), 8192 * taken);
}

#[test]
fn a_flood_of_actions_starves_nobody() {
    let mut bench = Bench::with(
        general(),
        Upstream {
            window: 4,
            ..upstream()
        },
    );
    let flooder = bench.client(User {
        max_in_flight: 3,
        ..user("a")
    });
    let others = [bench.client(user("b")), bench.client(user("c"))];
    for number in 0..100 {
        bench.send(flooder, &format!("Action: CoreStatus|ActionID: {number}"));
    }
    assert_eq!(bench.asked().len(), 3, "its own limit");
    for other in others {
        bench.send(other, "Action: QueueStatus");
        bench.send(other, "Action: Getvar|Variable: x");
    }
    assert_eq!(bench.asked().len(), 4, "the window");
    let mut order = Vec::new();
    for _ in 0..12 {
        order.push(bench.asked()[0].split('|').next().unwrap().to_owned());
        bench.succeed();
    }
    let last = order
        .iter()
        .rposition(|action| action != "CoreStatus")
        .unwrap();
    assert!(last < 10, "everybody had a turn soon: {order:?}");
    for other in others {
        assert_eq!(bench.got(other).len(), 2);
    }
}

#[test]
fn a_client_that_leaves_takes_its_queued_actions_with_it() {
    let mut bench = Bench::with(
        general(),
        Upstream {
            window: 2,
            ..upstream()
        },
    );
    let (leaver, stayer) = (bench.client(user("a")), bench.client(user("b")));
    for _ in 0..10 {
        bench.send(leaver, "Action: CoreStatus");
    }
    bench.send(stayer, "Action: QueueStatus");
    bench.vanish(leaver);
    assert_eq!(
        bench.asked(),
        ["CoreStatus", "CoreStatus"],
        "what Asterisk has keeps its place"
    );
    bench.succeed();
    bench.succeed();
    assert_eq!(bench.asked(), ["QueueStatus"]);
    bench.succeed();
    assert_eq!(bench.got(stayer).len(), 1);
    assert_eq!(bench.asked(), [""; 0]);
}

#[test]
fn a_queue_of_requests_is_bounded() {
    let mut bench = Bench::with(
        General {
            max_queued: 5,
            ..general()
        },
        upstream(),
    );
    let client = bench.client(User {
        max_in_flight: 2,
        ..user("a")
    });
    for number in 0..20 {
        bench.send(client, &format!("Action: CoreStatus|ActionID: {number}"));
    }
    assert!(!bench.hub.wants_input(bench.clients[client].id));
    for _ in 0..20 {
        bench.succeed();
    }
    assert_eq!(bench.got(client).len(), 20, "what was taken is answered");
    assert!(bench.hub.wants_input(bench.clients[client].id));
}

#[test]
fn all_together_stay_within_the_memory_limit() {
    let mut bench = Bench::with(small(), upstream());
    let stuck = (0..10)
        .map(|number| {
            let read = if number % 2 == 0 {
                Classes::CALL
            } else {
                Classes::CALL.union(Classes::USER)
            };
            let client = bench.client(User { read, ..user("a") });
            bench.clients[client].stuck = true;
            client
        })
        .collect::<Vec<_>>();
    let reader = bench.client(user("b"));
    bench.got(reader);
    for number in 0..200 {
        for client in &stuck {
            bench.send(*client, "Action: ListCommands");
            bench.send(
                *client,
                &format!(
                    "Action: Events|EventMask: {}",
                    if number % 3 == 0 { "call" } else { "on" }
                ),
            );
        }
        bench.event(&large(number));
        assert!(bench.hub.held_bytes() <= 256 * KILOBYTE, "{number}");
        assert_eq!(bench.got(reader).len(), 1);
    }
}

#[test]
fn a_client_that_is_cut_off_takes_no_view_with_it() {
    let mut bench = Bench::with(small(), upstream());
    bench.client(User {
        read: Classes::NONE,
        ..user("idle")
    });
    let greedy = bench.client(user("a"));
    bench.clients[greedy].stuck = true;
    // It is on its way into a view of its own when it is cut off.
    bench.send(greedy, "Action: Events|EventMask: call");
    for _ in 0..400 {
        bench.send(greedy, "Action: ListCommands");
    }
    assert_eq!(
        bench.hub.lost_sessions(),
        [bench.clients[greedy].id],
        "it was cut off"
    );
    // Somebody else now makes a view, perhaps in the same place.
    let reader = bench.client(User {
        read: Classes::USER,
        ..user("b")
    });
    let callers = bench.client(User {
        read: Classes::CALL,
        ..user("b")
    });
    bench.clients[greedy].stuck = false;
    bench.flush(greedy);
    assert!(matches!(
        bench.clients[greedy].closed,
        Some(Outcome::FellOff { .. })
    ));
    bench.event("Event: X|Privilege: user,all");
    assert_eq!(bench.got(reader), ["Event: X|Privilege: user,all"]);
    bench.event("Event: X|Privilege: call,all");
    assert_eq!(bench.got(callers), ["Event: X|Privilege: call,all"]);
}

#[test]
fn when_it_is_quiet_an_event_is_delivered_in_its_turn_and_nothing_is_kept() {
    let mut bench = Bench::new();
    let clients = (0..5).map(|_| bench.client(user("a"))).collect::<Vec<_>>();
    for number in 0..10 {
        bench.event(&large(number));
        for client in &clients {
            assert_eq!(bench.got(*client).len(), 1);
        }
        assert_eq!(bench.hub.held_bytes(), 0);
    }
}

#[test]
fn a_client_in_wait_event_holds_nobody_up() {
    let mut bench = Bench::new();
    let (waiter, other) = (
        bench.client(User {
            read: Classes::NONE,
            ..user("a")
        }),
        bench.client(user("b")),
    );
    bench.send(waiter, "Action: WaitEvent");
    bench.send(other, "Action: CoreStatus");
    bench.succeed();
    assert_eq!(bench.got(other).len(), 1);
    bench.pass(Duration::from_secs(3600));
    assert_eq!(bench.got(waiter), [""; 0]);
}
