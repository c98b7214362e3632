//! AMI on the wire: framing, borrowed messages, ActionIDs and writing. Pure: no I/O, no clock.

pub mod limits;
pub mod request;
