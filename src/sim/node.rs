//! A host that runs the shipped endpoint, and an application on top of it.

use super::{Host, Outbox};
use crate::endpoint::{Datagram, Endpoint, Event, Output};
use crate::time::Instant;
use crate::wire::Ecn;
use std::net::SocketAddr;

/// What runs on a host: it is told what happened, and asked to work until it has nothing to do.
pub trait App {
    /// The endpoint says that something happened.
    fn on_event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event);

    /// Does what can be done now. Returns whether anything was done: then it is asked again.
    fn work(&mut self, now: Instant, endpoint: &mut Endpoint) -> bool;

    /// When it wants to be asked again by itself.
    fn deadline(&self) -> Option<Instant> {
        None
    }
}

/// An endpoint and its application.
#[derive(Debug)]
pub struct Node<A> {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The application.
    pub app: A,
    /// Invariants that did not hold when a poll came to rest: empty if all is well.
    pub faults: Vec<String>,
    /// The most that the endpoint's buffers have held, in bytes.
    pub peak_memory: usize,
    buf: Vec<u8>,
}

/// Faults that are kept; more of them say nothing new.
const MAX_FAULTS: usize = 8;

impl<A: App> Node<A> {
    /// A host that runs `app` over `endpoint`.
    pub fn new(endpoint: Endpoint, app: A) -> Self {
        Self { endpoint, app, faults: Vec::new(), peak_memory: 0, buf: Vec::new() }
    }

    /// Looks at what a poll has left behind.
    fn inspect(&mut self, now: Instant) {
        self.peak_memory = self.peak_memory.max(self.endpoint.memory());
        for (handle, connection) in self.endpoint.connections() {
            if let Err(fault) = connection.check()
                && self.faults.len() < MAX_FAULTS
            {
                self.faults.push(format!("{handle:?} at {now}: {fault}"));
            }
        }
    }

    /// Polls the endpoint until it is idle; returns its deadline.
    fn drain(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant> {
        loop {
            self.buf.clear();
            match self.endpoint.poll(now, &mut self.buf) {
                Output::Transmit(transmit) => {
                    let batch = self.buf.get(transmit.range).unwrap_or_default();
                    out.send_segments(transmit.to, transmit.ecn, batch, transmit.segment);
                }
                Output::Event(event) => self.app.on_event(now, &mut self.endpoint, event),
                Output::Idle(deadline) => return deadline,
            }
        }
    }
}

impl<A: App> Host for Node<A> {
    fn handle(
        &mut self,
        now: Instant,
        from: SocketAddr,
        to: SocketAddr,
        ecn: Ecn,
        datagram: &mut [u8],
    ) {
        let datagram = Datagram { from, to: Some(to.ip()), ecn, data: datagram };
        self.endpoint.handle(now, datagram);
    }

    fn poll(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant> {
        loop {
            let deadline = self.drain(now, out);
            if !self.app.work(now, &mut self.endpoint) {
                self.inspect(now);
                return [deadline, self.app.deadline()].into_iter().flatten().min();
            }
        }
    }
}
