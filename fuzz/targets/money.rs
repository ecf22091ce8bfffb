//! `testkit::fuzzing::money` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::fuzzing::money(data));
