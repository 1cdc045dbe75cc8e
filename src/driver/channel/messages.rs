//! The verbs of a message channel, on a handle that all its clones share.

use super::super::clock;
use super::super::connection::{Connection, OptionalDuration};
use super::super::patience::Patience;
use super::super::waiters::FlowWaiters;
use super::{ChannelError, closed};
use crate::connection::{ChannelConfig, Connection as Core, SendOptions};
use crate::stream::{ChannelStats, Message, RecvError, SendError};
use crate::time::Duration;
use crate::wire::ChannelId;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What all handles of a message channel share.
pub(in crate::driver) struct Messages {
    pub(super) connection: Connection,
    pub(super) id: ChannelId,
    waiters: Arc<FlowWaiters>,
    pub(super) send_timeout: OptionalDuration,
    pub(super) recv_timeout: OptionalDuration,
    is_nonblocking: AtomicBool,
    /// How many messages were accepted, and so the number behind the last one.
    accepted: AtomicU64,
}

/// How a message is sent.
#[derive(Clone, Copy)]
pub(super) struct Sending<'a> {
    pub(super) options: &'a SendOptions,
    /// Whether the call may wait, as far as the channel's settings allow.
    pub(super) may_wait: bool,
    /// Whether its outcome is to be kept until the receipt is gone.
    pub(super) has_receipt: bool,
}

impl Messages {
    pub(in crate::driver) fn new(connection: Connection, id: ChannelId) -> Self {
        let mut shared = connection.hub().lock();
        let waiters = shared.waiters.insert_flow(connection.handle(), id.into());
        let core = shared.endpoint.connection(connection.handle());
        let stats = core.and_then(|core| core.channel_stats(id)).unwrap_or_default();
        drop(shared);
        Self {
            connection,
            id,
            waiters,
            send_timeout: OptionalDuration::none(),
            recv_timeout: OptionalDuration::none(),
            is_nonblocking: AtomicBool::new(false),
            accepted: AtomicU64::new(stats.accepted),
        }
    }

    #[cfg(test)]
    pub(super) fn waiters(&self) -> &FlowWaiters {
        &self.waiters
    }

    pub(super) fn patience(&self, timeout: &OptionalDuration) -> Patience {
        if self.is_nonblocking.load(Ordering::Relaxed) {
            return Patience::None;
        }
        timeout.get().map_or(Patience::Endless, Patience::Within)
    }

    pub(super) fn send(&self, message: &[u8], sending: Sending<'_>) -> Result<u64, ChannelError> {
        let Sending { options, may_wait, has_receipt } = sending;
        let (begun, deadline) = (clock::now(), options.deadline);
        let patience = || {
            let own = if may_wait { self.patience(&self.send_timeout) } else { Patience::None };
            deadline.map_or(own, |deadline| own.at_most(deadline))
        };
        let connection = &self.connection;
        connection.persist(&self.waiters.writable, patience, |core, waiters| {
            if let Some(ended) = closed(core) {
                return Some(ended);
            }
            let now = clock::now();
            let left = |deadline: Duration| deadline.saturating_sub(now.saturating_since(begun));
            let options = SendOptions {
                deadline: deadline.map(left),
                wants_receipt: options.wants_receipt || has_receipt,
                ..*options
            };
            let number = match core.send(now, self.id, message, &options) {
                Ok(number) => number,
                Err(SendError::Blocked) => return None,
                Err(error) => return Some(Err(self.waiters.why_not(error).into())),
            };
            self.accepted.store(number + 1, Ordering::Relaxed);
            if has_receipt {
                waiters.receipts.insert(self.id, number);
            }
            Some(Ok(number))
        })
    }

    /// Waits for a message and takes it with `take`.
    pub(super) fn take<T>(
        &self,
        patience: impl Fn() -> Patience,
        mut take: impl FnMut(&mut Core, ChannelId) -> Result<T, RecvError>,
    ) -> Result<T, ChannelError> {
        let connection = &self.connection;
        connection.persist(&self.waiters.readable, patience, |core, _| match take(core, self.id) {
            // What had arrived before the end is read before the end is told.
            Err(RecvError::Blocked) => closed(core),
            result => Some(result.map_err(ChannelError::from)),
        })
    }

    pub(super) fn peek(&self, buf: &mut [u8]) -> Result<Message, ChannelError> {
        let patience = || self.patience(&self.recv_timeout);
        self.take(patience, |core, id| core.peek(id, buf))
    }

    /// The number below which all messages are settled.
    pub(super) fn watermark(&self) -> u64 {
        let mark = self.connection.look(|core| core.watermark(self.id)).flatten();
        mark.unwrap_or_else(|| self.accepted.load(Ordering::Relaxed))
    }

    /// Waits until all messages that were accepted before this call are settled.
    pub(super) fn flush_acked(&self, patience: Patience) -> Result<(), ChannelError> {
        let target = self.accepted.load(Ordering::Relaxed);
        self.connection.follow(patience, |core, _| {
            // A channel that is over is settled.
            let is_settled = core.watermark(self.id).is_none_or(|mark| mark >= target);
            if is_settled { Some(Ok(())) } else { closed(core) }
        })
    }

    pub(super) fn close(&self) -> Result<(), ChannelError> {
        self.waiters.is_closed.store(true, Ordering::Relaxed);
        self.act(Core::finish_channel)
    }

    pub(super) fn configure(&self, config: &ChannelConfig) -> Result<(), ChannelError> {
        self.act(|core, id| core.set_channel(id, config))
    }

    pub(super) fn cancel(&self, number: u64) -> Result<bool, ChannelError> {
        self.act(|core, id| core.cancel(id, number))
    }

    pub(super) fn stats(&self) -> Option<ChannelStats> {
        self.connection.look(|core| core.channel_stats(self.id)).flatten()
    }

    /// Does something that does not wait; those who do look again.
    pub(super) fn act<T>(
        &self,
        act: impl FnOnce(&mut Core, ChannelId) -> T,
    ) -> Result<T, ChannelError> {
        self.connection.act(&self.waiters, |core| act(core, self.id))
    }

    pub(super) fn set_nonblocking(&self, is_nonblocking: bool) {
        let mut shared = self.connection.hub().lock();
        self.is_nonblocking.store(is_nonblocking, Ordering::Relaxed);
        self.waiters.wake_all();
        shared.stir();
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        let is_last = self.connection.is_last();
        if is_last && self.is_nonblocking.load(Ordering::Relaxed) {
            self.connection.detach();
        }
        let handle = self.connection.handle();
        let mut shared = self.connection.hub().lock();
        shared.waiters.remove_flow(handle, self.id.into(), &self.waiters);
        if is_last || self.id == ChannelId::URGENT {
            // The connection's end says all there is to say; and the urgent channel can be had again.
            return;
        }
        if let Ok(core) = shared.connection(handle) {
            core.finish_channel(self.id);
            core.stop_channel(self.id);
        }
        shared.flush();
    }
}
