//! Tests of `[http]`, restrictions, and what users say of HTTP and certificates.

use std::time::Duration;

use crate::config::settings::{Http, Settings};
use crate::config::testing::{BASE, USER, load_files, load_text};
use crate::config::tls::testing::self_signed;

/// What HTTP needs in `[general]`, and a section with its first two lines: on lines 2, 12, 13 and 14.
pub(in crate::config) fn served(lines: &str) -> String {
    let base = format!("{BASE}{USER}").replacen("[general]\n", "[general]\nwebenabled=yes\n", 1);
    format!("{base}[http]\nenabled=yes\nbindaddr=127.0.0.1\n{lines}\n")
}

fn http(lines: &str) -> Http {
    let (settings, report) = load_text(&served(lines));
    assert_eq!(report, "", "{lines}");
    settings.unwrap().http.unwrap()
}

#[test]
fn defaults_are_those_of_asterisk() {
    let http = http("");
    assert_eq!(http.bind, "127.0.0.1:8088".parse().unwrap());
    assert!(http.tls.is_none());
    assert_eq!(http.prefix, "");
    assert_eq!(http.connection_limit, 100);
    assert_eq!(http.inactivity, Duration::from_secs(30));
    assert_eq!(http.keep_alive, Duration::from_secs(15));
    assert_eq!(http.session_timeout, Duration::from_secs(60));
    let name = format!("amimux/{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(http.server_name, Some(name));
    assert!(http.redirects.is_empty() && http.restrictions.is_empty());
    assert!(!http.page && http.cors_origins.is_empty());
}

#[test]
fn values_are_taken_over() {
    let http = http(
        "bindaddr=[::1]\nbindport=80\nprefix=/a/b/\nsessionlimit=7\nsession_inactivity=100\nsession_keep_alive=0\n\
         servername=\nredirect=/ /static/x.html\nredirect = /a   https://example.org/?b\nenable_static=no\nenablestatic=0\n\
         enable_status=no\nwebpage=yes\ncorsorigin=HTTPS://Desk.example.org:443\ncorsorigin=http://[::1]:8080\n\
         corsorigin=http://localhost:80",
    );
    assert_eq!(http.bind, "[::1]:80".parse().unwrap());
    assert_eq!((http.prefix.as_str(), http.connection_limit), ("a/b", 7));
    assert_eq!(http.inactivity, Duration::from_millis(100));
    assert_eq!(http.keep_alive, Duration::ZERO);
    assert_eq!(http.server_name, None);
    let redirects = [("/", "/static/x.html"), ("/a", "https://example.org/?b")];
    assert_eq!(
        http.redirects,
        redirects.map(|(from, to)| (from.to_owned(), to.to_owned()))
    );
    assert!(http.page);
    assert_eq!(
        http.cors_origins,
        [
            "https://desk.example.org",
            "http://[::1]:8080",
            "http://localhost"
        ]
    );
    let text = served("").replace("webenabled=yes", "webenabled=yes\nhttptimeout=120");
    let settings = load_text(&text).0.unwrap();
    assert_eq!(
        settings.http.unwrap().session_timeout,
        Duration::from_secs(120)
    );
}

#[test]
fn https_negotiates_its_protocol() {
    let both = self_signed("localhost").both();
    for (lines, bind) in [
        ("", "127.0.0.1:8089"),
        ("tlsbindaddr=0.0.0.0", "0.0.0.0:8089"),
        ("tlsbindaddr=[::]:443", "[::]:443"),
    ] {
        let main = served(&format!("tlsenable=yes\ntlscertfile=both\n{lines}"));
        let (settings, report) = load_files(&[("amimux.conf", &main), ("both", &both)]);
        assert_eq!(report, "");
        let tls = settings.unwrap().http.unwrap().tls.unwrap();
        assert_eq!(tls.bind, bind.parse().unwrap());
        assert_eq!(tls.tls.alpn_protocols, [b"http/1.1".to_vec()]);
    }
}

/// Lines from 15 on, and what is said of them.
const WRONG: &[(&str, &str)] = &[
    (
        "enabled=maybe",
        "15: warning: enabled = 'maybe' is neither yes nor no and counts as no; write yes or no\n\
      2: warning: HTTP is not served: there is no [http] with enabled = yes; write such a section, or webenabled = no",
    ),
    (
        "bindport=0",
        "15: error: bindport = '0' is not valid; write a whole number from 1 to 65535",
    ),
    (
        "bindaddr=example.org",
        "15: error: bindaddr = 'example.org' is not an address; write a numeric address, as in 127.0.0.1, or 0.0.0.0 for all of IPv4, or :: for all addresses",
    ),
    (
        "bindaddr=127.0.0.1:80",
        "15: warning: the port in bindaddr = '127.0.0.1:80' is ignored; write the port as bindport = NUMBER",
    ),
    (
        "bindport=5039",
        "13: error: HTTP would be served at 127.0.0.1:5039, where applications connect; give 'bindport' of [http] another port",
    ),
    (
        "prefix=a b",
        "15: error: prefix = 'a b' cannot be the beginning of a path; write a word, as in prefix = asterisk",
    ),
    (
        "prefix=a//b",
        "15: error: prefix = 'a//b' cannot be the beginning of a path; write a word, as in prefix = asterisk",
    ),
    (
        "prefix=a?b",
        "15: error: prefix = 'a?b' cannot be the beginning of a path; write a word, as in prefix = asterisk",
    ),
    ("prefix=/", ""),
    (
        "servername=Ünix",
        "15: error: servername = 'Ünix' cannot be sent as a header; use ASCII alone",
    ),
    (
        "sessionlimit=0",
        "15: error: sessionlimit = '0' is not valid; write a whole number from 1 to 1000000",
    ),
    (
        "session_inactivity=0",
        "15: error: session_inactivity = '0' is not valid; write a time from 1ms to 3600s, as in 100, 100ms or 0.1s",
    ),
    (
        "session_keep_alive=-1",
        "15: error: session_keep_alive = '-1' is not valid; write a time from 0ns to 3600s, as in 100, 100ms or 0.1s",
    ),
    (
        "redirect=/a",
        "15: error: redirect = '/a' is not a path and where it leads; write redirect = /FROM /TO",
    ),
    (
        "redirect=a /b",
        "15: error: redirect = 'a /b' is not a path and where it leads; write redirect = /FROM /TO",
    ),
    (
        "redirect=/a /b c",
        "15: error: redirect = '/a /b c' is not a path and where it leads; write redirect = /FROM /TO",
    ),
    (
        "redirect=/a /ä",
        "15: error: redirect = '/a /ä' is not a path and where it leads; write redirect = /FROM /TO",
    ),
    (
        "corsorigin=*",
        "15: error: corsorigin = '*' is not an origin; write scheme, host and port of the pages that may, as in https://desk.example.org:8443; one for each line",
    ),
    (
        "enable_static=yes",
        "15: warning: the option 'enable_static' has no effect in amimux: it serves no files; remove the line",
    ),
    (
        "enable_status=yes",
        "15: warning: the option 'enable_status' has no effect in amimux: it has no page of that kind; remove the line",
    ),
    (
        "secret=hunter2",
        "15: error: the option 'secret' is unknown in [http]; move it: it belongs to user sections",
    ),
    (
        "bindadr=::1",
        "15: error: the option 'bindadr' is unknown in [http]; did you mean 'bindaddr'?",
    ),
    (
        "tlsenable=yes",
        "15: error: there is no 'tlscertfile', which TLS needs; write tlscertfile = and the file with certificate and key",
    ),
    (
        "[http]\nenabled=yes",
        "15: error: there is more than one [http]; write [http](+) to add to it",
    ),
    ("[http](+)\nwebpage=yes", ""),
    (
        "[/rawman]\ntype=restriction\npermit=10.0.0.0/8",
        "17: warning: there is 'permit' without 'deny', which allows every address; write deny = 0.0.0.0/0,::/0 before it",
    ),
    (
        "[rawman]\ntype=restriction\ndeny=0.0.0.0/0,::/0",
        "15: error: the restriction 'rawman' does not begin with '/'; name the section after the beginning of a path, as in [/rawman]",
    ),
    (
        "[/rawman]\ntype=restriction\nsecret=hunter2",
        "17: error: the option 'secret' is unknown in sections with type = restriction; move it: it belongs to user sections",
    ),
    (
        "[/rawman]\ntype=restriction\ndeny=10/8",
        "17: error: '10' is a short form of an IPv4 address; write all four numbers, as in 10.0.0.0/8",
    ),
    (
        "[/rawman]\ntype=restrict",
        "16: error: type = 'restrict' is not a kind of section; write type = upstream, type = user or type = restriction",
    ),
];

#[test]
fn mistakes_are_told_with_place_and_remedy() {
    for (lines, expected) in WRONG {
        let (_, report) = load_text(&served(lines));
        let expected: Vec<String> = expected
            .lines()
            .map(|line| format!("amimux.conf:{}", line.trim_start()))
            .collect();
        assert_eq!(report, expected.join("\n"), "{lines}");
    }
}

#[test]
fn origins_are_written_as_browsers_do() {
    for origin in [
        "",
        "null",
        "https://",
        "ftp://a",
        "https://a/",
        "https://a/b",
        "https://a:0",
        "https://a:x",
        "https://a:70000",
        "https://*.example.org",
        "https://u@a",
        "https://a b",
        "https://[::1",
        "https://[x]",
        "https://::1",
        "a.example",
        "https://a?",
        "https://a:",
    ] {
        let (_, report) = load_text(&served(&format!("corsorigin={origin}")));
        assert!(
            report.starts_with("amimux.conf:15: error: corsorigin = "),
            "{origin}: {report}"
        );
    }
    for (origin, expected) in [
        ("https://a", "https://a"),
        ("https://a:8443", "https://a:8443"),
        ("https://a:80", "https://a:80"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("https://[2001:DB8::1]", "https://[2001:db8::1]"),
        ("https://[2001:db8::1]:443", "https://[2001:db8::1]"),
    ] {
        assert_eq!(
            http(&format!("corsorigin={origin}")).cors_origins,
            [expected],
            "{origin}"
        );
    }
}

#[test]
fn both_sections_must_say_so() {
    let not_web = "amimux.conf:13: warning: HTTP is not served: 'webenabled' in [general] does not say yes; write webenabled = yes there, or enabled = no here";
    let not_http = "amimux.conf:2: warning: HTTP is not served: there is no [http] with enabled = yes; write such a section, or webenabled = no";
    let both = served("");
    let no_section = both.split("[http]").next().unwrap().to_owned();
    // What is not served needs no address, and its files need not exist.
    let cases = [
        (both.replace("webenabled=yes", "webenabled=no"), not_web),
        (
            both.replace("webenabled=yes", "debug=no")
                .replace("bindaddr=127.0.0.1\n\n", "tlsenable=yes\n"),
            not_web,
        ),
        (both.replace("\nenabled=yes\n", "\nenabled=no\n"), not_http),
        (no_section.clone(), not_http),
        (no_section.replace("webenabled=yes", "webenabled=no"), ""),
        (
            both.replace("webenabled=yes", "webenabled=no")
                .replace("\nenabled=yes\n", "\nenabled=no\n"),
            "",
        ),
    ];
    for (text, expected) in cases {
        let (settings, report) = load_text(&text);
        assert_eq!(report, expected, "{text}");
        assert!(settings.unwrap().http.is_none(), "{text}");
    }
    let (_, report) =
        load_text(&both.replace("\nenabled=yes\nbindaddr=127.0.0.1", "\nenabled=yes"));
    assert_eq!(
        report,
        "amimux.conf:13: error: [http] has no 'bindaddr', and there is no default; \
                        write bindaddr = 127.0.0.1 or the address that browsers and programs use"
    );
}

#[test]
fn no_port_is_used_twice() {
    let both = self_signed("localhost").both();
    let report = |general: &str, lines: &str| {
        let main = served(&format!("tlsenable=yes\ntlscertfile=both\n{lines}")).replacen(
            "webenabled=yes",
            &format!("webenabled=yes\n{general}"),
            1,
        );
        load_files(&[("amimux.conf", &main), ("both", &both)]).1
    };
    let tls = "tlsenable=yes\ntlscertfile=both\ntlsbindaddr=0.0.0.0:5040";
    assert_eq!(report(tls, ""), "");
    assert_eq!(
        report(tls, "tlsbindaddr=127.0.0.1:5040"),
        "amimux.conf:16: error: HTTP would be served at 127.0.0.1:5040, where applications connect with TLS; give 'tlsbindaddr' of [http] another port"
    );
    assert_eq!(
        report(tls, "bindport=5040"),
        "amimux.conf:16: error: HTTP would be served at 127.0.0.1:5040, where applications connect with TLS; give 'bindport' of [http] another port"
    );
    assert_eq!(
        report("debug=no", "bindport=8089"),
        "amimux.conf:16: error: TLS and plain connections would both be accepted at 127.0.0.1:8089; write tlsbindaddr = 127.0.0.1 with another port, or give the plain port another number"
    );
}

#[test]
fn times_of_sessions() {
    let report = |line: &str| {
        load_text(&served("").replace("webenabled=yes", &format!("webenabled=yes\n{line}"))).1
    };
    assert_eq!(
        report("httptimeout=0"),
        "amimux.conf:3: warning: 'httptimeout' is less than a second and is ignored; write 1 or more"
    );
    assert_eq!(
        report("httptimeout=x"),
        "amimux.conf:3: error: httptimeout = 'x' is not valid; write a time from 0ns to 86400s, as in 5, 0.5, 5s or 500ms"
    );
    assert_eq!(report("httptimeout=1"), "");
}

#[test]
fn restrictions_are_kept_by_path() {
    let main = served(
        "[t](!)\ndeny=0.0.0.0/0,::/0\n[/rawman](t)\ntype=restriction\npermit=127.0.0.1\n[/]\ntype=Restriction\nacl=office",
    );
    let acls = "[office]\ndeny=0.0.0.0/0,::/0\npermit=10.0.0.0/8\n";
    let (settings, report) = load_files(&[("amimux.conf", &main), ("acl.conf", acls)]);
    assert_eq!(report, "");
    let Settings { http, users, .. } = settings.unwrap();
    assert_eq!(users.len(), 1, "they are no users");
    let found: Vec<(String, bool, bool)> = http
        .unwrap()
        .restrictions
        .iter()
        .map(|(path, acl)| {
            let allows = |address: &str| acl.allows(address.parse().unwrap());
            (path.clone(), allows("127.0.0.1"), allows("10.1.1.1"))
        })
        .collect();
    assert_eq!(
        found,
        [
            ("/rawman".to_owned(), true, false),
            ("/".to_owned(), false, true)
        ]
    );
    let (_, report) = load_text(&served("[/]\ntype=restriction\nacl=office"));
    assert!(
        report.starts_with("amimux.conf:17: error: the file '"),
        "{report}"
    );
}

#[test]
fn a_user_may_be_called_http() {
    let (settings, report) = load_text(&format!("{BASE}[http]\ntype=user\nsecret=hunter3\n"));
    assert_eq!(report, "");
    assert!(settings.unwrap().users.get(b"http").is_some());
}
