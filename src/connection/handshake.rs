//! The client's side of the handshake: asking, and carrying the offer until the server has it.

use super::state::Farewell;
use crate::time::{Duration, Instant};
use crate::wire::{
    ConnectionId, Cookie, Opening, Parameters, Syn, SynAck, VERSION, Writer, varint_len,
};

/// The first SYN is repeated after this long, the next after twice as long, and so on (P-16).
pub const SYN_TIMEOUT: Duration = Duration::from_millis(150);
/// SYNs are never further apart than this, so that an outage's end is noticed soon (P-16).
const MAX_SYN_TIMEOUT: Duration = Duration::from_secs(1);
/// SYNs whose send times are remembered for the round-trip sample; older answers give none.
const REMEMBERED: usize = 16;

/// What a client knows while it asks.
#[derive(Debug)]
pub(super) struct Connecting {
    pub(super) nonce: u64,
    /// The parameter block of every SYN; the ACK repeats it byte for byte.
    pub(super) block: Vec<u8>,
    attempt: u8,
    sent_at: [Option<Instant>; REMEMBERED],
    timeout: Duration,
    /// Something came back from the server's host, if only a refusal to read.
    pub(super) answered: bool,
    /// The application had closed before the offer went stale: lingering goes on after the handshake.
    pub(super) farewell: Option<Farewell>,
}

/// A server's offer that a client has taken and that the server may not know of yet.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) nonce: u64,
    version: u32,
    stamp: u64,
    cookie: Cookie,
    arrived: Instant,
    client_block: Vec<u8>,
    server_block: Vec<u8>,
}

/// What follows from a SYN-ACK.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) server: ConnectionId,
    pub(super) parameters: Parameters,
    pub(super) rtt: Option<Duration>,
    pub(super) offer: Offer,
}

impl Connecting {
    pub(super) fn new(nonce: u64, block: Vec<u8>) -> Self {
        Self {
            nonce,
            block,
            attempt: 0,
            sent_at: [None; REMEMBERED],
            timeout: SYN_TIMEOUT,
            answered: false,
            farewell: None,
        }
    }

    /// Writes the next SYN and returns when the one after it is due.
    pub(super) fn write_syn(
        &mut self,
        now: Instant,
        client: ConnectionId,
        buf: &mut Vec<u8>,
    ) -> Instant {
        Syn::encode(client, self.nonce, self.attempt, &[VERSION], &self.block, buf);
        self.sent_at[usize::from(self.attempt) % REMEMBERED] = Some(now);
        self.attempt = self.attempt.wrapping_add(1);
        let next = now + self.timeout;
        self.timeout = (self.timeout * 2).min(MAX_SYN_TIMEOUT);
        next
    }

    /// How many SYNs have been sent (modulo 256).
    pub(super) fn attempts(&self) -> u8 {
        self.attempt
    }

    /// Takes an offer, unless it answers something that this client did not ask.
    pub(super) fn on_syn_ack(&self, now: Instant, answer: &SynAck<'_>) -> Option<Accepted> {
        if answer.nonce != self.nonce || answer.version != VERSION {
            return None;
        }
        let parameters = Parameters::decode(answer.block).ok().filter(|p| p.protection == 0)?;
        // A SYN more than REMEMBERED back shares its slot with a later one and gives no sample.
        let age = self.attempt.wrapping_sub(answer.attempt);
        let sent_at = self.sent_at[usize::from(answer.attempt) % REMEMBERED];
        let rtt = sent_at
            .filter(|_| age >= 1 && usize::from(age) <= REMEMBERED)
            .map(|at| now.saturating_since(at));
        let offer = Offer {
            nonce: self.nonce,
            version: answer.version,
            stamp: answer.stamp,
            cookie: answer.cookie,
            arrived: now,
            client_block: self.block.clone(),
            server_block: answer.block.to_vec(),
        };
        Some(Accepted { server: answer.server, parameters, rtt, offer })
    }
}

impl Offer {
    /// Writes what goes in front of each packet's frames while the server may not know of us.
    pub(super) fn write(&self, now: Instant, client: ConnectionId, w: &mut Writer<'_>) {
        let waited = now.saturating_since(self.arrived).as_micros();
        Opening {
            client,
            nonce: self.nonce,
            version: self.version,
            stamp: self.stamp,
            cookie: self.cookie,
            waited_us: u64::try_from(waited).unwrap_or(0).min(u64::from(u32::MAX)),
            client_block: &self.client_block,
            server_block: &self.server_block,
        }
        .encode(w);
    }

    /// Bytes that `write` takes at most.
    pub(super) fn max_len(&self) -> usize {
        let blocks = [&self.client_block, &self.server_block];
        let blocks = blocks.map(|block| varint_len(block.len() as u64) + block.len());
        Opening::MAX_FIXED_LEN + blocks.iter().sum::<usize>()
    }

    /// The client's parameter block.
    pub(super) fn into_block(self) -> Vec<u8> {
        self.client_block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_says_what_room_it_takes() {
        for (client, server) in [(0, 0), (63, 64), (256, 256)] {
            let offer = Offer {
                nonce: u64::MAX,
                version: VERSION,
                stamp: u64::MAX,
                cookie: Cookie([0xff; 16]),
                arrived: Instant::ZERO,
                client_block: vec![0; client],
                server_block: vec![0; server],
            };
            let mut longest = 0;
            for now in [Instant::ZERO, Instant::MAX] {
                let mut buf = Vec::new();
                offer.write(now, ConnectionId(u64::MAX), &mut Writer::new(&mut buf, 1200));
                longest = longest.max(buf.len());
            }
            assert_eq!(longest, offer.max_len(), "{client} and {server}");
        }
    }
}
