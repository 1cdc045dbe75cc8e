//! What TCP would be with towline's recovery: one stream, and TCP's headers on the wire.

use super::contender::{Contender, End, Message, Packet, Packets, Place, Probe, Setup};
use super::stream::{StreamEnd, TowlineStream};
use crate::time::Instant;
use std::net::SocketAddr;

/// Headers of IPv4 and TCP with its time stamps.
const TCP_IP_OVERHEAD: u64 = 40 + 12;
/// How much was added to a packet: stands at its end.
const COUNT: usize = 2;

/// towline's own recovery on one stream, each packet as large as TCP's with the same data would be.
/// Where a report on what arrived is larger than TCP's, it stays as large as it is.
#[derive(Clone, Debug, Default)]
pub struct TcpLike {
    stream: TowlineStream,
}

impl Contender for TcpLike {
    fn name(&self) -> &'static str {
        "tcp-like"
    }

    fn title(&self) -> &'static str {
        "TCP-like"
    }

    fn header_bytes(&self) -> u64 {
        // All of them stand in the datagram: it is filled up to the size that TCP's would have.
        0
    }

    fn ends(&self, setup: &Setup<'_>) -> [Box<dyn End>; 2] {
        let ends = self.stream.stream_ends(setup);
        ends.map(|stream| Box::new(TcpLikeEnd { stream }) as Box<dyn End>)
    }
}

#[derive(Debug)]
struct TcpLikeEnd {
    stream: StreamEnd,
}

impl End for TcpLikeEnd {
    fn send(&mut self, now: Instant, message: Message<'_>) -> Place {
        self.stream.send(now, message)
    }

    fn handle(&mut self, now: Instant, datagram: &mut [u8]) {
        let peer = self.stream.peer();
        self.handle_from(now, peer, datagram);
    }

    fn handle_from(&mut self, now: Instant, from: SocketAddr, datagram: &mut [u8]) {
        let Some((rest, count)) = datagram.split_last_chunk_mut::<COUNT>() else { return };
        // Where damage hit the count, what is left is damaged too.
        let added = usize::from(u16::from_be_bytes(*count));
        let end = rest.len().saturating_sub(added);
        self.stream.handle_from(now, from, rest.get_mut(..end).unwrap_or_default());
    }

    fn poll(&mut self, now: Instant, out: &mut Packets) -> Option<Instant> {
        let mut own = Packets::default();
        let deadline = self.stream.poll(now, &mut own);
        for Packet { to, mut datagram, carries } in own.0 {
            let data: u64 = carries.iter().map(|p| p.place.range.end - p.place.range.start).sum();
            let size = (data + TCP_IP_OVERHEAD) as usize;
            let added = size.saturating_sub(datagram.len() + COUNT);
            datagram.resize(datagram.len() + added, 0);
            datagram.extend((added as u16).to_be_bytes());
            out.0.push(Packet { to, datagram, carries });
        }
        deadline
    }

    fn recv(&mut self) -> Option<Vec<u8>> {
        self.stream.recv()
    }

    fn faults(&self) -> Vec<String> {
        self.stream.faults()
    }

    fn backlog(&self) -> usize {
        self.stream.backlog()
    }

    fn probe(&self) -> Option<Probe> {
        self.stream.probe()
    }
}
