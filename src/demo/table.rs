//! The live table: a line per application, and what it all costs. Redrawn in place on a terminal, a block
//! every time elsewhere.

use std::fmt::Write;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::application::{Application, Counts};
use super::cost::hub_cpu;

/// What was last drawn, to tell the rates.
#[derive(Debug)]
pub(super) struct Table {
    applications: Vec<Rc<Application>>,
    last: Vec<Counts>,
    last_cpu: Option<Duration>,
    last_at: Instant,
    in_place: bool,
    drawn: bool,
}

impl Table {
    pub(super) fn new(applications: Vec<Rc<Application>>, in_place: bool) -> Self {
        Self {
            last: vec![Counts::default(); applications.len()],
            applications,
            last_cpu: None,
            last_at: Instant::now(),
            in_place,
            drawn: false,
        }
    }

    /// The table as it is now.
    pub(super) fn draw(&mut self) -> String {
        let seconds = self.last_at.elapsed().as_secs_f64().max(0.001);
        self.last_at = Instant::now();
        let mut lines = Vec::new();
        lines.push(format!(
            "{:<10} {:<26} {:>9} {:>9} {:>10} {:>10}",
            "user", "for", "events", "per s", "answers", "KiB/s"
        ));
        let mut delivered = 0;
        for (application, last) in self.applications.iter().zip(&mut self.last) {
            let counts = application.counts();
            let events = counts.events - last.events;
            delivered += events;
            lines.push(format!(
                "{:<10} {:<26} {:>9} {:>9.0} {:>10} {:>10.1}",
                application.name,
                application.purpose,
                counts.events,
                rate(events, seconds),
                counts.responses,
                rate(counts.bytes - last.bytes, seconds) / 1024.0
            ));
            *last = counts;
        }
        lines.push(self.cost_line(delivered, seconds));
        let mut text = String::new();
        if self.in_place && self.drawn {
            // Back to the table's first line: it is drawn over itself.
            let _ = write!(text, "\x1b[{}A", lines.len());
        }
        self.drawn = true;
        for line in lines {
            let erase = if self.in_place { "\x1b[K" } else { "" };
            let _ = writeln!(text, "{line}{erase}");
        }
        text
    }

    fn cost_line(&mut self, delivered: u64, seconds: f64) -> String {
        let cpu = hub_cpu();
        let spent = match (cpu, self.last_cpu) {
            (Some(now), Some(before)) => Some(now.saturating_sub(before)),
            _ => None,
        };
        self.last_cpu = cpu;
        match spent {
            None => "the proxy: measuring".to_owned(),
            Some(spent) => {
                let each = if delivered == 0 {
                    String::new()
                } else {
                    format!(
                        ", {:.1} microseconds per delivered event",
                        spent.as_secs_f64() * 1e6 / to_f64(delivered)
                    )
                };
                format!(
                    "the proxy: {:.0} events/s delivered, {:.1} % of one core{each}",
                    rate(delivered, seconds),
                    spent.as_secs_f64() / seconds * 100.0
                )
            }
        }
    }
}

fn rate(count: u64, seconds: f64) -> f64 {
    to_f64(count) / seconds
}

fn to_f64(count: u64) -> f64 {
    // Exact up to 2^32 in one second, which no demo reaches.
    u32::try_from(count).map_or(f64::MAX, f64::from)
}
