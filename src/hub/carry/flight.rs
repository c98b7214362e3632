//! What is with Asterisk, as it is carried: the ring, the ActionIDs that come back later, and synchronous Originates.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::plain::{Blob, Nanos};
use super::{CarryError, blob, bounded, boxed, unsound};
use crate::hub::Originate;
use crate::hub::late::{LateAction, LateActions};
use crate::hub::ring::{InFlight, Internal, Owner, Progress, Route};
use crate::hub::session::SessionId;
use crate::policy::action::{ActionTable, ReplyShape};
use crate::policy::class::Classes;

/// The places of sessions in the list of those that are carried.
pub(super) type Places = HashMap<SessionId, u32>;

/// The session at a place of the list.
pub(super) fn session_at(ids: &[SessionId], place: u32) -> Result<SessionId, CarryError> {
    let id = usize::try_from(place).ok().and_then(|place| ids.get(place));
    id.copied().ok_or(unsound("there is no such session"))
}

#[derive(Serialize, Deserialize)]
enum CarriedInternal {
    Challenge,
    Login,
    ListCommands,
    Events(u32),
    Ping,
}

#[derive(Serialize, Deserialize)]
enum CarriedOwner {
    Session {
        place: u32,
        action_id: Option<Blob>,
        route: CarriedRoute,
    },
    Internal(CarriedInternal),
    Abandoned,
}

/// A [`Route`].
#[derive(Serialize, Deserialize)]
pub(super) enum CarriedRoute {
    Deliver,
    SynchronousOriginate(Nanos),
}

impl From<Route> for CarriedRoute {
    fn from(route: Route) -> Self {
        match route {
            Route::Deliver => Self::Deliver,
            Route::SynchronousOriginate(within) => Self::SynchronousOriginate(within.into()),
        }
    }
}

impl From<CarriedRoute> for Route {
    fn from(route: CarriedRoute) -> Self {
        match route {
            CarriedRoute::Deliver => Self::Deliver,
            CarriedRoute::SynchronousOriginate(within) => Self::SynchronousOriginate(within.get()),
        }
    }
}

/// A [`ReplyShape`].
#[derive(Serialize, Deserialize)]
pub(super) enum CarriedShape {
    Ordinary,
    Irregular,
}

impl From<ReplyShape> for CarriedShape {
    fn from(shape: ReplyShape) -> Self {
        match shape {
            ReplyShape::Ordinary => Self::Ordinary,
            ReplyShape::Irregular => Self::Irregular,
        }
    }
}

impl From<CarriedShape> for ReplyShape {
    fn from(shape: CarriedShape) -> Self {
        match shape {
            CarriedShape::Ordinary => Self::Ordinary,
            CarriedShape::Irregular => Self::Irregular,
        }
    }
}

#[derive(Serialize, Deserialize)]
enum CarriedProgress {
    Waiting,
    List(u32),
    Open,
}

/// An [`InFlight`].
#[derive(Serialize, Deserialize)]
pub(super) struct CarriedEntry {
    owner: CarriedOwner,
    sent_at: Nanos,
    shape: CarriedShape,
    list_end: Option<String>,
    fenced: bool,
    progress: CarriedProgress,
}

impl CarriedEntry {
    pub(super) fn pack(entry: InFlight, places: &Places) -> Self {
        let InFlight {
            owner,
            sent_at,
            shape,
            list_end,
            fenced,
            progress,
        } = entry;
        Self {
            owner: match owner {
                Owner::Session {
                    id,
                    action_id,
                    route,
                } => match places.get(&id) {
                    Some(place) => CarriedOwner::Session {
                        place: *place,
                        action_id: blob(action_id),
                        route: route.into(),
                    },
                    None => CarriedOwner::Abandoned,
                },
                Owner::Internal(what) => CarriedOwner::Internal(match what {
                    Internal::Challenge => CarriedInternal::Challenge,
                    Internal::Login => CarriedInternal::Login,
                    Internal::ListCommands => CarriedInternal::ListCommands,
                    Internal::Events(classes) => CarriedInternal::Events(classes.bits()),
                    Internal::Ping => CarriedInternal::Ping,
                }),
                Owner::Abandoned => CarriedOwner::Abandoned,
            },
            sent_at: sent_at.into(),
            shape: shape.into(),
            list_end: list_end.map(str::to_owned),
            fenced,
            progress: match progress {
                Progress::Waiting => CarriedProgress::Waiting,
                Progress::List(items) => CarriedProgress::List(items),
                Progress::Open => CarriedProgress::Open,
            },
        }
    }

