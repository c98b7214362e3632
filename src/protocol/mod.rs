//! AMI on the wire: framing, borrowed messages, ActionIDs and writing. Pure: no I/O, no clock.

pub mod action_id;
pub mod frame;
#[cfg(test)]
pub mod fuzzing;
#[cfg(test)]
mod fuzzing_tests;
pub mod limits;
pub mod rebuild;
pub mod request;
pub mod request_framer;
pub mod upstream_framer;
pub mod writer;
