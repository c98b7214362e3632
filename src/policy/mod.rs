//! What a user may do and see. Given a user and a message, this room answers;
//! it owns no socket and no clock.

pub mod acl;
pub mod class;
pub mod class_list;
pub mod secret;
pub mod user;
