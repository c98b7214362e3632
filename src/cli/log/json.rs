//! Log lines as JSON: one flat object per line, for programs that collect logs.

use std::fmt;

use serde_json::{Map, Value};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::registry::LookupSpan;

use super::fields::{Fields, name_of};

/// The names that every line has. A field of such a name gets a `_` behind it.
const FIXED: [&str; 5] = ["time", "level", "event", "message", "target"];

/// Writes an event as one line of JSON.
#[derive(Debug)]
pub(super) struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        writeln!(writer, "{}", line(time, event))
    }
}

fn line(time: String, event: &Event<'_>) -> String {
    let metadata = event.metadata();
    let fields = Fields::of(event);
    let values = [
        time,
        metadata.level().as_str().to_ascii_lowercase(),
        name_of(metadata).to_owned(),
        fields.message,
        metadata.target().to_owned(),
    ];
    let mut object = Map::new();
    for (name, value) in FIXED.into_iter().zip(values) {
        object.insert(name.to_owned(), Value::from(value));
    }
    for (name, value) in fields.others {
        let mark = if FIXED.contains(&name) { "_" } else { "" };
        object.insert(format!("{name}{mark}"), value);
    }
    without_invisible(&Value::from(object).to_string())
}

/// JSON in which control and invisible characters are escaped, which JSON itself asks of few. They stand in strings
/// only.
fn without_invisible(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        let invisible = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if c.is_control() || invisible {
            shown.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    shown
}
