//! Plain UDP: a message is a datagram, and what is lost is lost.
//!
//! A message that does not fit into one packet travels in fragments, as IP's; it is lost with any
//! of them. What is damaged is lost too: UDP's checksum finds it.

use super::contender::{Contender, End, Message, Packets, Piece, Place, Setup};
use super::race::PATH_MTU;
use super::workload::Workload;
use crate::impair::UDP_IP_OVERHEAD;
use crate::ranges::RangeSet;
use crate::time::{Duration, Instant};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;

/// Plain UDP.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainUdp;

/// What IP and UDP say in their own headers: which datagram, where in it, its length, and a
/// checksum over all. It stands in front of each fragment here and is taken off the headers.
const HEAD: usize = 4 + 4 + 4 + 4;
/// Payload of a fragment.
const FRAGMENT: usize = (PATH_MTU - UDP_IP_OVERHEAD) as usize;
/// The largest UDP payload over IPv4.
const MAX_DATAGRAM: u32 = 65_507;
/// Datagrams that are waited for whole at once; then the oldest is given up.
const MAX_PARTIAL: usize = 64;

impl Contender for PlainUdp {
    fn name(&self) -> &'static str {
        "udp"
    }

    fn title(&self) -> &'static str {
        "plain UDP"
    }

    fn header_bytes(&self) -> u64 {
        UDP_IP_OVERHEAD - HEAD as u64
    }

    fn refuses(&self, workload: &Workload) -> Option<String> {
        let lane = workload.lanes.iter().find(|lane| lane.traffic.largest() > MAX_DATAGRAM)?;
        let name = &lane.name;
        Some(format!("messages of at most {MAX_DATAGRAM} bytes, and lane \"{name}\" has larger"))
    }

    fn ends(&self, setup: &Setup<'_>) -> [Box<dyn End>; 2] {
        let end = || Box::new(UdpEnd { rate_bps: setup.rate_bps, ..UdpEnd::default() });
        [end(), end()]
    }
}

/// A datagram of which something has arrived.
#[derive(Debug, Default)]
struct Partial {
    bytes: Vec<u8>,
    have: RangeSet,
}

#[derive(Default)]
struct UdpEnd {
    /// It sends no faster than the link, which nobody would know on a real network.
    rate_bps: Option<u64>,
    free_at: Instant,
    next_number: u32,
    /// Fragments that wait to be sent, and what they carry.
    queue: VecDeque<(Vec<u8>, Piece)>,
    partial: BTreeMap<u32, Partial>,
    ready: VecDeque<Vec<u8>>,
}

impl End for UdpEnd {
    fn send(&mut self, _: Instant, message: Message<'_>) -> Place {
        let number = self.next_number;
        self.next_number += 1;
        let total = message.bytes.len();
        for (index, part) in message.bytes.chunks(FRAGMENT).enumerate() {
            let start = index * FRAGMENT;
            let range = start as u64..(start + part.len()) as u64;
            let piece = Piece::data(number.into(), range);
            self.queue.push_back((fragment(number, start, total, part), piece));
        }
        Place { space: number.into(), range: 0..total as u64 }
    }

    fn handle(&mut self, _: Instant, datagram: &mut [u8]) {
        let Some((number, start, total, part)) = opened(datagram) else { return };
        let end = start + part.len();
        if end > total || total > MAX_DATAGRAM as usize {
            return;
        }
        if part.len() == total {
            self.ready.push_back(part.to_vec());
            return;
        }
        let partial = self.partial.entry(number).or_default();
        partial.bytes.resize(total, 0);
        if let Some(place) = partial.bytes.get_mut(start..end) {
            place.copy_from_slice(part);
        }
        partial.have.insert(start as u64..end as u64);
        if partial.have.total() == total as u64 {
            self.ready.extend(self.partial.remove(&number).map(|partial| partial.bytes));
        } else if self.partial.len() > MAX_PARTIAL {
            self.partial.pop_first();
        }
    }

    fn backlog(&self) -> usize {
        self.queue.iter().map(|(datagram, _)| datagram.len()).sum()
    }

    fn poll(&mut self, now: Instant, out: &mut Packets) -> Option<Instant> {
        while self.free_at <= now
            && let Some((datagram, piece)) = self.queue.pop_front()
        {
            if let Some(rate) = self.rate_bps {
                let bits = (datagram.len() + UDP_IP_OVERHEAD as usize - HEAD) * 8;
                self.free_at = now + Duration::from_secs_f64(bits as f64 / rate.max(1) as f64);
            }
            out.send(datagram, vec![piece]);
        }
        (!self.queue.is_empty()).then_some(self.free_at)
    }

    fn recv(&mut self) -> Option<Vec<u8>> {
        self.ready.pop_front()
    }
}

impl fmt::Debug for UdpEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UdpEnd").field("sent", &self.next_number).finish_non_exhaustive()
    }
}

fn fragment(number: u32, start: usize, total: usize, part: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::with_capacity(HEAD + part.len());
    datagram.extend([0; 4]);
    for word in [number, start as u32, total as u32] {
        datagram.extend(word.to_be_bytes());
    }
    datagram.extend(part);
    let check = crc32fast::hash(datagram.get(4..).unwrap_or_default());
    if let Some(place) = datagram.get_mut(..4) {
        place.copy_from_slice(&check.to_be_bytes());
    }
    datagram
}

/// Number, start, total and payload of an intact fragment.
fn opened(datagram: &[u8]) -> Option<(u32, usize, usize, &[u8])> {
    let (check, body) = datagram.split_first_chunk::<4>()?;
    if crc32fast::hash(body).to_be_bytes() != *check {
        return None;
    }
    let (number, body) = body.split_first_chunk::<4>()?;
    let (start, body) = body.split_first_chunk::<4>()?;
    let (total, part) = body.split_first_chunk::<4>()?;
    let [number, start, total] = [number, start, total].map(|word| u32::from_be_bytes(*word));
    Some((number, start as usize, total as usize, part))
}
