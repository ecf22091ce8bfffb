//! `testkit::fuzzing::transfer_body` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::fuzzing::transfer_body(data));
