//! Action filters: the mirror of event filters, applied to actions before they are forwarded.

use super::action::Action;
use super::decision::Refusal;
use crate::protocol::request::Request;

/// All action filters of a user.
#[derive(Debug, Clone, Default)]
pub struct ActionFilters {}

impl ActionFilters {
    /// Decides about a request that is to be forwarded, with forced headers put in.
    ///
    /// # Errors
    /// `Permission denied`, with the filter that refused it.
    pub fn check(&self, _action: &Action, _request: Request<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        true
    }

    /// Whether some request of this action could pass.
    pub fn may_pass(&self, _action: &Action) -> bool {
        true
    }
}
