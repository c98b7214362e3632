//! A simulated PBX that speaks AMI as Asterisk 22 does, for the demonstration, tests and benchmarks.
//!
//! [`Pbx`] is a state machine without I/O: bytes of clients and the time go in, bytes come out. It is seeded: the same
//! options and inputs give the same bytes. [`server`] puts it on a TCP listener. It makes up calls through queues with
//! the events that real ones cause, answers the common actions, and can be told to misbehave.
//! It reads requests with a parser of its own, so that it also checks what a proxy sends.

mod actions;
mod calls;
mod channel;
mod clock;
mod connection;
mod endings;
mod events;
mod faults;
mod flood;
mod frame;
mod options;
mod originate;
mod pbx;
mod queues;
mod random;
pub mod server;
mod waiting;
mod wire;
mod world;

pub use connection::ConnectionId;
pub use options::{PbxOptions, SimUser};
pub use pbx::{Executed, Pbx};

#[cfg(test)]
mod tests;
