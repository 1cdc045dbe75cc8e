//! Frames out: what goes into the next packet, and what became of it.

use super::channel_table::Entry;
use super::credit::RecvCredit;
use super::message::{Due, Repair};
use super::schedule::{ALL, ORDINARY, URGENT, Which};
use super::{Blocked, Chunk, Content, FlowId, Limit, MESSAGE_COST, Pattern, StreamEvent, Streams};
use crate::wire::{
    ChannelId, Frame, MessageFrame, MessageNumber, Offset, ParityFrame, Part, StreamFrame,
    StreamId, Writer,
};
use std::ops::Range;

/// Data is not split so that fewer bytes than this begin it at a packet's end.
pub(super) const MIN_SPLIT: u64 = 16;

impl Streams {
    /// Fills a packet with what fits: control frames first, then what is urgent, then lost data, then
    /// new data. Data that fills the room to its end has no length: nothing may follow it. `note` is
    /// told each content. Returns whether data were written that were never sent before.
    pub fn write_frames(&mut self, w: &mut Writer<'_>, note: &mut dyn FnMut(Content)) -> bool {
        self.write_limits(w, note);
        while let Some(id) = self.schedule.control.lowest() {
            let is_done = match id {
                FlowId::Stream(id) => self.write_control(id, w, note),
                FlowId::Channel(id) => self.write_channel_control(id, w, note),
            };
            self.refile_flow(id);
            if !is_done {
                break;
            }
        }
        let mut has_news = false;
        for levels in [URGENT, ORDINARY] {
            self.write_data(Which::Lost, &levels, w, note);
            has_news |= self.write_data(Which::New, &levels, w, note);
        }
        // Only room that nobody else wants is for repairs: who has more to send than leaves is not thin.
        if !self.written.is_empty() {
            let written = std::mem::take(&mut self.written);
            if !self.has_retransmissions() && self.pick(Which::New, ALL).is_none() {
                for (id, number) in written {
                    self.write_repairs(id, number, w, note);
                }
            }
        }
        self.wake_writers();
        has_news
    }

    /// Whether `write_frames` would write something into an empty packet.
    pub fn wants_to_send(&self) -> bool {
        self.recv_credit.wants_update()
            || self.table.registry.recv_credit.wants_update()
            || self.channels.registry.recv_credit.wants_update()
            || !self.schedule.control.is_empty()
            || self.has_retransmissions()
            || self.pick(Which::New, ALL).is_some()
    }

    /// Whether some writer waits for room in the send buffer.
    pub fn is_send_buffer_full(&self) -> bool {
        !self.writers.is_empty()
    }

    /// Whether lost data waits to be sent again.
    pub fn has_retransmissions(&self) -> bool {
        self.pick(Which::Lost, ALL).is_some()
    }

    /// Whether data waits and credit is all that it waits for.
    pub fn blocked(&self) -> Option<Blocked> {
        if !self.is_started || self.pick(Which::New, ALL).is_some() {
            return None;
        }
        let by_connection = self.schedule.lowest_fresh().map(|id| (id, Limit::Connection));
        let by_flow = self.schedule.starved.lowest().map(|id| (id, Limit::Flow));
        by_connection.or(by_flow).map(|(id, by)| Blocked { id, by })
    }

    /// Queues the newest unacknowledged data, at most a packet's worth, to be sent again though it
    /// is in flight: for a probe. Returns whether data waits to be sent again now.
    pub fn requeue_newest(&mut self) -> bool {
        if self.has_retransmissions() {
            return true;
        }
        let last = self.last_sender;
        let streams = self.table.iter().rev().map(|(id, _)| id.into());
        let channels = self.channels.iter().rev().map(|(id, _)| id.into());
        let others = streams.chain(channels).filter(|id| *id != last);
        let mut flows = std::iter::once(last).chain(others.collect::<Vec<FlowId>>());
        flows.any(|flow| {
            let was_requeued = match flow {
                FlowId::Stream(id) => self
                    .table
                    .get_mut(id)
                    .is_some_and(|stream| stream.send.requeue_newest(self.max_chunk)),
                FlowId::Channel(id) => self
                    .channels
                    .get_mut(id)
                    .is_some_and(|entry| entry.channel.requeue_newest(self.max_chunk)),
            };
            self.refile_flow(flow);
            was_requeued
        })
    }

