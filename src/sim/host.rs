//! Whatever is simulated: something that takes datagrams in, gives datagrams out, and has timers.

use crate::time::Instant;
use crate::wire::Ecn;
use std::fmt;
use std::net::SocketAddr;

/// A machine with an address. It sees no clock but `now` and no network but its [`Outbox`].
pub trait Host {
    /// Takes in a datagram that arrives. A poll follows at the same instant.
    fn handle(
        &mut self,
        now: Instant,
        from: SocketAddr,
        to: SocketAddr,
        ecn: Ecn,
        datagram: &mut [u8],
    );

    /// Fires what is due, sends through `out` all there is to send, and returns when to come back
    /// (`None`, or [`Instant::MAX`]: not before something arrives). Whoever returns a time that is
    /// not in the future is polled again at once.
    fn poll(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant>;
}

impl<H: Host + ?Sized> Host for Box<H> {
    fn handle(
        &mut self,
        now: Instant,
        from: SocketAddr,
        to: SocketAddr,
        ecn: Ecn,
        datagram: &mut [u8],
    ) {
        (**self).handle(now, from, to, ecn, datagram);
    }

    fn poll(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant> {
        (**self).poll(now, out)
    }
}

/// A host of one [`World`](super::World).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub(super) u32);

impl HostId {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Debug for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host {}", self.0)
    }
}

/// How many used buffers are kept for the next datagrams; those beyond it are freed.
const MAX_SPARE_BUFFERS: usize = 4096;

/// What a host sends in one poll. The source address is the host's own.
#[derive(Debug, Default)]
pub struct Outbox {
    sent: Vec<Outgoing>,
    spare: Vec<Vec<u8>>,
}

#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) to: SocketAddr,
    pub(super) ecn: Ecn,
    pub(super) datagram: Vec<u8>,
}

impl Outbox {
    /// Sends one datagram.
    pub fn send(&mut self, to: SocketAddr, ecn: Ecn, datagram: &[u8]) {
        let mut buffer = self.spare.pop().unwrap_or_default();
        buffer.extend_from_slice(datagram);
        self.sent.push(Outgoing { to, ecn, datagram: buffer });
    }

    /// Sends a datagram whose bytes are given away.
    pub(super) fn pass(&mut self, to: SocketAddr, ecn: Ecn, datagram: Vec<u8>) {
        self.sent.push(Outgoing { to, ecn, datagram });
    }

    /// Sends a batch: datagrams of `segment_size` bytes, the last of which may be shorter. A size
    /// of 0 stands for the whole batch.
    pub fn send_segments(&mut self, to: SocketAddr, ecn: Ecn, batch: &[u8], segment_size: usize) {
        let size = if segment_size == 0 { batch.len() } else { segment_size };
        if batch.is_empty() {
            self.send(to, ecn, batch);
        }
        for segment in batch.chunks(size.max(1)) {
            self.send(to, ecn, segment);
        }
    }

    /// What was sent in this poll: destination, ECN codepoint, bytes.
    pub fn sent(&self) -> impl Iterator<Item = (SocketAddr, Ecn, &[u8])> {
        self.sent.iter().map(|o| (o.to, o.ecn, o.datagram.as_slice()))
    }

    pub(super) fn take(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.sent)
    }

    /// Takes the emptied list of what was sent back, to fill it anew.
    pub(super) fn put_back(&mut self, emptied: Vec<Outgoing>) {
        self.sent = emptied;
    }

    pub(super) fn recycle(&mut self, mut buffer: Vec<u8>) {
        if self.spare.len() < MAX_SPARE_BUFFERS {
            buffer.clear();
            self.spare.push(buffer);
        }
    }
}
