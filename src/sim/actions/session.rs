//! Actions about the session itself: login and logoff, the event mask, `Ping`, `ListCommands`, `WaitEvent`.

use std::time::Duration;

use md5::{Digest, Md5};

use super::{Execution, Outcome, security, table};
use crate::policy::class::{Classes, LABELS};
use crate::sim::connection::Blocked;
use crate::sim::options::{PbxOptions, SimUser};

/// The user of that name, ignoring case.
pub(super) fn find_user<'a>(options: &'a PbxOptions, name: &[u8]) -> Option<&'a SimUser> {
    let mut users = options.users.iter();
    users.find(|user| user.name.as_bytes().eq_ignore_ascii_case(name))
}

pub(super) fn login(execution: &mut Execution<'_>) -> Outcome {
    if execution.session.name.is_some() {
        execution.reply.success("Already authenticated");
        return Outcome::Done;
    }
    let name = execution.get("Username").to_vec();
    if name.is_empty() {
        return execution.refuse("Authentication failed");
    }
    let Some(user) = find_user(&execution.world.options, &name).cloned() else {
        security::login_event(execution, "InvalidAccountID");
        return execution.refuse("Authentication failed");
    };
    if execution.get("AuthType").eq_ignore_ascii_case(b"MD5") {
        let key = execution.get("Key");
        let Some(challenge) = execution
            .session
            .challenge
            .as_deref()
            .filter(|_| !key.is_empty())
        else {
            return execution.refuse("Authentication failed");
        };
        if expected_key(challenge, &user).as_bytes() != key {
            security::login_event(execution, "ChallengeResponseFailed");
            return execution.refuse("Authentication failed");
        }
    } else if !user.secret.matches(execution.get("Secret")) {
        security::login_event(execution, "InvalidPassword");
        return execution.refuse("Authentication failed");
    }
    let mask = parse_mask(execution.get("Events")).map_or(user.read, Classes::from_bits);
    let session = &mut *execution.session;
    session.name = Some(name);
    (session.read, session.write) = (user.read, user.write);
    session.mask = mask.intersection(user.read);
    execution.reply.success("Authentication accepted");
    if execution.session.mask.contains_all(Classes::SYSTEM) && execution.world.booted() {
        let uptime = execution.world.now.saturating_sub(execution.world.started);
        let reload = execution
            .world
            .now
            .saturating_sub(execution.world.last_reload);
        let event = execution
            .reply
            .item("FullyBooted")
            .header("Privilege", "system,all");
        let event = event
            .show("Uptime", uptime.as_secs())
            .show("LastReload", reload.as_secs());
        event.header("Status", "Fully Booted").end();
    }
    security::login_event(execution, "SuccessfulAuth");
    Outcome::Done
}

