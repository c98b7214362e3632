//! The same decisions by whatever way: users of every class and of none ask for the same over TCP, with a cookie and
//! with Digest, and are allowed or refused the same, with the same text.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::support::{AmiClient, normal};
use crate::users::User;

/// What is asked for, each `Action | Header: value | …`.
const REQUESTS: &[&str] = &[
    "Ping",
    "ListCommands",
    "CoreStatus",
    "CoreSettings",
    "CoreShowChannels",
    "Status",
    "Status | Variables: SHELL(true)",
    "BridgeList",
    "DeviceStateList",
    "ExtensionState | Exten: 200 | Context: ami-test",
    "QueueStatus | Queue: empty",
    "QueueSummary | Queue: empty",
    "QueueAdd | Queue: nosuch | Interface: Local/9@agents",
    "QueueReset | Queue: nosuch",
    "Command | Command: core show license",
    "Command | Command: no such command",
    "Command | Command: module load nosuch",
    "Command | Command: manager show user upstream",
    "Command | Command: !id",
    "Command",
    "Getvar | Variable: GREETING",
    "Getvar | Variable: SHELL(true)",
    "Getvar | Variable: AST_CONFIG(queues.conf,sales,strategy)",
    "Getvar | Variable: AST_CONFIG(manager.conf,upstream,secret)",
    "Getvar",
    "Setvar | Variable: ASKED | Value: v",
    "Setvar | Variable: FILE(/tmp/asked) | Value: v",
    "Setvar | Channel: Local/none-0 | Variable: X | Value: x",
    "Hangup | Channel: Local/none-0",
    "Redirect | Channel: Local/none-0 | Context: ami-test | Exten: 102 | Priority: 1",
    "Redirect | Channel: Local/none-0",
    "Originate | Channel: NoTech/x | Timeout: 100 | Context: ami-test | Exten: 100 | Priority: 1",
    "Originate | Channel: NoTech/x | Timeout: 100 | Application: System | Data: true",
    "Originate | Channel: NoTech/x | Timeout: 100 | Application: NoOp | Data: ${SHELL(true)}",
    "Originate | Channel: NoTech/x | Timeout: 100 | Application: Playback | Data: beep | Async: true",
    "Originate | Channel: NoTech/x | Timeout: 100 | Application: Playback | Variable: A=1,DB(asked/x)=y | Async: true",
    "Originate | Channel: NoTech/x",
    "GetConfig | Filename: queues.conf",
    "GetConfig | Filename: manager.conf",
    "GetConfig | Filename: ../manager.conf",
    "GetConfigJSON | Filename: queues.conf",
    "ListCategories | Filename: queues.conf",
    "UpdateConfig | SrcFilename: ../nosuch/x | DstFilename: ../nosuch/x",
    "CreateConfig | Filename: ../nosuch/x",
    "ModuleCheck | Module: app_queue.so",
    "ModuleLoad | LoadType: load | Module: nosuch",
    "Reload | Module: nosuch",
    "DBGet | Family: no | Key: such",
    "DBPut | Family: asked | Key: k | Val: v",
    "DBDelTree | Family: no-such-family",
    "ShowDialPlan | Context: default",
    "DialplanExtensionAdd",
    "UserEvent | UserEvent: Asked | Key: a, b & c",
    "MailboxCount | Mailbox: 1001@default",
    "Parkinglots",
    "Agents",
    "ConfbridgeListRooms",
    "MixMonitor | Channel: Local/none-0 | File: a,b | Command: id",
    "Filter | Operation: Add | Filter: a(b",
    "Events | EventMask: call",
    "NoSuchAction",
    "originate",
];

/// One way to ask.
pub(crate) enum Way {
    Tcp,
    Cookie,
    Digest,
}

/// What is answered to that user by that way; one text for each request.
pub(crate) fn ask(way: &Way, port: u16, user: &User) -> Vec<String> {
    match way {
        Way::Tcp => by_tcp(port, &user.name),
        Way::Cookie => by_curl(port, &user.name, "rawman"),
        Way::Digest => by_curl(port, &user.name, "arawman"),
    }
}

