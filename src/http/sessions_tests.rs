//! Tests of the table of sessions: names, bounds and time, without anybody logged in.

use std::net::SocketAddr;

use super::*;
use crate::http::connection::Pulse;
use crate::http::room::Room;
use crate::http::site::Peer;

fn peer(at: &str) -> Peer {
    let local: SocketAddr = "192.0.2.254:8088".parse().unwrap();
    let place = Room::default().enter(Host::V4(1), 1).unwrap();
    Peer {
        local,
        remote: SocketAddr::new(at.parse().unwrap(), 40_000),
        tls: false,
        certificate: None,
        pulse: Pulse::new(Rc::new(place)),
    }
}

fn sessions() -> Rc<Sessions> {
    Sessions::new(Clock::start(), Duration::from_secs(60), Arc::default())
}

fn add(sessions: &Rc<Sessions>, number: u128, means: Means, at: &str) -> Turn {
    let key = SessionKey::new(number);
    sessions.add(key, means, Visit::new(&peer(at), 0, 0))
}

fn address(at: &str) -> IpAddr {
    at.parse().unwrap()
}

#[test]
fn a_session_is_found_by_its_key_its_means_and_its_address_only() {
    let sessions = sessions();
    drop(add(&sessions, 1, Means::Cookie, "192.0.2.1"));
    let find = |number, means: &Means, at: &str| {
        (sessions.by_key(SessionKey::new(number), means, address(at))).is_some()
    };
    assert!(find(1, &Means::Cookie, "192.0.2.1"));
    assert!(find(1, &Means::Cookie, "192.0.2.1"), "and again");
    assert!(!find(2, &Means::Cookie, "192.0.2.1"));
    assert!(!find(1, &Means::Token, "192.0.2.1"));
    assert!(!find(1, &Means::Cookie, "192.0.2.2"));
}

#[test]
fn a_nonce_names_a_session_until_another_one_does() {
    let sessions = sessions();
    let means = |nonce: &str| Means::Digest("alice".into(), nonce.into());
    let turn = add(&sessions, 1, means("a"), "192.0.2.1");
    let find = |nonce: &str| {
        let found = sessions.by_proof(&means(nonce), address("192.0.2.1"));
        found.map(|turn| turn.session.key)
    };
    assert_eq!(find("a"), Some(turn.session.key));
    assert_eq!(find("b"), None);
    sessions.rename(&turn.session, means("b"));
    assert_eq!((find("a"), find("b")), (None, Some(turn.session.key)));
    assert!(
        sessions
            .by_proof(&means("b"), address("192.0.2.2"))
            .is_none()
    );
    // One that took its place stays when it ends.
    let second = add(&sessions, 2, means("b"), "192.0.2.1");
    sessions.end(&turn.session);
    assert_eq!(find("b"), Some(second.session.key));
    sessions.end(&second.session);
    assert_eq!(find("b"), None);
    // What has ended is named no more.
    sessions.rename(&second.session, means("c"));
    assert_eq!(find("c"), None);
}

#[test]
fn time_runs_when_no_request_is_under_way() {
    let sessions = sessions();
    let turn = add(&sessions, 1, Means::Cookie, "192.0.2.1");
    let session = Rc::clone(&turn.session);
    let far = Duration::from_secs(3600);
    assert_eq!(sessions.expire(far), None);
    assert!(!session.is_over());
    let second = sessions.by_key(session.key, &Means::Cookie, address("192.0.2.1"));
    drop(turn);
    assert_eq!(sessions.expire(far), None);
    assert!(second.is_some() && !session.is_over());
    drop(second);
    let due = sessions.expire(Duration::ZERO).unwrap();
    assert!(due >= OUTSIDE_LIFE && due < OUTSIDE_LIFE + Duration::from_secs(5));
    assert!(!session.is_over());
    assert_eq!(sessions.expire(due), None);
    assert!(session.is_over());
    let table = sessions.table.borrow();
    assert!(table.by_key.is_empty() && table.due.is_empty());
    assert_eq!(table.outside.count(), 0);
}

#[test]
fn a_host_with_too_many_loses_its_oldest_and_nobody_elses() {
    let sessions = sessions();
    let other = add(&sessions, u128::MAX, Means::Cookie, "192.0.2.2");
    let other = Rc::clone(&other.session);
    let all: Vec<Rc<Session>> = (0..=OUTSIDE_PER_HOST_MAX)
        .map(|number| {
            let number = u128::try_from(number).unwrap();
            let turn = add(&sessions, number, Means::Cookie, "192.0.2.1");
            Rc::clone(&turn.session)
        })
        .collect();
    let over = all.iter().filter(|session| session.is_over()).count();
    assert_eq!((over, all[0].is_over(), other.is_over()), (1, true, false));
    assert_eq!(sessions.limits.reached(Limit::HttpSessions), 1);
    // Where no host has too many, but all together do, the one with the most loses its oldest.
    let room = OUTSIDE_MAX - OUTSIDE_PER_HOST_MAX - 1;
    let hosts = 1 + room / OUTSIDE_PER_HOST_MAX;
    for number in 0..room {
        let at = format!("198.51.100.{}", number % hosts);
        let number = u128::try_from(1000 + number).unwrap();
        add(&sessions, number, Means::Cookie, &at);
    }
    assert_eq!(sessions.table.borrow().outside.count(), OUTSIDE_MAX);
    assert!(!all[1].is_over());
    for host in 0..100 {
        let number = u128::try_from(1_000_000 + host).unwrap();
        add(
            &sessions,
            number,
            Means::Cookie,
            &format!("203.0.113.{host}"),
        );
    }
    let over = all.iter().filter(|session| session.is_over()).count();
    assert!(over > 5 && !other.is_over(), "{over}");
    assert_eq!(sessions.table.borrow().outside.count(), OUTSIDE_MAX);
}
