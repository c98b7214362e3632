//! Filters, settings, and those whom nothing concerns.

use super::*;

#[test]
fn a_user_has_other_filters_and_the_session_keeps_its_own() {
    let events = ["X-1", "X-2", "X-3"].map(|name| format!("Event: {name}|Privilege: call,all"));
    let mut bench = Bench::new();
    let client = bench.client(filtered(&["!X-1"]));
    bench.send(client, "Action: Filter|Operation: Add|Filter: !X-3");
    bench.got(client);
    let cases: [(&[&str], &[usize]); 4] = [
        (&["!X-1"], &[1]),
        (&["!X-2"], &[0]),
        (&[], &[0, 1]),
        (&["!X-3"], &[0, 1]),
    ];
    for (patterns, seen) in cases {
        reload(&mut bench, &[&filtered(patterns)]);
        for event in &events {
            bench.event(event);
        }
        let expected: Vec<_> = seen.iter().map(|index| events[*index].as_str()).collect();
        assert_eq!(bench.got(client), expected, "{patterns:?}");
    }
    reload(&mut bench, &[&user("a")]);
    bench.event(&events[2]);
    assert_eq!(
        bench.got(client),
        [""; 0],
        "the session's own filter outlives the user's"
    );
}

#[test]
fn whom_nothing_concerns_notices_nothing() {
    let mut bench = Bench::new();
    let (same, other) = (filtered(&["!X-1"]), user("b"));
    let client = bench.client(same.clone());
    let listener = bench.listener(same.clone(), EventMask::Everything);
    bench.client(other.clone());
    let sets = bench.hub.filter_statistics();
    // Read again, every part of it is new and says the same.
    let again = filtered(&["!X-1"]);
    let barred = User {
        read: Classes::NONE,
        ..other
    };
    bench.hub.reload(bench.now, change(&[&again, &barred]));
    let unaware = bench.clients[client].id;
    while let Some(dirty) = bench.hub.next_dirty() {
        assert_ne!(dirty, unaware);
    }
    assert!(Arc::ptr_eq(
        &bench.hub.user(unaware).unwrap().event_filters,
        &same.event_filters
    ));
    bench.settle();
    assert_eq!(bench.got(client), [""; 0]);
    assert_eq!(bench.events_of(listener), [""; 0]);
    assert_eq!(
        bench.hub.filter_statistics(),
        sets,
        "nothing is compiled anew"
    );
    assert!(bench.hub.drop_requested().is_none());
    bench.event(CALL);
    assert_eq!(bench.got(client), [CALL]);
    assert_eq!(bench.events_of(listener), [CALL]);
}

#[test]
fn rights_are_kept_where_the_administrator_has_it_so() {
    let mut bench = Bench::new();
    let client = bench.client(user("a"));
    let mut kept = change(&[&reader(Classes::NONE)]);
    kept.keep_rights = true;
    kept.general = General {
        disabled_events: vec!["AgentLogin".to_owned()],
        ..general()
    }
    .into();
    bench.hub.reload(bench.now, kept.clone());
    bench.events(&[CALL, AGENT]);
    assert_eq!(bench.got(client), [CALL], "settings hold all the same");
    kept.users = users(&[]);
    bench.hub.reload(bench.now, kept);
    bench.event(CALL);
    assert_eq!(bench.got(client), [CALL]);
    let late = bench.client(user("a"));
    bench.event(CALL);
    assert_eq!(bench.got(late), [CALL]);
}

#[test]
fn a_login_that_was_decided_before_comes_in_with_the_rights_of_now() {
    let mut bench = Bench::new();
    reload(&mut bench, &[&reader(Classes::AGENT)]);
    let client = bench.client(user("A"));
    bench.events(&[CALL, AGENT]);
    assert_eq!(bench.got(client), [AGENT]);
    let listener = bench.listener(user("a"), EventMask::Everything);
    bench.events(&[CALL, AGENT]);
    assert_eq!(bench.events_of(listener), [AGENT]);

    let gone = bench.login(user("b"));
    assert_eq!(
        bench.got(gone),
        ["Response: Error|Message: Authentication failed"]
    );
    assert!(bench.clients[gone].closed.is_some());
    let ended = bench.listener(user("b"), EventMask::Everything);
    assert_eq!(bench.web.ended, [ended]);
}

#[test]
fn another_asterisk_is_connected_to_at_once() {
    let changes: [fn(&mut Upstream); 5] = [
        |upstream| upstream.host = "192.0.2.2".to_owned(),
        |upstream| upstream.port = 5039,
        |upstream| upstream.username = "other".to_owned(),
        |upstream| upstream.secret = amimux::policy::secret::Secret::new("other"),
        |upstream| upstream.auth_type = amimux::config::settings::AuthType::Plain,
    ];
    for changed in changes {
        let mut bench = Bench::new();
        let client = bench.client(user("a"));
        bench.send(client, "Action: Getvar|ActionID: 1");
        let mut change = change(&[&user("a")]);
        let mut other = upstream();
        changed(&mut other);
        change.upstream = other.into();
        bench.hub.reload(bench.now, change);
        bench.send(client, "Action: Getvar|ActionID: 2");
        assert_eq!(bench.asked().len(), 1, "nothing more goes to the old one");
        let cause = bench.hub.drop_requested().unwrap();
        assert_eq!(cause, "its settings were changed by a reload");
        bench.lose(&cause);
        let got = bench.got(client);
        for (id, got) in ["1", "2"].iter().zip(&got) {
            assert!(
                got.starts_with(&format!("Response: Error|ActionID: {id}|")),
                "{got}"
            );
        }
        assert_eq!(bench.hub.reconnect_at(), Some(bench.now.since_start));
        bench.connect();
        assert!(bench.hub.is_ready());
        bench.send(client, "Action: Getvar");
        assert_eq!(bench.asked().len(), 1);
    }
}

