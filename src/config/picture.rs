//! What a configuration says, in a form that can be compared with another one: options in effect, whatever template or
//! file they come from, and hashes of secrets and of the files that are named.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;

use sha2::{Digest as _, Sha256};

use super::access::NamedAcls;
use super::options::{OptionDoc, Place, documented};
use super::raw::{RawOption, RawSection};
use super::secret_file::SecretFiles;
use super::value::{self, Unit};
use crate::policy::class_list::parse_class_list;
use crate::policy::user::Users;

/// Most bytes of a file that are looked at.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// A configuration as it was read.
#[derive(Debug, Clone, Default)]
pub struct Picture {
    /// In the order of the file.
    pub(super) sections: Vec<Section>,
    /// The rules of each named ACL that some section asks for.
    pub(super) acls: Vec<(String, String)>,
    /// What the user sections come to.
    pub(super) users: Users,
    /// Whether HTTP is served.
    pub(super) serves_http: bool,
}

/// One section.
#[derive(Debug, Clone)]
pub(super) struct Section {
    pub(super) place: Place,
    pub(super) name: String,
    pub(super) values: Vec<Value>,
    /// `permit` and `deny` lines in their order, which counts.
    pub(super) access: Vec<&'static str>,
}

/// One option with all its lines.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) option: &'static str,
    pub(super) form: Form,
    /// What is compared, and what is shown.
    pub(super) lines: Vec<(String, String)>,
    /// A hash of what stands in the file that it names.
    pub(super) content: Option<[u8; 32]>,
}

/// How values of an option are compared and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// One value that can be written in several ways; the last line counts.
    Scalar(Scalar),
    /// Any text; each line counts.
    Text,
    /// Never shown.
    Hidden,
    /// The name of a file.
    File,
}

/// What can be written in several ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar {
    YesNo,
    Number,
    Size,
    Duration(Unit),
    Word,
    Classes,
}

impl Form {
    fn of(doc: &OptionDoc) -> Self {
        let kind = doc.kind;
        if ["secret", "secrethash", "webtoken", "setvar", "setheader"].contains(&doc.name) {
            return Self::Hidden;
        }
        let scalar = match kind {
            "yes or no" | "yes" => Scalar::YesNo,
            "number" => Scalar::Number,
            "seconds" => Scalar::Duration(Unit::Seconds),
            "milliseconds" => Scalar::Duration(Unit::Milliseconds),
            "classes, comma separated" => Scalar::Classes,
            "file, or %d/NAME" | "path, or %d/NAME" => return Self::File,
            "name or address" => return Self::Text,
            _ if kind.contains(" or more ") => return Self::Text,
            _ if kind.starts_with(|first: char| first.is_ascii_digit()) => {
                match kind.ends_with(|last: char| last.is_ascii_digit()) {
                    true => Scalar::Number,
                    false => Scalar::Size,
                }
            }
            _ if kind.contains(" or ") => Scalar::Word,
            _ => return Self::Text,
        };
        Self::Scalar(scalar)
    }
}

impl Scalar {
    /// The same text for all that means the same; `None` for what cannot be read.
    fn canonical(self, text: &str) -> Option<String> {
        Some(match self {
            Self::YesNo => value::is_true(text).to_string(),
            Self::Number => text.trim().parse::<u64>().ok()?.to_string(),
            Self::Size => value::parse_size(text)?.to_string(),
            Self::Duration(unit) => format!("{:?}", value::parse_duration(text, unit)?),
            Self::Word => text.to_ascii_lowercase(),
            Self::Classes => format!("{:?}", parse_class_list(text).ok()?.granted),
        })
    }

    /// Whether a value is shown as text of the file.
    pub(super) const fn is_text(self) -> bool {
        matches!(self, Self::Classes)
    }

    /// What holds without a line, if the documentation says it in the words of the option.
    pub(super) fn default(self, doc: &str) -> Option<(String, String)> {
        let is_plain = match self {
            Self::YesNo => ["yes", "no"].contains(&doc),
            Self::Word => !doc.contains(' '),
            Self::Classes => return Some((self.canonical("")?, "none".to_owned())),
            _ => true,
        };
        let compared = self.canonical(doc).filter(|_| is_plain)?;
        Some((compared, doc.to_owned()))
    }
}

