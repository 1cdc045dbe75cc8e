//! libFuzzer's entry to `bodies/wire_decode.rs`.
#![no_main]

#[path = "../bodies/wire_decode.rs"]
mod wire_decode;

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire_decode::run(data));
