//! Networks by name: what people mean by "DSL", "a train", or "a satellite".
//!
//! Rates are of the access, each way; the delay is to a server near by, but for the networks that
//! are named after a distance. Radio loses in bursts of time, wires only what their queues overflow
//! with. Each [`Profile::source`] says which numbers are published and which are chosen.
//!
//! | name | network | Mbit/s down / up | RTT | queue ms down / up | extra delay down | time lost | handover |
//! |---|---|---|---|---|---|---|---|
//! | `perfect` | nothing in between | - / - | 0ns | - / - | - | - | - |
//! | `datacenter` | 10 Gbit/s between two machines of a data center, marking | 10000 / 10000 | 100µs | 1 / 1 | - | - | - |
//! | `lan` | gigabit Ethernet through a switch | 1000 / 1000 | 300µs | 5 / 5 | - | - | - |
//! | `cable` | cable modem with an oversized upstream buffer (bufferbloat) | 100 / 10 | 20ms | 200 / 1000 | - | - | - |
//! | `dsl` | ADSL2+ behind PPPoE | 16 / 1 | 30ms | 150 / 500 | - | - | - |
//! | `modem56k` | V.90 telephone modem | 0.049 / 0.03 | 120ms | 3000 / 3000 | - | - | - |
//! | `transatlantic` | good access, across the Atlantic | 100 / 100 | 78ms | 100 / 100 | exponential 300µs | - | - |
//! | `intercontinental` | good access, Europe to Australia | 50 / 50 | 300ms | 100 / 100 | exponential 1ms | - | - |
//! | `wifi` | Wi-Fi near its access point, then fiber | 200 / 100 | 10ms | 50 / 50 | exponential 1ms | 0.05 % in 3ms | - |
//! | `cafe` | Wi-Fi that many share | 10 / 3 | 30ms | 300 / 500 | exponential 5ms | 1 % in 15ms | - |
//! | `bad-wifi` | Wi-Fi at the end of its range | 15 / 8 | 16ms | 300 / 300 | table, mean 17ms | 2 % in 20ms | - |
//! | `5g` | 5G | 166 / 21 | 30ms | 150 / 200 | exponential 2ms | 0.05 % in 15ms | - |
//! | `4g` | LTE | 30 / 10 | 56ms | 400 / 500 | exponential 4ms | 0.1 % in 30ms | - |
//! | `mobile-handover` | LTE in a car or a train | 20 / 6 | 60ms | 400 / 500 | exponential 6ms | 1 % in 60ms | 150ms each 20s |
//! | `3g` | 3G | 1.6 / 0.768 | 300ms | 1000 / 1000 | exponential 15ms | 0.5 % in 50ms | - |
//! | `satellite-leo` | satellites in low orbit | 150 / 20 | 34ms | 100 / 150 | normal 7ms ± 4ms | 0.3 % in 30ms | 75ms each 15s |
//! | `satellite-geo` | a geostationary satellite | 100 / 10 | 590ms | 300 / 600 | exponential 5ms | 0.1 % in 100ms | - |
//! | `inflight` | an airliner's Wi-Fi by geostationary satellite | 10 / 1 | 760ms | 800 / 1000 | exponential 15ms | 3 % in 200ms | - |

use crate::impair::{Blackout, DelayTable, LinkConfig, Loss, Spread};
use crate::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// A network, as its user sees it.
///
/// ```
/// use towline::sim::profiles::Profile;
///
/// let dsl = Profile::named("dsl").ok_or("no such network")?;
/// assert_eq!((dsl.down.rate_bps, dsl.up.rate_bps), (Some(16_000_000), Some(1_000_000)));
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// What people type: lower case letters, digits and `-`.
    pub name: &'static str,
    /// What it is, in a few words.
    pub title: &'static str,
    /// Where its numbers are from; `chosen` where they are typical but not published.
    pub source: &'static str,
    /// From the user.
    pub up: LinkConfig,
    /// To the user.
    pub down: LinkConfig,
    /// When the user's access moves to another cell or satellite. The outages are in `up` and
    /// `down` already; this is for who also gives the user another address then.
    pub handover: Option<Handover>,
}

