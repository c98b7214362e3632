//! What an HTTP server answers, and which of it has to be the same.

use crate::support::{normal, varies};

/// Headers that matter to a client. The others are the server's own affair.
const HEADERS: &[&str] = &[
    "cache-control",
    "connection",
    "content-type",
    "location",
    "pragma",
    "set-cookie",
    "www-authenticate",
];

/// One answer as it came.
pub(crate) struct Answer {
    pub(crate) status: String,
    /// Names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// From the lines of a header block and a body.
    pub(crate) fn new(head: &str, body: Vec<u8>) -> Self {
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let headers = lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        });
        Self {
            status: status.unwrap_or("?").to_owned(),
            headers: headers.collect(),
            body,
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(each, _)| each == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The session cookie that it sets.
    pub(crate) fn cookie(&self) -> Option<&str> {
        let rest = self
            .header("set-cookie")?
            .strip_prefix("mansession_id=\"")?;
        rest.split('"').next()
    }

    /// The nonce of its challenge.
    pub(crate) fn nonce(&self) -> Option<&str> {
        let (_, rest) = self.header("www-authenticate")?.split_once("nonce=\"")?;
        rest.split('"').next()
    }

    /// The digits to log in with a key.
    pub(crate) fn challenge(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.body);
        let marks = [
            ("Challenge: ", "\r"),
            (" challenge='", "'"),
            ("<td>Challenge</td><td>", "<"),
        ];
        marks.iter().find_map(|(begin, end)| {
            let (_, rest) = text.split_once(begin)?;
            rest.split(end).next().map(str::to_owned)
        })
    }

    /// What has to be the same, as text. `names` gives a cookie or a nonce its name in this conversation.
    pub(crate) fn shown(&self, names: &mut Names) -> String {
        let mut lines = vec![self.status.clone()];
        let mut headers: Vec<_> = self
            .headers
            .iter()
            .filter(|(name, _)| HEADERS.contains(&name.as_str()))
            .filter_map(|(name, value)| {
                Some(format!("{name}: {}", header_shown(name, value, names)?))
            })
            .collect();
        headers.sort();
        lines.append(&mut headers);
        lines.push(String::new());
        lines.push(self.body_shown());
        lines.join("\n")
    }

    fn body_shown(&self) -> String {
        let kind = self.header("content-type").unwrap_or_default();
        match kind.split(';').next().unwrap_or_default().trim() {
            "text/plain" => normal(&self.body),
            "text/xml" => xml_shown(&String::from_utf8_lossy(&self.body)),
            _ => html_shown(&String::from_utf8_lossy(&self.body)),
        }
    }
}

/// The names of cookies and nonces in one conversation, in the order in which they came up.
#[derive(Default)]
pub(crate) struct Names {
    known: Vec<String>,
}

impl Names {
    fn of(&mut self, value: &str) -> String {
        let value = value.to_ascii_lowercase();
        let index = self.known.iter().position(|each| *each == value);
        let index = index.unwrap_or_else(|| {
            self.known.push(value);
            self.known.len() - 1
        });
        format!("<{}>", index + 1)
    }
}

/// A header's value without what may differ; nothing for one that does not matter.
fn header_shown(name: &str, value: &str, names: &mut Names) -> Option<String> {
    match name {
        "connection" => value
            .eq_ignore_ascii_case("close")
            .then(|| "close".to_owned()),
        // A character set is a gain for a browser and does not disturb a client.
        "content-type" => value.split(';').next().map(str::to_ascii_lowercase),
        // amimux says more of its cookie: that it is for one path, and for no script.
        "set-cookie" => {
            let parts = value.split(';').map(str::trim).filter(|part| {
                let own = ["path=", "httponly", "samesite="];
                let part = part.to_ascii_lowercase();
                !own.iter().any(|own| part.starts_with(own))
            });
            let parts = parts.map(|part| match part.split_once("=\"") {
                Some((name, value)) => format!("{name}={}", names.of(value.trim_end_matches('"'))),
                None => part.to_owned(),
            });
            Some(parts.collect::<Vec<_>>().join("; "))
        }
        "www-authenticate" => {
            let mut parts: Vec<_> = value
                .trim_start_matches("Digest ")
                .split(',')
                .map(str::trim)
                .map(|part| match part.split_once('=') {
                    Some((name @ "nonce", value)) => {
                        format!("{name}={}", names.of(value.trim_matches('"')))
                    }
                    // A client gives it back and does not look at it.
                    Some((name @ "opaque", _)) => format!("{name}=<varies>"),
                    _ => part.to_owned(),
                })
                .collect();
            parts.sort();
            Some(parts.join(", "))
        }
        _ => Some(value.to_owned()),
    }
}

/// What the actions begin with that amimux has and Asterisk does not.
const OWN_ACTIONS: &str = "Mux";

/// Attributes that vary, without their values; none for an action of amimux's own.
fn xml_shown(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("='") {
        let name = before.rsplit(' ').next().unwrap_or_default();
        let (value, end) = after.split_once('\'').unwrap_or((after, ""));
        if name
            .get(..3)
            .is_some_and(|start| start.eq_ignore_ascii_case(OWN_ACTIONS))
        {
            result += before.trim_end_matches(name).trim_end_matches(' ');
            rest = end;
            continue;
        }
        let value = match varies(name.split('-').next().unwrap_or_default()) {
            true => "<varies>".to_owned(),
            // Channel names are written as they are elsewhere.
            false => normal(value.as_bytes()).trim_end_matches('\n').to_owned(),
        };
        result += &format!("{before}='{value}'");
        rest = end;
    }
    result + rest
}

/// Rows that vary, without their values; and no line about the server.
fn html_shown(text: &str) -> String {
    let own = format!("<tr><td>{OWN_ACTIONS}");
    let left_out = |line: &&str| line.starts_with("<address>") || line.starts_with(&own);
    let lines = text.lines().filter(|line| !left_out(line));
    let lines = lines.map(|line| {
        let Some((name, value)) = line
            .strip_prefix("<tr><td>")
            .and_then(|rest| rest.split_once("</td><td>"))
        else {
            return line.to_owned();
        };
        let value = match varies(name) {
            true => "<varies></td></tr>",
            false => value,
        };
        format!(
            "<tr><td>{name}</td><td>{}",
            normal(value.as_bytes()).trim_end_matches('\n')
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}
