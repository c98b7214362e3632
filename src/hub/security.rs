//! Security events: what clients that read class `security` are told about logins and refusals, in
//! Asterisk's form, with amimux's own users and connections in them. Pure: the time comes with the event.
//! Source: `main/security_events.c` (the tables of headers), `main/manager.c` (`report_auth_success` and its
//! neighbours), and what Asterisk 22 sends.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::BytesMut;

use crate::policy::credential::LoginFailure;
use crate::policy::decision::Rule;
use crate::policy::rights::Guards;
use crate::protocol::writer::{MessageWriter, Text};

/// Bytes of `RequestType` that Asterisk keeps: its buffer has 64.
const REQUEST_TYPE_BYTES_MAX: usize = 63;

/// One client's connection, as log lines and security events name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) number: u64,
    pub(super) encrypted: bool,
}

impl Connection {
    /// A connection to `local` from `remote`. `random` becomes the SessionID: nobody can guess it. An IPv4
    /// address in IPv6 form counts as the IPv4 address.
    pub fn new(local: SocketAddr, remote: SocketAddr, random: u64) -> Self {
        let canonical =
            |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
        Self {
            local: canonical(local),
            remote: canonical(remote),
            // As many digits as the pointers have that Asterisk shows.
            number: random & 0x7fff_ffff_ffff | 0x1000_0000_0000,
            encrypted: false,
        }
    }

    /// The same connection, over TLS.
    #[must_use]
    pub const fn over_tls(self) -> Self {
        Self {
            encrypted: true,
            ..self
        }
    }

    /// Where the client is.
    pub const fn address(&self) -> IpAddr {
        self.remote.ip()
    }

    /// Where the client is, with its port.
    pub const fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Whether it is over TLS.
    pub const fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// One of its addresses: `IPV4/TCP/192.0.2.7/5038` or `IPV4/TLS/192.0.2.7/5039`
    /// (`main/manager.c`, `mansession_get_transport`).
    fn written(&self, address: SocketAddr) -> String {
        let family = if address.is_ipv4() { "IPV4" } else { "IPV6" };
        let transport = if self.encrypted { "TLS" } else { "TCP" };
        format!("{family}/{transport}/{}/{}", address.ip(), address.port())
    }

    /// The SessionID.
    pub fn session_id(&self) -> String {
        format!("{:#x}", self.number)
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// A login.
    SuccessfulAuth,
    /// There is no such user.
    InvalidAccountId,
    /// The user may not log in from there.
    FailedAcl,
    /// The secret was wrong.
    InvalidPassword,
    /// The key was wrong.
    ChallengeResponseFailed {
        /// The digits that the client was given.
        challenge: Box<[u8]>,
        /// The key that it sent.
        response: Box<[u8]>,
    },
    /// The user is logged in already and may only be so once.
    SessionLimit,
    /// The client may not run this action.
    RequestNotAllowed(Box<[u8]>),
    /// There is no such action; or none was named: `NONE`.
    RequestBadFormat(Box<[u8]>),
}

impl Happening {
    /// What a failed login is told as. Asterisk tells nothing of those that never came to comparing a secret, so
    /// that nothing is told either of those that `authtype` or `secrethash` ends before there is anything to compare.
    pub fn of_login(failure: LoginFailure, challenge: &[u8], response: &[u8]) -> Option<Self> {
        match failure {
            LoginFailure::UnknownUser => Some(Self::InvalidAccountId),
            LoginFailure::Address => Some(Self::FailedAcl),
            // A certificate is a proof as a secret is, of which Asterisk knows nothing.
            LoginFailure::WrongSecret
            | LoginFailure::NoCertificate
            | LoginFailure::WrongCertificate => Some(Self::InvalidPassword),
            LoginFailure::WrongKey => Some(Self::ChallengeResponseFailed {
                challenge: challenge.into(),
                response: response.into(),
            }),
            LoginFailure::NoUsername
            | LoginFailure::NoSecret
            | LoginFailure::NoChallenge
            | LoginFailure::NoKey
            | LoginFailure::Md5Forbidden
            | LoginFailure::PlainForbidden
            | LoginFailure::Md5OfHash => None,
        }
    }

