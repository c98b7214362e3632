//! `amimux show`: asks the running amimux and prints what it says, in the shapes of Asterisk's own command line where
//! that has them.

mod asterisk;
mod tables;

use std::process::ExitCode;

use amimux::admin::client::{Answer, ControlError};
use clap::{Args, Subcommand};

use super::control::{ControlArguments, json, print, warn_of_silence};

#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  amimux show connected                 who is logged in, as `manager show connected`
  amimux show sessions --user crm       the names that `amimux kick` takes
  amimux show user crm --full           everything that crm may do
  amimux show upstreams --json          for programs

users, user, settings, connected, commands and command are printed as Asterisk's own `manager show ...`.
Exit codes: 0 success, 1 no such thing, 64 wrong usage, 69 amimux does not run, 77 not permitted."
)]
pub(super) struct ShowArguments {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    control: ControlArguments,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The users.
    Users,
    /// What one user may do.
    User {
        /// Its name.
        name: String,
        /// Everything, not only what Asterisk would show.
        #[arg(long)]
        full: bool,
    },
    /// The settings of [general] in force.
    Settings {
        /// Every option, not only what Asterisk would show.
        #[arg(long)]
        full: bool,
    },
    /// Who is logged in.
    Connected,
    /// Who is logged in, by the names that `amimux kick` takes.
    Sessions {
        /// Those of this user only.
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// Those of this Asterisk only.
        #[arg(long, value_name = "NAME")]
        upstream: Option<String>,
    },
    /// The actions that there are.
    Commands {
        /// Of this Asterisk; the first without it.
        #[arg(long, value_name = "NAME")]
        upstream: Option<String>,
    },
    /// One action.
    Command {
        /// Its name.
        name: String,
        /// Of this Asterisk; the first without it.
        #[arg(long, value_name = "NAME")]
        upstream: Option<String>,
    },
    /// The Asterisks and the connections to them.
    Upstreams,
    /// What groups of sessions see in common.
    Views,
    /// The event filters in force.
    Filters,
}

impl What {
    /// The action that is asked, and its headers.
    fn request(&self) -> (&'static str, Vec<(&'static str, &str)>) {
        match self {
            Self::Users => ("MuxUsers", Vec::new()),
            Self::User { name, .. } => ("MuxUsers", vec![("User", name.as_str())]),
            Self::Settings { .. } => ("MuxSettings", Vec::new()),
            Self::Connected => ("MuxSessions", Vec::new()),
            Self::Sessions { user, upstream } => (
                "MuxSessions",
                [given("User", user), given("Upstream", upstream)].concat(),
            ),
            Self::Commands { upstream } | Self::Command { upstream, .. } => {
                ("MuxCommands", given("Upstream", upstream))
            }
            Self::Upstreams => ("MuxUpstreams", Vec::new()),
            Self::Views => ("MuxViews", Vec::new()),
            Self::Filters => ("MuxFilters", Vec::new()),
        }
    }

    /// The answer as text.
    fn text(&self, answer: &Answer) -> String {
        let items = answer.items.as_slice();
        match self {
            Self::Users => asterisk::users(items),
            Self::User { full, .. } => {
                let users = items.iter();
                users.map(|user| asterisk::user(user, *full)).collect()
            }
            Self::Settings { full: true } => tables::settings(items),
            Self::Settings { full: false } => asterisk::settings(answer),
            Self::Connected => asterisk::connected(items),
            Self::Sessions { .. } => tables::sessions(items),
            Self::Commands { .. } => asterisk::commands(items),
            Self::Command { .. } => items.iter().map(asterisk::command).collect(),
            Self::Upstreams => tables::upstreams(items),
            Self::Views => tables::views(items),
            Self::Filters => tables::filters(answer),
        }
    }
}

/// A header, if there is a value for it.
fn given<'a>(name: &'static str, value: &'a Option<String>) -> Vec<(&'static str, &'a str)> {
    let value = value.as_deref();
    value.map(|value| (name, value)).into_iter().collect()
}

/// Shows it.
pub(super) fn run(arguments: &ShowArguments) -> anyhow::Result<ExitCode> {
    let what = &arguments.what;
    let (action, headers) = what.request();
    let mut answer = match arguments.control.ask(action, &headers) {
        Err(ControlError::Refused(_)) if matches!(what, What::User { .. }) => Answer::default(),
        answer => answer?,
    };
    if let What::Command { name, .. } = what {
        let is_meant = |item: &str| item.eq_ignore_ascii_case(name);
        answer.items.retain(|item| is_meant(item.get("Name")));
    }
    if let What::User { name, .. } | What::Command { name, .. } = what
        && answer.items.is_empty()
    {
        super::say(&match what {
            // Asterisk's own words.
            What::User { .. } => format!("There is no manager called {name}"),
            _ => format!("There is no action called {name}"),
        });
        return Ok(ExitCode::FAILURE);
    }
    warn_of_silence(&answer);
    print(&if arguments.control.is_json() {
        json(&answer)
    } else {
        what.text(&answer)
    })?;
    Ok(ExitCode::SUCCESS)
}
