//! Tests of the whole of recovery.

mod bulk;
mod detect;
mod network;
