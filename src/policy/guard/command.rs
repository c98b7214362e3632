//! Command: which commands of Asterisk's CLI would hurt the session that everybody shares.
//! Source: `main/manager.c`, `check_blacklist`; `main/cli.c`, `parse_args` (quotes, backslashes, blanks and
//! tabs), `word_match` (whole words, ignoring case: abbreviations do not run).
//!
//! Class `command` is still nearly the whole of Asterisk, and its administrator can give any command
//! another name; this keeps accidents and easy leaks away.

use super::functions::reads_protected_file;
use super::without_quoting;
use crate::policy::user::User;
use crate::protocol::request::Request;

const BLACKLISTED: &str = "Command blacklisted";

/// Commands that begin with these words are refused.
const REFUSED: &[&[&str]] = &[
    // Asterisk's own three.
    &["module", "load"],
    &["module", "unload"],
    &["restart", "gracefully"],
    // The same by another name: unloads and loads again.
    &["module", "refresh"],
    // End Asterisk for everybody.
    &["core", "restart"],
    &["core", "stop"],
    // Their older names, which live on as aliases.
    &["restart", "now"],
    &["restart", "when", "convenient"],
    &["stop", "gracefully"],
    &["stop", "now"],
    &["stop", "when", "convenient"],
    // Ends the shared session.
    &["manager", "kick"],
];

/// An empty command is left to Asterisk, which says so.
pub(super) fn check(_user: &User, request: Request<'_>) -> Result<(), &'static str> {
    let command = request.get_or_empty("Command");
    let words = words(command);
    let refused = REFUSED.iter().any(|start| {
        words.len() >= start.len()
            && start
                .iter()
                .zip(&words)
                .all(|(refused, word)| word.eq_ignore_ascii_case(refused.as_bytes()))
    });
    if refused || reads_protected_file(&without_quoting(command)) {
        return Err(BLACKLISTED);
    }
    Ok(())
}

/// The words as the CLI cuts them: at blanks and tabs outside quotes; a quote after a blank begins a word
/// even when nothing is in it; quotes and backslashes are removed.
fn words(command: &[u8]) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let (mut quoted, mut escaped) = (false, false);
    for byte in command.iter().copied() {
        match byte {
            b'"' if !escaped => {
                quoted = !quoted;
                if quoted {
                    word.get_or_insert_default();
                }
            }
            b' ' | b'\t' if !quoted && !escaped => words.extend(word.take()),
            b'\\' if !escaped => escaped = true,
            _ => {
                word.get_or_insert_default().push(byte);
                escaped = false;
            }
        }
    }
    words.extend(word);
    words
}
