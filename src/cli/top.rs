//! `amimux top`: a live view of the running amimux, as a client of its control socket: Asterisks, clients, totals.

mod keys;
mod layout;
mod rates;
mod sample;
mod screen;
mod table;
mod worker;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use amimux::daemon::termination;
use anyhow::Context;
use clap::Args;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};

use self::keys::{Sort, Wishes};
use self::layout::Shown;
use self::rates::Picture;
use self::sample::{Query, Sample};
use self::worker::{Outcome, Worker};
use super::control::{ControlArguments, print};
use super::exit::UsageError;

/// How soon a key or a signal is noticed.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Clients that are asked for beyond those that fit, so that the order may change between two answers.
const CLIENTS_SPARE: usize = 20;

/// The size of a frame that no terminal shows.
const PLAIN_WIDTH: usize = 132;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  amimux top                            live; q ends it
  amimux top --sort rate --user crm     the busiest clients of users like crm first
  amimux top --once                     one frame as plain text, for scripts

Keys: q or Ctrl-C quit; s and S, Tab, arrows: sort by the next or previous column; l lag, b bytes/s, i in flight,
u user, a address, t login; / filter by user, Esc all users. The column that sorts has a star.
Exit codes: 0 success, 64 wrong usage, 69 amimux does not run, 77 not permitted.")]
pub(super) struct TopArguments {
    /// Seconds between two looks, from 0.2 to 3600.
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
    interval: f64,
    /// Print one frame as plain text and end; it takes one interval, because rates need two looks.
    #[arg(long)]
    once: bool,
    /// Which clients stand first.
    #[arg(long, value_enum, default_value_t = Sort::Lag)]
    sort: Sort,
    /// Clients of users whose name has this in it only.
    #[arg(long, value_name = "TEXT", default_value = "")]
    user: String,
    /// Clients that --once prints at most.
    #[arg(long, value_name = "N", default_value_t = 50)]
    rows: u16,
    #[command(flatten)]
    control: ControlArguments,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse::<f64>().map_err(|error| error.to_string())?;
    if (0.2..=3600.0).contains(&seconds) {
        Ok(seconds)
    } else {
        Err("not between 0.2 and 3600".to_owned())
    }
}

/// Shows it until the user has enough.
pub(super) fn run(arguments: &TopArguments) -> anyhow::Result<ExitCode> {
    let has_terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    let usage = |text: &str| Err(UsageError(text.to_owned()).into());
    if arguments.control.is_json() {
        return usage("amimux top prints no JSON; try: amimux status --json");
    }
    if !(arguments.once || has_terminal) {
        return usage("amimux top needs a terminal; try: amimux top --once");
    }
    // If amimux does not run at all, that is said at once, on a terminal that is as it was.
    let client = arguments.control.connect()?;
    let worker = Worker::start(arguments.control.clone(), client);
    let interval = Duration::from_secs_f64(arguments.interval);
    let mut view = View::new(Wishes::new(arguments.sort, arguments.user.clone()));
    if arguments.once {
        return once(worker, &mut view, interval, arguments.rows.into());
    }
    let is_over = on_signal()?;
    // From here on, a panic puts the terminal back as well.
    let mut terminal = ratatui::try_init().context("cannot use this terminal")?;
    let result = live(&mut terminal, worker, &mut view, interval, &is_over);
    let restored = ratatui::try_restore().context("cannot restore the terminal");
    result.and(restored)?;
    Ok(ExitCode::SUCCESS)
}

fn once(
    mut worker: Worker,
    view: &mut View,
    interval: Duration,
    rows: usize,
) -> anyhow::Result<ExitCode> {
    for look in 0..2 {
        if look > 0 {
            thread::sleep(interval);
        }
        worker.ask(view.query(rows));
        view.take(Ok(worker.wait()?));
    }
    if let Some(picture) = &mut view.picture {
        picture.clients.truncate(rows);
    }
    // As many lines as it takes.
    print(&layout::text(view.shown(), PLAIN_WIDTH, usize::MAX))?;
    Ok(ExitCode::SUCCESS)
}

/// What is known, and what is wished.
struct View {
    wishes: Wishes,
    latest: Option<Sample>,
    picture: Option<Picture>,
    lost: Option<String>,
}

impl View {
    const fn new(wishes: Wishes) -> Self {
        Self {
            wishes,
            latest: None,
            picture: None,
            lost: None,
        }
    }

    fn query(&self, rows: usize) -> Query {
        Query {
            sort: self.wishes.sort,
            filter: self.wishes.filter.clone(),
            limit: rows + CLIENTS_SPARE,
        }
    }

    /// What was last known stays to be seen while amimux cannot be asked.
    fn take(&mut self, outcome: Outcome) {
        match outcome {
            Ok(sample) => {
                let before = self.latest.as_ref();
                self.picture = Some(rates::picture(before, &sample, self.wishes.sort));
                self.latest = Some(sample);
                self.lost = None;
            }
            Err(error) => self.lost = Some(error.to_string()),
        }
    }

    fn shown(&self) -> Shown<'_> {
        Shown {
            picture: self.picture.as_ref(),
            wishes: &self.wishes,
            lost: self.lost.as_deref(),
        }
    }
}

/// Set by SIGTERM and SIGINT, so that the terminal is put back then, too.
fn on_signal() -> anyhow::Result<Arc<AtomicBool>> {
    let is_over = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let told = Arc::clone(&is_over);
    thread::spawn(move || {
        if runtime.block_on(termination()).is_ok() {
            told.store(true, Ordering::Relaxed);
        }
    });
    Ok(is_over)
}

fn live(
    terminal: &mut DefaultTerminal,
    mut worker: Worker,
    view: &mut View,
    interval: Duration,
    is_over: &AtomicBool,
) -> anyhow::Result<()> {
    let is_coloured = super::tap::has_colour();
    let mut ask_at = Instant::now();
    let mut is_changed = true;
    while !view.wishes.is_over && !is_over.load(Ordering::Relaxed) {
        if let Some(outcome) = worker.outcome() {
            view.take(outcome);
            is_changed = true;
        }
        if Instant::now() >= ask_at {
            let rows = terminal.size()?.height;
            worker.ask(view.query(rows.into()));
            ask_at = Instant::now() + interval;
        }
        if std::mem::take(&mut is_changed) {
            terminal.draw(|frame| screen::draw(frame, view.shown(), is_coloured))?;
        }
        let wait = ask_at.saturating_duration_since(Instant::now());
        if !event::poll(wait.min(LOOK_EVERY))? {
            continue;
        }
        is_changed = true;
        if let Event::Key(key) = event::read()?
            && key.kind != KeyEventKind::Release
        {
            let before = view.wishes.clone();
            view.wishes.press(key);
            if before.sort != view.wishes.sort || before.filter != view.wishes.filter {
                // Other clients may stand first now.
                ask_at = Instant::now();
            }
        }
    }
    Ok(())
}