/// Where things are looked up while a picture is taken.
pub(super) struct Surroundings<'a> {
    pub(super) files: &'a SecretFiles<'a>,
    pub(super) acls: &'a NamedAcls,
}

impl Picture {
    /// Of these sections, which are sorted already.
    pub(super) fn take<'a>(
        sections: impl Iterator<Item = (Place, &'a RawSection)>,
        surroundings: &Surroundings<'_>,
        users: Users,
        serves_http: bool,
    ) -> Self {
        let docs = documented();
        let mut picture = Self {
            users,
            serves_http,
            ..Self::default()
        };
        for (place, section) in sections {
            for option in section.named("acl") {
                for name in option.value.split(',') {
                    if let Some(rules) = surroundings.acls.describe(name)
                        && picture.acls.iter().all(|(known, _)| known != name)
                    {
                        picture.acls.push((name.to_owned(), rules));
                    }
                }
            }
            let taken = Section::take(place, section, &docs, surroundings.files);
            picture.sections.push(taken);
        }
        picture
    }
}

impl Section {
    fn take(
        place: Place,
        section: &RawSection,
        docs: &[OptionDoc],
        files: &SecretFiles<'_>,
    ) -> Self {
        let mut taken = Self {
            place,
            name: section.name.clone(),
            values: Vec::new(),
            access: Vec::new(),
        };
        for option in &section.options {
            let here = docs.iter().filter(|doc| doc.place == place);
            if let Some(doc) = here.into_iter().find(|doc| names(doc, &option.name)) {
                taken.add(doc, option, files);
            }
        }
        taken
    }

    fn add(&mut self, doc: &OptionDoc, option: &RawOption, files: &SecretFiles<'_>) {
        // What decides which section it is was looked at when it was sorted.
        if !doc.supported || doc.name == "type" {
            return;
        }
        if ["permit", "deny"].contains(&doc.name) {
            self.access.push(doc.name);
        }
        let form = Form::of(doc);
        let text = option.value.as_str();
        let line = match form {
            Form::Scalar(scalar) => {
                let compared = scalar.canonical(text);
                (compared.unwrap_or_else(|| text.to_owned()), text.to_owned())
            }
            Form::Hidden => (
                hex(&hash(&[option.name.as_bytes(), text.as_bytes()])),
                String::new(),
            ),
            Form::Text | Form::File => {
                // Criteria stand behind the name.
                let criteria = option
                    .name
                    .get(doc.name.len()..)
                    .filter(|rest| rest.starts_with('('));
                let text = match criteria {
                    Some(criteria) => format!("{criteria} {text}"),
                    None => text.to_owned(),
                };
                (text.clone(), text)
            }
        };
        let content = match form {
            Form::File => content(doc.name, text, files),
            _ => None,
        };
        let lasts = matches!(form, Form::Scalar(_) | Form::File);
        match self
            .values
            .iter_mut()
            .find(|value| value.option == doc.name)
        {
            Some(value) if lasts => (value.lines, value.content) = (vec![line], content),
            Some(value) => value.lines.push(line),
            None => self.values.push(Value {
                option: doc.name,
                form,
                lines: vec![line],
                content,
            }),
        }
    }

    /// The lines of that option.
    pub(super) fn get(&self, option: &str) -> Option<&Value> {
        self.values.iter().find(|value| value.option == option)
    }

    /// Whether that option says yes; without a line it does not.
    pub(super) fn says_yes(&self, option: &str) -> bool {
        let line = self.get(option).and_then(|value| value.lines.last());
        line.is_some_and(|(compared, _)| compared == "true")
    }
}

fn names(doc: &OptionDoc, name: &str) -> bool {
    let base = name.split('(').next().unwrap_or(name);
    let equal = |own: &&str| own.eq_ignore_ascii_case(name);
    equal(&doc.name) || doc.aliases.iter().any(equal) || doc.name.eq_ignore_ascii_case(base)
}

/// A hash of what stands in a file; the end of a line with a secret does not count.
fn content(option: &str, name: &str, files: &SecretFiles<'_>) -> Option<[u8; 32]> {
    let path = files.path(name).ok()?;
    // Opening a pipe would wait for its writer.
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    let file = File::open(path).ok()?;
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    let is_line = !option.starts_with("tls");
    Some(hash(&[match is_line {
        true => bytes.trim_ascii_end(),
        false => &bytes,
    }]))
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        // Writing to text does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
