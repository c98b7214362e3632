//! What is different between two configurations, in lines for people: one for each option, section or file. Secrets are
//! never shown. What is written elsewhere or otherwise and means the same is no difference.

use super::diagnostics::quoted;
use super::options::{OptionDoc, Place, documented};
pub use super::picture::Picture;
use super::picture::{Form, Section, Value};

/// Lines of one option that are shown at most.
const SHOWN_MAX: usize = 4;

impl Picture {
    /// What is different in `new`, in the order of its sections; nothing where both mean the same.
    pub fn changes(&self, new: &Self) -> Vec<String> {
        let docs = documented();
        let mut changes = Vec::new();
        for place in [Place::General, Place::Http] {
            let nothing = Section::empty(place);
            let of = |picture: &Self| picture.sections.iter().find(|s| s.place == place).cloned();
            let (old_one, new_one) = (of(self), of(new));
            if place == Place::General || self.serves_http || new.serves_http {
                let old_one = old_one.as_ref().unwrap_or(&nothing);
                compare(
                    old_one,
                    new_one.as_ref().unwrap_or(&nothing),
                    &docs,
                    &mut changes,
                );
            }
        }
        self.compare_acls(new, &mut changes);
        let elsewhere = changes.len();
        for place in [Place::Restriction, Place::Upstream, Place::User] {
            if place == Place::Restriction && !(self.serves_http || new.serves_http) {
                continue;
            }
            self.compare_named(new, place, elsewhere > 0, &docs, &mut changes);
        }
        let order = |picture: &Self, other: &Self| {
            let upstreams = picture.all(Place::Upstream);
            let names = upstreams.filter(|section| other.find(section).is_some());
            names
                .map(|section| section.name.clone())
                .collect::<Vec<_>>()
        };
        let now = order(new, self);
        if order(self, new) != now {
            changes.push(format!("upstreams: their order is {}", now.join(", ")));
        }
        changes
    }

    fn all(&self, place: Place) -> impl Iterator<Item = &Section> {
        self.sections
            .iter()
            .filter(move |section| section.place == place)
    }

    /// The section that is the same one there. Of two users of one name the later counts.
    fn find(&self, section: &Section) -> Option<&Section> {
        let mut sections = self.sections.iter().rev();
        sections.find(|own| own.place == section.place && own.is_called(section))
    }

    fn compare_acls(&self, new: &Self, changes: &mut Vec<String>) {
        for (name, rules) in &new.acls {
            let before = self.acls.iter().find(|(own, _)| own == name);
            if before.is_some_and(|(_, before)| before != rules) {
                changes.push(format!("acl {name}: rules changed"));
            }
        }
    }

    /// `elsewhere`: what has changed in other sections may be why a user is another one.
    fn compare_named(
        &self,
        new: &Self,
        place: Place,
        elsewhere: bool,
        docs: &[OptionDoc],
        changes: &mut Vec<String>,
    ) {
        for section in new.all(place) {
            if !new
                .find(section)
                .is_some_and(|last| std::ptr::eq(last, section))
            {
                continue;
            }
            let Some(old) = self.find(section) else {
                changes.push(format!("{}: added", section.title()));
                continue;
            };
            let user = |picture: &Self| picture.users.get(section.name.as_bytes()).cloned();
            let (was, is) = (user(self), user(new));
            if place == Place::User && was == is {
                continue;
            }
            let before = changes.len();
            compare(old, section, docs, changes);
            if place == Place::User && changes.len() == before && !elsewhere {
                changes.push(format!("{}: changed", section.title()));
            }
        }
        for section in self.all(place) {
            let is_last = self
                .find(section)
                .is_some_and(|last| std::ptr::eq(last, section));
            if is_last && new.find(section).is_none() {
                changes.push(format!("{}: removed", section.title()));
            }
        }
    }
}

impl Section {
    const fn empty(place: Place) -> Self {
        Self {
            place,
            name: String::new(),
            values: Vec::new(),
            access: Vec::new(),
        }
    }

    fn is_called(&self, other: &Self) -> bool {
        match self.place {
            Place::User => self.name.eq_ignore_ascii_case(&other.name),
            _ => self.name == other.name,
        }
    }

