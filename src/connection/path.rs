//! The peer's address, and the proof that a new one is the peer's (RFC 9000 §8.2, §9).

use crate::time::{Duration, Instant};
use std::net::{IpAddr, SocketAddr};

/// How often a new address is challenged before it is given up (P-71).
const MAX_CHALLENGES: u32 = 5;

/// Where packets go to and come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// The peer's address.
    pub remote: SocketAddr,
    /// This host's address, where the driver can tell.
    pub local: Option<IpAddr>,
}

/// An address that packets have come from lately and that is not proven yet.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) path: Path,
    token: u64,
    challenges: u32,
    /// Bytes that came from there, less bytes that went there: never below zero (P-72).
    credit: u64,
    is_due: bool,
}

/// The proven path and at most one candidate.
#[derive(Debug)]
pub(super) struct Paths {
    pub(super) current: Path,
    candidate: Option<Candidate>,
    /// The path on which to answer a challenge, and with what: the latest wins.
    response: Option<(Path, u64)>,
    /// The old path is asked too whether the peer is still there.
    check_current: Option<u64>,
}

/// What a path's next packet has to carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PathProbe {
    pub(super) path: Path,
    pub(super) challenge: Option<u64>,
    pub(super) response: Option<u64>,
}

impl Paths {
    pub(super) fn new(current: Path) -> Self {
        Self { current, candidate: None, response: None, check_current: None }
    }

    /// An intact packet came from `path`. Returns whether that address is to be challenged now: it is
    /// new and the packet has the highest number so far, or its challenge waited for credit.
    pub(super) fn on_packet(
        &mut self,
        path: Path,
        bytes: usize,
        is_highest: bool,
        token: u64,
    ) -> bool {
        if path.remote == self.current.remote {
            // The host's own address may change under the same remote one; follow it.
            self.current.local = path.local;
            return false;
        }
        if let Some(known) = self.candidate.as_mut().filter(|c| c.path.remote == path.remote) {
            known.credit += bytes as u64;
            // A challenge that waited for credit has no timer: this packet is what it waited for.
            return known.is_due;
        }
        if !is_highest {
            return false;
        }
        self.candidate =
            Some(Candidate { path, token, challenges: 0, credit: bytes as u64, is_due: true });
        self.check_current = Some(token ^ 1);
        true
    }

    pub(super) fn on_challenge(&mut self, path: Path, token: u64) {
        self.response = Some((path, token));
    }

    /// Returns whether this proves the candidate, which has become the current path.
    pub(super) fn on_response(&mut self, token: u64) -> bool {
        match self.candidate.take_if(|c| c.token == token) {
            Some(proven) => {
                self.current = proven.path;
                self.check_current = None;
                true
            }
            None => false,
        }
    }

    /// Challenges again; returns whether there is still something to prove.
    pub(super) fn on_timer(&mut self) -> bool {
        self.candidate.take_if(|c| c.challenges >= MAX_CHALLENGES);
        if let Some(candidate) = &mut self.candidate {
            candidate.is_due = true;
        }
        self.candidate.is_some()
    }

    /// Whether `next_probe` would give something.
    pub(super) fn is_due(&self, min_bytes: usize) -> bool {
        self.response.is_some()
            || self.check_current.is_some()
            || self.candidate.as_ref().is_some_and(|c| c.is_due && c.credit >= min_bytes as u64)
    }

    /// The next packet that a path is owed. A path that is not proven gets at most what it sent.
    pub(super) fn next_probe(&mut self, packet_bytes: usize) -> Option<PathProbe> {
        if let Some((path, token)) = self.response.take() {
            return Some(PathProbe { path, challenge: None, response: Some(token) });
        }
        if let Some(token) = self.check_current.take() {
            return Some(PathProbe { path: self.current, challenge: Some(token), response: None });
        }
        let due =
            self.candidate.as_mut().filter(|c| c.is_due && c.credit >= packet_bytes as u64)?;
        due.is_due = false;
        due.credit -= packet_bytes as u64;
        due.challenges += 1;
        Some(PathProbe { path: due.path, challenge: Some(due.token), response: None })
    }

    /// When to challenge again after a challenge was sent.
    pub(super) fn retry_at(&self, now: Instant, pto: Duration) -> Option<Instant> {
        self.candidate.as_ref().map(|c| now + pto * (1 << c.challenges.min(MAX_CHALLENGES)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        Path { remote: SocketAddr::from(([127, 0, 0, 1], port)), local: None }
    }

    #[test]
    fn a_new_address_counts_only_when_proven() {
        let mut paths = Paths::new(path(1));
        assert!(!paths.on_packet(path(2), 100, false, 7), "an old packet proves no move");
        assert!(paths.on_packet(path(2), 100, true, 7));
        assert_eq!(paths.next_probe(40).map(|p| p.path), Some(path(1)));
        let probe = paths.next_probe(40).unwrap();
        assert_eq!((probe.path, probe.challenge), (path(2), Some(7)));
        assert!(!paths.on_response(8) && paths.current == path(1));
        assert!(paths.on_response(7) && paths.current == path(2));
        assert!(!paths.on_response(7));
    }

    #[test]
    fn an_unproven_address_gets_no_more_than_it_sent() {
        let mut paths = Paths::new(path(1));
        paths.on_packet(path(2), 50, true, 7);
        let _ = paths.next_probe(40);
        assert!(paths.next_probe(40).is_some());
        assert!(paths.on_timer());
        assert_eq!(paths.next_probe(40), None, "10 bytes of credit are left");
        assert!(paths.on_packet(path(2), 50, true, 9), "there is no timer: the packet must say so");
        assert_eq!(paths.next_probe(40).and_then(|p| p.challenge), Some(7));
    }

    #[test]
    fn challenges_end() {
        let mut paths = Paths::new(path(1));
        paths.on_packet(path(2), 5000, true, 7);
        let _ = paths.next_probe(40);
        let sent = (0..20).filter(|_| paths.next_probe(40).is_some() | !paths.on_timer()).count();
        assert!(sent >= MAX_CHALLENGES as usize);
        assert!(!paths.on_timer() && !paths.is_due(40));
    }
}
