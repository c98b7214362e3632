//! The tables that only amimux has, in the style of Asterisk's: two blanks before each column, at most 80 columns.

use amimux::admin::client::{Answer, Message};

/// A table that is being written.
struct Table<const N: usize> {
    /// The width of each column; those of numbers are aligned to the right.
    columns: [(usize, bool); N],
    text: String,
}

impl<const N: usize> Table<N> {
    fn new(columns: [(usize, bool); N], heads: [&str; N]) -> Self {
        let mut table = Self {
            columns,
            text: String::new(),
        };
        table.row(heads);
        table
    }

    /// Adds a row. What is too long for its column is cut.
    fn row(&mut self, cells: [&str; N]) {
        let mut line = String::new();
        for (cell, (width, is_number)) in cells.into_iter().zip(self.columns) {
            line.push_str(&if is_number {
                format!("  {cell:>width$.width$}")
            } else {
                format!("  {cell:<width$.width$}")
            });
        }
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// The table, with how many things are in it.
    fn end(mut self, count: usize, things: &str) -> String {
        self.text.push_str(&format!("{count} {things}.\n"));
        self.text
    }
}

/// The Asterisks. Why one is away stands below it.
pub(super) fn upstreams(upstreams: &[Message]) -> String {
    let columns = [
        (13, false),
        (21, false),
        (12, false),
        (8, true),
        (6, true),
        (8, true),
    ];
    let heads = [
        "Upstream", "Address", "State", "Sessions", "Flight", "Events",
    ];
    let mut table = Table::new(columns, heads);
    for upstream in upstreams {
        let address = format!("{}:{}", upstream.get("Host"), upstream.get("Port"));
        table.row([
            upstream.get("Upstream"),
            &address,
            upstream.get("State"),
            upstream.get("Sessions"),
            upstream.get("InFlight"),
            &short(upstream.get("Events")),
        ]);
        if !upstream.get("Cause").is_empty() {
            table
                .text
                .push_str(&format!("    {}\n", upstream.get("Cause")));
        }
    }
    table.end(upstreams.len(), "upstreams configured")
}

/// The sessions, by the names that `amimux kick` takes.
pub(super) fn sessions(sessions: &[Message]) -> String {
    let columns = [(22, false), (15, false), (4, false), (21, false), (8, true)];
    let heads = ["Session", "Username", "Via", "Address", "Behind"];
    let mut table = Table::new(columns, heads);
    for session in sessions {
        let address = match session.get("Address") {
            address if address.contains(':') => format!("[{address}]:{}", session.get("Port")),
            address => format!("{address}:{}", session.get("Port")),
        };
        table.row([
            session.get("Session"),
            session.get("User"),
            session.get("Transport"),
            &address,
            &short(session.get("BehindBytes")),
        ]);
    }
    table.end(sessions.len(), "sessions")
}

/// The views; the classes of each stand below it.
pub(super) fn views(views: &[Message]) -> String {
    let columns = [
        (15, false),
        (20, false),
        (8, true),
        (7, true),
        (8, true),
        (8, true),
    ];
    let heads = ["Upstream", "View", "Sessions", "Filters", "Events", "Kept"];
    let mut table = Table::new(columns, heads);
    for view in views {
        table.row([
            view.get("Upstream"),
            view.get("View"),
            view.get("Sessions"),
            view.get("Filters"),
            &short(view.get("Events")),
            &short(view.get("KeptBytes")),
        ]);
        let classes = match view.get("Classes") {
            "" => "<none>",
            classes => classes,
        };
        table.text.push_str(&wrapped(classes));
    }
    table.end(views.len(), "views")
}

/// The filters in force, and what they cost together.
pub(super) fn filters(answer: &Answer) -> String {
    let columns = [(12, false), (7, false), (8, true), (45, false)];
    let mut table = Table::new(columns, ["Upstream", "Kind", "Sessions", "Filter"]);
    for filter in &answer.items {
        table.row([
            filter.get("Upstream"),
            filter.get("Kind"),
            filter.get("Sessions"),
            filter.get("Filter"),
        ]);
    }
    let cost = &answer.complete;
    let mut text = table.end(answer.items.len(), "filters in force");
    text.push_str(&format!(
        "Judged together: {} sets, compiled {} times, given up on {} events.\n",
        cost.get("Sets"),
        cost.get("Builds"),
        cost.get("GivenUp")
    ));
    text
}

/// Every option of `[general]` and `[http]`.
pub(super) fn settings(settings: &[Message]) -> String {
    let columns = [(7, false), (22, false), (45, false)];
    let mut table = Table::new(columns, ["Section", "Option", "Value"]);
    let mut written = 0;
    for setting in settings {
        let value = setting.get("Value");
        let value = if setting.get("Default") == "Yes" {
            format!("({value})")
        } else {
            written += 1;
            value.to_owned()
        };
        table.row([setting.get("Section"), setting.get("Name"), &value]);
    }
    table.end(written, "lines written; defaults in parentheses")
}

/// Words with commas between them, in lines of at most 80 columns.
fn wrapped(words: &str) -> String {
    let mut text = String::new();
    let mut line = String::from("   ");
    for word in words.split_inclusive(',') {
        if line.len() + word.len() > 79 {
            text.push_str(&line);
            text.push('\n');
            line = String::from("   ");
        }
        if line.len() == 3 {
            line.push(' ');
        }
        line.push_str(word);
    }
    text + &line + "\n"
}

/// A number in at most eight places: beyond that in thousands, millions or billions.
fn short(number: &str) -> String {
    let Ok(value) = number.parse::<u64>() else {
        return number.to_owned();
    };
    match value {
        0..100_000_000 => value.to_string(),
        100_000_000..100_000_000_000 => format!("{}M", value / 1_000_000),
        _ => format!("{}G", value / 1_000_000_000),
    }
}
