//! Who sends which messages when: data, from which a schedule follows.

use crate::impair::dice::Dice;
use crate::stream::Delivery;
use crate::time::{Duration, nanos};
use crate::wire::Side;
use std::fmt;

/// An application's traffic.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// What it is called.
    pub name: String,
    /// Its kinds of messages, side by side.
    pub lanes: Vec<Lane>,
    /// How long the application sends: 0.1 s to an hour.
    pub duration: Duration,
    /// What is sent before this is not measured: below `duration`.
    pub skip: Duration,
}

/// One kind of messages.
#[derive(Clone, Debug, PartialEq)]
pub struct Lane {
    /// What it is called.
    pub name: String,
    /// Its messages.
    pub traffic: Traffic,
    /// What they need, where that does not follow from the traffic.
    pub delivery: Option<Delivery>,
}

impl Lane {
    /// A lane whose delivery follows from its traffic.
    pub fn new(name: &str, traffic: Traffic) -> Self {
        Self { name: name.to_owned(), traffic, delivery: None }
    }

    /// What its messages need: of a steady flow the newest, of lines and exchanges each in its order,
    /// of a file every byte.
    pub fn fitting(&self) -> Delivery {
        self.delivery.unwrap_or(match self.traffic {
            Traffic::Steady { .. } => Delivery::Latest,
            Traffic::Chatter { .. } | Traffic::Exchange { .. } => Delivery::Ordered,
            Traffic::Bulk { .. } | Traffic::Greedy { .. } => Delivery::Stream,
        })
    }
}

/// When messages are sent, and how large they are: 8 bytes to 1 MiB.
#[derive(Clone, Debug, PartialEq)]
pub enum Traffic {
    /// One of `bytes` every so often.
    Steady {
        /// Who sends.
        from: Senders,
        /// The size of each.
        bytes: u32,
        /// From one to the next: 0.1 ms or more.
        every: Duration,
    },
    /// As people type: sizes and pauses vary, pauses from half the mean to three halves.
    Chatter {
        /// Who sends.
        from: Senders,
        /// The smallest and the largest message, and all between alike.
        bytes: (u32, u32),
        /// From one to the next, on average: 0.1 ms or more.
        every: Duration,
    },
    /// All there is at once, in chunks: a file.
    Bulk {
        /// Who sends.
        from: Senders,
        /// How much in all, at most 1 GiB.
        total: u64,
        /// The size of a chunk.
        chunk: u32,
    },
    /// As much as the mode takes, for as long as the workload lasts: a source that never runs dry.
    Greedy {
        /// Who sends.
        from: Senders,
        /// The size of a message.
        chunk: u32,
    },
    /// The client asks, the server answers, the client asks again.
    Exchange {
        /// The size of a request.
        request: u32,
        /// The size of its answer.
        response: u32,
        /// From an answer to the next request.
        pause: Duration,
        /// The client asks the next thing when no answer has come for so long: 1 ms or more.
        patience: Duration,
    },
}

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Senders {
    /// The side that connects.
    Client,
    /// The side that accepts.
    Server,
    /// Both, each as much.
    Both,
}

impl Senders {
    /// Whether this side is among them.
    pub fn include(self, side: Side) -> bool {
        match self {
            Self::Client => side == Side::Client,
            Self::Server => side == Side::Server,
            Self::Both => true,
        }
    }
}

/// A message that will be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offer {
    /// When, from the workload's beginning.
    pub at: Duration,
    /// The lane's place in [`Workload::lanes`].
    pub lane: u16,
    /// Which message of its lane and sender, from 0.
    pub number: u32,
    /// Its size.
    pub bytes: u32,
}

/// The smallest message: it says which one it is.
pub(super) const MIN_MESSAGE: u32 = 8;
/// The largest message.
const MAX_MESSAGE: u32 = 1 << 20;
/// Messages of one workload; more are refused.
const MAX_MESSAGES: u64 = 2_000_000;
const MIN_EVERY: Duration = Duration::from_micros(100);
const MAX_BULK: u64 = 1 << 30;
const MAX_LANES: usize = 64;
const MAX_DURATION: Duration = Duration::from_hours(1);
const MIN_DURATION: Duration = Duration::from_millis(100);

