//! The waiters: on what application threads sleep, and which event wakes whom.

use super::sync::Condvar;
use crate::connection::ConnectionEvent;
use crate::endpoint::{Event, Handle};
use crate::stream::StreamEvent;
use crate::wire::StreamId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// All threads that wait for something of one socket. Waking nobody costs nothing but a look.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    /// A connection waits to be accepted.
    pub(super) incoming: Arc<Condvar>,
    /// A plain datagram waits to be received.
    pub(super) datagrams: Arc<Condvar>,
    connections: BTreeMap<Handle, ConnectionWaiters>,
}

#[derive(Debug)]
struct ConnectionWaiters {
    changed: Arc<Condvar>,
    streams: BTreeMap<StreamId, Arc<StreamWaiters>>,
}

/// Who waits for a stream.
#[derive(Debug, Default)]
pub(super) struct StreamWaiters {
    pub(super) readable: Condvar,
    pub(super) writable: Condvar,
}

impl StreamWaiters {
    pub(super) fn wake_all(&self) {
        self.readable.notify_all();
        self.writable.notify_all();
    }
}

impl Waiters {
    /// A connection has got a handle; its threads wait on what this returns for all but its streams.
    pub(super) fn insert(&mut self, handle: Handle) -> Arc<Condvar> {
        let changed = Arc::new(Condvar::new());
        let waiters = ConnectionWaiters { changed: changed.clone(), streams: BTreeMap::new() };
        self.connections.insert(handle, waiters);
        changed
    }

    pub(super) fn remove(&mut self, handle: Handle) {
        self.connections.remove(&handle);
    }

    /// A stream of a connection that has a handle has got one too.
    pub(super) fn insert_stream(&mut self, handle: Handle, id: StreamId) -> Arc<StreamWaiters> {
        let waiters = Arc::<StreamWaiters>::default();
        if let Some(connection) = self.connections.get_mut(&handle) {
            connection.streams.insert(id, waiters.clone());
        }
        waiters
    }

    /// The handle of a stream is gone, unless the stream has got a new one since.
    pub(super) fn remove_stream(&mut self, handle: Handle, id: StreamId, of: &Arc<StreamWaiters>) {
        if let Some(connection) = self.connections.get_mut(&handle)
            && connection.streams.get(&id).is_some_and(|waiters| Arc::ptr_eq(waiters, of))
        {
            connection.streams.remove(&id);
        }
    }

    /// Wakes those whom an event concerns.
    pub(super) fn on_event(&self, event: Event) {
        match event {
            Event::Incoming(_) => {
                self.incoming.notify_one();
            }
            Event::Datagram => {
                self.datagrams.notify_all();
            }
            Event::Connection(handle, event) => {
                if let Some(connection) = self.connections.get(&handle) {
                    connection.on_event(event);
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
    fn on_event(&self, event: ConnectionEvent) {
        match event {
            ConnectionEvent::Stream(StreamEvent::Readable(id) | StreamEvent::Reset(id, _)) => {
                if let Some(stream) = self.streams.get(&id) {
                    stream.readable.notify_all();
                }
            }
            ConnectionEvent::Stream(StreamEvent::Writable(id) | StreamEvent::Stopped(id, _)) => {
                if let Some(stream) = self.streams.get(&id) {
                    stream.writable.notify_all();
                }
            }
            ConnectionEvent::Closed => self.wake_all(),
            _ => {
                self.changed.notify_all();
            }
        }
    }

    fn wake_all(&self) {
        self.changed.notify_all();
        self.streams.values().for_each(|stream| stream.wake_all());
    }
}
