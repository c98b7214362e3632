//! amimux: one AMI session to each Asterisk, many virtual AMI sessions for applications.

pub mod config;
pub mod daemon;
pub mod demo;
pub mod hub;
pub mod policy;
pub mod protocol;
pub mod session;
pub mod sim;
pub mod upstream;
