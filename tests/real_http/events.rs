//! Events over HTTP: what WaitEvent collects and when it comes back. Nobody else may make events meanwhile.

use crate::conversation::Conversation;
use crate::request::Credentials;

/// All of them.
pub(crate) fn conversations() -> Vec<Conversation> {
    let mut all = timeouts();
    all.append(&mut collected());
    all.append(&mut masks());
    all.append(&mut replaced());
    all
}

fn talk(name: &str) -> Conversation {
    Conversation::new(format!("WaitEvent: {name}"))
}

/// Logs in with these events.
fn with(name: &str, user: &str, events: &str) -> Conversation {
    talk(name).get(format!(
        "/rawman?action=login&username={user}&secret={user}-secret&events={events}"
    ))
}

/// The same; and what Asterisk has to tell of the login itself is over, so that the next WaitEvent does wait.
fn quiet(name: &str, user: &str, events: &str) -> Conversation {
    with(name, user, events)
        .rest()
        .get("/rawman?action=waitevent&timeout=0")
}

fn timeouts() -> Vec<Conversation> {
    vec![
        quiet("nothing happens", "app1", "call")
            .get("/rawman?action=waitevent&timeout=1&actionid=w"),
        with("no time", "app1", "call").get("/rawman?action=waitevent&timeout=0&actionid=w"),
        with("no time, XML and HTML", "app1", "call")
            .get("/mxml?action=waitevent&timeout=0&actionid=w")
            .get("/manager?action=waitevent&timeout=0&actionid=w"),
        quiet("a number and more", "app1", "call").get("/rawman?action=waitevent&timeout=1abc"),
        quiet("a blank before the number", "app1", "call")
            .get("/rawman?action=waitevent&timeout=+1"),
        talk("not logged in").get("/rawman?action=waitevent&timeout=0"),
    ]
}

fn collected() -> Vec<Conversation> {
    vec![
        with("an event before it", "app1", "user")
            .happen("WebBefore")
            .get("/rawman?action=waitevent&timeout=5&actionid=w")
            .only(&["WebBefore"]),
        with("several events before it, in order", "app1", "user")
            .happen("WebOne")
            .happen("WebTwo")
            .happen("WebThree")
            .get("/rawman?action=waitevent&timeout=5")
            .get("/rawman?action=waitevent&timeout=0")
            .only(&["WebOne", "WebTwo", "WebThree"]),
        quiet("an event while it waits", "app1", "user")
            .get("/rawman?action=waitevent&timeout=5&actionid=w")
            .background()
            .happen("WebMeanwhile")
            .only(&["WebMeanwhile"]),
        quiet("an event while it waits, XML", "app1", "user")
            .get("/mxml?action=waitevent&timeout=5&actionid=w")
            .background()
            .happen("WebMeanwhile")
            .only(&["WebMeanwhile"]),
        with("its own event", "app1", "user")
            .get("/rawman?action=userevent&userevent=WebOwn&actionid=own&key=a+b&other=%3C%26%3E")
            .get("/rawman?action=waitevent&timeout=5")
            .only(&["WebOwn"]),
        with("its own event, XML", "app1", "user")
            .get("/mxml?action=userevent&userevent=WebOwn&actionid=own&key=a+b&other=%3C%26%3E&key=c")
            .get("/mxml?action=waitevent&timeout=5")
            .only(&["WebOwn"]),
        with("another's event", "app1", "user")
            .get("/rawman?action=login&username=app2&secret=app2-secret&events=off")
            .jar("other")
            .get("/rawman?action=userevent&userevent=WebOther")
            .jar("other")
            .get("/rawman?action=waitevent&timeout=5")
            .only(&["WebOther"]),
        quiet("an asynchronous Originate", "app1", "call")
            .get("/rawman?action=waitevent&timeout=5")
            .background()
            .get("/rawman?action=originate&channel=NoTech/x&application=Wait&data=1&async=true&actionid=tech")
            .get("/rawman?action=waitevent&timeout=1")
            .only(&["OriginateResponse"]),
        quiet("other requests while it waits", "app1", "user")
            .get("/rawman?action=waitevent&timeout=5")
            .background()
            .get("/rawman?action=ping&actionid=1")
            .get("/mxml?action=corestatus")
            .happen("WebMeanwhile")
            .only(&["WebMeanwhile"]),
    ]
}

