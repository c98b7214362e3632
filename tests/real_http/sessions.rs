//! Logins over HTTP, and the cookie that keeps a session.

use crate::conversation::Conversation;

/// Logins: a name, the query behind `action=login`.
const LOGINS: &[(&str, &str)] = &[
    ("right", "username=app1&secret=app1-secret&events=call"),
    (
        "with events off",
        "username=app1&secret=app1-secret&events=off",
    ),
    (
        "with events on",
        "username=app1&secret=app1-secret&events=on",
    ),
    (
        "with some events",
        "username=app1&secret=app1-secret&events=call,user",
    ),
    (
        "with system events",
        "username=app1&secret=app1-secret&events=system",
    ),
    (
        "with an ActionID",
        "username=app1&secret=app1-secret&events=off&actionid=1",
    ),
    ("wrong secret", "username=app1&secret=wrong"),
    ("no secret", "username=app1"),
    ("empty secret", "username=app1&secret="),
    ("unknown user", "username=nobody&secret=nobody-secret"),
    ("unknown user without secret", "username=nobody"),
    ("no user", "secret=app1-secret"),
    ("nothing", ""),
    (
        "a user in other letters",
        "username=APP1&secret=app1-secret&events=call",
    ),
    (
        "a secret in other letters",
        "username=app1&secret=APP1-SECRET",
    ),
    ("general", "username=general&secret="),
    ("a user without secret", "username=nosecret&secret="),
    (
        "a user without secret, (null)",
        "username=nosecret&secret=(null)",
    ),
    (
        "forbidden from here",
        "username=acldenied&secret=acldenied-secret",
    ),
    (
        "allowed from here",
        "username=aclok&secret=aclok-secret&events=off",
    ),
    (
        "without any right",
        "username=nothing&secret=nothing-secret",
    ),
    (
        "a key without challenge",
        "username=app1&authtype=md5&key=0123456789abcdef0123456789abcdef",
    ),
    ("no key", "username=app1&authtype=md5"),
    (
        "plain and AuthType",
        "username=app1&authtype=plain&secret=app1-secret&events=call",
    ),
    (
        "other AuthType",
        "username=app1&authtype=sha&secret=app1-secret&events=call",
    ),
    (
        "form encoding",
        "username=%61pp1&secret=app1%2Dsecret&events=off",
    ),
    ("blank behind the name", "username=app1+&secret=app1-secret"),
];

/// Cookie headers for a session that is logged in; `{cookie}` is its key.
const COOKIES: &[(&str, &str)] = &[
    ("plain", "Cookie: mansession_id={cookie}"),
    ("quoted", "Cookie: mansession_id=\"{cookie}\""),
    ("in capitals", "Cookie: mansession_id=\"{COOKIE}\""),
    ("header name in capitals", "COOKIE: mansession_id={cookie}"),
    ("behind others", "Cookie: a=b; mansession_id={cookie}; c=d"),
    ("before others", "Cookie: mansession_id={cookie}; c=d"),
    ("no blank between", "Cookie: a=b;mansession_id={cookie}"),
    (
        "the last counts",
        "Cookie: mansession_id=1; mansession_id={cookie}",
    ),
    (
        "the first does not count",
        "Cookie: mansession_id={cookie}; mansession_id=1",
    ),
    (
        "with its version",
        "Cookie: $Version=1; mansession_id=\"{cookie}\"; $Path=/",
    ),
    ("name in capitals", "Cookie: MANSESSION_ID={cookie}"),
    ("another name", "Cookie: session={cookie}"),
    ("unknown", "Cookie: mansession_id=\"0badcafe\""),
    (
        "unknown, long",
        "Cookie: mansession_id=\"0badcafe0badcafe0badcafe0badcafe\"",
    ),
    ("zero", "Cookie: mansession_id=\"0\""),
    ("no number", "Cookie: mansession_id=\"nonsense\""),
    ("empty", "Cookie: mansession_id="),
    ("nothing", "Cookie: mansession_id"),
];

/// All of them.
pub(crate) fn conversations() -> Vec<Conversation> {
    let mut all = Vec::new();
    for page in ["rawman", "mxml", "manager"] {
        // Asterisk takes a second for each that it refuses.
        let some = if page == "rawman" { LOGINS.len() } else { 8 };
        for (name, query) in LOGINS.iter().take(some) {
            all.push(
                Conversation::new(format!("login by {page}: {name}"))
                    .get(format!("/{page}?action=login&{query}"))
                    .get(format!("/{page}?action=ping&actionid=after")),
            );
        }
    }
    for (name, cookie) in COOKIES {
        all.push(
            Conversation::new(format!("cookie: {name}"))
                .login("app1")
                .get("/rawman?action=ping&actionid=1")
                .jar("")
                .header(cookie)
                .get("/rawman?action=ping&actionid=after"),
        );
    }
    all.append(&mut challenges());
    all.append(&mut lives());
    all.append(&mut several());
    all
}

