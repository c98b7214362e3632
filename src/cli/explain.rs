//! `amimux explain`: tells an administrator what a user may do and see, and why, by asking what decides for clients.

use std::io::Write;
use std::net::IpAddr;
use std::process::ExitCode;

use amimux::config::settings::Settings;
use amimux::policy::action::ActionTable;
use amimux::policy::class::Classes;
use amimux::policy::explain::{self, Explanation};
use amimux::policy::user::User;
use anyhow::{Context, bail};
use clap::Args;

use super::{ConfigArgument, exit, load};

/// The exit code when something would be refused.
const EXIT_REFUSED: u8 = 1;

/// Width of the column that says what is looked at.
const LABEL_WIDTH: usize = 22;

/// Where names are broken into lines.
const LINE_WIDTH: usize = 108;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  amimux explain --user wallboard
  amimux explain --user crm --address 192.0.2.7
  amimux explain --user crm Originate 'Channel: PJSIP/100' 'Application: System'

The actions are those of all versions of Asterisk; while one is connected, its own list counts.
Nothing is sent anywhere.

Exit codes: 0 allowed, 1 refused, 2 wrong usage, 78 configuration error.")]
pub(super) struct ExplainArguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// The user, as its section is called.
    #[arg(short, long, value_name = "NAME")]
    user: String,
    /// The address that the user would log in from.
    #[arg(short, long, value_name = "IP")]
    address: Option<IpAddr>,
    /// An action that the user would run; without it, everything that it may run and read is listed, with its event filters.
    #[arg(value_name = "ACTION")]
    action: Option<String>,
    /// Headers of that action, as the application would send them.
    #[arg(value_name = "HEADER: VALUE", requires = "action")]
    headers: Vec<String>,
}

/// Explains, on standard output.
pub(super) fn run(arguments: &ExplainArguments) -> anyhow::Result<ExitCode> {
    let path = &arguments.config.config;
    let (Some(settings), _) = load(path) else {
        return Ok(ExitCode::from(exit::CONFIG));
    };
    let user =
        find_user(&settings, &arguments.user).with_context(|| format!("in {}", path.display()))?;
    let table = ActionTable::builtin();
    let mut page = Page::default();
    page.line(
        "user",
        &format!("{}, of upstream {}", user.name, user.upstream),
    );
    let mut allowed = true;
    if let Some(address) = arguments.address {
        let connection = explain::connection(&settings.general.acl, address);
        if !connection.findings.is_empty() {
            allowed &= page.explanation("connection", &connection);
        }
        allowed &= page.explanation("login", &explain::login(user, address));
    }
    match &arguments.action {
        Some(action) => {
            let text = request_text(action, &arguments.headers)?;
            let explanation = explain::request(&table, user, text.as_bytes());
            allowed &= page.explanation("request", &explanation);
            page.forwarded(user, &explanation);
        }
        None => {
            page.line("write", &classes(user.write));
            page.names("may run", &explain::actions(&table, user));
            page.line("read", &classes(user.read));
            page.names("may read", &explain::events(user));
            page.event_filters(user);
        }
    }
    std::io::stdout().write_all(page.text.as_bytes())?;
    Ok(match allowed {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(EXIT_REFUSED),
    })
}

/// The user of that name, or an error that names those that exist.
pub(super) fn find_user<'s>(settings: &'s Settings, name: &str) -> anyhow::Result<&'s User> {
    if let Some(user) = settings.users.get(name.as_bytes()) {
        return Ok(user);
    }
    let mut names: Vec<_> = settings.users.iter().map(|user| &*user.name).collect();
    names.sort_unstable();
    bail!("there is no user {name:?}; there are: {}", names.join(", "))
}

/// The request as an application would write it.
fn request_text(action: &str, headers: &[String]) -> anyhow::Result<String> {
    let mut text = format!("Action: {action}\r\n");
    for header in headers {
        if !header.contains(':') {
            bail!("{header:?} is not a header: write 'Name: value'");
        }
        text.push_str(header);
        text.push_str("\r\n");
    }
    let lines = text.matches("\r\n").count();
    if text.contains('\0')
        || lines != headers.len() + 1
        || text.matches(['\r', '\n']).count() != 2 * lines
    {
        bail!("a header cannot contain a line end or a NUL");
    }
    Ok(text)
}

/// Classes in words.
pub(super) fn classes(classes: Classes) -> String {
    match classes {
        Classes::NONE => "nothing".to_owned(),
        Classes::ALL => "all".to_owned(),
        some => some.to_string(),
    }
}

/// What is printed: lines of two columns.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, label: &str, text: &str) {
        // Names and values are the configuration's or the command line's: they must not steer the terminal.
        let safe: String = text
            .chars()
            .map(|character| {
                if character.is_control() {
                    '?'
                } else {
                    character
                }
            })
            .collect();
        self.text
            .push_str(&format!("{label:<LABEL_WIDTH$}  {safe}\n"));
    }

    fn explanation(&mut self, what: &str, explanation: &Explanation) -> bool {
        for finding in &explanation.findings {
            self.line(&format!("  {}", finding.what), &finding.says);
        }
        match &explanation.message {
            None => self.line(what, "ALLOWED"),
            Some(message) => self.line(what, &format!("REFUSED: {message}")),
        }
        explanation.allowed
    }

    fn forwarded(&mut self, user: &User, explanation: &Explanation) {
        for line in &explanation.forwarded {
            self.line("  to Asterisk", line);
        }
        let originates = explanation
            .forwarded
            .first()
            .is_some_and(|line| line.eq_ignore_ascii_case("Action: Originate"));
        if originates && !user.set_variables.is_empty() {
            // The values may be keys.
            let names: Vec<_> = user.set_variables.iter().map(|(name, _)| &**name).collect();
            self.line(
                "  to Asterisk",
                &format!("variables of setvar: {}", names.join(", ")),
            );
        }
    }

    fn event_filters(&mut self, user: &User) {
        let mut label = "event filters";
        for filter in user.event_filters.iter() {
            self.line(label, &format!("{} ({})", filter.text(), filter.origin()));
            label = "";
        }
    }

    fn names(&mut self, label: &str, names: &[&str]) {
        if names.is_empty() {
            return self.line(label, "nothing");
        }
        let mut label = label.to_owned();
        let mut row = String::new();
        for name in names {
            if LABEL_WIDTH + row.len() + name.len() + 4 > LINE_WIDTH {
                self.line(&std::mem::take(&mut label), &std::mem::take(&mut row));
            }
            if !row.is_empty() {
                row.push_str(", ");
            }
            row.push_str(name);
        }
        self.line(&label, &row);
    }
}