fn masks() -> Vec<Conversation> {
    vec![
        with("what the user may not read", "callonly", "on")
            .happen("WebHidden")
            .get("/rawman?action=waitevent&timeout=0")
            .only(&["WebHidden"]),
        with("what was not asked for", "app1", "call")
            .happen("WebUnwanted")
            .get("/rawman?action=waitevent&timeout=0")
            .only(&["WebUnwanted"]),
        with("the mask changed", "app1", "call")
            .get("/rawman?action=events&eventmask=user")
            .happen("WebWanted")
            .get("/rawman?action=waitevent&timeout=0")
            .only(&["WebWanted"]),
        with("off is undone by it", "app1", "off")
            .get("/rawman?action=waitevent&timeout=0")
            .happen("WebSeen")
            .get("/rawman?action=waitevent&timeout=5")
            .only(&["WebSeen"]),
        with("switched off, then waited", "app1", "user")
            .get("/rawman?action=events&eventmask=off")
            .get("/rawman?action=waitevent&timeout=0")
            .happen("WebSeen")
            .get("/rawman?action=waitevent&timeout=5")
            .only(&["WebSeen"]),
        with("a user's filters", "filtered", "on")
            .happen("WebFiltered")
            .get("/rawman?action=waitevent&timeout=0")
            .only(&["WebFiltered"]),
        with("a user's advanced filters", "filtered2", "on")
            .happen("WebNoMark")
            .happen("MarkOfWeb")
            .get("/rawman?action=waitevent&timeout=0")
            .only(&["UserEvent: "]),
        filters_with_digest(),
        with("a filter of its own", "app1", "user")
            .get("/rawman?action=filter&operation=add&filter=UserEvent:+WebKept")
            .happen("WebDropped")
            .happen("WebKept")
            .get("/rawman?action=waitevent&timeout=0")
            .only(&["WebDropped", "WebKept"]),
        with("a user without any class", "nothing", "on")
            .happen("WebHidden")
            .get("/rawman?action=waitevent&timeout=0")
            .only(&["WebHidden"]),
        with("logged in without Events", "app1", "")
            .get("/rawman?action=waitevent&timeout=0")
            .happen("WebLate")
            .get("/rawman?action=waitevent&timeout=5")
            .differs(
                "newer Asterisks tell of FullyBooted after a login without Events, too",
                &["FullyBooted", "WaitEventComplete", "WebLate"],
            ),
        with("FullyBooted at the login", "app1", "system")
            .get("/rawman?action=waitevent&timeout=0"),
    ]
}

fn filters_with_digest() -> Conversation {
    let wait = "/arawman?action=waitevent&timeout=5";
    let credentials = |count| Credentials::of("filtered2", "filtered2-secret", count);
    talk("a user's filters, Digest")
        .get("/arawman")
        .get("/arawman?action=waitevent&timeout=0")
        .credentials(credentials("00000001"))
        .happen("WebNoMark")
        .happen("MarkOfWeb")
        .get(wait)
        .credentials(credentials("00000002"))
        .differs(
            "a user's filters hold by whatever way the user comes",
            &[
                "WaitEventComplete",
                "Waiting for Event completed.\\r\\n\n\\r\\n\nEvent: UserEvent\\r\\n\nPrivilege: user,all\\r\\n\nUserEvent: MarkOfWeb\\r",
                "WaitEventComplete",
            ],
        )
}

/// Two at a time, and what ends one.
fn replaced() -> Vec<Conversation> {
    let begin = |name: &str| quiet(name, "app1", "user");
    vec![
        begin("a newer one ends the older")
            .get("/rawman?action=waitevent&timeout=8&actionid=old")
            .background()
            .get("/rawman?action=waitevent&timeout=1&actionid=new"),
        begin("a newer one ends the older, XML and HTML")
            .get("/mxml?action=waitevent&timeout=8&actionid=old")
            .background()
            .get("/manager?action=waitevent&timeout=1&actionid=new"),
        begin("the newer one has the event")
            .get("/rawman?action=waitevent&timeout=8&actionid=old")
            .background()
            .get("/rawman?action=waitevent&timeout=8&actionid=new")
            .background()
            .happen("WebNewer")
            .only(&["WebNewer"]),
        begin("Logoff ends it")
            .get("/rawman?action=waitevent&timeout=8&actionid=old")
            .background()
            .get("/rawman?action=logoff")
            .get("/rawman?action=ping"),
    ]
}
