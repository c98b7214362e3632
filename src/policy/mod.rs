//! What a user may do and see. Given a user and a message, this room answers;
//! it owns no socket and no clock.

pub mod acl;
pub mod action;
pub mod action_filter;
mod action_table;
pub mod class;
pub mod class_list;
pub mod credential;
pub mod decision;
pub mod event_filter;
pub mod event_mask;
mod event_table;
pub mod explain;
pub mod failed_logins;
pub mod filter;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod forced_header;
pub mod guard;
pub mod host;
pub mod privilege;
pub mod redact;
pub mod rights;
pub mod secret;
pub mod secret_hash;
pub mod user;
