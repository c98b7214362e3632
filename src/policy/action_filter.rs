//! Action filters: the mirror of event filters, applied to actions before they are forwarded. They narrow a user's
//! rights below its classes: by action, and by what a header of the action says.
//!
//! What is compared is written by the client, so every doubt counts against it. Asterisk reads the first header of a
//! name, of `Variable` all; a filter that allows is satisfied only if every one of that name is as it says, and one
//! that excludes is met by any. A filter that allows must name a header: anything else in a message could be made up.

use std::borrow::Cow;
use std::cell::OnceCell;

use thiserror::Error;

use super::action::Action;
use super::decision::{Refusal, Rule};
use super::filter::criteria::{Criteria, CriteriaError, Kind, Subject};
use super::filter::matcher::Matcher;
use crate::protocol::request::Request;

/// Most action filters of one user.
pub const FILTERS_MAX: usize = 256;

/// Why an action filter is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ActionFilterError {
    /// It is not in the grammar.
    #[error(transparent)]
    Criteria(#[from] CriteriaError),
    /// It would allow what merely has a text somewhere.
    #[error(
        "without 'header' the pattern is looked for in the whole message, where a client can write whatever \
         satisfies it"
    )]
    WholeMessage,
    /// It requires nothing: an action always has its name.
    #[error("'action(require)' without 'header' requires nothing")]
    NothingRequired,
    /// More than [`FILTERS_MAX`].
    #[error("there are more than {FILTERS_MAX} action filters")]
    TooMany,
}

impl ActionFilterError {
    /// What to write instead.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Criteria(error) => error.remedy(),
            Self::WholeMessage => {
                "name the header, as in header(Context), or exclude, with action(exclude) or '!' before the pattern"
            }
            Self::NothingRequired => "add the header that must be there",
            Self::TooMany => "use regular expressions that say several things at once",
        }
    }
}

/// One action filter.
#[derive(Debug, Clone)]
pub struct ActionFilter {
    criteria: Criteria,
    place: String,
    text: String,
}

/// What is written alike in the same place is the same.
impl PartialEq for ActionFilter {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.place == other.place
    }
}

impl Eq for ActionFilter {}

/// What one filter says about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is about other actions.
    OtherAction,
    /// It is about this action, and the request is not what it describes.
    Differs,
    /// The request is what it describes.
    Matches,
}

impl ActionFilter {
    /// What a match means.
    pub const fn kind(&self) -> Kind {
        self.criteria.kind
    }

    /// The action that it is about; without one it is about all that are forwarded.
    pub fn name(&self) -> Option<&str> {
        self.criteria.name.as_deref()
    }

    /// Where it stands, as in `amimux.conf:45`.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The line as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn is_about(&self, action: &Action) -> bool {
        self.name()
            .is_none_or(|name| name.eq_ignore_ascii_case(&action.name))
    }

    fn refusal(&self) -> Refusal {
        Refusal::new("Permission denied", Rule::ActionFilter(self.place.clone()))
    }

    fn describes(&self, message: &Message<'_>) -> bool {
        let matcher = &self.criteria.matcher;
        match (&self.criteria.header, self.criteria.kind) {
            (None, _) => match matcher {
                Matcher::Present => true,
                _ => excludes(matcher, message.text()),
            },
            (Some(header), Kind::Exclude) => message
                .request
                .all(header)
                .any(|value| excludes(matcher, value)),
            (Some(header), Kind::Include | Kind::Require) => {
                let mut values = message.request.all(header).peekable();
                values.peek().is_some() && values.all(|value| matcher.is_match(value))
            }
        }
    }
}

/// Whether text of a client is what a filter keeps out. Blanks at its end do not help, and bytes that are no UTF-8,
/// which a regular expression's `.` would not match, count as characters.
fn excludes(matcher: &Matcher, text: &[u8]) -> bool {
    let text = match matcher {
        Matcher::Regex(_) => match String::from_utf8_lossy(text) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(readable) => Cow::Owned(readable.into_bytes()),
        },
        _ => Cow::Borrowed(text),
    };
    matcher.is_match(&text) || matcher.is_match(text.trim_ascii_end())
}

