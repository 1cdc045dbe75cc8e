//! Real UDP: the only place with sockets, a clock, threads and the operating system's randomness.
//!
//! [`Listener`], [`Stream`] and [`Connection`] are blocking, like `std::net`, and need no runtime. Behind
//! each UDP socket stands one hub: the endpoint under a lock, and one thread that waits for the network
//! and for deadlines. Whoever writes sends from his own thread while the window is open.
//!
//! ```
//! use std::io::{Read, Write};
//! use towline::{Listener, Stream};
//!
//! let listener = Listener::bind("127.0.0.1:0")?;
//! let mut client = Stream::connect(listener.local_addr()?)?;
//! client.write_all(b"hello")?;
//! let (mut server, _) = listener.accept()?;
//! let mut buf = [0; 5];
//! server.read_exact(&mut buf)?;
//! assert_eq!(&buf, b"hello");
//! # Ok::<(), std::io::Error>(())
//! ```

pub mod channel;
mod clock;
mod connection;
mod crew;
mod directory;
mod endpoint;
mod handover;
mod hub;
mod inbox;
mod keeper;
mod lead;
mod listener;
mod options;
mod outbox;
mod outcome;
mod patience;
mod receipt;
mod socket;
mod stream;
mod sync;
mod waiters;

pub use channel::{Channel, ChannelError, Receipt, TrySendError};
pub use connection::Connection;
pub use endpoint::Endpoint;
pub use listener::{Incoming, IntoIncoming, Listener};
pub use options::Interface;
pub use stream::Stream;

use std::panic::{RefUnwindSafe, UnwindSafe};

// A panic under a hub's lock makes all handles fail from then on: none shows what it left half done.
impl UnwindSafe for Channel {}
impl RefUnwindSafe for Channel {}
impl UnwindSafe for Connection {}
impl RefUnwindSafe for Connection {}
impl UnwindSafe for Listener {}
impl RefUnwindSafe for Listener {}
impl UnwindSafe for Receipt {}
impl RefUnwindSafe for Receipt {}
impl UnwindSafe for Stream {}
impl RefUnwindSafe for Stream {}

/// The handles have all the automatic traits that std's have.
const _: () = {
    const fn check<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}
    check::<Channel>();
    check::<Connection>();
    check::<Incoming<'_>>();
    check::<IntoIncoming>();
    check::<Listener>();
    check::<Receipt>();
    check::<Stream>();
};
