//! The outbox: what was built and is to be sent. It is the transmit lease: whoever holds it is the one
//! thread that builds and sends, so packets leave in the order of their numbers.

use super::socket::{Sent, Socket};
use crate::connection::{Output, Transmit};
use crate::endpoint::{Endpoint, Event};
use crate::time::Instant;
use std::collections::VecDeque;

/// What is built before it is sent, in bytes, give or take one batch: the lock is not held for longer.
const ENOUGH: usize = 64 * 1024;

/// Batches that wait to be sent, and their bytes.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    buf: Vec<u8>,
    queue: VecDeque<Transmit>,
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Lets the endpoint build what it wants to send, after what is there. Returns its deadline once it
    /// has nothing more, and nothing if there may be more.
    pub(super) fn fill(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        mut on_event: impl FnMut(Event),
    ) -> Option<Instant> {
        if self.queue.is_empty() {
            self.buf.clear();
        }
        while self.buf.len() < ENOUGH {
            match endpoint.poll(now, &mut self.buf) {
                Output::Transmit(transmit) => self.queue.push_back(transmit),
                Output::Event(event) => on_event(event),
                Output::Idle(deadline) => return Some(deadline.unwrap_or(Instant::MAX)),
            }
        }
        None
    }

    /// Sends until nothing is left or the socket takes no more.
    pub(super) fn send(&mut self, socket: &Socket) -> Sent {
        let mut sent = Sent::default();
        while let Some(transmit) = self.queue.front_mut() {
            let part = socket.send(transmit, &self.buf);
            sent.is_refused |= part.is_refused;
            if part.is_blocked {
                sent.is_blocked = true;
                break;
            }
            self.queue.pop_front();
        }
        sent
    }
}
