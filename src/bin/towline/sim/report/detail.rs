//! The pictures of one run: flows, packets, windows, round trips and queues over time.

use super::axis::Unit;
use super::chart::{Look, Owner};
use super::packets::Sequence;
use super::picture::Picture;
use super::sharing::{FAIR, Flow, Sharing};
use super::tracks::{self, Track, Tracks};
use crate::sim::results::Detail;
use std::fmt::Write as _;
use towline::sim::compare::Probe;
use towline::sim::scene::{FlowRecord, LinkRecord, LinkSample};
use towline::time::Instant;
use towline::wire::Side;

/// Flows that have curves of their own in one picture.
const FLOWS: usize = 8;
/// Links with a picture of their queues.
const LINKS: usize = 4;
/// Seconds over which sharing has to stay fair to count.
const HELD_S: u32 = 3;

/// All pictures of a run, as far as there is something to show.
pub(super) fn pictures(detail: &Detail, number: usize) -> Vec<Picture<'_>> {
    let run = Run { detail, number };
    let all = [run.sharing(), run.sequence(), run.windows(), run.waits(), run.queues()];
    all.into_iter().flatten().collect()
}

/// A run, and which of those in detail it is.
#[derive(Clone, Copy, Debug)]
struct Run<'a> {
    detail: &'a Detail,
    number: usize,
}

impl<'a> Run<'a> {
    fn id(self, what: &str) -> String {
        format!("run{}-{what}", self.number)
    }

    fn seconds(self, at: Instant) -> f64 {
        at.saturating_since(self.detail.record.began).as_secs_f64()
    }

    fn duration_s(self) -> f64 {
        self.seconds(self.detail.record.ended)
    }

    fn name(self, flow: usize) -> String {
        let own = self.detail.record.flows.get(flow);
        let own = own.map_or(String::new(), |flow| flow.name.clone());
        self.detail.flows.get(flow).map_or(own, |note| note.name.clone())
    }

    /// The rate of the slowest link that all flows cross.
    fn ceiling_bps(self) -> Option<f64> {
        let flows = &self.detail.flows;
        let first = flows.first()?;
        let shared = first.up.iter().filter(|link| flows.iter().all(|flow| flow.up.contains(link)));
        let rates = shared.filter_map(|link| self.detail.links.get(*link)?.config.rate_bps);
        rates.min().map(|rate| rate as f64)
    }

