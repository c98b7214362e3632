//! Any filters and any events: judged together, they pass what they pass one by one.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| amimux_fuzz::fuzz_laws::filters::hold(data));
