//! The description of one direction of a bad network.

use super::blackout::Blackout;
use super::damage::Damage;
use super::delay::{Spread, check_correlation};
use super::discipline::Discipline;
use super::error::{ImpairError, check_share};
use super::loss::Loss;
use super::policer::Policer;
use super::rate_trace::RateTrace;
use super::timing::Reorder;
use crate::time::{Duration, Instant, nanos};

/// Bytes of an IPv4 and a UDP header without options, which every datagram carries on the wire.
pub const UDP_IP_OVERHEAD: u64 = 28;

/// One direction of a link: first a queue of a given rate, then a line of a given delay. The
/// default is a perfect link: at once, without limit, and everything arrives.
///
/// ```
/// use towline::impair::{LinkConfig, Loss};
/// use towline::time::Duration;
///
/// let bad = LinkConfig {
///     jitter: Duration::from_millis(3),
///     loss: Loss::Bursts { mean_loss: 0.02, mean_burst: 4.0 },
///     ..LinkConfig::bottleneck(10_000_000, Duration::from_millis(25))
/// };
/// assert_eq!(bad.validate(), Ok(()));
/// assert_eq!(bad.capacity_bytes, 62_500);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LinkConfig {
    /// Bits per second, at least 1; `None` is without limit, and then nothing queues.
    pub rate_bps: Option<u64>,
    /// Rates in bits per second that take effect at given times, in order. A rate of 0 stands
    /// still until the next step.
    pub rate_steps: Vec<(Instant, u64)>,
    /// When the link sends how many bytes, instead of a rate; `rate_bps` and `rate_steps` are then
    /// to be left out.
    pub trace: Option<RateTrace>,
    /// Bytes that may leave at once after the link was idle: a token bucket that fills at the rate,
    /// and is full at first. 0, the default, is a plain link, and a trace saves nothing up.
    pub burst_bytes: u64,
    /// Drops what exceeds a rate, in front of the queue.
    pub policer: Option<Policer>,
    /// Bytes that may be queued, those being sent included; more are dropped at the tail. An idle
    /// link takes a datagram of any size.
    pub capacity_bytes: u64,
    /// Datagrams that may be queued, those being sent included; without limit by default.
    pub capacity_packets: u64,
    /// What the queue drops or marks, and what it sends next.
    pub discipline: Discipline,
    /// Marks (CE, where ECN-capable) what finds more than this many bytes queued, itself included.
    pub mark_above_bytes: Option<u64>,
    /// Bytes on the wire beside each datagram's own; [`UDP_IP_OVERHEAD`] by default.
    pub overhead_bytes: u64,
    /// The largest IP packet: a datagram that is larger with `overhead_bytes` is dropped.
    pub mtu: Option<u64>,
    /// Propagation, one way.
    pub delay: Duration,
    /// Added to the delay, uniformly from `-jitter` to `+jitter`; at most the delay.
    pub jitter: Duration,
    /// Random delay on top of both.
    pub spread: Spread,
    /// How the `spread` of a datagram goes with that of the one before it: their correlation, 0
    /// (the default) to below 1. The distribution stays as it is.
    pub spread_correlation: f64,
    /// Whether datagrams may overtake each other.
    pub reorder: Reorder,
    /// Which datagrams are lost.
    pub loss: Loss,
    /// The share of datagrams, 0 to 1, that arrive twice, each copy with a delay of its own.
    pub duplicate: f64,
    /// Which datagrams have bits flipped.
    pub damage: Damage,
    /// The share of datagrams, 0 to 1, that lose at least their last byte.
    pub truncate: f64,
    /// When the line is down.
    pub blackout: Blackout,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            rate_bps: None,
            rate_steps: Vec::new(),
            trace: None,
            burst_bytes: 0,
            policer: None,
            capacity_bytes: u64::MAX,
            capacity_packets: u64::MAX,
            discipline: Discipline::DropTail,
            mark_above_bytes: None,
            overhead_bytes: UDP_IP_OVERHEAD,
            mtu: None,
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            spread: Spread::None,
            spread_correlation: 0.0,
            reorder: Reorder::default(),
            loss: Loss::None,
            duplicate: 0.0,
            damage: Damage::default(),
            truncate: 0.0,
            blackout: Blackout::Never,
        }
    }
}