    fn sharing(self) -> Option<Picture<'a>> {
        let record = &self.detail.record;
        if record.flows.iter().all(|flow| flow.samples.is_empty()) {
            return None;
        }
        let flows = record.flows.iter().enumerate().take(FLOWS).map(|(number, flow)| Flow {
            name: self.name(number),
            owner: Owner::Flow(number),
            delivered: flow
                .samples
                .iter()
                .map(|sample| (self.seconds(sample.at), sample.delivered_bytes))
                .collect(),
        });
        let converged = record.converged(FAIR, HELD_S).filter(|_| record.flows.len() > 1);
        let sharing = Sharing {
            flows: flows.collect(),
            duration_s: self.duration_s(),
            converged_s: converged.map(|at| at.as_secs_f64()),
            ceiling_bps: self.ceiling_bps().filter(|_| record.flows.len() <= FLOWS),
        };
        let stretch = Unit::Millis.text(sharing.stretch_s() * 1e3);
        let mut about = format!("Rates over {stretch} each.");
        if record.flows.len() > 1 {
            about += match sharing.converged_s {
                Some(_) => " Fair: Jain's index was 0.95 or more over each of three seconds.",
                None => " Jain's index was never 0.95 or more over each of three seconds.",
            };
        }
        if record.flows.len() > FLOWS {
            let _ = write!(about, " The first {FLOWS} of {} flows.", record.flows.len());
        }
        Some(Picture {
            id: self.id("sharing"),
            title: "Goodput of each flow".to_owned(),
            about,
            heights: (460.0, 400.0),
            draw: Box::new(move |size| sharing.draw(size)),
        })
    }

    fn sequence(self) -> Option<Picture<'a>> {
        let record = &self.detail.record;
        let (number, flow) =
            record.flows.iter().enumerate().find(|(_, flow)| !flow.record.packets.is_empty())?;
        let sent = |side| {
            flow.record.packets.iter().filter(move |p| p.from == side && !p.messages.is_empty())
        };
        let from = if sent(Side::Client).count() >= sent(Side::Server).count() {
            Side::Client
        } else {
            Side::Server
        };
        let whole = Sequence::of(&flow.record, from, record.began);
        let sequence = whole.focused();
        let part = match (sequence.sent.len() < whole.sent.len(), whole.lost.is_empty()) {
            (false, _) => "",
            (true, true) => ", at its beginning",
            (true, false) => ", about the first loss",
        };
        Some(Picture {
            id: self.id("packets"),
            title: format!("Packet by packet: {}", self.name(number)),
            about: format!(
                "What the {} sent in the stretch whose packets were kept{part}.",
                match from {
                    Side::Client => "client",
                    Side::Server => "server",
                }
            ),
            heights: (400.0, 320.0),
            draw: Box::new(move |size| sequence.draw(size)),
        })
    }

    /// A value of the busier side of each flow, over time.
    fn probed(self, pick: impl Fn(&Probe) -> Option<f64> + Copy) -> Vec<Track> {
        let flows = self.detail.record.flows.iter().enumerate().take(FLOWS);
        let tracks = flows.map(|(number, flow)| {
            let side = busier(flow);
            let point = |sample: &towline::sim::scene::FlowSample| {
                let probe = if side == Side::Client { sample.client } else { sample.server };
                let value = probe.as_ref().and_then(pick);
                (self.seconds(sample.at), value.unwrap_or(f64::NAN))
            };
            let points = flow.samples.iter().map(point).collect();
            Track::new(self.name(number), Owner::Flow(number), points)
        });
        tracks.filter(|track| track.points.iter().any(|point| point.1.is_finite())).collect()
    }

    fn windows(self) -> Option<Picture<'a>> {
        let mut lines = self.probed(|probe| Some(probe.cwnd as f64));
        if lines.is_empty() {
            return None;
        }
        let flights = self.probed(|probe| Some(probe.bytes_in_flight as f64));
        let flights = flights.into_iter().map(|track| {
            let name = format!("{}, in flight", track.name);
            Track { name, ..track }.looks(Look::Dotted)
        });
        if lines.len() <= 3 {
            lines.extend(flights);
        }
        let tracks = Tracks {
            title: "Congestion window".to_owned(),
            name: "congestion window and bytes in flight".to_owned(),
            unit: Unit::Bytes,
            lines,
            duration_s: self.duration_s(),
            level: None,
        };
        Some(Picture {
            id: self.id("window"),
            title: "Congestion window".to_owned(),
            about: "At each sample, of the side that sends more.".to_owned(),
            heights: (340.0, 300.0),
            draw: Box::new(move |size| tracks.draw(size)),
        })
    }

    fn waits(self) -> Option<Picture<'a>> {
        let mut lines = self.probed(|probe| probe.srtt.map(|rtt| rtt.as_secs_f64() * 1e3));
        if let Some((_, link)) = self.links().next() {
            let wait = |sample: &LinkSample| sample.wait.as_secs_f64() * 1e3;
            let points: Vec<_> =
                link.samples.iter().map(|s| (self.seconds(s.at), wait(s))).collect();
            let name = format!("wait: {}", link.name);
            lines.push(Track::new(name, Owner::Nobody, points).looks(Look::Dotted));
        }
        if lines.is_empty() {
            return None;
        }
        let tracks = Tracks {
            title: "Round trips".to_owned(),
            name: "smoothed round trip, and wait in queues".to_owned(),
            unit: Unit::Millis,
            lines,
            duration_s: self.duration_s(),
            level: None,
        };
        Some(Picture {
            id: self.id("round-trips"),
            title: "Round trips and queue waits".to_owned(),
            about: "What senders think, and what would come into a queue then had to wait."
                .to_owned(),
            heights: (340.0, 300.0),
            draw: Box::new(move |size| tracks.draw(size)),
        })
    }

    /// Links that ever had a queue or dropped something, the fullest first.
    fn links(self) -> impl Iterator<Item = (usize, &'a LinkRecord)> {
        let links = self.detail.record.links.iter().enumerate();
        let mut links: Vec<_> = links
            .filter(|(_, link)| link.samples.iter().any(|sample| sample.backlog_bytes > 0))
            .collect();
        links.sort_by_key(|(_, link)| std::cmp::Reverse(link.peak_bytes));
        links.into_iter().take(LINKS)
    }

    fn queues(self) -> Option<Picture<'a>> {
        let mut backlog = Vec::new();
        let mut drops = Vec::new();
        for (shown, (_, link)) in self.links().enumerate() {
            let samples = || link.samples.iter();
            let points = samples().map(|s| (self.seconds(s.at), s.backlog_bytes as f64)).collect();
            backlog.push(Track::new(&link.name, Owner::Flow(shown), points));
            let lost: Vec<(f64, u64)> =
                samples().map(|s| (self.seconds(s.at), dropped(s))).collect();
            drops.push(Track::new(&link.name, Owner::Flow(shown), tracks::growth(&lost)));
        }
        let first = self.links().next()?;
        let capacity = self.detail.links.get(first.0).map(|link| link.config.capacity_bytes);
        let capacity = capacity.filter(|bytes| *bytes < u64::MAX / 2).map(|bytes| bytes as f64);
        let duration_s = self.duration_s();
        let backlog = Tracks {
            title: "Queues".to_owned(),
            name: "bytes in the queue".to_owned(),
            unit: Unit::Bytes,
            lines: backlog,
            duration_s,
            level: capacity.map(|bytes| (bytes, format!("full: {}", Unit::Bytes.text(bytes)))),
        };
        let drops = Tracks {
            title: "drops".to_owned(),
            name: "packets dropped since the sample before".to_owned(),
            unit: Unit::Plain,
            lines: drops,
            duration_s,
            level: None,
        };
        Some(Picture {
            id: self.id("queues"),
            title: "Queues and drops".to_owned(),
            about: "The queue at each sample, and what links lost or dropped in between."
                .to_owned(),
            heights: (460.0, 420.0),
            draw: Box::new(move |size| tracks::draw(&[&backlog, &drops], size)),
        })
    }
}

