//! Whoever asks over HTTP has the rights of its user, by every way of asking, and nobody else's session, events or
//! ActionIDs.

use std::collections::BTreeMap;

use md5::{Digest, Md5};

use crate::site::{Running, Site};
use crate::support::until;

/// Users that have something special each.
const USERS: &str = "\
[crm]\nsecret = crm-secret\nread = call,user\nwrite = originate,call,user,system\n\
actionfilter(action(require),name(Originate),header(Context),method(exact)) = crm-dialout\n\
actionfilter(action(exclude),name(Redirect)) =\nsetheader(Originate,Account) = crm\n\
[twin]\nsecret = twin-secret\nread = call,user\nwrite = user\nactionids = session\n\
[open]\nsecret = open-secret\nread = none\nwrite = none\nopenactions = safe\n\
[shut]\nsecret = shut-secret\nread = none\nwrite = none\nopenactions = none\n\
[fleeting]\nsecret = fleeting-secret\nread = all\nwrite = all\nonupstreamloss = close\n";

/// The ways of asking for an action; what AMI answered.
fn ask(site: &Site, way: &str, user: &str, action: &str) -> String {
    let secret = format!("{user}:{user}-secret");
    let query = action
        .replace(": ", "=")
        .replace('|', "&")
        .replace(' ', "+");
    let mut headers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in action.split('|') {
        let (name, value) = line.split_once(": ").unwrap();
        headers.entry(name).or_default().push(value);
    }
    let json = serde_json::to_string(&headers).unwrap();
    let answer = match way {
        "cookie" => {
            let cookie = site.cookie_of(user);
            site.with_cookie(&cookie, &format!("/rawman?{query}"))
        }
        "form" => {
            let cookie = site.cookie_of(user);
            site.curl("/mxml", &["-b", &cookie, "-d", &query])
        }
        "digest" => site.curl(&format!("/arawman?{query}"), &["--digest", "-u", &secret]),
        "basic" => site.post("/action", &json, &["-u", &secret]),
        "token" => {
            let token = site.token_of(user);
            site.post("/action", &json, &["-H", &token])
        }
        other => panic!("no way {other}"),
    };
    assert_eq!(answer.status, 200, "{way} {user} {action}: {answer:?}");
    answer.body
}

const WAYS: [&str; 5] = ["cookie", "form", "digest", "basic", "token"];

#[test]
fn filters_forced_headers_guards_and_open_actions_hold_by_every_way() {
    let site = Site::with(USERS, "");
    let dial = "Action: Originate|Channel: Local/1@x|Exten: 1|Priority: 1|Async: true";
    let inside = format!("{dial}|Context: crm-dialout");
    let guarded = format!("{inside}|Variable: SHELL(id)=1");
    let forged = format!("{inside}|Account: boss|account: boss");
    for way in WAYS {
        let may = |user: &str, action: &str| {
            let before = site.executed().len();
            let answer = ask(&site, way, user, action);
            let allowed = !answer.contains("Error");
            let named = action.split(['|', ' ']).nth(1).unwrap();
            let run = site.executed().into_iter().skip(before);
            let run = run.filter(|name| name == named).count();
            assert_eq!(run, usize::from(allowed), "{way} {user} {action}: {answer}");
            allowed
        };
        let cases = [
            ("crm", inside.as_str(), true),
            ("crm", dial, false),
            ("crm", &format!("{dial}|Context: internal"), false),
            ("crm", &forged, true),
            ("crm", &guarded, false),
            (
                "crm",
                "Action: Redirect|Channel: x|Context: y|Exten: 1|Priority: 1",
                false,
            ),
            ("crm", "Action: CoreStatus", true),
            ("crm", "Action: Command|Command: core show version", false),
            ("twin", "Action: CoreStatus", false),
            ("open", "Action: QueueStatus", true),
            ("open", "Action: QueueReset", false),
            ("shut", "Action: QueueStatus", false),
        ];
        for (user, action, expected) in cases {
            assert_eq!(may(user, action), expected, "{way} {user} {action}");
        }
    }
    // The account is the configured one, whatever was asked for.
    let accounts = site.asterisk.pbx.with(|pbx, _| {
        let originated = pbx.executed().iter();
        let headers = originated
            .filter(|run| run.action == b"Originate")
            .flat_map(|run| run.headers.clone());
        headers
            .filter(|(name, _)| name.eq_ignore_ascii_case(b"Account"))
            .map(|(_, value)| String::from_utf8_lossy(&value).into_owned())
            .collect::<Vec<_>>()
    });
    assert_eq!(accounts, vec!["crm"; 2 * WAYS.len()]);
}

