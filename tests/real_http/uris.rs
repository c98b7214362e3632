//! Where AMI is found: the six names, how they may be written, and methods.

use crate::conversation::Conversation;

/// Paths, found or not.
const PATHS: &[&str] = &[
    "/rawman",
    "/manager",
    "/mxml",
    "/arawman",
    "/amanager",
    "/amxml",
    "/RawMan",
    "/MXML",
    "/rawman/",
    "/mxml/",
    "/rawman//",
    "/rawman/x",
    "/manager/x",
    "/rawmanx",
    "/rawma",
    "/raw%6dan",
    "//rawman",
    "/./rawman",
    "/",
    "",
    "/nosuch",
    "/ari",
    "/static/nosuch.html",
    "/asterisk/rawman",
    "/httpstatus",
    "/rawman?",
    "/rawman?&",
    "/rawman?x",
    "/rawman#action=ping",
];

/// All of them.
pub(crate) fn conversations() -> Vec<Conversation> {
    let mut all: Vec<_> = PATHS
        .iter()
        .map(|path| Conversation::new(format!("path {path:?}")).get(*path))
        .collect();
    for path in ["/rawman", "/mxml", "/arawman", "/nosuch"] {
        for method in ["PUT", "DELETE", "OPTIONS", "PATCH", "NOSUCH", "post", "get"] {
            let name = format!("{method} {path}");
            all.push(Conversation::new(name).method(method, path));
        }
        all.push(Conversation::new(format!("HEAD {path}")).head(path));
        all.push(Conversation::new(format!("POST {path}")).post(path, ""));
    }
    all
}
