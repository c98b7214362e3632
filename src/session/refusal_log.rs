//! The lines in the log that name a refusal or an audited action. Their form is a promise: programs that bar
//! addresses (fail2ban) and people's own scripts read them. One line each:
//!
//! ```text
//! WARN refused kind=login address=192.0.2.7 user="crm" reason="the secret is wrong"
//! WARN refused kind=request address=192.0.2.7 user="crm" action="Command" rule="class command" reason="Permission denied"
//! INFO audit address=192.0.2.7 user="crm" session=0x7f00000012a4 action="Hangup" outcome=allowed headers="Channel: PJSIP/1"
//! ```
//!
//! `kind` and `address` come first and are written by amimux alone. Everything that a client can choose stands
//! behind them in quotes, cut, with quotes, backslashes, control characters and escape sequences escaped.
//! `suppressed=N` at the end says how many refusals of the same client were left out since its last line.

use std::cell::RefCell;
use std::net::IpAddr;
use std::time::Duration;

use tracing::{info, warn};

use crate::hub::AuditRecord;
use crate::hub::line_limit::LineLimit;

/// Bytes of a text from a client that are shown.
const TEXT_BYTES_MAX: usize = 80;

/// Bytes of a reason or rule that are shown.
const REASON_BYTES_MAX: usize = 200;

/// Lines about connections closed at once that are logged in a second, whoever makes them.
const CONNECTION_LINES_MAX: u32 = 100;

