//! What the demonstration measured: towline beside plain UDP.

use super::Moved;
use super::plain::Delivered;
use crate::args::Network;
use crate::relay::{self, Carried};
use crate::report::{self, Json, Table};
use crate::statistics::{self, retransmitted, round_trip};
use crate::units::{self, grouped};

/// Everything that the report needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures<'a> {
    pub(super) size: u64,
    pub(super) towline: &'a Moved,
    pub(super) plain: &'a Delivered,
}

impl Figures<'_> {
    /// Whether both sides of towline have the same content.
    pub(super) fn is_verified(&self) -> bool {
        self.towline.hash == self.towline.received.hash && self.towline.received.size == self.size
    }

    pub(super) fn table(&self) -> Table {
        let Self { size, towline, plain } = *self;
        let Moved { time, sender, receiver, carried, .. } = towline;
        let (up, down) = (&carried.up.link, &carried.down.link);
        let none = || "-".to_owned();
        let both = |up: u64, down: u64| format!("{} + {}", grouped(up), grouped(down));
        let tally = &plain.tally;
        let delivered = if self.is_verified() { size } else { 0 };
        let mut table = Table::new(&["", "towline", "plain UDP"]);
        let mut row =
            |name: &str, towline: String, plain: String| table.row(name, [towline, plain]);
        row("delivered intact", units::share(delivered, size), units::share(tally.bytes, size));
        let bytes = |part: u64| format!("{} B", grouped(part));
        row("missing", bytes(size - delivered), bytes(size - tally.bytes));
        row("time", units::seconds(*time), units::seconds(plain.time));
        let goodput = |bytes, time| units::rate(units::bits_per_second(bytes, time));
        row("goodput", goodput(delivered, *time), goodput(tally.bytes, plain.time));
        row("packets there + back", both(up.packets, down.packets), both(plain.sent, 0));
        row("  lost on the way", both(up.lost, down.lost), both(plain.carried.up.link.lost, 0));
        let dropped =
            |carried: &Carried| both(carried.up.link.overflowed, carried.down.link.overflowed);
        row("  dropped by a full queue", dropped(carried), dropped(&plain.carried));
        row("  damaged", both(up.damaged, down.damaged), both(plain.carried.up.link.damaged, 0));
        row(
            "  duplicated",
            both(up.duplicated, down.duplicated),
            both(plain.carried.up.link.duplicated, 0),
        );
        row(
            "  reordered",
            both(up.reordered, down.reordered),
            both(plain.carried.up.link.reordered, 0),
        );
        row("packets retransmitted", grouped(retransmitted(sender)), none());
        row("  found lost", grouped(sender.recovery.packets_lost), none());
        row("  found damaged", grouped(sender.recovery.packets_damaged), none());
        row("NACKs", grouped(receiver.nacks_sent), none());
        row("round trip, smallest", round_trip(sender.min_rtt), none());
        row("round trip, smoothed", round_trip(sender.srtt), none());
        row("held back by", statistics::limits(sender), none());
        row(
            "bytes on the wire per byte delivered",
            cost(carried, delivered),
            cost(&plain.carried, tally.bytes),
        );
        table
    }

    /// One line that says it all.
    pub(super) fn verdict(&self) -> String {
        let tally = &self.plain.tally;
        let plain = if tally.bytes == self.size {
            "plain UDP delivered it too: the network was kind".to_owned()
        } else {
            format!("plain UDP delivered {} of it", units::share(tally.bytes, self.size))
        };
        if !self.is_verified() {
            return format!("towline delivered a file with another hash; {plain}.");
        }
        let hash = report::hex(&self.towline.hash);
        format!("towline delivered the file whole (BLAKE3 {}...); {plain}.", &hash[..16])
    }

    pub(super) fn json(&self, network: &Network) -> Json {
        let Self { size, towline, plain } = *self;
        let Moved { time, sender, receiver, carried, .. } = towline;
        let delivered = if self.is_verified() { size } else { 0 };
        let json = Json::default()
            .text("event", "demonstrated")
            .truth("verified", self.is_verified())
            .text("blake3", &report::hex(&towline.hash))
            .number("bytes", size)
            .number("seed", network.seed)
            .number("towline_bytes", delivered)
            .float("towline_seconds", time.as_secs_f64())
            .float("towline_goodput_mbit", units::bits_per_second(delivered, *time) / 1e6)
            .number("towline_nacks", receiver.nacks_sent)
            .number("plain_bytes", plain.tally.bytes)
            .float("plain_seconds", plain.time.as_secs_f64())
            .float(
                "plain_goodput_mbit",
                units::bits_per_second(plain.tally.bytes, plain.time) / 1e6,
            )
            .number("plain_sent", plain.sent)
            .number("plain_arrived", plain.tally.arrived)
            .number("plain_damaged", plain.tally.damaged)
            .number("plain_duplicates", plain.tally.duplicates)
            .number("plain_reordered", plain.tally.reordered);
        let json = statistics::members(json, sender);
        [
            ("towline_up", &carried.up),
            ("towline_down", &carried.down),
            ("plain_up", &plain.carried.up),
        ]
        .into_iter()
        .fold(json, |json, (prefix, way)| relay::members(json, prefix, way))
    }
}

/// Bytes of both directions, IP and UDP headers included, for each byte of content.
fn cost(carried: &Carried, delivered: u64) -> String {
    let bytes = carried.up.link.bytes + carried.down.link.bytes;
    if delivered == 0 { "-".to_owned() } else { format!("{:.3}", bytes as f64 / delivered as f64) }
}
