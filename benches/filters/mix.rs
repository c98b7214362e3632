//! Filters as administrators write them, in any number and all of them different: by extension, caller, channel, queue,
//! context and kind of event. A third of the legacy ones are fixed texts, a third have classes and alternatives, and a
//! third look for two things one behind the other.

const EVENTS: [&str; 8] = [
    "Newchannel",
    "Newstate",
    "Hangup",
    "DialBegin",
    "DialEnd",
    "BridgeEnter",
    "BridgeLeave",
    "VarSet",
];

fn event(number: usize) -> &'static str {
    EVENTS
        .get(number % EVENTS.len())
        .copied()
        .unwrap_or_default()
}

/// Legacy filters: regular expressions over the whole message.
pub(crate) fn legacy(count: usize) -> Vec<(String, String)> {
    let pattern = |number: usize| {
        let (extension, event) = (100 + number, event(number));
        match number % 12 {
            0 => format!("Channel: PJSIP/{extension}-"),
            1 => format!("Exten: {extension}[0-9]"),
            2 => format!("^Event: {event}.*Exten: {extension}"),
            3 => format!("CallerIDNum: {extension}"),
            4 => format!("(CallerIDNum|ConnectedLineNum): {extension}"),
            5 => format!("^Event: (Hangup|Newstate|{event}).*CallerIDNum: {extension}"),
            6 => format!("Context: tenant{number}"),
            7 => format!("Channel: (PJSIP|Local)/{extension}[-@]"),
            8 => format!("Event: {event}.*Channel: Local/{extension}@.*Exten: [0-9]+"),
            9 => format!("^Event: {event}\r\nPrivilege: call,all\r\nChannel: PJSIP/{extension}"),
            10 => format!("Queue: (support|sales){number}"),
            _ => format!("Variable: .*{extension}.*Value: "),
        }
    };
    (0..count)
        .map(|number| ("eventfilter".to_owned(), pattern(number)))
        .collect()
}

/// Advanced filters: by name, header and method.
pub(crate) fn advanced(count: usize) -> Vec<(String, String)> {
    let filter = |number: usize| {
        let (extension, event) = (100 + number, event(number));
        let (criteria, pattern) = match number % 6 {
            0 => (
                "header(Channel),method(starts_with)".to_owned(),
                format!("PJSIP/{extension}-"),
            ),
            1 => (
                format!("name({event}),header(Exten),method(exact)"),
                extension.to_string(),
            ),
            2 => (
                "header(CallerIDNum),method(exact)".to_owned(),
                extension.to_string(),
            ),
            3 => (
                format!("name({event}),header(Context),method(regex)"),
                format!("^(tenant|internal){number}$"),
            ),
            4 => (
                "action(exclude),header(Variable),method(contains)".to_owned(),
                format!("SECRET{number}"),
            ),
            _ => (
                format!("name({event}),method(contains)"),
                format!("Channel: Local/{extension}@"),
            ),
        };
        (format!("eventfilter({criteria})"), pattern)
    };
    (0..count).map(filter).collect()
}
