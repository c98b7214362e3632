//! `/arawman`, `/amanager`, `/amxml`: Digest, by curl and by hand.

use md5::{Digest, Md5};

use crate::site::{Answer, Running, Site, curl};

const ALICE: &[&str] = &["--digest", "-u", "alice:alice-secret"];

fn hash(text: &str) -> String {
    Md5::digest(text)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The nonce of a 401.
fn nonce(answer: &Answer) -> String {
    assert_eq!(answer.status, 401, "{answer:?}");
    let challenge = answer.header("WWW-Authenticate").expect("a challenge");
    assert!(
        challenge.starts_with("Digest algorithm=MD5, realm=\"asterisk\", nonce=\""),
        "{challenge}"
    );
    challenge
        .split("nonce=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned()
}

/// The header for a GET of that path; `count` is `nc`.
fn header(nonce: &str, count: &str, secret: &str, path: &str) -> String {
    let (who, what) = (
        hash(&format!("alice:asterisk:{secret}")),
        hash(&format!("GET:{path}")),
    );
    let response = hash(&format!("{who}:{nonce}:{count}:c:auth:{what}"));
    format!(
        "Authorization: Digest username=\"alice\", realm=\"asterisk\", nonce=\"{nonce}\", uri=\"{path}\", qop=auth, nc={count}, cnonce=\"c\", response=\"{response}\""
    )
}

#[test]
fn each_request_proves_who_it_is() {
    let site = Site::start();
    let raw = site.curl("/arawman?action=ping", ALICE);
    assert!(
        raw.status == 200 && raw.body.contains("Ping: Pong"),
        "{raw:?}"
    );
    assert_eq!(raw.header("Set-Cookie"), None);
    assert!(
        site.curl("/amxml?action=ping", ALICE)
            .body
            .contains("ping='Pong'")
    );
    assert!(
        site.curl("/amanager?action=ping", ALICE)
            .body
            .contains("Pong")
    );
    let posted = site.curl(
        "/arawman",
        &["--digest", "-u", "alice:alice-secret", "-d", "action=ping"],
    );
    assert!(posted.body.contains("Pong"), "{posted:?}");
    let other_case = site.curl(
        "/arawman?action=ping",
        &["--digest", "-u", "ALICE:alice-secret"],
    );
    assert_eq!(
        other_case.status, 401,
        "curl hashes the name as it is written"
    );
    for credentials in [
        "alice:wrong",
        "nobody:(null)",
        "nobody:",
        "hashed:hashed-secret",
        "unknown:x",
    ] {
        let refused = site.curl("/arawman?action=ping", &["--digest", "-u", credentials]);
        assert_eq!(refused.status, 401, "{credentials}");
        assert!(
            refused.body.contains("<h1>Unauthorized</h1>"),
            "{refused:?}"
        );
        assert!(
            !refused
                .header("WWW-Authenticate")
                .unwrap()
                .contains("stale"),
            "{credentials}"
        );
    }
    site.logged(&["kind=login", "user=\"alice\"", "the key is wrong"]);
    site.logged(&["kind=login", "user=\"nobody\"", "no secret configured"]);
    let afar = site.curl(
        "/arawman?action=ping",
        &["--digest", "-u", "afar:afar-secret"],
    );
    assert_eq!(afar.status, 403);
    assert!(afar.body.contains("Permission denied"), "{afar:?}");
    let basic = site.curl("/arawman?action=ping", &["-u", "alice:alice-secret"]);
    assert_eq!(basic.status, 401);
    assert_eq!(site.curl("/arawman", &["-X", "PUT"]).status, 501);
}

#[test]
fn the_user_and_the_nonce_are_the_session() {
    let site = Site::start();
    let path = "/arawman?action=events&eventmask=call";
    let nonce = nonce(&site.curl(path, &[]));
    let ask = |count: &str, path: &str| {
        site.curl(path, &["-H", &header(&nonce, count, "alice-secret", path)])
    };
    assert!(
        ask("00000001", path).body.contains("Events: On"),
        "no login is needed"
    );
    let login = ask(
        "00000002",
        "/arawman?action=login&username=alice&secret=alice-secret",
    );
    assert!(
        login.body.contains("Message: Already authenticated"),
        "{login:?}"
    );
    site.happen("kept");
    let waited = ask("00000003", "/arawman?action=waitevent&timeout=5");
    assert!(waited.body.contains("Text: kept\r\n"), "{waited:?}");
    // Each count is good once, and none below it.
    for count in ["00000003", "00000001"] {
        let replayed = ask(count, "/arawman?action=ping");
        assert!(
            replayed
                .header("WWW-Authenticate")
                .unwrap()
                .ends_with(", stale=true"),
            "{replayed:?}"
        );
    }
    assert!(
        ask("00000009", "/arawman?action=logoff")
            .body
            .contains("Goodbye")
    );
    assert!(
        ask("0000000a", "/arawman?action=ping")
            .body
            .contains("Pong"),
        "a new session"
    );
}

#[test]
fn a_nonce_of_the_clients_own_and_a_nonce_as_a_cookie_are_nothing() {
    let site = Site::start();
    let path = "/arawman?action=ping";
    let own = header(&"a".repeat(32), "00000001", "alice-secret", path);
    let refused = site.curl(path, &["-H", &own]);
    assert!(
        refused
            .header("WWW-Authenticate")
            .unwrap()
            .ends_with(", stale=true"),
        "{refused:?}"
    );
    let nonce = nonce(&refused);
    let good = site.curl(
        path,
        &["-H", &header(&nonce, "00000001", "alice-secret", path)],
    );
    assert!(good.body.contains("Pong"), "{good:?}");
    let cookie = format!("mansession_id=\"{nonce}\"");
    let stolen = site.with_cookie(&cookie, "/rawman?action=ping");
    assert!(stolen.body.contains("Permission denied"), "{stolen:?}");
}

#[test]
fn curl_waits_for_events_with_digest() {
    let site = Site::start();
    let waiting = Running::start(&site.url("/arawman?action=waitevent&timeout=20"), ALICE);
    crate::support::until("the event comes", || {
        site.happen("it");
        (waiting.so_far().contains("WaitEventComplete")).then_some(())
    });
    assert!(waiting.finish().body.contains("Text: it\r\n"));
    // An address that is denied never gets as far as the secret.
    let elsewhere = curl(
        &site.url("/arawman?action=ping"),
        &[
            "--interface",
            "127.0.0.3",
            "--digest",
            "-u",
            "alice:alice-secret",
        ],
    );
    assert_eq!(elsewhere.status, 200, "{elsewhere:?}");
}
