//! Tests of logins that are checked against a hash: what the door does before, meanwhile and afterwards.

use std::net::Ipv4Addr;

use super::*;
use crate::policy::acl::Acl;
use crate::policy::class::Classes;
use crate::policy::rights::{Audit, Rights};
use crate::policy::secret::{Credential, Secret};
use crate::policy::secret_hash::SecretHash;
use crate::policy::user::{ActionIds, LoginForms, OnSlow, OnUpstreamLoss};

const FROM: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const NOW: Duration = Duration::from_secs(100);
const FREE: &dyn Fn(&User) -> bool = &|_| false;
const ROOM: &dyn Fn(&User) -> Option<Full> = &|_| None;
const IN_USE: &dyn Fn(&User) -> bool = &|_| true;

fn user(name: &str, credential: Credential) -> User {
    User {
        name: name.to_owned(),
        credential,
        login_forms: LoginForms::Any,
        tls_client_name: None,
        web_token: None,
        event_filters: Arc::default(),
        rights: Rights::default(),
        audit: Audit::default(),
        read: Classes::ALL,
        write: Classes::ALL,
        acl: Acl::default(),
        allow_multiple_login: true,
        display_connects: true,
        write_timeout: Duration::from_secs(30),
        on_slow: OnSlow::Disconnect,
        set_variables: Vec::new(),
        upstream: "pbx".to_owned(),
        on_upstream_loss: OnUpstreamLoss::Keep,
        action_ids: ActionIds::User,
        max_in_flight: 8,
        session_limit: 0,
    }
}

fn users() -> Users {
    let hash = || Credential::Hash(SecretHash::create(b"right", [3; 16], 8, 1).unwrap());
    let mut users = Users::default();
    users.insert(user("hashed", hash()));
    users.insert(user("plain", Credential::Secret(Secret::new("right"))));
    users.insert(User {
        allow_multiple_login: false,
        ..user("once", hash())
    });
    users.insert(User {
        login_forms: LoginForms::Md5,
        ..user("md5", Credential::Secret(Secret::new("right")))
    });
    users
}

