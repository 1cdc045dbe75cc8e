//! The lead: the poll, its events and the receive buffers, as one value. Whoever holds it waits for the
//! network on behalf of everybody else.

use super::inbox::Inbox;
use super::socket::Socket;
use mio::{Events, Interest, Poll, Token, Waker};
use std::io;
use std::time::Duration;

const SOCKET: Token = Token(0);
const WAKE_UP: Token = Token(1);

/// What it takes to wait for the network and to receive.
#[derive(Debug)]
pub(super) struct Lead {
    poll: Poll,
    events: Events,
    pub(super) inbox: Inbox,
    /// What is registered.
    watches_writable: bool,
    /// Something may have arrived. Readiness is announced once: it lasts until the inbox found nothing.
    pub(super) is_readable: bool,
    /// The socket, which was blocked, takes datagrams again.
    pub(super) is_writable: bool,
}

impl Lead {
    /// The lead of a socket, and what ends its sleep.
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
            is_readable: false,
            is_writable: false,
        };
        Ok((lead, waker))
    }

    /// Sleeps until something arrives, the waker is used or `timeout` is over; with `for_writable` also
    /// until the socket takes datagrams again. It may return sooner.
    pub(super) fn wait(&mut self, timeout: Option<Duration>, for_writable: bool) -> io::Result<()> {
        if self.watches_writable != for_writable {
            // Watched only when needed: each datagram that leaves would be a wake-up.
            let read = Interest::READABLE;
            let interest = if for_writable { read | Interest::WRITABLE } else { read };
            self.poll.registry().reregister(self.inbox.source(), SOCKET, interest)?;
            self.watches_writable = for_writable;
        }
        match self.poll.poll(&mut self.events, timeout) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        }
        for event in self.events.iter().filter(|event| event.token() == SOCKET) {
            self.is_readable |= event.is_readable() || event.is_error();
            self.is_writable |= event.is_writable() || event.is_error();
        }
        Ok(())
    }
}
