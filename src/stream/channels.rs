//! What the application does with message channels.

use super::channel_table::{Entry, Finish};
use super::message::{Channel, Settlement, cost};
use super::schedule::Wants;
use super::{
    ChannelEvent, ChannelStats, CreditUse, FlowId, Message, OpenError, Outbound, RecvError,
    SendError, Streams, Terms, Unsettled, Why,
};
use crate::wire::{ChannelId, Mode};

impl Streams {
    /// Opens a message channel and announces it.
    ///
    /// # Errors
    /// [`OpenError::Limit`] if the peer allows no more for now, [`OpenError::NoMessages`] if it takes
    /// no messages.
    pub fn open_channel(&mut self, mode: Mode, outbound: Outbound) -> Result<ChannelId, OpenError> {
        if self.is_started && !self.channels.takes_messages() {
            return Err(OpenError::NoMessages);
        }
        let id = self.channels.open(mode).ok_or(OpenError::Limit)?;
        if let Some(entry) = self.channels.touch(id) {
            entry.set_outbound(outbound);
            entry.channel.repeat_limit();
            self.refile_channel(id);
        }
        Ok(id)
    }

    /// The next channel that the peer opened, in the order in which they became known. The urgent
    /// channel is not among them: it is always there.
    pub fn accept_channel(&mut self) -> Option<ChannelId> {
        self.channels.accept()
    }

    /// Sets the terms on which this side sends.
    pub fn set_outbound(&mut self, id: ChannelId, outbound: Outbound) {
        if let Some(entry) = self.channels.touch(id) {
            entry.set_outbound(outbound);
            self.wake_writers();
        }
    }

    /// Takes a message; returns its number. Only after [`SendError::Blocked`] does
    /// [`ChannelEvent::Writable`] follow.
    ///
    /// # Errors
    /// See [`SendError`]. A channel that is over counts as finished.
    pub fn send(&mut self, id: ChannelId, message: &[u8], terms: Terms) -> Result<u64, SendError> {
        if self.is_started && !self.channels.takes_messages() {
            return Err(SendError::Unknown);
        }
        let is_closed = self.channels.is_closed(id);
        let gone = if is_closed { SendError::Finished } else { SendError::Unknown };
        let held = self.channels.touch(id).ok_or(gone)?.channel.held();
        let room = self.buffer.room_at_once(held);
        let result = self
            .on_sender(id, |channel, out| channel.accept(message, terms, room, out))
            .unwrap_or(Err(gone));
        if result == Err(SendError::Blocked)
            && let Some(entry) = self.channels.get_mut(id)
        {
            entry.wanted = cost(message.len() as u64);
            self.writers.set(id.into(), true);
        }
        result
    }

    /// Takes the next message.
    ///
    /// # Errors
    /// See [`RecvError`].
    pub fn recv(&mut self, id: ChannelId, buf: &mut [u8]) -> Result<Message, RecvError> {
        let Some(entry) = self.channels.get_mut(id) else { return Err(self.nothing_from(id)) };
        let result = entry.channel.recv(buf, &mut self.recv_credit, &mut self.inbox);
        self.refile_channel(id);
        result
    }

    /// Takes the next message, in a buffer of its own.
    ///
    /// # Errors
    /// See [`RecvError`]; never [`RecvError::Short`].
    pub fn recv_vec(&mut self, id: ChannelId) -> Result<(Message, Vec<u8>), RecvError> {
        let Some(entry) = self.channels.get_mut(id) else { return Err(self.nothing_from(id)) };
        let result = entry.channel.recv_vec(&mut self.recv_credit, &mut self.inbox);
        self.refile_channel(id);
        result
    }

    /// Copies what fits of the next message, and leaves it there.
    ///
    /// # Errors
    /// See [`RecvError`]; never [`RecvError::Short`].
    pub fn peek_message(&self, id: ChannelId, buf: &mut [u8]) -> Result<Message, RecvError> {
        self.channels.get(id).ok_or_else(|| self.nothing_from(id))?.channel.peek(buf)
    }

    /// Gives up a message that is not settled; returns whether there was one.
    pub fn abandon(&mut self, id: ChannelId, number: u64, which: Unsettled, why: Why) -> bool {
        self.on_sender(id, |channel, out| channel.abandon(number, which, why, out))
            .unwrap_or_default()
    }

    /// Whether any channel is in use.
    pub fn uses_channels(&self) -> bool {
        !self.channels.is_unused()
    }

    /// Whether `abandon` would give the message up.
    pub fn is_pending(&self, id: ChannelId, number: u64, which: Unsettled) -> bool {
        self.channels.get(id).is_some_and(|entry| entry.channel.is_pending(number, which))
    }

    /// Ends the channel behind what was accepted. Doing so twice is the same as once.
    pub fn finish_channel(&mut self, id: ChannelId) {
        if let Some(entry) = self.channels.touch(id) {
            entry.finish_once();
            self.on_sender(id, |channel, _| channel.finish());
        }
    }

