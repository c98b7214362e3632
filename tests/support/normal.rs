//! Takes out of AMI bytes what differs from one run to the next.

/// Headers whose values are times, counters or addresses of one run.
const VARYING: &[&str] = &[
    "Timestamp",
    "EventTime",
    "Uptime",
    "LastReload",
    "CoreStartupDate",
    "CoreStartupTime",
    "CoreReloadDate",
    "CoreReloadTime",
    "CoreProcessedCalls",
    "Uniqueid",
    "Linkedid",
    "Challenge",
    "Duration",
    "Seconds",
    "LoginTime",
];

/// `bytes` as readable text, line ends included, with the varying values replaced. The actions that only amimux has
/// are left out of its answers to ListCommands.
pub(crate) fn normal(bytes: &[u8]) -> String {
    bytes
        .split_inclusive(|&byte| byte == b'\n')
        .filter(|line| !is_own_action(line))
        .map(line)
        .collect()
}

/// Whether it is the line of an action of amimux's own in an answer to ListCommands.
fn is_own_action(line: &[u8]) -> bool {
    line.starts_with(b"Mux") && line.trim_ascii_end().ends_with(b"  (Priv: system,all)")
}

/// Whether the values of this header differ from one run to the next.
pub(crate) fn varies(name: &str) -> bool {
    VARYING.iter().any(|each| each.eq_ignore_ascii_case(name))
}

fn line(line: &[u8]) -> String {
    let text = without_channel_numbers(&line.escape_ascii().to_string());
    match text.split_once(": ") {
        Some((name, value)) if varies(name) => {
            let end = value.find('\\').map_or("", |at| &value[at..]);
            format!("{name}: <varies>{end}\n")
        }
        _ => format!("{text}\n"),
    }
}

/// `Local/100@ami-test-0000002b;1` becomes `Local/100@ami-test-<n>;1`.
fn without_channel_numbers(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('-') {
        result.push_str(before);
        result.push('-');
        rest = after;
        if let Some((number, end)) = after.split_at_checked(8)
            && number.bytes().all(|byte| byte.is_ascii_hexdigit())
            && end.starts_with(';')
        {
            result.push_str("<n>");
            rest = end;
        }
    }
    result + rest
}
