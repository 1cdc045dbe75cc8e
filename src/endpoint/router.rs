//! Which connection a packet belongs to.

use super::Handle;
use crate::rng::Rng;
use crate::wire::ConnectionId;
use siphasher::sip::SipHasher13;
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::net::SocketAddr;

/// A keyed hash, so that nobody can choose ids that collide.
#[derive(Clone)]
struct Keyed([u8; 16]);

impl BuildHasher for Keyed {
    type Hasher = SipHasher13;
    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_key(&self.0)
    }
}

/// Where a RESET for a connection comes from, and which id it names.
pub(super) type PeerKey = (SocketAddr, ConnectionId);

/// Looks connections up by the id under which this endpoint receives, and, for RESETs, by the peer's.
/// Looked up only, never walked through: the order of a hash table must not show.
pub(super) struct Router {
    by_local: HashMap<ConnectionId, Handle, Keyed>,
    by_peer: HashMap<PeerKey, Handle, Keyed>,
}

impl Router {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let mut key = [0; 16];
        rng.fill(&mut key);
        let keyed = Keyed(key);
        Self { by_local: HashMap::with_hasher(keyed.clone()), by_peer: HashMap::with_hasher(keyed) }
    }

    pub(super) fn local(&self, id: ConnectionId) -> Option<Handle> {
        self.by_local.get(&id).copied()
    }

    pub(super) fn peer(&self, key: PeerKey) -> Option<Handle> {
        self.by_peer.get(&key).copied()
    }

    pub(super) fn insert(&mut self, id: ConnectionId, handle: Handle) {
        self.by_local.insert(id, handle);
    }

    /// The connection's peer is now to be found under `new`, no longer under `old`.
    pub(super) fn move_peer(&mut self, old: Option<PeerKey>, new: Option<PeerKey>, handle: Handle) {
        if let Some(old) = old {
            remove_own(&mut self.by_peer, &old, handle);
        }
        if let Some(new) = new {
            self.by_peer.insert(new, handle);
        }
    }

    pub(super) fn remove(&mut self, id: ConnectionId, peer: Option<PeerKey>, handle: Handle) {
        remove_own(&mut self.by_local, &id, handle);
        self.move_peer(peer, None, handle);
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key stays out of every log, and so does the order of the tables.
        f.debug_struct("Router").field("len", &self.by_local.len()).finish_non_exhaustive()
    }
}

/// Removes an entry unless it has come to stand for another connection.
fn remove_own<K: Hash + Eq>(map: &mut HashMap<K, Handle, Keyed>, key: &K, handle: Handle) {
    if map.get(key) == Some(&handle) {
        map.remove(key);
    }
}
