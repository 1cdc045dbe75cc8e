//! libFuzzer's entry to `bodies/endpoint_datagrams.rs`.
#![no_main]

#[path = "../bodies/endpoint_datagrams.rs"]
mod endpoint_datagrams;

libfuzzer_sys::fuzz_target!(|data: &[u8]| endpoint_datagrams::run(data));
