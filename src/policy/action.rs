//! The table of actions: who may run each, who answers it, and what its reply looks like.
//! An action that is not in the table does not exist for a client: nothing unknown is ever forwarded.
//! Source: `main/manager.c`, `action_find`, `process_message`, `action_listcommands`, `ast_manager_register_struct`.

use std::cmp::Ordering;

use bytes::{BufMut, BytesMut};

use super::action_table::{ROWS, Row};
use super::class::{Classes, LABELS};
use super::decision::may_run;
use super::user::User;

/// Who deals with an action.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Handling {
    /// Answered here: logs the client in.
    Login,
    /// Answered here: ends the client's session, never the shared one.
    Logoff,
    /// Answered here: the digits for a login with MD5.
    Challenge,
    /// Answered here: changes this session's event mask.
    Events,
    /// Answered here: concerns this session's event filters.
    Filter,
    /// Answered here: would block the shared session.
    WaitEvent,
    /// Answered here, from this table.
    ListCommands,
    /// Answered here.
    Ping,
    /// Forwarded, always asynchronously, after the guards.
    Originate,
    /// Forwarded; its event repeats the request.
    UserEvent,
    /// Forwarded after the guards.
    Forward,
}

impl Handling {
    /// By the name alone, ignoring case as Asterisk does: what Asterisk lists cannot change it.
    fn of(name: &str) -> Self {
        const SPECIAL: [(&str, Handling); 10] = [
            ("Login", Handling::Login),
            ("Logoff", Handling::Logoff),
            ("Challenge", Handling::Challenge),
            ("Events", Handling::Events),
            ("Filter", Handling::Filter),
            ("WaitEvent", Handling::WaitEvent),
            ("ListCommands", Handling::ListCommands),
            ("Ping", Handling::Ping),
            ("Originate", Handling::Originate),
            ("UserEvent", Handling::UserEvent),
        ];
        SPECIAL
            .iter()
            .find(|(special, _)| special.eq_ignore_ascii_case(name))
            .map_or(Self::Forward, |(_, handling)| *handling)
    }

    /// Whether the action is answered here and never reaches Asterisk.
    pub const fn is_local(self) -> bool {
        !matches!(self, Self::Originate | Self::UserEvent | Self::Forward)
    }
}

/// What Asterisk's reply looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReplyShape {
    /// One response, or a list that follows the EventList convention.
    Ordinary,
    /// None, several, or raw text: its end is only known when the next reply begins.
    /// So are the replies of all actions that the built-in table does not know.
    Irregular,
}

/// One action.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Action {
    /// The name as Asterisk writes it.
    pub name: Box<str>,
    /// One line about it; empty until Asterisk told, except for actions answered here.
    pub synopsis: Box<str>,
    /// Any of these classes may run it; none means that everybody may.
    pub classes: Classes,
    /// Who deals with it.
    pub handling: Handling,
    /// What the reply looks like.
    pub shape: ReplyShape,
    /// Whether it is known to change nothing.
    pub only_reads: bool,
    /// Name of the event that ends its list, where known.
    pub list_end: Option<&'static str>,
}

impl Action {
    fn new(name: &str, synopsis: &str, classes: Classes, known: Option<&Row>) -> Self {
        Self {
            name: name.into(),
            synopsis: synopsis.into(),
            classes,
            handling: Handling::of(name),
            shape: known.map_or(ReplyShape::Irregular, |row| row.shape),
            only_reads: known.is_some_and(|row| row.only_reads),
            list_end: known.and_then(|row| row.list_end),
        }
    }

    /// An action as the built-in table has it, by its name as Asterisk writes it.
    pub(super) fn known(name: &str) -> Option<Self> {
        ROWS.iter().find(|row| row.name == name).map(Self::built_in)
    }

    fn built_in(row: &Row) -> Self {
        Self::new(row.name, row.synopsis, row.classes, Some(row))
    }
}

/// Every action that there is, looked up ignoring ASCII case over the whole name.
#[derive(Clone, Debug)]
pub struct ActionTable {
    /// Ordered by name ignoring case, each name once.
    actions: Vec<Action>,
}

impl ActionTable {
    /// What is known before any Asterisk was asked: all branches from 11 on.
    pub fn builtin() -> Self {
        Self::ordered(ROWS.iter().map(Action::built_in).collect())
    }

    /// What an Asterisk told of itself: the lines of its answer to ListCommands, asked with every class.
    /// Lines of another form are no actions; an action whose classes cannot be read is left out and so refused.
    /// Actions answered here are there even if Asterisk does not list them.
    pub fn learned<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Self {
        let listed = lines.filter_map(parse_line);
        let own = ROWS
            .iter()
            .map(Action::built_in)
            .filter(|action| action.handling.is_local());
        Self::ordered(listed.chain(own).collect())
    }

