//! The configuration as written: sections and options in order, each with the file and line it came from.
//!
//! Templates, `+=` and includes are already applied, as Asterisk does it (`main/config.c`); what the options mean is
//! not known here.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::diagnostics::{Location, Report, quoted};
use super::include::{FileError, Files};
use super::lexer::{CommentStripper, Line, SECTION_NAME_BYTES_MAX, strip_blanks};
use super::template;

/// A file and everything that it includes.
#[derive(Debug, Clone, Default)]
pub struct RawConfig {
    /// The sections in order, templates included.
    pub sections: Vec<RawSection>,
}

/// One section.
#[derive(Debug, Clone)]
pub struct RawSection {
    /// The name, cut to 79 bytes.
    pub name: String,
    /// Where the section begins.
    pub location: Location,
    /// Whether it is there to be inherited from only.
    pub template: bool,
    /// The options in order, inherited ones included.
    pub options: Vec<RawOption>,
}

/// One `name = value`.
#[derive(Clone)]
pub struct RawOption {
    /// The name as written.
    pub name: String,
    /// The value, trimmed; wiped when dropped, because it may be a secret.
    pub value: Zeroizing<String>,
    /// Where it is written; for `+=` the line that added last.
    pub location: Location,
    /// Whether the file that it is written in can be read by everybody on the machine.
    pub exposed: bool,
    /// Whether a comment follows the value without a blank, so that part of the value may be missing.
    pub comment_glued: bool,
}

impl RawSection {
    /// The options of that name, ignoring case.
    pub fn named(&self, name: &str) -> impl DoubleEndedIterator<Item = &RawOption> {
        self.options
            .iter()
            .filter(move |option| option.name.eq_ignore_ascii_case(name))
    }
}

/// Without the value, which may be a secret.
impl fmt::Debug for RawOption {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at {}", self.name, self.location)
    }
}

/// Reads a file and what it includes; problems go to the report, the rest is returned as far as it could be read.
pub fn read(path: &Path, report: &mut Report) -> RawConfig {
    let mut reader = Reader {
        files: Files::new(path),
        config: RawConfig::default(),
        latest: None,
        report,
    };
    reader.main_file(path);
    reader.config
}

/// Which section a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    /// The section of that index.
    Section(usize),
    /// A section whose header could not be read; its options are left out.
    Broken,
}

/// One file being read.
struct File {
    name: Arc<str>,
    exposed: bool,
    open: Option<Open>,
    /// Whether the file starts in another section than the one around its `#include`.
    astray: bool,
}

impl File {
    fn at(&self, line: u32) -> Location {
        Location {
            file: Arc::clone(&self.name),
            line,
        }
    }
}

struct Reader<'a> {
    files: Files,
    config: RawConfig,
    /// The section that was begun or extended last, in whatever file; an included file starts in it.
    latest: Option<Open>,
    report: &'a mut Report,
}

