//! One end: a sender, a receiver, and the datagrams between two ends.

use super::frame::Frame;
use super::go_back_n::{GoBackNReceiver, GoBackNSender};
use super::protocol::{Protocol, Receiver, Sender, Settings};
use super::selective_repeat::{SelectiveRepeatReceiver, SelectiveRepeatSender};
use super::stop_and_wait::{StopAndWaitReceiver, StopAndWaitSender};
use crate::time::Instant;
use std::collections::VecDeque;

/// What [`Peer::poll`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Output {
    /// A datagram was appended to the buffer: send it, and poll again.
    Transmit,
    /// Nothing to do until something arrives, or until this time.
    Idle(Option<Instant>),
}

/// Acknowledgements that wait to be sent; one for each frame that arrived since the last poll. At
/// the bound further ones are not sent, as if they had been lost.
const MAX_ACKS: usize = 1024;

/// One end, which sends and receives.
#[derive(Debug)]
pub struct Peer {
    sender: Box<dyn Sender>,
    receiver: Box<dyn Receiver>,
    acks: VecDeque<u32>,
}

impl Peer {
    /// An end that has sent nothing. Both ends need the same protocol and window.
    pub fn new(protocol: Protocol, settings: Settings) -> Self {
        let (sender, receiver): (Box<dyn Sender>, Box<dyn Receiver>) = match protocol {
            Protocol::StopAndWait => {
                (Box::new(StopAndWaitSender::new(settings)), Box::<StopAndWaitReceiver>::default())
            }
            Protocol::GoBackN => {
                (Box::new(GoBackNSender::new(settings)), Box::<GoBackNReceiver>::default())
            }
            Protocol::SelectiveRepeat => (
                Box::new(SelectiveRepeatSender::new(settings)),
                Box::new(SelectiveRepeatReceiver::new(settings)),
            ),
        };
        Self { sender, receiver, acks: VecDeque::new() }
    }

    /// Queues a payload to be sent in one frame.
    pub fn push(&mut self, payload: Vec<u8>) {
        self.sender.push(payload);
    }

    /// The next payload of the other end: each once, in order.
    pub fn pop(&mut self) -> Option<Vec<u8>> {
        self.receiver.pop()
    }

    /// Payloads that were pushed and are not acknowledged.
    pub fn pending(&self) -> usize {
        self.sender.pending()
    }

    /// Takes one datagram; what is damaged is ignored.
    pub fn handle(&mut self, _now: Instant, datagram: &[u8]) {
        match Frame::decode(datagram) {
            None => {}
            Some(Frame::Ack { number }) => self.sender.on_ack(number),
            Some(Frame::Data { number, payload }) => {
                let ack = self.receiver.on_data(number, payload);
                self.acks.extend(ack.filter(|_| self.acks.len() < MAX_ACKS));
            }
        }
    }

    /// Appends the next datagram to send, acknowledgements first.
    pub fn poll(&mut self, now: Instant, buf: &mut Vec<u8>) -> Output {
        if let Some(number) = self.acks.pop_front() {
            Frame::Ack { number }.encode(buf);
            return Output::Transmit;
        }
        match self.sender.next(now) {
            Some((number, payload)) => {
                Frame::Data { number, payload }.encode(buf);
                Output::Transmit
            }
            None => Output::Idle(self.sender.deadline()),
        }
    }
}
