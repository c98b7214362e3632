//! Tests of the ports: which are opened, kept, exchanged and closed.

use super::*;
use crate::config::{self, Environment};

fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn free() -> SocketAddr {
    TcpListener::bind(anywhere()).unwrap().local_addr().unwrap()
}

/// Settings with AMI at that address, and metrics if there are to be any.
fn settings(bind: SocketAddr, metrics: Option<SocketAddr>) -> Settings {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("amimux.conf");
    let text = "[general]\n[pbx]\ntype = upstream\nhost = h\nusername = u\nsecret = s\n";
    std::fs::write(&path, text).unwrap();
    let (settings, report) = config::load(&path, &Environment::default());
    let mut settings = settings.unwrap_or_else(|| panic!("{report:?}"));
    settings.general.bind = bind;
    settings.general.metrics = metrics;
    settings
}

fn names(opened: &[NewPort]) -> Vec<&str> {
    opened.iter().map(|port| port.service.name).collect()
}

#[test]
fn a_socket_is_taken_by_its_name_wherever_it_is() {
    let listeners = ["ami", "ami", "web"].map(|name| {
        let listener = TcpListener::bind(anywhere()).unwrap();
        (name.to_owned(), listener)
    });
    let at = listeners[0].1.local_addr().unwrap();
    let mut ports = Ports::new(Passed {
        sockets: listeners.into(),
        ..Passed::default()
    });
    let plan = ports.plan(&settings(free(), None)).unwrap();
    assert_eq!(names(&ports.commit(plan).0), ["ami"]);
    assert_eq!(ports.address(AMI), Some(at));
    ports.warn_of_rest();
    // Another address of the configuration does not move it, which is told once.
    let elsewhere = settings(free(), None);
    let plan = ports.plan(&elsewhere).unwrap();
    assert_eq!(plan.unmoved, [AMI]);
    assert!(ports.commit(plan).0.is_empty());
    assert_eq!(ports.address(AMI), Some(at));
    assert!(ports.plan(&elsewhere).unwrap().unmoved.is_empty());
}

#[test]
fn ports_come_move_and_go() {
    let (first, second, metrics) = (free(), free(), free());
    let mut ports = Ports::new(Passed::default());
    let plan = ports.plan(&settings(first, Some(metrics))).unwrap();
    let opened = ports.commit(plan).0;
    assert_eq!(names(&opened), ["ami", "metrics"]);
    let again = ports.plan(&settings(first, Some(metrics))).unwrap();
    assert!(ports.commit(again).0.is_empty());
    // A plan that is not carried out changes nothing.
    drop(ports.plan(&settings(second, None)).unwrap());
    assert_eq!(ports.address(AMI), Some(first));
    let plan = ports.plan(&settings(second, None)).unwrap();
    let moved = ports.commit(plan).0;
    assert_eq!(names(&moved), ["ami"]);
    assert!(opened.iter().all(|port| port.closed.is_cancelled()));
    assert!(!moved[0].closed.is_cancelled());
    assert_eq!(
        (ports.address(AMI), ports.address(METRICS)),
        (Some(second), None)
    );
}

#[test]
fn a_port_can_grow_to_all_addresses_and_shrink_and_change_hands() {
    let (narrow, other) = (free(), free());
    let wide = SocketAddr::from(([0, 0, 0, 0], narrow.port()));
    let mut ports = Ports::new(Passed::default());
    for (bind, metrics) in [
        (narrow, other),
        (wide, other),
        (narrow, other),
        (other, narrow),
    ] {
        let plan = ports.plan(&settings(bind, Some(metrics))).unwrap();
        drop(ports.commit(plan).0);
        assert_eq!(ports.address(AMI), Some(bind));
        assert_eq!(ports.address(METRICS), Some(metrics));
        // Nobody else can listen there.
        let taken = bind_error(bind);
        assert_eq!(taken, ErrorKind::AddrInUse, "{bind}");
    }
}

fn bind_error(address: SocketAddr) -> ErrorKind {
    let beside = bind(address, false);
    beside.map_or_else(|error| error.kind(), |_| ErrorKind::Other)
}

#[test]
fn what_went_wrong_is_told_with_the_option() {
    let taken = TcpListener::bind(anywhere()).unwrap();
    let address = taken.local_addr().unwrap();
    let mut ports = Ports::new(Passed::default());
    let first = ports.plan(&settings(free(), None)).unwrap();
    ports.commit(first);
    let before = ports.address(AMI);
    let error = ports.plan(&settings(address, Some(free()))).unwrap_err();
    assert!(matches!(error, PortError::InUse { .. }), "{error:?}");
    assert!(
        error.to_string().contains("`port`") && error.to_string().contains("ss -ltnp"),
        "{error}"
    );
    let elsewhere = SocketAddr::from(([192, 0, 2, 1], 5038));
    let error = ports.plan(&settings(elsewhere, None)).unwrap_err();
    assert!(matches!(error, PortError::NotHere { .. }), "{error:?}");
    assert_eq!(ports.address(AMI), before);
    for (kind, part) in [
        (ErrorKind::PermissionDenied, "CAP_NET_BIND_SERVICE"),
        (ErrorKind::OutOfMemory, "out of memory"),
    ] {
        let error = PortError::new(address, AMI.option, kind.into()).to_string();
        assert!(error.contains(part) && error.contains("`port`"), "{error}");
    }
}

#[test]
fn ports_of_the_process_before_go_on_where_they_are_still_wanted() {
    let before = [(); 2].map(|()| TcpListener::bind(anywhere()).unwrap());
    let [ami, metrics] = before
        .each_ref()
        .map(|listener| listener.local_addr().unwrap());
    let elsewhere = free();
    let cases = [
        ("by name", "ami", Some(metrics), true),
        ("by address alone", "", Some(metrics), true),
        ("another port now", "ami", Some(elsewhere), false),
    ];
    for (what, name, wanted, is_kept) in cases {
        let copies = before
            .each_ref()
            .map(|listener| listener.try_clone().unwrap());
        let [first, second] = copies;
        let mut passed = Passed::default();
        let second_name = if name.is_empty() { "" } else { METRICS.name };
        passed.hand(vec![
            (name.to_owned(), first),
            (second_name.to_owned(), second),
        ]);
        let mut ports = Ports::new(passed);
        let plan = ports.plan(&settings(ami, wanted)).unwrap();
        ports.commit(plan);
        ports.warn_of_rest();
        assert_eq!(ports.address(AMI), Some(ami), "{what}");
        assert_eq!(ports.address(METRICS), wanted, "{what}");
        let copies = ports.copies().unwrap();
        let mut cookies = copies
            .iter()
            .map(|(_, socket)| rustix::net::sockopt::socket_cookie(socket).unwrap());
        let before = rustix::net::sockopt::socket_cookie(&before[1]).unwrap();
        assert_eq!(cookies.next_back() == Some(before), is_kept, "{what}");
        assert!(ports.passed.handed.is_empty(), "{what}: none is held");
    }
}
