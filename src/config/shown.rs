//! The options of `[general]` and `[http]` with what holds for each, for those who ask what is in force.

use super::options::{OptionDoc, Place, documented};
use super::raw::RawSection;
use super::settings::ShownOption;

/// Every option of these sections, in the order of the table: each line of it, or one with what holds without it.
pub(super) fn options(general: Option<&RawSection>, http: Option<&RawSection>) -> Vec<ShownOption> {
    let mut shown = Vec::new();
    for doc in documented().iter().filter(|doc| doc.supported) {
        match doc.place {
            Place::General => show("general", general, doc, &mut shown),
            Place::Http => show("http", http, doc, &mut shown),
            // Users and upstreams have lists of their own, without secrets.
            Place::User | Place::Upstream | Place::Restriction => {}
        }
    }
    shown
}

fn show(
    name: &'static str,
    section: Option<&RawSection>,
    doc: &OptionDoc,
    shown: &mut Vec<ShownOption>,
) {
    let is_named = |written: &str| {
        let mut names = std::iter::once(doc.name).chain(doc.aliases.iter().copied());
        names.any(|name| name.eq_ignore_ascii_case(written))
    };
    let option = |value: &str, is_default| ShownOption {
        section: name,
        name: doc.name,
        value: value.to_owned(),
        is_default,
    };
    let lines = section.iter().flat_map(|section| &section.options);
    let before = shown.len();
    shown.extend(
        lines
            .filter(|line| is_named(&line.name))
            .map(|line| option(&line.value, false)),
    );
    if shown.len() == before {
        shown.push(option(doc.default, true));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{BASE, USER, load_text};

    #[test]
    fn what_is_written_is_shown_and_else_the_default() {
        let line = "[general]\nPermit = 192.0.2.1\npermit = 192.0.2.2\nauthlimit = 7";
        let text = format!("{BASE}{USER}").replacen("[general]", line, 1);
        let (settings, report) = load_text(&text);
        let shown = settings.expect(&report).general.shown;
        let values = |section: &str, name: &str| -> Vec<(String, bool)> {
            let of_name = shown.iter();
            of_name
                .filter(|option| option.section == section && option.name == name)
                .map(|option| (option.value.clone(), option.is_default))
                .collect()
        };
        let written = |value: &str| (value.to_owned(), false);
        assert_eq!(
            values("general", "permit"),
            [written("192.0.2.1"), written("192.0.2.2")]
        );
        assert_eq!(values("general", "authlimit"), [written("7")]);
        assert_eq!(values("general", "authtimeout"), [("30".to_owned(), true)]);
        assert_eq!(values("http", "prefix").len(), 1);
        assert!(shown.iter().all(|option| option.name != "secret"));
    }
}
