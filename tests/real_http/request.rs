//! One HTTP request: asked by curl, or sent as bytes where curl would not send such a thing.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use md5::{Digest, Md5};

use crate::support::PATIENCE;

/// Credentials computed here, so that they can be wrong in ways that curl cannot be.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) user: &'static str,
    pub(crate) secret: &'static str,
    /// The nonce; of the last challenge when empty.
    pub(crate) nonce: &'static str,
    /// The count, in hexadecimal digits; without one, the older form without `qop` is sent.
    pub(crate) count: &'static str,
    /// The `uri` field; that of the request when empty.
    pub(crate) uri: &'static str,
    /// The realm; Asterisk's when empty.
    pub(crate) realm: &'static str,
}

impl Credentials {
    pub(crate) fn of(user: &'static str, secret: &'static str, count: &'static str) -> Self {
        Self {
            user,
            secret,
            nonce: "",
            count,
            uri: "",
            realm: "",
        }
    }

    /// The header, given the method, the target and the nonce of the last challenge.
    fn header(&self, method: &str, target: &str, last: &str) -> String {
        let or = |own: &'static str, other: &str| match own {
            "" => other.to_owned(),
            some => some.to_owned(),
        };
        let (nonce, uri) = (or(self.nonce, last), or(self.uri, target));
        let realm = or(self.realm, "asterisk");
        let first = hex(&format!("{}:{realm}:{}", self.user, self.secret));
        let second = hex(&format!("{method}:{uri}"));
        let begin = format!(
            "Authorization: Digest username=\"{}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\"",
            self.user
        );
        match self.count {
            "" => {
                let response = hex(&format!("{first}:{nonce}:{second}"));
                format!("{begin}, response=\"{response}\"")
            }
            count => {
                let response = hex(&format!("{first}:{nonce}:{count}:c0ffee:auth:{second}"));
                format!(
                    "{begin}, qop=auth, nc={count}, cnonce=\"c0ffee\", response=\"{response}\", opaque=\"{nonce}\""
                )
            }
        }
    }
}

/// The MD5 digest of a text in hexadecimal digits.
pub(crate) fn hex(text: &str) -> String {
    let digest = Md5::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What earlier answers of a conversation have told, for `{words}` in later requests.
#[derive(Default)]
pub(crate) struct Known {
    /// The last session cookie.
    pub(crate) cookie: String,
    /// The last digits of a challenge to log in with a key.
    pub(crate) challenge: String,
    /// The last nonce.
    pub(crate) nonce: String,
}

impl Known {
    /// `{cookie}`, `{COOKIE}` (in capitals), `{key:SECRET}` and `{nonce}` replaced.
    fn fill(&self, text: &str) -> String {
        let text = text
            .replace("{cookie}", &self.cookie)
            .replace("{COOKIE}", &self.cookie.to_ascii_uppercase())
            .replace("{nonce}", &self.nonce);
        let Some((before, rest)) = text.split_once("{key:") else {
            return text;
        };
        let (secret, after) = rest.split_once('}').expect("a } behind {key:");
        let key = hex(&format!("{}{secret}", self.challenge));
        format!("{before}{key}{after}")
    }
}

/// A request that curl makes.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) body: Option<String>,
    pub(crate) headers: Vec<&'static str>,
    /// User and secret for `curl --digest`.
    pub(crate) digest: Option<(&'static str, &'static str)>,
    pub(crate) credentials: Option<Credentials>,
    /// Which of the conversation's cookie jars; none when empty.
    pub(crate) jar: &'static str,
    /// The address that it comes from; the usual one when empty.
    pub(crate) from: &'static str,
    /// The conversation goes on at once; the answer counts at its end.
    pub(crate) background: bool,
}

impl Request {
    pub(crate) fn new(
        method: &'static str,
        target: impl Into<String>,
        body: Option<String>,
    ) -> Self {
        Self {
            method,
            target: target.into(),
            body,
            headers: Vec::new(),
            digest: None,
            credentials: None,
            jar: "jar",
            from: "",
            background: false,
        }
    }

    /// Starts curl, which writes the answer's headers and body into `folder` under this number.
    pub(crate) fn start(&self, port: u16, known: &Known, folder: &Path, number: usize) -> Child {
        let target = known.fill(&self.target);
        let mut curl = Command::new("curl");
        // Nobody's ~/.curlrc, no globbing, no tidying of the path.
        curl.args([
            "-q",
            "--silent",
            "--show-error",
            "--globoff",
            "--path-as-is",
            "--max-time",
        ]);
        curl.arg((PATIENCE * 2).as_secs().to_string());
        curl.arg("--dump-header")
            .arg(folder.join(format!("{number}.headers")));
        curl.arg("--output")
            .arg(folder.join(format!("{number}.body")));
        match self.method {
            "HEAD" => curl.arg("--head"),
            method => curl.args(["--request", method]),
        };
        if let Some(body) = &self.body {
            std::fs::write(folder.join(format!("{number}.sent")), known.fill(body))
                .expect("a file for the body");
            curl.arg("--data-binary").arg(format!(
                "@{}",
                folder.join(format!("{number}.sent")).display()
            ));
        }
        if !self.jar.is_empty() {
            let jar = folder.join(self.jar);
            curl.arg("--cookie").arg(&jar).arg("--cookie-jar").arg(&jar);
        }
        if !self.from.is_empty() {
            curl.args(["--interface", self.from]);
        }
        for header in &self.headers {
            curl.arg("--header").arg(known.fill(header));
        }
        if let Some((user, secret)) = self.digest {
            curl.args(["--digest", "--user", &format!("{user}:{secret}")]);
        }
        if let Some(credentials) = &self.credentials {
            curl.arg("--header")
                .arg(credentials.header(self.method, &target, &known.nonce));
        }
        curl.arg(format!("http://127.0.0.1:{port}{target}"));
        curl.stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        curl.spawn().expect("curl can be run: scripts/setup.sh")
    }
}
