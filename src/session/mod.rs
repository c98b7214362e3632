//! The tokio shell around a hub's clients: one thread owns a hub and the sockets of its live clients.
//! It decides nothing: it reads, writes, waits, and asks the hub. [`live`] is what is in force. [`entrance`] deals with
//! connections until they have logged in, by the rules of [`gate`], and `waiting_room` bounds their number ([`crowd`] says
//! who gives way); [`shell`] is what the tasks of one hub share; `clients` holds them; [`client`] reads; [`flush`] writes;
//! `filters` has filters compiled beside the thread; `reload` has a changed configuration followed; [`refusal_log`] has the lines of refusals, [`reports`] tells of those
//! before login, [`web`] has the sessions of HTTP, [`control`] answers those who administer, [`tap`] lets them watch a
//! client, and [`errands`] takes what clients ask of them to where it is answered;
//! [`handover`] gives everything to another process.

pub mod client;
mod clients;
pub mod control;
pub mod crowd;
pub mod entrance;
pub mod errands;
mod filters;
pub mod flush;
pub mod gate;
pub mod handover;
pub mod live;
pub mod proxy;
pub mod refusal_log;
pub mod registry;
mod reload;
pub mod reports;
pub mod shell;
pub mod tap;
mod waiting_room;
pub mod web;
