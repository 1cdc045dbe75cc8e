//! Tests through the public interface alone.

#[cfg(feature = "net")]
mod driver;
