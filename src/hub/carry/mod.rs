//! What a hub hands to its successor.
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Hub, Now, SessionId};
use crate::config::settings::{General, Upstream};
use crate::policy::user::Users;

/// State.
#[derive(Debug, Serialize, Deserialize)]
pub struct Carried {}

impl Hub {
    /// Packs.
    pub fn pack(&mut self, _now: Now, _along: &[(SessionId, u64)]) -> Carried {
        Carried {}
    }
    /// Unpacks.
    pub fn unpack(
        general: Arc<General>,
        upstream: Arc<Upstream>,
        _users: &Users,
        _carried: Carried,
        _connected: bool,
        _now: Now,
    ) -> (Self, Vec<(u64, SessionId)>) {
        (Self::new(general, upstream, 0), Vec::new())
    }
}
