//! `testkit::fuzzing::account_number` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::fuzzing::account_number(data));
