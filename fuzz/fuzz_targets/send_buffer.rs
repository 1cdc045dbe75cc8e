//! libFuzzer's entry to `bodies/send_buffer.rs`.
#![no_main]

#[path = "../bodies/send_buffer.rs"]
mod send_buffer;

libfuzzer_sys::fuzz_target!(|data: &[u8]| send_buffer::run(data));