/// Where two ways differ.
pub(crate) fn faults(user: &User, one: (&str, &[String]), other: (&str, &[String])) -> Vec<String> {
    let answers = one.1.iter().zip(other.1);
    let pairs = REQUESTS.iter().zip(answers);
    pairs
        .filter(|(_, (one, other))| one != other)
        .map(|(request, (text, different))| {
            format!(
                "{request} as {}\n--- {} ---\n{text}--- {} ---\n{different}",
                user.name, one.0, other.0
            )
        })
        .collect()
}

fn by_tcp(port: u16, user: &str) -> Vec<String> {
    let mut client = AmiClient::session(port, user, "off");
    let mut answers = BTreeMap::new();
    for (number, request) in REQUESTS.iter().enumerate() {
        let headers = request.replace(" | ", "\r\n");
        client.send(format!("Action: {headers}\r\nActionID: ask {number}.\r\n\r\n").as_bytes());
        client.action(&[("Action", "Ping"), ("ActionID", "the-end")]);
        let answer = client.read_until("ActionID: the-end\r\n");
        // The answer to a synchronous Originate comes out of turn.
        collect(&answer, &mut answers);
        while !answers.contains_key(&number) {
            collect(&client.read_message().expect("an answer"), &mut answers);
        }
    }
    answers.into_values().collect()
}

/// Adds messages to the answers of the requests that they name.
fn collect(bytes: &[u8], answers: &mut BTreeMap<usize, String>) {
    let text = normal(bytes);
    for message in text.split_inclusive("\n\\r\\n\n") {
        let number = message
            .split_once("ActionID: ask ")
            .and_then(|(_, rest)| rest.split_once('.'))
            .and_then(|(number, _)| number.parse().ok());
        if let Some(number) = number {
            *answers.entry(number).or_default() += message;
        }
    }
}

/// One run of curl for all requests, over one connection.
fn by_curl(port: u16, user: &str, page: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |number: usize| folder.path().join(number.to_string());
    let mut options = String::from("silent\nshow-error\ngloboff\nfail\nmax-time = 60\n");
    options += match page {
        "rawman" => "cookie = \"\"\n",
        _ => "digest\n",
    };
    if page == "arawman" {
        options += &format!("user = \"{user}:{user}-secret\"\n");
    } else {
        let login = format!("action=login&username={user}&secret={user}-secret&events=off");
        options += &asked(port, page, &login, &folder.path().join("login"));
    }
    for (number, request) in REQUESTS.iter().enumerate() {
        let mut query = String::from("action=");
        for (index, part) in request.split(" | ").enumerate() {
            match part.split_once(": ") {
                Some((name, value)) if index > 0 => {
                    query += &format!("&{name}={}", encoded(value));
                }
                _ => query += part,
            }
        }
        query += &format!("&ActionID=ask+{number}.");
        options += &asked(port, page, &query, &file(number));
    }
    let list = folder.path().join("options");
    std::fs::write(&list, options).expect("a file for curl");
    let run = Command::new("curl")
        .arg("-q")
        .arg("--config")
        .arg(list)
        .output();
    let run = run.expect("curl can be run: scripts/setup.sh");
    assert!(
        run.status.success(),
        "{page} as {user}: {}",
        String::from_utf8_lossy(&run.stderr)
    );
    let answers = (0..REQUESTS.len()).map(|number| {
        // Nothing at all is an answer, too.
        normal(&std::fs::read(file(number)).unwrap_or_default())
    });
    answers.collect()
}

/// The lines of curl's options for one more request.
fn asked(port: u16, page: &str, query: &str, file: &Path) -> String {
    format!(
        "url = \"http://127.0.0.1:{port}/{page}?{query}\"\noutput = \"{}\"\n",
        file.display()
    )
}

/// A value as a query has it.
fn encoded(value: &str) -> String {
    let bytes = value.bytes().map(|byte| match byte {
        b' ' => "+".to_owned(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    bytes.collect()
}
