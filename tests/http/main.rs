//! AMI over HTTP, asked by curl: Asterisk's own forms of it, Digest, the JSON interface, events as a stream, and what
//! none of them may do.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends by panicking"
)]

mod ajam;
mod digest;
mod encrypted;
mod json;
mod limits;
mod many;
mod origins;
mod rights;
mod site;
mod smuggling;
mod stream;
#[path = "../support/mod.rs"]
mod support;
mod wait_event;
