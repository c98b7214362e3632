//! Any program of hostile operations around a hub: nothing is torn, shown to others or held without bound.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| amimux_fuzz::fuzz_laws::hub::hold(data));
