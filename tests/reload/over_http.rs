//! Sessions over HTTP, and the end of amimux.

use super::*;

#[test]
fn over_http_the_rights_of_now_hold_as_well() {
    let mut bench = Bench::new();
    let before = User {
        max_in_flight: 1,
        ..user("a")
    };
    let listener = bench.listener(before.clone(), EventMask::Everything);
    let sent = bench.ask(listener, "Action: Getvar");
    let queued = bench.ask(listener, "Action: CoreStatus|ActionID: q");
    let waits = bench.ask(listener, "Action: WaitEvent|ActionID: w");
    let after = User {
        write: Classes::CALL,
        read: Classes::AGENT,
        ..before
    };
    reload(&mut bench, &[&after]);
    let refused = "Response: Error|ActionID: q|Message: Permission denied";
    assert_eq!(bench.handed(queued).unwrap(), [refused]);
    bench.event(CALL);
    assert_eq!(bench.handed(waits), None);
    bench.event(AGENT);
    assert_eq!(bench.handed(waits).unwrap()[1], AGENT);
    bench.succeed();
    assert_eq!(
        bench.handed(sent).unwrap(),
        ["Response: Success|Message: done"]
    );
    assert_eq!(bench.query(listener, "Action: CoreStatus"), [REFUSED]);
}

#[test]
fn over_http_a_user_that_is_gone_has_its_answers_and_no_more() {
    let mut bench = Bench::new();
    let one = User {
        max_in_flight: 1,
        ..user("a")
    };
    let listener = bench.listener(one, EventMask::Everything);
    let sent = bench.ask(listener, "Action: Getvar|ActionID: s");
    let queued = bench.ask(listener, "Action: Getvar|ActionID: q");
    reload(&mut bench, &[]);
    for (asker, id) in [(sent, "s"), (queued, "q")] {
        let expected =
            format!("Response: Error|ActionID: {id}|Message: Session ended: its user was removed");
        assert_eq!(bench.handed(asker).unwrap(), [expected]);
    }
    assert_eq!(bench.web.ended, [listener]);
    bench.succeed();
    assert_eq!(
        bench.asked(),
        [""; 0],
        "what was queued never goes to Asterisk"
    );
    let why = Revoked::UserRemoved;
    assert_eq!(reasons(&bench), [CloseReason::Reloaded { why }.to_string()]);

    let waiting = bench.listener(user("b"), EventMask::Everything);
    assert_eq!(
        bench.web.ended,
        [listener, waiting],
        "b is not there either"
    );
}

#[test]
fn when_amimux_ends_asterisk_may_answer_first() {
    let mut bench = Bench::new();
    let busy = bench.client(User {
        max_in_flight: 1,
        ..user("a")
    });
    let (idle, blind) = (bench.client(user("b")), bench.client(reader(Classes::CALL)));
    bench.send(busy, "Action: Getvar|ActionID: 1");
    bench.send(busy, "Action: Getvar|ActionID: 2");
    bench.hub.begin_shut_down(bench.now);
    bench.send(busy, "Action: Getvar|ActionID: 3");
    bench.send(idle, "Action: Ping");
    assert!(!bench.hub.is_drained());
    bench.succeed();
    assert!(bench.hub.is_drained());
    assert_eq!(bench.asked(), [""; 0]);
    bench.hub.shut_down(bench.now);
    bench.settle();
    let event = "Event: Shutdown|Privilege: system,all|Shutdown: Cleanly|Restart: False";
    assert_eq!(
        bench.got(busy),
        [
            "Response: Success|ActionID: 1|Message: done",
            "Response: Error|ActionID: 2|Message: Connection ended: amimux is shutting down",
            event
        ]
    );
    assert_eq!(bench.got(idle), [event]);
    assert_eq!(bench.got(blind), [""; 0], "it does not read system");
    assert!(bench.clients.iter().all(|client| client.closed.is_some()));
}

#[test]
fn when_asterisk_does_not_answer_amimux_ends_all_the_same() {
    let mut bench = Bench::new();
    let client = bench.client(filtered(&["!Restart: True"]));
    let deaf = bench.client(filtered(&["!Event: Shutdown"]));
    bench.send(client, "Action: Getvar|ActionID: 1");
    bench.hub.begin_shut_down(bench.now);
    bench.hub.shut_down(bench.now);
    bench.settle();
    assert_eq!(
        bench.got(client),
        [
            "Response: Error|ActionID: 1|Message: Connection ended: amimux is shutting down",
            "Event: Shutdown|Privilege: system,all|Shutdown: Uncleanly|Restart: False"
        ]
    );
    assert_eq!(bench.got(deaf), [""; 0]);
    assert!(bench.clients[deaf].closed.is_some());
}
