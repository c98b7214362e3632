//! Logins, in a table, and the laws of the key.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::policy::acl::{RuleList, Sense};
use crate::policy::class::Classes;
use crate::policy::fixtures;
use crate::policy::secret_hash::SecretHash;

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn users() -> Users {
    let mut users = Users::default();
    users.insert(fixtures::user("upstream", Classes::ALL));
    let mut locked = fixtures::user("locked", Classes::ALL);
    locked.credential = Credential::None;
    users.insert(locked);
    let mut open = fixtures::user("open", Classes::ALL);
    open.credential = Credential::Secret(Secret::new(""));
    users.insert(open);
    let mut hashed = fixtures::user("hashed", Classes::ALL);
    hashed.credential = hash_of("hashed-secret");
    users.insert(hashed);
    for (name, forms) in [("plain", LoginForms::Plain), ("md5", LoginForms::Md5)] {
        let mut user = fixtures::user(name, Classes::ALL);
        user.login_forms = forms;
        users.insert(user);
    }
    let mut hashed_plain = fixtures::user("hashed-plain", Classes::ALL);
    hashed_plain.credential = hash_of("hashed-plain-secret");
    hashed_plain.login_forms = LoginForms::Plain;
    users.insert(hashed_plain);
    users
}

fn hash_of(secret: &str) -> Credential {
    Credential::Hash(SecretHash::create(secret.as_bytes(), [1; 16], 16, 1).unwrap())
}

fn login(headers: &str, challenge: Option<&Challenge>) -> Result<String, LoginFailure> {
    let request = format!("Action: Login\r\n{headers}");
    authenticate(
        &users(),
        Request::new(request.as_bytes()),
        challenge,
        LOCAL,
        None,
    )
    .and_then(|login| match login {
        Login::Proved(user) => Ok(user.name.clone()),
        Login::Hashed(verification) => match verification.run() {
            true => Ok(verification.user().name.clone()),
            false => Err(LoginFailure::WrongSecret),
        },
    })
}

#[test]
fn plain_secrets() {
    use LoginFailure::{NoSecret, NoUsername, UnknownUser, WrongSecret};
    for (headers, expected) in [
        (
            "Username: upstream\r\nSecret: upstream-secret\r\n",
            Ok("upstream"),
        ),
        (
            "Username: UpStream\r\nSecret: upstream-secret\r\n",
            Ok("upstream"),
        ),
        (
            "Username: upstream\r\nSecret: upstream-secret\r\nAuthType: plain\r\n",
            Ok("upstream"),
        ),
        (
            "Username: upstream\r\nSecret: upstream-secret\r\nAuthType: MD5 \r\n",
            Ok("upstream"),
        ),
        (
            "Username: upstream\r\nSecret: Upstream-secret\r\n",
            Err(WrongSecret),
        ),
        (
            "Username: upstream\r\nSecret: upstream-secret \r\n",
            Err(WrongSecret),
        ),
        (
            "Username: upstream\r\nSecret:\r\nSecret: upstream-secret\r\n",
            Err(WrongSecret),
        ),
        ("Username: upstream\r\n", Err(WrongSecret)),
        (
            "Username: nobody\r\nSecret: a user that does not exist\r\n",
            Err(UnknownUser),
        ),
        (
            "Username: upstream \r\nSecret: upstream-secret\r\n",
            Err(UnknownUser),
        ),
        ("Username:\r\nSecret: upstream-secret\r\n", Err(NoUsername)),
        ("", Err(NoUsername)),
        ("Username: locked\r\n", Err(NoSecret)),
        (
            "Username: locked\r\nSecret: a user that does not exist\r\n",
            Err(NoSecret),
        ),
        ("Username: open\r\n", Ok("open")),
        ("Username: open\r\nSecret:\r\n", Ok("open")),
        ("Username: open\r\nSecret: x\r\n", Err(WrongSecret)),
    ] {
        assert_eq!(
            login(headers, None),
            expected.map(str::to_owned),
            "{headers:?}"
        );
    }
}

/// Challenge and key as one Asterisk and its client exchanged them.
const CHALLENGE: u32 = 175_536_984;
const KEY: &str = "1cf8fed6495623c6318620849d742c18";

