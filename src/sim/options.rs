//! What a simulated PBX is made of: its users, its load and its speed.

use std::time::Duration;

use crate::policy::class::Classes;
use crate::policy::secret::Secret;

/// A manager user of the simulated PBX.
#[derive(Debug, Clone)]
pub struct SimUser {
    /// Login name; compared ignoring case.
    pub name: String,
    /// The secret; plain and MD5 login both work with it.
    pub secret: Secret,
    /// Classes of events that the user may read.
    pub read: Classes,
    /// Classes of actions that the user may run.
    pub write: Classes,
    /// Whether a second session may log in while one is there (`allowmultiplelogin`).
    pub allow_multiple_login: bool,
}

impl SimUser {
    /// A user that may log in more than once.
    pub fn new(name: &str, secret: &str, read: Classes, write: Classes) -> Self {
        Self {
            name: name.to_owned(),
            secret: Secret::new(secret),
            read,
            write,
            allow_multiple_login: true,
        }
    }
}

/// Everything that decides how a simulated PBX behaves. The same options, inputs and times give the same bytes.
#[derive(Debug, Clone)]
pub struct PbxOptions {
    /// Seed of the generated calls, identifiers and challenges.
    pub seed: u64,
    /// The AMI version in the banner.
    pub ami_version: &'static str,
    /// Calls that arrive in a second, on average; 0 for none.
    pub calls_per_second: f64,
    /// Most generated calls at the same time; a call that arrives beyond it is turned away silently.
    pub max_calls: usize,
    /// Average length of a generated call, in seconds.
    pub call_seconds: f64,
    /// Who may log in.
    pub users: Vec<SimUser>,
    /// Bytes of an extra `Padding` header in every broadcast event; 0 for none.
    pub event_padding_bytes: usize,
    /// How long an originated channel rings before it is answered.
    pub answer_after: Duration,
    /// How long after the start the PBX is fully booted; logins before that see `FullyBooted` later, as a broadcast.
    pub boot_delay: Duration,
    /// How long a session may be without login (`authtimeout`).
    pub auth_timeout: Duration,
    /// Most bytes that may wait for one connection; a reader that is further behind is dropped.
    pub output_bytes_max: usize,
    /// Whether [`super::Pbx::executed`] keeps what arrived.
    pub record: bool,
    /// Seconds since 1970 at the start of the simulated clock.
    pub epoch_seconds: u64,
}

impl Default for PbxOptions {
    /// A quiet PBX with one user, `amimux` (secret `amimux-secret`), who may do everything.
    fn default() -> Self {
        let all = Classes::ALL;
        Self {
            seed: 1,
            ami_version: "11.0.0",
            calls_per_second: 0.0,
            max_calls: 10_000,
            call_seconds: 20.0,
            users: vec![SimUser::new("amimux", "amimux-secret", all, all)],
            event_padding_bytes: 0,
            answer_after: Duration::from_millis(500),
            boot_delay: Duration::ZERO,
            auth_timeout: Duration::from_secs(30),
            output_bytes_max: 16 * 1024 * 1024,
            record: false,
            epoch_seconds: 1_795_212_839,
        }
    }
}
