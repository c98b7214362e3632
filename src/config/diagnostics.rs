//! Diagnostics: what is wrong in a configuration, where, and what to do about it.
//!
//! Reading a configuration never stops at the first problem; everything found is collected in a [`Report`]. No value of
//! a `secret` line ever gets into one.

use std::fmt;
use std::sync::Arc;

/// Most diagnostics of each severity that a report keeps; further ones are counted only.
pub const DIAGNOSTICS_MAX: usize = 500;

/// A place in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Location {
    /// The file as it was opened.
    pub file: Arc<str>,
    /// The line, counted from 1; 0 when it is about the file as a whole.
    pub line: u32,
}

impl Location {
    /// The file as a whole.
    pub fn whole_file(file: &str) -> Self {
        Self {
            file: file.into(),
            line: 0,
        }
    }
}

/// `file:line`, or `file` alone.
impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.file)?;
        if self.line > 0 {
            write!(formatter, ":{}", self.line)?;
        }
        Ok(())
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The configuration is not usable.
    Error,
    /// The configuration is usable, but probably not what was meant.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// Where.
    pub location: Location,
    /// What is wrong, one plain clause.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// `file:line: error: what; remedy`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            severity,
            location,
            what,
            remedy,
        } = self;
        write!(formatter, "{location}: {severity}: {what}; {remedy}")
    }
}

/// Everything found in one reading of a configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    diagnostics: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
    omitted: usize,
}

impl Report {
    /// Notes an error.
    pub fn error(
        &mut self,
        location: &Location,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.errors += 1;
        let room = self.errors <= DIAGNOSTICS_MAX;
        self.push(room, Severity::Error, location, what.into(), remedy.into());
    }

    /// Notes a warning.
    pub fn warning(
        &mut self,
        location: &Location,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.warnings += 1;
        let room = self.warnings <= DIAGNOSTICS_MAX;
        self.push(
            room,
            Severity::Warning,
            location,
            what.into(),
            remedy.into(),
        );
    }

    fn push(
        &mut self,
        room: bool,
        severity: Severity,
        location: &Location,
        what: String,
        remedy: String,
    ) {
        if !room {
            self.omitted += 1;
            return;
        }
        self.diagnostics.push(Diagnostic {
            severity,
            location: location.clone(),
            what,
            remedy,
        });
    }

    /// Whether anything found makes the configuration unusable.
    pub const fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// What was found, in the order in which it was found.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The errors alone.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.of(Severity::Error)
    }

    /// The warnings alone.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.of(Severity::Warning)
    }

    fn of(&self, severity: Severity) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics
            .iter()
            .filter(move |diagnostic| diagnostic.severity == severity)
    }
}

/// One diagnostic per line, without a line end after the last.
impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.diagnostics.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(formatter, "{separator}{diagnostic}")?;
        }
        if self.omitted > 0 {
            write!(formatter, "\n... and {} more", self.omitted)?;
        }
        Ok(())
    }
}

/// A value for a message: in quotes, cut, without control characters.
pub(crate) fn quoted(value: &str) -> String {
    const CHARACTERS_MAX: usize = 40;
    let mut text: String = value
        .chars()
        .take(CHARACTERS_MAX)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    if value.chars().nth(CHARACTERS_MAX).is_some() {
        text.push_str("...");
    }
    format!("'{text}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(line: u32) -> Location {
        Location {
            file: "amimux.conf".into(),
            line,
        }
    }

    #[test]
    fn display_names_file_line_severity_problem_and_remedy() {
        let mut report = Report::default();
        report.warning(&place(0), "no user", "add one");
        assert!(!report.has_errors());
        report.error(&place(7), "it is wrong", "write it right");
        assert!(report.has_errors());
        assert_eq!(
            report.to_string(),
            "amimux.conf: warning: no user; add one\namimux.conf:7: error: it is wrong; write it right"
        );
        assert_eq!(report.errors().count(), 1);
        assert_eq!(report.warnings().count(), 1);
    }

    #[test]
    fn a_report_is_bounded_and_still_knows_of_errors() {
        let mut report = Report::default();
        for _ in 0..=DIAGNOSTICS_MAX {
            report.warning(&place(1), "w", "r");
        }
        report.error(&place(2), "e", "r");
        assert!(report.has_errors());
        assert_eq!(report.errors().count(), 1, "warnings do not crowd it out");
        assert_eq!(report.warnings().count(), DIAGNOSTICS_MAX);
        assert!(report.to_string().ends_with("\n... and 1 more"));
    }

    #[test]
    fn quoted_values_are_cut_and_printable() {
        assert_eq!(quoted("a\u{7}b"), "'a?b'");
        assert_eq!(quoted(&"x".repeat(41)), format!("'{}...'", "x".repeat(40)));
    }
}