impl Workload {
    /// The names of the workloads that [`Workload::named`] knows.
    pub const NAMES: [&str; 5] = ["game", "bulk", "rpc", "chat", "mixed"];

    /// One of the usual ones:
    ///
    /// - `game`: 120 bytes 60 times a second, both ways;
    /// - `bulk`: 10 MB from the client to the server;
    /// - `rpc`: 1 KB asked, 10 KB answered, one after another;
    /// - `chat`: lines of 20 to 200 bytes, both ways, about three a second;
    /// - `mixed`: game and chat, while 10 MB come from the server.
    pub fn named(name: &str) -> Option<Self> {
        let game = || {
            let every = Duration::from_nanos(16_666_667);
            Lane::new("state", Traffic::Steady { from: Senders::Both, bytes: 120, every })
        };
        let chat = || {
            let every = Duration::from_millis(333);
            Lane::new("lines", Traffic::Chatter { from: Senders::Both, bytes: (20, 200), every })
        };
        let bulk = |from, total| Lane::new("file", Traffic::Bulk { from, total, chunk: 16_384 });
        let rpc = || {
            let (pause, patience) = (Duration::ZERO, Duration::from_secs(2));
            Lane::new(
                "calls",
                Traffic::Exchange { request: 1024, response: 10_240, pause, patience },
            )
        };
        let (lanes, seconds, skip) = match name {
            "game" => (vec![game()], 30, 3),
            "bulk" => (vec![bulk(Senders::Client, 10_000_000)], 30, 0),
            "rpc" => (vec![rpc()], 30, 1),
            "chat" => (vec![chat()], 60, 3),
            "mixed" => (vec![game(), chat(), bulk(Senders::Server, 10_000_000)], 15, 0),
            _ => return None,
        };
        let (duration, skip) = (Duration::from_secs(seconds), Duration::from_secs(skip));
        Some(Self { name: name.to_owned(), lanes, duration, skip })
    }

    /// As much as goes from the client to the server, in messages of 4 KiB.
    pub fn greedy(duration: Duration, skip: Duration) -> Self {
        let traffic = Traffic::Greedy { from: Senders::Client, chunk: 4096 };
        let lanes = vec![Lane::new("flow", traffic)];
        Self { name: "greedy".to_owned(), lanes, duration, skip }
    }

    /// That every number is in its range.
    ///
    /// # Errors
    ///
    /// The [`WorkloadError`] of the first one that is not.
    pub fn validate(&self) -> Result<(), WorkloadError> {
        let whole = |what| WorkloadError { lane: None, what };
        if !(MIN_DURATION..=MAX_DURATION).contains(&self.duration) {
            return Err(whole("the duration must be 0.1 to 3600 seconds"));
        }
        if self.skip >= self.duration {
            return Err(whole("what is skipped must be shorter than the duration"));
        }
        if self.lanes.is_empty() || self.lanes.len() > MAX_LANES {
            return Err(whole("there must be 1 to 64 lanes"));
        }
        for lane in &self.lanes {
            lane.traffic
                .validate()
                .map_err(|what| WorkloadError { lane: Some(lane.name.clone()), what })?;
        }
        let count: u64 = self.lanes.iter().map(|lane| lane.traffic.count(self.duration)).sum();
        if count > MAX_MESSAGES {
            return Err(whole("it must have at most 2,000,000 messages"));
        }
        Ok(())
    }

    /// What `side` sends by itself, in order of time; answers, and requests after the first, follow
    /// from what arrives. The seed decides what varies.
    pub fn schedule(&self, side: Side, seed: u64) -> Vec<Offer> {
        let mut offers = Vec::new();
        for (lane, Lane { traffic, .. }) in (0..).zip(&self.lanes) {
            let dice = Dice::new(seed).fork(u64::from(lane) << 1 | side as u64);
            traffic.offers(side, lane, self.duration, dice, &mut offers);
        }
        offers.sort_unstable();
        offers
    }
}

