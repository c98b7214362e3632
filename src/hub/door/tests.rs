//! Tests of logins that are checked against a hash: what the door does before, meanwhile and afterwards.

use std::net::Ipv4Addr;

use super::*;
use crate::policy::acl::Acl;
use crate::policy::class::Classes;
use crate::policy::rights::{Audit, Rights};
use crate::policy::secret::{Credential, Secret};
use crate::policy::secret_hash::SecretHash;
use crate::policy::user::{ActionIds, LoginForms, OnUpstreamLoss};

const FROM: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const NOW: Duration = Duration::from_secs(100);
const FREE: &dyn Fn(&User) -> bool = &|_| false;
const IN_USE: &dyn Fn(&User) -> bool = &|_| true;

fn user(name: &str, credential: Credential) -> User {
    User {
        name: name.to_owned(),
        credential,
        login_forms: LoginForms::Any,
        rights: Rights::default(),
        audit: Audit::default(),
        read: Classes::ALL,
        write: Classes::ALL,
        acl: Acl::default(),
        allow_multiple_login: true,
        display_connects: true,
        write_timeout: Duration::from_millis(100),
        set_variables: Vec::new(),
        upstream: "pbx".to_owned(),
        on_upstream_loss: OnUpstreamLoss::Keep,
        action_ids: ActionIds::User,
        max_in_flight: 8,
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

/// A door that has read this, what it answered, and its step.
fn read(input: &str, in_use: &dyn Fn(&User) -> bool) -> (Door, BytesMut, Step) {
    let (mut door, mut out) = (Door::new(7), BytesMut::new());
    door.input().extend_from_slice(input.as_bytes());
    let step = door.step(NOW, &users(), FROM, in_use, &mut out);
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
    let step = door.step(NOW, &users(), FROM, FREE, &mut out);
    assert!(matches!(step, Step::Wait), "{step:?}");
    out.clear();
    let step = door.verified(true, FREE, &mut out);
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
            step = door.verified(right, FREE, &mut out);
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
    let step = door.verified(true, IN_USE, &mut out);
    assert!(
        matches!(step, Step::CloseAt(at) if at == NOW + FAILURE_DELAY),
        "{step:?}"
    );
    assert!(out.ends_with(b"Message: Login Already In Use\r\n\r\n"));
    assert_eq!(
        door.take_refused().unwrap().cause,
        RefusedCause::SessionLimit
    );
    // Whose secret is wrong does not learn of it, and nobody's is checked where it does not matter.
    let (mut door, mut out, _) = read(&login, FREE);
    door.verified(false, IN_USE, &mut out);
    assert!(out.ends_with(b"Message: Authentication failed\r\n\r\n"));
    let (_, _, step) = read(&login, IN_USE);
    assert!(matches!(step, Step::CloseAt(_)), "{step:?}");
    let (mut door, mut out, _) = read(LOGIN, IN_USE);
    assert!(matches!(
        door.verified(true, IN_USE, &mut out),
        Step::Admit(_)
    ));
}

#[test]
fn a_result_that_nobody_asked_for_opens_nothing() {
    let (mut door, mut out, _) = read("Action: Login\r\nUsername: nobody\r\n\r\n", FREE);
    out.clear();
    assert!(matches!(door.verified(true, FREE, &mut out), Step::Wait));
    let (mut door, mut out, _) = read(LOGIN, FREE);
    door.verified(false, FREE, &mut out);
    assert!(matches!(door.verified(true, FREE, &mut out), Step::Wait));
}
