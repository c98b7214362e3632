//! Which configuration files are out of every client's reach, unless an administrator allows one: those that
//! hold secrets, say who may log in, or switch off what protects the others.
//! Source: the sample files of Asterisk's `configs/samples`, all branches from 11 on.

use super::trim;

/// How the name of a directory or file is recognised; in lower case.
enum Protected {
    /// Begins so, whatever follows.
    Beginning(&'static str),
    /// Begins so, and no letter follows: `NAME.conf`, `NAME_custom.conf`, `NAME.d`, `NAME2.conf`, `NAME.conf.old`.
    Family(&'static str),
}

use Protected::{Beginning, Family};

/// Every user of Asterisk's manager interface with its secret, the shared session's among them; the files that
/// it includes are named like it.
const MANAGER: Protected = Beginning("manager");

/// Our own users, and the secret with which we log in to Asterisk.
const OWN: Protected = Beginning("amimux");

/// In the order of importance; one reason each.
const PROTECTED: &[Protected] = &[
    MANAGER,
    OWN,
    // From where the users of the manager interface may log in.
    Family("acl"),
    // Before Asterisk 23 its sections can be users of the manager interface; and it holds secrets of phones.
    Family("users"),
    // Users of the REST interface and their passwords.
    Family("ari"),
    // Passwords of phones and trunks: PJSIP (auths, wizards, and the TLS keys of transports), ...
    Family("pjsip"),
    // ... the older SIP (also `sip_additional.conf` and the like), ...
    Family("sip"),
    // ... IAX2, and what it provisions to phones, ...
    Family("iax"),
    Family("iaxprov"),
    // ... and those that phones fetch over HTTP.
    Family("phoneprov"),
    // Its mappings hold user and password of a call's destination.
    Family("dundi"),
    // Passwords of messaging accounts.
    Family("xmpp"),
    Family("jabber"),
    // Passwords of calendars.
    Family("calendar"),
    // Numbers with which callers identify themselves: mailboxes, ...
    Family("voicemail"),
    Family("minivm"),
    // ... agents (up to Asterisk 11), and conferences.
    Family("agents"),
    Family("meetme"),
    Family("confbridge"),
    // The password of the TURN server.
    Family("rtp"),
    // Passwords for monitoring and capturing.
    Family("prometheus"),
    Family("hep"),
    // Passwords for outgoing websockets.
    Family("websocket_client"),
    // Databases: their passwords, ...
    Beginning("res_config_"),
    Family("res_odbc"),
    Family("res_mysql"),
    Family("res_pgsql"),
    Family("res_sqlite"),
    Family("res_ldap"),
    Family("res_curl"),
    Family("dbsep"),
    Family("cdr_mysql"),
    Family("cdr_odbc"),
    Family("cdr_pgsql"),
    Family("cdr_tds"),
    Family("cel_mysql"),
    Family("cel_odbc"),
    Family("cel_pgsql"),
    Family("cel_tds"),
    // ... and from which of them every other file is read instead.
    Family("extconfig"),
    Family("sorcery"),
    // `live_dangerously` would switch off the checks of Asterisk that ours build upon.
    Beginning("asterisk.conf"),
    // Gives commands names that the table of safe ones does not know.
    Family("cli_aliases"),
];

impl Protected {
    /// `part` is in lower case.
    fn covers(&self, part: &[u8]) -> bool {
        match self {
            Self::Beginning(name) => part.starts_with(name.as_bytes()),
            Self::Family(name) => part
                .strip_prefix(name.as_bytes())
                .is_some_and(|rest| !rest.first().is_some_and(u8::is_ascii_alphabetic)),
        }
    }
}

/// Whether `file` may be one of [`PROTECTED`] once Asterisk has resolved it, and none of `allowed`. Each part of
/// the path counts, so that `x/../manager.conf` and `manager.d/x` are found; what is allowed must be the last part
/// to the letter. A name that could be a pattern could be anything.
pub(super) fn is_protected(file: &[u8], allowed: &[String]) -> bool {
    let file = trim(file);
    if file.iter().any(|byte| is_odd(*byte)) {
        return true;
    }
    let (directories, name) = match memchr::memrchr(b'/', file) {
        Some(slash) => file.split_at_checked(slash + 1).unwrap_or((b"", file)),
        None => (&b""[..], file),
    };
    let is_allowed = allowed
        .iter()
        .any(|allowed| allowed.as_bytes() == trim(name));
    directories.split(|byte| *byte == b'/').any(is_covered) || (!is_allowed && is_covered(name))
}

fn is_covered(part: &[u8]) -> bool {
    let part = trim(part).to_ascii_lowercase();
    PROTECTED.iter().any(|protected| protected.covers(&part))
}

/// Whether a file of that name holds the secrets of the manager interface, and so that of the shared session, or
/// our own: who reads it can connect to Asterisk past us, with every right.
pub fn holds_manager_secrets(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [MANAGER, OWN]
        .iter()
        .any(|protected| protected.covers(name.as_bytes()))
}

/// Whether `allowfile` has any effect for that name.
pub fn is_protected_file(name: &str) -> bool {
    is_covered(name.as_bytes())
}

/// Bytes that make a name a pattern, hide part of it, or have no place in one.
const fn is_odd(byte: u8) -> bool {
    matches!(
        byte,
        b'*' | b'?' | b'[' | b']' | b'{' | b'}' | b'\\' | b'"' | b'$'
    ) || byte.is_ascii_control()
}
