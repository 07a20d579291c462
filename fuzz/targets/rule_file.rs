//! libFuzzer for the body of the same name.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| paramedic_fuzz::rule_file(data));
