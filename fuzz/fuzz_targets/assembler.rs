//! libFuzzer's entry to `bodies/assembler.rs`.
#![no_main]

#[path = "../bodies/assembler.rs"]
mod assembler;

libfuzzer_sys::fuzz_target!(|data: &[u8]| assembler::run(data));