/// A request, and its whole text once a filter asked for it.
struct Message<'r> {
    request: Request<'r>,
    text: OnceCell<Vec<u8>>,
}

impl Message<'_> {
    /// The lines with CR LF between them, whichever line ends the client wrote.
    fn text(&self) -> &[u8] {
        self.text.get_or_init(|| {
            let lines: Vec<&[u8]> = self.request.lines().collect();
            lines.join(&b"\r\n"[..])
        })
    }
}

/// All action filters of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActionFilters {
    filters: Vec<ActionFilter>,
}

impl ActionFilters {
    /// Adds a filter: `option` is the option's name with the criteria, `pattern` its value, `place` says where it
    /// stands. The order of filters does not matter, except for which of them a refusal names.
    ///
    /// # Errors
    /// The filter is not understood, would be satisfied by whatever a client makes up, or is one too many. Nothing is
    /// added then.
    pub fn push(
        &mut self,
        place: String,
        option: &str,
        pattern: &str,
    ) -> Result<&ActionFilter, ActionFilterError> {
        let criteria = Criteria::parse(option, pattern, Subject::Actions)?;
        let whole = criteria.header.is_none();
        match (criteria.kind, &criteria.matcher) {
            (Kind::Exclude, _) | (Kind::Include, Matcher::Present) => {}
            (Kind::Require, Matcher::Present) if whole => {
                return Err(ActionFilterError::NothingRequired);
            }
            _ if whole => return Err(ActionFilterError::WholeMessage),
            _ => {}
        }
        if self.filters.len() >= FILTERS_MAX {
            return Err(ActionFilterError::TooMany);
        }
        Ok(self.filters.push_mut(ActionFilter {
            criteria,
            place,
            text: format!("{option} = {pattern}").trim_end().to_owned(),
        }))
    }

    /// The filters in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &ActionFilter> {
        self.filters.iter()
    }

    /// What every filter says about a request that is to be forwarded, with forced headers put in.
    pub fn verdicts(
        &self,
        action: &Action,
        request: Request<'_>,
    ) -> impl Iterator<Item = (&ActionFilter, Verdict)> {
        let message = Message {
            request,
            text: OnceCell::new(),
        };
        self.filters.iter().map(move |filter| {
            let verdict = if !filter.is_about(action) {
                Verdict::OtherAction
            } else if filter.describes(&message) {
                Verdict::Matches
            } else {
                Verdict::Differs
            };
            (filter, verdict)
        })
    }

    /// Decides about a request that is to be forwarded, with forced headers put in.
    ///
    /// # Errors
    /// `Permission denied`, with the filter that refused it: the first that excludes it or requires what it has not,
    /// else, when no include matches, the first of these that is about the action, or the first of all.
    pub fn check(&self, action: &Action, request: Request<'_>) -> Result<(), Refusal> {
        let mut included = false;
        let (mut unmet, mut elsewhere) = (None, None);
        for (filter, verdict) in self.verdicts(action, request) {
            match (filter.kind(), verdict) {
                (Kind::Exclude, Verdict::Matches) | (Kind::Require, Verdict::Differs) => {
                    return Err(filter.refusal());
                }
                (Kind::Include, Verdict::Matches) => included = true,
                (Kind::Include, Verdict::Differs) => {
                    unmet.get_or_insert(filter);
                }
                (Kind::Include, Verdict::OtherAction) => {
                    elsewhere.get_or_insert(filter);
                }
                _ => {}
            }
        }
        match unmet.or(elsewhere) {
            Some(filter) if !included => Err(filter.refusal()),
            _ => Ok(()),
        }
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// Whether some request of this action could pass, whatever its headers.
    pub fn may_pass(&self, action: &Action) -> bool {
        let mut includes = self
            .filters
            .iter()
            .filter(|filter| filter.kind() == Kind::Include)
            .peekable();
        let included = includes.peek().is_none() || includes.any(|filter| filter.is_about(action));
        let excluded = self.filters.iter().any(|filter| {
            filter.kind() == Kind::Exclude
                && filter.criteria.header.is_none()
                && matches!(filter.criteria.matcher, Matcher::Present)
                && filter.is_about(action)
        });
        included && !excluded
    }
}

#[cfg(test)]
mod tests;