/// Lower-case hex of MD5 over challenge and secret.
pub(super) fn expected_key(challenge: &str, user: &SimUser) -> String {
    let mut digest = Md5::new();
    digest.update(challenge.as_bytes());
    digest.update(user.secret.expose());
    let digest = digest.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn challenge(execution: &mut Execution<'_>) -> Outcome {
    if !execution.get("AuthType").eq_ignore_ascii_case(b"MD5") {
        execution.reply.error("Must specify AuthType");
        return Outcome::Done;
    }
    let random = &mut execution.world.random;
    let challenge = execution
        .session
        .challenge
        .get_or_insert_with(|| random.below(1_000_000_000).to_string());
    execution
        .reply
        .response("Success")
        .header("Challenge", challenge)
        .end();
    Outcome::Done
}

pub(super) fn logoff(execution: &mut Execution<'_>) -> Outcome {
    execution
        .reply
        .message("Goodbye", "Thanks for all the fish.");
    Outcome::Close
}

pub(super) fn ping(execution: &mut Execution<'_>) -> Outcome {
    let timestamp = execution.world.moment().timestamp();
    let response = execution.reply.response("Success").header("Ping", "Pong");
    response.header("Timestamp", timestamp).end();
    Outcome::Done
}

pub(super) fn events(execution: &mut Execution<'_>) -> Outcome {
    let Some(mask) = parse_mask(execution.get("EventMask")) else {
        execution.reply.error("Invalid event mask");
        return Outcome::Done;
    };
    execution.session.mask = Classes::from_bits(mask).intersection(execution.session.read);
    let state = if mask == 0 { "Off" } else { "On" };
    execution
        .reply
        .response("Success")
        .header("Events", state)
        .end();
    Outcome::Done
}

pub(super) fn list_commands(execution: &mut Execution<'_>) -> Outcome {
    let write = execution.session.write;
    let mut response = execution.reply.response("Success");
    for entry in table::ACTIONS {
        if entry.classes.is_empty() {
            response = response.show(
                entry.name,
                format_args!("{}  (Priv: <none>)", entry.synopsis),
            );
        } else if write.contains_any(entry.classes) {
            let classes = entry.classes;
            response = response.show(
                entry.name,
                format_args!("{}  (Priv: {classes},all)", entry.synopsis),
            );
        }
    }
    response.end();
    Outcome::Done
}

pub(super) fn wait_event(execution: &mut Execution<'_>) -> Outcome {
    let now = execution.world.now;
    let seconds = c_integer(execution.get("Timeout"));
    let until = seconds.map(|seconds| now.saturating_add(Duration::from_secs(seconds)));
    Outcome::Block(Blocked::WaitEvent {
        action_id: execution.action_id(),
        until,
        check: now.saturating_add(Duration::from_secs(1)),
    })
}

/// A number in C notation, decimal, octal or hexadecimal; `None` for negative or none at all: wait for ever.
fn c_integer(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?.trim_start();
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (text.get(2..)?, 16),
        [b'0', ..] => (text, 8),
        _ => (text, 10),
    };
    let end = digits
        .find(|character: char| !character.is_digit(radix))
        .unwrap_or(digits.len());
    u64::from_str_radix(digits.get(..end)?, radix).ok()
}

/// The bits that an event mask asks for; `None` when it is empty or out of range (`strings_to_mask`).
fn parse_mask(text: &[u8]) -> Option<u32> {
    let is = |words: &[&str]| {
        words
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word.as_bytes()))
    };
    if text.is_empty() {
        None
    } else if text.iter().all(u8::is_ascii_digit) {
        let number = std::str::from_utf8(text).ok()?.parse::<i32>().ok()?;
        u32::try_from(number).ok()
    } else if is(&["no", "false", "n", "f", "off"]) {
        Some(0)
    } else if is(&["yes", "true", "y", "t", "on"]) {
        Some(Classes::ALL.bits())
    } else {
        let every = LABELS.iter().copied().chain([("all", Classes::ALL)]);
        let named = every.filter(|(label, _)| in_class_list(text, label.as_bytes()));
        Some(named.fold(0, |mask, (_, class)| mask | class.bits()))
    }
}

/// Whether a class list names a label, with the quirks of Asterisk's own search: an element that is not the last
/// names every label that begins with it (`ast_instring`).
fn in_class_list(list: &[u8], label: &[u8]) -> bool {
    let mut rest = list;
    while let Some(comma) = memchr::memchr(b',', rest) {
        if rest
            .get(..comma)
            .is_some_and(|element| label.starts_with(element))
        {
            return true;
        }
        rest = rest.get(comma + 1..).unwrap_or_default();
        if rest.is_empty() {
            return false;
        }
    }
    rest == label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks() {
        let call_user = Classes::CALL.union(Classes::USER).bits();
        let cases = [
            ("", None),
            ("3", Some(3)),
            ("0", Some(0)),
            ("4294967295", None),
            ("ON", Some(Classes::ALL.bits())),
            ("off", Some(0)),
            ("call,user", Some(call_user)),
            ("call,", Some(Classes::CALL.bits())),
            ("call, user", Some(Classes::CALL.bits())),
            ("nonsense", Some(0)),
            ("call,,user", Some(Classes::ALL.bits())),
            (
                "sys,call",
                Some(Classes::SYSTEM.union(Classes::CALL).bits()),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_mask(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn c_integers() {
        let cases = [
            ("10", Some(10)),
            ("0x1f", Some(31)),
            ("010", Some(8)),
            ("-1", None),
            ("", None),
            ("1abc", Some(1)),
        ];
        for (text, expected) in cases {
            assert_eq!(c_integer(text.as_bytes()), expected, "{text}");
        }
    }
}
