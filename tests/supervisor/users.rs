//! Users, their rights, and limits.

use super::*;

#[test]
fn users_come_and_go_and_have_what_is_written_now() {
    let asterisk = Simulated::start();
    let pbx = [("pbx", asterisk.port)];
    let running = Running::start(&with("", &pbx, &format!("{ALICE}{BOB}")));
    let (mut alice, mut bob) = (running.client("alice"), running.client("bob"));
    let narrower = ALICE
        .replace("write = all", "write = call")
        .replace("alice-secret", "other-secret");
    let carol = "[carol]\nsecret = carol-secret\nread = all\n";
    let changes = running.reload(&with("", &pbx, &format!("{narrower}{carol}")));
    assert_eq!(
        changes,
        [
            "user alice: write was 'all', is 'call'",
            "user alice: secret changed",
            "user carol: added",
            "user bob: removed"
        ]
    );
    bob.read_to_end();
    let refused = ask(&mut alice, &[("Action", "CoreStatus")]);
    assert!(refused.contains("Permission denied"), "{refused}");
    assert!(is_alive(&mut alice));
    assert!(!comes_in(running.port, "alice", "alice-secret"));
    assert!(comes_in(running.port, "alice", "other-secret"));
    assert!(comes_in(running.port, "carol", "carol-secret"));
    assert!(!comes_in(running.port, "bob", "bob-secret"));
    // Whom an access list denies now goes.
    let denied = format!("{narrower}deny = 127.0.0.1\n{carol}");
    running.reload(&with("", &pbx, &denied));
    alice.read_to_end();
    assert!(!comes_in(running.port, "alice", "other-secret"));
    // Nothing else has changed, so nothing is told.
    assert_eq!(
        running.reload(&with("", &pbx, &format!("; moved\n\n{denied}"))),
        [""; 0]
    );
}

#[test]
fn rights_are_kept_where_reload_is_as_with_asterisk() {
    let asterisk = Simulated::start();
    let pbx = [("pbx", asterisk.port)];
    let running = Running::start(&with("reload = asterisk", &pbx, &format!("{ALICE}{BOB}")));
    let (mut alice, mut bob) = (running.client("alice"), running.client("bob"));
    running.reload(&with(
        "reload = asterisk",
        &pbx,
        &ALICE.replace("write = all", "write = call"),
    ));
    reaches_asterisk(&mut alice);
    reaches_asterisk(&mut bob);
    assert!(!comes_in(running.port, "bob", "bob-secret"));
    let mut fresh = running.client("alice");
    assert!(ask(&mut fresh, &[("Action", "CoreStatus")]).contains("Permission denied"));
}

#[test]
fn limits_hold_for_whoever_comes_next() {
    let asterisk = Simulated::start();
    let pbx = [("pbx", asterisk.port)];
    let users = format!("{ALICE}{BOB}");
    let running = Running::start(&with("", &pbx, &users));
    let mut first = running.client("alice");
    let mut second = running.client("alice");
    running.reload(&with(
        "sessionlimit = 1\nbanner = Asterisk Call Manager/1.2.3",
        &pbx,
        &users,
    ));
    assert!(
        is_alive(&mut first) && is_alive(&mut second),
        "whoever is in stays"
    );
    assert!(!comes_in(running.port, "alice", "alice-secret"));
    running.reload(&with("authtimeout = 1", &pbx, &users));
    assert!(comes_in(running.port, "alice", "alice-secret"));
    let mut silent = AmiClient::connect(running.port).expect("a connection");
    let begin = std::time::Instant::now();
    silent.read_to_end();
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "authtimeout of now"
    );
    running.reload(&with(
        "failedlogins = 1\nfailedloginperiod = 3600",
        &pbx,
        &users,
    ));
    assert!(!comes_in(running.port, "bob", "wrong"));
    assert!(
        !comes_in(running.port, "bob", "bob-secret"),
        "too many failed"
    );
    running.reload(&with("failedlogins = 0", &pbx, &users));
    assert!(comes_in(running.port, "bob", "bob-secret"));
    running.reload(&with("deny = 127.0.0.1", &pbx, &users));
    assert!(
        AmiClient::connect(running.port).is_err(),
        "nobody may connect"
    );
    first.read_to_end();
}

#[test]
fn what_cannot_be_used_changes_nothing_and_a_dry_run_neither() {
    let asterisk = Simulated::start();
    let pbx = [("pbx", asterisk.port)];
    let good = with("", &pbx, ALICE);
    let running = Running::start(&good);
    let mut alice = running.client("alice");
    running.write(&with("retention = lots", &pbx, BOB));
    let Err(OrderError::Configuration(errors)) = running.order(false) else {
        panic!("it was put in force");
    };
    assert!(
        errors[0].contains("amimux.conf:4:") && errors[0].contains("retention"),
        "{errors:?}"
    );
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let at = taken.local_addr().expect("its address").port();
    let elsewhere = |port: u16| {
        let other = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let far = other.local_addr().expect("its address").port();
        let general = format!("metricsbindaddr = 127.0.0.1:{port}");
        with(
            &general,
            &[("pbx", asterisk.port), ("far", far)],
            &format!("{BOB}upstream = pbx\n"),
        )
    };
    running.write(&elsewhere(at));
    let Err(OrderError::Unable(reason)) = running.order(false) else {
        panic!("the port is taken");
    };
    assert!(reason.contains("another program uses the port"), "{reason}");
    running.write(&elsewhere(free_ports(1)));
    let would = running.order(true).expect("it could be");
    assert!(
        would
            .changes
            .iter()
            .any(|line| line == "user alice: removed"),
        "{would:?}"
    );
    assert!(is_alive(&mut alice));
    assert!(comes_in(running.port, "alice", "alice-secret"));
    assert!(!comes_in(running.port, "bob", "bob-secret"));
    assert_eq!(running.reload(&good), [""; 0]);
}
