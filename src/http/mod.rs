//! AMI over HTTP: what Asterisk calls AJAM (`/rawman`, `/manager`, `/mxml` with a cookie, `/arawman`, `/amanager`,
//! `/amxml` with Digest), and what today's web programs expect (events as a stream, actions as JSON). Turning a request
//! into an action and an answer into a page is pure and stands in files of its own; the rest is a thin shell of
//! hyper around [`crate::session::web`].

pub mod basic;
mod blocks;
pub mod cookie;
pub mod digest;
pub mod header;
mod hex;
pub mod html;
pub mod json;
pub mod nonces;
pub mod page;
pub mod parameters;
#[cfg(test)]
mod recorded_tests;
pub mod sse;
pub mod xml;