fn challenges() -> Vec<Conversation> {
    let login = "/rawman?action=login&authtype=md5&username=app1&events=off&key=";
    let talk = |name: &str| Conversation::new(format!("challenge: {name}"));
    vec![
        talk("right")
            .get("/rawman?action=challenge&authtype=md5")
            .get(format!("{login}{{key:app1-secret}}"))
            .get("/rawman?action=ping"),
        talk("right, XML and HTML")
            .get("/mxml?action=challenge&authtype=MD5")
            .get(
                "/manager?action=login&authtype=MD5&username=app1&events=off&key={key:app1-secret}",
            )
            .get("/mxml?action=ping"),
        talk("by a form")
            .post("/mxml", "action=challenge&authtype=md5&actionid=7")
            .post(
                "/mxml",
                "action=login&authtype=md5&username=app1&events=off&key={key:app1-secret}",
            ),
        talk("wrong")
            .get("/rawman?action=challenge&authtype=md5")
            .get(format!("{login}{{key:wrong}}"))
            .get("/rawman?action=ping"),
        talk("twice the same digits")
            .get("/rawman?action=challenge&authtype=md5")
            .get(format!("{login}{{key:wrong}}"))
            .get(format!("{login}{{key:app1-secret}}")),
        talk("of another session")
            .get("/rawman?action=challenge&authtype=md5")
            .get(format!("{login}{{key:app1-secret}}"))
            .jar("other"),
        talk("no type").get("/rawman?action=challenge"),
        talk("other type").get("/rawman?action=challenge&authtype=sha1"),
        talk("while logged in")
            .login("app1")
            .get("/rawman?action=challenge&authtype=md5")
            .get("/rawman?action=ping"),
    ]
}

/// Sessions from their beginning to their end.
fn lives() -> Vec<Conversation> {
    let talk = |name: &str| Conversation::new(format!("session: {name}"));
    vec![
        talk("a ping before the login")
            .get("/rawman?action=ping")
            .login("app1")
            .get("/rawman?action=ping"),
        talk("one session, three forms")
            .login("app1")
            .get("/mxml?action=ping")
            .get("/manager?action=ping")
            .get("/rawman/?action=ping")
            .get("/RAWMAN?action=ping"),
        talk("logoff")
            .login("app1")
            .get("/rawman?action=logoff&actionid=bye")
            .get("/rawman?action=ping")
            .get("/rawman?action=ping"),
        talk("logoff without login")
            .get("/rawman?action=logoff")
            .get("/mxml?action=logoff"),
        talk("logoff, XML")
            .login("app1")
            .get("/mxml?action=logoff")
            .get("/mxml?action=ping"),
        talk("logoff, HTML")
            .login("app1")
            .get("/manager?action=logoff")
            .get("/manager?action=ping"),
        talk("login twice")
            .login("app1")
            .login("app1")
            .get("/rawman?action=ping"),
        talk("login as another")
            .login("app1")
            .login("callonly")
            .get("/rawman?action=listcommands"),
        talk("login again after logoff")
            .login("app1")
            .get("/rawman?action=logoff")
            .login("app1")
            .get("/rawman?action=ping"),
        talk("a failed login, then a right one")
            .get("/rawman?action=login&username=app1&secret=wrong")
            .login("app1")
            .get("/rawman?action=ping"),
    ]
}

/// More than one session, and requests that are not what they seem.
fn several() -> Vec<Conversation> {
    let talk = |name: &str| Conversation::new(format!("session: {name}"));
    vec![
        talk("two at a time")
            .login("app1")
            .login("app1")
            .jar("other")
            .get("/rawman?action=logoff")
            .get("/rawman?action=ping")
            .get("/rawman?action=ping")
            .jar("other"),
        talk("no cookie kept")
            .login("app1")
            .jar("")
            .get("/rawman?action=ping")
            .jar(""),
        talk("the cookie in the query")
            .login("app1")
            .get("/rawman?action=ping&mansession_id={cookie}")
            .jar(""),
        talk("only one login")
            .login("onelogin")
            .login("onelogin")
            .jar("other")
            .get("/rawman?action=ping")
            .jar("other")
            .get("/rawman?action=ping")
            .get("/rawman?action=logoff")
            .login("onelogin")
            .jar("third")
            .get("/rawman?action=logoff")
            .jar("third"),
        talk("login by HEAD")
            .head("/rawman?action=login&username=app1&secret=app1-secret&events=off")
            .get("/rawman?action=ping"),
        talk("login by POST")
            .post(
                "/mxml",
                "action=login&username=app1&secret=app1-secret&events=off",
            )
            .post("/mxml", "action=ping")
            .get("/mxml?action=ping"),
        talk("HEAD of everything")
            .login("app1")
            .head("/rawman?action=corestatus")
            .head("/mxml?action=corestatus")
            .head("/manager?action=corestatus"),
    ]
}
