//! `testkit::fuzzing::ids_and_times` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::fuzzing::ids_and_times(data));
