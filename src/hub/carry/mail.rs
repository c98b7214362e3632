//! What a client still has to be written, as it is carried: its cursor and its private messages.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::plain::Blob;
use super::view::view_at;
use super::{CarryError, bounded, unsound};
use crate::hub::log::LogPosition;
use crate::hub::mailbox::{Mail, Mailbox, Missed, Then};
use crate::hub::view::{ViewId, Views};

/// The places of views in the list of those that are carried.
pub(super) type ViewPlaces = HashMap<ViewId, u32>;

#[derive(Serialize, Deserialize)]
enum CarriedThen {
    Continue(u64),
    Switch(u32, u64),
}

#[derive(Serialize, Deserialize)]
struct CarriedMissed {
    events: u64,
    bytes: u64,
    uncounted: bool,
}

impl CarriedMissed {
    fn pack(missed: Missed) -> Self {
        let Missed {
            events,
            bytes,
            uncounted,
        } = missed;
        Self {
            events,
            bytes,
            uncounted,
        }
    }

    const fn unpack(&self) -> Missed {
        Missed {
            events: self.events,
            bytes: self.bytes,
            uncounted: self.uncounted,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct CarriedMail {
    number: u64,
    at: u64,
    then: CarriedThen,
    bytes: Blob,
    gap: Option<CarriedMissed>,
}

/// A [`Mailbox`].
#[derive(Serialize, Deserialize)]
pub(super) struct CarriedMailbox {
    view: u32,
    cursor: u64,
    mail: Vec<CarriedMail>,
    posted: u64,
    until: Option<u64>,
    begun: bool,
    told: Option<CarriedMissed>,
}

impl CarriedMailbox {
    /// A view that is not in the list gets a place that nothing has: it is refused later.
    pub(super) fn pack(mailbox: Mailbox, places: &ViewPlaces) -> Self {
        let place = |view: ViewId| places.get(&view).copied().unwrap_or(u32::MAX);
        let Mailbox {
            view,
            cursor,
            mail,
            posted,
            until,
            begun,
            // Counted again.
            bytes: _,
            told,
        } = mailbox;
        let each = |mail| {
            let Mail {
                number,
                at,
                then,
                bytes,
                gap,
            } = mail;
            CarriedMail {
                number,
                at: at.0,
                then: match then {
                    Then::Continue(position) => CarriedThen::Continue(position.0),
                    Then::Switch(view, position) => CarriedThen::Switch(place(view), position.0),
                },
                bytes: bytes.into(),
                gap: gap.map(CarriedMissed::pack),
            }
        };
        Self {
            view: place(view),
            cursor: cursor.0,
            mail: mail.into_iter().map(each).collect(),
            posted,
            until: until.map(|until| until.0),
            begun,
            told: told.map(CarriedMissed::pack),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.mail.iter().map(|mail| mail.bytes.0.len()).sum()
    }

    /// The mailbox, and the view that its session chose last.
    pub(super) fn unpack(
        self,
        ids: &[ViewId],
        views: &Views,
    ) -> Result<(Mailbox, ViewId), CarryError> {
        let within = |view, position: u64| {
            let end = views.get(view).map(|view| view.log.end());
            let position = LogPosition(position);
            if end.is_some_and(|end| position <= end) {
                Ok(position)
            } else {
                Err(unsound("a position is beyond its view"))
            }
        };
        let first = view_at(ids, self.view)?;
        let cursor = within(first, self.cursor)?;
        let mut mailbox = Mailbox::new(first, cursor);
        let mut view = first;
        for mail in self.mail {
            let at = within(view, mail.at)?;
            let then = match mail.then {
                CarriedThen::Continue(position) => Then::Continue(within(view, position)?),
                CarriedThen::Switch(place, position) => {
                    view = view_at(ids, place)?;
                    Then::Switch(view, within(view, position)?)
                }
            };
            mailbox.bytes = mailbox.bytes.saturating_add(mail.bytes.0.len());
            mailbox.mail.push_back(Mail {
                number: bounded(mail.number)?,
                at,
                then,
                bytes: mail.bytes.into_mut(),
                gap: mail.gap.as_ref().map(CarriedMissed::unpack),
            });
        }
        mailbox.posted = bounded(self.posted)?;
        mailbox.until = self.until.map(|until| within(view, until)).transpose()?;
        let front = mailbox.mail.front();
        mailbox.begun = self.begun && front.is_some_and(|mail| !mail.bytes.is_empty());
        mailbox.told = self.told.as_ref().map(CarriedMissed::unpack);
        Ok((mailbox, view))
    }
}