    /// Queues data that are in flight, to be sent once more, before anything is known of their fate.
    pub fn repeat(&mut self, content: &Content) {
        match *content {
            Content::Data { id, ref range, fin, .. } => {
                if let Some(stream) = self.table.get_mut(id) {
                    stream.send.repeat(&Chunk { range: range.clone(), fin });
                    self.refile(id);
                }
            }
            Content::Message { id, number, from, to, .. } => {
                if let Some(entry) = self.channels.get_mut(id) {
                    entry.channel.repeat(number, &(from..to));
                    self.refile_channel(id);
                }
            }
            _ => {}
        }
    }

    /// A packet with this content arrived, perhaps after it was thought lost.
    pub fn on_acked(&mut self, content: &Content) {
        match *content {
            Content::Data { id, ref range, fin, .. } => {
                let Some(stream) = self.table.get_mut(id) else { return };
                let released = stream.send.on_acked(&Chunk { range: range.clone(), fin });
                if released.delivered {
                    self.events.push(StreamEvent::Delivered(id), &mut stream.events);
                }
                self.release(released.bytes);
                self.refile(id);
            }
            Content::Reset(id) => {
                if let Some(stream) = self.table.get_mut(id) {
                    stream.send.on_reset_acked();
                    self.refile(id);
                }
            }
            Content::MaxData
            | Content::MaxStreamData(_)
            | Content::MaxStreams
            | Content::Stop(_)
            | Content::MaxChannels => {}
            Content::Message { id, .. }
            | Content::Skip { id, .. }
            | Content::MaxChannelData(id)
            | Content::ChannelEnd(id)
            | Content::ChannelStop(id) => self.on_channel_acked(id, content),
        }
    }

    /// A packet with this content is thought lost. Limits are sent again as they are by then.
    pub fn on_lost(&mut self, content: Content) {
        let id = match content {
            Content::MaxData => return self.recv_credit.repeat(),
            Content::MaxStreams => return self.table.registry.recv_credit.repeat(),
            Content::MaxChannels => return self.channels.registry.recv_credit.repeat(),
            Content::Message { id, .. }
            | Content::Skip { id, .. }
            | Content::MaxChannelData(id)
            | Content::ChannelEnd(id)
            | Content::ChannelStop(id) => return self.on_channel_lost(id, &content),
            Content::Data { id, .. }
            | Content::MaxStreamData(id)
            | Content::Reset(id)
            | Content::Stop(id) => id,
        };
        let Some(stream) = self.table.get_mut(id) else { return };
        match content {
            Content::Data { range, fin, copy, .. } => {
                stream.send.on_lost(&Chunk { range, fin }, copy);
            }
            Content::Reset(_) => stream.send.on_reset_lost(),
            Content::Stop(_) => stream.recv.on_stop_lost(),
            _ => stream.recv.repeat_limit(),
        }
        self.refile(id);
    }

    /// Who sends next, if anybody may.
    fn pick(&self, which: Which, levels: Range<u8>) -> Option<FlowId> {
        if which == Which::New && !self.is_started {
            return None;
        }
        self.schedule.pick(which, levels, self.send_credit.available())
    }

    fn write_limits(&mut self, w: &mut Writer<'_>, note: &mut dyn FnMut(Content)) {
        put_limit(&mut self.recv_credit, Frame::MaxData, w, || note(Content::MaxData));
        let streams = &mut self.table.registry.recv_credit;
        put_limit(streams, Frame::MaxStreams, w, || note(Content::MaxStreams));
        let channels = &mut self.channels.registry.recv_credit;
        put_limit(channels, Frame::MaxChannels, w, || note(Content::MaxChannels));
    }

    /// Writes a stream's control frames; returns whether all of them fitted.
    fn write_control(
        &mut self,
        id: StreamId,
        w: &mut Writer<'_>,
        note: &mut dyn FnMut(Content),
    ) -> bool {
        let Some(stream) = self.table.get_mut(id) else { return true };
        if let Some((code, end)) = stream.send.next_reset() {
            if !put(Frame::ResetStream(id, code, end), w) {
                return false;
            }
            stream.send.on_reset_sent();
            note(Content::Reset(id));
        }
        if let Some(code) = stream.recv.next_stop() {
            if !put(Frame::StopSending(id, code), w) {
                return false;
            }
            stream.recv.on_stop_sent();
            note(Content::Stop(id));
        }
        if stream.recv.wants_limit() {
            if !put(Frame::MaxStreamData(id, stream.recv.next_limit()), w) {
                return false;
            }
            stream.recv.advertise();
            note(Content::MaxStreamData(id));
        }
        true
    }

