//! amimux is restarted under load, by both ways: no client is disconnected, and every event and every answer comes once
//! and in order.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by a panic"
)]

#[path = "../support/mod.rs"]
mod support;

mod counted;
mod failures;
mod others;
mod service;

/// In front of that PBX, with one user who may do everything.
fn configuration(upstream: u16, more: &str) -> String {
    format!(
        "[general]\nbindaddr = 127.0.0.1\nport = {{port}}\n{more}\n\
         [pbx]\ntype = upstream\nhost = 127.0.0.1\nport = {upstream}\nusername = upstream\nsecret = upstream-secret\n\
         [alice]\nsecret = alice-secret\nread = all\nwrite = all\n"
    )
}
