//! What the user asks for: the workload, the modes, the network, and where results go.

use super::modes;
use crate::args::{EXIT_CODES, Impairments, Style};
use crate::units::{self, QueueSize};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;
use towline::sim::compare::MAX_CROWD;

/// See what each guarantee costs: one workload through plain UDP, TCP, towline and the textbook's
/// protocols, over one and the same bad network, in virtual time.
///
/// With --live the same in real time, over sockets of this machine, for the modes that have some.
///
/// The network is the same both ways: 2 % loss, a round trip of 100 ms, 20 Mbit/s, and a queue of a
/// round trip's worth, unless you say otherwise. Every mode meets the same losses. The same seed
/// gives the same figures.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true, after_help = format!("\
Examples:
  towline compare
  towline compare --workload rpc --loss 5 --html rpc.html
  towline compare --live --loss 5
  towline compare --senders 16
  towline compare --modes udp,stream --rtt 30 --loss 10 --burst 50 --seeds 20

A workload of your own is a TOML file:
  duration = 20                  # seconds; what is sent in the first `skip` does not count
  [[lanes]]
  name = \"voice\"
  delivery = \"unreliable\"        # for the mode fitted, where it is not to be the kind's own
  kind = \"steady\"                # or \"chatter\", with bytes = [20, 200]
  from = \"both\"                  # or \"client\", \"server\"
  bytes = 160
  every_ms = 20
  [[lanes]]
  kind = \"bulk\"                  # or \"exchange\", with request, response, pause_ms, patience_ms
  from = \"server\"
  total = 2000000
  [network]                      # what the command line does not say
  loss = 0.05                    # also damage, duplicate, reorder, burst_ms, rtt_ms, jitter_ms,
  rtt_ms = 80                    # rate_mbit, queue_ms

{EXIT_CODES}"))]
pub(crate) struct Compare {
    /// What is sent: game, bulk, rpc, chat, mixed, or a file that says so.
    #[arg(long, default_value = "game", value_name = "NAME|FILE.toml")]
    pub(crate) workload: String,
    /// What to compare, separated by commas; all that can carry the workload where it is not given:
    /// udp, stop-and-wait, go-back-n, selective-repeat, tcp, tcp-like, stream, ordered, ordered-lean
    /// (nothing sent twice beforehand), unordered, latest, unreliable, and fitted, which gives each
    /// lane of one connection the delivery that fits it; with --live udp and towline's own.
    #[arg(long, value_delimiter = ',', value_name = "MODES", value_parser = modes::parse)]
    pub(crate) modes: Option<Vec<String>>,
    /// How long the workload lasts, where it is not to be the workload's own; with --live a usual one
    /// lasts 5 s.
    #[arg(long, value_name = "SECONDS", value_parser = units::parse_seconds)]
    pub(crate) duration: Option<Duration>,
    /// How many runs, each with a seed of its own: 10 on all cores where it is not given, and with
    /// --live 1; those run one after the other.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(crate) seeds: Option<u64>,
    /// Run in real time: over UDP sockets on the loopback interface, through a relay that is the bad
    /// network. Figures differ a little from run to run.
    #[arg(long)]
    pub(crate) live: bool,
    /// Congestion: so many senders share the link, and offer from half of its rate to four times as
    /// much; it loses nothing but what its queue has no room for, unless you say otherwise.
    #[arg(long, value_name = "N", conflicts_with_all = ["live", "workload"],
        value_parser = clap::value_parser!(u16).range(1..=MAX_CROWD.into()))]
    pub(crate) senders: Option<u16>,
    #[command(flatten)]
    pub(crate) path: Path,
    /// The first seed: what decides all that is random.
    #[arg(long, default_value_t = 1, help_heading = "Network")]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) style: Style,
    /// Also write the figures of each run and mode as a table of comma-separated values.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) csv: Option<PathBuf>,
    /// Also write one page with pictures, which needs no network.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) html: Option<PathBuf>,
    /// Also write the first picture alone, for documents.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) svg: Option<PathBuf>,
}

/// A bad network, the same both ways.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct Path {
    /// The share of packets that are lost.
    #[arg(long, value_name = "PERCENT", value_parser = units::parse_percent)]
    pub(crate) loss: Option<f64>,
    /// Losses come in spells of this length on average, in which nothing passes, whoever sends;
    /// losses are independent without it.
    #[arg(long, value_name = "MS", value_parser = units::parse_millis)]
    pub(crate) burst: Option<Duration>,
    /// How long a packet travels there and back.
    #[arg(long, value_name = "MS", value_parser = units::parse_millis)]
    pub(crate) rtt: Option<Duration>,
    /// How much the way there and the way back vary to either side, without changing the order; at
    /// most half the round trip.
    #[arg(long, value_name = "MS", value_parser = units::parse_millis)]
    pub(crate) jitter: Option<Duration>,
    /// The rate of the link.
    #[arg(long, value_name = "MBIT/S", value_parser = units::parse_mbit)]
    pub(crate) rate: Option<u64>,
    /// How much waits for the link before more is dropped: 64k, or 50ms.
    #[arg(long, value_name = "BYTES|MS", value_parser = units::parse_queue)]
    pub(crate) queue: Option<QueueSize>,
    /// The share of packets that others overtake.
    #[arg(long, value_name = "PERCENT", value_parser = units::parse_percent)]
    pub(crate) reorder: Option<f64>,
    /// How much later these arrive; 5 ms where it is not given.
    #[arg(long, value_name = "MS", value_parser = units::parse_millis)]
    pub(crate) reorder_by: Option<Duration>,
    /// The share of packets that arrive with a bit flipped.
    #[arg(long, value_name = "PERCENT", value_parser = units::parse_percent)]
    pub(crate) damage: Option<f64>,
    /// The share of packets that arrive twice.
    #[arg(long, value_name = "PERCENT", value_parser = units::parse_percent)]
    pub(crate) duplicate: Option<f64>,
}

impl Path {
    /// What holds where nobody says anything.
    pub(crate) fn usual() -> Self {
        Self {
            loss: Some(0.02),
            rtt: Some(Duration::from_millis(100)),
            rate: Some(20_000_000),
            ..Self::default()
        }
    }

    /// These settings where they are given, else the others.
    pub(crate) fn or(&self, others: &Self) -> Self {
        Self {
            loss: self.loss.or(others.loss),
            burst: self.burst.or(others.burst),
            rtt: self.rtt.or(others.rtt),
            jitter: self.jitter.or(others.jitter),
            rate: self.rate.or(others.rate),
            queue: self.queue.or(others.queue),
            reorder: self.reorder.or(others.reorder),
            reorder_by: self.reorder_by.or(others.reorder_by),
            damage: self.damage.or(others.damage),
            duplicate: self.duplicate.or(others.duplicate),
        }
    }

    /// One way, but for its losses.
    pub(crate) fn one_way(&self) -> Impairments {
        Impairments {
            delay: self.rtt.map(|rtt| rtt / 2),
            jitter: self.jitter,
            rate: self.rate,
            queue: self.queue,
            reorder: self.reorder,
            reorder_by: self.reorder_by,
            damage: self.damage,
            duplicate: self.duplicate,
            ..Impairments::default()
        }
    }
}
