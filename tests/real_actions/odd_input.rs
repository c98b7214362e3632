//! Input that no client library sends, and where amimux means to differ.

use crate::case::{Case, Compare};
use crate::requests::{action, ping};

/// An ActionID of 150 bytes: more than `CoreStatus` of Asterisk has room for.
macro_rules! long_id {
    () => {
        concat!(
            "01234567890123456789012345678901234567890123456789",
            "01234567890123456789012345678901234567890123456789",
            "01234567890123456789012345678901234567890123456789",
        )
    };
}

/// The lines of a refusal.
macro_rules! refusal {
    ($text:literal) => {
        &["Response: Error", "ActionID: ", concat!("Message: ", $text)]
    };
}

/// Input that no client library sends.
pub(crate) fn cases() -> Vec<Case> {
    let cases = [spellings(), limits()];
    cases.into_iter().flatten().collect()
}

/// Headers, line ends, blank lines.
fn spellings() -> Vec<Case> {
    vec![
        Case::new("no ActionID", "Action: Ping\r\n\r\n"),
        Case::new("empty ActionID", "Action: Ping\r\nActionID:\r\n\r\n"),
        Case::new(
            "ActionID with blanks",
            "Action: Ping\r\nActionID:  \t padded both \t \r\n\r\n",
        ),
        Case::new("ActionID in UTF-8", ping("żółć-✓")),
        Case::new("ActionID of signs", ping("a:b: c=d,e;f|g#%")),
        Case::new("ActionID first", "ActionID: first\r\nAction: Ping\r\n\r\n"),
        Case::new("lower case", "action: ping\r\nactionid: low\r\n\r\n"),
        Case::new(
            "upper case",
            "ACTION: QUEUESTATUS\r\nACTIONID: UP\r\nQUEUE: empty\r\n\r\n",
        ),
        Case::new(
            "no blank after the colon",
            "Action:Ping\r\nActionID:nospace\r\n\r\n",
        ),
        Case::new(
            "blank before the colon",
            "Action : Ping\r\nActionID : sp\r\n\r\n",
        ),
        Case::new(
            "blank before the name",
            " Action: Ping\r\n ActionID: lead\r\n\r\n",
        ),
        Case::new(
            "a line without a colon",
            "Action: Ping\r\nthis is no header\r\nActionID: nocolon\r\n\r\n",
        ),
        Case::new("LF line ends", "Action: Ping\nActionID: lf\n\n"),
        Case::new("mixed line ends", "Action: Ping\r\nActionID: mix\n\r\n"),
        Case::new("no action", "ActionID: n1\r\nFoo: bar\r\n\r\n"),
        Case::new("a blank line", "\r\n"),
        Case::new(
            "three blank lines, then ping",
            format!("\r\n\r\n\r\n{}", ping("e1")),
        ),
        Case::new("a long unknown action", action(&"x".repeat(900), "")),
    ]
}

/// Lines too long, lines too many, long ActionIDs.
fn limits() -> Vec<Case> {
    let line = |length: usize| {
        format!(
            "Action: Ping\r\nActionID: ll\r\nX: {}\r\n\r\n{}",
            "y".repeat(length - 3),
            ping("after")
        )
    };
    let lines = |count: usize| {
        format!(
            "Action: Ping\r\nActionID: hh\r\n{}\r\n{}",
            "H: v\r\n".repeat(count - 2),
            ping("after")
        )
    };
    let id = |length: usize| ping(&"0123456789".repeat(100)[..length]);
    let mut cases = vec![
        Case::new(
            "too long a line, its ActionID behind",
            format!(
                "Action: Ping\r\nX: {}\r\nActionID: ll\r\n\r\n",
                "y".repeat(2000)
            ),
        ),
        Case::new("too long a line, the ActionID", ping(&"y".repeat(2000))),
        Case::new(
            "the 129th line is the ActionID",
            format!(
                "Action: Ping\r\n{}ActionID: last\r\n\r\n",
                "H: v\r\n".repeat(127)
            ),
        ),
    ];
    cases.extend(
        [1000, 1020, 1022, 1024, 1025, 1100, 3000]
            .map(|length| Case::new(format!("a line of {length} bytes"), line(length))),
    );
    cases.extend(
        [126, 127, 129, 200].map(|count| Case::new(format!("{count} lines"), lines(count))),
    );
    cases.extend(
        [32, 67, 68, 100, 256, 1000]
            .map(|length| Case::new(format!("ActionID of {length} bytes"), id(length))),
    );
    cases.extend(differences(line(1023)));
    cases
}

