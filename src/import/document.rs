//! A configuration file that is being rewritten: its lines with what each is, so that the administrator's own order and
//! comments stay, and what was found about a line can be written above it.

use zeroize::Zeroizing;

use crate::config::diagnostics::Location;

/// What a line of a document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A comment, or nothing.
    Comment,
    /// `[name]` with whatever modifiers.
    Header {
        /// The section's name.
        name: String,
    },
    /// `name = value`.
    Option {
        /// The option's name as written.
        name: String,
        /// Whether it is `+=`.
        append: bool,
    },
}

/// One line.
pub(super) struct DocumentLine {
    /// What is said about it, in comments above it.
    pub(super) notes: Vec<String>,
    /// The line without its end; it may hold a secret.
    pub(super) text: Zeroizing<String>,
    pub(super) meaning: Meaning,
    /// Where it was read; `None` where it was added.
    pub(super) origin: Option<Location>,
    /// Whether it is written as a comment.
    pub(super) off: bool,
}

impl DocumentLine {
    /// A line that was not in the original.
    pub(super) fn added(meaning: Meaning, text: String) -> Self {
        Self {
            notes: Vec::new(),
            text: Zeroizing::new(text),
            meaning,
            origin: None,
            off: false,
        }
    }

    /// A comment that was not in the original.
    pub(super) fn comment(text: &str) -> Self {
        let text = if text.is_empty() {
            String::new()
        } else {
            format!("; {text}")
        };
        Self::added(Meaning::Comment, text)
    }

    /// The header of a section that was not in the original.
    pub(super) fn header(name: &str) -> Self {
        let meaning = Meaning::Header {
            name: name.to_owned(),
        };
        Self::added(meaning, format!("[{name}]"))
    }

    /// An option that was not in the original.
    pub(super) fn option(name: &str, value: &str) -> Self {
        let meaning = Meaning::Option {
            name: name.to_owned(),
            append: false,
        };
        Self::added(meaning, assignment(name, value))
    }

    /// The same, with a comment above it.
    pub(super) fn noted(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// The option's name, unless the line is off or something else.
    pub(super) fn option_name(&self) -> Option<&str> {
        match &self.meaning {
            Meaning::Option { name, .. } if !self.off => Some(name),
            _ => None,
        }
    }

    /// The section's name, unless the line is off or something else.
    pub(super) fn header_name(&self) -> Option<&str> {
        match &self.meaning {
            Meaning::Header { name } if !self.off => Some(name),
            _ => None,
        }
    }
}

/// `name = value`, in a form that is read back as just that.
pub(super) fn assignment(name: &str, value: &str) -> String {
    let mut line = format!("{} = {}", escaped(name), escaped(value));
    line.truncate(line.trim_end().len());
    line
}

/// Text without comments, in a form in which no part of it is taken for one.
pub(super) fn escaped(text: &str) -> String {
    text.replace(';', "\\;")
}

/// The lines of a file.
#[derive(Default)]
pub(super) struct Document {
    pub(super) lines: Vec<DocumentLine>,
}

/// The text of a document, and which of its lines each line of the text stands for.
pub(super) struct Rendered {
    pub(super) text: Zeroizing<String>,
    sources: Vec<Option<usize>>,
}

impl Rendered {
    /// The document's line behind a line of the text, which is counted from 1.
    pub(super) fn source(&self, line: u32) -> Option<usize> {
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        self.sources.get(index).copied().flatten()
    }
}

impl Document {
    pub(super) fn push(&mut self, line: DocumentLine) {
        self.lines.push(line);
    }

    /// Adds an empty line and comments.
    pub(super) fn comments(&mut self, texts: &[&str]) {
        self.push(DocumentLine::comment(""));
        for text in texts {
            self.push(DocumentLine::comment(text));
        }
    }

    /// Adds an option to the section begun last.
    pub(super) fn option(&mut self, name: &str, value: &str) {
        self.push(DocumentLine::option(name, value));
    }

    /// Adds a header.
    pub(super) fn header(&mut self, name: &str) {
        self.push(DocumentLine::header(name));
    }

    /// The line of that index.
    pub(super) fn get(&self, index: usize) -> Option<&DocumentLine> {
        self.lines.get(index)
    }

    /// Writes a line as a comment from now on, with a note above it. False if it is one already.
    pub(super) fn switch_off(&mut self, index: usize, note: impl Into<String>) -> bool {
        let Some(line) = self.lines.get_mut(index).filter(|line| !line.off) else {
            return false;
        };
        line.off = true;
        line.notes.push(note.into());
        true
    }

