//! What the fuzz targets run: the laws of `tests/fuzz_laws`, which the test `fuzz_corpus` holds over the seeds.

#[path = "../../tests/fuzz_laws/mod.rs"]
pub mod fuzz_laws;
#[path = "../../tests/hub_harness/mod.rs"]
mod hub_harness;
#[path = "../../tests/simulation/mod.rs"]
mod simulation;
