//! libFuzzer's entry to `bodies/ranges.rs`.
#![no_main]

#[path = "../bodies/ranges.rs"]
mod ranges;

libfuzzer_sys::fuzz_target!(|data: &[u8]| ranges::run(data));