    /// What a refused request is told as. Asterisk tells nothing of what it refuses inside an action, so neither
    /// does amimux of a user who is judged as Asterisk judges.
    pub fn of_rule(rule: &Rule, action: Option<&[u8]>, guards: Guards) -> Option<Self> {
        let name = action.unwrap_or(b"NONE");
        match rule {
            Rule::Guard(_) if guards == Guards::Asterisk => None,
            Rule::Class(_) | Rule::OpenActions | Rule::ActionFilter(_) | Rule::Guard(_) => {
                Some(Self::RequestNotAllowed(name.into()))
            }
            Rule::NoAction | Rule::UnknownAction => Some(Self::RequestBadFormat(name.into())),
            Rule::Format => None,
        }
    }

    const fn name(&self) -> Text<'static> {
        match self {
            Self::SuccessfulAuth => Text::fixed("SuccessfulAuth"),
            Self::InvalidAccountId => Text::fixed("InvalidAccountID"),
            Self::FailedAcl => Text::fixed("FailedACL"),
            Self::InvalidPassword => Text::fixed("InvalidPassword"),
            Self::ChallengeResponseFailed { .. } => Text::fixed("ChallengeResponseFailed"),
            Self::SessionLimit => Text::fixed("SessionLimit"),
            Self::RequestNotAllowed(_) => Text::fixed("RequestNotAllowed"),
            Self::RequestBadFormat(_) => Text::fixed("RequestBadFormat"),
        }
    }

    /// Whether the event names the user that a client claims to be: Asterisk does before it compares a key.
    const fn names_claimed_user(&self) -> bool {
        matches!(
            self,
            Self::InvalidAccountId | Self::FailedAcl | Self::InvalidPassword
        )
    }
}

/// One security event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityEvent {
    happening: Happening,
    account: Box<[u8]>,
    connection: Connection,
    at: Duration,
    session_start: Duration,
}

impl SecurityEvent {
    /// About a session that is logged in. `account` is the user's name as the client wrote it; the times are
    /// since 1970.
    pub fn of_session(
        happening: Happening,
        account: &[u8],
        connection: Connection,
        at: Duration,
        session_start: Duration,
    ) -> Self {
        Self {
            happening,
            account: account.into(),
            connection,
            at,
            session_start,
        }
    }

    /// About a connection that is not logged in; `username` is what it claims to be called. As in Asterisk's
    /// events, the session began in 1970, and most of them leave `AccountID` empty.
    pub fn before_login(
        happening: Happening,
        username: &[u8],
        connection: Connection,
        at: Duration,
    ) -> Self {
        let account = if happening.names_claimed_user() {
            username
        } else {
            b""
        };
        Self::of_session(happening, account, connection, at, Duration::ZERO)
    }

