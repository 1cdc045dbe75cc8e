//! One channel's way in: each message is checked as it comes.

use super::outgoing::message_bytes;
use crate::connection::Connection;
use crate::stream::{Message, RecvError};
use crate::time::Instant;
use crate::wire::{ChannelId, Mode, Side};
use std::collections::BTreeMap;

/// A message that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// When.
    pub at: Instant,
    /// Its bytes.
    pub len: usize,
    /// Its key.
    pub key: Option<u64>,
}

/// What came on one channel.
#[derive(Debug)]
pub struct MessageReader {
    /// What was read, by number.
    pub arrived: BTreeMap<u64, Arrived>,
    /// How many were reported missing.
    pub missing: u64,
    /// On Latest: the newest number of each key.
    pub newest: BTreeMap<Option<u64>, u64>,
    /// The end was read.
    pub is_ended: bool,
    /// This side stopped the channel.
    pub is_stopped: bool,
    id: ChannelId,
    /// There may be something to read.
    is_readable: bool,
}

impl MessageReader {
    pub(super) const fn new(id: ChannelId) -> Self {
        Self {
            arrived: BTreeMap::new(),
            missing: 0,
            newest: BTreeMap::new(),
            is_ended: false,
            is_stopped: false,
            id,
            is_readable: true,
        }
    }

    /// Word came that there is something to read: without it nothing is tried.
    pub(super) const fn wake(&mut self) {
        self.is_readable = true;
    }

    /// Whether reading may give something.
    pub const fn is_readable(&self) -> bool {
        self.is_readable && !self.is_ended
    }

    /// Reads once; returns whether a message came. `fault` says what should not have come.
    pub(super) fn read(
        &mut self,
        now: Instant,
        side: Side,
        connection: &mut Connection,
        fault: &mut dyn FnMut(String),
    ) -> bool {
        let id = self.id;
        match connection.recv_vec(id) {
            Ok((message, data)) => {
                if let Some(what) = self.take(now, side.peer(), &message, &data) {
                    let Message { number, len, .. } = message;
                    fault(format!("channel {id}: message {number} of {len} bytes: {what}"));
                }
                return true;
            }
            Err(RecvError::Gap { count }) => {
                self.missing += count;
                if !id.mode().is_reliable() {
                    fault(format!("channel {id}: a gap where none is promised to be told"));
                }
            }
            Err(RecvError::Blocked) => self.is_readable = false,
            Err(RecvError::Finished) => self.is_ended = true,
            Err(error) => {
                self.is_ended = true;
                fault(format!("channel {id}: {error}"));
            }
        }
        false
    }

    /// This side wants no more.
    pub(super) fn stop(&mut self, connection: &mut Connection) {
        self.is_stopped = true;
        self.is_ended = true;
        connection.stop_channel(self.id);
    }

    /// Notes a message; returns what is wrong with it.
    fn take(
        &mut self,
        now: Instant,
        sender: Side,
        message: &Message,
        data: &[u8],
    ) -> Option<&'static str> {
        let &Message { number, key, len } = message;
        let mut expected = Vec::with_capacity(len);
        message_bytes(sender, self.id, number, len, &mut expected);
        let due = self.arrived.len() as u64 + self.missing;
        let last = self.newest.insert(key, number);
        let before = self.arrived.insert(number, Arrived { at: now, len, key });
        if data != expected {
            Some("other bytes than were sent")
        } else if before.is_some() {
            Some("for the second time")
        } else if self.id.mode() == Mode::Ordered && number != due {
            Some("out of turn")
        } else if self.id.mode() == Mode::Latest && last.is_some_and(|last| last > number) {
            Some("after a newer one")
        } else {
            None
        }
    }
}
