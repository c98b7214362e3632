//! Logging in and out.

use serde_json::json;

use crate::browser::Browser;
use crate::page::Page;
use crate::site::Site;
use crate::support::{Authority, until};

#[test]
fn a_wrong_secret_is_refused_in_asterisks_words_and_a_right_one_lets_in() {
    let page = Page::open();
    assert!(!page.shows("#inside") && !page.shows("#logout"));
    page.log_in("alice", "wrong-secret");
    page.wait_for("#login-error", "Authentication failed");
    assert!(!page.shows("#inside"));
    assert_eq!(page.property("#secret", "value"), "", "it is not kept");
    page.log_in("alice", "alice-secret");
    page.is_inside("alice");
    assert!(page.shows("#inside") && page.shows("#logout") && !page.shows("#entry"));
    assert_eq!(page.text("#login-error"), "");
}

#[test]
fn the_secret_stays_nowhere_and_no_script_sees_the_cookie() {
    let page = Page::of_alice();
    let cookies = page.cookies();
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    let cookie = &cookies[0];
    assert_eq!(cookie["name"], "mansession_id");
    assert_eq!(
        (&cookie["httpOnly"], &cookie["sameSite"]),
        (&json!(true), &json!("Strict"))
    );
    assert_eq!(page.run("return document.cookie"), "");
    let kept = page.run(
        "return JSON.stringify([{...localStorage}, {...sessionStorage}]) \
         + document.documentElement.outerHTML \
         + [...document.querySelectorAll('input')].map((input) => input.value).join()",
    );
    assert!(!kept.as_str().unwrap().contains("alice-secret"), "{kept}");
    assert_eq!(page.url(), page.site.url("/"));
    let asked = until("the login is among what was asked", || {
        let entries = "return performance.getEntriesByType('resource').map((entry) => entry.name)";
        let entries = page.run(entries).to_string();
        entries.contains("/login").then_some(entries)
    });
    assert!(!asked.contains("secret"), "{asked}");
    assert!(!page.site.amimux.log().contains("alice-secret"));
}

