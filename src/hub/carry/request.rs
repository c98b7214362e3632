//! Requests that are not answered yet, as they are carried.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::flight::{CarriedRoute, CarriedShape};
use super::plain::{Blob, Nanos};
use super::{CarryError, blob, boxed, unsound};
use crate::hub::security::Happening;
use crate::hub::session::{Local, Pending, Queued, Stage};
use crate::policy::action::ActionTable;
use crate::policy::class::Classes;
use crate::policy::event_mask::EventMask;
use crate::protocol::rebuild::Outgoing;

/// An [`EventMask`].
#[derive(Serialize, Deserialize)]
pub(super) enum CarriedMask {
    Invalid,
    Off,
    Some(u32),
    Everything,
}

impl From<EventMask> for CarriedMask {
    fn from(mask: EventMask) -> Self {
        match mask {
            EventMask::Invalid => Self::Invalid,
            EventMask::Off => Self::Off,
            EventMask::Some(classes) => Self::Some(classes.bits()),
            EventMask::Everything => Self::Everything,
        }
    }
}

impl From<CarriedMask> for EventMask {
    fn from(mask: CarriedMask) -> Self {
        match mask {
            CarriedMask::Invalid => Self::Invalid,
            CarriedMask::Off => Self::Off,
            CarriedMask::Some(bits) => Self::Some(Classes::from_bits(bits)),
            CarriedMask::Everything => Self::Everything,
        }
    }
}

/// What is told of a refused request; the rest of [`Happening`] is about logins.
#[derive(Serialize, Deserialize)]
enum CarriedHappening {
    NotAllowed(Blob),
    BadFormat(Blob),
}

impl CarriedHappening {
    fn pack(happening: Happening) -> Option<Self> {
        match happening {
            Happening::RequestNotAllowed(name) => Some(Self::NotAllowed(Blob(name.into()))),
            Happening::RequestBadFormat(name) => Some(Self::BadFormat(Blob(name.into()))),
            Happening::SuccessfulAuth
            | Happening::InvalidAccountId
            | Happening::FailedAcl
            | Happening::InvalidPassword
            | Happening::ChallengeResponseFailed { .. }
            | Happening::SessionLimit => None,
        }
    }

    fn unpack(self) -> Happening {
        match self {
            Self::NotAllowed(name) => Happening::RequestNotAllowed(Box::from(&*name.0)),
            Self::BadFormat(name) => Happening::RequestBadFormat(Box::from(&*name.0)),
        }
    }
}

#[derive(Serialize, Deserialize)]
enum CarriedStage {
    LoggedIn(CarriedMask),
    Listening(CarriedMask),
    AlreadyAuthenticated,
    Challenge(bool),
    Ping,
    Events(CarriedMask),
    WaitEvent(Option<Nanos>),
    Filter {
        criteria: Option<Box<str>>,
        pattern: Box<str>,
    },
    ListCommands,
    Logoff,
    Refuse {
        text: Blob,
        happening: Option<CarriedHappening>,
    },
    Queued(CarriedQueued),
    Sent,
}

#[derive(Serialize, Deserialize)]
struct CarriedQueued {
    /// As it came.
    text: Blob,
    bytes: Blob,
    hole: u32,
    route: CarriedRoute,
    shape: CarriedShape,
    list_end: Option<String>,
    late: Option<Nanos>,
}

/// A [`Pending`].
#[derive(Serialize, Deserialize)]
pub(super) struct CarriedPending {
    action_id: Option<Blob>,
    stage: CarriedStage,
}

impl CarriedPending {
    pub(super) fn pack(pending: Pending) -> Self {
        let Pending { action_id, stage } = pending;
        let stage = match stage {
            Stage::Sent => CarriedStage::Sent,
            Stage::Queued(queued) => CarriedStage::Queued(CarriedQueued::pack(*queued)),
            Stage::Local(local) => CarriedStage::of_local(local),
        };
        Self {
            action_id: blob(action_id),
            stage,
        }
    }

    pub(super) fn unpack(self) -> Result<Pending, CarryError> {
        Ok(Pending {
            action_id: boxed(self.action_id),
            stage: self.stage.unpack()?,
        })
    }
}

impl CarriedStage {
    fn of_local(local: Local) -> Self {
        match local {
            Local::LoggedIn(mask) => Self::LoggedIn(mask.into()),
            Local::Listening(mask) => Self::Listening(mask.into()),
            Local::AlreadyAuthenticated => Self::AlreadyAuthenticated,
            Local::Challenge(md5) => Self::Challenge(md5),
            Local::Ping => Self::Ping,
            Local::Events(mask) => Self::Events(mask.into()),
            Local::WaitEvent(timeout) => Self::WaitEvent(timeout.map(Nanos::from)),
            Local::Filter(criteria, pattern) => Self::Filter { criteria, pattern },
            Local::ListCommands => Self::ListCommands,
            Local::Logoff => Self::Logoff,
            Local::Refuse(text, happening) => Self::Refuse {
                text: Blob(text.into()),
                happening: happening.and_then(CarriedHappening::pack),
            },
        }
    }

    fn unpack(self) -> Result<Stage, CarryError> {
        let local = match self {
            Self::Sent => return Ok(Stage::Sent),
            Self::Queued(queued) => return Ok(Stage::Queued(Box::new(queued.unpack()?))),
            Self::LoggedIn(mask) => Local::LoggedIn(mask.into()),
            Self::Listening(mask) => Local::Listening(mask.into()),
            Self::AlreadyAuthenticated => Local::AlreadyAuthenticated,
            Self::Challenge(md5) => Local::Challenge(md5),
            Self::Ping => Local::Ping,
            Self::Events(mask) => Local::Events(mask.into()),
            Self::WaitEvent(timeout) => Local::WaitEvent(timeout.map(Nanos::get)),
            Self::Filter { criteria, pattern } => Local::Filter(criteria, pattern),
            Self::ListCommands => Local::ListCommands,
            Self::Logoff => Local::Logoff,
            Self::Refuse { text, happening } => {
                Local::Refuse(Box::from(&*text.0), happening.map(CarriedHappening::unpack))
            }
        };
        Ok(Stage::Local(local))
    }
}

impl CarriedQueued {
    fn pack(queued: Queued) -> Self {
        let Queued {
            text,
            outgoing,
            route,
            shape,
            list_end,
            late,
        } = queued;
        let (bytes, hole) = outgoing.parts();
        Self {
            text: Blob(text.into()),
            bytes: Blob(Bytes::copy_from_slice(bytes)),
            hole: u32::try_from(hole).unwrap_or(u32::MAX),
            route: route.into(),
            shape: shape.into(),
            list_end: list_end.map(str::to_owned),
            late: late.map(Nanos::from),
        }
    }

    fn unpack(self) -> Result<Queued, CarryError> {
        let hole = usize::try_from(self.hole).unwrap_or(usize::MAX);
        let outgoing = Outgoing::from_parts(self.bytes.0.into(), hole);
        Ok(Queued {
            text: Box::from(&*self.text.0),
            outgoing: outgoing.ok_or(unsound("an action is not whole"))?,
            route: self.route.into(),
            shape: self.shape.into(),
            list_end: self.list_end.as_deref().and_then(ActionTable::list_end),
            late: self.late.map(Nanos::get),
        })
    }
}
