//! Tests of the table of sessions: names, bounds and time, without anybody logged in.

use std::net::SocketAddr;

use super::*;
use crate::http::site::Peer;

fn peer(at: &str) -> Peer {
    let local: SocketAddr = "192.0.2.254:8088".parse().unwrap();
    Peer {
        local,
        remote: SocketAddr::new(at.parse().unwrap(), 40_000),
        tls: false,
        certificate: None,
    }
}

fn sessions() -> Rc<Sessions> {
    Sessions::new(Clock::start(), Duration::from_secs(60))
}

fn add(sessions: &Rc<Sessions>, number: u128, means: Means, at: &str) -> Option<Turn> {
    let key = SessionKey::new(number);
    sessions.add(key, means, Visit::new(&peer(at), 0, 0))
}

fn address(at: &str) -> IpAddr {
    at.parse().unwrap()
}

#[test]
fn a_session_is_found_by_its_key_its_means_and_its_address_only() {
    let sessions = sessions();
    drop(add(&sessions, 1, Means::Cookie, "192.0.2.1").unwrap());
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
    let turn = add(&sessions, 1, means("a"), "192.0.2.1").unwrap();
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
    let second = add(&sessions, 2, means("b"), "192.0.2.1").unwrap();
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
    let turn = add(&sessions, 1, Means::Cookie, "192.0.2.1").unwrap();
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
    assert!(table.outside == 0 && table.outside_of_host.is_empty());
}

#[test]
fn a_host_with_too_many_loses_its_oldest_and_nobody_elses() {
    let sessions = sessions();
    let other = add(&sessions, u128::MAX, Means::Cookie, "192.0.2.2").unwrap();
    let other = Rc::clone(&other.session);
    let all: Vec<Rc<Session>> = (0..=OUTSIDE_PER_HOST_MAX)
        .map(|number| {
            let number = u128::try_from(number).unwrap();
            let turn = add(&sessions, number, Means::Cookie, "192.0.2.1").unwrap();
            Rc::clone(&turn.session)
        })
        .collect();
    let over = all.iter().filter(|session| session.is_over()).count();
    assert_eq!((over, all[0].is_over(), other.is_over()), (1, true, false));
    // Where nobody has too many, the newcomer is refused.
    for number in 0_u128.. {
        let hosts = number / u128::try_from(OUTSIDE_PER_HOST_MAX).unwrap();
        let at = format!("198.51.100.{hosts}");
        if add(&sessions, 1000 + number, Means::Cookie, &at).is_none() {
            break;
        }
    }
    assert_eq!(sessions.table.borrow().outside, OUTSIDE_MAX);
    assert!(add(&sessions, u128::MAX - 1, Means::Cookie, "203.0.113.1").is_none());
    assert!(add(&sessions, u128::MAX - 1, Means::Cookie, "192.0.2.1").is_some());
}