#[test]
fn a_recorded_key_is_accepted() {
    let challenge = Challenge::new(CHALLENGE);
    for auth_type in ["MD5", "md5", "Md5"] {
        let headers = format!("Username: upstream\r\nAuthType: {auth_type}\r\nKey: {KEY}\r\n");
        assert_eq!(login(&headers, Some(&challenge)), Ok("upstream".to_owned()));
    }
}

#[test]
fn wrong_keys() {
    use LoginFailure::{NoChallenge, NoKey, NoSecret, UnknownUser, WrongKey};
    let challenge = Challenge::new(CHALLENGE);
    let upper = KEY.to_ascii_uppercase();
    let short = &KEY[..31];
    for (name, user, key, challenge, expected) in [
        (
            "upper case",
            "upstream",
            upper.as_str(),
            Some(&challenge),
            WrongKey,
        ),
        ("cut", "upstream", short, Some(&challenge), WrongKey),
        ("other user", "open", KEY, Some(&challenge), WrongKey),
        ("empty", "upstream", "", Some(&challenge), NoKey),
        (
            "the secret",
            "upstream",
            "upstream-secret",
            Some(&challenge),
            WrongKey,
        ),
        ("no challenge", "upstream", KEY, None, NoChallenge),
        ("unknown", "nobody", KEY, Some(&challenge), UnknownUser),
        ("no secret", "locked", KEY, Some(&challenge), NoSecret),
    ] {
        let headers =
            format!("Username: {user}\r\nAuthType: MD5\r\nKey: {key}\r\nSecret: {user}-secret\r\n");
        assert_eq!(login(&headers, challenge), Err(expected), "{name}");
    }
}

#[test]
fn the_key_of_the_stand_in_secret_opens_nothing() {
    let challenge = Challenge::new(1);
    let key = key_for(&challenge, &Secret::new("a user that does not exist"));
    for (user, expected) in [
        ("nobody", LoginFailure::UnknownUser),
        ("locked", LoginFailure::NoSecret),
    ] {
        let headers = format!("Username: {user}\r\nAuthType: MD5\r\nKey: {key}\r\n");
        assert_eq!(login(&headers, Some(&challenge)), Err(expected));
    }
}

#[test]
fn hashes_and_forms() {
    use LoginFailure::{
        Md5Forbidden, Md5OfHash, NoChallenge, PlainForbidden, WrongKey, WrongSecret,
    };
    let challenge = Challenge::new(CHALLENGE);
    let key = |user: &str| {
        let key = key_for(&challenge, &Secret::new(format!("{user}-secret")));
        format!("AuthType: MD5\r\nKey: {key}\r\n")
    };
    let plain = |user: &str| format!("Secret: {user}-secret\r\n");
    for (user, headers, expected) in [
        ("hashed", plain("hashed"), Ok(())),
        ("HASHED", plain("hashed"), Ok(())),
        ("hashed", plain("Hashed"), Err(WrongSecret)),
        ("hashed", String::new(), Err(WrongSecret)),
        ("hashed", "Secret:\r\n".to_owned(), Err(WrongSecret)),
        ("hashed", key("hashed"), Err(Md5OfHash)),
        ("hashed", "AuthType: MD5\r\n".to_owned(), Err(Md5OfHash)),
        ("hashed-plain", plain("hashed-plain"), Ok(())),
        ("hashed-plain", key("hashed-plain"), Err(Md5Forbidden)),
        ("plain", plain("plain"), Ok(())),
        ("plain", key("plain"), Err(Md5Forbidden)),
        ("md5", plain("md5"), Err(PlainForbidden)),
        ("md5", plain("wrong"), Err(PlainForbidden)),
        ("md5", key("md5"), Ok(())),
        ("md5", key("wrong"), Err(WrongKey)),
    ] {
        let headers = format!("Username: {user}\r\n{headers}");
        let expected = expected.map(|()| user.to_ascii_lowercase());
        assert_eq!(login(&headers, Some(&challenge)), expected, "{headers:?}");
    }
    let headers = "Username: md5\r\nAuthType: MD5\r\nKey: x\r\n";
    assert_eq!(login(headers, None), Err(NoChallenge));
}