impl LinkConfig {
    /// The smallest buffer that [`LinkConfig::bottleneck`] gives: ten full Ethernet packets.
    const MIN_BUFFER_BYTES: u64 = 15_000;

    /// A lossless link that sends `rate_bps` bits per second with a one-way `delay`, and buffers
    /// one bandwidth-delay product of the round trip, if that way back is as long, or ten full
    /// packets if that is more.
    pub fn bottleneck(rate_bps: u64, delay: Duration) -> Self {
        let bytes = u128::from(rate_bps) * u128::from(nanos(delay)) * 2 / 8 / 1_000_000_000;
        let capacity_bytes = u64::try_from(bytes).unwrap_or(u64::MAX).max(Self::MIN_BUFFER_BYTES);
        Self { rate_bps: Some(rate_bps), capacity_bytes, delay, ..Self::default() }
    }

    /// The same rate or trace, policer, queue, overhead, MTU and delay, and nothing that goes wrong on the line:
    /// what is left when faults end.
    pub fn healed(&self) -> Self {
        Self {
            rate_bps: self.rate_bps,
            rate_steps: self.rate_steps.clone(),
            trace: self.trace.clone(),
            burst_bytes: self.burst_bytes,
            policer: self.policer,
            capacity_bytes: self.capacity_bytes,
            capacity_packets: self.capacity_packets,
            discipline: self.discipline,
            mark_above_bytes: self.mark_above_bytes,
            overhead_bytes: self.overhead_bytes,
            mtu: self.mtu,
            delay: self.delay,
            ..Self::default()
        }
    }

    /// That every field is in its range.
    ///
    /// # Errors
    ///
    /// The [`ImpairError`] of the first one that is not.
    pub fn validate(&self) -> Result<(), ImpairError> {
        let last_rate = self.rate_steps.last().map_or(self.rate_bps, |(_, rate)| Some(*rate));
        if last_rate == Some(0) {
            return Err(ImpairError::Rate);
        }
        if let Some(step) = self.rate_steps.windows(2).find(|two| two[1].0 <= two[0].0) {
            return Err(ImpairError::RateSteps { at: step[1].0 });
        }
        if self.trace.is_some() && (self.rate_bps.is_some() || !self.rate_steps.is_empty()) {
            return Err(ImpairError::TraceAndRate);
        }
        self.policer.as_ref().map_or(Ok(()), Policer::validate)?;
        self.discipline.validate()?;
        if self.jitter > self.delay {
            return Err(ImpairError::Jitter { jitter: self.jitter, delay: self.delay });
        }
        check_share("duplicate", self.duplicate)?;
        check_share("truncate", self.truncate)?;
        self.spread.validate()?;
        check_correlation(self.spread_correlation)?;
        self.reorder.validate()?;
        self.loss.validate()?;
        self.damage.validate()?;
        self.blackout.validate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_of_the_line_is_looked_at() {
        let late = Reorder { gap: 0, ..Reorder::default() };
        let noise = Damage { bit_error_rate: 2.0, ..Damage::default() };
        let d = LinkConfig::default;
        for (config, field) in [
            (LinkConfig { spread: Spread::Exponential { mean: Duration::ZERO }, ..d() }, "spread."),
            (LinkConfig { spread_correlation: 1.0, ..d() }, "spread_correlation"),
            (LinkConfig { reorder: late, ..d() }, "reorder."),
            (LinkConfig { loss: Loss::Periodic { every: 0, offset: 0 }, ..d() }, "loss."),
            (LinkConfig { damage: noise, ..d() }, "damage."),
            (LinkConfig { truncate: f64::NAN, ..d() }, "truncate"),
            (LinkConfig { duplicate: 1.1, ..d() }, "duplicate"),
        ] {
            let error = config.validate().unwrap_err().to_string();
            assert!(error.starts_with(field), "{error}");
        }
    }

    #[test]
    fn what_is_healed_has_no_random_delay() {
        let bad = LinkConfig {
            delay: Duration::from_millis(9),
            spread: Spread::Uniform { max: Duration::from_millis(3) },
            spread_correlation: 0.5,
            ..LinkConfig::default()
        };
        let good = LinkConfig { delay: bad.delay, ..LinkConfig::default() };
        assert_eq!(bad.healed(), good);
    }
}