/// What was refused.
#[derive(Debug, Clone, Copy)]
pub enum Refusal<'a> {
    /// `kind=login`: a login that failed.
    Login {
        /// The name that the client gave.
        user: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// `kind=limit`: a login that a limit forbids.
    Limit {
        /// The name that the client gave.
        user: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// `kind=request`: a request of a client that is logged in.
    Request {
        /// Its user.
        user: &'a str,
        /// The action; empty if none was named.
        action: &'a str,
        /// What refused it.
        rule: &'a str,
        /// What the client was told.
        reason: &'a str,
    },
    /// `kind=early`: a request before any login.
    Early {
        /// The action; empty if none was named.
        action: &'a str,
        /// What the client was told.
        reason: &'a str,
    },
    /// `kind=connection`: a connection that was closed before anything was said.
    Connection {
        /// Why.
        reason: &'a str,
    },
}

/// Writes the line of a refusal. `suppressed` refusals of the same client were left out before it.
pub fn refused(address: IpAddr, refusal: Refusal<'_>, suppressed: u64) {
    let (kind, user, action, rule, reason) = match refusal {
        Refusal::Login { user, reason } => ("login", Some(user), None, None, reason),
        Refusal::Limit { user, reason } => ("limit", Some(user), None, None, reason),
        Refusal::Request {
            user,
            action,
            rule,
            reason,
        } => ("request", Some(user), Some(action), Some(rule), reason),
        Refusal::Early { action, reason } => ("early", None, Some(action), None, reason),
        Refusal::Connection { reason } => ("connection", None, None, None, reason),
    };
    warn!(
        name: "refused",
        target: "amimux::refused",
        kind = %kind,
        address = %address.to_canonical(),
        user = user.map(|text| cut(text, TEXT_BYTES_MAX)),
        action = action.map(|text| cut(text, TEXT_BYTES_MAX)),
        rule = rule.map(|text| cut(text, REASON_BYTES_MAX)),
        reason = cut(reason, REASON_BYTES_MAX),
        suppressed = (suppressed > 0).then_some(suppressed),
        "refused"
    );
}

/// The lines about connections that are closed at once: so many in a second.
#[derive(Debug)]
pub struct ConnectionLines(RefCell<LineLimit>);

impl Default for ConnectionLines {
    fn default() -> Self {
        Self(RefCell::new(LineLimit::new(CONNECTION_LINES_MAX)))
    }
}

impl ConnectionLines {
    /// Writes the line of a connection from that address, unless there were too many before it. `now` is since
    /// the program's start.
    pub fn refused(&self, now: Duration, address: IpAddr, reason: &str) {
        let admitted = self.0.borrow_mut().admit(now);
        if let Some(suppressed) = admitted {
            refused(address, Refusal::Connection { reason }, suppressed);
        }
    }
}

/// Writes the line of an audited action.
pub fn audit(record: &AuditRecord) {
    let outcome = match record.refused_by {
        None => "allowed",
        Some(_) => "refused",
    };
    let rule = record.refused_by.as_deref();
    info!(
        name: "audit",
        target: "amimux::audit",
        address = %record.address,
        user = record.user,
        session = %record.session,
        action = cut(&record.action, TEXT_BYTES_MAX),
        outcome = %outcome,
        rule = rule.map(|text| cut(text, REASON_BYTES_MAX)),
        headers = record.headers,
        "audit"
    );
}

fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What `write` logs, as the program writes it.
    fn logged(write: impl FnOnce()) -> String {
        let captured = Captured::default();
        let writer = captured.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .with_target(false)
            .without_time()
            .finish();
        tracing::subscriber::with_default(subscriber, write);
        let bytes = captured.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn address() -> IpAddr {
        "192.0.2.7".parse().unwrap()
    }

    #[test]
    fn each_kind_has_its_line() {
        let login = Refusal::Login {
            user: "crm",
            reason: "the secret is wrong",
        };
        let limit = Refusal::Limit {
            user: "crm",
            reason: "Login Already In Use",
        };
        let request = Refusal::Request {
            user: "crm",
            action: "Command",
            rule: "class command",
            reason: "Permission denied",
        };
        let early = Refusal::Early {
            action: "",
            reason: "Missing action in request",
        };
        let connection = Refusal::Connection {
            reason: "authlimit reached",
        };
        for (refusal, suppressed, expected) in [
            (
                login,
                0,
                r#"kind=login address=192.0.2.7 user="crm" reason="the secret is wrong""#,
            ),
            (
                limit,
                0,
                r#"kind=limit address=192.0.2.7 user="crm" reason="Login Already In Use""#,
            ),
            (
                request,
                17,
                r#"kind=request address=192.0.2.7 user="crm" action="Command" rule="class command" reason="Permission denied" suppressed=17"#,
            ),
            (
                early,
                1,
                r#"kind=early address=192.0.2.7 action="" reason="Missing action in request" suppressed=1"#,
            ),
            (
                connection,
                0,
                r#"kind=connection address=192.0.2.7 reason="authlimit reached""#,
            ),
        ] {
            let line = logged(|| refused(address(), refusal, suppressed));
            assert_eq!(line, format!(" WARN refused {expected}\n"));
        }
    }

    #[test]
    fn what_a_client_chooses_stays_in_its_quotes() {
        for (user, shown) in [
            (
                r#"crm" address=10.9.9.9 reason="x"#,
                r#"crm\" address=10.9.9.9 reason=\"x"#,
            ),
            ("a\nb\r\0c", r"a\nb\r\0c"),
            ("\x1b[31mred\u{9b}0m", r"\u{1b}[31mred\u{9b}0m"),
            ("a\u{202e}b\u{2028}", r"a\u{202e}b\u{2028}"),
            ("back\\slash", r"back\\slash"),
            ("zażółć", "zażółć"),
        ] {
            let refusal = Refusal::Login { user, reason: user };
            let line = logged(|| refused(address(), refusal, 0));
            assert_eq!(
                line,
                format!(
                    " WARN refused kind=login address=192.0.2.7 user=\"{shown}\" reason=\"{shown}\"\n"
                )
            );
        }
        let long = "ä".repeat(1000);
        let refusal = Refusal::Early {
            action: &long,
            reason: &long,
        };
        let line = logged(|| refused(address(), refusal, 0));
        assert_eq!(line.matches('ä').count(), (80 + 200) / 2);
    }

    #[test]
    fn an_ipv4_address_is_one_however_it_came() {
        let mapped = "::ffff:192.0.2.7".parse().unwrap();
        let line = logged(|| refused(mapped, Refusal::Connection { reason: "x" }, 0));
        assert!(line.contains(" address=192.0.2.7 "), "{line}");
    }

    #[test]
    fn audited_actions() {
        let mut record = AuditRecord {
            user: "crm".to_owned(),
            address: address(),
            session: "0x7f00000012a4".to_owned(),
            action: "Hangup".to_owned(),
            refused_by: None,
            headers: "Channel: a\nb".to_owned(),
        };
        assert_eq!(
            logged(|| audit(&record)),
            " INFO audit address=192.0.2.7 user=\"crm\" session=0x7f00000012a4 action=\"Hangup\" outcome=allowed headers=\"Channel: a\\nb\"\n"
        );
        record.refused_by = Some("class call".to_owned());
        assert_eq!(
            logged(|| audit(&record)),
            " INFO audit address=192.0.2.7 user=\"crm\" session=0x7f00000012a4 action=\"Hangup\" outcome=refused rule=\"class call\" headers=\"Channel: a\\nb\"\n"
        );
    }
}
