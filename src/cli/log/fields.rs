//! What one log event says, apart from its text: its fields by name, its stable name, and its text in one line.

use std::fmt::{self, Write};

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata};
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};

/// The name of events to which none was given: those of libraries.
pub(super) const OTHER: &str = "other";

/// The stable name of an event, or [`OTHER`].
pub(super) fn name_of(metadata: &Metadata<'static>) -> &'static str {
    let name = metadata.name();
    let is_kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    // Without a name of its own, an event is called after its place in the source: "event src/main.rs:7".
    if name.chars().all(is_kebab) && metadata.is_event() {
        name
    } else {
        OTHER
    }
}

/// The text of an event with its fields, as it stands in a line behind the level.
pub(super) fn text_of(event: &Event<'_>) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = DefaultFields::new().format_fields(Writer::new(&mut text), event);
    text
}

/// The message of an event and its other fields, in the order in which they were given.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) message: String,
    pub(super) others: Vec<(&'static str, Value)>,
}

impl Fields {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let mut fields = Self::default();
        event.record(&mut fields);
        fields
    }

    fn put(&mut self, field: &Field, value: Value) {
        self.others.push((field.name(), value));
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // Writing to a string does not fail.
            let _ = write!(self.message, "{value:?}");
        } else {
            self.put(field, Value::from(format!("{value:?}")));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            self.put(field, Value::from(value));
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::from(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, Value::from(value));
    }
}
