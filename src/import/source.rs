//! Reading a file in Asterisk's dialect line by line, into a document that keeps order and comments. What it includes is
//! put in the place of the `#include`, and block comments become line comments, so that any line can be switched off.

use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::ImportError;
use super::document::{Document, DocumentLine, Meaning, escaped};
use super::findings::{Findings, Group};
use crate::config::diagnostics::{Location, quoted};
use crate::config::include::Files;
use crate::config::lexer::{CommentStripper, Line, LineError};

/// Reads a file and what it includes.
///
/// # Errors
/// What makes Asterisk refuse the file as a whole, and files that cannot be read.
pub(super) fn read(path: &Path, findings: &mut Findings) -> Result<Source, ImportError> {
    let mut reader = Reader {
        files: Files::new(path),
        source: Source::default(),
        latest: None,
        findings,
    };
    reader.file(path)?;
    Ok(reader.source)
}

/// What was read.
#[derive(Default)]
pub(super) struct Source {
    pub(super) document: Document,
    /// Lines that Asterisk reads and amimux cannot, as comments; their sections are not to be trusted.
    pub(super) spoiled: Vec<usize>,
}

/// A section, as far as one has to know to add to it once more.
#[derive(Clone, PartialEq, Eq)]
struct Section {
    name: String,
    template: bool,
    /// Which section of the document it is.
    number: usize,
}

struct Reader<'a> {
    files: Files,
    source: Source,
    /// The section begun last, in whatever file.
    latest: Option<Section>,
    findings: &'a mut Findings,
}

/// A file that is being read.
struct File {
    name: Arc<str>,
    /// The section that its lines belong to.
    open: Option<Section>,
}

/// A line as it was read.
struct Raw<'a> {
    place: Location,
    /// As it stands in the file, its end taken off.
    text: &'a str,
    /// Without comments.
    code: &'a str,
    /// Whether a block comment has to do with it.
    in_block: bool,
}

