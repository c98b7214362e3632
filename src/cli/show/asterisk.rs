//! The shapes of Asterisk's own `manager show ...`, byte for byte. Source: `main/manager.c`, `handle_showmanagers`,
//! `handle_showmanager`, `handle_manager_show_settings`, `handle_showmanconn`, `handle_showmancmds`, `handle_showmancmd`.

use amimux::admin::client::{Answer, Message};

/// The width that Asterisk gives to the list of actions.
const TERMINAL_WIDTH: usize = 80;

/// Blanks before a variable of a user.
const VARIABLE_INDENT: &str = "                 ";

/// What Asterisk takes for true.
const TRUE_WORDS: [&str; 6] = ["yes", "true", "y", "t", "1", "on"];

/// `manager show users`.
pub(super) fn users(users: &[Message]) -> String {
    if users.is_empty() {
        return "There are no manager users.\n".to_owned();
    }
    let mut text = "\nusername\n--------\n".to_owned();
    for user in users {
        text.push_str(&format!("{}\n", user.get("User")));
    }
    let count = users.len();
    text.push_str(&format!(
        "-------------------\n{count} manager users configured.\n"
    ));
    text
}

/// `manager show user`; `full` adds what Asterisk does not have.
pub(super) fn user(user: &Message, full: bool) -> String {
    let secret = match user.get("Secret") {
        "None" => "(N/A)",
        _ => "<Set>",
    };
    let mut text = "\n".to_owned();
    for (label, value) in [
        ("username", user.get("User")),
        ("secret", secret),
        ("ACL", &user.get("ACL").to_lowercase()),
        ("read perm", user.get("Read")),
        ("write perm", user.get("Write")),
        (
            "displayconnects",
            &user.get("DisplayConnects").to_lowercase(),
        ),
        (
            "allowmultiplelogin",
            &user.get("AllowMultipleLogin").to_lowercase(),
        ),
        ("Variables", ""),
    ] {
        text.push_str(&format!("{label:>18}: {value}\n"));
    }
    // Asterisk has the last one first.
    let variables: Vec<_> = user.all("Variable").collect();
    for variable in variables.iter().rev() {
        let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
        text.push_str(&format!("{VARIABLE_INDENT}{name} = {value}\n"));
    }
    acl_rules(user, &mut text);
    if full {
        full_rights(user, &mut text);
    }
    text
}

fn acl_rules(user: &Message, text: &mut String) {
    let (mut list, mut index) = (None, 0);
    for rule in user.all("ACLRule") {
        let Some((name, rule)) = rule.split_once(": ") else {
            continue;
        };
        if list != Some(name) {
            text.push_str(&format!("ACL: {name}\n{}\n", "-".repeat(45)));
            (list, index) = (Some(name), 0);
        }
        let (sense, network) = rule.split_once(" - ").unwrap_or((rule, ""));
        text.push_str(&format!("{index:>3}: {sense:>5} - {network}\n"));
        index += 1;
    }
}

/// What the sections above do not show.
fn full_rights(user: &Message, text: &mut String) {
    const SHOWN: [&str; 12] = [
        "Event",
        "ActionID",
        "User",
        "Secret",
        "Read",
        "Write",
        "ACL",
        "ACLRule",
        "DisplayConnects",
        "AllowMultipleLogin",
        "Variable",
        "Privilege",
    ];
    text.push_str(&format!("amimux\n{}\n", "-".repeat(45)));
    for (name, value) in user.headers() {
        if !SHOWN.contains(&name) {
            text.push_str(&format!("{name:>18}: {value}\n"));
        }
    }
}