/// What a session waits for until it sees `text`.
fn waited(site: &Site, cookie: &str, text: &str) -> String {
    until(&format!("{text:?}"), || {
        let answer = site.with_cookie(cookie, "/rawman?action=waitevent&timeout=1");
        answer.body.contains(text).then_some(answer.body)
    })
}

#[test]
fn actionids_are_shown_to_those_who_may_see_them() {
    let site = Site::with(USERS, "");
    let sender = site.cookie_with("crm", "&events=user,call");
    let same_user = site.cookie_with("crm", "&events=user,call");
    let other_user = site.cookie_with("bob", "&events=call");
    let call = "/rawman?action=originate&channel=Local/1@x&context=crm-dialout&exten=1&priority=1&async=true&actionid=mine-1";
    assert!(site.with_cookie(&sender, call).body.contains("Success"));
    let own = waited(&site, &sender, "Event: OriginateResponse");
    assert!(own.contains("ActionID: mine-1\r\n"), "{own}");
    let shared = waited(&site, &same_user, "Event: OriginateResponse");
    assert!(shared.contains("ActionID: mine-1\r\n"), "{shared}");
    let others = waited(&site, &other_user, "Event: OriginateResponse");
    assert!(!others.contains("ActionID: mine"), "{others}");
    // Nobody sees the token that was used upstream.
    for text in [&own, &shared, &others] {
        let ids = text.lines().filter(|line| line.starts_with("ActionID: "));
        assert!(
            ids.into_iter().all(|line| line == "ActionID: mine-1"),
            "{text}"
        );
    }
}

#[test]
fn a_place_of_somebody_elses_stream_is_none() {
    let site = Site::with(USERS, "");
    let follow = |user: &str, last: &str| {
        let token = site.token_of(user);
        let url = site.url("/events?events=all");
        Running::start(
            &url,
            &["-H", &token, "-H", &format!("Last-Event-ID: {last}")],
        )
    };
    let ids = |stream: &Running| -> Vec<String> {
        let text = stream.so_far();
        let lines = text.lines().filter_map(|line| line.strip_prefix("id: "));
        lines.map(str::to_owned).collect()
    };
    let alice = follow("alice", "");
    alice.wait_for("retry");
    let secret = b"Event: Secret\r\nPrivilege: command,all\r\nText: not for bob\r\n\r\n";
    let tell = || {
        let class = amimux::policy::class::Classes::COMMAND;
        site.asterisk
            .pbx
            .with(|pbx, _| pbx.broadcast(class, secret));
    };
    until("a stream that is followed", || {
        tell();
        alice.so_far().contains("not for bob").then_some(())
    });
    site.happen("for both");
    alice.wait_for("for both");
    let first = ids(&alice)[0].clone();
    // What is kept for Alice is not Bob's, whatever he says that he has seen; nor are places near it.
    let (view, position) = first.split_once('-').unwrap();
    let position = position.parse::<u64>().unwrap();
    for place in [
        first.clone(),
        format!("{view}-0"),
        format!("{view}-{}", position - 1),
    ] {
        let bob = follow("bob", &place);
        until(&format!("{place} is not Bob's"), || {
            bob.so_far().contains("MuxEventsSkipped").then_some(())
        });
        site.happen("after");
        let seen = bob.wait_for("after");
        assert!(
            !seen.contains("not for bob") && !seen.contains("for both"),
            "{seen}"
        );
    }
    let again = follow("alice", &first);
    again.wait_for("for both");
}

#[test]
fn sessions_of_others_and_ended_ones_are_nobodys() {
    let site = Site::with(USERS, "");
    let bob = site.cookie_of("bob");
    let alice = site.token_of("alice");
    let status = r#"{"Action":"CoreStatus"}"#;
    // Bob's cookie beside Alice's credentials: what stands in the header counts, and nothing is shared.
    let both = site.post("/action", status, &["-b", &bob, "-H", &alice]);
    assert_eq!(both.json()["response"]["Response"], "Success", "{both:?}");
    let only_bob = site.post("/action", status, &["-b", &bob]);
    assert_eq!(only_bob.json()["response"]["Message"], "Permission denied");
    let wrong = site.post("/action", status, &["-b", &bob, "-u", "alice:wrong"]);
    assert_eq!(wrong.status, 401, "{wrong:?}");
    // Two cookies are not tried until one fits.
    let guess = "mansession_id=00000000000000000000000000000001";
    let twice = site.with_cookie(&format!("{guess}; {bob}"), "/rawman?action=ping");
    let turned = site.with_cookie(&format!("{bob}; {guess}"), "/rawman?action=ping");
    let fits = [&twice, &turned].map(|answer| answer.body.contains("Pong"));
    assert!(fits != [true, true], "{twice:?} {turned:?}");
    // An ended session's token, and one from elsewhere, are nobody's.
    let elsewhere = ["-H", alice.as_str(), "--interface", "127.0.0.2"];
    assert_eq!(site.post("/action", status, &elsewhere).status, 401);
    assert_eq!(site.curl("/events", &elsewhere).status, 401);
    let end = |credentials: &[&str]| {
        let arguments = [&["-X", "POST"], credentials].concat();
        site.curl("/logout", &arguments).status
    };
    assert_eq!(end(&["-H", &alice]), 204);
    assert_eq!(site.post("/action", status, &["-H", &alice]).status, 401);
    assert_eq!(site.curl("/events", &["-H", &alice]).status, 401);
    assert_eq!(end(&["-H", &alice]), 401);
    assert_eq!(end(&["-b", &bob]), 204);
    let ended = site.with_cookie(&bob, "/rawman?action=ping");
    assert!(ended.body.contains("Permission denied"), "{ended:?}");
}