/// Calls with the users, and without a limit on failed logins.
fn known<T>(in_use: &dyn Fn(&User) -> bool, call: impl FnOnce(&mut Known<'_>) -> T) -> T {
    call(&mut Known {
        users: &users(),
        address: FROM,
        in_use,
        full: ROOM,
        failed_logins: &mut FailedLogins::new(0, Duration::ZERO),
    })
}

#[test]
fn an_address_that_failed_too_often_is_refused_unseen() {
    let mut failed_logins = FailedLogins::new(3, Duration::from_secs(30));
    let mut attempt = |user: &str, secret: &str, at: u64| {
        let (mut door, mut out) = (Door::new(7), BytesMut::new());
        let input = format!("Action: Login\r\nUsername: {user}\r\nSecret: {secret}\r\n\r\n");
        door.input().extend_from_slice(input.as_bytes());
        let now = NOW + Duration::from_secs(at);
        let mut known = Known {
            users: &users(),
            address: FROM,
            in_use: FREE,
            full: ROOM,
            failed_logins: &mut failed_logins,
        };
        let mut step = door.step(now, &mut known, &mut out);
        if let Step::Verify(verification) = &step {
            let right = verification.run();
            step = door.verified(now, right, &mut known, &mut out);
        }
        match step {
            Step::Admit(_) => return "admitted",
            Step::CloseAt(moment) => assert_eq!(moment, now + FAILURE_DELAY),
            other => panic!("{other:?}"),
        }
        assert_eq!(
            out,
            "Response: Error\r\nMessage: Authentication failed\r\n\r\n"
        );
        match door.take_refused().expect("a refusal").cause {
            RefusedCause::RateLimit => "unseen",
            RefusedCause::Login { .. } => "failed",
            other => panic!("{other:?}"),
        }
    };
    // What is right costs nothing, however often.
    for _ in 0..10 {
        assert_eq!(attempt("plain", "right", 0), "admitted");
        assert_eq!(attempt("hashed", "right", 0), "admitted");
    }
    assert_eq!(attempt("plain", "wrong", 0), "failed");
    assert_eq!(attempt("hashed", "wrong", 0), "failed");
    assert_eq!(attempt("nobody", "x", 0), "failed");
    for (user, secret) in [
        ("plain", "wrong"),
        ("plain", "right"),
        ("hashed", "right"),
        ("nobody", "x"),
    ] {
        assert_eq!(attempt(user, secret, 1), "unseen", "{user} {secret}");
    }
    // One comes back every ten seconds.
    assert_eq!(attempt("plain", "right", 11), "admitted");
    assert_eq!(attempt("plain", "wrong", 11), "failed");
    assert_eq!(attempt("plain", "right", 12), "unseen");
}

/// A door that has read this, what it answered, and its step.
fn read(input: &str, in_use: &dyn Fn(&User) -> bool) -> (Door, BytesMut, Step) {
    let (mut door, mut out) = (Door::new(7), BytesMut::new());
    door.input().extend_from_slice(input.as_bytes());
    let step = known(in_use, |known| door.step(NOW, known, &mut out));
    (door, out, step)
}

const LOGIN: &str =
    "Action: Login\r\nActionID: 9\r\nUsername: Hashed\r\nSecret: right\r\nEvents: off\r\n\r\n";

#[test]
fn a_right_secret_is_admitted_with_everything_that_follows() {
    let challenge = "Action: Challenge\r\nAuthType: MD5\r\n\r\n";
    let behind = "Action: Ping\r\n\r\nAction: Lo";
    let (mut door, mut out, step) = read(&format!("{challenge}{LOGIN}{behind}"), FREE);
    let Step::Verify(verification) = step else {
        panic!("{step:?}")
    };
    assert!(out.ends_with(b"Challenge: 7\r\n\r\n"));
    assert!(verification.run());
    // What comes meanwhile waits, and is not lost.
    door.input().extend_from_slice(b"goff\r\n\r\n");
    let step = known(FREE, |known| door.step(NOW, known, &mut out));
    assert!(matches!(step, Step::Wait), "{step:?}");
    out.clear();
    let step = known(FREE, |known| door.verified(NOW, true, known, &mut out));
    let Step::Admit(admitted) = step else {
        panic!("{step:?}")
    };
    assert_eq!(admitted.user.name, "hashed");
    assert_eq!(&*admitted.account, b"Hashed");
    assert_eq!(admitted.action_id.as_deref(), Some(&b"9"[..]));
    assert_eq!(admitted.events, event_mask::parse(b"off"));
    assert_eq!(admitted.challenge, Some(Challenge::new(7)));
    assert_eq!(admitted.input, format!("{behind}goff\r\n\r\n"));
    assert!(out.is_empty());
    assert_eq!(door.take_refused(), None);
}

#[test]
fn every_failure_is_answered_alike_a_second_after_it_was_read() {
    use LoginFailure::{Md5OfHash, PlainForbidden, UnknownUser, WrongSecret};
    for (name, headers, failure) in [
        ("hashed", "Secret: wrong", WrongSecret),
        ("once", "Secret: wrong", WrongSecret),
        ("hashed", "Secret:", WrongSecret),
        ("hashed", "AuthType: MD5\r\nKey: 1", Md5OfHash),
        ("plain", "Secret: wrong", WrongSecret),
        ("md5", "Secret: right", PlainForbidden),
        ("nobody", "Secret: right", UnknownUser),
    ] {
        let login =
            format!("Action: Login\r\nActionID: 9\r\nUsername: {name}\r\n{headers}\r\n\r\n");
        let (mut door, mut out, mut step) = read(&login, FREE);
        if let Step::Verify(verification) = &step {
            assert!(out.is_empty() && door.take_refused().is_none());
            let right = verification.run();
            step = known(FREE, |known| door.verified(NOW, right, known, &mut out));
        }
        let Step::CloseAt(moment) = step else {
            panic!("{name}: {step:?}")
        };
        assert_eq!(moment, NOW + Duration::from_secs(1), "{name}");
        let expected = "Response: Error\r\nActionID: 9\r\nMessage: Authentication failed\r\n\r\n";
        assert_eq!(out, expected, "{name}");
        let refused = door.take_refused().unwrap();
        assert_eq!(refused.user, name);
        assert_eq!(refused.reason, failure.to_string());
        let RefusedCause::Login { failure: told, .. } = refused.cause else {
            panic!("{name}: {refused:?}")
        };
        assert_eq!(told, failure, "{name}");
        assert_eq!(door.take_refused(), None);
    }
}

#[test]
fn a_session_that_began_during_the_check_counts() {
    let login = LOGIN.replace("Hashed", "once");
    let (mut door, mut out, step) = read(&login, FREE);
    assert!(matches!(step, Step::Verify(_)), "{step:?}");
    let step = known(IN_USE, |known| door.verified(NOW, true, known, &mut out));
    assert!(
        matches!(step, Step::CloseAt(at) if at == NOW + FAILURE_DELAY),
        "{step:?}"
    );
    assert!(out.ends_with(b"Message: Login Already In Use\r\n\r\n"));
    assert_eq!(
        door.take_refused().unwrap().cause,
        RefusedCause::SessionLimit(None)
    );
    // Whose secret is wrong does not learn of it, and nobody's is checked where it does not matter.
    let (mut door, mut out, _) = read(&login, FREE);
    known(IN_USE, |known| door.verified(NOW, false, known, &mut out));
    assert!(out.ends_with(b"Message: Authentication failed\r\n\r\n"));
    let (_, _, step) = read(&login, IN_USE);
    assert!(matches!(step, Step::CloseAt(_)), "{step:?}");
    let (mut door, mut out, _) = read(LOGIN, IN_USE);
    assert!(matches!(
        known(IN_USE, |known| door.verified(NOW, true, known, &mut out)),
        Step::Admit(_)
    ));
}

#[test]
fn a_result_that_nobody_asked_for_opens_nothing() {
    let (mut door, mut out, _) = read("Action: Login\r\nUsername: nobody\r\n\r\n", FREE);
    out.clear();
    assert!(matches!(
        known(FREE, |known| door.verified(NOW, true, known, &mut out)),
        Step::Wait
    ));
    let (mut door, mut out, _) = read(LOGIN, FREE);
    known(FREE, |known| door.verified(NOW, false, known, &mut out));
    assert!(matches!(
        known(FREE, |known| door.verified(NOW, true, known, &mut out)),
        Step::Wait
    ));
}

#[test]
fn a_limit_on_sessions_is_told_only_to_those_who_prove_who_they_are() {
    let attempt = |user: &str, secret: &str, full: Full| {
        let (mut door, mut out) = (Door::new(7), BytesMut::new());
        let input = format!("Action: Login\r\nUsername: {user}\r\nSecret: {secret}\r\n\r\n");
        door.input().extend_from_slice(input.as_bytes());
        let mut known = Known {
            users: &users(),
            address: FROM,
            in_use: FREE,
            full: &|_| Some(full),
            failed_logins: &mut FailedLogins::new(0, Duration::ZERO),
        };
        let mut step = door.step(NOW, &mut known, &mut out);
        if let Step::Verify(verification) = &step {
            let right = verification.run();
            step = door.verified(NOW, right, &mut known, &mut out);
        }
        assert!(matches!(step, Step::CloseAt(moment) if moment == NOW + FAILURE_DELAY));
        let refused = door.take_refused().expect("a refusal");
        (String::from_utf8_lossy(&out).into_owned(), refused.reason)
    };
    for user in ["plain", "hashed"] {
        let (answer, reason) = attempt(user, "right", Full::User);
        assert_eq!(
            answer,
            "Response: Error\r\nMessage: Too many sessions\r\n\r\n"
        );
        assert_eq!(reason, "sessionlimit of the user reached");
        let (answer, _) = attempt(user, "wrong", Full::All);
        assert_eq!(
            answer,
            "Response: Error\r\nMessage: Authentication failed\r\n\r\n"
        );
    }
    assert_eq!(
        attempt("plain", "right", Full::All).1,
        "sessionlimit of [general] reached"
    );
    assert_eq!(
        attempt("plain", "right", Full::Address).1,
        "addresslimit reached"
    );
}
