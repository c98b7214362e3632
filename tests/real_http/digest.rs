//! Digest: no login and no cookie, but a password with each request.

use crate::conversation::Conversation;
use crate::request::Credentials;

/// The first request of most: what it answers has the nonce.
const ASK: &str = "/arawman?action=ping";

/// All of them.
pub(crate) fn conversations() -> Vec<Conversation> {
    let mut all = by_curl();
    all.append(&mut credentials());
    all.append(&mut headers());
    all.append(&mut actions());
    all
}

/// `curl --digest`: who, with which secret.
fn by_curl() -> Vec<Conversation> {
    let users = [
        ("app1", "app1-secret"),
        ("app1", "wrong"),
        ("app1", ""),
        ("nobody", "nobody-secret"),
        ("APP1", "app1-secret"),
        ("acldenied", "acldenied-secret"),
        ("aclok", "aclok-secret"),
        ("nothing", "nothing-secret"),
        ("callonly", "callonly-secret"),
        ("nosecret", ""),
        ("general", ""),
    ];
    let mut all: Vec<_> = users
        .into_iter()
        .map(|(user, secret)| {
            let mut talk = Conversation::new(format!("digest: curl as {user} with {secret:?}"));
            for page in ["arawman", "amxml", "amanager"] {
                talk = talk
                    .get(format!("/{page}?action=corestatus&actionid=1"))
                    .digest(user, secret);
            }
            talk
        })
        .collect();
    let talk = |name: &str| Conversation::new(format!("digest: curl, {name}"));
    all.extend([
        talk("POST")
            .post("/arawman", "action=ping&actionid=1")
            .digest("app1", "app1-secret")
            .post("/amxml", "action=ping&actionid=1&ajaxdest=x")
            .digest("app1", "app1-secret"),
        talk("HEAD")
            .head("/arawman?action=ping")
            .digest("app1", "app1-secret"),
        talk("PUT")
            .method("PUT", "/arawman?action=ping")
            .digest("app1", "app1-secret"),
        talk("path in capitals, slash at the end")
            .get("/ARAWMAN/?action=ping")
            .digest("app1", "app1-secret"),
        talk("deeper path")
            .get("/arawman/x?action=ping")
            .digest("app1", "app1-secret"),
        talk("encoded query")
            .get("/arawman?action=ping&actionid=a%20b+c%22")
            .digest("app1", "app1-secret"),
        talk("a cookie of another session")
            .login("app1")
            .get("/arawman?action=ping")
            .get("/arawman?action=ping")
            .digest("callonly", "callonly-secret"),
        talk("digest where a cookie is asked for")
            .get("/rawman?action=ping")
            .digest("app1", "app1-secret"),
    ]);
    all
}

fn credentials() -> Vec<Conversation> {
    let talk = |name: &str| Conversation::new(format!("digest: {name}")).get(ASK);
    let right = |count| Credentials::of("app1", "app1-secret", count);
    vec![
        talk("counts that rise")
            .get(ASK)
            .credentials(right("00000001"))
            .get(ASK)
            .credentials(right("00000002"))
            .get(ASK)
            .credentials(right("0000000a"))
            .get(ASK)
            .credentials(right("00000010")),
        talk("the same count again, later")
            .get(ASK)
            .credentials(right("00000001"))
            .get(ASK)
            .credentials(right("00000002"))
            .get(ASK)
            .credentials(right("00000002")),
        talk("a smaller count")
            .get(ASK)
            .credentials(right("00000005"))
            .get(ASK)
            .credentials(right("00000006"))
            .get(ASK)
            .credentials(right("00000004")),
        talk("a stale nonce, then the new one")
            .get(ASK)
            .credentials(right("00000001"))
            .get(ASK)
            .credentials(right("00000002"))
            .get(ASK)
            .credentials(right("00000002"))
            .get(ASK)
            .credentials(right("00000003")),
        talk("without qop").get(ASK).credentials(right("")),
        talk("another uri field")
            .get(ASK)
            .credentials(Credentials {
                uri: "/elsewhere",
                ..right("00000001")
            })
            .differs(
                "credentials are good for the request that they were made for",
                &["400", "the credentials were made for another request"],
            ),
        talk("another realm").get(ASK).credentials(Credentials {
            realm: "elsewhere",
            ..right("00000001")
        }),
        talk("wrong secret")
            .get(ASK)
            .credentials(Credentials::of("app1", "wrong", "00000001"))
            .get(ASK)
            .credentials(right("00000002")),
        talk("unknown user").get(ASK).credentials(Credentials::of(
            "nobody",
            "nobody-secret",
            "00000001",
        )),
        talk("forbidden from here")
            .get(ASK)
            .credentials(Credentials::of("acldenied", "acldenied-secret", "00000001")),
        talk("other methods")
            .head(ASK)
            .credentials(right("00000001"))
            .post("/arawman", "action=ping")
            .credentials(right("00000002")),
    ]
}

/// Headers that are no credentials.
fn headers() -> Vec<Conversation> {
    let headers = [
        "Authorization: Basic YXBwMTphcHAxLXNlY3JldA==",
        "Authorization: Bearer x",
        "Authorization: Digest",
        "Authorization: Digest nonsense",
        "Authorization: Digest username=\"app1\"",
        "Authorization: Digest username=\"app1\", realm=\"asterisk\", nonce=\"{nonce}\"",
        "Authorization: Digest username=\"app1\", realm=\"asterisk\", nonce=\"{nonce}\", uri=\"/arawman\", response=\"\"",
        "Authorization: Digest username=\"app1\", realm=\"asterisk\", nonce=\"zz\", uri=\"/arawman\", response=\"0123456789abcdef0123456789abcdef\"",
        "Authorization: nonsense",
        "Authorization:",
    ];
    headers
        .into_iter()
        .map(|header| {
            Conversation::new(format!("digest: {header}"))
                .get(ASK)
                .get(ASK)
                .header(header)
        })
        .collect()
}

/// What may be done so, one session for all of them.
fn actions() -> Vec<Conversation> {
    let queries = [
        "action=ping&actionid=1",
        "action=login&username=app1&secret=app1-secret",
        "action=login&username=app1&secret=wrong",
        "action=challenge&authtype=md5",
        "action=queuesummary&actionid=1",
        "action=command&command=core+show+help",
        "action=getvar&variable=GREETING",
        "action=nosuch",
        "action=",
        "",
        "action=events&eventmask=call",
        "action=logoff",
        "action=ping",
    ];
    let mut all = Vec::new();
    for page in ["arawman", "amxml", "amanager"] {
        let mut talk = Conversation::new(format!("digest: actions by {page}")).get(ASK);
        let counts = [
            "00000001", "00000002", "00000003", "00000004", "00000005", "00000006", "00000007",
            "00000008", "00000009", "0000000a", "0000000b", "0000000c", "0000000d",
        ];
        for (query, count) in queries.iter().zip(counts) {
            talk = talk
                .get(format!("/{page}?{query}"))
                .credentials(Credentials::of("app1", "app1-secret", count));
        }
        all.push(talk);
    }
    let callonly = |count| Credentials::of("callonly", "callonly-secret", count);
    all.push(
        Conversation::new("digest: rights")
            .get(ASK)
            .get("/arawman?action=corestatus")
            .credentials(callonly("00000001"))
            .get("/arawman?action=hangup&channel=Local/none-0")
            .credentials(callonly("00000002"))
            .get("/arawman?action=listcommands")
            .credentials(callonly("00000003")),
    );
    all
}
