//! `amimux filter-test`: tells an administrator what a user's event filters would do to recorded events, and what each
//! of them costs.

mod cost;

use std::io::{Read, Write};
use std::process::ExitCode;

use amimux::policy::event_filter::{Decided, EventFilter};
use amimux::policy::filter::criteria::Kind;
use amimux::policy::filter::trial::{Capture, Judge, Outcome, Row, Trial};
use anyhow::{Context, bail};
use clap::Args;

use super::explain::{classes, find_user};
use super::{ConfigArgument, exit, load, say};

/// Most bytes that are read from standard input.
const CAPTURE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Where a filter is cut in the line of an event, in characters.
const FILTER_CHARACTERS_MAX: usize = 100;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  amimux filter-test --user wallboard < captured-events
  amimux filter-test --user wallboard --cost < captured-events

Standard input has events as Asterisk sent them, up to 64 MiB: what nc or socat wrote into a
file, with or without banner and answers, or text written by hand. Nothing is sent anywhere.

Exit codes: 0 done, 1 failure, 2 wrong usage, 78 configuration error.")]
pub(super) struct FilterTestArguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// The user whose filters are tried, as its section is called.
    #[arg(short, long, value_name = "NAME")]
    user: String,
    /// Measure each filter by itself as well, and say how to write it better.
    #[arg(long)]
    cost: bool,
}

/// Tries the filters on standard input, and tells on standard output.
pub(super) fn run(arguments: &FilterTestArguments) -> anyhow::Result<ExitCode> {
    let path = &arguments.config.config;
    let (Some(settings), _) = load(path) else {
        return Ok(ExitCode::from(exit::CONFIG));
    };
    let user =
        find_user(&settings, &arguments.user).with_context(|| format!("in {}", path.display()))?;
    let capture = Capture::read(read_input()?, settings.general.frame_bytes_max);
    if capture.is_empty() {
        bail!(
            "no events on standard input; give it what Asterisk sent: amimux filter-test --user NAME < FILE"
        );
    }
    if capture.oversized > 0 {
        say(&format!(
            "amimux: {} messages are longer than maxmessage, and left out",
            capture.oversized
        ));
    }
    if capture.unfinished > 0 {
        say(&format!(
            "amimux: the last {} bytes are no whole message, and left out",
            capture.unfinished
        ));
    }
    let judge = Judge {
        read: user.read,
        filters: &user.event_filters,
        disabled: &settings.general.disabled_events,
    };
    let trial = Trial::run(judge, &capture);
    let mut text = rows(&trial);
    text.push('\n');
    text.push_str(&summary(&trial));
    if arguments.cost {
        text.push('\n');
        text.push_str(&cost::report(judge, &capture));
    }
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn read_input() -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = std::io::stdin()
        .lock()
        .take(CAPTURE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .context("cannot read standard input")?;
    if u64::try_from(read).is_ok_and(|read| read > CAPTURE_BYTES_MAX) {
        bail!("there are more than 64 MiB on standard input; try a part, as of head -c 64M");
    }
    Ok(bytes)
}

/// One line for each event, in columns.
fn rows(trial: &Trial<'_>) -> String {
    let width = |of: fn(&Row<'_>) -> usize| trial.rows.iter().map(of).max().unwrap_or(0);
    let numbers = trial.rows.len().to_string().len();
    let names = width(|row| row.name.chars().count());
    let headers = width(|row| row.header.chars().count());
    let mut text = String::new();
    for row in &trial.rows {
        let (what, why) = words(row.outcome);
        let line = format!(
            "{what:<8}  {:>numbers$}  {:<names$}  {:<headers$}  {why}",
            row.number, row.name, row.header
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// What becomes of an event, and by what.
fn words(outcome: Outcome<'_>) -> (&'static str, String) {
    match outcome {
        Outcome::Answer => (
            "answer",
            "to whoever asked, past classes and filters".to_owned(),
        ),
        Outcome::Disabled => ("kept out", "by disabledevents".to_owned()),
        Outcome::Class(missing) => (
            "kept out",
            format!("by class: read lacks {}", classes(missing)),
        ),
        Outcome::Filters(Decided::Excluded(filter)) => (
            "kept out",
            format!("by {}", named(filter, FILTER_CHARACTERS_MAX)),
        ),
        Outcome::Filters(Decided::NotIncluded) => {
            ("kept out", "since no filter takes it in".to_owned())
        }
        Outcome::Filters(Decided::Included(filter)) => (
            "sent",
            format!("by {}", named(filter, FILTER_CHARACTERS_MAX)),
        ),
        Outcome::Filters(Decided::NotExcluded) => {
            ("sent", "since no filter keeps it out".to_owned())
        }
    }
}

/// A filter with its place, cut and printable.
fn named(filter: &EventFilter, characters_max: usize) -> String {
    let text = filter.text();
    let mut shown: String = text
        .chars()
        .take(characters_max)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    if text.chars().nth(characters_max).is_some() {
        shown.push('…');
    }
    format!("{shown} ({})", filter.origin())
}

/// The sums; what is zero is left out.
fn summary(trial: &Trial<'_>) -> String {
    let counts = trial.counts;
    let mut lines = vec![
        (counts.events, "events".to_owned()),
        (counts.sent, "sent".to_owned()),
    ];
    let mut some = |count: usize, what: String| {
        if count > 0 {
            lines.push((count, what));
        }
    };
    some(counts.answers, "parts of answers".to_owned());
    some(counts.disabled, "kept out by disabledevents".to_owned());
    some(counts.class, "kept out by class".to_owned());
    let of_kind = |exclude: bool| {
        trial
            .tallies
            .iter()
            .filter(move |tally| (tally.filter.criteria().kind == Kind::Exclude) == exclude)
    };
    for tally in of_kind(true) {
        let name = named(tally.filter, usize::MAX);
        some(tally.decided, format!("kept out by {name}"));
    }
    some(
        counts.not_included,
        "kept out since no filter takes them in".to_owned(),
    );
    for tally in of_kind(false) {
        let name = named(tally.filter, usize::MAX);
        some(tally.decided, format!("taken in by {name}"));
    }
    let width = counts.events.to_string().len();
    let mut text = String::new();
    for (count, what) in lines {
        text.push_str(&format!("{count:>width$}  {what}\n"));
    }
    let never: Vec<_> = trial
        .tallies
        .iter()
        .filter(|tally| !tally.matched)
        .collect();
    if !never.is_empty() {
        text.push_str("matched nothing that the user reads:\n");
        for tally in never {
            text.push_str(&format!("  {}\n", named(tally.filter, usize::MAX)));
        }
    }
    text
}