/// The header for a GET of that path with Digest credentials of that user.
fn digest_header(user: &str, secret: &str, nonce: &str, count: &str, path: &str) -> String {
    let hash = |text: String| -> String {
        let bytes = Md5::digest(text);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let who = hash(format!("{user}:asterisk:{secret}"));
    let what = hash(format!("GET:{path}"));
    let response = hash(format!("{who}:{nonce}:{count}:c:auth:{what}"));
    format!(
        "Authorization: Digest username=\"{user}\", realm=\"asterisk\", nonce=\"{nonce}\", uri=\"{path}\", qop=auth, nc={count}, cnonce=\"c\", response=\"{response}\""
    )
}

#[test]
fn a_nonce_leads_to_nobody_elses_session() {
    let site = Site::with(USERS, "");
    let path = "/arawman?action=CoreStatus";
    let challenge = site.curl(path, &[]);
    let challenge = challenge.header("WWW-Authenticate").expect("a challenge");
    let nonce = challenge.split("nonce=\"").nth(1).unwrap();
    let nonce = nonce.split('"').next().unwrap();
    let ask = |header: &str, from: &str| site.curl(path, &["-H", header, "--interface", from]);
    let alice = digest_header("alice", "alice-secret", nonce, "00000001", path);
    let own = ask(&alice, "127.0.0.1");
    assert!(own.body.contains("Response: Success"), "{own:?}");
    // Bob proves that he is Bob, and that is what he gets; that he is Alice he cannot prove.
    let bob = digest_header("bob", "bob-secret", nonce, "00000002", path);
    let bobs = ask(&bob, "127.0.0.1");
    assert!(bobs.body.contains("Permission denied"), "{bobs:?}");
    let as_alice = bob.replace("username=\"bob\"", "username=\"alice\"");
    assert_eq!(ask(&as_alice, "127.0.0.1").status, 401);
    // What Alice sent is of no use to others, nor once more to herself, nor for another path or method.
    for from in ["127.0.0.1", "127.0.0.2"] {
        assert_eq!(ask(&alice, from).status, 401, "{from}");
    }
    let next = digest_header("alice", "alice-secret", nonce, "00000003", path);
    let elsewhere = site.curl("/arawman?action=logoff", &["-H", &next]);
    assert_eq!(elsewhere.status, 400, "{elsewhere:?}");
    site.logged(&["kind=early", "made for another request"]);
    let posted = site.curl(path, &["-H", &next, "-d", "action=logoff"]);
    assert_eq!(posted.status, 401, "{posted:?}");
    // From another address it is another session of Alice's.
    assert!(ask(&next, "127.0.0.2").body.contains("Success"));
}

#[test]
fn a_loss_ends_the_sessions_of_those_who_asked_for_it() {
    let site = Site::with(USERS, "");
    let fleeting = site.cookie_of("fleeting");
    let kept = site.cookie_of("alice");
    let token = site.token_of("fleeting");
    let [upstream] = site.asterisk.connections()[..] else {
        panic!("one upstream connection");
    };
    site.asterisk.pbx.with(|pbx, _| pbx.kick(upstream));
    until("its session is over", || {
        let ended = site.with_cookie(&fleeting, "/rawman?action=ping");
        ended.body.contains("Permission denied").then_some(())
    });
    let ping = r#"{"Action":"Ping"}"#;
    assert_eq!(site.post("/action", ping, &["-H", &token]).status, 401);
    assert!(
        site.with_cookie(&kept, "/rawman?action=ping")
            .body
            .contains("Pong")
    );
}
