//! AMI over HTTP: what Asterisk calls AJAM (`/rawman`, `/manager`, `/mxml` with a cookie, `/arawman`, `/amanager`,
//! `/amxml` with Digest), and what today's web programs expect (events as a stream, actions as JSON). Turning a request
//! into an action and an answer into a page is pure and stands in files of its own; the rest is a thin shell of
//! hyper around [`crate::session::web`].

mod ajam;
mod api;
mod authorization;
pub mod basic;
mod blocks;
mod body;
mod connection;
mod console;
pub mod cookie;
mod cors;
pub mod digest;
mod digested;
mod exchange;
pub mod header;
mod hex;
pub mod html;
pub mod json;
mod login;
pub mod nonces;
pub mod page;
pub mod parameters;
#[cfg(test)]
mod recorded_tests;
mod reply;
mod room;
pub mod route;
pub mod server;
mod sessions;
mod site;
pub mod sse;
mod stream;
mod translated;
pub mod xml;