    /// Lets flows write data in turn, until the room is used up or none has any. Returns whether any
    /// were written.
    fn write_data(
        &mut self,
        which: Which,
        levels: &Range<u8>,
        w: &mut Writer<'_>,
        note: &mut dyn FnMut(Content),
    ) -> bool {
        let mut did = false;
        while let Some(id) = self.pick(which, levels.clone()) {
            self.schedule.turn_to(which, id, self.send_credit.available());
            let wrote = match id {
                FlowId::Stream(id) => self.write_stream(id, which, w, note),
                FlowId::Channel(id) => self.write_message(id, which, w, note),
            };
            let Some(bytes) = wrote else { break };
            self.schedule.charge(which, id, bytes);
            self.refile_flow(id);
            did = true;
        }
        did
    }

    /// Writes one frame of a stream's data: how many bytes, unless the room was too small.
    fn write_stream(
        &mut self,
        id: StreamId,
        which: Which,
        w: &mut Writer<'_>,
        note: &mut dyn FnMut(Content),
    ) -> Option<u64> {
        let stream = self.table.get_mut(id)?;
        let chunk = match which {
            Which::Lost => stream.send.next_lost(),
            Which::New => stream.send.next_new(self.max_chunk).and_then(|all| {
                let wanted = all.len();
                let chunk = all.cut(self.send_credit.available());
                (wanted == 0 || !chunk.is_empty()).then_some(chunk)
            }),
        };
        debug_assert!(chunk.is_some(), "stream {id} was picked and has nothing");
        let chunk = chunk?;
        let header = |len| StreamFrame::header_len(id, chunk.range.start, len);
        let fit = Fit::new(chunk.len(), w.room(), MIN_SPLIT, header)?;
        let chunk = chunk.cut(fit.len);
        let len = fit.begin(w);
        StreamFrame::encode_header(id, Offset::new(chunk.range.start), len, chunk.fin, w);
        let (front, back) = stream.send.slices(&chunk);
        w.bytes(front);
        w.bytes(back);
        let (copy, new) = stream.send.on_sent(&chunk, fit.fills);
        self.send_credit.take(new);
        self.last_sender = id.into();
        let bytes = chunk.len();
        note(Content::Data { id, range: chunk.range, fin: chunk.fin, copy });
        Some(bytes)
    }

    fn write_channel_control(
        &mut self,
        id: ChannelId,
        w: &mut Writer<'_>,
        note: &mut dyn FnMut(Content),
    ) -> bool {
        self.channels.get_mut(id).is_none_or(|entry| put_channel_control(id, entry, w, note))
    }

    /// Writes a message, or a part of one: how many bytes, unless the room was too small.
    fn write_message(
        &mut self,
        id: ChannelId,
        which: Which,
        w: &mut Writer<'_>,
        note: &mut dyn FnMut(Content),
    ) -> Option<u64> {
        let due = self.channels.get(id)?.channel.next(which);
        debug_assert!(due.is_some(), "channel {id} was picked and has nothing");
        let due = due?;
        let number = due.number;
        let len = self.write_due(id, &due, w, note)?;
        self.last_sender = id.into();
        if which == Which::New && self.pattern != Pattern::OFF {
            self.written.push((id, number));
        }
        Some(len + MESSAGE_COST)
    }

    /// Writes what of a message fits: how many bytes, unless the room was too small.
    fn write_due(
        &mut self,
        id: ChannelId,
        due: &Due,
        w: &mut Writer<'_>,
        note: &mut dyn FnMut(Content),
    ) -> Option<u64> {
        let channel = &mut self.channels.get_mut(id)?.channel;
        let frame = MessageFrame {
            id,
            number: MessageNumber::new(due.number),
            part: (!due.is_whole)
                .then_some(Part { offset: due.range.start.into(), total: due.total.into() }),
            key: due.key,
            data: &[],
        };
        let len = u64::from(due.range.end - due.range.start);
        let min_split = if due.is_whole { len } else { MIN_SPLIT };
        let fit = Fit::new(len, w.room(), min_split, |len| frame.header_len(len))?;
        let due = Due { range: due.range.start..due.range.start + fit.len as u32, ..due.clone() };
        frame.encode_header(fit.begin(w), w);
        let (front, back) = channel.slices(&due);
        w.bytes(front);
        w.bytes(back);
        let sent = channel.on_sent(&due);
        self.send_credit.take(sent.reserved);
        let (number, from, to) = (due.number, due.range.start, due.range.end);
        note(Content::Message { id, number, from, to, copy: sent.copy });
        Some(fit.len)
    }

