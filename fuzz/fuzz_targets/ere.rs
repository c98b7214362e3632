//! Any pattern and any text: a regular expression is refused or matched, and neither panics nor takes long.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| amimux_fuzz::fuzz_laws::ere::hold(data));
