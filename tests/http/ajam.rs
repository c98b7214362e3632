//! `/rawman`, `/manager` and `/mxml`: cookies, rights, the three forms, and when sessions end.

use std::time::Duration;

use crate::site::{Answer, Site};
use crate::support::until;

const DENIED: &str = "Response: Error\r\nMessage: Permission denied\r\n\r\n";
const MISSING: &str = "Response: Error\r\nMessage: Missing action in request\r\n\r\n";

#[test]
fn a_login_an_action_and_a_logoff() {
    let site = Site::start();
    let login = site.curl(
        "/rawman?action=login&username=alice&secret=alice-secret&events=off&actionid=7",
        &[],
    );
    assert_eq!(login.status, 200);
    assert_eq!(
        login.body,
        "Response: Success\r\nActionID: 7\r\nMessage: Authentication accepted\r\n\r\n"
    );
    for (name, value) in [
        ("Content-Type", "text/plain"),
        ("Pragma", "SuppressEvents"),
        ("Cache-Control", "no-cache, no-store"),
        ("Server", concat!("amimux/", env!("CARGO_PKG_VERSION"))),
    ] {
        assert_eq!(login.header(name), Some(value), "{name}");
    }
    let set = login.header("Set-Cookie").unwrap();
    let digits = set.strip_prefix("mansession_id=\"").unwrap();
    let (digits, flags) = digits.split_once('"').unwrap();
    assert!(digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(
        flags,
        "; Version=1; Max-Age=60; Path=/; HttpOnly; SameSite=Strict"
    );
    let cookie = login.cookie();
    let ping = site.with_cookie(&cookie, "/RawMan/?ACTION=ping&ActionID=a%20b");
    assert!(
        ping.body
            .starts_with("Response: Success\r\nActionID: a b\r\nPing: Pong\r\n"),
        "{ping:?}"
    );
    assert_eq!(ping.cookie(), cookie);
    // From Asterisk, and no longer than the answer.
    let status = site.with_cookie(&cookie, "/rawman?action=CoreStatus");
    assert!(status.body.contains("CoreReloadTime: "), "{status:?}");
    let again = site.with_cookie(
        &cookie,
        "/rawman?action=login&username=bob&secret=bob-secret",
    );
    assert!(
        again.body.contains("Message: Already authenticated"),
        "{again:?}"
    );
    let off = site.with_cookie(&cookie, "/rawman?action=logoff");
    assert!(off.body.starts_with("Response: Goodbye\r\n"), "{off:?}");
    assert_eq!(off.cookie(), cookie);
    let after = site.with_cookie(&cookie, "/rawman?action=CoreStatus");
    assert_eq!(after.body, DENIED);
    assert_ne!(after.cookie(), cookie);
}

#[test]
fn a_login_with_a_challenge_takes_two_requests_of_one_session() {
    let site = Site::start();
    let first = site.curl("/rawman?action=challenge&authtype=md5", &[]);
    let challenge = first.body.split("Challenge: ").nth(1).unwrap().trim();
    let key = {
        use md5::{Digest, Md5};
        let hash = Md5::new()
            .chain_update(challenge)
            .chain_update("alice-secret")
            .finalize();
        hash.iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let path = format!("/rawman?action=login&authtype=md5&username=alice&events=off&key={key}");
    let login = site.with_cookie(&first.cookie(), &path);
    assert!(login.body.contains("Authentication accepted"), "{login:?}");
    let foreign = site.curl(&path, &[]);
    assert!(
        foreign.body.contains("Authentication failed"),
        "{foreign:?}"
    );
}

#[test]
fn what_a_user_may_not_is_refused_as_over_ami() {
    let site = Site::start();
    let bob = site.cookie_of("bob");
    for (action, expected) in [
        ("action=Command&command=core+show+uptime", DENIED),
        ("action=CoreStatus", DENIED),
        (
            "action=NoSuchAction",
            "Response: Error\r\nMessage: Invalid/unknown command: NoSuchAction. Use Action: ListCommands to show available commands.\r\n\r\n",
        ),
        ("", MISSING),
        ("action=", MISSING),
        (
            "actionid=1",
            "Response: Error\r\nActionID: 1\r\nMessage: Missing action in request\r\n\r\n",
        ),
    ] {
        let answer = site.with_cookie(&bob, &format!("/rawman?{action}"));
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, expected),
            "{action}"
        );
    }
    site.logged(&[
        "kind=request",
        "user=\"bob\"",
        "action=\"Command\"",
        "rule=\"class command\"",
    ]);
    assert!(!site.executed().contains(&"Command".to_owned()));
    let stranger = site.curl("/rawman?action=CoreStatus", &[]);
    assert_eq!(stranger.body, DENIED);
    site.logged(&["kind=early", "action=\"CoreStatus\""]);
}

#[test]
fn a_failed_login_is_answered_late_logged_and_ends_the_session() {
    let site = Site::with("failedlogins = 3\n", "");
    let challenged = site.curl("/rawman?action=challenge&authtype=md5", &[]);
    for (user, reason) in [
        ("alice", "the secret is wrong"),
        (
            "afar",
            "the address is denied by the user's access control list",
        ),
        ("nobody", "the user has no secret configured"),
        ("alice", "too many failed logins from this address"),
    ] {
        let path = format!("/rawman?action=login&username={user}&secret=wrong");
        let begin = std::time::Instant::now();
        let answer = site.with_cookie(&challenged.cookie(), &path);
        assert_eq!(
            answer.body,
            "Response: Error\r\nMessage: Authentication failed\r\n\r\n"
        );
        assert!(begin.elapsed() >= Duration::from_millis(990), "{user}");
        site.logged(&["refused", "address=127.0.0.1", reason]);
    }
    // The AMI port counts the same failures.
    let mut client = crate::support::AmiClient::connect(site.amimux.port).expect("a banner");
    client.send(b"Action: Login\r\nUsername: alice\r\nSecret: alice-secret\r\n\r\n");
    assert!(
        client
            .read_until("Message: ")
            .ends_with(b"Authentication failed\r\n\r\n")
    );
}

