//! What of a request may stand in an audit log: its headers in one line, with everything that looks like a
//! secret by the name it stands under replaced. Names are judged generously: better one value too many is hidden.

use crate::protocol::request::Request;

/// Bytes of one value that are shown.
const VALUE_BYTES_MAX: usize = 200;

/// Bytes of all headers together that are shown.
const LINE_BYTES_MAX: usize = 2048;

/// What stands in place of a secret.
const REDACTED: &str = "[redacted]";

/// Headers with lists of variables begin so.
const VARIABLES: [&str; 4] = ["Variable", "Setvar", "ChanVariable", "AppData"];

/// Headers with a line of a configuration file or of a command's output begin so.
const ASSIGNMENTS: [&str; 2] = ["Output", "Line-"];

/// Words that make a name secret wherever they stand in it.
const SECRET_WORDS: [&str; 8] = [
    "secret",
    "pass",
    "pwd",
    "token",
    "auth",
    "credential",
    "private",
    "pincode",
];

/// Words that make a name secret at its end.
const SECRET_ENDINGS: [&str; 2] = ["key", "pin"];

/// The headers of a request but for `Action`, as `Name: value; Name: value`. A `;` or `\` in a value has a `\`
/// before it. Values are cut to 200 bytes and the whole to 2048; what is cut ends in `…`.
pub fn headers(action: &[u8], request: Request<'_>) -> String {
    let context = Context::of(action, request);
    let mut line = String::new();
    for header in request.lines() {
        let (name, value) = split_header(header);
        if name.eq_ignore_ascii_case("Action") {
            continue;
        }
        if !line.is_empty() {
            line.push_str("; ");
        }
        push_escaped(&mut line, &name);
        if let Some(value) = value {
            line.push_str(": ");
            context.push_value(&mut line, &name, value);
        }
        if line.len() > LINE_BYTES_MAX {
            cut(&mut line, LINE_BYTES_MAX);
            break;
        }
    }
    line
}

/// The lines of a message from a client or for one, each with what looks like a secret in it replaced, in full.
pub fn lines(message: &[u8]) -> Vec<String> {
    let request = Request::new(message);
    let event = request.get("Event").unwrap_or_default();
    let action = request.action().unwrap_or(event);
    let mut context = Context::of(action, request);
    // Answers and events name a variable and its value as Setvar does.
    context.secret_value |= Context::has_secret(request, &["Variable"]);
    let lines = request.lines().filter(|line| !line.is_empty());
    lines.map(|line| context.line(line)).collect()
}

/// Whether what stands under that name is likely to be a secret.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    let name = name.trim_end_matches(|character: char| !character.is_ascii_alphabetic());
    name != "authtype"
        && (SECRET_WORDS.iter().any(|word| name.contains(word))
            || SECRET_ENDINGS.iter().any(|word| name.ends_with(word))
            || name.starts_with("pin_")
            || name.starts_with("pin-"))
}

/// What has to be known of the whole request to judge one header.
struct Context {
    /// An action of Asterisk's database, where `Key` names an entry.
    database: bool,
    /// `Family` or `Key` of such an action, or the `Variable` of a Setvar, is a secret name: so is the value.
    secret_value: bool,
    /// `Value-…` and `Match-…` are contents of configuration files.
    configuration: bool,
}

impl Context {
    fn of(action: &[u8], request: Request<'_>) -> Self {
        let begins = |with: &[u8]| {
            let start = action.get(..with.len()).unwrap_or_default();
            start.eq_ignore_ascii_case(with)
        };
        let database = begins(b"DB");
        let naming: &[&str] = if database {
            &["Family", "Key"]
        } else if begins(b"Setvar") {
            &["Variable"]
        } else {
            &[]
        };
        Self {
            database,
            secret_value: Self::has_secret(request, naming),
            configuration: begins(b"UpdateConfig"),
        }
    }

    /// Whether one of these headers names a secret.
    fn has_secret(request: Request<'_>, naming: &[&str]) -> bool {
        let mut values = naming.iter().flat_map(|name| request.all(name));
        values.any(|value| is_secret_name(&String::from_utf8_lossy(value)))
    }

