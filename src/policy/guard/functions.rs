//! Dialplan functions that reach further than a client may: they write files, run commands, or read what
//! holds the secrets. Source: `main/pbx_functions.c`, the functions registered as escalating.

use super::protected_files::is_protected;
use super::{contains, contains_ignoring_case};

/// Functions that Asterisk refuses to threads that serve the network, for reading or for writing.
const ESCALATING: &[&str] = &[
    "CURL",
    "DB",
    "DB_DELETE",
    "PERIODIC_HOOK",
    "REALTIME_DESTROY",
    "STAT",
    "FILE",
    "FILE_COUNT_LINE",
    "FILE_FORMAT",
    "SHELL",
    "LOCK",
    "TRYLOCK",
    "UNLOCK",
    "CONFBRIDGE",
];

/// Whether `text`, from which quoting was removed, calls one of [`ESCALATING`] anywhere. A call inside
/// another counts: functions such as `ARRAY`, `GLOBAL` and `MASTER_CHANNEL` set what their argument names.
pub(super) fn calls_escalating(text: &[u8]) -> bool {
    calls(text).any(|(name, _)| {
        ESCALATING
            .iter()
            .any(|escalating| escalating.as_bytes() == name)
    })
}

/// Variables whose value recording passes to a shell (`res/res_monitor.c`, up to Asterisk 20).
const SHELL_VARIABLES: &[&str] = &["MONITOR_EXEC", "MONITOR_EXEC_ARGS"];

/// Whether `name`, from which quoting was removed, is or contains one of [`SHELL_VARIABLES`] as a whole word.
pub(super) fn names_shell_variable(name: &[u8]) -> bool {
    name.split(|byte| !is_name_byte(*byte)).any(|word| {
        let word = without_underscores(word);
        SHELL_VARIABLES.iter().any(|name| name.as_bytes() == word)
    })
}

/// Whether reading `text`, from which quoting was removed, shows a file that holds secrets, other than those
/// that the user may reach.
pub(super) fn reads_protected_file(text: &[u8], allowed: &[String]) -> bool {
    calls(text).any(|(name, arguments)| match name {
        // The second only where Asterisk runs with `live_dangerously`.
        b"AST_CONFIG" | b"FILE" => {
            let file = arguments.split(|byte| matches!(byte, b',' | b')')).next();
            is_protected(file.unwrap_or_default(), allowed)
        }
        b"CURL" => contains_ignoring_case(arguments, "file:"),
        _ => false,
    })
}

/// Whether an argument of a function holds an expression. Functions such as `CUT` evaluate it, and so
/// a name can be put together that stands nowhere in the text.
pub(super) fn has_nested_expression(text: &[u8]) -> bool {
    memchr::memchr(b'(', text)
        .and_then(|open| text.get(open..))
        .is_some_and(|arguments| contains(arguments, "${") || contains(arguments, "$["))
}

/// Every word before an opening parenthesis, with what follows it. Case counts; leading underscores do not.
fn calls(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    memchr::memchr_iter(b'(', text).filter_map(|open| {
        let (before, arguments) = text.split_at_checked(open)?;
        let before = before.trim_ascii_end();
        let start = before
            .iter()
            .rposition(|byte| !is_name_byte(*byte))
            .map_or(0, |at| at + 1);
        let name = without_underscores(before.get(start..)?);
        Some((name, arguments.get(1..)?))
    })
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The name without the underscores that make a variable inherited.
const fn without_underscores(mut name: &[u8]) -> &[u8] {
    while let [b'_', rest @ ..] = name {
        name = rest;
    }
    name
}
