//! What of a request may stand in an audit log: its headers in one line, with everything that looks like a
//! secret by the name it stands under replaced. Names are judged generously: better one value too many is hidden.

use crate::protocol::request::Request;

/// Bytes of one value that are shown.
const VALUE_BYTES_MAX: usize = 200;

/// Bytes of all headers together that are shown.
const LINE_BYTES_MAX: usize = 2048;

/// What stands in place of a secret.
const REDACTED: &str = "[redacted]";

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
        let secret_value = naming
            .iter()
            .flat_map(|name| request.all(name))
            .any(|value| is_secret_name(&String::from_utf8_lossy(value)));
        Self {
            database,
            secret_value,
            configuration: begins(b"UpdateConfig"),
        }
    }

    fn push_value(&self, line: &mut String, name: &str, value: &[u8]) {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        let begins = |with: &str| {
            name.get(..with.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(with))
        };
        let hidden = (is_secret_name(name) && !(self.database && is("Key")))
            || (self.secret_value && (is("Val") || is("Value")))
            || (self.configuration && (begins("Value-") || begins("Match-")));
        if hidden {
            line.push_str(REDACTED);
            return;
        }
        let mut shown = String::new();
        if is("Variable") || is("Setvar") {
            push_variables(&mut shown, value);
        } else {
            push_escaped(&mut shown, &String::from_utf8_lossy(value));
        }
        cut(&mut shown, VALUE_BYTES_MAX);
        line.push_str(&shown);
    }
}

/// A list of variables, `name=value,name=value`. What follows a secret without a name of its own belongs to it,
/// and what stands before a name (`HASH(secret,x)=value`) to the name.
fn push_variables(line: &mut String, value: &[u8]) {
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
                push_escaped(line, name);
                line.push('=');
                push_escaped(line, if hidden { REDACTED } else { value });
            }
            None if hidden => line.push_str(REDACTED),
            None => {
                before.push_str(item);
                push_escaped(line, item);
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(message: &str) -> String {
        let text = message.replace('|', "\r\n");
        let request = Request::new(text.as_bytes());
        headers(request.action().unwrap_or_default(), request)
    }

    #[test]
    fn what_is_shown_and_what_is_not() {
        for (message, expected) in [
            ("Action: Ping", ""),
            (
                "Action: Hangup|Channel: PJSIP/1;2|ActionID: 7",
                r"Channel: PJSIP/1\;2; ActionID: 7",
            ),
            (
                "Action: Login|Username: a|Secret: s|AuthType: MD5|Key: 00",
                "Username: a; Secret: [redacted]; AuthType: MD5; Key: [redacted]",
            ),
            (
                "ACTION: x|NewPassword:s|Pin: 1|VoicemailPIN: 2|X-Token: t|Authorization: b|Shipping: on",
                "NewPassword: [redacted]; Pin: [redacted]; VoicemailPIN: [redacted]; X-Token: [redacted]; \
                 Authorization: [redacted]; Shipping: on",
            ),
            (
                "Action: Originate|Channel: Local/1|Variable: A=1,MY_SECRET=x,more,B=2|Variable: \"PASS\"=y",
                "Channel: Local/1; Variable: A=1,MY_SECRET=[redacted],[redacted],B=2; Variable: \"PASS\"=[redacted]",
            ),
            (
                r"Action: Originate|Variable: TOKEN=a\,b,C=d",
                r"Variable: TOKEN=[redacted],C=d",
            ),
            (
                "Action: Setvar|Channel: c|Variable: SIP_PASSWORD|Value: x",
                "Channel: c; Variable: SIP_PASSWORD; Value: [redacted]",
            ),
            (
                "Action: Setvar|Variable: CAMPAIGN|Value: x",
                "Variable: CAMPAIGN; Value: x",
            ),
            (
                "Action: updateconfig|SrcFilename: a|Var-000000: secret|Value-000000: x|Match-000000: y",
                "SrcFilename: a; Var-000000: secret; Value-000000: [redacted]; Match-000000: [redacted]",
            ),
            (
                "Action: DBPut|Family: auth|Key: 200|Val: x",
                "Family: auth; Key: 200; Val: [redacted]",
            ),
            (
                "Action: DBPut|Family: cidname|Key: pin|Val: x",
                "Family: cidname; Key: pin; Val: [redacted]",
            ),
            (
                "Action: DBPut|Family: cidname|Key: 200|Val: x",
                "Family: cidname; Key: 200; Val: x",
            ),
            (
                "Action: Command|Command: core show channels",
                "Command: core show channels",
            ),
            (
                "Action: Originate|Variable: HASH(a,b)=c,HASH(secret,x)=y",
                "Variable: HASH(a,b)=c,HASH(secret,x)=[redacted]",
            ),
            ("Action: x|no colon", "no colon"),
        ] {
            assert_eq!(shown(message), expected, "{message}");
        }
    }

    #[test]
    fn values_and_lines_are_cut() {
        let long = "ä".repeat(300);
        let line = shown(&format!("Action: x|A: {long}"));
        assert_eq!(line, format!("A: {}…", "ä".repeat(100)));
        let many = "B: 0123456789|".repeat(500);
        let line = shown(&format!("Action: x|{many}"));
        assert!(line.len() <= 2048 + "…".len() && line.ends_with('…'));
    }

    /// Letters of either case.
    fn in_any_case(word: &'static str) -> impl Strategy<Value = String> {
        proptest::collection::vec(any::<bool>(), word.len()).prop_map(move |upper| {
            let letters = word.chars().zip(upper);
            let cased = |(letter, upper): (char, bool)| match upper {
                true => letter.to_ascii_uppercase(),
                false => letter,
            };
            letters.map(cased).collect()
        })
    }

    fn secret_name() -> impl Strategy<Value = String> {
        let word = proptest::sample::select(vec![
            "secret",
            "password",
            "passwd",
            "pass",
            "pin",
            "token",
            "key",
            "authorization",
            "auth",
        ]);
        let affix = "([A-Z][a-z]{0,6}[_-])?";
        (affix, word.prop_flat_map(in_any_case)).prop_map(|(before, word)| before + &word)
    }

    proptest! {
        #[test]
        fn secrets_never_show(
            name in secret_name(),
            form in 0..6_usize,
            before in "[A-Za-z]{1,8}",
            quoted in any::<bool>(),
        ) {
            const SECRET: &str = "s3cr3tv4lue";
            let value = if quoted { format!("\"{SECRET},{SECRET}\"") } else { format!("{SECRET}\\,{SECRET}") };
            let message = match form {
                0 => format!("Action: {before}|{name}: {value}"),
                1 => format!("Action: {before}|{name}:{value}|Other: 1"),
                2 => format!("Action: Originate|Variable: X=1,{name}={value},Y=2"),
                3 => format!("Action: Originate|Variable: {name}={SECRET},{SECRET}"),
                4 => format!("Action: SetVar|Value: {value}|Variable: {name}"),
                _ => format!("Action: DBPut|Val: {value}|Key: x|Family: {name}"),
            };
            let line = shown(&message);
            prop_assert!(!line.contains(SECRET), "{} became {}", message, line);
        }

        #[test]
        fn any_bytes_make_a_bounded_line(bytes in proptest::collection::vec(any::<u8>(), 0..4000)) {
            let line = headers(b"x", Request::new(&bytes));
            prop_assert!(line.len() <= LINE_BYTES_MAX + "…".len());
        }
    }
}
