//! `Originate`: its own checks in their order, then dialling, with or without waiting for the end of it.

use std::time::Duration;

use super::{Execution, Outcome};
use crate::policy::class::Classes;
use crate::sim::connection::Blocked;
use crate::sim::originate::{Originate, parse_variables, split_arguments};

const UNIQUE_ID_BYTES_MAX: usize = 149;
const SYSTEM_OR_AGI: Classes = Classes::SYSTEM.union(Classes::AGI);

pub(super) fn originate(execution: &mut Execution<'_>) -> Outcome {
    let request = match read(execution) {
        Ok(request) => request,
        Err(error) => {
            execution.reply.error(error);
            return Outcome::Done;
        }
    };
    let (synchronous, action_id) = (request.synchronous, request.action_id.clone());
    let Some(call) = execution.world.originate(request) else {
        execution.reply.error("Originate failed");
        return Outcome::Done;
    };
    if synchronous {
        return Outcome::Block(Blocked::Originate { call, action_id });
    }
    execution.reply.success("Originate successfully queued");
    Outcome::Done
}

/// The request, or the text of the first check that fails.
fn read(execution: &Execution<'_>) -> Result<Originate, &'static str> {
    let text = |name| String::from_utf8_lossy(execution.get(name)).into_owned();
    let channel_id = execution.get("ChannelId");
    if channel_id.len() > UNIQUE_ID_BYTES_MAX
        || execution.get("OtherChannelId").len() > UNIQUE_ID_BYTES_MAX
    {
        return Err("Uniqueid length exceeds maximum of 149\n");
    }
    let dialled = execution.get("Channel");
    if dialled.is_empty() {
        return Err("Channel not specified");
    }
    let priority = text("Priority");
    let priority = if priority.is_empty() {
        Some(1)
    } else {
        priority.parse().ok()
    };
    let priority = priority.ok_or("Invalid priority")?;
    let timeout = text("Timeout");
    let timeout = if timeout.is_empty() {
        Some(30_000)
    } else {
        timeout.parse().ok()
    };
    let timeout = timeout.ok_or("Invalid timeout")?;
    if !dialled.contains(&b'/') {
        return Err("Invalid channel");
    }
    let (application, data) = (execution.get("Application"), execution.get("Data"));
    if !application.is_empty() && !is_permitted(execution.session.write, application, data) {
        return Err("Originate Access Forbidden: app or data blacklisted");
    }
    let (context, extension) = (execution.get("Context"), execution.get("Exten"));
    if application.is_empty() && (context.is_empty() || extension.is_empty()) {
        return Err("Extension does not exist.");
    }
    Ok(Originate {
        action_id: execution.action_id(),
        synchronous: !execution.message.is_true("Async"),
        dialled: dialled.to_vec(),
        application: (!application.is_empty()).then(|| (application.to_vec(), data.to_vec())),
        context: context.to_vec(),
        extension: extension.to_vec(),
        priority,
        timeout: Duration::from_millis(timeout),
        caller: split_caller_id(execution.get("CallerID")),
        account: execution.get("Account").to_vec(),
        channel_id: channel_id.to_vec(),
        variables: parse_variables(execution.message.all("Variable")),
    })
}

/// The first rule that matches decides (`is_originate_app_permitted`).
fn is_permitted(write: Classes, application: &[u8], data: &[u8]) -> bool {
    const APPLICATIONS: [&str; 8] = [
        "agi",
        "dbdeltree",
        "exec",
        "externalivr",
        "mixmonitor",
        "originate",
        "reload",
        "system",
    ];
    const WORDS: [&str; 7] = ["CURL", "DB", "EVAL", "FILE", "ODBC", "REALTIME", "SHELL"];
    const AGI_ARGUMENT: usize = 5;
    let application = application.to_ascii_lowercase();
    let runs = |name: &str| memchr::memmem::find(&application, name.as_bytes()).is_some();
    if APPLICATIONS.iter().any(|name| runs(name)) {
        return write.contains_any(Classes::SYSTEM);
    }
    let arguments = split_arguments(data);
    if runs("queue")
        && arguments
            .get(AGI_ARGUMENT)
            .is_some_and(|argument| !argument.is_empty())
    {
        return write.contains_any(SYSTEM_OR_AGI);
    }
    let mentions = |word: &&str| memchr::memmem::find(data, word.as_bytes()).is_some();
    !WORDS.iter().any(mentions) || write.contains_any(Classes::SYSTEM)
}

/// Number and name of `Name <number>`; a bare text is a number when it is made of digits.
fn split_caller_id(text: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let text = text.trim_ascii();
    if let Some(inner) = text.strip_suffix(b">")
        && let Some(start) = memchr::memrchr(b'<', inner)
    {
        let (name, number) = inner.split_at(start);
        let name = name.trim_ascii();
        let name = name.strip_prefix(b"\"").unwrap_or(name);
        let name = name.strip_suffix(b"\"").unwrap_or(name);
        return (number.get(1..).unwrap_or_default().to_vec(), name.to_vec());
    }
    let is_number = text
        .iter()
        .all(|byte| byte.is_ascii_digit() || b"+*#".contains(byte));
    if is_number {
        (text.to_vec(), Vec::new())
    } else {
        (Vec::new(), text.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_application_and_data() {
        let (plain, agi, system) = (Classes::ORIGINATE, Classes::AGI, Classes::SYSTEM);
        let cases = [
            ("Playback", "x", plain, true),
            ("TryExec", "x", plain, false),
            ("TryExec", "x", system, true),
            ("Queue", "q,,,,,script", plain, false),
            ("Queue", "q,,,,,script", agi, true),
            ("Queue", "q", plain, true),
            ("Wait", "PROFILE", plain, false),
            ("Wait", "file", plain, true),
        ];
        for (application, data, write, expected) in cases {
            let got = is_permitted(write, application.as_bytes(), data.as_bytes());
            assert_eq!(got, expected, "{application} {data} {write}");
        }
    }

    #[test]
    fn caller_ids() {
        let cases = [
            ("\"Ann\" <100>", "100", "Ann"),
            ("Ann <100>", "100", "Ann"),
            ("100", "100", ""),
            ("Ann", "", "Ann"),
            ("", "", ""),
        ];
        for (text, number, name) in cases {
            let expected = (number.as_bytes().to_vec(), name.as_bytes().to_vec());
            assert_eq!(split_caller_id(text.as_bytes()), expected, "{text}");
        }
    }
}
