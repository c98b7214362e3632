//! The laws of the fuzz targets, one module each: what must hold for every input. The targets feed them random bytes,
//! and the test `fuzz_corpus` the committed seeds. Whatever includes this has `hub_harness` and `simulation` beside it.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a law that does not hold panics"
)]

pub mod decisions;
pub mod ere;
pub mod filters;
pub mod framers;

/// A law over any bytes.
pub type Law = fn(&[u8]);

/// Every fuzz target by its name.
pub const TARGETS: &[(&str, Law)] = &[
    ("framers", framers::hold),
    ("decisions", decisions::hold),
    ("ere", ere::hold),
    ("filters", filters::hold),
];