impl Reader<'_> {
    fn file(&mut self, path: &Path) -> Result<(), ImportError> {
        let name = path.display().to_string();
        let content = self
            .files
            .open(path)
            .map_err(|error| ImportError::Read(error.to_string(), error.remedy()))?;
        let mut file = File {
            name: name.as_str().into(),
            open: self.latest.clone(),
        };
        let bytes = content.bytes.strip_prefix(b"\xef\xbb\xbf");
        let bytes = bytes.unwrap_or(&content.bytes);
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let mut comments = CommentStripper::default();
        for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            let place = Location {
                file: Arc::clone(&file.name),
                line: number,
            };
            self.line(&mut file, &mut comments, place, line)?;
        }
        if let Some(line) = comments.unterminated() {
            let place = Location {
                file: Arc::clone(&file.name),
                line,
            };
            return Err(ImportError::Source(
                place,
                "a block comment begins here and does not end".to_owned(),
            ));
        }
        self.files.close();
        Ok(())
    }

    fn line(
        &mut self,
        file: &mut File,
        comments: &mut CommentStripper,
        place: Location,
        bytes: &[u8],
    ) -> Result<(), ImportError> {
        let number = place.line;
        let before = comments.unterminated().is_some();
        let stripped = comments.strip(bytes, number);
        let in_block = before || comments.unterminated().is_some() || has_block_mark(bytes);
        let text = Zeroizing::new(String::from_utf8_lossy(bytes).trim_end().to_owned());
        let stripped = match stripped {
            Ok(stripped) => stripped,
            Err(error) => return self.unreadable(&place, &text, error),
        };
        let code = Zeroizing::new(stripped.text);
        let raw = Raw {
            place,
            text: &text,
            code: &code,
            in_block,
        };
        match Line::parse(&code) {
            Ok(None) => self.comment(&raw),
            Ok(Some(Line::Section { name, modifiers })) => {
                let section = self.begun(name, modifiers);
                self.latest = Some(section.clone());
                file.open = Some(section);
                let name = name.to_owned();
                self.put(&raw, Meaning::Header { name });
            }
            Ok(Some(Line::Option { name, append, .. })) => {
                self.reopen(file, &raw)?;
                let name = name.to_owned();
                self.put(&raw, Meaning::Option { name, append });
            }
            Ok(Some(Line::Directive { word, argument })) => {
                return self.directive(&raw, word, argument);
            }
            Err(error) => return self.unreadable(&raw.place, &text, error),
        }
        Ok(())
    }

    /// The section that a header begins, or goes on with.
    fn begun(&self, name: &str, modifiers: Option<&str>) -> Section {
        let modifiers = || modifiers.unwrap_or_default().split(',');
        let lines = &self.source.document.lines;
        Section {
            name: name.to_owned(),
            template: modifiers()
                .any(|modifier| modifier == "!" || modifier.starts_with("+TEMPLATES=")),
            number: lines.len(),
        }
    }

    /// Behind an include that began sections of its own, lines belong to the section around it again.
    fn reopen(&mut self, file: &File, raw: &Raw<'_>) -> Result<(), ImportError> {
        let Some(open) = &file.open else {
            return Err(ImportError::Source(
                raw.place.clone(),
                "an option stands before any section".to_owned(),
            ));
        };
        if self.latest.as_ref() != Some(open) {
            let meaning = Meaning::Header {
                name: open.name.clone(),
            };
            let modifier = if open.template {
                "+TEMPLATES=include"
            } else {
                "+"
            };
            let header = format!("[{}]({modifier})", escaped(&open.name));
            let line = DocumentLine::added(meaning, header)
                .noted("the section around an #include goes on here");
            self.source.document.push(line);
            self.latest = Some(open.clone());
        }
        Ok(())
    }

    fn comment(&mut self, raw: &Raw<'_>) {
        let text = match raw.in_block && !raw.text.is_empty() {
            true => format!("; {}", raw.text),
            false => raw.text.to_owned(),
        };
        let line = DocumentLine::added(Meaning::Comment, text);
        self.source.document.push(line);
    }

    fn put(&mut self, raw: &Raw<'_>, meaning: Meaning) {
        let text = if raw.in_block {
            self.comment(raw);
            escaped(raw.code)
        } else {
            raw.text.to_owned()
        };
        self.source.document.push(DocumentLine {
            notes: Vec::new(),
            text: Zeroizing::new(text),
            meaning,
            origin: Some(raw.place.clone()),
            off: false,
        });
    }

    /// A line that goes on as a comment.
    fn off(&mut self, place: &Location, text: &str, note: &str) {
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        self.source.document.push(DocumentLine {
            notes: vec![note.to_owned()],
            text: Zeroizing::new(text),
            meaning: Meaning::Comment,
            origin: Some(place.clone()),
            off: true,
        });
    }

    fn unreadable(
        &mut self,
        place: &Location,
        text: &str,
        error: LineError,
    ) -> Result<(), ImportError> {
        let (text, spoils, why) = match error {
            LineError::TooLong => ("", false, "Asterisk skips such a line"),
            LineError::NoEqualSign | LineError::NoName => {
                (text, false, "Asterisk ignores such a line")
            }
            LineError::NotUtf8 | LineError::ControlCharacter => (text, true, "Asterisk reads it"),
            fatal => return Err(ImportError::Source(place.clone(), fatal.to_string())),
        };
        let what = format!("{error}: left out; {why}");
        self.findings.add(Group::MustLookAt, Some(place), &what);
        self.off(place, text, &what);
        if spoils {
            let index = self.source.document.lines.len();
            self.source.spoiled.push(index.saturating_sub(1));
        }
        Ok(())
    }

    fn directive(
        &mut self,
        raw: &Raw<'_>,
        word: &str,
        argument: Option<&str>,
    ) -> Result<(), ImportError> {
        let place = &raw.place;
        let tolerant = word.eq_ignore_ascii_case("tryinclude");
        if !tolerant && !word.eq_ignore_ascii_case("include") {
            let what = if word.eq_ignore_ascii_case("exec") {
                "what #exec would print is not taken over".to_owned()
            } else {
                format!("the directive {} is unknown and left out", quoted(word))
            };
            self.findings.add(Group::MustLookAt, Some(place), &what);
            self.off(place, raw.code, &what);
            return Ok(());
        }
        let missing = |what| ImportError::Source(place.clone(), what);
        let pattern = argument.ok_or_else(|| missing(format!("#{word} names no file")))?;
        let paths = self
            .files
            .matching(pattern)
            .map_err(|error| missing(error.to_string()))?;
        if paths.is_empty() && !tolerant {
            let what = format!("#include {} finds no file", quoted(pattern));
            return Err(missing(what));
        }
        self.off(place, raw.code, "the text of the file stands here instead");
        paths.iter().try_for_each(|path| self.file(path))
    }
}

fn has_block_mark(line: &[u8]) -> bool {
    let has = |mark| memchr::memmem::find(line, mark).is_some();
    has(b";--") || has(b"--;")
}
