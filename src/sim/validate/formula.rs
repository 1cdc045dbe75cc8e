//! The throughput that theory gives a congestion controller: Mathis, PFTK, TFRC, CUBIC, Cardwell,
//! and what a buffer does to a sawtooth.
//!
//! Times are in seconds, sizes in bytes, `p` is the share of packets lost, above 0 and below 1. They
//! are for expected values and reports: nothing in a simulation follows from them.

/// Mathis, Semke, Mahdavi and Ott 1997: the bytes per second of a sender of `mss_bytes` packets that
/// adds one packet per round trip `rtt` and halves its window at a loss. `c` is
/// [`MATHIS_PERIODIC`] or [`MATHIS_RANDOM`] if every packet is acknowledged.
pub fn mathis(mss_bytes: f64, rtt: f64, p: f64, c: f64) -> f64 {
    mss_bytes / rtt * c / p.sqrt()
}

/// The constant of [`mathis`] where one packet in every `1/p` is lost: sqrt(3/2).
pub const MATHIS_PERIODIC: f64 = 1.224_744_871_391_589;
/// The constant of [`mathis`] where packets are lost independently (Ott, Kemperman and Mathis 1996).
pub const MATHIS_RANDOM: f64 = 1.309_833_274_658_021;

/// What the PFTK model knows of a sender and its path (Padhye, Firoiu, Towsley and Kurose 1998).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pftk {
    /// The round trip in seconds.
    pub rtt: f64,
    /// The first retransmission timeout in seconds.
    pub rto: f64,
    /// Packets that one ACK acknowledges: 1, or 2 for delayed ACKs.
    pub b: f64,
}

impl Pftk {
    /// The window in packets at which a loss is expected: their equation 13.
    pub fn window(&self, p: f64) -> f64 {
        let c = (2.0 + self.b) / (3.0 * self.b);
        c + (8.0 * (1.0 - p) / (3.0 * self.b * p) + c * c).sqrt()
    }

    /// The probability that a loss at a window of `w` packets ends in a timeout: equation 24.
    pub fn timeout_probability(p: f64, w: f64) -> f64 {
        let q = 1.0 - p;
        let three = q * q * q;
        let top = (1.0 + three * (1.0 - q.powf(w - 3.0))) * (1.0 - three);
        (top / (1.0 - q.powf(w))).min(1.0)
    }

    /// The mean length of a row of timeouts, in first timeouts, but for the factor `1/(1-p)`.
    fn backoff(p: f64) -> f64 {
        let mut sum = 1.0 + p;
        for doubled in 1..=5 {
            sum += f64::from(1 << doubled) * p.powi(doubled + 1);
        }
        sum
    }

    /// The time in seconds that a row of timeouts takes on average.
    pub fn timeout(&self, p: f64) -> f64 {
        Self::backoff(p) * self.rto / (1.0 - p)
    }
}

/// The packets per second of the full PFTK model without a limit of the window: equation 28.
pub fn pftk(path: &Pftk, p: f64) -> f64 {
    let w = path.window(p);
    let q = Pftk::timeout_probability(p, w);
    let packets = (1.0 - p) / p + w / 2.0 + q;
    packets / (path.rtt * (path.b * w / 2.0 + 1.0) + q * path.timeout(p))
}

/// The packets per second of the approximate PFTK model: equation 30.
pub fn pftk_approximate(path: &Pftk, p: f64) -> f64 {
    let Pftk { rtt, rto, b } = *path;
    let losses = rtt * (2.0 * b * p / 3.0).sqrt();
    let timeouts = rto * (3.0 * (3.0 * b * p / 8.0).sqrt()).min(1.0) * p * (1.0 + 32.0 * p * p);
    1.0 / (losses + timeouts)
}

/// The function `f(p)` of TFRC (RFC 5348 §3.1, with b = 1 and a timeout of four round trips): the
/// round trips that each packet takes.
pub fn tfrc_rounds(p: f64) -> f64 {
    (2.0 * p / 3.0).sqrt() + 12.0 * (3.0 * p / 8.0).sqrt() * p * (1.0 + 32.0 * p * p)
}

/// The bytes per second that TFRC allows packets of `mss_bytes`: RFC 5348 §3.1.
pub fn tfrc(mss_bytes: f64, rtt: f64, p: f64) -> f64 {
    mss_bytes / (rtt * tfrc_rounds(p))
}

/// The constant C of CUBIC, in packets per second cubed (RFC 9438 §5).
pub const CUBIC_C: f64 = 0.4;
/// What CUBIC multiplies its window with at a loss (RFC 9438 §4.6).
pub const CUBIC_BETA: f64 = 0.7;

