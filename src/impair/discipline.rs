//! Queue disciplines: which datagram a queue drops or marks, and which it sends next.

use super::error::{ImpairError, check, check_interval, check_share};
use crate::time::Duration;

mod codel;
mod early;
mod fifo;
mod fq_codel;
mod held;
mod pie;
mod red;

pub(super) use early::{Early, Verdict};
pub(super) use fifo::Parked;
pub(super) use held::Held;

/// How a queue is managed. The default drops at the tail when it is full.
///
/// Where a discipline marks (`ecn`), it marks datagrams that are ECN-capable instead of dropping
/// them, and still drops the others. All keep to `capacity_bytes` and `capacity_packets` as well.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Discipline {
    /// A full queue drops what comes.
    #[default]
    DropTail,
    /// A full queue drops what has waited longest, to make room for what comes.
    DropHead,
    /// Random early detection.
    Red(Red),
    /// A proportional integral controller of the delay.
    Pie(Pie),
    /// Controlled delay.
    Codel(Codel),
    /// Flows queued apart, each with controlled delay.
    FqCodel(FqCodel),
}

/// Random early detection (Floyd and Jacobson 1993), in bytes: with an average queue between two
/// thresholds, a share of what comes is dropped that grows to `max_p`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Red {
    /// Bytes of average queue below which nothing is dropped; 7,500 by default.
    pub min_bytes: u64,
    /// Bytes of average queue at which `max_p` is reached; more than `min_bytes`, 22,500 by default.
    pub max_bytes: u64,
    /// The share dropped there, 0 to 1; 0.02 by default.
    pub max_p: f64,
    /// What one new datagram's queue weighs in the average, above 0 to 1; 0.002 by default.
    pub weight: f64,
    /// Lets the share grow on from `max_p` at `max_bytes` to 1 at twice of it, instead of jumping
    /// to 1; true by default.
    pub gentle: bool,
    /// The bytes of a typical packet, at least 1: while the link is idle, the average falls as if
    /// such packets came to an empty queue one after the other; 1,500 by default.
    pub packet_bytes: u64,
    /// Marks where it can; false by default.
    pub ecn: bool,
}

/// A proportional integral controller enhanced (RFC 8033): drops at random, with a probability
/// that follows the queueing delay and its trend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pie {
    /// The queueing delay to keep to; 15 ms by default.
    pub target: Duration,
    /// From one update of the probability to the next, longer than zero; 15 ms by default.
    pub t_update: Duration,
    /// Probability per update and second of delay above the target, at least 0; 1/8 by default.
    pub alpha: f64,
    /// Probability per update and second by which the delay has grown, at least 0; 1 1/4 by default.
    pub beta: f64,
    /// How long a burst out of the calm passes unharmed; 150 ms by default.
    pub max_burst: Duration,
    /// The probability above which what could be marked is dropped as well, 0 to 1; 0.1 by default.
    pub max_mark_p: f64,
    /// Marks where it can; false by default.
    pub ecn: bool,
}

/// Controlled delay (RFC 8289): when every datagram for a whole interval has waited longer than the
/// target, drops one at the head, and then more and more often until one has waited less.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Codel {
    /// The wait that may stand; 5 ms by default.
    pub target: Duration,
    /// How long it may be exceeded, about the longest round trip; longer than zero, 100 ms by
    /// default.
    pub interval: Duration,
    /// The largest packet in bytes: nothing is dropped when no more than this waits; 1,514 by
    /// default.
    pub max_packet_bytes: u64,
    /// Marks where it can; false by default.
    pub ecn: bool,
}

/// Flow queue CoDel (RFC 8290): flows wait in queues of their own, served in turn by bytes, those
/// that just began first, and each under CoDel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FqCodel {
    /// The wait that may stand; 5 ms by default.
    pub target: Duration,
    /// How long it may be exceeded; longer than zero, 100 ms by default.
    pub interval: Duration,
    /// The largest packet in bytes, as in [`Codel`]; 1,514 by default.
    pub max_packet_bytes: u64,
    /// How many queues there are, 1 to 65,536; flows are hashed to them; 1,024 by default.
    pub queues: u32,
    /// The bytes that a queue sends in its turn, at least 1; 1,514 by default.
    pub quantum_bytes: u64,
    /// Packets that may wait in all queues together, beside the link's own limits; 10,240 by default.
    pub limit_packets: u64,
    /// Bytes that may wait in all queues together; 32 MiB by default.
    pub memory_bytes: u64,
    /// When a limit is passed, at most so many packets of the fattest queue go at once; at least 1,
    /// 64 by default.
    pub drop_batch: u32,
    /// Marks where it can; true by default.
    pub ecn: bool,
}

