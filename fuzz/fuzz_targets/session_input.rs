//! Any bytes of a client: however they are cut, the door and the hub decide the same.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| amimux_fuzz::fuzz_laws::session_input::hold(data));
