//! Administration is AMI: the actions whose names begin with `Mux` show what amimux does and change it. They are run by
//! users with class `system` like any action, and by root and the group of amimux over the control socket, of which the
//! command line is a client. What only the daemon can do is an [`Order`] to it.

pub mod client;
pub mod order;

pub use self::order::{Order, OrderError};
