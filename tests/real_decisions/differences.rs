//! Where the defaults are meant to be stricter than Asterisk: read from a file, so that the list is short to read
//! and every line of it is a decision.

use std::collections::BTreeSet;

/// One line each: `ACTION | Header: value | … => Message  ; reason`.
const FILE: &str = include_str!("differences.txt");

struct Entry {
    request: &'static str,
    message: &'static str,
}

/// The list, and which lines of it were needed.
pub(crate) struct Differences {
    entries: Vec<Entry>,
    used: BTreeSet<usize>,
}

impl Differences {
    pub(crate) fn read() -> Self {
        let lines = FILE.lines().map(str::trim);
        let entries = lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| {
                let (rule, reason) = line.split_once("  ; ").expect("a reason behind ';'");
                assert!(!reason.trim().is_empty(), "{line}");
                let (request, message) = rule.split_once(" => ").expect("a message behind =>");
                Entry { request, message }
            })
            .collect();
        Self {
            entries,
            used: BTreeSet::new(),
        }
    }

    /// Whether this request is meant to be refused with this message although Asterisk allows it.
    pub(crate) fn meant(&mut self, request: &str, message: &str) -> bool {
        let found = self
            .entries
            .iter()
            .position(|entry| entry.request == request && entry.message == message);
        found.map(|index| self.used.insert(index)).is_some()
    }

    /// Lines that nothing needed.
    pub(crate) fn unused(&self) -> impl Iterator<Item = String> {
        let unused = self.entries.iter().enumerate();
        unused
            .filter(|(index, _)| !self.used.contains(index))
            .map(|(_, entry)| format!("differences.txt: never seen: {}", entry.request))
    }
}
