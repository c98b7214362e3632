//! Any bytes as configuration: it loads or is refused, in time, and every error has its line.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| amimux_fuzz::fuzz_laws::config::hold(data));