    /// A table of these names, synopses and classes; whatever else there is to know is built in. Actions answered here
    /// are there in any case.
    pub fn of_rows<'a>(rows: impl Iterator<Item = (&'a str, &'a str, Classes)>) -> Self {
        let known = |name: &str| ROWS.iter().find(|row| row.name.eq_ignore_ascii_case(name));
        let listed =
            rows.map(|(name, synopsis, classes)| Action::new(name, synopsis, classes, known(name)));
        let own = ROWS
            .iter()
            .map(Action::built_in)
            .filter(|action| action.handling.is_local());
        Self::ordered(listed.chain(own).collect())
    }

    /// The name of an event, if it is one that is known to end a list.
    pub fn list_end(name: &str) -> Option<&'static str> {
        let mut ends = ROWS.iter().filter_map(|row| row.list_end);
        ends.find(|end| *end == name)
    }

    /// The first of equal names counts, as in Asterisk's own list.
    fn ordered(mut actions: Vec<Action>) -> Self {
        actions.sort_by(|one, other| compare(one.name.as_bytes(), other.name.as_bytes()));
        actions.dedup_by(|later, first| later.name.eq_ignore_ascii_case(&first.name));
        Self { actions }
    }

    /// The action of that name, ignoring case; trailing blanks count, as in Asterisk.
    pub fn get(&self, name: &[u8]) -> Option<&Action> {
        self.actions
            .binary_search_by(|action| compare(action.name.as_bytes(), name))
            .ok()
            .and_then(|index| self.actions.get(index))
    }

    /// All actions in Asterisk's order: by name, ignoring case.
    pub fn iter(&self) -> impl Iterator<Item = &Action> {
        self.actions.iter()
    }

    /// Writes the headers of an answer to ListCommands: what `user` may run, one line
    /// `Name: synopsis  (Priv: class,…,all)` each.
    pub fn list_commands(&self, user: &User, out: &mut BytesMut) {
        for action in self.iter().filter(|action| may_run(action, user)) {
            for part in [&*action.name, ": ", &*action.synopsis, "  (Priv: "] {
                out.put_slice(part.as_bytes());
            }
            write_privilege(action.classes, out);
            out.put_slice(b")\r\n");
        }
    }
}

fn compare(one: &[u8], other: &[u8]) -> Ordering {
    let one = one.iter().map(u8::to_ascii_lowercase);
    one.cmp(other.iter().map(u8::to_ascii_lowercase))
}

/// The classes as Asterisk writes them (`authority_to_str`): every label, then `all`.
fn write_privilege(classes: Classes, out: &mut BytesMut) {
    if classes.is_empty() {
        out.put_slice(b"<none>");
        return;
    }
    for (label, class) in LABELS {
        if classes.contains_all(class) {
            out.put_slice(label.as_bytes());
            out.put_u8(b',');
        }
    }
    out.put_slice(b"all");
}

/// One line of Asterisk's answer to ListCommands; `None` for any other line.
fn parse_line(line: &[u8]) -> Option<Action> {
    const PRIVILEGE: &str = "  (Priv: ";
    let line = std::str::from_utf8(line.trim_ascii_end()).ok()?;
    let (name, rest) = line.split_once(": ")?;
    let at = rest.rfind(PRIVILEGE)?;
    let (synopsis, privilege) = rest.split_at_checked(at)?;
    let privilege = privilege.strip_prefix(PRIVILEGE)?.strip_suffix(')')?;
    if name.is_empty() {
        return None;
    }
    let known = ROWS.iter().find(|row| row.name.eq_ignore_ascii_case(name));
    Some(Action::new(
        name,
        synopsis,
        parse_privilege(privilege)?,
        known,
    ))
}

/// Only what Asterisk can have written: known labels and a closing `all`, or `<none>`.
fn parse_privilege(text: &str) -> Option<Classes> {
    if text == "<none>" {
        return Some(Classes::NONE);
    }
    if text == "all" {
        return Some(without_label());
    }
    let mut classes = Classes::NONE;
    for label in text.strip_suffix(",all")?.split(',') {
        let (_, class) = LABELS.iter().find(|(known, _)| *known == label)?;
        classes = classes.union(*class);
    }
    Some(classes)
}

/// The bits that no label names: held by sessions with every class only.
fn without_label() -> Classes {
    let labelled = LABELS
        .iter()
        .fold(Classes::NONE, |all, (_, class)| all.union(*class));
    Classes::from_bits(Classes::ALL.bits() & !labelled.bits())
}

#[cfg(test)]
mod tests;