/// How often an access moves, and for how long it is dead meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handover {
    /// From one move to the next; the first one is after that long.
    pub every: Duration,
    /// How long nothing passes in either direction.
    pub gap: Duration,
}

impl Profile {
    /// The network of this name.
    pub fn named(name: &str) -> Option<Self> {
        all().into_iter().find(|profile| profile.name == name)
    }

    /// The round trip of a small datagram through empty queues, without what is random.
    pub fn base_rtt(&self) -> Duration {
        self.up.delay + self.down.delay
    }

    /// Loses this share of the time in both directions, in bad spells of this length on average.
    fn with_bursts(mut self, mean_loss: f64, mean_bad: Duration) -> Self {
        for way in [&mut self.up, &mut self.down] {
            way.loss = Loss::TimedBursts { mean_loss, mean_bad };
        }
        self
    }

    /// Has this random delay in both directions.
    fn with_spread(mut self, spread: &Spread, correlation: f64) -> Self {
        for way in [&mut self.up, &mut self.down] {
            (way.spread, way.spread_correlation) = (spread.clone(), correlation);
        }
        self
    }

    /// Moves, and nothing passes meanwhile.
    fn with_handover(mut self, every: Duration, gap: Duration) -> Self {
        for way in [&mut self.up, &mut self.down] {
            let start = Instant::ZERO + every;
            way.blackout = Blackout::Every { start, period: every, down: gap };
        }
        self.handover = Some(Handover { every, gap });
        self
    }
}

/// All networks, from the best to the worst of each kind.
pub fn all() -> Vec<Profile> {
    [wired(), distant(), wireless(), cellular(), satellite()].concat()
}

/// The two ways of an access: bits per second, and milliseconds that the queue holds at that rate.
struct Access {
    down: (u64, u64),
    up: (u64, u64),
}

/// Of so many megabits per second.
const fn mbps(down: u64, up: u64) -> Access {
    Access { down: (down * 1_000_000, 0), up: (up * 1_000_000, 0) }
}

impl Access {
    /// With queues of so many milliseconds.
    const fn queues(self, down_ms: u64, up_ms: u64) -> Self {
        Self { down: (self.down.0, down_ms), up: (self.up.0, up_ms) }
    }

