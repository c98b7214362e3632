//! Any bytes from a client with few rights: Asterisk is sent only what it would have let that client do.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| amimux_fuzz::fuzz_laws::decisions::hold(data));