    /// Makes a section one that is there to be inherited from only, so that it grants nobody anything. False if its
    /// header is such a one already, or none.
    pub(super) fn disable(&mut self, index: usize, note: impl Into<String>) -> bool {
        let Some(line) = self.lines.get_mut(index) else {
            return false;
        };
        let Some(name) = line.header_name().map(str::to_owned) else {
            return false;
        };
        let rest = line.text.split_once(']').map_or("", |(_, rest)| rest);
        let modifiers = rest
            .strip_prefix('(')
            .and_then(|rest| rest.split_once(')'))
            .map(|(modifiers, _)| modifiers);
        let header = match modifiers {
            Some(modifiers) if modifiers.split(',').any(|modifier| modifier == "!") => {
                return false;
            }
            Some(modifiers) => format!("[{name}]({modifiers},!)"),
            None => format!("[{name}](!)"),
        };
        line.text = Zeroizing::new(escaped(&header));
        line.notes.push(note.into());
        self.add_to_template(index, &name);
        true
    }

    /// Sections further down that add to one which is a template now have to say so.
    fn add_to_template(&mut self, index: usize, name: &str) {
        let headers = self.headers(name);
        for later in headers.into_iter().filter(|later| *later > index) {
            if let Some(line) = self.lines.get_mut(later) {
                let text = line.text.replacen("](+)", "](+TEMPLATES=include)", 1);
                let text = text.replacen("](+,", "](+TEMPLATES=include,", 1);
                line.text = Zeroizing::new(text);
            }
        }
    }

    /// Replaces an option's value.
    pub(super) fn rewrite(&mut self, index: usize, value: &str, note: impl Into<String>) {
        if let Some(line) = self.lines.get_mut(index)
            && let Some(name) = line.option_name().map(str::to_owned)
        {
            line.text = Zeroizing::new(assignment(&name, value));
            line.notes.push(note.into());
        }
    }

    /// The name of the section that each line stands in, lower case.
    pub(super) fn sections(&self) -> Vec<Option<String>> {
        let mut current = None;
        let mut sections = Vec::new();
        for line in &self.lines {
            if let Some(name) = line.header_name() {
                current = Some(name.to_ascii_lowercase());
            }
            sections.push(current.clone());
        }
        sections
    }

    /// The headers of sections of that name, ignoring case.
    pub(super) fn headers(&self, name: &str) -> Vec<usize> {
        let lines = self.lines.iter().enumerate();
        lines
            .filter(|(_, line)| {
                line.header_name()
                    .is_some_and(|own| own.eq_ignore_ascii_case(name))
            })
            .map(|(index, _)| index)
            .collect()
    }

    /// The lines of all sections of that name that have an option of one of these names.
    pub(super) fn options(&self, section: &str, names: &[&str]) -> Vec<usize> {
        let section = section.to_ascii_lowercase();
        let lines = self.lines.iter().zip(self.sections()).enumerate();
        lines
            .filter(|(_, (line, own))| {
                let named = |own: &str| names.iter().any(|name| name.eq_ignore_ascii_case(own));
                own.as_ref() == Some(&section) && line.option_name().is_some_and(named)
            })
            .map(|(index, _)| index)
            .collect()
    }

    /// Adds lines behind that of this index.
    pub(super) fn insert_behind(&mut self, index: usize, lines: Vec<DocumentLine>) {
        let at = (index + 1).min(self.lines.len());
        self.lines.splice(at..at, lines);
    }

    /// The whole as text.
    pub(super) fn render(&self) -> Rendered {
        let mut text = Zeroizing::new(String::new());
        let mut sources = Vec::new();
        for (index, line) in self.lines.iter().enumerate() {
            for note in &line.notes {
                text.push_str("; amimux: ");
                text.push_str(note);
                text.push('\n');
                sources.push(None);
            }
            // The blank keeps dashes at the start of the line from making this a comment over many lines.
            if line.off {
                text.push_str("; ");
            }
            text.push_str(&line.text);
            text.push('\n');
            sources.push((!line.off).then_some(index));
        }
        Rendered { text, sources }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disabled_section_is_a_template_whatever_its_modifiers() {
        let cases = [
            ("[crm]", "[crm](!)"),
            ("[crm] ; the desk", "[crm](!)"),
            ("[crm](local)", "[crm](local,!)"),
            ("[crm](+)", "[crm](+,!)"),
        ];
        for (before, after) in cases {
            let mut document = Document::default();
            let meaning = Meaning::Header { name: "crm".into() };
            document.push(DocumentLine::added(meaning, before.into()));
            assert!(document.disable(0, "why"), "{before}");
            let text = document.render().text.to_string();
            assert_eq!(text, format!("; amimux: why\n{after}\n"));
            assert!(!document.disable(0, "again"), "{before}");
        }
    }

    #[test]
    fn lines_of_the_text_lead_back_to_those_of_the_document() {
        let mut document = Document::default();
        document.header("crm");
        document.push(
            DocumentLine::option("secret", "a;b")
                .noted("one")
                .noted("two"),
        );
        document.option("--x", "1");
        document.switch_off(2, "off");
        let rendered = document.render();
        assert_eq!(
            rendered.text.as_str(),
            "[crm]\n; amimux: one\n; amimux: two\nsecret = a\\;b\n; amimux: off\n; --x = 1\n"
        );
        let sources: Vec<_> = (0..7).map(|line| rendered.source(line)).collect();
        assert_eq!(sources, [None, Some(0), None, None, Some(1), None, None]);
    }
}
