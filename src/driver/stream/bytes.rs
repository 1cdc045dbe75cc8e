//! The verbs of a message channel over a stream: what `Delivery::Stream` is.

use super::{MAX_COPY, StreamHandle};
use crate::connection::Connection as Core;
use crate::driver::channel::{ChannelError, closed};
use crate::driver::connection::{Connection, OptionalDuration};
use crate::driver::patience::Patience;
use crate::driver::sync::MutexGuard;
use crate::driver::waiters::FlowWaiters;
use crate::stream::{Message, Outcome, ReadError, RecvError, SendError, Streams, Why, WriteError};
use crate::wire::StreamId;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A stream that takes and gives bytes by a channel's verbs. The number of what is sent or received is
/// the offset behind it.
#[derive(Clone)]
pub(in crate::driver) struct Bytes {
    /// Goes first: it is a handle of the connection too.
    watch: Arc<Watch>,
    stream: Arc<StreamHandle>,
}

/// Keeps the count of what the peer has of a stream, for as long as a channel or a receipt asks.
pub(in crate::driver) struct Watch {
    connection: Connection,
    id: StreamId,
    waiters: Arc<FlowWaiters>,
}

impl Watch {
    pub(in crate::driver) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// What became of the bytes below `offset`, if it is known.
    pub(in crate::driver) fn outcome(&self, core: &Core, offset: u64) -> Option<Outcome> {
        if core.acknowledged(self.id).is_some_and(|acked| acked >= offset) {
            return Some(Outcome::Acknowledged);
        }
        let is_stopped = self.waiters.is_stopped.load(Ordering::Relaxed);
        is_stopped.then_some(Outcome::Abandoned(Why::Stopped))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Ok(core) = self.connection.hub().lock().connection(self.connection.handle()) {
            core.watch_stream(self.id, false);
        }
    }
}

impl Bytes {
    /// Of a stream to which nothing was written.
    pub(in crate::driver) fn new(stream: Arc<StreamHandle>) -> Self {
        let (connection, id) = (stream.connection.clone(), stream.id);
        if let Ok(core) = connection.hub().lock().connection(connection.handle()) {
            core.watch_stream(id, true);
        }
        let waiters = stream.waiters.clone();
        Self { watch: Arc::new(Watch { connection, id, waiters }), stream }
    }

    pub(in crate::driver) const fn stream(&self) -> &Arc<StreamHandle> {
        &self.stream
    }

    pub(in crate::driver) fn id(&self) -> StreamId {
        self.watch.id
    }

    pub(in crate::driver) const fn watch(&self) -> &Arc<Watch> {
        &self.watch
    }

    pub(in crate::driver) fn connection(&self) -> &Connection {
        &self.stream.connection
    }

    #[cfg(test)]
    pub(in crate::driver) fn waiters(&self) -> &FlowWaiters {
        &self.stream.waiters
    }

    pub(in crate::driver) fn send_timeout(&self) -> &OptionalDuration {
        &self.stream.write_timeout
    }

    pub(in crate::driver) fn recv_timeout(&self) -> &OptionalDuration {
        &self.stream.read_timeout
    }

    pub(in crate::driver) fn patience(&self, timeout: &OptionalDuration) -> Patience {
        self.stream.patience(timeout)
    }

    /// Writes all of `data`, with nobody else's in between; without patience all of it at once or
    /// nothing.
    pub(in crate::driver) fn send(&self, data: &[u8], may_wait: bool) -> Result<u64, ChannelError> {
        let this = &*self.stream;
        let patience =
            || if may_wait { this.patience(&this.write_timeout) } else { Patience::None };
        let wait = patience();
        let _turn = self.turn(wait)?;
        if wait == Patience::None {
            return self.send_at_once(data);
        }
        let mut rest = data;
        loop {
            let chunk = rest.get(..MAX_COPY).unwrap_or(rest);
            let (taken, end) =
                self.put(patience, |core, id| match core.streams().write(id, chunk) {
                    Ok(taken) => Some(Ok(taken)),
                    Err(WriteError::Blocked) => None,
                    Err(error) => Some(Err(self.refused(error))),
                })?;
            rest = rest.get(taken..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(end);
            }
        }
    }

