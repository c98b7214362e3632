//! Nothing that a request can hold becomes a line of AMI of its own.

use crate::site::Site;

/// What is smuggled, and would be run if it arrived.
const MARK: &str = "CoreStatus";

#[test]
fn no_parameter_is_more_than_one_header() {
    let site = Site::start();
    let alice = site.cookie_of("alice");
    for query in [
        "action=ping%0d%0aAction:%20CoreStatus",
        "action=ping%0D%0A%0D%0AAction:%20CoreStatus%0d%0a%0d%0a",
        "action=ping%0aAction:%20CoreStatus",
        "action=ping%0dAction:%20CoreStatus",
        "action=ping%00&x=CoreStatus",
        "action=ping&x%0d%0aAction=CoreStatus",
        "action=ping&x%0aAction=CoreStatus",
        "action=ping&%00Action=CoreStatus",
        "Action%3A%20CoreStatus=x",
        "action%3a=CoreStatus",
        "action=ping&variable=a%0d%0a%0d%0aAction:%20CoreStatus",
        "action=ping&a%09b=CoreStatus",
    ] {
        let path = format!("/rawman?{query}");
        let get = site.with_cookie(&alice, &path);
        assert_eq!(get.status, 400, "{query}");
        assert!(
            get.body.contains("<h1>Bad Request</h1>\r\n<p>"),
            "{query}: {get:?}"
        );
        let post = site.curl("/mxml", &["-b", &alice, "-d", query]);
        assert_eq!(post.status, 400, "{query}");
        let digest = site.curl(
            &format!("/arawman?{query}"),
            &["--digest", "-u", "alice:alice-secret"],
        );
        assert_eq!(digest.status, 400, "{query}");
        let stranger = site.curl(&path, &[]);
        assert_eq!(stranger.status, 400, "{query}");
    }
    site.logged(&["kind=request", "user=\"alice\"", "rule=\"format\""]);
    site.logged(&["kind=early", "CR, LF or NUL"]);
    for json in [
        r#"{"Action":"Ping","X":"a\r\nAction: CoreStatus"}"#,
        r#"{"Action":"Ping","X\r\nAction":"CoreStatus"}"#,
        r#"{"Action: CoreStatus":"x"}"#,
        r#"{"Action":"Ping","X":["a","b\n\nAction: CoreStatus\n\n"]}"#,
        "{\"Action\":\"Ping\\u0000\",\"X\":\"CoreStatus\"}",
        r#"{"Action":{"Action":"CoreStatus"}}"#,
        r#"[{"Action":"CoreStatus"}]"#,
        r#"{"Action":"CoreStatus"} x"#,
    ] {
        let answer = site.post("/action", json, &["-u", "alice:alice-secret"]);
        assert_eq!(answer.status, 400, "{json}: {answer:?}");
        assert!(answer.json()["error"].is_string(), "{json}");
    }
    let login = r#"{"username":"alice\r\nAction: CoreStatus","secret":"x"}"#;
    assert_eq!(site.post("/login", login, &[]).status, 400);
    // Credentials in base64 can hold anything.
    let basic = "Authorization: Basic YWxpY2UNCkFjdGlvbjogQ29yZVN0YXR1czp4";
    let answer = site.post("/action", r#"{"Action":"Ping"}"#, &["-H", basic]);
    assert_eq!(answer.status, 401, "{answer:?}");
    // Two actions in one request are one too many.
    let twice = site.with_cookie(&alice, "/rawman?action=ping&action=CoreStatus");
    assert!(!twice.body.contains("CoreReload"), "{twice:?}");
    assert!(
        !site.executed().contains(&MARK.to_owned()),
        "{:?}",
        site.executed()
    );
    // That it would have been run is shown by running it.
    site.with_cookie(&alice, "/rawman?action=CoreStatus");
    assert!(site.executed().contains(&MARK.to_owned()));
}

#[test]
fn no_more_than_ami_can_hold_is_taken() {
    let site = Site::start();
    let alice = site.cookie_of("alice");
    let long = format!("/rawman?action=ping&x={}", "y".repeat(1100));
    let answer = site.with_cookie(&alice, &long);
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("more than 1,022 bytes"), "{answer:?}");
    let many = format!("/rawman?action=ping{}", "&x=y".repeat(128));
    let answer = site.with_cookie(&alice, &many);
    assert_eq!(answer.status, 400);
    assert!(
        answer.body.contains("more than 128 parameters"),
        "{answer:?}"
    );
    let enough = format!("/rawman?action=ping{}", "&x=y".repeat(127));
    assert!(site.with_cookie(&alice, &enough).body.contains("Pong"));
}
