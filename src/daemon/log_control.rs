//! Changes what is logged while amimux runs, for whoever is asked to. How a filter works is known to whoever made the
//! log; here it is a text such as `info` or `info,amimux::audit=off`.

use std::fmt;
use std::sync::Arc;

/// Bytes that a filter may have.
const FILTER_BYTES_MAX: usize = 1024;

/// Bytes of a filter that an error shows.
const SHOWN_BYTES_MAX: usize = 80;

/// Why what is logged stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the filter {filter:?} cannot be used: {reason}")]
pub struct LogFilterError {
    filter: String,
    reason: String,
}

impl LogFilterError {
    /// That filter cannot be used, for that reason.
    #[must_use]
    pub fn new(filter: &str, reason: impl fmt::Display) -> Self {
        let end = filter.floor_char_boundary(SHOWN_BYTES_MAX);
        Self {
            filter: filter.get(..end).unwrap_or(filter).to_owned(),
            reason: reason.to_string(),
        }
    }
}

type Exchange = dyn Fn(&str) -> Result<String, LogFilterError> + Send + Sync;

/// The way to the filter of the log. Clones lead to the same filter.
#[derive(Clone)]
pub struct LogControl(Arc<Exchange>);

impl fmt::Debug for LogControl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LogControl").finish_non_exhaustive()
    }
}

impl LogControl {
    /// `exchange` takes a new filter and gives back the one before.
    pub fn new(
        exchange: impl Fn(&str) -> Result<String, LogFilterError> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(exchange))
    }

    /// Logs what that filter names from now on: a level (`error`, `warn`, `info`, `debug`, `trace`, `off`), or several
    /// of parts of the program (`info,amimux::session=debug`). The filter before comes back, in a form that can be
    /// set again.
    ///
    /// # Errors
    /// No such filter can be, or it has more than 1,024 bytes: all stays as it was.
    pub fn set(&self, filter: &str) -> Result<String, LogFilterError> {
        if filter.trim().is_empty() {
            return Err(LogFilterError::new(filter, "it is empty"));
        }
        if filter.len() > FILTER_BYTES_MAX {
            let reason = format!("it has more than {FILTER_BYTES_MAX} bytes");
            return Err(LogFilterError::new(filter, reason));
        }
        (self.0)(filter)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn control() -> LogControl {
        let current = Mutex::new("info".to_owned());
        LogControl::new(move |filter| {
            if filter.contains('!') {
                return Err(LogFilterError::new(filter, "odd"));
            }
            Ok(std::mem::replace(
                &mut *current.lock().unwrap(),
                filter.to_owned(),
            ))
        })
    }

    #[test]
    fn the_filter_before_comes_back_to_whoever_asks() {
        let control = control();
        assert_eq!(control.set("debug").as_deref(), Ok("info"));
        assert_eq!(control.clone().set("warn").as_deref(), Ok("debug"));
        assert_eq!(control.set("info").as_deref(), Ok("warn"));
    }

    #[test]
    fn a_filter_that_cannot_be_used_changes_nothing_and_is_named() {
        let control = control();
        let long = "ä".repeat(513);
        for (filter, reason) in [
            ("a!", "the filter \"a!\" cannot be used: odd"),
            (" ", "the filter \" \" cannot be used: it is empty"),
            ("\u{1b}!", "the filter \"\\u{1b}!\" cannot be used: odd"),
        ] {
            let error = control.set(filter).unwrap_err();
            assert_eq!(error.to_string(), reason);
        }
        let error = control.set(&long).unwrap_err().to_string();
        assert!(error.ends_with("it has more than 1024 bytes"), "{error}");
        assert_eq!(error.matches('ä').count(), SHOWN_BYTES_MAX / 2);
        assert_eq!(control.set("info").as_deref(), Ok("info"));
    }
}
