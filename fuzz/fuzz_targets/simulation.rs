//! Any order of happenings in the simulated world: the promises hold after every step.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| amimux_fuzz::fuzz_laws::simulation::hold(data));
