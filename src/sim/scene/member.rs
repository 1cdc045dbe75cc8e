//! An end of a flow as a host of the world, with an address of its own, behind a NAT or not.

use crate::sim::compare::{Player, peer_of};
use crate::sim::{Host, Outbox};
use crate::time::Instant;
use crate::wire::{Ecn, Side};
use std::net::{Ipv4Addr, SocketAddr};

/// One side of a flow. Its end believes to talk to the addresses of every comparison; here they
/// become the flow's own, and addresses that its peer takes later are left as they are.
pub(super) struct Member {
    pub(super) player: Player,
    side: Side,
    /// The address that its peer begins with.
    peer: SocketAddr,
    /// It does nothing before.
    opens_at: Instant,
    outbox: Outbox,
}

impl Member {
    pub(super) fn new(player: Player, side: Side, peer: SocketAddr, opens_at: Instant) -> Self {
        Self { player, side, peer, opens_at, outbox: Outbox::default() }
    }
}

/// The address of one side of the `n`-th flow after `moves` moves.
pub(super) fn address(side: Side, n: usize, moves: u32) -> SocketAddr {
    let net = 1 + side as u8;
    let [.., high, low] = (n as u32).to_be_bytes();
    let port = 1000 + (moves % 60_000) as u16;
    SocketAddr::from((Ipv4Addr::new(10, net, high, low), port))
}

impl Host for Member {
    fn handle(
        &mut self,
        now: Instant,
        from: SocketAddr,
        to: SocketAddr,
        ecn: Ecn,
        datagram: &mut [u8],
    ) {
        let from = if from == self.peer { peer_of(self.side) } else { from };
        self.player.handle(now, from, to, ecn, datagram);
    }

    fn poll(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant> {
        if now < self.opens_at {
            return Some(self.opens_at);
        }
        let deadline = self.player.poll(now, &mut self.outbox);
        let mut sent = self.outbox.take();
        for outgoing in sent.drain(..) {
            let to = if outgoing.to == peer_of(self.side) { self.peer } else { outgoing.to };
            out.pass(to, outgoing.ecn, outgoing.datagram);
        }
        self.outbox.put_back(sent);
        deadline
    }
}