/// `manager show settings`.
pub(super) fn settings(answer: &Answer) -> String {
    let value = |section: &str, name: &str| {
        let mut items = answer.items.iter();
        let found = items.rfind(|item| item.get("Section") == section && item.get("Name") == name);
        found
            .filter(|item| item.get("Default") == "No" || is_plain(item.get("Value")))
            .map_or("", |item| item.get("Value"))
    };
    let general = |name| value("general", name);
    let yes_no = |value: &str| if is_true(value) { "Yes" } else { "No" };
    let address = |name| match answer.complete.get(name) {
        "" => "Disabled",
        address => address,
    };
    let mut text = "\nGlobal Settings:\n----------------\n".to_owned();
    for (label, value) in [
        ("Manager (AMI)", "Yes"),
        (
            "Web Manager (AMI/HTTP)",
            yes_no(answer.complete.get("WebEnabled")),
        ),
        ("TCP Bindaddress", address("Address")),
        ("HTTP Timeout (seconds)", general("httptimeout")),
        ("TLS Enable", yes_no(general("tlsenable"))),
        ("TLS Bindaddress", address("TLSAddress")),
        ("TLS Certfile", general("tlscertfile")),
        ("TLS Privatekey", general("tlsprivatekey")),
        ("TLS Cipher", general("tlscipher")),
        (
            "Allow multiple login",
            yes_no(general("allowmultiplelogin")),
        ),
        ("Display connects", yes_no(general("displayconnects"))),
        ("Timestamp events", yes_no(general("timestampevents"))),
        ("Channel vars", ""),
    ] {
        let label = format!("{label}:");
        text.push_str(&format!("  {label:<25}  {value:<15}\n"));
    }
    let disabled = general("disabledevents");
    text.push_str(&format!("  {:<25}  {disabled}\n", "Disabled events:"));
    text.push_str(&format!("  {:<25}  {:<15}\n", "Debug:", "No"));
    text
}

/// Whether a default is a value, not words about one.
fn is_plain(value: &str) -> bool {
    is_true(value) || value.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_true(value: &str) -> bool {
    TRUE_WORDS
        .iter()
        .any(|word| word.eq_ignore_ascii_case(value))
}

/// `manager show connected`. FileDes is the session's number; HTTP has none.
pub(super) fn connected(sessions: &[Message]) -> String {
    let mut text = row(&[
        "Username",
        "IP Address",
        "Start",
        "Elapsed",
        "FileDes",
        "HttpCnt",
        "ReadPerms",
        "WritePerms",
    ]);
    for session in sessions {
        let id = session.get("Session");
        let number = id.rsplit_once('/').map_or(id, |(_, id)| id);
        let number = number.split('.').next().unwrap_or_default();
        let is_http = session.get("Transport") == "HTTP";
        text.push_str(&row(&[
            session.get("User"),
            session.get("Address"),
            session.get("LoggedInAt"),
            session.get("Elapsed"),
            if is_http { "-1" } else { number },
            "0",
            &format!("{:0>10}", session.get("ReadPerms")),
            &format!("{:0>10}", session.get("WritePerms")),
        ]));
    }
    text.push_str(&format!("{} users connected.\n", sessions.len()));
    text
}

/// Columns of these widths, what is longer cut.
fn row(columns: &[&str; 8]) -> String {
    const WIDTHS: [usize; 8] = [15, 55, 10, 10, 8, 8, 10, 10];
    let cells = columns.iter().zip(WIDTHS);
    let cells = cells.map(|(text, width)| format!("  {text:<width$.width$}"));
    cells.collect::<String>() + "\n"
}

/// `manager show commands`.
pub(super) fn commands(commands: &[Message]) -> String {
    let names = commands.iter().map(|command| command.get("Name").len());
    let name_width = names.chain([6]).max().unwrap_or_default();
    let width = TERMINAL_WIDTH.saturating_sub(name_width + 4);
    let line = |name: &str, synopsis: &str| {
        format!("  {name:<name_width$.name_width$}  {synopsis:<.width$}\n")
    };
    let mut text = line("Action", "Synopsis") + &line("------", "--------");
    for command in commands {
        text.push_str(&line(command.get("Name"), &synopsis(command)));
    }
    text
}

/// Asterisk's texts end with a blank.
fn synopsis(command: &Message) -> String {
    format!("{} ", command.get("Synopsis"))
}

/// `manager show command`, as far as an Asterisk tells others about its actions.
pub(super) fn command(command: &Message) -> String {
    format!(
        "\n  -= Info about Manager Command '{}' =- \n\n[Synopsis]\n{}\n\n[Privilege]\n{}\n",
        command.get("Name"),
        synopsis(command),
        command.get("Privilege")
    )
}
