//! amimux.conf(5), from the table of options.

use std::io::Write;

use amimux::config::options::{OptionDoc, documented};

use super::{DOCUMENTS, SECTIONS};

/// Writes the page.
pub(super) fn page(page: &mut impl Write) -> std::io::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    writeln!(page, ".TH AMIMUX.CONF 5 \"\" \"amimux {version}\"")?;
    writeln!(page, ".SH NAME\namimux.conf \\- configuration of amimux")?;
    writeln!(page, ".SH SYNOPSIS\n.I /etc/amimux/amimux.conf")?;
    writeln!(page, ".SH DESCRIPTION")?;
    let description = "A file in Asterisk's dialect, as manager.conf: sections in brackets, options as name = value, \
                       comments after a semicolon. An option that is not known is an error. Whether a file can be \
                       used is told by";
    writeln!(page, "{}\n.BR \"amimux check\" .", escaped(description))?;
    let options = documented();
    for (place, title, about) in SECTIONS {
        let title = escaped(&title.to_uppercase());
        writeln!(page, ".SH \"OPTIONS: {title}\"\n{}", escaped(about))?;
        let here = options
            .iter()
            .filter(|option| option.place == place && option.supported);
        for option in here {
            write_option(page, option)?;
        }
    }
    writeln!(
        page,
        ".SH FILES\n.I /etc/amimux/amimux.conf\n(holds secrets: mode 0640)\n.br\n.I /etc/amimux/acl.conf\n(named access lists, if a section names any)"
    )?;
    writeln!(
        page,
        ".SH SEE ALSO\n.BR amimux (1),\n.BR amimux\\-check (1),\n.BR amimux\\-explain (1),\n.BR amimux\\-run (1),\n.BR asterisk (8)\n{DOCUMENTS}"
    )
}

fn write_option(page: &mut impl Write, option: &OptionDoc) -> std::io::Result<()> {
    let names = std::iter::once(option.name).chain(option.aliases.iter().copied());
    let names: Vec<_> = names.map(escaped).collect();
    writeln!(page, ".TP\n.BR \"{}\"", names.join("\" \", \" \""))?;
    writeln!(page, "{}", escaped(option.doc))?;
    writeln!(page, ".br\nValue: {}", escaped(option.kind))?;
    if !option.default.is_empty() {
        writeln!(page, ".br\nDefault: {}", escaped(option.default))?;
    }
    Ok(())
}

/// Text of which roff understands nothing as a command.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => escaped.push_str("\\e"),
            '-' => escaped.push_str("\\-"),
            '"' => escaped.push_str("\\(dq"),
            // Only at the begin of a line do they mean anything.
            '.' | '\'' if escaped.is_empty() => escaped.extend(["\\&", &character.to_string()]),
            '\n' => escaped.push(' '),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_that_is_supported_has_its_entry() {
        let mut text = Vec::new();
        page(&mut text).unwrap();
        let page = String::from_utf8(text).unwrap();
        let entries = page.lines().filter(|line| *line == ".TP").count();
        let supported = documented().iter().filter(|doc| doc.supported).count();
        assert!(supported > 50, "{supported}");
        assert_eq!(entries, supported, "a section is missing");
        assert!(page.contains(".BR \"bindaddr\"\n"), "{page}");
    }

    #[test]
    fn text_is_no_command_of_roff() {
        for (text, expected) in [
            ("a-b \\n", "a\\-b \\en"),
            (".SH no", "\\&.SH no"),
            ("'no'", "\\&'no'"),
            ("two\n.lines", "two .lines"),
            ("say \"so\"", "say \\(dqso\\(dq"),
        ] {
            assert_eq!(escaped(text), expected, "{text}");
        }
    }
}
