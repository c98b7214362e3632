//! The JSON interface: who may use it, what it answers, and that its description says the same.

use std::collections::BTreeSet;
use std::net::UdpSocket;

use amimux::http::route::ENDPOINTS;
use serde_json::{Value, json};

use crate::site::{Site, curl};

const PING: &str = r#"{"Action":"Ping"}"#;

#[test]
fn a_token_stands_for_a_session() {
    let site = Site::start();
    let login = site.post(
        "/login",
        r#"{"username":"Alice","secret":"alice-secret"}"#,
        &[],
    );
    assert_eq!(login.header("Content-Type"), Some("application/json"));
    assert_eq!(login.header("Set-Cookie"), None);
    assert_eq!(login.json()["expires"], 60);
    let token = format!(
        "Authorization: bearer {}",
        login.json()["token"].as_str().unwrap()
    );
    let bearer = ["-H", token.as_str()];
    let pong = site
        .post("/action", r#"{"Action":"Ping","ActionID":7}"#, &bearer)
        .json();
    assert_eq!(pong["response"]["Ping"], "Pong");
    assert_eq!(pong["response"]["ActionID"], "7");
    assert_eq!(pong["events"], json!([]));
    let elsewhere = site.post("/action", PING, &["-H", &token, "--interface", "127.0.0.2"]);
    assert_eq!(elsewhere.status, 401);
    let out = site.curl("/logout", &["-X", "POST", "-H", &token]);
    assert_eq!((out.status, out.body.as_str()), (204, ""));
    assert_eq!(site.post("/action", PING, &bearer).status, 401);
    let wrong = site.post("/login", r#"{"username":"alice","secret":"x"}"#, &[]);
    assert_eq!(
        (wrong.status, wrong.json()),
        (401, json!({"error": "Authentication failed"}))
    );
    site.logged(&["kind=login", "user=\"alice\"", "the secret is wrong"]);
}

#[test]
fn actions_in_and_answers_out() {
    let site = Site::start();
    let as_alice = ["-u", "alice:alice-secret"];
    let event = r#"{"Action":"UserEvent","UserEvent":"Demo","Variable":["a=1","b=2"],"Number":1.5,"Yes":true}"#;
    let answer = site.post("/action", event, &as_alice).json();
    assert_eq!(answer["response"]["Response"], "Success", "{answer}");
    let run = site.asterisk.pbx.with(|pbx, _| {
        let run = pbx
            .executed()
            .iter()
            .find(|run| run.action == b"UserEvent")
            .unwrap_or_else(|| panic!("{:?}", pbx.executed()));
        let header = |(name, value): &(Vec<u8>, Vec<u8>)| {
            format!(
                "{}={}",
                String::from_utf8_lossy(name),
                String::from_utf8_lossy(value)
            )
        };
        run.headers.iter().map(header).collect::<Vec<_>>()
    });
    for expected in ["Variable=a=1", "Variable=b=2", "Number=1.5", "Yes=true"] {
        assert!(
            run.iter().any(|header| header == expected),
            "{expected}: {run:?}"
        );
    }
    let command = site
        .post(
            "/action",
            r#"{"Action":"Command","Command":"core show uptime"}"#,
            &as_alice,
        )
        .json();
    assert!(command["response"]["Output"].is_array(), "{command}");
    let list = site
        .post("/action", r#"{"Action":"QueueSummary"}"#, &as_alice)
        .json();
    let events = list["events"].as_array().unwrap();
    assert_eq!(
        events.last().unwrap()["Event"],
        "QueueSummaryComplete",
        "{list}"
    );
    // What AMI refuses is an answer.
    let denied = site.post(
        "/action",
        r#"{"Action":"CoreStatus"}"#,
        &["-u", "bob:bob-secret"],
    );
    assert_eq!(
        (denied.status, &denied.json()["response"]["Message"]),
        (200, &json!("Permission denied"))
    );
    let nothing = site.post("/action", "{}", &as_alice).json();
    assert_eq!(nothing["response"]["Message"], "Missing action in request");
}

#[test]
fn the_same_credentials_are_the_same_session() {
    let site = Site::start();
    let filter = r#"{"Action":"Filter","Operation":"Add","Filter":"Text: wanted"}"#;
    for credentials in [
        ["-u", "alice:alice-secret"],
        ["-H", "Authorization: Bearer 0123456789-robot-token"],
    ] {
        let ask = |action: &str| site.post("/action", action, &credentials).json();
        // It would be refused if there were no session that it is about.
        assert_eq!(
            ask(r#"{"Action":"Events","EventMask":"call"}"#)["response"]["Events"],
            "On"
        );
        let added = ask(filter);
        assert_eq!(added["response"]["Response"], "Success", "{added}");
        site.happen("unwanted");
        site.happen("wanted");
        let waited = ask(r#"{"Action":"WaitEvent","Timeout":5}"#);
        assert_eq!(waited["events"][0]["Text"], "wanted", "{waited}");
    }
    let out = site.curl("/logout", &["-X", "POST", "-u", "alice:alice-secret"]);
    assert_eq!(out.status, 204);
}

#[test]
fn who_is_not_let_in() {
    let site = Site::start();
    for credentials in [
        vec![],
        vec!["-u", "alice:wrong"],
        vec!["-u", "nobody:"],
        vec!["-u", "afar:afar-secret"],
        vec!["-H", "Authorization: Bearer 0123456789-afar-token"],
        vec!["-H", "Authorization: Bearer 0123456789-wrong-token"],
        vec!["-H", "Authorization: Bearer x y"],
        vec!["-H", "Authorization: Basic !!"],
        vec!["-H", "Authorization: Digest username=\"alice\""],
        vec!["-b", "mansession_id=00000000000000000000000000000000"],
    ] {
        let answer = site.post("/action", PING, &credentials);
        assert_eq!(answer.status, 401, "{credentials:?}");
        assert_eq!(
            answer.header("WWW-Authenticate"),
            Some("Bearer realm=\"asterisk\"")
        );
        assert!(answer.json()["error"].is_string());
    }
    site.logged(&["kind=login", "nobody has that token"]);
    assert!(!site.amimux.log().contains("wrong-token"));
}

#[test]
fn other_bodies_methods_and_origins() {
    let site = Site::with("", "corsorigin = https://desk.example\n");
    let alice = ["-u", "alice:alice-secret"];
    let with = |more: &[&str]| site.post("/action", PING, &[&alice, more].concat());
    let plain = site.curl("/action", &[&alice[..], &["-d", PING]].concat());
    assert_eq!(plain.status, 415);
    let large = format!(r#"{{"Action":"Ping","X":"{}"}}"#, "x".repeat(41_000));
    assert_eq!(site.post("/action", &large, &alice).status, 413);
    for path in ["/action", "/login", "/logout", "/events", "/openapi.json"] {
        let answer = site.curl(path, &["-X", "DELETE"]);
        assert_eq!(answer.status, 405, "{path}");
        assert!(answer.header("Allow").is_some(), "{path}");
    }
    let known = with(&["-H", "Origin: https://desk.example"]);
    assert_eq!(
        known.header("Access-Control-Allow-Origin"),
        Some("https://desk.example")
    );
    assert_eq!(known.header("Vary"), Some("Origin"));
    let unknown = with(&["-H", "Origin: https://evil.example"]);
    assert_eq!(
        (
            unknown.status,
            unknown.header("Access-Control-Allow-Origin")
        ),
        (403, None)
    );
    let preflight = |origin: &str| {
        let origin = format!("Origin: {origin}");
        site.curl(
            "/action",
            &[
                "-X",
                "OPTIONS",
                "-H",
                &origin,
                "-H",
                "Access-Control-Request-Method: POST",
            ],
        )
    };
    let granted = preflight("https://desk.example");
    assert_eq!(granted.status, 204);
    assert_eq!(granted.header("Access-Control-Allow-Methods"), Some("POST"));
    assert_eq!(preflight("https://desk.example.evil").status, 403);
    // A browser adds a cookie by itself: only pages that are known may use it.
    let cookie = site.cookie_of("alice");
    let here = format!("Origin: http://127.0.0.1:{}", site.port);
    for (origin, expected) in [
        (here.as_str(), 200),
        ("Origin: https://desk.example", 200),
        ("Origin: https://evil.example", 403),
        ("Origin: null", 403),
        ("X: no origin", 200),
    ] {
        let answer = site.post("/action", PING, &["-b", &cookie, "-H", origin]);
        assert_eq!(answer.status, expected, "{origin}");
        let out = site.curl("/events?events=none", &["-b", &cookie, "-H", origin]);
        let refused = if expected == 200 { 400 } else { 403 };
        assert_eq!(out.status, refused, "{origin}");
    }
    let evil = [
        "-X",
        "POST",
        "-b",
        &cookie,
        "-H",
        "Origin: https://evil.example",
    ];
    assert_eq!(site.curl("/logout", &evil).status, 403);
    assert_eq!(site.post("/action", PING, &["-b", &cookie]).status, 200);
}

#[test]
fn secrets_are_not_taken_where_others_may_read_them() {
    let site = Site::with("", "bindaddr = 0.0.0.0\n");
    // Connecting tells the kernel to choose the address; nothing is sent.
    let socket = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("198.51.100.1:9")?;
        socket.local_addr()
    });
    let address = socket.expect("an address beside those of loopback").ip();
    let url = |path: &str| format!("http://{address}:{}{path}", site.port);
    let json = ["-H", "Content-Type: application/json", "-d", PING];
    for credentials in [
        ["-u", "alice:alice-secret"],
        ["-H", "Authorization: Bearer 0123456789-robot-token"],
    ] {
        let answer = curl(&url("/action"), &[&json[..], &credentials].concat());
        assert_eq!(answer.status, 403, "{answer:?}");
        assert!(
            answer.json()["error"].as_str().unwrap().contains("HTTPS"),
            "{answer:?}"
        );
    }
    assert_eq!(curl(&url("/login"), &json).status, 403);
    // AJAM is as open as Asterisk's.
    assert!(
        curl(
            &url("/rawman?action=login&username=alice&secret=alice-secret"),
            &[]
        )
        .body
        .contains("accepted")
    );
}

#[test]
fn the_description_says_what_there_is() {
    let site = Site::start();
    let served = site.curl("/openapi.json", &[]).json();
    assert_eq!(served["info"]["version"], env!("CARGO_PKG_VERSION"));
    let paths = served["paths"].as_object().unwrap();
    let described: BTreeSet<String> = paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let known: BTreeSet<String> = ENDPOINTS
        .iter()
        .filter(|endpoint| endpoint.target.is_json())
        .flat_map(|endpoint| {
            endpoint
                .methods
                .iter()
                .map(move |method| format!("{method} /{}", endpoint.path))
        })
        .collect();
    assert_eq!(described, known);
    for endpoint in ENDPOINTS
        .iter()
        .filter(|endpoint| endpoint.target.is_json())
    {
        let methods = paths[&format!("/{}", endpoint.path)].as_object().unwrap();
        for (method, operation) in methods {
            let statuses: BTreeSet<u16> = operation["responses"]
                .as_object()
                .unwrap()
                .keys()
                .map(|status| status.parse().unwrap())
                .collect();
            let known = endpoint.statuses.iter().copied().collect();
            assert_eq!(statuses, known, "{method} {}", endpoint.path);
        }
    }
    assert_references_exist(&served, &served);
}

/// Every `$ref` leads somewhere.
fn assert_references_exist(whole: &Value, part: &Value) {
    match part {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                let pointer = reference
                    .strip_prefix('#')
                    .expect("a reference within the file");
                assert!(whole.pointer(pointer).is_some(), "{reference}");
            }
            members
                .values()
                .for_each(|value| assert_references_exist(whole, value));
        }
        Value::Array(values) => values
            .iter()
            .for_each(|value| assert_references_exist(whole, value)),
        _ => {}
    }
}

#[test]
fn the_page_is_there_if_it_is_wanted() {
    let without = Site::start();
    assert_eq!(without.curl("/", &[]).status, 404);
    let site = Site::with("", "webpage = yes\nprefix = ami\n");
    let page = site.curl("/ami/", &[]);
    assert_eq!(page.status, 200);
    assert_eq!(page.header("X-Frame-Options"), Some("DENY"));
    let policy = page.header("Content-Security-Policy").unwrap();
    let nonce = policy
        .split("script-src 'nonce-")
        .nth(1)
        .unwrap()
        .split('\'')
        .next()
        .unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert_eq!(page.body.matches(&format!("nonce=\"{nonce}\"")).count(), 2);
    assert_ne!(
        page.body,
        site.curl("/ami", &[]).body,
        "each has its own number"
    );
    // Nothing from elsewhere, and nothing that the policy would forbid.
    for foreign in ["http://", "https://", "src=", " on", "style="] {
        let within = page
            .body
            .split("<script")
            .next()
            .unwrap()
            .split("<body>")
            .nth(1)
            .unwrap();
        assert!(
            !within.contains(&format!("<{foreign}"))
                && !within.contains(&format!("{foreign}click=")),
            "{foreign}"
        );
    }
    assert!(
        !page.body.contains("//") || !page.body.contains("://"),
        "no address of another server"
    );
}
