//! towline: TCP's guarantees over plain UDP, as many or as few of them as each piece of data needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod connection;
#[cfg(feature = "net")]
pub mod driver;
pub mod endpoint;
pub mod impair;
pub mod ranges;
pub mod recovery;
pub mod rng;
#[cfg(feature = "sim")]
pub mod sim;
pub mod stream;
pub mod time;
pub mod wire;

#[cfg(feature = "net")]
pub use driver::{Connection, Incoming, Listener, Stream};
