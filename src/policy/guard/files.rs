//! The actions on configuration files: no client may read or write what holds the shared session's secret
//! or decides who may log in to Asterisk.
//! Source: `main/manager.c`, `restrictedFile`, `action_updateconfig`; `main/config.c`, `config_text_file_load`
//! (the name is a glob pattern), `process_text_line` (directives, block comments).
//!
//! Asterisk's own check, that the file is inside the configuration directory, still follows. Symbolic links
//! are beyond what can be seen from here.

use super::contains;
use crate::policy::user::User;
use crate::protocol::request::Request;

const RESTRICTED: &str = "File requires escalated privileges";

/// The headers that name a file, over all these actions.
const HEADERS: &[&str] = &["Filename", "SrcFilename", "DstFilename"];

/// Files that no client reaches, in lower case.
const PROTECTED: &[Protected] = &[
    // Every user of Asterisk with its secret; the files that it includes are named like it.
    Protected::Beginning("manager"),
    // From where those users may log in.
    Protected::Named("acl.conf"),
    // Before Asterisk 23 its sections can be users of the manager interface, with every class by default.
    Protected::Named("users.conf"),
    // Our own users, and the upstream's secret.
    Protected::Named("amimux.conf"),
];

enum Protected {
    /// This directory or file.
    Named(&'static str),
    /// Every directory or file whose name begins so.
    Beginning(&'static str),
}

/// Whether `file` may be one of [`PROTECTED`] once Asterisk has resolved it. Each part of the path counts,
/// so that `x/../manager.conf` and `manager.d/x` are found, and a pattern could be anything.
pub(super) fn is_protected(file: &[u8]) -> bool {
    let file = file.to_ascii_lowercase();
    file.split(|byte| *byte == b'/').map(trim).any(|part| {
        PROTECTED.iter().any(|protected| match protected {
            Protected::Named(name) => part == name.as_bytes(),
            Protected::Beginning(name) => part.starts_with(name.as_bytes()),
        })
    }) || trim(&file).iter().any(|byte| is_odd(*byte))
}

/// Without bytes up to the blank at either end, as Asterisk strips them.
fn trim(mut text: &[u8]) -> &[u8] {
    while let [0..=32, rest @ ..] | [rest @ .., 0..=32] = text {
        text = rest;
    }
    text
}

/// Bytes that make a name a pattern, hide part of it, or have no place in one.
const fn is_odd(byte: u8) -> bool {
    matches!(
        byte,
        b'*' | b'?' | b'[' | b']' | b'{' | b'}' | b'\\' | b'"' | b'$'
    ) || byte.is_ascii_control()
}

/// Every file that the request names; only the first header of a name counts for Asterisk.
pub(super) fn check_names(_user: &User, request: Request<'_>) -> Result<(), &'static str> {
    let protected = HEADERS
        .iter()
        .any(|header| is_protected(request.get_or_empty(header)));
    if protected { Err(RESTRICTED) } else { Ok(()) }
}

/// What UpdateConfig writes must not become a directive: a file that includes `manager.conf` could be read
/// instead of it, and `#exec` runs a command. A directive is a line that begins with `#`, which only a
/// variable's name can do, or the text after the end of a block comment.
pub(super) fn check_directives(_user: &User, request: Request<'_>) -> Result<(), &'static str> {
    let directive = request.lines().any(|line| {
        let (name, value) = match memchr::memchr(b':', line) {
            Some(colon) => line.split_at_checked(colon).unwrap_or((line, b"")),
            None => (line, &b""[..]),
        };
        let value = trim(value.get(1..).unwrap_or_default());
        let is_variable = name
            .get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"Var-"));
        (is_variable && value.starts_with(b"#")) || contains(value, "--;")
    });
    if directive { Err(RESTRICTED) } else { Ok(()) }
}
