//! The textbook's protocols: each message travels in numbered frames, which come out in order.

use super::contender::{Contender, End, Message, Packets, Piece, Place, Setup};
use super::race::PATH_MTU;
use crate::impair::UDP_IP_OVERHEAD;
use crate::sim::arq::{FRAME_OVERHEAD, Frame, Output, Peer, Protocol, Settings};
use crate::time::{Duration, Instant};
use std::collections::VecDeque;

/// Stop-and-wait, go-back-N or selective repeat.
#[derive(Clone, Copy, Debug)]
pub struct Repeat {
    protocol: Protocol,
    settings: Option<Settings>,
}

impl Repeat {
    /// With a window of 128 frames, sent no faster than the link sends them, and a timeout of one
    /// and a half round trips and 10 ms.
    pub const fn new(protocol: Protocol) -> Self {
        Self { protocol, settings: None }
    }

    /// With other settings.
    pub const fn with(protocol: Protocol, settings: Settings) -> Self {
        Self { protocol, settings: Some(settings) }
    }

    fn settings(&self, setup: &Setup<'_>) -> Settings {
        let bits = (PATH_MTU * 8) as f64;
        let spacing = setup.rate_bps.map(|rate| bits / rate.max(1) as f64);
        self.settings.unwrap_or(Settings {
            window: WINDOW,
            timeout: setup.rtt * 3 / 2 + Duration::from_millis(10),
            spacing: spacing.map_or(Duration::ZERO, Duration::from_secs_f64),
        })
    }
}

impl Contender for Repeat {
    fn name(&self) -> &'static str {
        match self.protocol {
            Protocol::StopAndWait => "stop-and-wait",
            Protocol::GoBackN => "go-back-n",
            Protocol::SelectiveRepeat => "selective-repeat",
        }
    }

    fn title(&self) -> &'static str {
        match self.protocol {
            Protocol::StopAndWait => "stop-and-wait",
            Protocol::GoBackN => "go-back-N",
            Protocol::SelectiveRepeat => "selective repeat",
        }
    }

    fn ends(&self, setup: &Setup<'_>) -> [Box<dyn End>; 2] {
        let settings = self.settings(setup);
        [(), ()].map(|()| Box::new(RepeatEnd::new(self.protocol, settings)) as Box<dyn End>)
    }
}

/// A frame's payload: whether the message goes on behind it, then a part of the message.
const MORE: u8 = 1;
const LAST: u8 = 0;
/// Frames that may be on their way at once.
const WINDOW: u32 = 128;
/// Message bytes in a frame.
const FRAGMENT: usize = (PATH_MTU - UDP_IP_OVERHEAD) as usize - FRAME_OVERHEAD - 1;

#[derive(Debug)]
struct RepeatEnd {
    peer: Peer,
    /// Where each frame's part begins in all that is sent; and the end of the last.
    starts: Vec<u64>,
    /// The beginning of a message whose rest is to come.
    partial: Vec<u8>,
    ready: VecDeque<Vec<u8>>,
}

impl RepeatEnd {
    fn new(protocol: Protocol, settings: Settings) -> Self {
        let peer = Peer::new(protocol, settings);
        Self { peer, starts: vec![0], partial: Vec::new(), ready: VecDeque::new() }
    }

    fn carries(&self, datagram: &[u8]) -> Vec<Piece> {
        let Some(Frame::Data { number, .. }) = Frame::decode(datagram) else { return Vec::new() };
        let number = number as usize;
        let range = self.starts.get(number).zip(self.starts.get(number + 1));
        range.map(|(start, end)| Piece::data(0, *start..*end)).into_iter().collect()
    }
}

impl End for RepeatEnd {
    fn send(&mut self, _: Instant, message: Message<'_>) -> Place {
        let start = self.starts.last().copied().unwrap_or_default();
        let mut end = start;
        let mut parts = message.bytes.chunks(FRAGMENT).peekable();
        while let Some(part) = parts.next() {
            let flag = if parts.peek().is_some() { MORE } else { LAST };
            self.peer.push([&[flag], part].concat());
            end += part.len() as u64;
            self.starts.push(end);
        }
        Place { space: 0, range: start..end }
    }

    fn handle(&mut self, now: Instant, datagram: &mut [u8]) {
        self.peer.handle(now, datagram);
        while let Some(payload) = self.peer.pop() {
            let Some((flag, part)) = payload.split_first() else { continue };
            self.partial.extend(part);
            if *flag == LAST {
                self.ready.push_back(std::mem::take(&mut self.partial));
            }
        }
    }

    fn poll(&mut self, now: Instant, out: &mut Packets) -> Option<Instant> {
        loop {
            let mut datagram = Vec::new();
            match self.peer.poll(now, &mut datagram) {
                Output::Transmit => {
                    let carries = self.carries(&datagram);
                    out.send(datagram, carries);
                }
                Output::Idle(deadline) => return deadline,
            }
        }
    }

    fn recv(&mut self) -> Option<Vec<u8>> {
        self.ready.pop_front()
    }

    fn backlog(&self) -> usize {
        self.peer.pending().saturating_sub(WINDOW as usize) * FRAGMENT
    }
}
