//! The stateless half of the handshake: SYNs are answered and forgotten, and a proof makes a connection.

use super::cookie::{BadProof, Taken};
use super::{Endpoint, Event, Handle};
use crate::connection::{Connection, Datagram, Path, Proven};
use crate::time::Instant;
use crate::wire::{
    ConnectionId, Crc32, Numbered, Opening, Parameters, Pseudo, Reader, Refuse, RefuseReason,
    Stale, Syn, SynAck, VersionList,
};
use std::net::SocketAddr;

impl Endpoint {
    /// P-10 to P-15: answers a SYN, and keeps nothing of it.
    pub(super) fn on_syn(&mut self, now: Instant, datagram: &Datagram<'_>, syn: &Syn<'_>) {
        let is_small = datagram.data.len() < crate::wire::BASE_PAYLOAD;
        let to_many = datagram.to.is_some_and(|ip| !is_unicast(SocketAddr::new(ip, 1)));
        if is_small
            || to_many
            || !is_unicast(datagram.from)
            || Parameters::decode(syn.block).is_err()
        {
            self.stats.damaged += 1;
            return;
        }
        let path = Path { remote: datagram.from, local: datagram.to };
        if !self.config.is_listening && self.router.local(syn.client).is_some() {
            // Our own SYN came back; so would the REFUSE, and be believed.
            return;
        }
        if let Some(reason) = self.refusal() {
            return self.refuse(path, syn.client, syn.nonce, reason);
        }
        if !syn.versions.iter().any(|version| version == crate::wire::VERSION) {
            return self.answers.push(path, |buf| {
                let versions = [crate::wire::VERSION];
                VersionList::encode_packet(syn.client, syn.nonce, &versions, buf);
            });
        }
        let server = self.cookies.server_id(now, datagram.from, syn);
        let block = self.config.connection.parameters().encode(server.0 as u8);
        let opening = Opening {
            client: syn.client,
            nonce: syn.nonce,
            version: crate::wire::VERSION,
            stamp: now.as_micros(),
            cookie: crate::wire::Cookie([0; 16]),
            waited_us: 0,
            client_block: syn.block,
            server_block: &block,
        };
        let answer = SynAck {
            client: syn.client,
            nonce: syn.nonce,
            attempt: syn.attempt,
            server,
            version: opening.version,
            stamp: opening.stamp,
            cookie: self.cookies.cookie(datagram.from, server, &opening),
            block: &block,
        };
        self.answers.push(path, |buf| answer.encode(buf));
    }

    /// Why no connection can be taken at present.
    fn refusal(&self) -> Option<RefuseReason> {
        let is_full = self.incoming.len() >= self.config.backlog
            || self.slots.len() >= self.config.max_connections
            || self.memory >= self.config.max_memory;
        match (self.config.is_listening, is_full) {
            (false, _) => Some(RefuseReason::NotListening),
            (true, true) => Some(RefuseReason::Busy),
            (true, false) => None,
        }
    }

    fn refuse(&mut self, path: Path, client: ConnectionId, nonce: u64, reason: RefuseReason) {
        self.stats.refused += 1;
        self.answers.push(path, |buf| Refuse { client, nonce, reason }.encode(buf));
    }

    /// A client gives our offer back: P-18 to P-20.
    pub(super) fn open(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        header: Numbered,
        header_len: usize,
    ) -> Option<Handle> {
        let Some(opening) = read_opening(datagram.data, header, header_len) else {
            self.stats.damaged += 1;
            return None;
        };
        let path = Path { remote: datagram.from, local: datagram.to };
        let (client, nonce) = (opening.client, opening.nonce);
        let rtt = match self.cookies.verify(now, datagram.from, header.to, &opening) {
            Ok(rtt) => rtt,
            // Whoever was taken once and began anew would bring its data a second time.
            Err(BadProof::Stale) if !self.cookies.is_used(header.to) => {
                self.answers.push(path, |buf| Stale { client, nonce }.encode(buf));
                return None;
            }
            // Silence would leave an honest client of a restarted server in doubt for all its patience;
            // STALE would make it bring data again that the old server may have taken.
            Err(BadProof::Forged) if !self.cookies.is_used(header.to) => {
                self.stats.bad_proofs += 1;
                if self.router.local(client).is_none() {
                    let reason = self.refusal().unwrap_or(RefuseReason::Unproven);
                    self.refuse(path, client, nonce, reason);
                }
                // Else it is a proof of our own that came back, and the REFUSE would be believed.
                return None;
            }
            Err(BadProof::Stale | BadProof::Forgotten | BadProof::Forged) => {
                self.stats.bad_proofs += 1;
                return None;
            }
        };
        let parameters = Parameters::decode(opening.client_block).ok()?;
        if self.cookies.is_used(header.to) {
            // Taken before, and over: to say that it was refused would be untrue.
            self.stats.bad_proofs += 1;
            return None;
        }
        if let Some(reason) = self.refusal() {
            self.refuse(path, client, nonce, reason);
            return None;
        }
        match self.cookies.take(now, header.to) {
            Taken::Now => {}
            Taken::Before => {
                self.stats.bad_proofs += 1;
                return None;
            }
            Taken::Full => {
                self.refuse(path, client, nonce, RefuseReason::Busy);
                return None;
            }
        }
        let proven = Proven { local: header.to, remote: client, path, parameters, rtt };
        let rng = self.rng.fork();
        let connection = Connection::accept(now, &self.config.connection, &proven, rng);
        let handle = self.insert(connection);
        self.incoming.push_back(handle);
        self.events.push_back(Event::Incoming(handle));
        Some(handle)
    }
}

/// The proof in front of an ACK packet's frames, if the packet is intact.
pub(super) fn read_opening(
    packet: &[u8],
    header: Numbered,
    header_len: usize,
) -> Option<Opening<'_>> {
    let (covered, trailer) = packet.split_last_chunk::<{ Crc32::LEN }>()?;
    let opening = Opening::decode(&mut Reader::new(covered.get(header_len..)?)).ok()?;
    // P-18: until the server answers, numbers travel whole enough to be read without context.
    let number = header.number.expand(0);
    let pseudo = Pseudo { number, to: header.to, from: opening.client };
    (Crc32::of(pseudo, covered) == u32::from_be_bytes(*trailer)).then_some(opening)
}

/// Whether one host, and no group of hosts, can have this address.
pub(super) fn is_unicast(address: SocketAddr) -> bool {
    match address {
        SocketAddr::V4(v4) => !v4.ip().is_multicast() && !v4.ip().is_broadcast(),
        SocketAddr::V6(v6) => !v6.ip().is_multicast(),
    }
}
