//! UpdateConfig's `Reload`: writing a file and putting it in force in one request. What the request does besides
//! is the action Reload, so that the user must be allowed that one too.
//! Source: `main/manager.c`, `action_updateconfig`.

use crate::policy::action::Action;
use crate::policy::class::Classes;
use crate::policy::user::User;
use crate::protocol::request::Request;

/// The words that Asterisk takes for true (`ast_true`): everything is reloaded.
const TRUE: &[&str] = &["yes", "true", "y", "t", "1", "on"];

/// Words that mean no to whoever writes them; Asterisk looks for a module of that name and finds none.
const FALSE: &[&str] = &["no", "false", "n", "f", "0", "off"];

pub(super) fn check(user: &User, request: Request<'_>) -> Result<(), &'static str> {
    const DENIED: &str = "Permission denied";
    let wanted = request.get_or_empty("Reload");
    let is_one_of = |words: &[&str]| {
        words
            .iter()
            .any(|word| wanted.eq_ignore_ascii_case(word.as_bytes()))
    };
    if wanted.is_empty() || is_one_of(FALSE) {
        return Ok(());
    }
    if !user.write.contains_any(Classes::SYSTEM) {
        return Err(DENIED);
    }
    let mut reload = b"Action: Reload\r\n".to_vec();
    if !is_one_of(TRUE) {
        for part in [b"Module: ", wanted, b"\r\n"] {
            reload.extend_from_slice(part);
        }
    }
    Action::known("Reload")
        .and_then(|action| {
            let filters = &user.rights.action_filters;
            filters.check(&action, Request::new(&reload)).ok()
        })
        .ok_or(DENIED)
}
