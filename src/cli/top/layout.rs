//! A frame as lines of text, each with what kind it is: for a terminal and for scripts alike. Nothing here knows a
//! terminal.

use super::keys::{Sort, Wishes};
use super::rates::{ClientRow, Picture, Rate, UpstreamRow};
use super::table::{self, Column};

/// What a line is, so that a terminal can show it so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Totals.
    Total,
    /// The heading of a table.
    Heading,
    /// Anything else.
    Plain,
    /// A client that is behind.
    Behind,
    /// Something is wrong.
    Wrong,
    /// Which keys there are.
    Help,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) kind: Kind,
    pub(super) text: String,
}

/// What a frame is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'a> {
    /// Nothing until amimux was asked.
    pub(super) picture: Option<&'a Picture>,
    pub(super) wishes: &'a Wishes,
    /// Why amimux cannot be asked now.
    pub(super) lost: Option<&'a str>,
}

/// The frame for a terminal of this size: never more lines, never longer ones. The last line tells the keys.
pub(super) fn frame(shown: Shown<'_>, width: usize, height: usize) -> Vec<Line> {
    let help = help(shown.wishes, width);
    let mut lines = body(shown, width, height.saturating_sub(1));
    lines.truncate(height.saturating_sub(1));
    let missing = height.saturating_sub(lines.len() + 1);
    lines.extend((0..missing).map(|_| line(Kind::Plain, String::new())));
    if height > 0 {
        lines.push(line(Kind::Help, help));
    }
    lines
}

/// The same for scripts: no keys, no blank lines at the end.
pub(super) fn text(shown: Shown<'_>, width: usize, height: usize) -> String {
    let lines = body(shown, width, height);
    let lines = lines.into_iter().take(height);
    lines.map(|line| line.text + "\n").collect()
}

fn line(kind: Kind, text: String) -> Line {
    Line { kind, text }
}

fn body(shown: Shown<'_>, width: usize, height: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(lost) = shown.lost {
        let text = format!("NO CONNECTION, trying again: {lost}");
        lines.extend(wrapped(text.split(' '), " ", width).map(|text| line(Kind::Wrong, text)));
    }
    let Some(picture) = shown.picture else {
        if shown.lost.is_none() {
            lines.push(line(Kind::Plain, table::cut("asking amimux ...", width)));
        }
        return lines;
    };
    lines.extend(totals(picture, width).map(|text| line(Kind::Total, text)));
    lines.push(line(Kind::Plain, String::new()));
    // Clients get at least half of what is left.
    let room = height.saturating_sub(lines.len()) / 2;
    lines.extend(upstreams(&picture.upstreams, width, room.max(2)));
    lines.push(line(Kind::Plain, String::new()));
    let room = height.saturating_sub(lines.len());
    lines.extend(clients(picture, shown.wishes, width, room));
    lines
}

/// Parts put on as few lines as they need.
fn wrapped<'a>(
    parts: impl Iterator<Item = &'a str>,
    gap: &str,
    width: usize,
) -> impl Iterator<Item = String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        let length = gap.len() + part.chars().count();
        match lines.last_mut() {
            Some(last) if last.chars().count() + length <= width => {
                last.push_str(gap);
                last.push_str(part);
            }
            _ => lines.push(part.to_owned()),
        }
    }
    lines.into_iter().map(move |line| table::cut(&line, width))
}

fn totals(picture: &Picture, width: usize) -> impl Iterator<Item = String> {
    let parts = [
        format!("amimux {}", picture.version),
        format!("up {}", span(picture.uptime)),
        format!("sessions {}", picture.sessions),
        format!("events {}/s", rate(picture.events)),
        format!("deliveries {}/s", rate(picture.deliveries)),
        format!("actions {}/s", rate(picture.actions)),
        format!(
            "refusals {} ({}/s)",
            amount(picture.refused),
            rate(picture.refusals)
        ),
    ];
    wrapped(parts.iter().map(String::as_str), "   ", width)
        .collect::<Vec<_>>()
        .into_iter()
}

fn upstreams(rows: &[UpstreamRow], width: usize, room: usize) -> Vec<Line> {
    let shown = rows.len().min(room.saturating_sub(1));
    let shown = if shown < rows.len() {
        // One line says how many are left out.
        shown.saturating_sub(1).max(1)
    } else {
        shown
    };
    let rows_shown = rows.get(..shown).unwrap_or(rows);
    let cells = |cell: fn(&UpstreamRow) -> String| rows_shown.iter().map(cell);
    let columns = vec![
        Column::text("UPSTREAM", 0, 20).with(cells(|row| row.upstream.name.clone())),
        Column::text("STATE", 0, 12).with(cells(|row| row.upstream.state.clone())),
        Column::number("LATENCY", 2).with(cells(|row| milliseconds(row.latency))),
        Column::number("INFLIGHT", 3).with(cells(|row| amount(row.upstream.in_flight))),
        Column::number("EVENTS/S", 1).with(cells(|row| rate(row.events))),
        Column::number("SESSIONS", 4).with(cells(|row| amount(row.upstream.sessions))),
    ];
    let mut lines = Vec::new();
    let mut texts = table::lines(columns, width).into_iter();
    lines.extend(texts.next().map(|text| line(Kind::Heading, text)));
    for (row, text) in rows_shown.iter().zip(texts) {
        if row.upstream.state == "Ready" {
            lines.push(line(Kind::Plain, text));
        } else {
            let text = format!("{text}  {}", row.upstream.cause);
            lines.push(line(Kind::Wrong, table::cut(text.trim_end(), width)));
        }
    }
    if shown < rows.len() {
        let text = format!("... {} more", rows.len() - shown);
        lines.push(line(Kind::Plain, table::cut(&text, width)));
    }
    lines
}