#[test]
fn who_waits_to_connect_waits_no_longer_than_it_must_now() {
    let mut bench = Bench::new();
    bench.lose("it broke");
    for _ in 0..8 {
        bench.hub.upstream_lost(bench.now, "refused");
    }
    let wait = |bench: &Bench| bench.hub.reconnect_at().unwrap() - bench.now.since_start;
    assert!(wait(&bench) > Duration::from_secs(10));
    let mut shorter = change(&[]);
    shorter.upstream = Upstream {
        reconnect_max: Duration::from_secs(1),
        ..upstream()
    }
    .into();
    bench.hub.reload(bench.now, shorter);
    assert_eq!(wait(&bench), Duration::from_secs(1));
    let mut elsewhere = change(&[]);
    elsewhere.upstream = Upstream {
        port: 1,
        ..upstream()
    }
    .into();
    bench.hub.reload(bench.now, elsewhere);
    assert_eq!(wait(&bench), Duration::ZERO);
}

#[test]
fn settings_follow() {
    let mut bench = Bench::new();
    let me = user("a");
    let client = bench.client(me.clone());
    let mut other = change(&[&me]);
    other.general = General {
        timestamp_events: Some(true),
        broken_events_action: true,
        frame_bytes_max: 200,
        max_queued: 1,
        ..general()
    }
    .into();
    other.upstream = Upstream {
        response_timeout: Duration::from_secs(3),
        keepalive: Duration::from_secs(2),
        ..upstream()
    }
    .into();
    bench.hub.reload(bench.now, other);
    bench.event(CALL);
    assert!(bench.got(client)[0].contains("|Timestamp: "));
    bench.event(&format!("{CALL}|Fill: {}", "x".repeat(200)));
    assert_eq!(bench.got(client), [""; 0], "longer than maxmessage");
    bench.send(client, "Action: Events|EventMask: on");
    assert_eq!(bench.got(client), [""; 0], "brokeneventsaction");
    let pings = bench.asterisk.pings;
    bench.pass(Duration::from_millis(2500));
    assert_eq!(bench.asterisk.pings, pings + 1);
    for _ in 0..3 {
        bench.send(client, "Action: Getvar");
    }
    assert_eq!(bench.asked().len(), 1, "maxqueued");
    reload(&mut bench, &[&me]);
    assert_eq!(bench.asked().len(), 3, "there is room now");
    let mut quick = change(&[&me]);
    quick.upstream = Upstream {
        response_timeout: Duration::from_secs(3),
        ..upstream()
    }
    .into();
    bench.hub.reload(bench.now, quick);
    bench.asterisk.silent = true;
    bench.pass(Duration::from_secs(4));
    assert!(
        bench
            .hub
            .drop_requested()
            .unwrap()
            .contains("silent for 3 s")
    );
}

#[test]
fn a_shorter_writetimeout_counts_for_those_who_do_not_read_now() {
    let mut bench = Bench::new();
    let client = bench.client(user("a"));
    bench.clients[client].stuck = true;
    bench.event(CALL);
    bench.flush(client);
    let hasty = User {
        write_timeout: Duration::from_secs(1),
        ..user("a")
    };
    reload(&mut bench, &[&hasty]);
    bench.pass(Duration::from_secs(2));
    assert_eq!(bench.hub.lost_sessions(), [bench.clients[client].id]);
}

#[test]
fn a_wait_for_events_goes_on_with_the_rights_of_now() {
    let mut bench = Bench::new();
    let client = bench.client(user("a"));
    bench.send(client, "Action: WaitEvent|ActionID: w");
    reload(&mut bench, &[&reader(Classes::AGENT)]);
    bench.event(CALL);
    assert_eq!(bench.got(client), [""; 0]);
    bench.event(AGENT);
    assert_eq!(
        bench.got(client),
        [
            "Response: Success|ActionID: w|Message: Waiting for Event completed.",
            AGENT,
            "Event: WaitEventComplete|ActionID: w"
        ]
    );
}

#[test]
fn whose_action_ids_are_seen_follows() {
    let mut bench = Bench::new();
    let client = bench.client(user("a"));
    let sender = bench.client(user("b"));
    for (action_ids, shown) in [(ActionIds::All, true), (ActionIds::User, false)] {
        let changed = User {
            action_ids,
            ..user("a")
        };
        reload(&mut bench, &[&changed, &user("b")]);
        bench.send(sender, "Action: UserEvent|ActionID: 7|UserEvent: x");
        let token = bench.token();
        bench.event(&format!(
            "Event: UserEvent|Privilege: user,all|ActionID: {token}|UserEvent: x"
        ));
        assert_eq!(bench.got(client)[0].contains("ActionID: 7"), shown);
        bench.succeed();
    }
}
