//! Ports and upstreams that come, go and move.

use super::*;

#[test]
fn ports_are_opened_moved_and_closed_while_sessions_stay() {
    let asterisk = Simulated::start();
    let pbx = [("pbx", asterisk.port)];
    let running = Running::start(&with("", &pbx, ALICE));
    let mut alice = running.client("alice");
    let authority = Authority::new("authority");
    let identity = authority.issue(&["localhost"]);
    let (moved, tls, metrics) = (free_ports(1), free_ports(1), free_ports(1));
    let general = format!(
        "tlsenable = yes\ntlsbindaddr = 127.0.0.1:{tls}\ntlscertfile = {}\nmetricsbindaddr = 127.0.0.1:{metrics}",
        identity.file.display()
    );
    running.reload(&with(&general, &pbx, ALICE));
    let mut encrypted = AmiClient::encrypted(tls, &authority.client()).expect("TLS");
    encrypted.log_in("alice", "off");
    assert!(TcpStream::connect(("127.0.0.1", metrics)).is_ok());
    // Another certificate for whoever comes next.
    let other = Authority::new("other");
    std::fs::copy(&other.issue(&["localhost"]).file, &identity.file).expect("a file");
    let changes = running.reload(&with(&general, &pbx, ALICE));
    assert_eq!(
        changes,
        ["[general] certificate of tlsbindaddr changed (the file of tlscertfile)"]
    );
    assert!(AmiClient::encrypted(tls, &authority.client()).is_err());
    assert!(AmiClient::encrypted(tls, &other.client()).is_ok());
    let there = with("", &pbx, ALICE).replace("{port}", &moved.to_string());
    running.reload(&there);
    until("the ports are closed", || {
        let open = |port| TcpStream::connect(("127.0.0.1", port)).is_ok();
        (!open(running.port) && !open(tls) && !open(metrics)).then_some(())
    });
    let mut late = AmiClient::session(moved, "alice", "off");
    assert!(is_alive(&mut late) && is_alive(&mut alice) && is_alive(&mut encrypted));
    // From one address to all of them and back, with the same number.
    for address in ["0.0.0.0", "127.0.0.1"] {
        running.reload(&there.replace("bindaddr = 127.0.0.1", &format!("bindaddr = {address}")));
        assert!(comes_in(moved, "alice", "alice-secret"), "{address}");
    }
    assert!(is_alive(&mut late));
}

#[test]
fn upstreams_come_go_and_move() {
    let (one, two) = (Simulated::start(), Simulated::start());
    let alice = format!("{ALICE}upstream = one\n");
    let bob = format!("{BOB}upstream = two\n");
    let running = Running::start(&with("", &[("one", one.port)], &alice));
    let mut first = running.client("alice");
    reaches_asterisk(&mut first);
    let both = [("one", one.port), ("two", two.port)];
    let changes = running.reload(&with("", &both, &format!("{alice}{bob}")));
    assert_eq!(changes, ["upstream two: added", "user bob: added"]);
    let mut second = running.client("bob");
    reaches_asterisk(&mut second);
    // The other Asterisk takes its place: clients stay, and are answered by that one.
    let moved = Simulated::start();
    let there = [("one", moved.port), ("two", two.port)];
    running.reload(&with("", &there, &format!("{alice}{bob}")));
    drop(one);
    reaches_asterisk(&mut first);
    assert!(is_alive(&mut second));
    // A user moves, and the upstream goes.
    let bob_moved = bob.replace("upstream = two", "upstream = one");
    let changes = running.reload(&with(
        "",
        &[("one", moved.port)],
        &format!("{alice}{bob_moved}"),
    ));
    assert_eq!(
        changes,
        [
            "upstream two: removed",
            "user bob: upstream was 'two', is 'one'"
        ]
    );
    second.read_to_end();
    reaches_asterisk(&mut first);
    let mut again = running.client("bob");
    reaches_asterisk(&mut again);
}
