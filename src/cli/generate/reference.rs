//! docs/configuration.md, from the table of options.

use std::io::{self, Write};

use amimux::config::at_reload::{self, AtReload};
use amimux::config::options::{OptionDoc, Place, documented};
use amimux::policy::class::LABELS;

use super::SECTIONS;

/// What stands above the tables.
const INTRODUCTION: &str = "\
# Configuration reference

Every option, section by section. `cargo run -- generate reference docs` writes this page, from the table with which amimux
reads the file. The same table makes amimux.conf(5), and [amimux.conf](../conf/amimux.conf) shows the options in use.

The file is written in Asterisk's dialect: sections in brackets, `name = value`, comments behind `;`, templates `(!)`, and
`#include`. Names of options count in any case of letters. An option that is not known is an error, and so is a value that cannot be
read: `amimux check` tells the line and what to write instead.

* **yes or no**: `yes`, `true`, `y`, `t`, `1` and `on` are yes; anything else is no, with a warning unless it is a word for no.
* **seconds** and **milliseconds** are the unit of a number alone; `500ms` and `0.5s` work everywhere.
* **Sizes** are bytes, or take `K`, `M` or `G`.
* **Files** are relative to the directory of the configuration file. `%d/NAME` is a credential that systemd hands over
  (`LoadCredential=NAME:PATH`).

## At a reload

`systemctl reload amimux`, SIGHUP and the action `MuxReload` read the file again, with all that it names. Either everything
in it comes into force, or, if it has an error, nothing. The column \"at a reload\" tells from when on a changed value
counts:
";

/// Which documents tell more of a kind of section.
const fn further(place: Place) -> &'static str {
    match place {
        Place::General => {
            "See [access.md](access.md) for rights and limits, [tls.md](tls.md), [metrics.md](metrics.md)."
        }
        Place::User => {
            "Rights are explained in [access.md](access.md), filters in [event-filters.md](event-filters.md) and \
             [action-filters.md](action-filters.md)."
        }
        Place::Upstream => "See [tls.md](tls.md) for TLS towards Asterisk.",
        Place::Http => "See [http.md](http.md).",
        Place::Restriction => {
            "The section's name is the path, as in `[/rawman]`. Where several fit, all of them must allow."
        }
    }
}

/// Writes the page.
pub(super) fn page(page: &mut impl Write) -> io::Result<()> {
    writeln!(page, "{INTRODUCTION}")?;
    writeln!(page, "| at a reload | what that means |\n|---|---|")?;
    for case in AtReload::ALL {
        writeln!(page, "| {} | {} |", case.words(), case.meaning())?;
    }
    let options = documented();
    for (place, title, about) in SECTIONS {
        writeln!(page, "\n## {}\n\n{about}", heading(title))?;
        writeln!(page, "{}\n", further(place))?;
        if place == Place::User {
            let classes = LABELS.map(|(label, _)| format!("`{label}`")).join(", ");
            writeln!(
                page,
                "Classes for `read` and `write`, separated by commas without blanks: {classes}; `all`, `none`.\n"
            )?;
        }
        writeln!(
            page,
            "| option | value | default | at a reload | what it does |\n|---|---|---|---|---|"
        )?;
        for option in options.iter().filter(|option| option.place == place) {
            if option.supported {
                write_option(page, option)?;
            }
        }
    }
    writeln!(
        page,
        "\n## Options that amimux does not apply\n\nAsterisk has them. Those that would leave things more open than they say are \
         errors; the others give a warning, some of them only when they say yes.\n"
    )?;
    writeln!(
        page,
        "| option | in | what happens | why | instead |\n|---|---|---|---|---|"
    )?;
    for option in options.iter().filter(|option| !option.supported) {
        let happens = option.instead.map_or("warning", |_| "error");
        let instead = option.instead.unwrap_or("remove the line");
        writeln!(
            page,
            "| {} | {} | {happens} | {} | {} |",
            names(option),
            option.place.words(),
            cell(option.doc),
            cell(instead)
        )?;
    }
    Ok(())
}

fn write_option(page: &mut impl Write, option: &OptionDoc) -> io::Result<()> {
    let reload = at_reload::of(option.place, option.name).words();
    writeln!(
        page,
        "| {} | {} | {} | {reload} | {} |",
        names(option),
        cell(option.kind),
        cell(option.default),
        cell(option.doc)
    )
}

/// An option's name, and behind it the others that it has.
fn names(option: &OptionDoc) -> String {
    let mut names = format!("`{}`", option.name);
    for (index, alias) in option.aliases.iter().enumerate() {
        let before = if index == 0 { "<br>also " } else { ", " };
        names.push_str(&format!("{before}`{alias}`"));
    }
    names
}

/// A section's title at the beginning of a line.
fn heading(title: &str) -> String {
    let mut letters = title.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// Text that stays in its cell and is no markup.
fn cell(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '|' | '*' | '<' | '`' | '\\' => shown.extend(['\\', character]),
            '\n' => shown.push(' '),
            _ => shown.push(character),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_has_one_row() {
        let mut text = Vec::new();
        page(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let rows = text.lines().filter(|line| line.starts_with("| `"));
        assert_eq!(rows.count(), documented().len(), "{text}");
        for line in text.lines().filter(|line| line.starts_with("| `")) {
            let bars = line.replace("\\|", "").matches('|').count();
            assert_eq!(bars, 6, "five columns: {line}");
        }
    }

    #[test]
    fn cells_hold_any_text() {
        for (text, expected) in [
            ("a|b", "a\\|b"),
            ("[!]address[/mask]", "[!]address[/mask]"),
            ("<b>*`", "\\<b>\\*\\`"),
            ("two\nlines", "two lines"),
        ] {
            assert_eq!(cell(text), expected, "{text}");
        }
    }
}
