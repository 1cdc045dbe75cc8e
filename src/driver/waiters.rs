//! The waiters: on what application threads sleep, and which event wakes whom.

use super::sync::Condvar;
use crate::connection::{Connection as Core, ConnectionEvent};
use crate::endpoint::{Endpoint, Event, Handle};
use crate::stream::{ChannelEvent, FlowId, Outcome, SendError, StreamEvent};
use crate::wire::ChannelId;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Turns of [`Arrivals`] that are remembered; at the bound the order of what comes after is not.
const MAX_TURNS: usize = 64;

/// All threads that wait for something of one socket. Waking nobody costs nothing but a look.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    /// A connection waits to be accepted.
    pub(super) incoming: Arc<Condvar>,
    /// A plain datagram waits to be received.
    pub(super) datagrams: Arc<Condvar>,
    connections: BTreeMap<Handle, ConnectionWaiters>,
    /// How many threads wait for acknowledgements.
    flushing: usize,
    /// Whose peers opened something that is not fetched yet.
    arrived: Vec<Handle>,
}

/// Who waits for a connection, and what it has told that is not asked for yet.
#[derive(Debug, Default)]
pub(super) struct ConnectionWaiters {
    /// Notified of all that has no other place.
    pub(super) changed: Arc<Condvar>,
    /// Notified of receipts and, while somebody flushes, of every step.
    pub(super) settled: Arc<Condvar>,
    pub(super) receipts: Receipts,
    pub(super) arrivals: Arrivals,
    flows: BTreeMap<FlowId, Arc<FlowWaiters>>,
    /// How many threads wait for acknowledgements.
    flushing: usize,
}

/// Who waits for a stream or a message channel.
#[derive(Debug, Default)]
pub(super) struct FlowWaiters {
    pub(super) readable: Condvar,
    pub(super) writable: Condvar,
    /// The peer wants no more of what is sent.
    pub(super) is_stopped: AtomicBool,
    /// This side has closed it.
    pub(super) is_closed: AtomicBool,
}

impl FlowWaiters {
    /// Why nothing is sent: what the peer has stopped is over soon, and counts as stopped all the same.
    pub(super) fn why_not(&self, error: SendError) -> SendError {
        let is_peers =
            self.is_stopped.load(Ordering::Relaxed) && !self.is_closed.load(Ordering::Relaxed);
        if error == SendError::Finished && is_peers { SendError::Stopped } else { error }
    }

    pub(super) fn wake_all(&self) {
        self.readable.notify_all();
        self.writable.notify_all();
    }
}

/// What became of the messages whose receipts the application holds: as many as it holds.
#[derive(Debug, Default)]
pub(super) struct Receipts(BTreeMap<(ChannelId, u64), Option<Outcome>>);

impl Receipts {
    /// A message was accepted, and nothing of it was told yet.
    pub(super) fn insert(&mut self, id: ChannelId, number: u64) {
        self.0.insert((id, number), None);
    }

    pub(super) fn remove(&mut self, id: ChannelId, number: u64) {
        self.0.remove(&(id, number));
    }

    /// What became of it, once that is known.
    pub(super) fn get(&self, id: ChannelId, number: u64) -> Option<Outcome> {
        *self.0.get(&(id, number))?
    }

    fn settle(&mut self, id: ChannelId, number: u64, outcome: Outcome) {
        if let Some(entry) = self.0.get_mut(&(id, number)) {
            *entry = Some(outcome);
        }
    }
}

/// What the peer opened and nobody has taken, in the order in which it became known.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    /// Of which kind the core has some, since [`Arrivals::fetch`].
    turns: VecDeque<Arrival>,
    /// Accepted from the core: at most as many as may be open.
    ready: VecDeque<FlowId>,
}

/// What the peer opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrival {
    Stream,
    Channel,
}

impl Arrivals {
    fn push(&mut self, arrival: Arrival) {
        if self.turns.back() != Some(&arrival) && self.turns.len() < MAX_TURNS {
            self.turns.push_back(arrival);
        }
    }

    /// The first one that is meant.
    pub(super) fn next<T>(
        &mut self,
        core: &mut Core,
        is_meant: impl Fn(FlowId) -> Option<T>,
    ) -> Option<T> {
        self.fetch(core);
        let place = self.ready.iter().position(|id| is_meant(*id).is_some())?;
        self.ready.remove(place).and_then(is_meant)
    }

    /// Accepts all there is.
    fn fetch(&mut self, core: &mut Core) {
        // What the events have not told comes last.
        for arrival in self.turns.drain(..).chain([Arrival::Channel, Arrival::Stream]) {
            match arrival {
                Arrival::Stream => {
                    let streams = std::iter::from_fn(|| core.streams().accept());
                    self.ready.extend(streams.map(FlowId::Stream));
                }
                Arrival::Channel => {
                    let channels = std::iter::from_fn(|| core.accept_channel());
                    self.ready.extend(channels.map(FlowId::Channel));
                }
            }
        }
    }
}

impl Waiters {
    /// A connection has got a handle.
    pub(super) fn insert(&mut self, handle: Handle) -> &ConnectionWaiters {
        self.connections.entry(handle).or_default()
    }

    pub(super) fn remove(&mut self, handle: Handle) {
        self.connections.remove(&handle);
    }

