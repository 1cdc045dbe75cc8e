//! What the pictures of single messages look at: whose, and when.

use super::sequence::Pace;
use std::time::Duration;
use towline::sim::compare::{Flight, Lane, Record, Scenario, Traffic};
use towline::time::Instant;
use towline::wire::Side;

/// One kind of messages of one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Focus {
    pub(super) from: Side,
    pub(super) lane: u16,
}

impl Focus {
    /// The first lane; of two senders the one that other lanes' files come from, else the client, but
    /// the answers where it is asked.
    pub(super) fn of(scenario: &Scenario) -> Self {
        let lanes = &scenario.workload.lanes;
        let sends = |side: Side, traffic: &Traffic| match traffic {
            Traffic::Steady { from, .. }
            | Traffic::Chatter { from, .. }
            | Traffic::Bulk { from, .. }
            | Traffic::Greedy { from, .. } => from.include(side),
            Traffic::Exchange { .. } => side == Side::Server,
        };
        let own = |side| lanes.first().is_some_and(|lane| sends(side, &lane.traffic));
        let is_beside_a_file = |side| files(scenario).any(|lane| sends(side, &lane.traffic));
        let is_server = !own(Side::Client)
            || own(Side::Server)
                && is_beside_a_file(Side::Server)
                && !is_beside_a_file(Side::Client);
        Self { from: if is_server { Side::Server } else { Side::Client }, lane: 0 }
    }

    /// The places in the record of the messages looked at.
    pub(super) fn messages(self, record: &Record) -> impl Iterator<Item = usize> + '_ {
        let messages = (0..).zip(&record.messages);
        messages.filter(move |(_, m)| (m.from, m.lane) == (self.from, self.lane)).map(|(n, _)| n)
    }
}

/// The files beside the first lane.
fn files(scenario: &Scenario) -> impl Iterator<Item = &Lane> {
    let others = scenario.workload.lanes.iter().skip(1);
    others.filter(|lane| lane.traffic.is_heap())
}

/// Who decides when its messages are sent.
pub(super) fn pace(scenario: &Scenario) -> Pace {
    match scenario.workload.lanes.first().map(|lane| &lane.traffic) {
        Some(Traffic::Bulk { .. } | Traffic::Greedy { .. }) => Pace::Heap,
        Some(Traffic::Exchange { .. }) => Pace::Exchange,
        _ => Pace::Application,
    }
}

/// How long a stretch shows a few dozen messages and several round trips.
pub(super) fn span(scenario: &Scenario) -> Duration {
    let rtt = scenario.rtt().max(Duration::from_millis(2));
    let messages = match scenario.workload.lanes.first().map(|lane| &lane.traffic) {
        Some(Traffic::Steady { every, .. } | Traffic::Chatter { every, .. }) => 24 * *every,
        Some(Traffic::Exchange { .. }) => 16 * rtt,
        _ => Duration::ZERO,
    };
    messages.max(9 * rtt).min(Duration::from_secs(12)).min(scenario.workload.duration)
}

/// Where such a stretch begins in which as many modes as possible lose something early.
pub(super) fn begin(scenario: &Scenario, focus: Focus, records: &[&Record]) -> Instant {
    let start = scenario.start();
    let first = start + scenario.workload.skip;
    let span = span(scenario);
    // Files come first thing, and it is beside them that the first lane has something to tell.
    let most = Duration::from_secs(if files(scenario).next().is_some() { 2 } else { 15 });
    let last = start + scenario.workload.duration.saturating_sub(span).min(most);
    let losses: Vec<Vec<Instant>> = records
        .iter()
        .map(|record| {
            let lost = record.packets.iter().filter(|packet| {
                packet.from == focus.from
                    && packet.flight == Flight::Lost
                    && packet.messages.iter().any(|n| record.messages[*n].lane == focus.lane)
            });
            lost.map(|packet| packet.sent_at).collect()
        })
        .collect();
    let step = (span / 20).max(Duration::from_millis(1));
    let mut best = (0, first);
    let mut at = first;
    while at <= last {
        let (from, to) = (at + span / 20, at + span * 2 / 5);
        let early = |times: &&Vec<Instant>| times.iter().any(|t| (from..to).contains(t));
        let count = losses.iter().filter(early).count();
        if count > best.0 {
            best = (count, at);
        }
        at += step;
    }
    best.1
}
