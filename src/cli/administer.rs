//! The commands that change a running amimux, and `amimux status`.

use std::process::ExitCode;

use amimux::admin::client::{Answer, ControlError};
use clap::Args;

use super::control::{ControlArguments, json, print, warn_of_silence};
use super::say;

#[derive(Debug, Args)]
pub(super) struct StatusArguments {
    #[command(flatten)]
    control: ControlArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  amimux kick pbx/12.40          one session; amimux show sessions lists their names
  amimux kick --user crm         all sessions of a user

Who was disconnected may log in again: remove the user, or change its secret, and reload.")]
pub(super) struct KickArguments {
    /// The session, as `amimux show sessions` names it.
    #[arg(required_unless_present = "user", conflicts_with = "user")]
    session: Option<String>,
    /// All sessions of this user.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    #[command(flatten)]
    control: ControlArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  amimux log debug                       everything in detail
  amimux log info,amimux::session=debug  one part in detail
  amimux log info                        as it was

It holds until amimux is started again.")]
pub(super) struct LogArguments {
    /// What to log: error, warn, info, debug, trace, or a filter.
    filter: String,
    #[command(flatten)]
    control: ControlArguments,
}

#[derive(Debug, Args)]
pub(super) struct ReloadArguments {
    /// Change nothing; tell what would change.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    control: ControlArguments,
}

/// `amimux status`.
pub(super) fn status(arguments: &StatusArguments) -> anyhow::Result<ExitCode> {
    let control = &arguments.control;
    let answer = control.ask("MuxStatus", &[])?;
    warn_of_silence(&answer);
    if control.is_json() {
        print(&json(&answer))?;
        return Ok(ExitCode::SUCCESS);
    }
    let status = &answer.response;
    let get = |name| status.get(name);
    print(&format!(
        "amimux {}, process {}, up for {}\n{} of {} upstreams ready, {} sessions, {} users\n\
         {} events, {} a second; {} actions to Asterisk, {} answered here, {} refused\n",
        get("Version"),
        get("Process"),
        elapsed(get("Uptime")),
        get("UpstreamsReady"),
        get("Upstreams"),
        get("Sessions"),
        get("Users"),
        get("Events"),
        get("EventsPerSecond"),
        get("Forwarded"),
        get("AnsweredHere"),
        get("Refused"),
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Seconds in words.
fn elapsed(seconds: &str) -> String {
    let seconds: u64 = seconds.parse().unwrap_or_default();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// `amimux kick`.
pub(super) fn kick(arguments: &KickArguments) -> anyhow::Result<ExitCode> {
    let target = match (&arguments.session, &arguments.user) {
        (Some(session), _) => ("Session", session.as_str()),
        (None, user) => ("User", user.as_deref().unwrap_or_default()),
    };
    let control = &arguments.control;
    let answer = control.ask("MuxKick", &[target])?;
    done(control, &answer, |answer| {
        let count = answer.response.get("Kicked").parse().unwrap_or_default();
        format!("ended {}\n", super::counted(count, "session"))
    })
}

/// `amimux log`.
pub(super) fn log(arguments: &LogArguments) -> anyhow::Result<ExitCode> {
    let control = &arguments.control;
    let answer = control.ask("MuxSetLog", &[("Filter", &arguments.filter)])?;
    done(control, &answer, |answer| {
        let before = answer.response.get("Before");
        format!("logs {} (before: {before})\n", arguments.filter)
    })
}

/// `amimux reload`.
pub(super) fn reload(arguments: &ReloadArguments) -> anyhow::Result<ExitCode> {
    let control = &arguments.control;
    let headers: &[_] = if arguments.dry_run {
        &[("DryRun", "yes")]
    } else {
        &[]
    };
    let mut client = control.connect()?;
    let id = client.send("MuxReload", headers)?;
    let answer = match client.answer(&id) {
        Err(ControlError::RefusedFor(text, reasons)) => {
            say(&format!("amimux: {text}"));
            for reason in reasons {
                say(&reason);
            }
            return Ok(ExitCode::from(super::exit::CONFIG));
        }
        answer => answer?,
    };
    for item in &answer.items {
        if !item.get("Warning").is_empty() {
            say(item.get("Warning"));
        }
    }
    done(control, &answer, |answer| {
        let changes = answer.items.iter().map(|item| item.get("Change"));
        let changes: Vec<_> = changes.filter(|change| !change.is_empty()).collect();
        let mut text: String = changes.iter().map(|change| format!("{change}\n")).collect();
        let count = super::counted(changes.len(), "change");
        text.push_str(&match arguments.dry_run {
            true => format!("would make {count}\n"),
            false => format!("reloaded, {count}\n"),
        });
        text
    })
}

fn done(
    control: &ControlArguments,
    answer: &Answer,
    text: impl FnOnce(&Answer) -> String,
) -> anyhow::Result<ExitCode> {
    warn_of_silence(answer);
    print(&if control.is_json() {
        json(answer)
    } else {
        text(answer)
    })?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_words() {
        for (seconds, expected) in [
            ("7", "7 s"),
            ("61", "1 min"),
            ("3661", "1 h 1 min"),
            ("90000", "1 d 1 h"),
        ] {
            assert_eq!(elapsed(seconds), expected);
        }
    }
}