    /// What is kept for a connection that has a handle.
    pub(super) fn of(&mut self, handle: Handle) -> Option<&mut ConnectionWaiters> {
        self.connections.get_mut(&handle)
    }

    /// A flow of a connection that has a handle has got one too.
    pub(super) fn insert_flow(&mut self, handle: Handle, id: FlowId) -> Arc<FlowWaiters> {
        let waiters = Arc::<FlowWaiters>::default();
        if let Some(connection) = self.connections.get_mut(&handle) {
            connection.flows.insert(id, waiters.clone());
        }
        waiters
    }

    /// The handle of a flow is gone, unless the flow has got a new one since.
    pub(super) fn remove_flow(&mut self, handle: Handle, id: FlowId, of: &Arc<FlowWaiters>) {
        if let Some(connection) = self.connections.get_mut(&handle)
            && connection.flows.get(&id).is_some_and(|waiters| Arc::ptr_eq(waiters, of))
        {
            connection.flows.remove(&id);
        }
    }

    /// A thread begins, or ceases, to wait for acknowledgements.
    pub(super) fn flush(&mut self, handle: Handle, is_waiting: bool) {
        let count = |n: usize| if is_waiting { n + 1 } else { n.saturating_sub(1) };
        self.flushing = count(self.flushing);
        if let Some(connection) = self.connections.get_mut(&handle) {
            connection.flushing = count(connection.flushing);
        }
    }

    /// Something may have been acknowledged or given up: wakes those who wait for it. Returns whether
    /// there are any.
    pub(super) fn on_step(&self) -> bool {
        if self.flushing > 0 {
            let flushed = self.connections.values().filter(|connection| connection.flushing > 0);
            flushed.for_each(|connection| {
                connection.settled.notify_all();
            });
        }
        self.flushing > 0
    }

    /// Takes what peers opened, before more of it becomes known: so it keeps its order.
    pub(super) fn fetch(&mut self, endpoint: &mut Endpoint) {
        for handle in self.arrived.drain(..) {
            if let Some(connection) = self.connections.get_mut(&handle)
                && let Some(core) = endpoint.connection_mut(handle)
            {
                connection.arrivals.fetch(core);
            }
        }
    }

    /// Wakes those whom an event concerns.
    pub(super) fn on_event(&mut self, event: Event) {
        match event {
            Event::Incoming(_) => {
                self.incoming.notify_one();
            }
            Event::Datagram => {
                self.datagrams.notify_all();
            }
            Event::Connection(handle, event) => {
                if let Some(connection) = self.connections.get_mut(&handle) {
                    connection.on_event(event);
                    if !connection.arrivals.turns.is_empty() {
                        self.arrived.push(handle);
                    }
                }
            }
        }
    }

    /// Wakes everybody: the driver is dead.
    pub(super) fn wake_all(&self) {
        self.incoming.notify_all();
        self.datagrams.notify_all();
        self.connections.values().for_each(ConnectionWaiters::wake_all);
    }
}

impl ConnectionWaiters {
    fn on_event(&mut self, event: ConnectionEvent) {
        match event {
            ConnectionEvent::Stream(event) => self.on_stream(event),
            ConnectionEvent::Channel(event) => self.on_channel(event),
            ConnectionEvent::Closed => self.wake_all(),
            _ => {
                self.changed.notify_all();
            }
        }
    }

    fn on_stream(&mut self, event: StreamEvent) {
        match event {
            StreamEvent::Readable(id) | StreamEvent::Reset(id, _) => self.wake_reader(id),
            StreamEvent::Writable(id) => self.wake_writer(id),
            StreamEvent::Stopped(id, _) => self.stop_writer(id),
            StreamEvent::Opened(_) => self.on_arrival(Arrival::Stream),
            _ => {
                self.changed.notify_all();
            }
        }
    }

    fn on_channel(&mut self, event: ChannelEvent) {
        match event {
            ChannelEvent::Readable(id) => self.wake_reader(id),
            ChannelEvent::Writable(id) => self.wake_writer(id),
            ChannelEvent::Stopped(id) => self.stop_writer(id),
            ChannelEvent::Opened(_) => self.on_arrival(Arrival::Channel),
            ChannelEvent::Receipt(id, number, outcome) => {
                self.receipts.settle(id, number, outcome);
                self.settled.notify_all();
            }
            _ => {
                self.changed.notify_all();
            }
        }
    }

    fn on_arrival(&mut self, arrival: Arrival) {
        self.arrivals.push(arrival);
        self.changed.notify_all();
    }

    fn wake_reader(&self, id: impl Into<FlowId>) {
        if let Some(flow) = self.flows.get(&id.into()) {
            flow.readable.notify_all();
        }
    }

    fn wake_writer(&self, id: impl Into<FlowId>) {
        if let Some(flow) = self.flows.get(&id.into()) {
            flow.writable.notify_all();
        }
    }

    fn stop_writer(&self, id: impl Into<FlowId>) {
        if let Some(flow) = self.flows.get(&id.into()) {
            flow.is_stopped.store(true, Ordering::Relaxed);
            flow.writable.notify_all();
        }
    }

    fn wake_all(&self) {
        self.changed.notify_all();
        self.settled.notify_all();
        self.flows.values().for_each(|flow| flow.wake_all());
    }
}
