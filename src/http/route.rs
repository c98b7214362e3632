//! Which paths there are, and how each may be asked. `docs/openapi.json` says the same; a test compares the two.

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// AMI as it is.
    Raw,
    /// A page with a table.
    Html,
    /// XML for scripts in browsers.
    Xml,
}

/// What a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Asterisk's own form, with a session named by a cookie.
    Ajam(Form),
    /// Asterisk's own form, with Digest credentials.
    Digest(Form),
    /// Name and secret for a token.
    Login,
    /// The end of a token's or cookie's session.
    Logout,
    /// An action as JSON.
    Action,
    /// Events as a stream.
    Events,
    /// The description of the JSON interface.
    Description,
    /// The page for people.
    Page,
}

/// A path, below the prefix.
#[derive(Debug)]
pub struct Endpoint {
    /// Without slashes around it, in lower case.
    pub path: &'static str,
    /// The methods that it knows.
    pub methods: &'static [&'static str],
    /// The statuses of its answers to these; Asterisk's own paths and the page have more to say than that.
    pub statuses: &'static [u16],
    /// What it stands for.
    pub target: Target,
}

/// The methods of Asterisk's own paths; any other is 501 there.
const AJAM: &[&str] = &["GET", "HEAD", "POST"];

/// The statuses of a path that reads a body of JSON.
const READS: &[u16] = &[200, 400, 401, 403, 413, 415, 429, 503];

const fn endpoint(
    path: &'static str,
    methods: &'static [&'static str],
    statuses: &'static [u16],
    target: Target,
) -> Endpoint {
    Endpoint {
        path,
        methods,
        statuses,
        target,
    }
}

/// All paths.
pub const ENDPOINTS: [Endpoint; 12] = [
    endpoint("rawman", AJAM, &[], Target::Ajam(Form::Raw)),
    endpoint("manager", AJAM, &[], Target::Ajam(Form::Html)),
    endpoint("mxml", AJAM, &[], Target::Ajam(Form::Xml)),
    endpoint("arawman", AJAM, &[], Target::Digest(Form::Raw)),
    endpoint("amanager", AJAM, &[], Target::Digest(Form::Html)),
    endpoint("amxml", AJAM, &[], Target::Digest(Form::Xml)),
    endpoint("login", &["POST"], READS, Target::Login),
    endpoint(
        "logout",
        &["POST"],
        &[204, 401, 403, 429, 503],
        Target::Logout,
    ),
    endpoint("action", &["POST"], READS, Target::Action),
    endpoint(
        "events",
        &["GET"],
        &[200, 400, 401, 403, 429, 503],
        Target::Events,
    ),
    endpoint(
        "openapi.json",
        &["GET", "HEAD"],
        &[200],
        Target::Description,
    ),
    endpoint("", &["GET", "HEAD"], &[], Target::Page),
];

impl Target {
    /// Whether it is one of Asterisk's own, whose errors are pages; those of the others are JSON.
    pub const fn is_ajam(self) -> bool {
        matches!(self, Self::Ajam(_) | Self::Digest(_))
    }

    /// Whether it is the same for everybody, and changes nothing.
    pub const fn is_public(self) -> bool {
        matches!(self, Self::Description | Self::Page)
    }

    /// Whether pages of other origins may use it, if they are configured.
    pub const fn is_json(self) -> bool {
        matches!(
            self,
            Self::Login | Self::Logout | Self::Action | Self::Events | Self::Description
        )
    }
}

/// What stands at that path, if anything. Case does not matter and a slash at the end neither, as in Asterisk; nothing
/// is percent-decoded.
pub fn find(prefix: &str, path: &str) -> Option<&'static Endpoint> {
    let rest = path.strip_prefix('/')?;
    let rest = match prefix {
        "" => rest,
        prefix => {
            let (begin, rest) = rest.split_at_checked(prefix.len())?;
            if !begin.eq_ignore_ascii_case(prefix) {
                return None;
            }
            match rest {
                "" => "",
                rest => rest.strip_prefix('/')?,
            }
        }
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    ENDPOINTS
        .iter()
        .find(|endpoint| endpoint.path.eq_ignore_ascii_case(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let raw = Some(Target::Ajam(Form::Raw));
        for (prefix, path, expected) in [
            ("", "/rawman", raw),
            ("", "/RawMan/", raw),
            ("", "/rawman//", None),
            ("", "/rawman/x", None),
            ("", "/raw%6dan", None),
            ("", "rawman", None),
            ("", "*", None),
            ("", "/", Some(Target::Page)),
            ("", "//", Some(Target::Page)),
            ("", "/asterisk/rawman", None),
            ("asterisk", "/asterisk/rawman", raw),
            ("asterisk", "/ASTERISK/rawman", raw),
            ("asterisk", "/rawman", None),
            ("asterisk", "/asteriskrawman", None),
            ("asterisk", "/asterisk", Some(Target::Page)),
            ("asterisk", "/asterisk/", Some(Target::Page)),
            ("asterisk", "/", None),
            ("a/b", "/a/b/amxml", Some(Target::Digest(Form::Xml))),
            ("ä", "/a/rawman", None),
        ] {
            let found = find(prefix, path).map(|endpoint| endpoint.target);
            assert_eq!(found, expected, "{prefix} {path}");
        }
    }
}
