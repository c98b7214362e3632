//! Getvar and Status: which variables and functions may be read.
//! Source: `main/manager.c`, `action_getvar`, `action_status`.

use super::functions::{has_nested_expression, reads_protected_file};
use super::{contains, without_quoting};
use crate::policy::class::Classes;
use crate::policy::user::User;
use crate::protocol::request::Request;

/// Words that only class `system` may have in what it reads; case counts, as in the functions' names.
const FORBIDDEN: &[&str] = &["SHELL", "EVAL"];

pub(super) fn check_getvar(user: &User, request: Request<'_>) -> Result<(), &'static str> {
    check(user, request.get_or_empty("Variable"))
        .map_err(|Forbidden| "GetVar Access Forbidden: Variable")
}

pub(super) fn check_status(user: &User, request: Request<'_>) -> Result<(), &'static str> {
    check(user, request.get_or_empty("Variables"))
        .map_err(|Forbidden| "Status Access Forbidden: Variables")
}

struct Forbidden;

/// Asterisk looks for the words in the text as sent; here also in the text without the quotes and
/// backslashes that its functions remove. What shows the shared session's own secret is refused to everybody.
fn check(user: &User, text: &[u8]) -> Result<(), Forbidden> {
    let text = without_quoting(text);
    let escalates =
        || FORBIDDEN.iter().any(|word| contains(&text, word)) || has_nested_expression(&text);
    if reads_protected_file(&text) || (!user.write.contains_any(Classes::SYSTEM) && escalates()) {
        return Err(Forbidden);
    }
    Ok(())
}
