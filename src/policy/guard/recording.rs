//! Actions that record: into which file, and what is run on it afterwards. The name is put between commas, where
//! the command to be run follows, or into a command that a shell reads.
//! Source: `apps/app_mixmonitor.c`, `manager_mixmonitor`; `apps/app_confbridge.c`, `start_conf_record_thread`;
//! `res/res_monitor.c`, `ast_monitor_stop` (up to Asterisk 20).

use super::without_quoting;
use crate::policy::user::User;
use crate::protocol::request::Request;

const DENIED: &str = "Permission denied";

/// File and Options; a Command is run by a shell, for whoever may run Asterisk's shell.
pub(super) fn check_mix_monitor(_user: &User, request: Request<'_>) -> Result<(), &'static str> {
    let options = request.get_or_empty("Options");
    let fine = request.get_or_empty("Command").is_empty()
        && is_plain_file(request.get_or_empty("File"))
        && are_plain_options(options);
    if fine { Ok(()) } else { Err(DENIED) }
}

/// File, which the shell reads between double quotes when the two halves are mixed.
pub(super) fn check_monitor(_user: &User, request: Request<'_>) -> Result<(), &'static str> {
    file(request.get_or_empty("File"))
}

pub(super) fn check_conference(_user: &User, request: Request<'_>) -> Result<(), &'static str> {
    file(request.get_or_empty("RecordFile"))
}

fn file(name: &[u8]) -> Result<(), &'static str> {
    if is_plain_file(name) {
        Ok(())
    } else {
        Err(DENIED)
    }
}

/// Whether a name stays below the directory of recordings and is one argument, whatever reads it.
fn is_plain_file(name: &[u8]) -> bool {
    stays_below(name) && !name.iter().any(|byte| has_meaning(*byte))
}

/// Bytes with a meaning for Asterisk's splitting into arguments or for a shell between double quotes. Blanks and
/// `&`, `;`, `|` have none there.
const fn has_meaning(byte: u8) -> bool {
    matches!(
        byte,
        b',' | b'"' | b'\\' | b'(' | b')' | b'[' | b']' | b'$' | b'`'
    ) || byte.is_ascii_control()
}

/// Whether options are one argument; those in parentheses may name files as well.
fn are_plain_options(options: &[u8]) -> bool {
    !options.contains(&b',')
        && without_quoting(options)
            .split(|byte| matches!(byte, b'(' | b')'))
            .all(stays_below)
}

/// Neither absolute nor with a step up.
fn stays_below(path: &[u8]) -> bool {
    !path.starts_with(b"/") && path.split(|byte| *byte == b'/').all(|part| part != b"..")
}