#[test]
fn a_reload_finds_the_session_and_logout_ends_it() {
    let page = Page::of_alice();
    page.reload();
    page.is_inside("alice");
    let cookie = page.cookies()[0]["value"].as_str().unwrap().to_owned();
    let cookie = format!("mansession_id={cookie}");
    let ping = |cookie: &str| {
        let arguments = ["-b", cookie];
        page.site
            .post("/action", r#"{"Action":"Ping"}"#, &arguments)
    };
    assert_eq!(ping(&cookie).json()["response"]["Response"], "Success");
    page.click("#logout");
    page.wait_for("#state", "Logged out.");
    assert!(!page.shows("#inside"));
    assert_eq!(ping(&cookie).status, 401);
    page.reload();
    assert_eq!(page.text("#state"), "Not logged in.");
    assert!(page.shows("#entry"));
}

#[test]
fn another_tab_that_logs_in_as_somebody_else_takes_the_session_along() {
    let page = Page::of_alice();
    let first = page.open_tab();
    page.open(&page.site.url("/"));
    page.log_in("bob", "bob-secret");
    page.is_inside("bob");
    page.switch(&first);
    page.wait_for("#state", "in another tab");
    assert!(!page.shows("#inside"));
}

#[test]
fn a_session_that_ended_elsewhere_asks_for_a_login() {
    let page = Page::of_alice();
    page.site.happen("for Alice");
    page.counts(1);
    let cookie = page.cookies()[0]["value"].as_str().unwrap().to_owned();
    let cookie = format!("mansession_id={cookie}");
    assert_eq!(
        page.site
            .curl("/logout", &["-b", &cookie, "-X", "POST"])
            .status,
        204
    );
    page.wait_for("#state", "The session has ended");
    assert_eq!(page.property("#username", "value"), "alice");
    page.fill("#secret", "alice-secret");
    page.click("#enter");
    page.is_inside("alice");
    page.newest("Logged in again");
    page.counts(2);
    let cookie = page.cookies()[0]["value"].as_str().unwrap().to_owned();
    let cookie = format!("mansession_id={cookie}");
    page.site.curl("/logout", &["-b", &cookie, "-X", "POST"]);
    page.wait_for("#state", "The session has ended");
    page.log_in("bob", "bob-secret");
    page.is_inside("bob");
    page.counts(0);
}

#[test]
fn a_cookie_is_given_to_pages_of_this_server_only() {
    let site = Site::with("", "prefix = pbx\nwebpage = yes\n");
    let log_in = |cookie: &str, more: &[&str]| {
        let secret = r#""username":"alice","secret":"alice-secret""#;
        let body = format!(r#"{{{secret},"cookie":{cookie}}}"#);
        site.post("/pbx/login", &body, more)
    };
    let own = format!("Origin: http://127.0.0.1:{}", site.port);
    for arguments in [&[][..], &["-H", &own]] {
        let answer = log_in("true", arguments);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json(), json!({"expires": 60}));
        let set = answer.header("Set-Cookie").unwrap();
        let (_, flags) = set.split_once("; ").unwrap();
        assert_eq!(flags, "Version=1; Path=/pbx; HttpOnly; SameSite=Strict");
        let body = r#"{"Action":"Ping"}"#;
        let pong = site.post("/pbx/action", body, &["-b", &answer.cookie()]);
        assert_eq!(pong.json()["response"]["Ping"], "Pong");
    }
    let foreign = log_in("true", &["-H", "Origin: http://127.0.0.1:1"]);
    assert_eq!((foreign.status, foreign.header("Set-Cookie")), (403, None));
    for neither in ["1", "\"true\"", "null"] {
        let answer = log_in(neither, &[]);
        assert_eq!((answer.status, answer.header("Set-Cookie")), (400, None));
    }
    let token = log_in("false", &[]);
    assert_eq!((token.status, token.header("Set-Cookie")), (200, None));
    assert!(token.json()["token"].is_string());
}

#[test]
fn below_a_prefix_and_over_https() {
    let authority = Authority::new("amimux tests");
    let server = authority.issue(&["localhost"]);
    let site = Site::with(
        "",
        &format!(
            "prefix = pbx\nwebpage = yes\ntlsenable = yes\ntlsbindaddr = 127.0.0.1:{{next}}\ntlscertfile = {}\n",
            server.file.display()
        ),
    );
    let browser = Browser::with(&["--ignore-certificate-errors"]);
    for path in ["/pbx", "/pbx/"] {
        browser.open(&format!("https://localhost:{}{path}", site.port + 1));
        browser.fill("#username", "alice");
        browser.fill("#secret", "alice-secret");
        browser.click("#enter");
        browser.wait_for("#link", "Connected.");
        let cookies = browser.cookies();
        assert_eq!(cookies.len(), 1, "{cookies:?}");
        assert_eq!(cookies[0]["secure"], true);
        browser.click("#logout");
        browser.wait_for("#state", "Logged out.");
    }
}

#[test]
fn no_secret_is_typed_where_others_can_read_it() {
    let site = Site::with("", "webpage = yes\n");
    let browser = Browser::with(&["--host-resolver-rules=MAP pbx.test 127.0.0.1"]);
    browser.open(&format!("http://pbx.test:{}/", site.port));
    browser.wait_for("#login-error", "over HTTPS only");
    for input in ["#username", "#secret", "#enter"] {
        assert_eq!(browser.property(input, "disabled"), true, "{input}");
    }
}

#[test]
fn the_keyboard_is_enough() {
    let page = Page::open();
    page.run("document.getElementById('username').focus()");
    page.type_keys("alice\u{e004}alice-secret\u{e007}");
    page.is_inside("alice");
    assert_eq!(page.run("return document.activeElement.id"), "filter");
    // Past pause, clear, classes and the list.
    page.type_keys("\u{e004}\u{e004}\u{e004}\u{e004}\u{e004}");
    assert_eq!(page.run("return document.activeElement.id"), "name");
    page.type_keys("Ping\u{e007}");
    page.wait_for("#outcome", "Success");
    assert!(page.text("#result").contains("Ping: Pong"));
    until("everything has a name", || {
        let nameless = page.run(
            "return [...document.querySelectorAll('input, button, [role=region]')].filter((one) => \
             !(one.labels?.length || one.getAttribute('aria-label') || one.textContent.trim())).length",
        );
        (nameless == 0).then_some(())
    });
}
