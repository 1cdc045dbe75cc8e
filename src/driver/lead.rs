//! The lead: the poll, its events and the receive buffers, as one value. Whoever holds it waits for the
//! network on behalf of everybody else.

use super::inbox::Inbox;
use super::socket::Socket;
use crate::time::Instant;
use mio::{Events, Interest, Poll, Token, Waker};
use std::io;

const SOCKET: Token = Token(0);
const WAKE_UP: Token = Token(1);

/// What it takes to wait for the network and to receive.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "what the kernel has told, each by itself")]
pub(super) struct Lead {
    poll: Poll,
    events: Events,
    pub(super) inbox: Inbox,
    /// The socket is registered for that too.
    watches_writable: bool,
    /// The socket takes no more for now: it is to be waited for until it does.
    pub(super) is_blocked: bool,
    /// Something may have arrived. Readiness is announced once: it lasts until the inbox found nothing.
    pub(super) is_readable: bool,
    /// The socket, which was blocked, takes datagrams again.
    pub(super) is_writable: bool,
    /// The network has said that nobody listens at the peer's address.
    pub(super) is_refused: bool,
    /// Waiting is not possible.
    pub(super) has_failed: bool,
}

impl Lead {
    /// The lead of a socket, and what ends its wait.
    pub(super) fn new(socket: &Socket) -> io::Result<(Self, Waker)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKE_UP)?;
        let mut inbox = Inbox::new(socket)?;
        poll.registry().register(inbox.source(), SOCKET, Interest::READABLE)?;
        let lead = Self {
            poll,
            events: Events::with_capacity(4),
            inbox,
            watches_writable: false,
            is_blocked: false,
            is_readable: false,
            is_writable: false,
            is_refused: false,
            has_failed: false,
        };
        Ok((lead, waker))
    }

    /// Waits until something arrives, the waker is used or it is `until`, and takes one batch out of the
    /// socket. With `until` at zero it looks without waiting. It may return sooner.
    pub(super) fn receive(&mut self, until: Instant, now: impl Fn() -> Instant) {
        if until == Instant::ZERO {
            self.is_readable = true;
            // A socket that stays silent is tried all the same.
            self.is_writable |= self.is_blocked;
        } else if !self.is_readable {
            self.has_failed |= self.wait(until, now).is_err();
        }
        if self.is_readable {
            let received = self.inbox.receive();
            self.is_readable = !received.is_drained;
            self.is_refused |= received.is_refused;
        }
    }

    fn wait(&mut self, until: Instant, now: impl Fn() -> Instant) -> io::Result<()> {
        if self.watches_writable != self.is_blocked {
            // Watched only when needed: each datagram that leaves would be a wake-up.
            let read = Interest::READABLE;
            let interest = if self.is_blocked { read | Interest::WRITABLE } else { read };
            self.poll.registry().reregister(self.inbox.source(), SOCKET, interest)?;
            self.watches_writable = self.is_blocked;
        }
        let timeout = (until < Instant::MAX).then(|| until.saturating_since(now()));
        match self.poll.poll(&mut self.events, timeout) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        }
        self.is_writable |= self.is_blocked;
        for event in self.events.iter().filter(|event| event.token() == SOCKET) {
            self.is_readable |= event.is_readable() || event.is_error();
        }
        Ok(())
    }
}
