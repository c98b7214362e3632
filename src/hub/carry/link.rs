//! The connection to Asterisk, and the actions that it offers, as they are carried.

use serde::{Deserialize, Serialize};

use super::plain::{Blob, Nanos};
use crate::hub::link::{Booted, Link, OwnSession, Phase};
use crate::policy::action::{Action, ActionTable};
use crate::policy::class::Classes;
use crate::protocol::upstream_framer::End;

#[derive(Serialize, Deserialize)]
enum CarriedPhase {
    Down(String),
    Greeting,
    LoggingIn,
    Learning,
    Ready,
}

#[derive(Serialize, Deserialize)]
enum CarriedOwn {
    None,
    Expected,
    Known(Blob),
}

#[derive(Serialize, Deserialize)]
struct CarriedBooted {
    heard: Nanos,
    uptime: u64,
    last_reload: u64,
}

/// A [`Link`].
#[derive(Serialize, Deserialize)]
pub(super) struct CarriedLink {
    phase: CarriedPhase,
    deadline: Option<Nanos>,
    retry_at: Option<Nanos>,
    failures: u32,
    drop_cause: Option<String>,
    refused: bool,
    received_at: Nanos,
    own_session: CarriedOwn,
    booted: Option<CarriedBooted>,
    announcement: Option<Blob>,
    requested: u32,
    confirmed: u32,
    narrow_at: Option<Nanos>,
    relearn: bool,
    #[serde(default)]
    at_once: bool,
    ready_at: Nanos,
}

impl CarriedLink {
    pub(super) const fn is_up(&self) -> bool {
        !matches!(self.phase, CarriedPhase::Down(_))
    }

    pub(super) fn pack(link: Link) -> Self {
        let Link {
            phase,
            deadline,
            retry_at,
            failures,
            drop_cause,
            refused,
            received_at,
            own_session,
            booted,
            announcement,
            requested,
            confirmed,
            narrow_at,
            relearn,
            at_once,
            ready_at,
        } = link;
        Self {
            phase: match phase {
                Phase::Down { cause } => CarriedPhase::Down(cause),
                Phase::Greeting => CarriedPhase::Greeting,
                Phase::LoggingIn => CarriedPhase::LoggingIn,
                Phase::Learning => CarriedPhase::Learning,
                Phase::Ready => CarriedPhase::Ready,
            },
            deadline: deadline.map(Nanos::from),
            retry_at: retry_at.map(Nanos::from),
            failures,
            drop_cause,
            refused,
            received_at: received_at.into(),
            own_session: match own_session {
                OwnSession::None => CarriedOwn::None,
                OwnSession::Expected => CarriedOwn::Expected,
                OwnSession::Known(session) => CarriedOwn::Known(Blob(session.into())),
            },
            booted: booted.map(|booted| {
                let Booted {
                    heard,
                    uptime,
                    last_reload,
                } = booted;
                CarriedBooted {
                    heard: heard.into(),
                    uptime,
                    last_reload,
                }
            }),
            announcement: announcement.map(|event| Blob(event.into())),
            requested: requested.bits(),
            confirmed: confirmed.bits(),
            narrow_at: narrow_at.map(Nanos::from),
            relearn,
            at_once,
            ready_at: ready_at.into(),
        }
    }

    pub(super) fn unpack(self) -> Link {
        Link {
            phase: match self.phase {
                CarriedPhase::Down(cause) => Phase::Down { cause },
                CarriedPhase::Greeting => Phase::Greeting,
                CarriedPhase::LoggingIn => Phase::LoggingIn,
                CarriedPhase::Learning => Phase::Learning,
                CarriedPhase::Ready => Phase::Ready,
            },
            deadline: self.deadline.map(Nanos::get),
            retry_at: self.retry_at.map(Nanos::get),
            failures: self.failures,
            drop_cause: self.drop_cause,
            refused: self.refused,
            received_at: self.received_at.get(),
            own_session: match self.own_session {
                CarriedOwn::None => OwnSession::None,
                CarriedOwn::Expected => OwnSession::Expected,
                CarriedOwn::Known(session) => OwnSession::Known(Box::from(&*session.0)),
            },
            booted: self.booted.map(|booted| Booted {
                heard: booted.heard.get(),
                uptime: booted.uptime,
                last_reload: booted.last_reload,
            }),
            announcement: self.announcement.map(|event| event.0.into()),
            requested: Classes::from_bits(self.requested),
            confirmed: Classes::from_bits(self.confirmed),
            narrow_at: self.narrow_at.map(Nanos::get),
            relearn: self.relearn,
            at_once: self.at_once,
            ready_at: self.ready_at.get(),
        }
    }
}

/// An [`End`].
#[derive(Serialize, Deserialize)]
pub(super) enum CarriedEnd {
    Headers,
    Text,
    Command,
}

impl From<End> for CarriedEnd {
    fn from(end: End) -> Self {
        match end {
            End::Headers => Self::Headers,
            End::Text => Self::Text,
            End::Command => Self::Command,
        }
    }
}

impl From<CarriedEnd> for End {
    fn from(end: CarriedEnd) -> Self {
        match end {
            CarriedEnd::Headers => Self::Headers,
            CarriedEnd::Text => Self::Text,
            CarriedEnd::Command => Self::Command,
        }
    }
}

/// What Asterisk told of an action; the rest is built in, in the new version's way.
#[derive(Serialize, Deserialize)]
pub(super) struct CarriedAction {
    name: Box<str>,
    synopsis: Box<str>,
    classes: u32,
}

impl CarriedAction {
    pub(super) fn pack(action: &Action) -> Self {
        let Action {
            name,
            synopsis,
            classes,
            handling: _,
            shape: _,
            only_reads: _,
            list_end: _,
        } = action;
        Self {
            name: name.clone(),
            synopsis: synopsis.clone(),
            classes: classes.bits(),
        }
    }

    pub(super) fn table(actions: &[Self]) -> ActionTable {
        ActionTable::of_rows(actions.iter().map(|action| {
            let classes = Classes::from_bits(action.classes);
            (&*action.name, &*action.synopsis, classes)
        }))
    }
}
