//! Values of `[general]` that take more than a line to read.

use std::time::Duration;

use super::{AUTH_LIMIT, AUTH_TIMEOUT, BANNER_START, GeneralDraft};
use crate::config::diagnostics::{Report, quoted};
use crate::config::raw::RawOption;
use crate::config::value::{self, Unit};

pub(super) fn auth_timeout(draft: &mut GeneralDraft, option: &RawOption, report: &mut Report) {
    let limits = Duration::ZERO..=Duration::from_secs(86_400);
    let Some(timeout) = value::duration(option, Unit::Seconds, limits, report) else {
        return;
    };
    draft.general.auth_timeout = timeout;
    if timeout < Duration::from_secs(1) {
        draft.general.auth_timeout = AUTH_TIMEOUT;
        report.warning(
            &option.location,
            "'authtimeout' is less than a second; the default of 30 seconds is used",
            "write 1 or more",
        );
    }
}

pub(super) fn auth_limit(draft: &mut GeneralDraft, option: &RawOption, report: &mut Report) {
    let Some(limit) = value::count(option, 0..=1_000_000, report) else {
        return;
    };
    draft.general.auth_limit = limit;
    if limit < 1 {
        draft.general.auth_limit = AUTH_LIMIT;
        report.warning(
            &option.location,
            "'authlimit' is less than 1; the default of 50 is used",
            "write 1 or more",
        );
    }
}

/// Blanks before a name are skipped; blanks after it are part of it, as in Asterisk, where such a name never matches.
pub(super) fn disabled_events(draft: &mut GeneralDraft, option: &RawOption, report: &mut Report) {
    let names = option.value.split(',').map(str::trim_start);
    draft.general.disabled_events = names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    for name in &draft.general.disabled_events {
        if name.contains(' ') {
            report.warning(
                &option.location,
                format!("no event has a blank in its name, as {} has", quoted(name)),
                "write names separated by commas, without blanks before a comma",
            );
        }
    }
}

pub(super) fn banner(draft: &mut GeneralDraft, option: &RawOption, report: &mut Report) {
    draft.general.banner = value::text(option, report);
    if !option.value.is_empty() && !option.value.starts_with(BANNER_START) {
        report.warning(
            &option.location,
            format!(
                "the banner does not begin with '{BANNER_START}', which many applications look for"
            ),
            "write banner = Asterisk Call Manager/ and a version",
        );
    }
}
