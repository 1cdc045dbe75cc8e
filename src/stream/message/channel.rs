//! Both halves of a message channel.

use super::incoming::Incoming;
use super::newest::Newest;
use super::outgoing::Outgoing;
use super::repair::Repairs;
use super::volatile::{Freshest, Volatile};
use crate::wire::ChannelId;

/// A channel, whatever its mode.
#[derive(Debug)]
pub(in crate::stream) struct Channel {
    id: ChannelId,
    sender: Sender,
    receiver: Receiver,
    /// Made by the first parity.
    repairs: Option<Box<Repairs>>,
}

#[derive(Debug)]
enum Sender {
    Outgoing(Outgoing),
    Newest(Newest),
}

#[derive(Debug)]
enum Receiver {
    Incoming(Incoming),
    Volatile(Volatile),
    Freshest(Freshest),
}