    /// Waits until nobody else sends.
    fn turn(&self, wait: Patience) -> Result<MutexGuard<'_, ()>, ChannelError> {
        let turn = &self.stream.turn;
        let guard = match wait {
            Patience::Endless => Some(turn.lock()),
            Patience::Within(limit) => turn.try_lock_for(limit),
            Patience::None => turn.try_lock(),
        };
        guard.ok_or_else(|| wait.into())
    }

    fn send_at_once(&self, data: &[u8]) -> Result<u64, ChannelError> {
        let this = &*self.stream;
        let (_, end) = self.put(
            || Patience::None,
            |core, id| {
                let room = core.streams().writable(id);
                let data_now = if data.len() <= room { data } else { &[] };
                match core.streams().write(id, data_now) {
                    Ok(taken) if taken == data.len() => return Some(Ok(taken)),
                    Ok(_) => {}
                    Err(error) => return Some(Err(self.refused(error))),
                }
                let written = this.written.load(Ordering::Relaxed);
                let is_empty = core.acknowledged(id) == Some(written);
                let too_large = SendError::TooLarge { len: data.len(), max: room };
                is_empty.then_some(Err(too_large.into()))
            },
        )?;
        Ok(end)
    }

    /// Puts something into the send buffer; returns how much, and where it ends.
    fn put(
        &self,
        patience: impl Fn() -> Patience,
        mut put: impl FnMut(&mut Core, StreamId) -> Option<Result<usize, ChannelError>>,
    ) -> Result<(usize, u64), ChannelError> {
        let this = &*self.stream;
        this.connection.persist(&this.waiters.writable, patience, |core, _| {
            if let Some(ended) = closed(core) {
                return Some(ended);
            }
            let taken = match put(core, this.id)? {
                Ok(taken) => taken,
                Err(error) => return Some(Err(error)),
            };
            let before = this.written.fetch_add(taken as u64, Ordering::Relaxed);
            Some(Ok((taken, before + taken as u64)))
        })
    }

    /// Takes what is there.
    pub(in crate::driver) fn recv(
        &self,
        patience: impl Fn() -> Patience,
        buf: &mut [u8],
    ) -> Result<Message, ChannelError> {
        let most = buf.len().min(MAX_COPY);
        let buf = buf.get_mut(..most).unwrap_or_default();
        self.take(patience, |streams, id| match streams.read(id, buf)? {
            0 if !buf.is_empty() => Ok(None),
            len => Ok(Some(self.taken(len))),
        })
    }

    /// Takes what is there, in a buffer that fits.
    pub(in crate::driver) fn recv_vec(
        &self,
        patience: impl Fn() -> Patience,
    ) -> Result<Vec<u8>, ChannelError> {
        self.take(patience, |streams, id| {
            let mut bytes = vec![0; streams.readable(id).clamp(1, MAX_COPY)];
            let len = streams.read(id, &mut bytes)?;
            bytes.truncate(len);
            self.taken(len);
            Ok(Some(bytes).filter(|_| len > 0))
        })
    }

    pub(in crate::driver) fn peek(&self, buf: &mut [u8]) -> Result<Message, ChannelError> {
        let patience = || self.patience(self.recv_timeout());
        let most = buf.len().min(MAX_COPY);
        let buf = buf.get_mut(..most).unwrap_or_default();
        self.take(patience, |streams, id| match streams.peek(id, buf)? {
            0 if !buf.is_empty() => Ok(None),
            len => {
                let number = self.stream.read.load(Ordering::Relaxed) + len as u64;
                Ok(Some(Message { number, key: None, len }))
            }
        })
    }

    /// Counts bytes that were read.
    fn taken(&self, len: usize) -> Message {
        let before = self.stream.read.fetch_add(len as u64, Ordering::Relaxed);
        Message { number: before + len as u64, key: None, len }
    }

    /// Waits for bytes and takes them with `take`, which gives nothing at the stream's end.
    fn take<T>(
        &self,
        patience: impl Fn() -> Patience,
        mut take: impl FnMut(&mut Streams, StreamId) -> Result<Option<T>, ReadError>,
    ) -> Result<T, ChannelError> {
        let this = &*self.stream;
        this.connection.persist(&this.waiters.readable, patience, |core, _| {
            if this.is_read_shut.load(Ordering::Relaxed) {
                return Some(Err(RecvError::Finished.into()));
            }
            if let Some(code) = this.reset.get() {
                return Some(Err(ChannelError::Reset(*code)));
            }
            match take(core.streams(), this.id) {
                Ok(taken) => Some(taken.ok_or_else(|| RecvError::Finished.into())),
                Err(ReadError::Blocked) => closed(core),
                Err(ReadError::Reset(code)) => {
                    this.reset.get_or_init(|| code);
                    Some(Err(ChannelError::Reset(code)))
                }
                Err(_) => Some(Err(RecvError::Unknown.into())),
            }
        })
    }

    /// How many bytes the peer has, from the first one on.
    pub(in crate::driver) fn watermark(&self) -> u64 {
        let acked = self.connection().look(|core| core.acknowledged(self.id()));
        acked.flatten().unwrap_or_default()
    }

    /// Waits until the peer has all that was written before this call.
    pub(in crate::driver) fn flush_acked(&self, wait: Patience) -> Result<(), ChannelError> {
        let target = self.stream.written.load(Ordering::Relaxed);
        self.connection().follow(wait, |core, _| match self.watch.outcome(core, target) {
            Some(Outcome::Acknowledged) => Some(Ok(())),
            Some(Outcome::Abandoned(_)) => Some(Err(SendError::Stopped.into())),
            None => closed(core),
        })
    }

    pub(in crate::driver) fn close(&self) -> Result<(), ChannelError> {
        self.stream.waiters.is_closed.store(true, Ordering::Relaxed);
        self.act(|core, id| {
            // What was reset or refused by the peer needs no end.
            let _ = core.streams().finish(id);
        })
    }

    /// Does something that does not wait; those who do look again.
    pub(in crate::driver) fn act<T>(
        &self,
        act: impl FnOnce(&mut Core, StreamId) -> T,
    ) -> Result<T, ChannelError> {
        self.connection().act(&self.stream.waiters, |core| act(core, self.id()))
    }

    fn refused(&self, error: WriteError) -> ChannelError {
        let error = match error {
            WriteError::Blocked => SendError::Blocked,
            WriteError::Stopped(_) | WriteError::Reset(_) => SendError::Stopped,
            WriteError::Finished => SendError::Finished,
            WriteError::Unknown => SendError::Unknown,
        };
        self.stream.waiters.why_not(error).into()
    }
}
