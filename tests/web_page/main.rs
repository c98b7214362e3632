//! The page at `/`, used in a real Chromium without a window.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends by panicking"
)]

mod actions;
mod browser;
mod events;
mod logins;
mod page;
mod safety;
#[allow(dead_code, reason = "these tests use a part of it")]
#[path = "../http/site.rs"]
mod site;
#[path = "../support/mod.rs"]
mod support;