    /// Writes what goes beside a new message, as far as there is room.
    fn write_repairs(
        &mut self,
        id: ChannelId,
        number: u64,
        w: &mut Writer<'_>,
        note: &mut dyn FnMut(Content),
    ) {
        for mask in self.pattern.masks(number) {
            let Some(entry) = self.channels.get_mut(id) else { return };
            match entry.channel.repairs(number, mask, w.room()) {
                Some(Repair::Copy(due)) => {
                    self.write_due(id, &due, w, note);
                }
                Some(Repair::Parity { number, others, size, data }) => {
                    let number = MessageNumber::new(number);
                    let frame = ParityFrame { id, number, others, size, data: &data };
                    // Nothing follows from what becomes of it, so there is nothing to note.
                    if put(Frame::Parity(frame), w) {
                        entry.channel.on_parity_sent();
                    }
                }
                None => {}
            }
        }
    }
}

/// Writes a channel's control frames; returns whether all of them fitted.
fn put_channel_control(
    id: ChannelId,
    entry: &mut Entry,
    w: &mut Writer<'_>,
    note: &mut dyn FnMut(Content),
) -> bool {
    let channel = &mut entry.channel;
    if channel.next_stop() {
        if !put(Frame::ChannelStop(id), w) {
            return false;
        }
        channel.on_stop_sent();
        note(Content::ChannelStop(id));
    }
    if channel.wants_limit() {
        if !put(Frame::MaxChannelData(id, channel.next_limit()), w) {
            return false;
        }
        channel.advertise();
        note(Content::MaxChannelData(id));
    }
    while let Some(skip) = channel.next_skip() {
        if !put(Frame::Skip(skip), w) {
            return false;
        }
        channel.on_skip_sent(skip.first, skip.count);
        note(Content::Skip { id, first: skip.first, count: skip.count });
    }
    if let Some(end) = channel.next_end() {
        if !put(Frame::ChannelEnd(id, end), w) {
            return false;
        }
        channel.on_end_sent();
        note(Content::ChannelEnd(id));
    }
    true
}

/// How data goes into the room that is left.
struct Fit {
    /// How many bytes of it.
    len: u64,
    /// Whether it fills the room to its end, and so has no length.
    fills: bool,
    /// Bytes of padding in front, which are fewer than a length would take.
    padding: usize,
}

impl Fit {
    /// `min_split`: where not all of it fits, at least so much has to. `header`: bytes in front of the
    /// data, given its length if it has one.
    fn new(
        len: u64,
        room: usize,
        min_split: u64,
        header: impl Fn(Option<usize>) -> usize,
    ) -> Option<Self> {
        let space = room.checked_sub(header(None))? as u64;
        if len >= space {
            let splits_badly = space < min_split && len > space;
            return (!splits_badly).then_some(Self { len: space, fills: true, padding: 0 });
        }
        let with_len = header(Some(len as usize)) as u64 + len;
        let fills = with_len > room as u64;
        let padding = if fills { (space - len) as usize } else { 0 };
        Some(Self { len, fills, padding })
    }

    /// Writes the padding; returns the length that the header is to have.
    fn begin(&self, w: &mut Writer<'_>) -> Option<usize> {
        if self.padding > 0 {
            Frame::Padding(self.padding).encode(w, false);
        }
        (!self.fills).then_some(self.len as usize)
    }
}

/// Writes a control frame if it fits.
fn put(frame: Frame<'_>, w: &mut Writer<'_>) -> bool {
    let fits = frame.encoded_len(false) <= w.room();
    if fits {
        frame.encode(w, false);
    }
    fits
}

/// Writes a limit, if the peer is to be told of it and it fits.
fn put_limit(
    credit: &mut RecvCredit,
    frame: fn(u64) -> Frame<'static>,
    w: &mut Writer<'_>,
    note: impl FnOnce(),
) {
    let mut told = *credit;
    if credit.wants_update() && put(frame(told.advertise()), w) {
        *credit = told;
        note();
    }
}
