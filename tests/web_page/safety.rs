//! What the page must not let happen.

use amimux::policy::class::Classes;

use crate::page::{EVENTS, Page};
use crate::site::Site;

const HOSTILE: [&str; 4] = [
    "<img src=x onerror=window.hurt=1>",
    "<script>window.hurt=1</script>",
    "</pre></details><svg onload=window.hurt=1>",
    "\"><a href=x onclick=window.hurt=1>x</a>",
];

#[test]
fn there_is_no_page_unless_it_is_asked_for() {
    let site = Site::start();
    let answer = site.curl("/", &[]);
    assert_eq!(answer.status, 404);
    assert!(answer.body.contains("The requested URL was not found"));
}

#[test]
fn its_headers_keep_others_out() {
    let site = Site::with("", "webpage = yes\n");
    let answer = site.curl("/", &[]);
    assert_eq!(answer.status, 200);
    for (name, value) in [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Cache-Control", "no-cache, no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    let nonce_of = |body: &str| {
        let rest = body.split("<script nonce=\"").nth(1).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let nonce = nonce_of(&answer.body);
    assert_eq!(nonce.len(), 32);
    assert_ne!(nonce_of(&site.curl("/", &[]).body), nonce);
    let policy = answer.header("Content-Security-Policy").unwrap();
    let rules: Vec<&str> = policy.split("; ").collect();
    let own = [
        format!("script-src 'nonce-{nonce}'"),
        format!("style-src 'nonce-{nonce}'"),
    ];
    let expected = [
        "default-src 'none'",
        &own[0],
        &own[1],
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ];
    assert_eq!(rules, expected);
    for foreign in ["src=\"", "http:", "https:", "@import", "url(", "innerHTML"] {
        assert!(!answer.body.contains(foreign), "{foreign}");
    }
}

#[test]
fn what_asterisk_says_is_text_wherever_it_stands() {
    let page = Page::open();
    page.log_in("bob", "bob-secret");
    page.is_inside("bob");
    for hostile in HOSTILE {
        let event = format!(
            "Event: {hostile}\nPrivilege: call,all\nCallerIDName: {hostile}\n{hostile}: value"
        );
        page.happens(Classes::CALL, &event);
        page.newest(hostile);
        page.click(&format!("{EVENTS}:first-child summary"));
        page.wait_for(
            &format!("{EVENTS}:first-child pre"),
            &format!("CallerIDName: {hostile}\n{hostile}: value"),
        );
        // In an answer, and in an error.
        page.fill("#name", "Ping");
        page.click("#add");
        page.fill(".header input:first-child", "ActionID");
        page.fill(".header input:nth-child(2)", hostile);
        page.click("#run");
        page.wait_for("#result", &format!("ActionID: {hostile}"));
        page.click(".header button");
        page.fill("#name", hostile);
        page.click("#run");
        page.wait_for("#outcome", "Error: Invalid/unknown command: ");
    }
    // In a count of missed events.
    page.happens(
        Classes::CALL,
        "Event: MuxEventsSkipped\nPrivilege: call,all\nMessages: <img src=x onerror=window.hurt=1>",
    );
    page.wait_for(
        &format!("{EVENTS}.mark"),
        "<img src=x onerror=window.hurt=1>",
    );
    assert_eq!(page.run("return window.hurt === undefined"), true);
    for selector in ["#inside img", "#inside script", "#inside svg", "#inside a"] {
        assert_eq!(page.count(selector), 0, "{selector}");
    }
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn nothing_in_its_use_breaks_its_policy_and_what_is_injected_does() {
    let page = Page::of_alice();
    page.happens(Classes::CALL, "Event: Hangup\nPrivilege: call,all");
    page.newest("Hangup");
    page.click("#classes > summary");
    page.click("#choice input[value=call]");
    page.fill("#name", "Ping");
    page.click("#run");
    page.wait_for("#outcome", "Success");
    page.reload();
    page.is_inside("alice");
    page.click("#logout");
    page.wait_for("#state", "Logged out.");
    assert_eq!(page.complaints(), [""; 0]);
    for (injected, rule) in [
        (
            "const image = document.createElement('img'); image.src = '/openapi.json'; document.body.append(image)",
            "img-src data:",
        ),
        (
            "document.body.setAttribute('style', 'color: red')",
            "style-src 'nonce-",
        ),
        (
            "try { document.body.innerHTML = '<b>x</b>' } catch { /* It throws. */ }",
            "TrustedHTML",
        ),
        (
            "fetch('http://example.test/').catch(() => {})",
            "connect-src 'self'",
        ),
        (
            "const frame = document.createElement('iframe'); frame.src = '/'; document.body.append(frame)",
            "default-src 'none'",
        ),
    ] {
        page.run(injected);
        let told = crate::support::until(rule, || {
            Some(page.complaints()).filter(|told| !told.is_empty())
        });
        assert!(told[0].contains(rule), "{injected}: {told:?}");
    }
}

#[test]
fn a_narrow_screen_needs_no_scrolling_sideways() {
    let page = Page::of_alice();
    let long = format!(
        "Event: Hangup\nPrivilege: call,all\nLong: {}",
        "x".repeat(500)
    );
    page.happens(Classes::CALL, &long);
    page.newest("Hangup");
    page.click(&format!("{EVENTS}:first-child summary"));
    page.click("#add");
    for width in [1000, 500] {
        page.resize(width, 900);
        let wide = page.run("return document.documentElement.scrollWidth - innerWidth");
        assert!(wide.as_i64().unwrap() <= 0, "{width}: {wide}");
    }
}
