//! Where amimux means to answer otherwise, and why: mostly what Asterisk lets through, and should not.

use crate::conversation::Conversation;
use crate::request::Credentials;

/// A refusal of the request itself.
const REFUSED: &[&str] = &["400\n"];

/// All of them.
pub(crate) fn conversations() -> Vec<Conversation> {
    let mut all = smuggled();
    all.append(&mut no_http());
    all.append(&mut too_much());
    all.append(&mut pages());
    all.append(&mut sessions());
    all.append(&mut digest());
    all
}

/// Parameters that are more than one header.
fn smuggled() -> Vec<Conversation> {
    let queries = [
        "action=ping%0D%0Aactionid:+smuggled",
        "action=ping&actionid=1%0D%0A%0D%0Aaction:+corestatus",
        "action=ping&actionid=1%0Ax",
        "action=ping&actionid=1%0Dx",
        "action=ping&actionid=1%00x",
        "action=ping&action%0D%0Aactionid=1",
        "action%3A+ping=x",
        "action=ping&actionid%3A+1%0D%0Ax=y",
    ];
    let reason = "a parameter is one header: line ends, NUL, and colons in names are refused";
    let mut all: Vec<_> = queries
        .into_iter()
        .flat_map(|query| {
            let talk = |by: &str| Conversation::new(format!("{by}: {query}")).login("app1");
            [
                talk("query")
                    .get(format!("/rawman?{query}"))
                    .differs(reason, REFUSED),
                talk("form").post("/mxml", query).differs(reason, REFUSED),
            ]
        })
        .collect();
    all.push(
        Conversation::new("line end behind a form")
            .login("app1")
            .post("/rawman", "action=ping&actionid=1\r\n")
            .differs(reason, REFUSED),
    );
    all.push(
        Conversation::new("a secret with NUL and more")
            .get("/rawman?action=login&username=app1&secret=app1-secret%00junk")
            .get("/rawman?action=ping")
            .differs(reason, &["400\n", "Permission denied"]),
    );
    all
}

/// What is no HTTP, or not of this century.
fn no_http() -> Vec<Conversation> {
    let no_page = "a request that is broken is answered without a page";
    let guess = "Asterisk guesses what was meant by a request that is broken";
    let old = "a client of HTTP/1.0 need not know that a connection can stay open";
    let proxy = "HTTP/1.1 has every server understand a target with the server's name";
    let broken: &[&str] = &["400\n", "connection: close", "closed"];
    let closed: &[&str] = &["200\n", "Permission denied", "closed"];
    let table = [
        (
            "length is no number",
            "POST /rawman HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
            no_page,
            broken,
        ),
        (
            "length below zero",
            "POST /rawman HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            no_page,
            broken,
        ),
        (
            "other transfer encoding",
            "POST /rawman HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
            no_page,
            broken,
        ),
        ("no target", "GET\r\n\r\n", no_page, broken),
        ("nonsense", "nonsense\r\n\r\n", no_page, broken),
        ("no version", "GET /rawman\r\n\r\n", guess, broken),
        (
            "a header without colon",
            "GET /rawman HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n",
            guess,
            broken,
        ),
        (
            "blank in the target",
            "GET /rawman?action=a b HTTP/1.1\r\nHost: x\r\n\r\n",
            guess,
            broken,
        ),
        (
            "version 1.0",
            "GET /rawman?action=ping HTTP/1.0\r\nHost: x\r\n\r\n",
            old,
            closed,
        ),
        (
            "version 1.0, close",
            "GET /rawman?action=ping HTTP/1.0\r\nConnection: close\r\n\r\n",
            "the connection of a client of HTTP/1.0 closes without a word about it",
            closed,
        ),
        (
            "absolute form",
            "GET http://localhost/rawman?action=ping HTTP/1.1\r\nHost: localhost\r\n\r\n",
            proxy,
            &["200\n", "Permission denied", "open"],
        ),
    ];
    let conversations = table.into_iter().map(|(name, bytes, reason, wanted)| {
        let talk = Conversation::new(format!("bytes: {name}"));
        talk.send(bytes, 1).differs(reason, wanted)
    });
    conversations.collect()
}

/// More than one TCP message can be.
fn too_much() -> Vec<Conversation> {
    let talk = |name: &str| Conversation::new(name).login("app1");
    let many: String = (3..=129).map(|number| format!("&k{number}=v")).collect();
    let long = "v".repeat(1_100);
    vec![
        talk("129 parameters")
            .post("/rawman", format!("action=ping{many}&actionid=last"))
            .differs("Asterisk drops what is too much without a word", REFUSED),
        talk("a value of 1,100 bytes")
            .post(
                "/rawman",
                format!("action=userevent&userevent=Long&value={long}"),
            )
            .differs("an action may not have such a line over TCP", REFUSED),
    ]
}

