//! HTTPS: the cookie's flag, tokens from elsewhere, and users that must show a certificate.

use crate::site::{Site, curl};
use crate::support::Authority;

const PING: &str = r#"{"Action":"Ping"}"#;

#[test]
fn over_https() {
    let authority = Authority::new("amimux tests");
    let server = authority.issue(&["localhost", "amimux.test"]);
    let client = authority.issue(&["crm.test"]);
    let site = Site::with(
        "[certified]\nread = call\nwrite = call\ntlsclientname = crm.test\nwebtoken = 0123456789-certified\n\
         [both]\nsecret = both-secret\nread = call\nwrite = call\ntlsclientname = crm.test\n",
        &format!(
            "tlsenable = yes\ntlsbindaddr = 127.0.0.1:{{next}}\ntlscertfile = {}\ntlscafile = {}\ntlsclientcert = optional\n",
            server.file.display(),
            authority.file().display()
        ),
    );
    let url = |path: &str| format!("https://localhost:{}{path}", site.port + 1);
    let trusted = authority.file();
    let trusted = ["--cacert", trusted.to_str().unwrap()];
    let ask = |path: &str, more: &[&str]| curl(&url(path), &[&trusted, more].concat());
    let login = ask(
        "/rawman?action=login&username=alice&secret=alice-secret&events=off",
        &[],
    );
    assert!(login.body.contains("Authentication accepted"), "{login:?}");
    assert!(
        login
            .header("Set-Cookie")
            .unwrap()
            .ends_with("; HttpOnly; SameSite=Strict; Secure")
    );
    let json = ["-H", "Content-Type: application/json", "-d", PING];
    assert_eq!(
        ask(
            "/action",
            &[&json[..], &["-u", "alice:alice-secret"]].concat()
        )
        .status,
        200
    );
    // A user that must show a certificate is let in with it, and with it only.
    // curl takes what is behind a colon for a password.
    let identity = client.file.to_str().unwrap().replace(':', "\\:");
    let shown = [
        "--cert",
        identity.as_str(),
        "--key",
        client.file.to_str().unwrap(),
    ];
    let certified = "/rawman?action=login&username=certified&events=off";
    let both = "/rawman?action=login&username=both&secret=both-secret&events=off";
    for path in [certified, both] {
        assert!(
            ask(path, &[]).body.contains("Authentication failed"),
            "{path}"
        );
        assert!(
            site.curl(path, &[]).body.contains("Authentication failed"),
            "{path}"
        );
        let entered = ask(path, &shown);
        assert!(
            entered.body.contains("Authentication accepted"),
            "{path}: {entered:?}"
        );
        let cookie = entered.cookie();
        let ping =
            |more: &[&str]| ask("/rawman?action=ping", &[&["-b", &cookie], more].concat()).body;
        assert!(ping(&shown).contains("Pong"));
        assert!(
            ping(&[]).contains("Permission denied"),
            "the cookie alone is not enough"
        );
    }
    let digest = ["--digest", "-u", "both:both-secret"];
    assert_eq!(ask("/arawman?action=ping", &digest).status, 403);
    assert_eq!(
        ask("/arawman?action=ping", &[&digest[..], &shown].concat()).status,
        200
    );
    for credentials in [
        ["-H", "Authorization: Bearer 0123456789-certified"],
        ["-u", "both:both-secret"],
    ] {
        let with = [&json[..], &credentials].concat();
        assert_eq!(
            ask("/action", &[&with[..], &shown].concat()).status,
            200,
            "{credentials:?}"
        );
        assert_eq!(ask("/action", &with).status, 401, "{credentials:?}");
    }
    // Plain HTTP on that port, and nothing at all, harm nobody.
    let _silent = std::net::TcpStream::connect(("127.0.0.1", site.port + 1)).unwrap();
    assert_eq!(ask("/nothing", &[]).status, 404);
}