impl Default for Red {
    fn default() -> Self {
        Self {
            min_bytes: 7500,
            max_bytes: 22_500,
            max_p: 0.02,
            weight: 0.002,
            gentle: true,
            packet_bytes: 1500,
            ecn: false,
        }
    }
}

impl Default for Pie {
    fn default() -> Self {
        Self {
            target: Duration::from_millis(15),
            t_update: Duration::from_millis(15),
            alpha: 0.125,
            beta: 1.25,
            max_burst: Duration::from_millis(150),
            max_mark_p: 0.1,
            ecn: false,
        }
    }
}

impl Default for Codel {
    fn default() -> Self {
        Self {
            target: Duration::from_millis(5),
            interval: Duration::from_millis(100),
            max_packet_bytes: 1514,
            ecn: false,
        }
    }
}

impl Default for FqCodel {
    fn default() -> Self {
        let Codel { target, interval, max_packet_bytes, .. } = Codel::default();
        Self {
            target,
            interval,
            max_packet_bytes,
            queues: 1024,
            quantum_bytes: 1514,
            limit_packets: 10_240,
            memory_bytes: 32 << 20,
            drop_batch: 64,
            ecn: true,
        }
    }
}

impl FqCodel {
    /// The most queues there can be.
    pub const MAX_QUEUES: u32 = 65_536;

    /// The CoDel of each queue.
    pub fn codel(&self) -> Codel {
        let &Self { target, interval, max_packet_bytes, ecn, .. } = self;
        Codel { target, interval, max_packet_bytes, ecn }
    }
}

impl Discipline {
    /// That every field is in its range.
    ///
    /// # Errors
    ///
    /// [`ImpairError::Share`] or [`ImpairError::Queue`] of the first one that is not.
    pub fn validate(&self) -> Result<(), ImpairError> {
        match self {
            Self::DropTail | Self::DropHead => Ok(()),
            Self::Red(red) => red.validate(),
            Self::Pie(pie) => pie.validate(),
            Self::Codel(codel) => check_interval("discipline.codel.interval", codel.interval),
            Self::FqCodel(fq) => fq.validate(),
        }
    }
}

impl Red {
    fn validate(&self) -> Result<(), ImpairError> {
        check_share("discipline.red.max_p", self.max_p)?;
        check_share("discipline.red.weight", self.weight)?;
        let max = self.max_bytes;
        check(max > self.min_bytes, "discipline.red.max_bytes", &max, "larger than min_bytes")?;
        check(self.weight > 0.0, "discipline.red.weight", &self.weight, "larger than 0")?;
        let packet = self.packet_bytes;
        check(packet > 0, "discipline.red.packet_bytes", &packet, "at least 1")
    }
}

impl Pie {
    fn validate(&self) -> Result<(), ImpairError> {
        check_share("discipline.pie.max_mark_p", self.max_mark_p)?;
        check_interval("discipline.pie.t_update", self.t_update)?;
        for (field, gain) in
            [("discipline.pie.alpha", self.alpha), ("discipline.pie.beta", self.beta)]
        {
            check(gain >= 0.0 && gain.is_finite(), field, &gain, "at least 0 and finite")?;
        }
        Ok(())
    }
}

impl FqCodel {
    fn validate(&self) -> Result<(), ImpairError> {
        check_interval("discipline.fq_codel.interval", self.interval)?;
        let has_queues = (1..=Self::MAX_QUEUES).contains(&self.queues);
        check(has_queues, "discipline.fq_codel.queues", &self.queues, "between 1 and 65536")?;
        let quantum = self.quantum_bytes;
        check(quantum > 0, "discipline.fq_codel.quantum_bytes", &quantum, "at least 1")?;
        let batch = self.drop_batch;
        check(batch > 0, "discipline.fq_codel.drop_batch", &batch, "at least 1")
    }
}
