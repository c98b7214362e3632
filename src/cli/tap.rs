//! `amimux tap`: prints live what an application sends and receives, as the running amimux shows it over its control
//! socket.

mod transcript;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use amimux::admin::client::{ControlError, Message};
use clap::Args;

use self::transcript::Style;
use super::control::ControlArguments;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  amimux tap --user crm                 all sessions of crm, those to come included; Ctrl-C ends it
  amimux tap --session pbx/3.1          one session, as `amimux show sessions` names it
  amimux tap --user crm --count 20      the next twenty messages
  amimux tap --user crm --json          for programs: one object on each line

→ is what the application sends, ← what it receives; times are UTC. Secrets are replaced by [redacted].
Exit codes: 0 success, 1 no such user or session, 64 wrong usage, 69 amimux does not run, 77 not permitted.")]
pub(super) struct TapArguments {
    #[command(flatten)]
    whom: Whom,
    /// End after so many messages.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    #[command(flatten)]
    control: ControlArguments,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Whom {
    /// All sessions of this user, those to come included.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// One session, as `amimux show sessions` names it.
    #[arg(long, value_name = "ID")]
    session: Option<String>,
}

/// Taps until Ctrl-C, or until there are as many messages as are wanted.
pub(super) fn run(arguments: &TapArguments) -> anyhow::Result<ExitCode> {
    let mut client = arguments.control.connect()?;
    let headers = match (&arguments.whom.user, &arguments.whom.session) {
        (Some(user), _) => [("User", user.as_str())],
        (None, session) => [("Session", session.as_deref().unwrap_or_default())],
    };
    let answer = client.ask("MuxTap", &headers)?;
    super::control::warn_of_silence(&answer);
    let style = Style {
        is_json: arguments.control.is_json(),
        is_coloured: std::io::stdout().is_terminal() && has_colour(),
    };
    begin(&answer.response);
    // Messages may be long in coming.
    client.wait_for(None)?;
    let mut out = std::io::stdout();
    let mut left = arguments.count;
    while left != Some(0) {
        let message = match client.next_message() {
            Ok(message) => message,
            Err(ControlError::Closed) => return Ok(ended(&arguments.whom)),
            Err(error) => return Err(error.into()),
        };
        let text = match message.get("Event") {
            "MuxTapped" => {
                left = left.map(|left| left - 1);
                style.message(&message)
            }
            "MuxTapMissed" => style.missed(&message),
            "MuxTapEnded" => return Ok(ended(&arguments.whom)),
            _ => continue,
        };
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        if let Err(error) = written {
            // Whoever read it, such as `head`, has enough.
            if error.kind() == std::io::ErrorKind::BrokenPipe {
                return Ok(ExitCode::SUCCESS);
            }
            return Err(anyhow::Error::new(error).context("cannot write to standard output"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The end that nobody asked for: of the session, or of amimux.
fn ended(whom: &Whom) -> ExitCode {
    if whom.session.is_some() {
        super::say("amimux: the session has ended");
        ExitCode::SUCCESS
    } else {
        super::say("amimux: the tap has ended: amimux ends");
        ExitCode::FAILURE
    }
}

/// Says how it begins.
fn begin(response: &Message) {
    let left_alone = response.get("NotFollowed");
    if left_alone != "0" {
        super::say(&format!(
            "amimux: {left_alone} more sessions are too many to follow: name one with --session"
        ));
    }
    if response.get("Sessions") == "0" {
        super::say("amimux: the user has no session; waiting for one");
    }
}

/// Whether colour is wanted on a terminal.
pub(super) fn has_colour() -> bool {
    let is_unset = |name| std::env::var_os(name).is_none_or(|value| value.is_empty());
    is_unset("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