    /// What a line begins with.
    fn title(&self) -> String {
        match self.place {
            Place::General => "[general]".to_owned(),
            Place::Http => "[http]".to_owned(),
            Place::User => format!("user {}", self.name),
            Place::Upstream => format!("upstream {}", self.name),
            Place::Restriction => format!("restriction {}", self.name),
        }
    }

    /// The same before a colon where one belongs.
    fn prefix(&self) -> String {
        let colon = match self.place {
            Place::General | Place::Http => "",
            Place::User | Place::Upstream | Place::Restriction => ":",
        };
        format!("{}{colon} ", self.title())
    }

    /// Whether the option says nothing, because TLS is not spoken.
    fn is_idle(&self, option: &str) -> bool {
        let switch = match self.place {
            Place::General | Place::Http => "tlsenable",
            Place::Upstream => "tls",
            Place::User | Place::Restriction => return false,
        };
        option.starts_with("tls") && option != switch && !self.says_yes(switch)
    }
}

fn compare(old: &Section, new: &Section, docs: &[OptionDoc], changes: &mut Vec<String>) {
    let before = changes.len();
    for doc in docs.iter().filter(|doc| doc.place == new.place) {
        if old.is_idle(doc.name) && new.is_idle(doc.name) {
            continue;
        }
        if let Some(what) = difference(doc, old.get(doc.name), new.get(doc.name)) {
            changes.push(format!("{}{what}", new.prefix()));
        }
    }
    let named = changes.get(before..).unwrap_or_default().iter();
    let is_told = named
        .into_iter()
        .any(|line| line.contains("permit ") || line.contains("deny "));
    if old.access != new.access && !is_told {
        changes.push(format!(
            "{}the order of permit and deny changed",
            new.prefix()
        ));
    }
}

/// What is different about one option, if anything.
fn difference(doc: &OptionDoc, old: Option<&Value>, new: Option<&Value>) -> Option<String> {
    let form = new.or(old)?.form;
    let name = doc.name;
    let of = |value: Option<&Value>| match (value, form) {
        (Some(value), _) => value.lines.clone(),
        (None, Form::Scalar(scalar)) => scalar.default(doc.default).into_iter().collect(),
        (None, _) => Vec::new(),
    };
    let (was, is) = (of(old), of(new));
    let compared = |lines: &[(String, String)]| -> Vec<String> {
        lines.iter().map(|(compared, _)| compared.clone()).collect()
    };
    if compared(&was) == compared(&is) {
        let content = |value: Option<&Value>| value.and_then(|value| value.content);
        return (content(old) != content(new)).then(|| content_changed(doc));
    }
    if form == Form::Hidden {
        return Some(match (was.is_empty(), is.is_empty()) {
            (true, _) => format!("{name} added"),
            (_, true) => format!("{name} removed"),
            _ => format!("{name} changed"),
        });
    }
    let show = |lines: &[(String, String)]| shown(lines, form);
    Some(format!("{name} was {}, is {}", show(&was), show(&is)))
}

/// Another thing stands in the file that an option names.
fn content_changed(doc: &OptionDoc) -> String {
    let option = doc.name;
    let what = match option {
        "secretfile" => "secret changed",
        "webtokenfile" => "webtoken changed",
        "tlscertfile" if doc.place == Place::Upstream => "certificate changed",
        "tlscertfile" => "certificate of tlsbindaddr changed",
        "tlsprivatekey" => "private key changed",
        _ => "contents changed",
    };
    format!("{what} (the file of {option})")
}

fn shown(lines: &[(String, String)], form: Form) -> String {
    let one = |text: &str| match form {
        Form::Scalar(scalar) if !scalar.is_text() && !text.is_empty() => text.to_owned(),
        _ => quoted(text),
    };
    let mut words: Vec<String> = lines
        .iter()
        .take(SHOWN_MAX)
        .map(|(_, text)| one(text))
        .collect();
    if lines.len() > SHOWN_MAX {
        words.push(format!("{} more", lines.len() - SHOWN_MAX));
    }
    match words.is_empty() {
        true => "not set".to_owned(),
        false => words.join(" and "),
    }
}
