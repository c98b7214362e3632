//! What bytes travel over: TCP with or without TLS, on both sides of the proxy. [`stream`] is one connection, read and
//! written without waiting, so that a hub's thread can sweep a thousand of them; `tls` is what it does where bytes are
//! encrypted; [`handshake`] comes before that, and says in words what is wrong with a certificate; [`socket`] sets what the
//! kernel is to do with it, and [`accept`] takes connections from a port. Nothing here knows AMI.

pub mod accept;
pub mod handshake;
pub mod socket;
pub mod stream;
mod tls;