    /// One line of a message.
    fn line(&self, line: &[u8]) -> String {
        let (name, value) = split_header(line);
        let Some(value) = value else {
            return assignment(&name);
        };
        let begins = |with: &str| {
            name.get(..with.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(with))
        };
        let text = String::from_utf8_lossy(value);
        let shown = if self.hides(&name) || begins("JSON") && is_secret_name(&text) {
            REDACTED.to_owned()
        } else if VARIABLES.iter().any(|with| begins(with)) {
            let mut shown = String::new();
            push_variables(&mut shown, value, String::push_str);
            shown
        } else if ASSIGNMENTS.iter().any(|with| begins(with)) {
            assignment(&text)
        } else {
            text.clone().into_owned()
        };
        if shown == text {
            // As it is, blanks included.
            String::from_utf8_lossy(line).into_owned()
        } else {
            format!("{name}: {shown}")
        }
    }

    /// Whether the value of that header is hidden.
    fn hides(&self, name: &str) -> bool {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        let begins = |with: &str| {
            name.get(..with.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(with))
        };
        (is_secret_name(name) && !(self.database && is("Key")))
            || (self.secret_value && (is("Val") || is("Value")))
            || (self.configuration && (begins("Value-") || begins("Match-")))
    }

    fn push_value(&self, line: &mut String, name: &str, value: &[u8]) {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        if self.hides(name) {
            line.push_str(REDACTED);
            return;
        }
        let mut shown = String::new();
        if is("Variable") || is("Setvar") {
            push_variables(&mut shown, value, push_escaped);
        } else {
            push_escaped(&mut shown, &String::from_utf8_lossy(value));
        }
        cut(&mut shown, VALUE_BYTES_MAX);
        line.push_str(&shown);
    }
}

/// A list of variables, `name=value,name=value`. What follows a secret without a name of its own belongs to it,
/// and what stands before a name (`HASH(secret,x)=value`) to the name.
fn push_variables(line: &mut String, value: &[u8], push: fn(&mut String, &str)) {
    let (mut hidden, mut before) = (false, String::new());
    let value = String::from_utf8_lossy(value);
    for (index, item) in items(&value).enumerate() {
        if index > 0 {
            line.push(',');
        }
        match item.split_once('=') {
            Some((name, value)) => {
                before.push_str(name);
                hidden = is_secret_name(&plain(&before));
                before.clear();
                push(line, name);
                line.push('=');
                push(line, if hidden { REDACTED } else { value });
            }
            None if hidden => line.push_str(REDACTED),
            None => {
                before.push_str(item);
                push(line, item);
            }
        }
    }
}

/// The parts of `text` between commas that stand outside quotes and behind no backslash.
fn items(text: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |character| {
        let counts = character == ',' && !quoted && !escaped;
        quoted ^= character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        counts
    })
}

/// A name without the quotes and backslashes that Asterisk removes from it.
fn plain(name: &str) -> String {
    name.chars()
        .filter(|character| !matches!(character, '"' | '\\'))
        .collect()
}

/// A line of text in which a name may stand before `=` or `:`; what follows the name of a secret is replaced.
fn assignment(text: &str) -> String {
    match text.find(['=', ':']).map(|at| text.split_at(at + 1)) {
        Some((name, value)) if is_secret_name(name) && !value.trim().is_empty() => {
            format!("{name} {REDACTED}")
        }
        _ => text.to_owned(),
    }
}

/// Name and value; a line without a colon is all name.
fn split_header(line: &[u8]) -> (String, Option<&[u8]>) {
    match memchr::memchr(b':', line).and_then(|at| line.split_at_checked(at)) {
        Some((name, rest)) => {
            let value = rest.get(1..).unwrap_or_default().trim_ascii_start();
            (String::from_utf8_lossy(name).into_owned(), Some(value))
        }
        None => (String::from_utf8_lossy(line).into_owned(), None),
    }
}

fn push_escaped(line: &mut String, text: &str) {
    for character in text.chars() {
        if matches!(character, ';' | '\\') {
            line.push('\\');
        }
        line.push(character);
    }
}

fn cut(text: &mut String, most: usize) {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
}

#[cfg(test)]
mod tests;
