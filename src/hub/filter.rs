//! The action `Filter`: a session narrows what it is sent, from here on and for good. Source: `main/manager.c`,
//! `action_filter`, `manager_add_filter`.

use std::sync::Arc;

use super::Hub;
use super::requests::Denied;
use super::session::{Local, SessionId};
use crate::protocol::request::Request;
use crate::protocol::writer::{MessageWriter, Text};

/// Asterisk's texts for a regular expression that is none, and for anything else that it does not understand.
const NOT_COMPILED: &[u8] = b"Filter did not compile.  Check the syntax of the filter given.";
const NOT_UNDERSTOOD: &[u8] =
    b"Filter was formatted incorrectly.  Check the syntax of the filter given.";

/// What such a request asks for.
pub(super) fn filter_of(request: Request<'_>) -> Result<Local, Denied> {
    if !request
        .get_or_empty("Operation")
        .eq_ignore_ascii_case(b"Add")
    {
        return Err(Denied::unable(b"Unknown operation"));
    }
    let text = |name| std::str::from_utf8(request.get_or_empty(name));
    let (Ok(pattern), Ok(criteria)) = (text("Filter"), text("MatchCriteria")) else {
        return Err(Denied::unable(NOT_COMPILED));
    };
    let criteria = Some(criteria).filter(|criteria| !criteria.is_empty());
    Ok(Local::Filter(criteria.map(Box::from), pattern.into()))
}

impl Hub {
    /// Adds a filter in its turn; where it is not understood, nothing changes.
    pub(super) fn add_filter(
        &mut self,
        id: SessionId,
        action_id: Option<Text<'_>>,
        criteria: Option<&str>,
        pattern: &str,
    ) {
        use crate::policy::event_filter::EventFilterError::{Criteria, TooCostly, TooMany};
        use crate::policy::filter::criteria::CriteriaError::Regex;
        let Some(session) = self.session_mut(id) else {
            return;
        };
        let mut filters = (*session.filters).clone();
        let added = filters.push_parts(criteria, pattern);
        if added.is_ok() {
            session.filters = Arc::new(filters);
        }
        let (result, text) = match &added {
            Ok(()) => ("Success", &b"Success"[..]),
            Err(Criteria(Regex { .. })) => ("Error", NOT_COMPILED),
            Err(TooMany | TooCostly) => ("Error", &b"Too many filters in this session"[..]),
            Err(_) => ("Error", NOT_UNDERSTOOD),
        };
        let fixed = match result {
            "Success" => Text::fixed("Success"),
            _ => Text::fixed("Error"),
        };
        self.post(id, |out| {
            let text = Text::new(text).unwrap_or(Text::fixed(""));
            MessageWriter::response(out, fixed, action_id)
                .header(Text::fixed("Message"), text)
                .finish();
        });
        if added.is_ok() {
            self.choose_view(id);
        }
    }
}
