//! The server's half of the handshake, for which it keeps nothing: every offer is computed from a
//! secret, and proven by the client giving it back.

use crate::rng::Rng;
use crate::time::{Duration, Instant};
use crate::wire::{ConnectionId, Cookie, Opening, Syn, VERSION};
use siphasher::sip128::{Hasher128 as _, SipHasher24};
use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::hash::Hasher as _;
use std::net::{IpAddr, SocketAddr};

/// Repeated SYNs within an epoch get the same server id (P-15).
pub const EPOCH: Duration = Duration::from_secs(15);
/// How long an offer can be taken up (P-20).
pub const COOKIE_LIFE: Duration = Duration::from_secs(30);
/// How long a used id is remembered at least, from its cookie's making on. A proof that is older than
/// this gets no answer: whether it was used is not known any more, and whoever was taken once and began
/// anew would bring its data a second time. Longer than clients are patient (`user_timeout`, 90 s).
pub(super) const MEMORY: Duration = Duration::from_mins(2);
/// Server ids that are remembered, for two minutes each (P-20). When the set is full, the
/// answer to further proofs is REFUSE: never a second connection for one cookie.
pub const MAX_USED: usize = 262_144;

/// Why a proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadProof {
    /// Not made here, or not for this client.
    Forged,
    /// Made here, too long ago.
    Stale,
    /// Made here, so long ago that nobody knows whether it was used.
    Forgotten,
}

/// The secrets, and the ids that were used up.
pub(super) struct Cookies {
    id_key: [u8; 16],
    cookie_key: [u8; 16],
    used: BTreeSet<ConnectionId>,
    by_expiry: VecDeque<(Instant, ConnectionId)>,
}

impl Cookies {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let mut keys = [[0; 16]; 2];
        for key in &mut keys {
            rng.fill(key);
        }
        let [id_key, cookie_key] = keys;
        Self { id_key, cookie_key, used: BTreeSet::new(), by_expiry: VecDeque::new() }
    }

    /// Under which id a connection that this SYN asks for will receive.
    pub(super) fn server_id(&self, now: Instant, from: SocketAddr, syn: &Syn<'_>) -> ConnectionId {
        let mut hasher = SipHasher24::new_with_key(&self.id_key);
        write_address(&mut hasher, from);
        hasher.write_u64(syn.client.0);
        hasher.write_u64(syn.nonce);
        hasher.write_u64(now.as_nanos() / crate::time::nanos(EPOCH));
        ConnectionId(hasher.finish128().h1)
    }

    /// The proof for an offer. `opening` holds what the client will give back; its cookie is not read.
    pub(super) fn cookie(
        &self,
        from: SocketAddr,
        server: ConnectionId,
        opening: &Opening<'_>,
    ) -> Cookie {
        let mut hasher = SipHasher24::new_with_key(&self.cookie_key);
        write_address(&mut hasher, from);
        hasher.write_u64(server.0);
        hasher.write_u64(opening.client.0);
        hasher.write_u64(opening.nonce);
        hasher.write_u32(opening.version);
        hasher.write_u64(opening.stamp);
        for block in [opening.client_block, opening.server_block] {
            hasher.write_u64(block.len() as u64);
            hasher.write(block);
        }
        let hash = hasher.finish128();
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&hash.h1.to_be_bytes());
        bytes[8..].copy_from_slice(&hash.h2.to_be_bytes());
        Cookie(bytes)
    }

    /// Checks a proof; on success tells the round-trip time that it shows.
    pub(super) fn verify(
        &self,
        now: Instant,
        from: SocketAddr,
        server: ConnectionId,
        opening: &Opening<'_>,
    ) -> Result<Duration, BadProof> {
        let expected = self.cookie(from, server, opening);
        // Every byte is compared, so that the time taken tells nothing about the first wrong one.
        let difference =
            expected.0.iter().zip(opening.cookie.0).fold(0, |sum, (a, b)| sum | (a ^ b));
        if difference != 0 || opening.version != VERSION {
            return Err(BadProof::Forged);
        }
        let age = Duration::from_micros(now.as_micros().saturating_sub(opening.stamp));
        if age > MEMORY {
            return Err(BadProof::Forgotten);
        }
        if age > COOKIE_LIFE {
            return Err(BadProof::Stale);
        }
        Ok(age.saturating_sub(Duration::from_micros(opening.waited_us)))
    }

    /// Whether a connection was made from this id, as far as that is remembered.
    pub(super) fn is_used(&self, server: ConnectionId) -> bool {
        self.used.contains(&server)
    }

    /// Uses an id up. False if that was done before, or cannot be remembered.
    pub(super) fn take(&mut self, now: Instant, server: ConnectionId) -> Taken {
        while let Some((_, id)) = self.by_expiry.pop_front_if(|(expiry, _)| *expiry <= now) {
            self.used.remove(&id);
        }
        if self.used.contains(&server) {
            return Taken::Before;
        }
        if self.used.len() >= MAX_USED {
            return Taken::Full;
        }
        self.used.insert(server);
        // One epoch more: the last SYN-ACK with this id may be that much younger.
        self.by_expiry.push_back((now + MEMORY + EPOCH, server));
        Taken::Now
    }
}

impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The keys stay out of every log.
        f.debug_struct("Cookies").field("used", &self.used.len()).finish_non_exhaustive()
    }
}

/// Whether an id was free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It was, and is used up now.
    Now,
    /// It was used up before.
    Before,
    /// There is no room to remember it.
    Full,
}

fn write_address(hasher: &mut SipHasher24, address: SocketAddr) {
    match address.ip() {
        IpAddr::V4(ip) => hasher.write(&ip.octets()),
        IpAddr::V6(ip) => hasher.write(&ip.octets()),
    }
    hasher.write_u16(address.port());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening(cookie: Cookie, block: &[u8]) -> Opening<'_> {
        Opening {
            client: ConnectionId(1),
            nonce: 2,
            version: VERSION,
            stamp: 1_000_000,
            cookie,
            waited_us: 10_000,
            client_block: block,
            server_block: b"server",
        }
    }

    #[test]
    fn only_the_untouched_offer_from_the_same_address_holds() {
        let cookies = Cookies::new(&mut Rng::from_u64(1));
        let from = SocketAddr::from(([127, 0, 0, 1], 5));
        let server = ConnectionId(9);
        let blank = opening(Cookie([0; 16]), b"client");
        let good = Opening { cookie: cookies.cookie(from, server, &blank), ..blank };
        let now = Instant::from_millis(1050);
        assert_eq!(cookies.verify(now, from, server, &good), Ok(Duration::from_millis(40)));
        let other = SocketAddr::from(([127, 0, 0, 1], 6));
        let forged = [
            cookies.verify(now, other, server, &good),
            cookies.verify(now, from, ConnectionId(8), &good),
            cookies.verify(now, from, server, &Opening { nonce: 3, ..good }),
            cookies.verify(now, from, server, &Opening { stamp: 1_000_001, ..good }),
            cookies.verify(now, from, server, &Opening { client_block: b"clienT", ..good }),
            cookies.verify(now, from, server, &Opening { server_block: b"", ..good }),
            cookies.verify(now, from, server, &blank),
            Cookies::new(&mut Rng::from_u64(2)).verify(now, from, server, &good),
        ];
        assert!(forged.iter().all(|result| *result == Err(BadProof::Forged)), "{forged:?}");
        let late = Instant::from_millis(1000) + COOKIE_LIFE + Duration::from_millis(1);
        assert_eq!(cookies.verify(late, from, server, &good), Err(BadProof::Stale));
        let lost = Instant::from_millis(1000) + MEMORY + Duration::from_millis(1);
        assert_eq!(cookies.verify(lost, from, server, &good), Err(BadProof::Forgotten));
    }

    #[test]
    fn ids_are_used_once_and_the_memory_is_bounded() {
        let mut cookies = Cookies::new(&mut Rng::from_u64(1));
        assert_eq!(cookies.take(Instant::ZERO, ConnectionId(1)), Taken::Now);
        assert_eq!(cookies.take(Instant::ZERO + MEMORY, ConnectionId(1)), Taken::Before);
        for id in 2..=MAX_USED as u64 {
            assert_eq!(cookies.take(Instant::ZERO, ConnectionId(id)), Taken::Now);
        }
        assert_eq!(cookies.take(Instant::ZERO, ConnectionId(0)), Taken::Full);
        let later = Instant::ZERO + MEMORY + EPOCH;
        assert_eq!(cookies.take(later, ConnectionId(1)), Taken::Now);
    }
}