    /// The network that has it, half of the round trip each way.
    fn network(
        self,
        name: &'static str,
        title: &'static str,
        rtt: Duration,
        source: &'static str,
    ) -> Profile {
        let way = |(rate_bps, queue_ms): (u64, u64)| LinkConfig {
            rate_bps: Some(rate_bps),
            capacity_bytes: rate_bps * queue_ms / 8000,
            mtu: Some(1500),
            delay: rtt / 2,
            ..LinkConfig::default()
        };
        Profile { name, title, source, up: way(self.up), down: way(self.down), handover: None }
    }
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn us(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

fn wired() -> Vec<Profile> {
    let perfect = Profile {
        name: "perfect",
        title: "nothing in between",
        source: "by definition",
        up: LinkConfig::default(),
        down: LinkConfig::default(),
        handover: None,
    };
    let mut datacenter = mbps(10_000, 10_000).queues(1, 1).network(
        "datacenter",
        "10 Gbit/s between two machines of a data center, marking",
        us(100),
        "Marks above 65 packets: Linux, Documentation/networking/dctcp.rst. Rate, round trip and \
         a buffer of 1.25 MB: chosen",
    );
    for way in [&mut datacenter.up, &mut datacenter.down] {
        way.mark_above_bytes = Some(65 * 1500);
    }
    let lan = mbps(1000, 1000).queues(5, 5).network(
        "lan",
        "gigabit Ethernet through a switch",
        us(300),
        "Rate: IEEE 802.3ab. Round trip and buffer: chosen",
    );
    let mut cable = mbps(100, 10).queues(200, 1000).network(
        "cable",
        "cable modem with an oversized upstream buffer (bufferbloat)",
        ms(20),
        "A buffer about ten times too large: Right-sizing cable modem buffers for maximum \
         application performance, NCTA 2011; delays of seconds: Martin et al., Cable modem buffer \
         management in DOCSIS networks, 2010. Rates, round trip, the upstream scheduler's 0 to 4 \
         ms: chosen",
    );
    cable.up.spread = Spread::Uniform { max: ms(4) };
    let mut dsl = mbps(16, 1).queues(150, 500).network(
        "dsl",
        "ADSL2+ behind PPPoE",
        ms(30),
        "MTU: RFC 2516 section 7. Rates within ITU-T G.992.5; these, round trip and buffers: \
         chosen",
    );
    (dsl.up.mtu, dsl.down.mtu) = (Some(1492), Some(1492));
    let modem = Access { down: (49_000, 3000), up: (30_000, 3000) }.network(
        "modem56k",
        "V.90 telephone modem",
        ms(120),
        "Rates and round trip: WebPageTest, www/settings/connectivity.ini.sample, 56K Dial-Up. \
         Buffers: chosen",
    );
    vec![perfect, datacenter, lan, cable, dsl, modem]
}

fn distant() -> Vec<Profile> {
    let transatlantic = mbps(100, 100)
        .queues(100, 100)
        .network(
            "transatlantic",
            "good access, across the Atlantic",
            ms(78),
            "Round trip: New York to Paris, WonderProxy, Miles per Millisecond, 2011 (New York to \
             London over the cable Hibernia Express takes 59 ms). All else: chosen",
        )
        .with_spread(&Spread::Exponential { mean: us(300) }, 0.0);
    let intercontinental = mbps(50, 50)
        .queues(100, 100)
        .network(
            "intercontinental",
            "good access, Europe to Australia",
            ms(300),
            "Round trip: chosen below the 349 ms of Paris to Sydney, WonderProxy, Miles per \
             Millisecond, 2011. All else: chosen",
        )
        .with_spread(&Spread::Exponential { mean: ms(1) }, 0.0);
    vec![transatlantic, intercontinental]
}

fn wireless() -> Vec<Profile> {
    let wifi = mbps(200, 100)
        .queues(50, 50)
        .network("wifi", "Wi-Fi near its access point, then fiber", ms(10), "Chosen")
        .with_bursts(0.000_5, ms(3))
        .with_spread(&Spread::Exponential { mean: ms(1) }, 0.0);
    let cafe = mbps(10, 3)
        .queues(300, 500)
        .network("cafe", "Wi-Fi that many share", ms(30), "Chosen")
        .with_bursts(0.01, ms(15))
        .with_spread(&Spread::Exponential { mean: ms(5) }, 0.5);
    let bad_wifi = mbps(15, 8)
        .queues(300, 300)
        .network(
            "bad-wifi",
            "Wi-Fi at the end of its range",
            ms(16),
            "Median and tail of the delay after: WiFi can be the weakest link of round trip \
             network latency in the wild, 2016 (half of all packets above 20 ms on that hop, a \
             tenth above 100 ms). All else: chosen",
        )
        .with_bursts(0.02, ms(20))
        .with_spread(&deciles([0, 1, 2, 3, 5, 8, 12, 18, 28, 48, 100]), 0.8);
    vec![wifi, cafe, bad_wifi]
}

/// A distribution by its minimum, its nine deciles and its maximum, in milliseconds.
fn deciles(ms: [u64; 11]) -> Spread {
    // Two and more that ascend: this cannot fail.
    DelayTable::new(ms.map(Duration::from_millis).to_vec()).map_or(Spread::None, Spread::Table)
}

/// Median latencies of the three large operators, of all their mobile networks.
const OOKLA_2023: &str = "Round trip: medians of 50, 57 and 64 ms, Ookla, United States, fourth \
    quarter of 2023. All else: chosen";

fn cellular() -> Vec<Profile> {
    let nr = mbps(166, 21)
        .queues(150, 200)
        .network(
            "5g",
            "5G",
            ms(30),
            "Rates: medians of the world, Ookla, third quarter of 2021. All else: chosen",
        )
        .with_bursts(0.000_5, ms(15))
        .with_spread(&Spread::Exponential { mean: ms(2) }, 0.5);
    let lte = mbps(30, 10)
        .queues(400, 500)
        .network("4g", "LTE", ms(56), OOKLA_2023)
        .with_bursts(0.001, ms(30))
        .with_spread(&Spread::Exponential { mean: ms(4) }, 0.5);
    let moving = mbps(20, 6)
        .queues(400, 500)
        .network("mobile-handover", "LTE in a car or a train", ms(60), OOKLA_2023)
        .with_bursts(0.01, ms(60))
        .with_spread(&Spread::Exponential { mean: ms(6) }, 0.5)
        .with_handover(Duration::from_secs(20), ms(150));
    let umts = Access { down: (1_600_000, 1000), up: (768_000, 1000) }
        .network(
            "3g",
            "3G",
            ms(300),
            "Rates and round trip: WebPageTest, www/settings/connectivity.ini.sample, Mobile 3G. \
             That its buffers are too large: Alfredsson et al., Impact of TCP congestion control \
             on bufferbloat in cellular networks. A second, and all else: chosen",
        )
        .with_bursts(0.005, ms(50))
        .with_spread(&Spread::Exponential { mean: ms(15) }, 0.5);
    vec![nr, lte, moving, umts]
}

fn satellite() -> Vec<Profile> {
    let low = mbps(150, 20)
        .queues(100, 150)
        .network(
            "satellite-leo",
            "satellites in low orbit",
            ms(34),
            "Round trips of 20 ms at least, 50 ms in the median, 40 and 60 ms at the quartiles, \
             100 to 200 Mbit/s: Fact checking Starlink's performance figures, blog.apnic.net, \
             2022-11-28. Moves every 15 s: arXiv 2310.09242. Loss and the gap: chosen",
        )
        .with_bursts(0.003, ms(30))
        .with_spread(&Spread::Normal { mean: ms(7), sd: ms(4) }, 0.9)
        .with_handover(Duration::from_secs(15), ms(75));
    let high = mbps(100, 10)
        .queues(300, 600)
        .network(
            "satellite-geo",
            "a geostationary satellite",
            ms(590),
            "At least 558 ms at the edge of its view: RFC 2488 section 2; 600 ms: A first look at \
             Starlink performance, 2022; 100/10 Mbit/s: blog.apnic.net, 2022-11-28. Buffers and \
             loss: chosen",
        )
        .with_bursts(0.001, ms(100))
        .with_spread(&Spread::Exponential { mean: ms(5) }, 0.0);
    let plane = mbps(10, 1)
        .queues(800, 1000)
        .network(
            "inflight",
            "an airliner's Wi-Fi by geostationary satellite",
            ms(760),
            "A round trip of 790 ms and losses of up to 13 %: NetForecast, in Valour Consultancy, \
             The importance of low latency in business aviation connectivity. 3 %, rates and \
             buffers: chosen",
        )
        .with_bursts(0.03, ms(200))
        .with_spread(&Spread::Exponential { mean: ms(15) }, 0.5);
    vec![low, high, plane]
}

/// The largest queue of a way in time at its rate, if it has one.
pub fn queue_time(way: &LinkConfig) -> Option<Duration> {
    let rate = way.rate_bps.filter(|rate| *rate > 0)?;
    let ns = u128::from(way.capacity_bytes) * 8 * 1_000_000_000 / u128::from(rate);
    Some(Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX)))
}
