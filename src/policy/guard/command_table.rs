//! The commands that are safe: they show something, show no secret, and neither change nor hold up anything. The
//! longest row that a command begins with decides; what begins with none is refused.
//! Source: `core show help` of Asterisk 22 with every module loaded, each command tried on a configuration full of
//! secrets; the sources of older branches (11 on) for what 22 no longer has (`sip`, `meetme`, `skinny`, ...).

/// What becomes of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Allowed,
    /// An exception from a shorter row.
    Refused,
}

use Verdict::{Allowed, Refused};

/// By first word. Each exception says what it would show.
#[rustfmt::skip]
pub(super) const COMMANDS: &[(&[&str], Verdict)] = &[
    (&["acl", "show"], Allowed),
    (&["agent", "show"], Allowed),
    (&["agi", "show"], Allowed),
    (&["ari", "show", "app"], Allowed),
    (&["ari", "show", "apps"], Allowed),
    (&["ari", "show", "status"], Allowed),
    (&["ari", "show", "user"], Allowed),
    (&["ari", "show", "users"], Allowed),
    (&["bridge", "show"], Allowed),
    (&["bridge", "technology", "show"], Allowed),
    (&["calendar", "show"], Allowed),
    (&["cc", "report", "status"], Allowed),
    (&["cdr", "show"], Allowed),
    (&["cdr", "mysql", "status"], Allowed),
    (&["cel", "show"], Allowed),
    (&["cli", "show"], Allowed),
    (&["confbridge", "list"], Allowed),
    (&["confbridge", "show"], Allowed),
    // The PIN of a conference.
    (&["confbridge", "show", "profile", "user"], Refused),
    (&["config", "list"], Allowed),
    (&["config", "show", "help"], Allowed),
    (&["core", "show"], Allowed),
    (&["dahdi", "show"], Allowed),
    (&["devstate", "list"], Allowed),
    (&["dialplan", "locks", "show"], Allowed),
    (&["dialplan", "show"], Allowed),
    // The section [globals] of extensions.conf is where passwords of trunks customarily stand.
    (&["dialplan", "show", "globals"], Refused),
    (&["dnsmgr", "status"], Allowed),
    (&["dundi", "show"], Allowed),
    // User and password of a call's destination.
    (&["dundi", "show", "mappings"], Refused),
    (&["dundi", "show", "cache"], Refused),
    (&["dundi", "show", "hints"], Refused),
    (&["fax", "show"], Allowed),
    (&["features", "show"], Allowed),
    (&["group", "show"], Allowed),
    (&["http", "show", "status"], Allowed),
    (&["iax2", "show"], Allowed),
    // Passwords of users and of provisioned phones.
    (&["iax2", "show", "users"], Refused),
    (&["iax2", "show", "provisioning"], Refused),
    (&["indication", "show"], Allowed),
    (&["jabber", "show"], Allowed),
    (&["keys", "show"], Allowed),
    (&["local", "show"], Allowed),
    (&["logger", "show"], Allowed),
    (&["logger", "filter", "show"], Allowed),
    (&["manager", "show"], Allowed),
    // Events of every class and user.
    (&["manager", "show", "eventq"], Refused),
    (&["meetme", "list"], Allowed),
    (&["mfcr2", "show"], Allowed),
    (&["mgcp", "show"], Allowed),
    (&["mixmonitor", "list"], Allowed),
    (&["module", "show"], Allowed),
    (&["moh", "show"], Allowed),
    (&["motif", "show"], Allowed),
    (&["odbc", "show"], Allowed),
    (&["opus", "show"], Allowed),
    (&["parkedcalls", "show"], Allowed),
    (&["parking", "show"], Allowed),
    (&["pjproject", "show"], Allowed),
    (&["pjsip", "list"], Allowed),
    (&["pjsip", "show"], Allowed),
    // Passwords of phones and trunks, of a transport's TLS key, and what was sent to prove them.
    (&["pjsip", "show", "auth"], Refused),
    (&["pjsip", "show", "transport"], Refused),
    (&["pjsip", "show", "history"], Refused),
    (&["presencestate", "list"], Allowed),
    (&["pri", "show"], Allowed),
    (&["queue", "show"], Allowed),
    (&["rtp", "show"], Allowed),
    (&["sip", "show"], Allowed),
    // Passwords of phones, and what was sent to prove them.
    (&["sip", "show", "users"], Refused),
    (&["sip", "show", "history"], Refused),
    (&["skinny", "show"], Allowed),
    (&["sla", "show"], Allowed),
    (&["sorcery", "memory", "cache", "show"], Allowed),
    (&["sorcery", "show"], Allowed),
    (&["ss7", "show"], Allowed),
    (&["stasis", "show"], Allowed),
    (&["stun", "show"], Allowed),
    (&["udptl", "show"], Allowed),
    (&["unistim", "show"], Allowed),
    (&["voicemail", "show"], Allowed),
    (&["xmpp", "show"], Allowed),
];
