//! ModuleLoad: a module may be told to read its configuration again, which changes nothing that is not written
//! there; loading code into the Asterisk that everybody shares, or taking it away, is the administrator's.
//! Source: `main/manager.c`, `manager_moduleload`.

use super::contains;
use crate::policy::user::User;
use crate::protocol::request::Request;

/// Asterisk's answer to a `LoadType` that it does not know; it answers more than once when there is none.
const INCOMPLETE: &str = "Incomplete ModuleLoad action.";
const OUTSIDE: &str = "Module must be in the configured modules directory.";

pub(super) fn check(_user: &User, request: Request<'_>) -> Result<(), &'static str> {
    let load_type = request.get_or_empty("LoadType");
    let is = |word: &[u8]| load_type.eq_ignore_ascii_case(word);
    if is(b"load") || is(b"unload") {
        return Err("Permission denied");
    }
    if !is(b"reload") {
        return Err(INCOMPLETE);
    }
    let module = request.get_or_empty("Module");
    if contains(module, "/") || contains(module, "..") {
        return Err(OUTSIDE);
    }
    Ok(())
}
