//! Command: which commands of Asterisk's CLI a user may run, by `commandrules`.
//! Source: `main/manager.c`, `check_blacklist`; `main/cli.c`, `parse_args` (quotes, backslashes, blanks and
//! tabs), `word_match` (whole words, ignoring case: abbreviations do not run).
//!
//! Class `command` is nearly the whole of Asterisk, and Asterisk's own black list is easily talked around. So the
//! safe rules are a list of what is allowed, and what is not known is refused. An administrator of Asterisk can
//! give any command another name; that is not seen here.

use super::command_table::{COMMANDS, Verdict};
use super::functions::reads_protected_file;
use super::{trim, without_quoting};
use crate::policy::rights::CommandRules;
use crate::policy::user::User;
use crate::protocol::request::Request;

const REFUSED: &str = "Command blacklisted";

/// What Asterisk itself refuses to every session: the first two words.
const BLACKLISTED: &[[&str; 2]] = &[
    ["module", "load"],
    ["module", "unload"],
    ["restart", "gracefully"],
];

/// An empty command is left to Asterisk, which says so.
pub(super) fn check(user: &User, request: Request<'_>) -> Result<(), &'static str> {
    let command = request.get_or_empty("Command");
    let allowed = match user.rights.command_rules {
        _ if is_blacklisted(command) => false,
        CommandRules::Asterisk => true,
        CommandRules::Safe => is_safe(user, command),
    };
    if allowed { Ok(()) } else { Err(REFUSED) }
}

/// As Asterisk finds the first two words: cut at blanks only.
fn is_blacklisted(command: &[u8]) -> bool {
    let mut words = command
        .split(|byte| *byte == b' ')
        .map(trim)
        .filter(|word| !word.is_empty());
    let start = [words.next(), words.next()];
    BLACKLISTED.iter().any(|blacklisted| {
        blacklisted
            .iter()
            .zip(start)
            .all(|(one, word)| word.is_some_and(|word| word.eq_ignore_ascii_case(one.as_bytes())))
    })
}

/// By the user's own list, then by the longest row of the table that the command begins with. No list lets a
/// protected file be read.
fn is_safe(user: &User, command: &[u8]) -> bool {
    let words = words(command);
    if words.is_empty() {
        return true;
    }
    let allowed_here = user
        .rights
        .allowed_commands
        .iter()
        .any(|start| begins(&words, start));
    let allowed = allowed_here
        || COMMANDS
            .iter()
            .filter(|(start, _)| begins(&words, start))
            .max_by_key(|(start, _)| start.len())
            .is_some_and(|(_, verdict)| *verdict == Verdict::Allowed);
    allowed && !reads_protected_file(&without_quoting(command), &user.rights.allowed_files)
}

/// Whether the words are these, and perhaps others after them. No words begin nothing.
fn begins(words: &[Vec<u8>], start: &[impl AsRef<str>]) -> bool {
    !start.is_empty()
        && words.len() >= start.len()
        && start
            .iter()
            .zip(words)
            .all(|(start, word)| word.eq_ignore_ascii_case(start.as_ref().as_bytes()))
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