impl Reader<'_> {
    fn main_file(&mut self, path: &Path) {
        if let Err(error) = self.one_file(path, None) {
            let place = Location::whole_file(&path.display().to_string());
            self.report.error(&place, error.to_string(), error.remedy());
        }
    }

    /// `around` is the section that the `#include` stands in. A file starts in the section begun last, which is
    /// another one when an earlier include began sections of its own.
    fn one_file(&mut self, path: &Path, around: Option<Open>) -> Result<(), FileError> {
        let content = self.files.open(path)?;
        let mut file = File {
            name: path.display().to_string().into(),
            exposed: content.exposed,
            open: self.latest,
            astray: self.latest != around,
        };
        let bytes = content
            .bytes
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(&content.bytes);
        let mut comments = CommentStripper::default();
        for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            self.one_line(&mut file, &mut comments, number, line);
        }
        if let Some(number) = comments.unterminated() {
            self.report.error(
                &file.at(number),
                "a block comment begins here and does not end",
                "end it with '--;'",
            );
        }
        self.files.close();
        Ok(())
    }

    fn one_line(
        &mut self,
        file: &mut File,
        comments: &mut CommentStripper,
        number: u32,
        bytes: &[u8],
    ) {
        let place = file.at(number);
        let stripped = match comments.strip(bytes, number) {
            Ok(stripped) => stripped,
            Err(error) => {
                self.report.error(&place, error.to_string(), error.remedy());
                return;
            }
        };
        let text = Zeroizing::new(stripped.text);
        match Line::parse(&text) {
            Ok(None) => {}
            Ok(Some(Line::Section { name, modifiers })) => {
                self.section(file, &place, name, modifiers);
            }
            Ok(Some(Line::Directive { word, argument })) => {
                self.directive(file, &place, word, argument);
            }
            Ok(Some(Line::Option {
                name,
                value,
                append,
            })) => {
                let option = RawOption {
                    name: name.to_owned(),
                    value: Zeroizing::new(value.to_owned()),
                    location: place,
                    exposed: file.exposed,
                    comment_glued: stripped.comment_glued,
                };
                self.option(file, option, append);
            }
            Err(error) => {
                if text.starts_with('[') {
                    self.enter(file, Open::Broken);
                }
                self.report.error(&place, error.to_string(), error.remedy());
            }
        }
    }

    fn enter(&mut self, file: &mut File, open: Open) {
        file.open = Some(open);
        file.astray = false;
        self.latest = file.open;
    }

    fn section(&mut self, file: &mut File, place: &Location, name: &str, modifiers: Option<&str>) {
        if name.len() > SECTION_NAME_BYTES_MAX {
            self.report.warning(
                place,
                format!("the section name {} is cut to 79 bytes", quoted(name)),
                "use a shorter name",
            );
        }
        let section = RawSection {
            name: cut_name(name).to_owned(),
            location: place.clone(),
            template: false,
            options: Vec::new(),
        };
        let sections = &mut self.config.sections;
        let result = match modifiers {
            None => Ok(template::append(sections, section)),
            Some(modifiers) => template::apply(sections, section, modifiers.split(',')),
        };
        match result {
            Ok(index) => self.enter(file, Open::Section(index)),
            Err(error) => {
                self.enter(file, Open::Broken);
                self.report.error(place, error.to_string(), error.remedy());
            }
        }
    }

    fn option(&mut self, file: &mut File, mut option: RawOption, append: bool) {
        let index = match file.open {
            Some(Open::Section(index)) => index,
            Some(Open::Broken) => return,
            None => {
                self.report.error(
                    &option.location,
                    format!(
                        "the option {} stands before any section",
                        quoted(&option.name)
                    ),
                    "write [general] or another section before it",
                );
                return;
            }
        };
        let Some(section) = self.config.sections.get_mut(index) else {
            return;
        };
        if std::mem::take(&mut file.astray) {
            self.report.warning(
                &option.location,
                format!(
                    "the options at the start of this file belong to {}, begun by an earlier include",
                    quoted(&section.name)
                ),
                "begin the file with a section",
            );
        }
        if append && template::append_value(section, &option) {
            return;
        }
        let trimmed = strip_blanks(&option.value).to_owned();
        option.value = Zeroizing::new(trimmed);
        section.options.push(option);
    }

    fn directive(&mut self, file: &File, place: &Location, word: &str, argument: Option<&str>) {
        let tolerant = word.eq_ignore_ascii_case("tryinclude");
        if word.eq_ignore_ascii_case("exec") {
            self.report.error(
                place,
                "#exec is not supported",
                "write the command's output to a file and #include that",
            );
        } else if !tolerant && !word.eq_ignore_ascii_case("include") {
            self.report.warning(
                place,
                format!("the directive {} is unknown and ignored", quoted(word)),
                "write ';' before a comment",
            );
        } else if let Some(argument) = argument {
            self.include(file, place, argument, tolerant);
        } else {
            self.report.error(
                place,
                format!("#{word} names no file"),
                "write #include \"file\"",
            );
        }
    }

    fn include(&mut self, file: &File, place: &Location, pattern: &str, tolerant: bool) {
        let paths = match self.files.matching(pattern) {
            Ok(paths) => paths,
            Err(error) => {
                self.report.error(place, error.to_string(), error.remedy());
                return;
            }
        };
        if paths.is_empty() && !tolerant {
            self.report.error(
                place,
                format!("#include {} finds no file", quoted(pattern)),
                "correct the name, or write #tryinclude if it may be missing",
            );
        }
        for path in paths {
            if let Err(error) = self.one_file(&path, file.open) {
                self.report.error(place, error.to_string(), error.remedy());
            }
        }
    }
}

/// The name cut to its longest length, at a character's boundary.
pub(super) fn cut_name(name: &str) -> &str {
    let end = name.floor_char_boundary(SECTION_NAME_BYTES_MAX.min(name.len()));
    name.get(..end).unwrap_or(name)
}

#[cfg(test)]
#[path = "raw_tests.rs"]
mod tests;
