//! What an import tells the administrator: findings in three groups, in the order in which one should read them.

use std::fmt;

use crate::config::diagnostics::Location;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// Something is not as it was, or was not as it seemed, until somebody decides.
    MustLookAt,
    /// It works, but not in quite the same way.
    Differs,
    /// It means here what it meant there.
    AsIs,
}

impl Group {
    /// The heading above the findings.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::MustLookAt => "To be looked at:",
            Self::Differs => "Works otherwise than before:",
            Self::AsIs => "Taken over as it is:",
        }
    }
}

/// One thing found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub group: Group,
    /// Where, in the original.
    pub place: Option<Location>,
    /// What, in plain words; never with a secret in it.
    pub what: String,
}

/// Everything found.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    list: Vec<Finding>,
}

impl Findings {
    /// Adds one, unless it is there.
    pub(super) fn add(&mut self, group: Group, place: Option<&Location>, what: impl Into<String>) {
        let finding = Finding {
            group,
            place: place.cloned(),
            what: what.into(),
        };
        if !self.list.contains(&finding) {
            self.list.push(finding);
        }
    }

    /// Those of one group, in the order of discovery.
    pub fn of(&self, group: Group) -> impl Iterator<Item = &Finding> {
        self.list
            .iter()
            .filter(move |finding| finding.group == group)
    }
}

/// Grouped, each finding on a line of its own, without a line end after the last.
impl fmt::Display for Findings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for group in [Group::MustLookAt, Group::Differs, Group::AsIs] {
            let mut findings = self.of(group).peekable();
            if findings.peek().is_none() {
                continue;
            }
            write!(formatter, "{separator}{}", group.heading())?;
            for finding in findings {
                formatter.write_str("\n  ")?;
                if let Some(place) = &finding.place {
                    write!(formatter, "{place}: ")?;
                }
                formatter.write_str(&finding.what)?;
            }
            separator = "\n\n";
        }
        Ok(())
    }
}
