//! One workload through several ways of delivery, over one and the same bad network.
//!
//! ```text
//!   Workload --> Player --> End  ==[ World: links ]==>  End --> Player
//!   (data)      (the app)  (the mode)                            |
//!                   \________ Ledger: what became of every message and packet ____/
//!                                         |
//!                                      Record --> Measures
//! ```
//!
//! A mode of delivery is a [`Contender`]: it makes two [`End`]s, which take messages and give
//! messages, and say of each packet which part of which message it carries. From that alone follow
//! all measures, so that they mean the same for every mode. The n-th packet of a direction meets
//! the same fate in all of them, and losses in spells come at the same times.
//!
//! | file | its one concept |
//! |---|---|
//! | `workload.rs` | [`Workload`]: who sends which messages when |
//! | `content.rs` | the bytes of a message: they tell which one it is, and whether it is intact |
//! | `contender.rs` | [`Contender`] and [`End`], the seam for modes of delivery |
//! | `player.rs` | the application on each end, which plays the workload |
//! | `ledger.rs` | what became of every message and packet |
//! | `record.rs` | [`Record`]: one run |
//! | `measure.rs` | [`Measures`]: what all runs of a mode come to |
//! | `age.rs` | how old the newest is that a receiver has |
//! | `application.rs` | [`Application`]: the same one over a network of somebody else's |
//! | `race.rs` | [`Scenario`], [`run`]: one mode on one network |
//! | `crowd.rs` | [`crowd`]: many pairs on one link, and [`Crowding`], what became of their messages |
//! | `udp.rs`, `repeat.rs`, `stream.rs`, `channels.rs`, `tcp_like.rs` | the modes |
//! | `lanes.rs` | what `channels.rs` does with each kind of messages |
//! | `packet.rs` | the frames in one of towline's packets |
//! | `parity.rs` | which messages can be computed from what has arrived |

mod age;
mod application;
mod channels;
mod contender;
mod content;
mod crowd;
mod lanes;
mod ledger;
mod measure;
mod packet;
mod parity;
mod player;
mod race;
mod record;
mod repeat;
mod stream;
mod tcp_like;
mod udp;
mod workload;

#[cfg(test)]
mod tests;

pub(in crate::sim) use contender::peer_of;
pub(in crate::sim) use ledger::Ledger;
pub(in crate::sim) use player::{Journal, Player};

pub use application::{Application, conclude};
pub use channels::TowlineChannels;
pub use contender::{
    CLIENT, Contender, End, Message, Packets, Piece, Place, Probe, Role, SERVER, Setup,
};
pub use crowd::{Crowding, MAX_CROWD, crowd, offering};
pub use measure::{Measures, Permille};
pub use race::{PATH_MTU, Scenario, run};
pub use record::{Flight, MessageRecord, PacketRecord, Record, Wire};
pub use repeat::Repeat;
pub use stream::{Framing, TowlineStream};
pub use tcp_like::TcpLike;
pub use udp::PlainUdp;
pub use workload::{Lane, Offer, Senders, Traffic, Workload, WorkloadError};