#[test]
fn what_is_still_to_be_verified_does_not_show_the_secret() {
    let request = b"Action: Login\r\nUsername: hashed\r\nSecret: hashed-secret\r\n";
    let login = authenticate(&users(), Request::new(request), None, LOCAL, None).unwrap();
    let shown = format!("{login:?}");
    assert!(shown.contains("[redacted]") && !shown.contains("hashed-secret"));
}

#[test]
fn a_denied_address_costs_no_hashing() {
    let mut users = users();
    let mut user = fixtures::user("far", Classes::ALL);
    user.credential = hash_of("far-secret");
    let mut list = RuleList::default();
    list.push_line(Sense::Deny, "127.0.0.0/8").unwrap();
    user.acl.push(list);
    users.insert(user);
    let request = b"Action: Login\r\nUsername: far\r\nSecret: far-secret\r\n";
    let refused = authenticate(&users, Request::new(request), None, LOCAL, None);
    assert_eq!(refused.err(), Some(LoginFailure::Address));
}

#[test]
fn certificates() {
    use LoginFailure::{Address, NoCertificate, WrongCertificate, WrongKey, WrongSecret};
    let mut users = users();
    let mut insert = |name: &str, credential: Option<Credential>, denied: bool| {
        let mut user = fixtures::user(name, Classes::ALL);
        user.tls_client_name = Some("crm.example".to_owned());
        if let Some(credential) = credential {
            user.credential = credential;
        }
        if denied {
            let mut list = RuleList::default();
            list.push_line(Sense::Deny, "127.0.0.0/8").unwrap();
            user.acl.push(list);
        }
        users.insert(user);
    };
    insert("bare", Some(Credential::None), false);
    insert("both", None, false);
    insert("both-hashed", Some(hash_of("hashed-secret")), false);
    insert("elsewhere", Some(Credential::None), true);
    let (right, wrong): (&[&str], &[&str]) = (&["x", "CRM.Example"], &["crm.example.org"]);
    let md5 = "AuthType: MD5\r\nKey: x\r\n";
    for (user, more, names, expected) in [
        ("bare", "", Some(right), Ok(true)),
        ("bare", "Secret: anything\r\n", Some(right), Ok(true)),
        ("bare", md5, Some(right), Ok(true)),
        ("bare", "", Some(wrong), Err(WrongCertificate)),
        ("bare", "", Some(&[]), Err(WrongCertificate)),
        ("bare", "", None, Err(NoCertificate)),
        ("both", "Secret: both-secret\r\n", Some(right), Ok(true)),
        ("both", "", Some(right), Err(WrongSecret)),
        ("both", md5, Some(right), Err(WrongKey)),
        (
            "both",
            "Secret: both-secret\r\n",
            Some(wrong),
            Err(WrongCertificate),
        ),
        ("both", "Secret: both-secret\r\n", None, Err(NoCertificate)),
        ("both-hashed", "Secret: x\r\n", Some(right), Ok(false)),
        ("both-hashed", "Secret: x\r\n", None, Err(NoCertificate)),
        ("elsewhere", "", Some(right), Err(Address)),
        // Whoever is not asked for a certificate may have any.
        (
            "hashed",
            "Secret: hashed-secret\r\n",
            Some(wrong),
            Ok(false),
        ),
    ] {
        let names = names.map(|names| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        });
        let request = format!("Action: Login\r\nUsername: {user}\r\n{more}");
        let request = Request::new(request.as_bytes());
        let challenge = Challenge::new(1);
        let login = authenticate(&users, request, Some(&challenge), LOCAL, names.as_deref());
        let proved = login.map(|login| matches!(login, Login::Proved(_)));
        assert_eq!(proved, expected, "{user} {more:?} {names:?}");
    }
}

proptest! {
    #[test]
    fn challenges_are_one_to_nine_digits(random in any::<u32>()) {
        let challenge = Challenge::new(random);
        prop_assert!((1..=9).contains(&challenge.as_str().len()));
        prop_assert!(challenge.as_str().bytes().all(|byte| byte.is_ascii_digit()));
    }
}
