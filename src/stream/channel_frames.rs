//! Channels' frames in, and what became of those that were sent.

use super::message::Channel;
use super::{ChannelEvent, Content, Refusal, Streams, Violation};
use crate::wire::{ChannelId, MessageFrame, ParityFrame, Skip};

impl Streams {
    /// A message arrived, or a part of one.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn on_message(&mut self, frame: &MessageFrame<'_>) -> Result<(), Refusal> {
        self.open_channel_by_peer(frame.id)?;
        let Some(entry) = self.channels.touch(frame.id) else { return Ok(()) };
        let news = entry.channel.on_message(frame, &mut self.recv_credit, &mut self.inbox);
        self.received(frame.id, news)
    }

    /// A parity arrived.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn on_parity(&mut self, frame: &ParityFrame<'_>) -> Result<(), Refusal> {
        self.open_channel_by_peer(frame.id)?;
        let Some(entry) = self.channels.touch(frame.id) else { return Ok(()) };
        let news = entry.channel.on_parity(frame, &mut self.recv_credit, &mut self.inbox);
        self.received(frame.id, news)
    }

    /// SKIP: messages that will not come.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn on_skip(&mut self, skip: &Skip) -> Result<(), Refusal> {
        self.open_channel_by_peer(skip.id)?;
        let Some(entry) = self.channels.touch(skip.id) else { return Ok(()) };
        let news = entry.channel.on_skip(skip, &mut self.recv_credit);
        self.received(skip.id, news)
    }

    /// CHANNEL_END: no message from number `end` on will come.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn on_channel_end(&mut self, id: ChannelId, end: u64) -> Result<(), Refusal> {
        self.open_channel_by_peer(id)?;
        let Some(entry) = self.channels.touch(id) else { return Ok(()) };
        let news = entry.channel.on_end(end, &mut self.inbox);
        self.received(id, news)
    }

    /// CHANNEL_STOP: the peer wants no messages of this channel. Answered with SKIP and CHANNEL_END.
    ///
    /// # Errors
    /// A [`Violation`] of limits.
    pub fn on_channel_stop(&mut self, id: ChannelId) -> Result<(), Violation> {
        self.open_channel_by_peer(id)?;
        let Some(entry) = self.channels.touch(id) else { return Ok(()) };
        if !std::mem::replace(&mut entry.is_stopped, true) {
            self.events.push(ChannelEvent::Stopped(id), &mut entry.events);
        }
        self.on_sender(id, Channel::on_stop);
        Ok(())
    }

    /// MAX_CHANNEL_DATA.
    ///
    /// # Errors
    /// A [`Violation`] of limits.
    pub fn on_max_channel_data(&mut self, id: ChannelId, limit: u64) -> Result<(), Violation> {
        self.open_channel_by_peer(id)?;
        if let Some(entry) = self.channels.touch(id)
            && entry.channel.raise_limit(limit)
        {
            self.refile_channel(id);
        }
        Ok(())
    }

    /// MAX_CHANNELS.
    pub fn on_max_channels(&mut self, limit: u64) {
        if self.channels.registry.raise_limit(limit) {
            self.events.push_common(ChannelEvent::Openable);
        }
    }

    /// CHANNEL_PROBE: the peer has a message for this channel and not the credit for it.
    ///
    /// # Errors
    /// A [`Violation`] of limits.
    pub fn on_channel_probe(&mut self, id: ChannelId) -> Result<(), Violation> {
        self.open_channel_by_peer(id)?;
        self.recv_credit.ask();
        if let Some(entry) = self.channels.touch(id) {
            entry.channel.ask_limit();
            self.refile_channel(id);
        }
        Ok(())
    }

    /// What a channel sent has arrived.
    pub(super) fn on_channel_acked(&mut self, id: ChannelId, content: &Content) {
        self.on_sender(id, |channel, out| match *content {
            Content::Message { number, from, to, .. } => channel.on_acked(number, &(from..to), out),
            Content::Skip { first, count, .. } => channel.on_skip_acked(first, count),
            Content::ChannelEnd(_) => channel.on_end_acked(),
            _ => {}
        });
    }

    /// What a channel sent is thought lost.
    pub(super) fn on_channel_lost(&mut self, id: ChannelId, content: &Content) {
        self.on_sender(id, |channel, out| match *content {
            Content::Message { number, from, to, copy, .. } => {
                channel.on_lost(number, &(from..to), copy, out);
            }
            Content::Skip { first, count, .. } => channel.on_skip_lost(first, count),
            Content::ChannelEnd(_) => channel.on_end_lost(),
            Content::ChannelStop(_) => channel.on_stop_lost(),
            _ => channel.repeat_limit(),
        });
    }

    /// A receiving half took a frame: tells the application what is news to it.
    fn received(&mut self, id: ChannelId, news: Result<bool, Refusal>) -> Result<(), Refusal> {
        let Some(entry) = self.channels.get_mut(id) else { return Ok(()) };
        if news? {
            self.events.push(ChannelEvent::Readable(id), &mut entry.events);
        }
        self.refile_channel(id);
        Ok(())
    }

    /// The peer speaks of `id`, and may open it by that.
    fn open_channel_by_peer(&mut self, id: ChannelId) -> Result<(), Violation> {
        if let Some(first) = self.channels.on_peer(id)? {
            self.events.push_common(ChannelEvent::Opened(first));
        }
        Ok(())
    }
}