/// The average window of Reno in packets as RFC 9438 §5.1 prints it: 1.2/sqrt(p).
pub fn reno_window(p: f64) -> f64 {
    1.2 / p.sqrt()
}

/// The average window of CUBIC in packets where one packet in every `1/p` is lost, `c` being its
/// constant C: RFC 9438 §5.1, never less than [`reno_window`].
pub fn cubic_window(rtt: f64, p: f64, c: f64) -> f64 {
    let factor = c * (3.0 + CUBIC_BETA) / (4.0 * (1.0 - CUBIC_BETA));
    let cubic = factor.powf(0.25) * (rtt / p).powf(0.75);
    cubic.max(reno_window(p))
}

/// The share of packets lost at which CUBIC has the average window `w`: [`cubic_window`] inverted.
pub fn cubic_loss(rtt: f64, w: f64, c: f64) -> f64 {
    let factor = c * (3.0 + CUBIC_BETA) / (4.0 * (1.0 - CUBIC_BETA));
    (rtt * factor.cbrt() / w.powf(4.0 / 3.0)).max(reno_loss(w))
}

/// The share of packets lost at which Reno has the average window `w`: [`reno_window`] inverted.
pub fn reno_loss(w: f64) -> f64 {
    (1.2 / w) * (1.2 / w)
}

/// The seconds that CUBIC takes from a loss at `w_max` packets back to that window: RFC 9438 §4.2.
pub fn cubic_k(w_max: f64, c: f64) -> f64 {
    (w_max * (1.0 - CUBIC_BETA) / c).cbrt()
}

/// By how many packets CUBIC's estimate of Reno's window grows per round trip: RFC 9438 §4.3.
pub fn cubic_alpha() -> f64 {
    3.0 * (1.0 - CUBIC_BETA) / (1.0 + CUBIC_BETA)
}

/// How a short transfer begins (Cardwell, Savage and Anderson 2000).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Start {
    /// Packets of the first window.
    pub first_window: f64,
    /// By what the window is multiplied in each round of slow start: 2, or 1.5 for delayed ACKs.
    pub growth: f64,
    /// The timeout of the handshake in seconds; `None` leaves the handshake out.
    pub handshake_timeout: Option<f64>,
    /// What is added for a delayed ACK of the first packet, in seconds.
    pub ack_delay: f64,
}

/// The seconds until `packets` packets are acknowledged, on average: Cardwell 2000, without a limit of
/// the window. `p` may be 0.
pub fn cardwell(path: &Pftk, start: &Start, p: f64, packets: f64) -> f64 {
    let Start { first_window, growth, handshake_timeout, ack_delay } = *start;
    let loss = 1.0 - (1.0 - p).powf(packets);
    // What slow start carries, the first packet lost included: where one is all, more than that one.
    let begun = if p > 0.0 { loss * (1.0 - p) / p + 1.0 } else { packets };
    let mut total = path.rtt * (begun * (growth - 1.0) / first_window + 1.0).ln() / growth.ln();
    if p > 0.0 {
        let window = begun * (growth - 1.0) / growth + first_window / growth;
        let q = Pftk::timeout_probability(p, window);
        total += loss * (q * path.timeout(p) + (1.0 - q) * path.rtt);
        total += (packets - begun).max(0.0) / pftk(path, p);
    }
    let handshake = handshake_timeout
        .map_or(0.0, |timeout| path.rtt + timeout * (2.0 * (1.0 - p) / (1.0 - 2.0 * p) - 2.0));
    total + handshake + ack_delay
}

/// The share of its link that one sender uses that halves its window at a loss and adds a packet per
/// round trip, with a buffer of `buffer_bdp` bandwidth-delay products, 0 to 1.
pub fn sawtooth_utilisation(buffer_bdp: f64) -> f64 {
    let top = 1.0 + buffer_bdp;
    // Below the full pipe a round takes one round trip; above it the queue makes it longer.
    let filling = (1.0 - (top / 2.0) * (top / 2.0)) / 2.0;
    let queueing = (top * top - 1.0) / 2.0;
    (filling + queueing) / ((1.0 - buffer_bdp) / 2.0 + queueing)
}

/// The round trips in which an ideal slow start sends `packets` packets, doubling a first window of
/// `first_window`.
pub fn slow_start_rounds(packets: f64, first_window: f64) -> f64 {
    (packets / first_window + 1.0).log2().ceil()
}
