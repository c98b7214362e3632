//! The actions on configuration files: what holds secrets is neither read nor written.
//! Source: `main/manager.c`, `restrictedFile`, `action_updateconfig`; `main/config.c`, `config_text_file_load`
//! (the name is a glob pattern), `process_text_line` (directives, block comments).
//!
//! Asterisk's own check, that the file is inside the configuration directory, still follows. Symbolic links
//! are beyond what can be seen from here.

use super::protected_files::is_protected;
use super::{contains, trim};
use crate::policy::user::User;
use crate::protocol::request::Request;

const RESTRICTED: &str = "File requires escalated privileges";

/// The headers that name a file, over all these actions.
const HEADERS: &[&str] = &["Filename", "SrcFilename", "DstFilename"];

/// Every file that the request names; only the first header of a name counts for Asterisk.
pub(super) fn check_names(user: &User, request: Request<'_>) -> Result<(), &'static str> {
    let protected = HEADERS
        .iter()
        .any(|header| is_protected(request.get_or_empty(header), &user.rights.allowed_files));
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
