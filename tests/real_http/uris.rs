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

/// Paths that lead elsewhere, and that not everybody may use; as in the http.conf of `scripts/asterisk/run.sh`.
const GUARDED: &[&str] = &[
    "/moved",
    "/MOVED",
    "/moved/",
    "/moved/x",
    "/moved?action=ping",
    "/far",
    "/denied",
    "/denied/x",
    "/deniedly",
    "/denied/but",
    "/den",
    "/half",
    "/half/x",
];

/// [`GUARDED`], as amimux reads it.
pub(crate) const OPTIONS: &str = "redirect = /moved /rawman\nredirect = /far http://example.invalid/there?x=y\n\
    [/denied]\ntype = restriction\ndeny = 0.0.0.0/0.0.0.0\n\
    [/denied/but]\ntype = restriction\npermit = 127.0.0.1\n\
    [/half]\ntype = restriction\ndeny = 127.0.0.2\n";

/// All of them.
pub(crate) fn conversations() -> Vec<Conversation> {
    let mut all: Vec<_> = PATHS
        .iter()
        .map(|path| Conversation::new(format!("path {path:?}")).get(*path))
        .collect();
    for path in GUARDED {
        let talk = Conversation::new(format!("guarded {path}"));
        all.push(
            talk.get(*path)
                .get(*path)
                .from("127.0.0.2")
                .post(*path, "action=ping")
                .method("PUT", *path),
        );
    }
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