/// XML that a parser can read, and pages in which only amimux writes markup.
fn pages() -> Vec<Conversation> {
    let talk = |name: &str| Conversation::new(name).login("app1");
    vec![
        talk("an attribute twice")
            .get("/mxml?action=userevent&userevent=WebTwice&key=a&Key=b&KEY=c")
            .get("/mxml?action=getconfig&filename=queues.conf&ajaxdest=%27%3E%3Cscript%3E")
            .differs(
                "ajaxdest is text, not markup",
                &["id='&apos;&gt;&lt;script&gt;'"],
            ),
        talk("an object that is no name")
            .get("/mxml?action=ping&ajaxobjtype=a+b%3E")
            .differs("ajaxobjtype is the name of an element", &["<"]),
        talk("a control byte")
            .get("/mxml?action=ping&actionid=a%01b")
            .differs("XML has no control bytes", &["actionid='"]),
    ]
}

fn sessions() -> Vec<Conversation> {
    let newer = "newer Asterisks tell of FullyBooted after a login without Events, too";
    let booted: &[&str] = &["Authentication accepted", "FullyBooted"];
    let login = "action=login&username=app1&secret=app1-secret";
    vec![
        Conversation::new("login without Events")
            .get(format!("/rawman?{login}"))
            .differs(newer, booted),
        Conversation::new("login without Events, XML")
            .get(format!("/mxml?{login}"))
            .differs(newer, booted),
        Conversation::new("a blank line too many")
            .login("app1")
            .get("/rawman?action=queuerule")
            .differs(
                "a message has one blank line at its end",
                &["Response: Success", "RuleList: rule1"],
            ),
        Conversation::new("a session from another address")
            .login("app1")
            .get("/rawman?action=ping")
            .from("127.0.0.2")
            .differs(
                "a session is for the address that began it",
                &["Authentication accepted", "Permission denied"],
            ),
        Conversation::new("a guarded path in capitals")
            .get("/DENIED/x")
            .differs(
                "case does not matter in a path, so it must not help around a restriction",
                &["403\n", "Access denied by ACL"],
            ),
        Conversation::new("a Digest nonce as a cookie")
            .get("/arawman?action=ping")
            .get("/arawman?action=ping")
            .credentials(Credentials::of("app1", "app1-secret", "00000001"))
            .get("/rawman?action=ping")
            .header("Cookie: mansession_id=\"{nonce}\"")
            .jar("")
            .differs(
                "a nonce is known to whoever asked for it, and no proof",
                &["Pong", "Permission denied"],
            ),
        Conversation::new("HEAD of what is not found")
            .send(
                "HEAD /nosuch HTTP/1.1\r\nHost: x\r\n\r\nGET /nosuch HTTP/1.1\r\nHost: x\r\n\r\n",
                2,
            )
            .differs(
                "an answer to HEAD has no body, and Asterisk's spoils the next one",
                &["404\n", "404\n", "open"],
            ),
    ]
}

fn digest() -> Vec<Conversation> {
    let ask = "/arawman?action=ping";
    let right = |count| Credentials::of("app1", "app1-secret", count);
    vec![
        Conversation::new("Digest for a user without secret")
            .get(ask)
            .get(ask)
            .credentials(Credentials::of("nosecret", "(null)", "00000001"))
            .differs(
                "(null) is what the C library makes of no secret",
                &["401\n", "401\n"],
            ),
        Conversation::new("Digest from a forbidden address with a wrong secret")
            .get(ask)
            .digest("acldenied", "wrong")
            .differs(
                "who has not proved who it is hears nothing of the user's access list",
                &["401\n", "401\n"],
            ),
        Conversation::new("a nonce for another user")
            .get(ask)
            .get(ask)
            .credentials(right("00000001"))
            .get(ask)
            .credentials(Credentials::of("callonly", "callonly-secret", "00000001"))
            .differs(
                "a nonce is for the user who used it first",
                &["401\n", "Pong", "401\n", "stale=true"],
            ),
        Conversation::new("a nonce that the client made up")
            .get(ask)
            .credentials(Credentials {
                nonce: "0badcafe",
                ..right("00000001")
            })
            .differs("a nonce is the server's to choose", &["401\n"]),
        Conversation::new("the first count twice")
            .get(ask)
            .get(ask)
            .credentials(right("00000001"))
            .get(ask)
            .credentials(right("00000001"))
            .differs(
                "a request is not to be replayed",
                &["401\n", "Pong", "401\n"],
            ),
    ]
}
