//! Any bytes over HTTP: one message for Asterisk or none, and answers that are well-formed.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| amimux_fuzz::fuzz_laws::http::hold(data));