    /// Throws away what is there and what comes, and asks the peer to stop sending.
    pub fn stop_channel(&mut self, id: ChannelId) {
        if let Some(entry) = self.channels.touch(id) {
            entry.channel.discard(true, &mut self.recv_credit, &mut self.inbox);
            self.refile_channel(id);
        }
    }

    /// Whether [`ChannelEvent::Progress`] tells of each move of the watermark.
    pub fn watch(&mut self, id: ChannelId, is_watched: bool) {
        if let Some(entry) = self.channels.touch(id) {
            entry.is_watched = is_watched;
        }
    }

    /// The lowest number that is not settled. `None`: there is no such channel, or it is over.
    pub fn watermark(&self, id: ChannelId) -> Option<u64> {
        let entry = self.channels.get(id);
        entry.map(|e| e.channel.watermark()).or_else(|| self.channels.is_open(id).then_some(0))
    }

    /// What was counted on a channel. `None`: there is no such channel, or it is over.
    pub fn channel_stats(&self, id: ChannelId) -> Option<ChannelStats> {
        let unused = || self.channels.is_open(id).then(ChannelStats::default);
        self.channels.get(id).map(|entry| entry.channel.stats()).or_else(unused)
    }

    /// What was used of a channel's credit. `None`: there is no such channel, or it is over.
    pub fn channel_credit(&self, id: ChannelId) -> Option<CreditUse> {
        let unused = || self.channels.is_open(id).then(CreditUse::default);
        self.channels.get(id).map(|entry| entry.channel.credit()).or_else(unused)
    }

    /// What was counted on all channels, those that are over included. Walks over the channels.
    pub fn messages(&self) -> ChannelStats {
        let mut stats = self.channels.settled;
        self.channels.iter().for_each(|(_, entry)| stats += entry.channel.stats());
        stats
    }

    /// Does something to a sending half, and passes on what that settled.
    pub(super) fn on_sender<T>(
        &mut self,
        id: ChannelId,
        act: impl FnOnce(&mut Channel, &mut Settlement) -> T,
    ) -> Option<T> {
        let entry = self.channels.get_mut(id)?;
        let held = entry.channel.held();
        let mut out = Settlement::default();
        let result = act(&mut entry.channel, &mut out);
        let Entry { channel, events, .. } = entry;
        for (number, outcome) in out.receipts {
            self.events.push(ChannelEvent::Receipt(id, number, outcome), events);
        }
        if out.has_progressed && entry.is_watched {
            self.events.push(ChannelEvent::Progress(id), events);
        }
        if entry.finish == Finish::Asked && channel.is_settled() {
            entry.finish = Finish::Told;
            self.events.push(ChannelEvent::Finished(id), events);
        }
        let now_held = channel.held();
        self.buffer.hold(now_held.saturating_sub(held));
        self.refile_channel(id);
        self.release(held.saturating_sub(now_held) as usize);
        Some(result)
    }

    /// Tells a channel that waits for room if what was not accepted would be now, and a good part of
    /// its queue is free.
    pub(super) fn wake_channel(&mut self, id: ChannelId) {
        let Some(entry) = self.channels.get_mut(id) else { return };
        let (held, waiting) = (entry.channel.held(), entry.channel.waiting());
        let free = entry.queue_bytes.saturating_sub(waiting);
        let is_queue_free = waiting == 0 || free >= entry.wanted.max(entry.queue_bytes / 4);
        let room = self.buffer.room_at_once(held);
        if is_queue_free && room >= entry.wanted.max(self.buffer.low_water()) {
            self.writers.set(id.into(), false);
            self.events.push(ChannelEvent::Writable(id), &mut entry.events);
        }
    }

    /// Something about a channel changed: forgets it if it is over, else files it under what it wants.
    pub(super) fn refile_channel(&mut self, id: ChannelId) {
        let Some(entry) = self.channels.get(id) else { return };
        let flow = FlowId::Channel(id);
        if !entry.channel.is_over() {
            self.schedule.file(flow, entry.channel.wants(), entry.priority);
            return;
        }
        self.schedule.file(flow, Wants::default(), entry.priority);
        self.writers.set(flow, false);
        self.channels.close(id);
    }

    /// Why a channel that was never used, or is no more, gives no message.
    fn nothing_from(&self, id: ChannelId) -> RecvError {
        if self.channels.is_open(id) {
            RecvError::Blocked
        } else if self.channels.is_closed(id) {
            RecvError::Finished
        } else {
            RecvError::Unknown
        }
    }
}

impl Entry {
    fn set_outbound(&mut self, outbound: Outbound) {
        self.queue_bytes = outbound.queue_bytes;
        self.channel.set_outbound(outbound);
    }

    /// The sending half is to end.
    fn finish_once(&mut self) {
        if self.finish == Finish::Open {
            self.finish = Finish::Asked;
        }
    }
}
