//! Administration is AMI: the actions whose names begin with `Mux` show what amimux does and change it. They are run by
//! users with class `system` like any action, and by root and the group of amimux over the control socket, of which the
//! command line is a client. What only the daemon can do is an [`Order`] to it.

mod administration;
pub mod client;
mod compose;
mod control_socket;
mod lists;
pub mod order;
mod orders;
pub mod service;
mod sessions;
mod socket_file;
mod tap;
#[cfg(test)]
mod tests;
mod user;

pub use self::order::{Order, OrderError};
pub use self::service::Service;