fn clients(picture: &Picture, wishes: &Wishes, width: usize, room: usize) -> Vec<Line> {
    let rows = picture.clients.as_slice();
    let rows = rows.get(..room.saturating_sub(1)).unwrap_or(rows);
    let cells = |cell: fn(&ClientRow) -> String| rows.iter().map(cell);
    let heading = |text: &str, sort: Sort| {
        let mark = if wishes.sort == sort { "*" } else { "" };
        format!("{text}{mark}")
    };
    let columns = vec![
        Column::text(&heading("USER", Sort::User), 0, 16)
            .with(cells(|row| row.client.user.clone())),
        Column::text(&heading("ADDRESS", Sort::Address), 5, 47)
            .with(cells(|row| row.client.address.clone())),
        Column::text("OVER", 6, 4).with(cells(|row| row.client.transport.clone())),
        Column::number(&heading("LOGIN", Sort::Login), 7)
            .with(cells(|row| span(row.client.elapsed))),
        Column::number(&heading("LAG", Sort::Lag), 1).with(cells(|row| bytes(row.client.lag))),
        Column::number(&heading("BYTES/S", Sort::Rate), 2).with(cells(|row| rate(row.bytes))),
        Column::number(&heading("INFLIGHT", Sort::Inflight), 3)
            .with(cells(|row| amount(row.client.in_flight))),
        Column::text("BLOCKED", 4, 7).with(cells(|row| {
            let text = if row.client.is_blocked { "yes" } else { "" };
            text.to_owned()
        })),
        Column::text("SESSION", 8, 24).with(cells(|row| row.client.session.clone())),
    ];
    let mut texts = table::lines(columns, width).into_iter();
    let mut lines: Vec<_> = texts
        .next()
        .map(|text| line(Kind::Heading, text))
        .into_iter()
        .collect();
    for (row, text) in rows.iter().zip(texts) {
        let is_behind = row.client.is_blocked;
        lines.push(line(
            if is_behind { Kind::Behind } else { Kind::Plain },
            text,
        ));
    }
    if rows.is_empty() {
        let text = if wishes.filter.is_empty() {
            "no clients".to_owned()
        } else {
            format!("no clients of users like {}", wishes.filter)
        };
        lines.push(line(Kind::Plain, table::cut(&text, width)));
    }
    lines
}

fn help(wishes: &Wishes, width: usize) -> String {
    if wishes.is_typing {
        let text = format!("user: {}_   Enter: done   Esc: all users", wishes.filter);
        return table::cut(&text, width);
    }
    let filter = if wishes.filter.is_empty() {
        "/ filter by user".to_owned()
    } else {
        format!("users like {} (Esc: all)", wishes.filter)
    };
    let parts = [
        "q quit".to_owned(),
        format!("s sort ({})", wishes.sort.name()),
        filter,
        "l b i u a t: column".to_owned(),
    ];
    let mut lines = wrapped(parts.iter().map(String::as_str), "   ", width);
    lines.next().unwrap_or_default()
}

/// Seconds for people.
fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m{:02}s", seconds % 60),
        3600..86_400 => format!("{hours}h{minutes:02}m"),
        _ => format!("{days}d{hours:02}h"),
    }
}

/// A number in five characters or so.
fn amount(number: u64) -> String {
    scaled(number, 1000, &["", "k", "M", "G", "T", "P"])
}

fn bytes(number: u64) -> String {
    scaled(number, 1024, &["", "K", "M", "G", "T", "P"])
}

fn scaled(number: u64, base: u64, units: &[&str]) -> String {
    let mut units = units.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    let (mut whole, mut tenth) = (number, None);
    // Up to five digits are shown as they are.
    if number < 100_000 {
        return number.to_string();
    }
    while whole >= base
        && let Some(next) = units.next()
    {
        tenth = Some(whole % base * 10 / base);
        whole /= base;
        unit = next;
    }
    match tenth {
        Some(tenth) if whole < 100 => format!("{whole}.{tenth}{unit}"),
        _ => format!("{whole}{unit}"),
    }
}

fn rate(rate: Rate) -> String {
    match rate {
        None => "-".to_owned(),
        Some(rate) if rate < 100.0 => format!("{rate:.1}"),
        Some(rate) => {
            let whole = format!("{rate:.0}").parse().unwrap_or(u64::MAX);
            amount(whole)
        }
    }
}

fn milliseconds(latency: Rate) -> String {
    match latency {
        None => "-".to_owned(),
        Some(latency) if latency < 100.0 => format!("{latency:.1}ms"),
        Some(latency) => format!("{latency:.0}ms"),
    }
}

#[cfg(test)]
mod tests;