/// Where amimux means to differ.
fn differences(line_of_1023: String) -> Vec<Case> {
    let mut cases = refusals();
    cases.extend(safe_refusals());
    cases.extend([
        differs(
            "a line of 1023 bytes",
            line_of_1023,
            "one request has one answer",
            &[
                "Response: Error",
                "ActionID: ll",
                "Message: Failed to parse message: line too long",
                "",
                "Response: Success",
                "ActionID: after",
            ],
        ),
        differs(
            "an ActionID that Asterisk would cut",
            ping(long_id!()).replace("Ping", "CoreStatus"),
            "Asterisk puts it into too small a buffer",
            &[
                "Response: Success",
                concat!("ActionID: ", long_id!(), "\\r"),
                "CoreStartupDate: ",
            ],
        ),
    ]);
    cases
}

/// What amimux refuses and Asterisk does not.
fn refusals() -> Vec<Case> {
    const REFUSED: &[&str] = &["Response: Error"];
    vec![
        differs(
            "two ActionIDs",
            "Action: CoreStatus\r\nActionID: one\r\nActionID: two\r\n\r\n".into(),
            "which one counts is ambiguous",
            REFUSED,
        ),
        differs(
            "two Actions",
            "Action: CoreStatus\r\nAction: Ping\r\nActionID: x\r\n\r\n".into(),
            "which one counts is ambiguous",
            REFUSED,
        ),
        differs(
            "NUL",
            "Action: Ping\r\nActionID: n\r\nX: a\0b\r\n\r\n".into(),
            "Asterisk would not read the rest of the line",
            REFUSED,
        ),
        differs(
            "CR alone",
            "Action: Ping\r\nActionID: c\r\nX: a\rb\r\n\r\n".into(),
            "others take it for a line end",
            REFUSED,
        ),
    ]
}

/// What amimux refuses to a user who is judged safely, and Asterisk does.
fn safe_refusals() -> Vec<Case> {
    let shared = "it shows a secret that lets others in past amimux";
    let table: [(&str, &str, &'static str, &'static [&str]); 4] = [
        (
            "GetConfig",
            "Filename: acl.conf\r\n",
            "it says who may connect to Asterisk",
            refusal!("File requires escalated privileges"),
        ),
        (
            "Getvar",
            "Variable: AST_CONFIG(manager.conf,upstream,secret)\r\n",
            shared,
            refusal!("GetVar Access Forbidden: Variable"),
        ),
        (
            "Command",
            "Command: dialplan eval function AST_CONFIG(manager.conf,upstream,secret)\r\n",
            shared,
            refusal!("Command blacklisted"),
        ),
        (
            "Setvar",
            "Variable: MONITOR_EXEC\r\nValue: \r\n",
            "a shell reads it",
            refusal!("Variable not set"),
        ),
    ];
    table
        .into_iter()
        .map(|(name, rest, reason, wanted)| {
            differs(name, action(name, rest), reason, wanted).user("aclok")
        })
        .collect()
}

fn differs(
    name: &str,
    send: String,
    reason: &'static str,
    wanted: &'static [&'static str],
) -> Case {
    Case::new(name, send).compare(Compare::Differs(reason, wanted))
}