impl Traffic {
    /// Whether it is as much at once as there is, so that what counts is how fast it goes.
    pub const fn is_heap(&self) -> bool {
        matches!(self, Self::Bulk { .. } | Self::Greedy { .. })
    }

    /// The largest message.
    pub fn largest(&self) -> u32 {
        match *self {
            Self::Steady { bytes, .. } => bytes,
            Self::Chatter { bytes: (_, most), .. } => most,
            Self::Bulk { chunk, .. } | Self::Greedy { chunk, .. } => chunk,
            Self::Exchange { request, response, .. } => request.max(response),
        }
    }

    fn validate(&self) -> Result<(), &'static str> {
        let is_size = |bytes: u32| (MIN_MESSAGE..=MAX_MESSAGE).contains(&bytes);
        let sizes = match *self {
            Self::Steady { bytes, .. } => [bytes, bytes],
            Self::Chatter { bytes: (least, most), .. } => [least, most],
            Self::Bulk { chunk, .. } | Self::Greedy { chunk, .. } => [chunk, chunk],
            Self::Exchange { request, response, .. } => [request, response],
        };
        if !sizes.into_iter().all(is_size) {
            return Err("messages must have 8 to 1048576 bytes");
        }
        match *self {
            Self::Chatter { bytes: (least, most), .. } if least > most => {
                Err("the smallest message must not be larger than the largest")
            }
            Self::Steady { every, .. } | Self::Chatter { every, .. } if every < MIN_EVERY => {
                Err("messages must be at least 0.1 ms apart")
            }
            Self::Bulk { total, .. } if total == 0 || total > MAX_BULK => {
                Err("the total must be 1 byte to 1 GiB")
            }
            Self::Exchange { patience, .. } if patience < Duration::from_millis(1) => {
                Err("the patience must be at least 1 ms")
            }
            _ => Ok(()),
        }
    }

    /// How many messages this makes at most, or about.
    fn count(&self, duration: Duration) -> u64 {
        let span = nanos(duration);
        match *self {
            Self::Steady { from, every, .. } | Self::Chatter { from, every, .. } => {
                span / nanos(every).max(1) * if from == Senders::Both { 2 } else { 1 }
            }
            Self::Bulk { total, chunk, .. } => total.div_ceil(u64::from(chunk).max(1)),
            Self::Exchange { .. } | Self::Greedy { .. } => 0,
        }
    }

    fn offers(&self, side: Side, lane: u16, duration: Duration, dice: Dice, out: &mut Vec<Offer>) {
        match *self {
            Self::Steady { from, bytes, every } if from.include(side) => {
                let times = (0..).map(|n| every * n).take_while(|at| *at < duration);
                out.extend((0..).zip(times).map(|(number, at)| Offer { at, lane, number, bytes }));
            }
            Self::Chatter { from, bytes: (least, most), every } if from.include(side) => {
                let span = nanos(every);
                let mut at = 0;
                for number in 0.. {
                    at += span / 2 + dice.below(u64::from(number) * 2, span.saturating_add(1));
                    let at = Duration::from_nanos(at);
                    if at >= duration {
                        break;
                    }
                    let more = u64::from(most.saturating_sub(least)) + 1;
                    let bytes = least + dice.below(u64::from(number) * 2 + 1, more) as u32;
                    out.push(Offer { at, lane, number, bytes });
                }
            }
            Self::Bulk { from, total, chunk } if from.include(side) => {
                let chunk = u64::from(chunk).max(1);
                for number in 0..total.div_ceil(chunk) {
                    let bytes = (total - number * chunk).min(chunk).max(MIN_MESSAGE.into()) as u32;
                    out.push(Offer { at: Duration::ZERO, lane, number: number as u32, bytes });
                }
            }
            Self::Exchange { request: bytes, .. } if side == Side::Client => {
                out.push(Offer { at: Duration::ZERO, lane, number: 0, bytes });
            }
            _ => {}
        }
    }
}

