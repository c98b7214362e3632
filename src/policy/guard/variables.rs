//! Getvar, Status and Setvar: which variables and functions may be read and written.
//! Source: `main/manager.c`, `action_getvar`, `action_status`, `action_setvar`; `main/pbx_functions.c`.

use super::functions::{
    calls_escalating, has_nested_expression, names_shell_variable, reads_protected_file,
};
use super::{contains, without_quoting};
use crate::policy::class::Classes;
use crate::policy::user::User;
use crate::protocol::request::Request;

/// Words that only class `system` may have in what it reads; case counts, as in the functions' names.
const FORBIDDEN: &[&str] = &["SHELL", "EVAL"];

const GETVAR: &str = "GetVar Access Forbidden: Variable";
const STATUS: &str = "Status Access Forbidden: Variables";
const SETVAR: &str = "Variable not set";

pub(super) fn check_getvar(user: &User, request: Request<'_>) -> Result<(), &'static str> {
    check(user, request.get_or_empty("Variable"), GETVAR)
}

pub(super) fn check_status(user: &User, request: Request<'_>) -> Result<(), &'static str> {
    check(user, request.get_or_empty("Variables"), STATUS)
}

pub(super) fn check_getvar_as_asterisk(
    user: &User,
    request: Request<'_>,
) -> Result<(), &'static str> {
    check_as_asterisk(user, request.get_or_empty("Variable"), GETVAR)
}

pub(super) fn check_status_as_asterisk(
    user: &User,
    request: Request<'_>,
) -> Result<(), &'static str> {
    check_as_asterisk(user, request.get_or_empty("Variables"), STATUS)
}

/// What may be written. Asterisk refuses dangerous functions itself, but not where it runs with
/// `live_dangerously`; the text is the one with which it does. It never refuses a variable that a shell reads.
pub(super) fn check_setvar(_user: &User, request: Request<'_>) -> Result<(), &'static str> {
    let name = without_quoting(request.get_or_empty("Variable"));
    if calls_escalating(&name) || names_shell_variable(&name) {
        return Err(SETVAR);
    }
    Ok(())
}

/// The words in the text as sent, and nothing else.
fn check_as_asterisk(
    user: &User,
    text: &[u8],
    forbidden: &'static str,
) -> Result<(), &'static str> {
    let escalates = FORBIDDEN.iter().any(|word| contains(text, word));
    if escalates && !user.write.contains_any(Classes::SYSTEM) {
        return Err(forbidden);
    }
    Ok(())
}

/// Asterisk looks for the words in the text as sent; here also in the text without the quotes and
/// backslashes that its functions remove. What shows the shared session's own secret is refused to everybody.
fn check(user: &User, text: &[u8], forbidden: &'static str) -> Result<(), &'static str> {
    let text = without_quoting(text);
    let escalates =
        || FORBIDDEN.iter().any(|word| contains(&text, word)) || has_nested_expression(&text);
    let reads = reads_protected_file(&text, &user.rights.allowed_files);
    if reads || (!user.write.contains_any(Classes::SYSTEM) && escalates()) {
        return Err(forbidden);
    }
    Ok(())
}
