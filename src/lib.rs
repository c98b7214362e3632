//! amimux: one AMI session to each Asterisk, many virtual AMI sessions for applications.

pub mod config;
pub mod policy;
pub mod protocol;
pub mod sim;