/// Which side's messages have more bytes.
fn busier(flow: &FlowRecord) -> Side {
    let bytes = |side| -> u64 {
        let own = flow.record.messages.iter().filter(|message| message.from == side);
        own.map(|message| u64::from(message.bytes)).sum()
    };
    if bytes(Side::Client) >= bytes(Side::Server) { Side::Client } else { Side::Server }
}

/// Packets that did not get over a link so far, for whatever reason.
fn dropped(sample: &LinkSample) -> u64 {
    let stats = &sample.stats;
    stats.lost + stats.overflowed + stats.blacked_out + stats.oversize + stats.policed + stats.early
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_run_has_a_picture_of_everything_that_was_recorded() {
        let results = sample::dumbbell();
        let pictures = pictures(&results.details[0], 3);
        let ids: Vec<_> = pictures.iter().map(|picture| picture.id.as_str()).collect();
        let whole =
            ["run3-sharing", "run3-packets", "run3-window", "run3-round-trips", "run3-queues"];
        assert_eq!(ids, whole);
        for picture in &pictures {
            let panel = picture.panel(4);
            assert!(!panel.contains("nothing was measured"), "{}", picture.id);
            assert!(!panel.contains("NaN") && panel.len() < 120_000, "{}", panel.len());
        }
    }

    #[test]
    fn a_run_without_samples_has_no_pictures() {
        let mut detail = sample::dumbbell().details.remove(0);
        for flow in &mut detail.record.flows {
            flow.samples.clear();
            flow.record.packets.clear();
        }
        for link in &mut detail.record.links {
            link.samples.clear();
        }
        assert_eq!(pictures(&detail, 0).len(), 0);
    }
}
