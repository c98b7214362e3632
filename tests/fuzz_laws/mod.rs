//! The laws of the fuzz targets, one module each: what must hold for every input. The targets feed them random bytes,
//! and the test `fuzz_corpus` the committed seeds. Whatever includes this has `hub_harness` and `simulation` beside it.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::module_inception,
    reason = "a law that does not hold panics"
)]

pub mod config;
pub mod decisions;
pub mod ere;
pub mod filters;
pub mod framers;
pub mod http;
pub mod hub;
pub mod session_input;
pub mod simulation;
pub mod well_formed;

/// A law over any bytes.
pub type Law = fn(&[u8]);

/// Every fuzz target by its name.
pub const TARGETS: &[(&str, Law)] = &[
    ("config", config::hold),
    ("decisions", decisions::hold),
    ("ere", ere::hold),
    ("filters", filters::hold),
    ("framers", framers::hold),
    ("http", http::hold),
    ("hub", hub::hold),
    ("session_input", session_input::hold),
    ("simulation", simulation::hold),
];
