//! A hub's state in plain data, so that another process can go on with it: at a restart or an upgrade no client is
//! disconnected, and no event or answer is lost or repeated.
//!
//! [`Hub::pack`] takes a hub apart, [`Hub::unpack`] makes a new one of what it gave. The types in between are written
//! with their field names, and are none of the hub's own: two versions of the program understand each other as long as
//! a new field has a default (`#[serde(default)]`) and the version goes up where that is not enough. Packing names every
//! field of the hub's types, so that a new one does not compile before it is decided what becomes of it.
//!
//! What a view's log still holds is carried. A view goes on in the new hub if a session's rights, mask and filters are
//! what they were; else the view is closed: it is read to its end and gets no more events, and its sessions go on
//! in the view that their user's new rights give. So a changed configuration takes effect at once, in order.

mod flight;
mod link;
mod mail;
mod pack;
mod plain;
mod request;
mod session;
mod unpack;
mod view;

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use self::flight::{CarriedEntry, CarriedLate, CarriedOriginate};
use self::link::CarriedLink;
use self::plain::{Blob, Hidden, Nanos};
use self::session::CarriedSession;
use self::view::CarriedView;
use super::{Hub, SessionId};

/// The version of the form. A process refuses what one of a later version packed.
const VERSION: u32 = 1;

/// Beyond every count and position that there is; what is larger was damaged, and could overflow.
const NUMBER_MAX: u64 = 1 << 60;

/// Why a hub cannot be made of what was carried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CarryError {
    /// A later version of the program packed it.
    #[error("the state was packed in form {found}, and this version understands up to {VERSION}")]
    Version {
        /// The form's version.
        found: u32,
    },
    /// Something in it contradicts something else.
    #[error("the state is not sound: {what}")]
    Unsound {
        /// What.
        what: &'static str,
    },
}

/// An error that names what is wrong.
const fn unsound(what: &'static str) -> CarryError {
    CarryError::Unsound { what }
}

/// A number that is not so large that adding to it could overflow.
fn bounded(number: u64) -> Result<u64, CarryError> {
    if number <= NUMBER_MAX {
        Ok(number)
    } else {
        Err(unsound("a number is too large"))
    }
}

/// The whole state of a hub, but for its settings.
#[derive(Serialize, Deserialize)]
pub struct Carried {
    version: u32,
    upstream: String,
    since_start: Nanos,
    nonce: Hidden<u64>,
    random: Hidden<u64>,
    generation: u32,
    next_view: u64,
    link: CarriedLink,
    banner: Option<String>,
    inbound: Blob,
    outbound: Blob,
    /// How the oversized message ends of which the rest is to be skipped.
    skipping: Option<link::CarriedEnd>,
    first_sequence: u64,
    ring: Vec<CarriedEntry>,
    late: Vec<CarriedLate>,
    originates: Vec<CarriedOriginate>,
    actions: Vec<link::CarriedAction>,
    views: Vec<CarriedView>,
    sessions: Vec<CarriedSession>,
    /// Places of sessions in the list: those whose turn it is, in order.
    turns: Vec<u32>,
}

impl Carried {
    /// The clock of the process that packed it, then: that of the next one goes on from there.
    pub const fn since_start(&self) -> Duration {
        self.since_start.get()
    }

    /// The name of its Asterisk.
    pub fn upstream(&self) -> &str {
        &self.upstream
    }

    /// Whether there was a connection to Asterisk; if so, its socket belongs to this.
    pub const fn is_connected(&self) -> bool {
        self.link.is_up()
    }

    /// How many sessions there are.
    pub const fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// About how many bytes of messages there are.
    pub fn bytes(&self) -> usize {
        let views = self.views.iter().map(CarriedView::bytes);
        let sessions = self.sessions.iter().map(CarriedSession::bytes);
        views.chain(sessions).sum()
    }
}

impl std::fmt::Debug for Carried {
    /// Shows counts only: the rest is what clients say and are told.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (sessions, views) = (self.sessions.len(), self.views.len());
        write!(f, "Carried({sessions} sessions, {views} views)")
    }
}

/// A hub made of what was carried.
#[derive(Debug)]
pub struct Unpacked {
    /// The hub.
    pub hub: Hub,
    /// The sessions, by the names that they were given when they were packed.
    pub sessions: Vec<(u64, SessionId)>,
}

/// An optional text of bytes, as the hub keeps it.
fn boxed(blob: Option<Blob>) -> Option<Box<[u8]>> {
    blob.map(|blob| Box::from(&*blob.0))
}

/// The other way round.
fn blob(bytes: Option<Box<[u8]>>) -> Option<Blob> {
    bytes.map(|bytes| Blob(Bytes::from(bytes)))
}
