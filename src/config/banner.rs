//! `[general]`: what clients are greeted with.

use super::diagnostics::Report;
use super::general::GeneralDraft;
use super::options::Spec;
use super::raw::RawOption;
use super::value;

/// How every Asterisk's banner begins; many client libraries look for it.
const BANNER_START: &str = "Asterisk Call Manager/";

/// The option about the banner.
pub(super) const OPTIONS: &[Spec<GeneralDraft>] = &[Spec::read(
    "banner",
    "text",
    "Asterisk's own",
    "the line that greets a client",
    banner,
)];

fn banner(draft: &mut GeneralDraft, option: &RawOption, report: &mut Report) {
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
