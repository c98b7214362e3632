//! What the hub has to say to the log: facts with their figures; the shell finds the words.

use std::net::IpAddr;
use std::time::Duration;

use super::Hub;
use super::limit::Limit;
use super::reports::AuditRecord;
use super::session::CloseReason;
use crate::policy::user::User;

/// Most notices that wait to be logged; beyond it they are counted only.
const NOTICES_MAX: usize = 4096;

/// Something that an administrator may want to read in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// Asterisk answers; so many actions are known.
    UpstreamReady {
        /// What Asterisk greeted with.
        banner: String,
        /// How many actions it offers.
        actions: usize,
    },
    /// The action table could not be learned: the built-in one is used.
    ActionTableUnknown {
        /// What Asterisk said.
        answer: String,
    },
    /// The upstream user may not see everything that clients may want.
    UpstreamNotBooted,
    /// The connection to Asterisk ended, or could not be made.
    UpstreamLost {
        /// Why.
        cause: String,
        /// How many requests got an error for it.
        failed: usize,
        /// When it is tried again.
        retry_in: Duration,
    },
    /// A client is logged in.
    SessionOpened {
        /// Its user.
        user: String,
        /// Its address.
        address: IpAddr,
    },
    /// A client has gone.
    SessionClosed {
        /// Its user.
        user: String,
        /// Its address.
        address: IpAddr,
        /// Why.
        reason: CloseReason,
    },
    /// A client was told that it missed events, because it reads too slowly.
    EventsSkipped {
        /// Its user.
        user: String,
        /// Its address.
        address: IpAddr,
        /// How many events.
        events: u64,
        /// How many bytes they had.
        bytes: u64,
    },
    /// A request was refused.
    Refused {
        /// Whose.
        user: String,
        /// From where.
        address: IpAddr,
        /// The action as it was sent, cut.
        action: String,
        /// What the client was told.
        reason: String,
        /// What refused it.
        rule: String,
        /// How many refusals of this session since the last notice were not told.
        suppressed: u64,
    },
    /// An action of a user with `audit`.
    Audit(Box<AuditRecord>),
    /// Asterisk sent something that belongs to nobody.
    Unroutable {
        /// Its first line, cut.
        first_line: String,
    },
    /// An answer or event from Asterisk was longer than allowed.
    Oversized {
        /// Its first line, cut.
        first_line: String,
    },
    /// An action was not answered in time.
    Overdue {
        /// Whose; empty if it was ours.
        user: String,
    },
}

impl Hub {
    /// The next notice for the log.
    pub fn next_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        if self.notices.len() < NOTICES_MAX {
            self.notices.push_back(notice);
        } else {
            self.limits.count(Limit::LogLines);
        }
    }

    pub(super) fn has_room_for_notices(&self) -> bool {
        self.notices.len() < NOTICES_MAX / 2
    }

    pub(super) fn notice_session_opened(&mut self, user: &User, address: IpAddr) {
        if user.display_connects {
            self.notice(Notice::SessionOpened {
                user: user.name.clone(),
                address,
            });
        }
    }
}
