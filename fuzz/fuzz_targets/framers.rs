//! Any bytes, as if from Asterisk and as if from a client: the laws of framing and rebuilding.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| amimux_fuzz::fuzz_laws::framers::hold(data));