/// A number out of its range. Prints as one line that says what is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadError {
    /// The lane it belongs to, if it belongs to one.
    pub lane: Option<String>,
    what: &'static str,
}

impl fmt::Display for WorkloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(lane) = &self.lane {
            write!(f, "lane \"{lane}\": ")?;
        }
        f.write_str(self.what)
    }
}

impl std::error::Error for WorkloadError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(traffic: Traffic) -> Workload {
        let lanes = vec![Lane::new("x", traffic)];
        let (duration, skip) = (Duration::from_secs(1), Duration::ZERO);
        Workload { name: "test".to_owned(), lanes, duration, skip }
    }

    #[test]
    fn the_usual_ones_are_valid_and_have_known_schedules() {
        for name in Workload::NAMES {
            let workload = Workload::named(name).unwrap();
            assert_eq!((workload.validate(), workload.name.as_str()), (Ok(()), name));
        }
        assert_eq!(Workload::named("nap"), None);
        let game = Workload::named("game").unwrap();
        for side in [Side::Client, Side::Server] {
            let schedule = game.schedule(side, 1);
            assert_eq!(schedule.len(), 1800);
            assert_eq!(schedule[60].at.as_millis(), 1000);
            assert!(schedule.iter().all(|offer| offer.bytes == 120));
        }
        let bulk = Workload::named("bulk").unwrap();
        let total: u64 = bulk.schedule(Side::Client, 1).iter().map(|o| u64::from(o.bytes)).sum();
        assert_eq!((total, bulk.schedule(Side::Server, 1).len()), (10_000_000, 0));
        let rpc = Workload::named("rpc").unwrap();
        assert_eq!([Side::Client, Side::Server].map(|s| rpc.schedule(s, 1).len()), [1, 0]);
    }

    #[test]
    fn what_varies_depends_on_the_seed_and_the_side() {
        let chat = Workload::named("chat").unwrap();
        let schedule = chat.schedule(Side::Client, 7);
        assert_eq!(schedule, chat.schedule(Side::Client, 7));
        assert_ne!(schedule, chat.schedule(Side::Client, 8));
        assert_ne!(schedule, chat.schedule(Side::Server, 7));
        assert!((150..=210).contains(&schedule.len()), "{}", schedule.len());
        assert!(schedule.iter().all(|offer| (20..=200).contains(&offer.bytes)));
        assert!(schedule.windows(2).all(|two| two[0].at < two[1].at));
    }

    #[test]
    fn numbers_have_ranges() {
        let every = Duration::from_millis(10);
        let from = Senders::Both;
        let pause = Duration::ZERO;
        for (traffic, part) in [
            (Traffic::Steady { from, bytes: 7, every }, "8 to 1048576"),
            (Traffic::Steady { from, bytes: 8, every: Duration::ZERO }, "0.1 ms"),
            (Traffic::Chatter { from, bytes: (20, 10), every }, "smallest"),
            (Traffic::Bulk { from, total: 0, chunk: 1000 }, "1 byte to 1 GiB"),
            (Traffic::Bulk { from, total: 1 << 30, chunk: 8 }, "2,000,000"),
            (Traffic::Exchange { request: 8, response: 8, pause, patience: pause }, "patience"),
        ] {
            let error = one(traffic).validate().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        let good = one(Traffic::Steady { from, bytes: 8, every });
        for (workload, part) in [
            (Workload { skip: Duration::from_secs(1), ..good.clone() }, "skipped"),
            (Workload { duration: Duration::ZERO, ..good.clone() }, "0.1 to 3600"),
            (Workload { lanes: vec![], ..good.clone() }, "1 to 64"),
        ] {
            let error = workload.validate().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(good.validate(), Ok(()));
    }
}
