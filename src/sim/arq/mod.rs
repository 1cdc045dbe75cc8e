//! The three textbook protocols for repeating what was lost, for teaching: small, and with fixed
//! timers and windows where a real transport measures.
//!
//! ```text
//!                    sends ahead        on a lost frame it repeats        the receiver keeps
//!   stop-and-wait    nothing            that frame                        nothing
//!   go-back-N        up to N frames     it and all frames after it        nothing
//!   selective repeat up to N frames     that frame                        up to N frames out of order
//! ```
//!
//! Each is a sender and a receiver that own no clock and no socket; a [`Peer`] is one of each with
//! the codec between them, so that both directions work at once:
//!
//! ```
//! use towline::sim::arq::{Output, Peer, Protocol, Settings};
//! use towline::time::Instant;
//!
//! let (now, mut buf) = (Instant::ZERO, Vec::new());
//! let mut here = Peer::new(Protocol::GoBackN, Settings::default());
//! let mut there = Peer::new(Protocol::GoBackN, Settings::default());
//! here.push(b"hello".to_vec());
//! assert_eq!(here.poll(now, &mut buf), Output::Transmit);
//! there.handle(now, &buf);
//! assert_eq!(there.pop(), Some(b"hello".to_vec()));
//! ```
//!
//! | file | its one concept |
//! |---|---|
//! | `peer.rs` | [`Peer`]: a sender, a receiver, and the datagrams between two of them |
//! | `frame.rs` | [`Frame`]: the format |
//! | `protocol.rs` | [`Protocol`], [`Settings`], and what all senders and receivers do |
//! | `stop_and_wait.rs` | one frame at a time |
//! | `go_back_n.rs` | a window, and back to its beginning |
//! | `selective_repeat.rs` | a window, and a timer for each frame in it |

mod frame;
mod go_back_n;
mod peer;
mod protocol;
mod selective_repeat;
mod stop_and_wait;

#[cfg(test)]
mod tests;

pub use frame::{FRAME_OVERHEAD, Frame};
pub use peer::{Output, Peer};
pub use protocol::{Protocol, Settings};