#[test]
fn a_secret_of_which_only_a_hash_is_known() {
    let site = Site::start();
    let cookie = site.cookie_of("hashed");
    assert!(
        site.with_cookie(&cookie, "/rawman?action=ping")
            .body
            .contains("Pong")
    );
}

#[test]
fn one_login_at_a_time_counts_over_http_until_it_ends() {
    let site = Site::start();
    let cookie = site.cookie_of("once");
    let second = site.curl("/rawman?action=login&username=once&secret=once-secret", &[]);
    assert!(
        second.body.contains("Message: Login Already In Use"),
        "{second:?}"
    );
    let basic = site.post(
        "/action",
        r#"{"Action":"Ping"}"#,
        &["-u", "once:once-secret"],
    );
    assert_eq!(basic.status, 403, "{basic:?}");
    let digest = site.curl(
        "/arawman?action=ping",
        &["--digest", "-u", "once:once-secret"],
    );
    assert_eq!(digest.status, 403, "{digest:?}");
    site.with_cookie(&cookie, "/rawman?action=logoff");
    let _third = site.cookie_of("once");
}

#[test]
fn forms_are_posted_and_other_bodies_mean_nothing() {
    let site = Site::start();
    let alice = site.cookie_of("alice");
    let post = |path: &str, arguments: &[&str]| {
        let mut all = vec!["-b", alice.as_str()];
        all.extend(arguments);
        site.curl(path, &all).body
    };
    let pong = "Response: Success\r\nPing: Pong\r\n";
    assert!(post("/rawman", &["-d", "action=ping"]).starts_with(pong));
    // Only the body counts.
    assert_eq!(post("/rawman?action=ping", &["-d", "x=y"]), MISSING);
    for media_type in [
        "application/json",
        "application/x-www-form-urlencoded ;a=b",
        "multipart/form-data",
    ] {
        let header = format!("Content-Type: {media_type}");
        assert_eq!(
            post("/rawman", &["-H", &header, "-d", "action=ping"]),
            MISSING,
            "{media_type}"
        );
    }
    let chunked = ["-H", "Transfer-Encoding: chunked", "-d", "action=ping"];
    assert!(post("/rawman", &chunked).starts_with(pong));
}

#[test]
fn xml_and_html_are_asterisks() {
    let site = Site::start();
    let login = site.curl(
        "/mxml?action=login&username=alice&secret=alice-secret&events=off&ajaxdest=a'b&ajaxobjtype=x",
        &[],
    );
    assert_eq!(login.header("Content-Type"), Some("text/xml"));
    assert_eq!(
        login.body,
        "<ajax-response>\n<response type='object' id='a&apos;b'><x response='Success' message='Authentication accepted' /></response>\n</ajax-response>\n"
    );
    let page = site.with_cookie(&login.cookie(), "/manager?action=ping");
    assert_eq!(page.header("Content-Type"), Some("text/html"));
    assert!(
        page.header("Content-Security-Policy")
            .unwrap()
            .contains("frame-ancestors 'none'")
    );
    assert!(
        page.body.contains("Manager Tester") && page.body.contains("<td>Pong</td>"),
        "{page:?}"
    );
}

#[test]
fn a_session_ends_some_time_after_its_last_request() {
    let site = Site::with("httptimeout = 2\n", "");
    let cookie = site.cookie_of("once");
    let alive = |answer: &Answer| answer.body.contains("Pong");
    for _ in 0..3 {
        std::thread::park_timeout(Duration::from_millis(1200));
        assert!(alive(&site.with_cookie(&cookie, "/rawman?action=ping")));
    }
    // Nothing asks for it, and it ends all the same: its user may log in again.
    until("the session expires", || {
        let login = site.curl("/rawman?action=login&username=once&secret=once-secret", &[]);
        login.body.contains("Authentication accepted").then_some(())
    });
    assert_eq!(
        site.with_cookie(&cookie, "/rawman?action=ping").body,
        DENIED
    );
}

#[test]
fn a_session_belongs_to_its_address_and_to_how_it_was_made() {
    let site = Site::start();
    let cookie = site.cookie_of("alice");
    let elsewhere = site.curl(
        "/rawman?action=ping",
        &["-b", &cookie, "--interface", "127.0.0.2"],
    );
    assert_eq!(elsewhere.body, DENIED);
    assert_ne!(elsewhere.cookie(), cookie);
    assert!(
        site.with_cookie(&cookie, "/rawman?action=ping")
            .body
            .contains("Pong")
    );
    // Its number is no token, no nonce and no parameter.
    let number = cookie.split('"').nth(1).unwrap();
    let bearer = format!("Authorization: Bearer {number}");
    assert_eq!(
        site.post("/action", r#"{"Action":"Ping"}"#, &["-H", &bearer])
            .status,
        401
    );
    let query = format!("/rawman?action=ping&mansession_id={number}");
    assert_eq!(site.curl(&query, &[]).body, DENIED);
    // Nor is a token a cookie.
    let token = site.token_of("alice");
    let token = token.rsplit(' ').next().unwrap();
    let as_cookie = format!("mansession_id={token}");
    assert_eq!(
        site.with_cookie(&as_cookie, "/rawman?action=ping").body,
        DENIED
    );
}
