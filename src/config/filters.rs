//! `actionfilter` and `setheader` lines of users: read, and looked at for what cannot do what it seems to do.

use std::sync::Arc;

use super::diagnostics::{Report, quoted};
use super::options::nearest;
use super::raw::RawOption;
use super::user::UserDraft;
use crate::policy::action::ActionTable;
use crate::policy::forced_header::ForcedHeader;

/// Most forced headers of one user; a request has 128 lines at most.
const FORCED_HEADERS_MAX: usize = 64;

/// Adds one action filter.
pub(super) fn action_filter(draft: &mut UserDraft, option: &RawOption, report: &mut Report) {
    refuse_cut_value(option, report);
    let filters = &mut draft.user.rights.action_filters;
    match filters.push(option.location.to_string(), &option.name, &option.value) {
        Err(error) => report.error(&option.location, error.to_string(), error.remedy()),
        Ok(filter) => {
            if let Some(name) = filter.name() {
                check_action(name, option, report);
            }
        }
    }
}

/// Adds one event filter.
pub(super) fn event_filter(draft: &mut UserDraft, option: &RawOption, report: &mut Report) {
    refuse_cut_value(option, report);
    let filters = Arc::make_mut(&mut draft.user.event_filters);
    let origin = option.location.to_string();
    if let Err(error) = filters.push(&origin, &option.name, &option.value) {
        report.error(&option.location, error.to_string(), error.remedy());
    }
}

/// Adds one forced header; the last line for the same header of the same action counts, so that a user's own line
/// overrides that of a template.
pub(super) fn forced_header(draft: &mut UserDraft, option: &RawOption, report: &mut Report) {
    refuse_cut_value(option, report);
    let at = &option.location;
    let forced = match ForcedHeader::parse(&option.name, &option.value) {
        Ok(forced) => forced,
        Err(error) => return report.error(at, error.to_string(), error.remedy()),
    };
    if is_local(&forced.action) {
        return report.error(
            at,
            answered_here(&forced.action),
            "name an action that goes on to Asterisk",
        );
    }
    check_action(&forced.action, option, report);
    let headers = &mut draft.user.rights.forced_headers;
    headers.retain(|earlier| !earlier.is_same_header(&forced));
    headers.push(forced);
    if headers.len() > FORCED_HEADERS_MAX {
        report.error(
            at,
            format!("there are more than {FORCED_HEADERS_MAX} forced headers"),
            "force fewer of them",
        );
    }
}

/// A pattern or value cut short would mean something else, and often more.
fn refuse_cut_value(option: &RawOption, report: &mut Report) {
    if option.comment_glued {
        report.error(
            &option.location,
            "the value ends at ';', where a comment begins",
            "write '\\;' if the semicolon belongs to the value, or a blank before the comment",
        );
    }
}

fn is_local(action: &str) -> bool {
    ActionTable::builtin()
        .get(action.as_bytes())
        .is_some_and(|action| !action.handling.is_filtered())
}

fn answered_here(action: &str) -> String {
    format!(
        "the action {} is answered by amimux and never goes on to Asterisk",
        quoted(action)
    )
}

/// Warns of an action that is never forwarded, or that may be misspelt: an Asterisk can have actions of its own.
fn check_action(action: &str, option: &RawOption, report: &mut Report) {
    let table = ActionTable::builtin();
    match table.get(action.as_bytes()) {
        Some(known) if !known.handling.is_filtered() => report.warning(
            &option.location,
            answered_here(action),
            "remove the line: filters look at actions that go on to Asterisk",
        ),
        Some(_) => {}
        None => {
            let names: Vec<String> = table
                .iter()
                .map(|known| known.name.to_ascii_lowercase())
                .collect();
            let near = nearest(action, names.iter().map(String::as_str))
                .and_then(|near| table.get(near.as_bytes()))
                .map(|near| format!("did you mean '{}'? ", near.name));
            report.warning(
                &option.location,
                format!(
                    "no version of Asterisk is known to have an action {}",
                    quoted(action)
                ),
                format!(
                    "{}leave it only if a module of your Asterisk has one",
                    near.unwrap_or_default()
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests;
