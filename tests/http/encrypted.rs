//! HTTPS: the cookie's flag, tokens from elsewhere, and users that must show a certificate.

use crate::site::{Answer, Running, Site, curl};
use crate::support::{Authority, Identity};

const PING: &[&str] = &[
    "-H",
    "Content-Type: application/json",
    "-d",
    r#"{"Action":"Ping"}"#,
];

/// A site with HTTPS, and an authority that it and its clients trust.
struct Encrypted {
    site: Site,
    authority: Authority,
    server: Identity,
}

impl Encrypted {
    fn start() -> Self {
        let authority = Authority::new("amimux tests");
        let server = authority.issue(&["localhost"]);
        let site = Site::with(
            "[certified]\nread = call\nwrite = call\ntlsclientname = crm.test\nwebtoken = 0123456789-certified\n\
             [both]\nsecret = both-secret\nread = call\nwrite = call\ntlsclientname = crm.test\n",
            &format!(
                "tlsenable = yes\ntlsbindaddr = 127.0.0.1:{{next}}\ntlscertfile = {}\ntlscafile = {}\ntlsclientcert = optional\n",
                server.file.display(),
                authority.file().display()
            ),
        );
        Self {
            site,
            authority,
            server,
        }
    }

    fn ask(&self, path: &str, more: &[&[&str]]) -> Answer {
        let authority = self.authority.file();
        let trusted = ["--cacert", authority.to_str().unwrap()];
        let url = format!("https://localhost:{}{path}", self.site.port + 1);
        curl(&url, &[&trusted[..], &more.concat()].concat())
    }
}

/// What shows a certificate. curl takes what is behind a colon for a password.
fn shown(identity: &Identity) -> [String; 4] {
    let file = identity.file.to_str().unwrap();
    let escaped = file.replace(':', "\\:");
    ["--cert", &escaped, "--key", file].map(str::to_owned)
}

#[test]
fn cookies_and_credentials_over_https() {
    let encrypted = Encrypted::start();
    let path = "/rawman?action=login&username=alice&secret=alice-secret&events=off";
    let login = encrypted.ask(path, &[]);
    assert!(login.body.contains("Authentication accepted"), "{login:?}");
    let set = login.header("Set-Cookie").unwrap();
    assert!(
        set.ends_with("; HttpOnly; SameSite=Strict; Secure"),
        "{set}"
    );
    let basic = encrypted.ask("/action", &[PING, &["-u", "alice:alice-secret"]]);
    assert_eq!(basic.status, 200);
    // Plain HTTP on that port, and nothing at all, harm nobody.
    let port = encrypted.site.port + 1;
    let _silent = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut plain = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    std::io::Write::write_all(&mut plain, b"GET / HTTP/1.1\r\n\r\n").unwrap();
    encrypted
        .site
        .logged(&["kind=connection", "the TLS handshake failed"]);
    assert_eq!(encrypted.ask("/nothing", &[]).status, 404);
}

#[test]
fn certificates_are_exchanged_while_sessions_stay() {
    let encrypted = Encrypted::start();
    let path = "/rawman?action=login&username=alice&secret=alice-secret&events=off";
    let cookie = encrypted.ask(path, &[]).cookie();
    let trusts = |authority: &Authority| {
        [
            "--cacert".to_owned(),
            authority.file().display().to_string(),
        ]
    };
    let url = |path: &str| format!("https://localhost:{}{path}", encrypted.site.port + 1);
    let [option, file] = trusts(&encrypted.authority);
    let events = ["-u", "alice:alice-secret", &option, &file];
    let stream = Running::start(&url("/events"), &events);
    stream.wait_for("retry: ");
    let new = Authority::new("another");
    let fresh = new.issue(&["localhost"]);
    std::fs::copy(&fresh.file, &encrypted.server.file).unwrap();
    let pid = encrypted.site.amimux.pid().to_string();
    let hung_up = std::process::Command::new("kill")
        .args(["-HUP", &pid])
        .status();
    assert!(hung_up.is_ok_and(|status| status.success()));
    encrypted.site.logged(&["configuration reloaded"]);
    let ping = |authority: &Authority| {
        let [option, file] = trusts(authority);
        let asked = Running::start(
            &url("/rawman?action=ping"),
            &[&option, &file, "-b", &cookie],
        );
        asked.end()
    };
    assert_eq!(ping(&encrypted.authority), "", "the old one is gone");
    let answer = ping(&new);
    assert!(answer.contains("Ping: Pong"), "its session stays: {answer}");
    encrypted.site.happen("still here");
    stream.wait_for("still here");
}

#[test]
fn a_user_that_must_show_a_certificate() {
    let encrypted = Encrypted::start();
    let identity = encrypted.authority.issue(&["crm.test"]);
    let shown = shown(&identity);
    let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
    let certified = "/rawman?action=login&username=certified&events=off";
    let both = "/rawman?action=login&username=both&secret=both-secret&events=off";
    for path in [certified, both] {
        for without in [encrypted.ask(path, &[]), encrypted.site.curl(path, &[])] {
            assert!(without.body.contains("Authentication failed"), "{path}");
        }
        let entered = encrypted.ask(path, &[&shown]);
        assert!(
            entered.body.contains("Authentication accepted"),
            "{path}: {entered:?}"
        );
        let cookie = entered.cookie();
        let ping = |more: &[&str]| encrypted.ask("/rawman?action=ping", &[&["-b", &cookie], more]);
        assert!(ping(&shown).body.contains("Pong"));
        let alone = ping(&[]);
        assert!(
            alone.body.contains("Permission denied"),
            "the cookie alone is not enough"
        );
    }
    let digest = ["--digest", "-u", "both:both-secret"];
    let ping = "/arawman?action=ping";
    assert_eq!(encrypted.ask(ping, &[&digest]).status, 403);
    assert_eq!(encrypted.ask(ping, &[&digest, &shown]).status, 200);
    for credentials in [
        ["-H", "Authorization: Bearer 0123456789-certified"],
        ["-u", "both:both-secret"],
    ] {
        let with = encrypted.ask("/action", &[PING, &credentials, &shown]);
        assert_eq!(with.status, 200, "{credentials:?}");
        let without = encrypted.ask("/action", &[PING, &credentials]);
        assert_eq!(without.status, 401, "{credentials:?}");
    }
}
