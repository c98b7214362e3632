//! From a request to a message: query and body, encodings, odd parameters, sizes, and bytes that curl would not send.

use crate::conversation::Conversation;

/// Queries of a session that may do everything. What they become shows in the answer.
const QUERIES: &[&str] = &[
    "action=ping&actionid=1",
    "Action=Ping&ActionID=1",
    "ACTION=PING&ACTIONID=1",
    "actionid=1&action=ping",
    "action=ping&actionid=a+b%20c%2Bd",
    "action=ping&actionid=%41%42%2f%2F",
    "action=ping&actionid=broken%",
    "action=ping&actionid=broken%4",
    "action=ping&actionid=broken%zz",
    "action=ping&actionid=%c5%bc%C3%B3",
    "action=ping&actionid=%FF%FE",
    "action=ping&actionid=a;b",
    "action=ping;actionid=1",
    "action=ping&actionid=a=b=c",
    "action=ping&actionid=",
    "action=ping&actionid",
    "action=ping&actionid=1&actionid=2",
    "action=ping&action=corestatus",
    "action=&actionid=1",
    "actionid=1",
    "",
    "&&action=ping&&actionid=1&",
    "=x&action=ping&actionid=1",
    "action=+ping&actionid=+1",
    "action=ping+&actionid=1+",
    "+action=ping",
    "action+=ping",
    "action=%70ing&actionid=%09tab",
    "%61ction=ping&actionid=1",
    "action=ping&actionid=%3cb%3e%26%22%27",
    "action=nosuchaction&actionid=1",
    "action=userevent&userevent=Web&key=a&Key=b&actionid=1",
    "action=getvar&variable=GREETING&actionid=1",
    "action=getvar&variable=CALLERID(name)&actionid=1",
];

/// The types under which a body may come, and whether it is a form.
const TYPES: &[&str] = &[
    "Content-Type: application/x-www-form-urlencoded",
    "Content-Type: APPLICATION/X-WWW-Form-Urlencoded",
    "Content-Type: application/x-www-form-urlencoded; charset=UTF-8",
    "Content-Type: application/x-www-form-urlencoded;charset=UTF-8",
    "Content-Type: text/plain",
    "Content-Type: application/json",
    "Content-Type: multipart/form-data; boundary=x",
    "Content-Type:",
];

/// Requests as bytes, how many answers they get.
const BYTES: &[(&str, &str, usize)] = &[
    ("no Host", "GET /rawman?action=ping HTTP/1.1\r\n\r\n", 1),
    (
        "close",
        "GET /rawman?action=ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        1,
    ),
    (
        "keep-alive",
        "GET /rawman?action=ping HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n",
        1,
    ),
    (
        "pipelined",
        "GET /rawman HTTP/1.1\r\nHost: x\r\n\r\nGET /nosuch HTTP/1.1\r\nHost: x\r\n\r\nGET /mxml HTTP/1.1\r\nHost: x\r\n\r\n",
        3,
    ),
    (
        "a body with GET",
        "GET /rawman HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=b",
        1,
    ),
    (
        "a body left unread",
        "POST /rawman HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n\r\naction=ping",
        1,
    ),
    (
        "chunked form",
        "POST /rawman HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Transfer-Encoding: chunked\r\n\r\nb\r\naction=ping\r\n0\r\n\r\n",
        1,
    ),
    (
        "length beyond the limit",
        "POST /rawman HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 40961\r\n\r\n",
        1,
    ),
    ("LF alone", "GET /rawman HTTP/1.1\nHost: x\n\n", 1),
];

fn form(text: &str) -> String {
    text.to_owned()
}

/// All of them.
pub(crate) fn conversations() -> Vec<Conversation> {
    let mut all = Vec::new();
    for query in QUERIES {
        let talk = Conversation::new(format!("query {query}")).login("app1");
        all.push(
            talk.get(format!("/rawman?{query}"))
                .get(format!("/mxml?{query}"))
                .get(format!("/manager?{query}"))
                .post("/rawman", form(query)),
        );
    }
    for kind in TYPES {
        all.push(
            Conversation::new(format!("body, {kind}"))
                .login("app1")
                .post("/rawman", "action=ping&actionid=1")
                .header(kind)
                .get("/rawman?action=ping&actionid=after"),
        );
    }
    for (name, bytes, answers) in BYTES {
        all.push(Conversation::new(format!("bytes: {name}")).send(*bytes, *answers));
    }
    all.append(&mut bodies());
    all.append(&mut sizes());
    all
}

fn bodies() -> Vec<Conversation> {
    let talk = |name: &str| Conversation::new(name).login("app1");
    vec![
        talk("query and body").post("/rawman?action=corestatus", "action=ping&actionid=1"),
        talk("query and no body").post("/rawman?action=ping&actionid=1", ""),
        talk("query, no parameters in the body")
            .post("/rawman?action=ping", "action=ping")
            .header("Content-Type: text/plain"),
        talk("a body and HEAD").head("/rawman?action=ping"),
    ]
}

/// Numbers and lengths at their limits, and beyond.
fn sizes() -> Vec<Conversation> {
    let parameters = |count: usize| -> String {
        // The ActionID is the last: it shows whether it was read.
        let rest: String = (2..count).map(|number| format!("&k{number}=v")).collect();
        format!("action=ping{rest}&actionid=last")
    };
    let talk = |name: String| Conversation::new(name).login("app1");
    let mut all = Vec::new();
    for count in [127, 128] {
        let name = format!("{count} parameters");
        all.push(talk(name).post("/rawman", parameters(count)));
    }
    for length in [0, 1, 900, 1000] {
        let value = "v".repeat(length);
        let name = format!("a value of {length}");
        all.push(talk(name).post(
            "/rawman",
            format!("action=userevent&userevent=Long&value={value}"),
        ));
    }
    for length in [40_960, 40_961, 100_000] {
        let mut body = String::from("action=ping&actionid=1");
        while body.len() < length {
            // Parameters that are no longer than a line may be.
            let rest = (length - body.len()).clamp(3, 1_000);
            body += &format!("&x={}", "y".repeat(rest - 3));
        }
        all.push(talk(format!("a body of {length}")).post("/rawman", body));
    }
    for length in [4_095, 4_096, 9_000] {
        let filler = format!("x={}&", "y".repeat(97)).repeat(90);
        let bare = "GET /rawman?action=ping&actionid=1& HTTP/1.1\r\n".len();
        let rest = &filler[..length - bare];
        let line = format!("GET /rawman?action=ping&actionid=1&{rest} HTTP/1.1\r\n");
        all.push(
            Conversation::new(format!("a request line of {length}"))
                .send(line + "Host: x\r\n\r\n", 1),
        );
        let header = format!("X: {}\r\n", "x".repeat(length - 5));
        all.push(
            Conversation::new(format!("a header line of {length}"))
                .send(format!("GET /rawman HTTP/1.1\r\n{header}\r\n"), 1),
        );
    }
    for count in [99, 100, 101] {
        let bytes = format!("GET /rawman HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(count));
        let name = format!("{count} headers");
        all.push(Conversation::new(name).send(bytes, 1));
    }
    all
}