    /// The event's name.
    pub const fn name(&self) -> &'static [u8] {
        self.happening.name().as_bytes()
    }

    /// Appends the event; with `stamp`, as Asterisk does where `timestampevents` is on.
    pub fn write(&self, out: &mut BytesMut, stamp: bool) {
        let at = iso_time(self.at);
        let session_start = iso_time(self.session_start);
        let session = self.connection.session_id();
        let local = self.connection.written(self.connection.local);
        let remote = self.connection.written(self.connection.remote);
        let account = safe(&self.account);
        let bad_format = matches!(self.happening, Happening::RequestBadFormat(_));
        let mut writer = MessageWriter::event(out, self.happening.name())
            .header(Text::fixed("Privilege"), Text::fixed("security,all"));
        if stamp {
            let stamp = format!("{}.{:06}", self.at.as_secs(), self.at.subsec_micros());
            writer = writer.header(Text::fixed("Timestamp"), text(stamp.as_bytes()));
        }
        let (severity, version) = match self.happening {
            Happening::SuccessfulAuth => (Text::fixed("Informational"), Text::fixed("1")),
            Happening::InvalidPassword => (Text::fixed("Error"), Text::fixed("2")),
            _ => (Text::fixed("Error"), Text::fixed("1")),
        };
        writer = writer
            .header(Text::fixed("EventTV"), text(at.as_bytes()))
            .header(Text::fixed("Severity"), severity)
            .header(Text::fixed("Service"), Text::fixed("AMI"))
            .header(Text::fixed("EventVersion"), version);
        if !bad_format {
            writer = writer.header(Text::fixed("AccountID"), text(&account));
        }
        writer = writer
            .header(Text::fixed("SessionID"), text(session.as_bytes()))
            .header(Text::fixed("LocalAddress"), text(local.as_bytes()))
            .header(Text::fixed("RemoteAddress"), text(remote.as_bytes()));
        writer = self
            .write_particulars(writer)
            .header(Text::fixed("SessionTV"), text(session_start.as_bytes()));
        if bad_format {
            writer = writer.header(Text::fixed("AccountID"), text(&account));
        }
        writer.finish();
    }

    /// The headers that only this event has.
    fn write_particulars<'o>(&self, writer: MessageWriter<'o>) -> MessageWriter<'o> {
        match &self.happening {
            Happening::SuccessfulAuth => {
                writer.header(Text::fixed("UsingPassword"), Text::fixed("0"))
            }
            // Asterisk adds ExpectedResponse, from which the secret can be guessed at leisure: left out.
            Happening::ChallengeResponseFailed {
                challenge,
                response,
            } => writer
                .header(Text::fixed("Challenge"), text(&safe(challenge)))
                .header(Text::fixed("Response"), text(&safe(response))),
            Happening::RequestNotAllowed(name) | Happening::RequestBadFormat(name) => {
                let kind = [b"Action: ", &**name].concat();
                let kind = kind.get(..REQUEST_TYPE_BYTES_MAX).unwrap_or(&kind);
                writer.header(Text::fixed("RequestType"), text(&safe(kind)))
            }
            _ => writer,
        }
    }
}

/// What is [`safe`] is always text.
fn text(bytes: &[u8]) -> Text<'_> {
    Text::new(bytes).unwrap_or(Text::fixed(""))
}

/// What a client sent, with `?` for every control character and every byte that is not UTF-8.
fn safe(bytes: &[u8]) -> Vec<u8> {
    let mut safe = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            let shown = if character.is_control() {
                '?'
            } else {
                character
            };
            safe.extend_from_slice(shown.encode_utf8(&mut [0; 4]).as_bytes());
        }
        safe.extend(chunk.invalid().iter().map(|_| b'?'));
    }
    safe
}

/// A time since 1970 as `2026-11-20T22:04:57.425+0000`.
fn iso_time(time: Duration) -> String {
    const DAY_SECONDS: u64 = 24 * 3600;
    let (year, month, day) = civil_date(time.as_secs() / DAY_SECONDS);
    let second = time.as_secs() % DAY_SECONDS;
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}+0000",
        second / 3600,
        second / 60 % 60,
        second % 60,
        time.subsec_millis()
    )
}

/// Year, month and day of that many days after 1970-01-01. Years are counted from March, so that the day that
/// some years have more comes last (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
const fn civil_date(days: u64) -> (u64, u64, u64) {
    const ERA_DAYS: u64 = 146_097;
    // From 0000-03-01 to 1970-01-01.
    let days = days + 719_468;
    let (era, day_of_era) = (days / ERA_DAYS, days % ERA_DAYS);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / (ERA_DAYS - 1)) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, next_year) = if month_from_march < 10 {
        (month_from_march + 3, 0)
    } else {
        (month_from_march - 9, 1)
    };
    (era * 400 + year_of_era + next_year, month, day)
}

#[cfg(test)]
mod tests;