    pub(super) fn unpack(self, ids: &[SessionId]) -> Result<InFlight, CarryError> {
        Ok(InFlight {
            owner: match self.owner {
                CarriedOwner::Session {
                    place,
                    action_id,
                    route,
                } => Owner::Session {
                    id: session_at(ids, place)?,
                    action_id: boxed(action_id),
                    route: route.into(),
                },
                CarriedOwner::Internal(what) => Owner::Internal(match what {
                    CarriedInternal::Challenge => Internal::Challenge,
                    CarriedInternal::Login => Internal::Login,
                    CarriedInternal::ListCommands => Internal::ListCommands,
                    CarriedInternal::Events(bits) => Internal::Events(Classes::from_bits(bits)),
                    CarriedInternal::Ping => Internal::Ping,
                }),
                CarriedOwner::Abandoned => Owner::Abandoned,
            },
            sent_at: self.sent_at.get(),
            shape: self.shape.into(),
            list_end: self.list_end.as_deref().and_then(ActionTable::list_end),
            fenced: self.fenced,
            progress: match self.progress {
                CarriedProgress::Waiting => Progress::Waiting,
                CarriedProgress::List(items) => Progress::List(items),
                CarriedProgress::Open => Progress::Open,
            },
        })
    }
}

/// A [`LateAction`] with its number.
#[derive(Serialize, Deserialize)]
pub(super) struct CarriedLate {
    sequence: u64,
    deadline: Nanos,
    /// `None`: the session that asked has gone.
    place: Option<u32>,
    user: Box<str>,
    action_id: Option<Blob>,
}

impl CarriedLate {
    pub(super) fn pack_all(late: LateActions, places: &Places) -> Vec<Self> {
        let LateActions {
            mut by_sequence,
            order,
        } = late;
        let each = |(sequence, deadline): (u64, Duration)| {
            let LateAction {
                session,
                user,
                action_id,
            } = by_sequence.remove(&sequence)?;
            Some(Self {
                sequence,
                deadline: deadline.into(),
                place: places.get(&session).copied(),
                user,
                action_id: blob(action_id),
            })
        };
        order.into_iter().filter_map(each).collect()
    }

    pub(super) fn unpack_all(all: Vec<Self>, ids: &[SessionId]) -> Result<LateActions, CarryError> {
        let mut late = LateActions::default();
        for action in all {
            let session = match action.place {
                Some(place) => session_at(ids, place)?,
                // The name of nobody: no session has that index.
                None => SessionId {
                    index: u32::MAX,
                    generation: 0,
                },
            };
            let remembered = LateAction {
                session,
                user: action.user,
                action_id: boxed(action.action_id),
            };
            late.remember(action.sequence, action.deadline.get(), remembered);
        }
        Ok(late)
    }
}

/// An [`Originate`] with its number.
#[derive(Serialize, Deserialize)]
pub(super) struct CarriedOriginate {
    sequence: u64,
    place: u32,
    action_id: Option<Blob>,
    deadline: Nanos,
}

impl CarriedOriginate {
    /// `None`: whoever asked is not carried.
    pub(super) fn pack(sequence: u64, originate: Originate, places: &Places) -> Option<Self> {
        let Originate {
            session,
            action_id,
            deadline,
        } = originate;
        Some(Self {
            sequence,
            place: *places.get(&session)?,
            action_id: blob(action_id),
            deadline: deadline.into(),
        })
    }

    pub(super) fn unpack(self, ids: &[SessionId]) -> Result<(u64, Originate), CarryError> {
        let originate = Originate {
            session: session_at(ids, self.place)?,
            action_id: boxed(self.action_id),
            deadline: self.deadline.get(),
        };
        Ok((bounded(self.sequence)?, originate))
    }
}
