//! From Asterisk's banner to its first action: greeting, login, learning the action table; and the answers to
//! the hub's own actions.

use md5::{Digest, Md5};

use super::link::{OwnSession, Phase, mask_text};
use super::ring::Internal;
use super::{Hub, Notice, Now};
use crate::config::settings::AuthType;
use crate::policy::action::ActionTable;
use crate::policy::class::Classes;
use crate::protocol::frame::Frame;

/// The longest banner that is waited for.
const BANNER_BYTES_MAX: usize = 256;

impl Hub {
    /// The first line of a connection: Asterisk greets. Returns whether reading may go on.
    pub(super) fn read_banner(&mut self, now: Now) -> bool {
        let Some(end) = memchr::memchr(b'\n', &self.inbound) else {
            if self.inbound.len() > BANNER_BYTES_MAX {
                self.drop_upstream("no AMI banner: is this Asterisk's manager port?".to_owned());
            }
            return false;
        };
        let line = self.inbound.split_to(end + 1);
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if !line.starts_with("Asterisk Call Manager/") || line.len() > BANNER_BYTES_MAX {
            self.drop_upstream("no AMI banner: is this Asterisk's manager port?".to_owned());
            return false;
        }
        self.heed_banner(line);
        self.link.phase = Phase::LoggingIn;
        self.link.deadline = Some(now.since_start + self.upstream.login_timeout);
        match self.upstream.auth_type {
            AuthType::Plain => self.send_login(now, None),
            AuthType::Md5 => self.send_internal(
                now,
                Internal::Challenge,
                "Challenge",
                &[("AuthType", b"MD5")],
            ),
        }
        true
    }

    /// Asterisk is of that kind.
    pub(super) fn heed_banner(&mut self, banner: String) {
        // Asterisk 13 and older (AMI 1 and 2) end the text of a Command with a mark of its own.
        let old = ["/1.", "/2."]
            .iter()
            .any(|version| banner.contains(version));
        self.framer.expect_end_mark(old);
        self.banner = Some(banner);
    }

    fn send_login(&mut self, now: Now, challenge: Option<&[u8]>) {
        // The event of this very login tells our SessionID, by which it and what follows it can be left out.
        let wanted = self.wanted_classes().union(Classes::SECURITY);
        let mask = mask_text(wanted);
        let upstream = std::sync::Arc::clone(&self.upstream);
        let user = upstream.username.as_bytes();
        self.link.requested = wanted;
        match challenge {
            None => self.send_internal(
                now,
                Internal::Login,
                "Login",
                &[
                    ("Username", user),
                    ("Secret", upstream.secret.expose()),
                    ("Events", mask.as_bytes()),
                ],
            ),
            Some(challenge) => {
                let mut hash = Md5::new();
                hash.update(challenge);
                hash.update(upstream.secret.expose());
                let key = hash
                    .finalize()
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect::<String>();
                self.send_internal(
                    now,
                    Internal::Login,
                    "Login",
                    &[
                        ("AuthType", b"MD5"),
                        ("Username", user),
                        ("Key", key.as_bytes()),
                        ("Events", mask.as_bytes()),
                    ],
                );
            }
        }
    }

    /// A response to one of the hub's own actions.
    pub(super) fn internal_reply(&mut self, now: Now, what: Internal, frame: Frame<'_>) {
        let success = frame.name() == b"Success";
        match what {
            Internal::Challenge => match frame.get("Challenge") {
                Some(challenge) if success => self.send_login(now, Some(challenge)),
                _ => self.login_refused(frame),
            },
            Internal::Login if success => {
                self.link.confirmed = self.link.requested;
                self.link.own_session = OwnSession::Expected;
                self.link.phase = Phase::Learning;
                self.link.deadline = Some(now.since_start + self.upstream.login_timeout);
                self.send_internal(now, Internal::ListCommands, "ListCommands", &[]);
            }
            Internal::Login => self.login_refused(frame),
            Internal::ListCommands => self.learned(now, frame, success),
            Internal::Events(classes) => self.classes_confirmed(now, classes),
            Internal::Ping => {}
        }
    }

    fn login_refused(&mut self, frame: Frame<'_>) {
        let message = String::from_utf8_lossy(frame.get("Message").unwrap_or_default());
        self.link.refused = true;
        self.drop_upstream(format!(
            "Asterisk refused the login of user \"{}\" ({message}): check username and secret, and the permit/deny lines of that user in Asterisk's manager.conf",
            self.upstream.username
        ));
    }

    fn learned(&mut self, now: Now, frame: Frame<'_>, success: bool) {
        if success {
            self.table = ActionTable::learned(frame.lines().skip(1));
        } else {
            self.notice(Notice::ActionTableUnknown {
                answer: String::from_utf8_lossy(frame.get("Message").unwrap_or_default())
                    .into_owned(),
            });
        }
        if self.link.phase == Phase::Learning {
            self.link.phase = Phase::Ready;
            self.link.deadline = None;
            self.link.failures = 0;
            self.link.ready_at = now.since_start;
            self.notice(Notice::UpstreamReady {
                banner: self.banner.clone().unwrap_or_default(),
                actions: self.table.iter().count(),
            });
            self.announce_booted();
            let wanted = self.wanted_classes();
            self.ensure_classes(now, wanted);
        }
    }
}
