//! The description of a whole network and of what goes on in it.

use crate::impair::{ImpairError, LinkConfig};
use crate::sim::compare::{Contender, Workload, WorkloadError};
use crate::time::Duration;
use std::fmt;
use std::ops::Range;

/// Links, who sends over them, and what happens meanwhile.
#[derive(Clone)]
pub struct Scene<'a> {
    /// The links; routes name them by their places here.
    pub links: Vec<SceneLink>,
    /// Who sends, each between two hosts of its own. At most [`Scene::MAX_FLOWS`].
    pub flows: Vec<Flow<'a>>,
    /// Packets that heed nothing.
    pub cross: Vec<Cross>,
    /// What happens to flows and links at given times.
    pub events: Vec<Event>,
    /// How long it lasts, from the first flow's earliest start; flows whose workload is longer are cut
    /// off, and what is under way then still has a grace of twenty round trips (5 s at least) to
    /// arrive if `settles`.
    pub duration: Duration,
    /// Whether what is under way at the end may still arrive. Greedy flows never have all delivered.
    pub settles: bool,
    /// Decides all that is random.
    pub seed: u64,
    /// From one sample to the next: 1 ms or more.
    pub sample_every: Duration,
    /// The stretch, from the beginning, whose packets are kept one by one.
    pub watch: Range<Duration>,
}

/// One direction of a link.
#[derive(Clone, Debug, PartialEq)]
pub struct SceneLink {
    /// What it is called.
    pub name: String,
    /// What it does to packets.
    pub config: LinkConfig,
}

/// Two hosts, and what one sends to the other.
#[derive(Clone)]
pub struct Flow<'a> {
    /// What it is called.
    pub name: String,
    /// The mode of delivery.
    pub mode: &'a dyn Contender,
    /// What is sent.
    pub workload: Workload,
    /// When the workload begins, from the beginning of the scene; its handshake comes before it.
    pub start: Duration,
    /// The links it crosses.
    pub route: Route,
    /// By how many millionths the client's clock is fast; negative if slow.
    pub client_skew_ppm: i32,
}

/// The links from one side to the other, and back, by their places in [`Scene::links`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// From the client to the server.
    pub up: Vec<usize>,
    /// From the server to the client.
    pub down: Vec<usize>,
}

/// Packets over some links that nobody answers and no loss slows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cross {
    /// The links it crosses, by their places in [`Scene::links`].
    pub links: Vec<usize>,
    /// When it sends.
    pub pattern: Pattern,
    /// Bits per second on the wire, headers included, while it sends: 1 or more.
    pub rate_bps: u64,
    /// Bytes of a packet on the wire, IP and UDP headers included: 28 to 65,535.
    pub packet_bytes: u32,
    /// From when to when it sends.
    pub during: Range<Duration>,
}

/// How packets of cross traffic follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Evenly.
    Constant,
    /// Each at any time, independently.
    Poisson,
    /// Evenly for an exponential time with mean `on`, then not for one with mean `off`.
    OnOff {
        /// How long it sends, on average: longer than zero.
        on: Duration,
        /// How long it does not, on average: longer than zero.
        off: Duration,
    },
}

/// Something that happens at a given time.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When, from the beginning.
    pub at: Duration,
    /// What.
    pub change: Change,
}

/// What may happen in the middle of a scene.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The NAT before a flow's client forgets it: its next packets come from another address, and
    /// it does not know.
    Rebind {
        /// The flow's place in [`Scene::flows`].
        flow: usize,
    },
    /// A flow's client moves to another network, and so has another address.
    Move {
        /// The flow's place in [`Scene::flows`].
        flow: usize,
    },
    /// A link changes.
    Link {
        /// Its place in [`Scene::links`].
        link: usize,
        /// What it does from then on.
        config: Box<LinkConfig>,
    },
}

/// What is wrong with a scene. Prints as one line.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SceneError {
    /// There are no flows and no cross traffic, or more than [`Scene::MAX_FLOWS`].
    Flows(usize),
    /// A link's setting is out of its range.
    Link {
        /// The link's name.
        name: String,
        /// What is wrong.
        error: ImpairError,
    },
    /// A flow's workload is none.
    Workload {
        /// The flow's name.
        name: String,
        /// What is wrong.
        error: WorkloadError,
    },
    /// A flow's mode cannot carry its workload: what it carries.
    Refused {
        /// The flow's name.
        name: String,
        /// What its mode carries, in a few words.
        carries: String,
    },
    /// A route, an event or cross traffic names a link or a flow that is not there.
    NoSuch {
        /// `link` or `flow`.
        what: &'static str,
        /// Its number.
        number: usize,
        /// How many there are.
        count: usize,
    },
    /// Cross traffic has a rate, a size or a time out of its range: what is allowed.
    Cross(&'static str),
    /// The duration or the time between samples is out of its range: what is allowed.
    Time(&'static str),
}

impl fmt::Display for SceneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flows(count) => {
                let most = Scene::MAX_FLOWS;
                write!(f, "{count} flows: there must be 1 to {most}, or cross traffic alone")
            }
            Self::Link { name, error } => write!(f, "link \"{name}\": {error}"),
            Self::Workload { name, error } => write!(f, "flow \"{name}\": {error}"),
            Self::Refused { name, carries } => {
                write!(f, "flow \"{name}\": its mode carries {carries}")
            }
            Self::NoSuch { what, number, count } => {
                write!(
                    f,
                    "there is no {what} {number}: they are numbered from 0, and there are {count}"
                )
            }
            Self::Cross(what) => write!(f, "cross traffic: {what}"),
            Self::Time(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for SceneError {}

impl Scene<'_> {
    /// The most flows of a scene.
    pub const MAX_FLOWS: usize = 1000;
    const MIN_SAMPLE: Duration = Duration::from_millis(1);
    const MAX_DURATION: Duration = Duration::from_hours(24);

    /// An empty scene of this length: samples ten times a second, no packets kept.
    pub fn new(duration: Duration, seed: u64) -> Self {
        Self {
            links: Vec::new(),
            flows: Vec::new(),
            cross: Vec::new(),
            events: Vec::new(),
            duration,
            settles: false,
            seed,
            sample_every: Duration::from_millis(100),
            watch: Duration::ZERO..Duration::ZERO,
        }
    }

    /// That everything is in its range, and every name means something.
    ///
    /// # Errors
    ///
    /// The [`SceneError`] of the first thing that is not.
    pub fn validate(&self) -> Result<(), SceneError> {
        if self.flows.len() > Self::MAX_FLOWS || (self.flows.is_empty() && self.cross.is_empty()) {
            return Err(SceneError::Flows(self.flows.len()));
        }
        if self.duration.is_zero() || self.duration > Self::MAX_DURATION {
            return Err(SceneError::Time("the duration must be longer than 0 and at most a day"));
        }
        if self.sample_every < Self::MIN_SAMPLE {
            return Err(SceneError::Time("samples must be at least 1 ms apart"));
        }
        for SceneLink { name, config } in &self.links {
            let wrong = |error| SceneError::Link { name: name.clone(), error };
            config.validate().map_err(wrong)?;
        }
        self.flows.iter().try_for_each(|flow| self.validate_flow(flow))?;
        self.cross.iter().try_for_each(|cross| self.validate_cross(cross))?;
        self.events.iter().try_for_each(|event| self.validate_event(event))
    }

    fn validate_flow(&self, flow: &Flow<'_>) -> Result<(), SceneError> {
        let Flow { name, mode, workload, route, .. } = flow;
        let wrong = |error| SceneError::Workload { name: name.clone(), error };
        workload.validate().map_err(wrong)?;
        if let Some(carries) = mode.refuses(workload) {
            return Err(SceneError::Refused { name: name.clone(), carries });
        }
        route.up.iter().chain(&route.down).try_for_each(|link| self.link_exists(*link))
    }

    fn validate_cross(&self, cross: &Cross) -> Result<(), SceneError> {
        if cross.rate_bps == 0 {
            return Err(SceneError::Cross("the rate must be at least 1 bit per second"));
        }
        if !(28..=65_535).contains(&cross.packet_bytes) {
            return Err(SceneError::Cross("packets must have 28 to 65535 bytes on the wire"));
        }
        if let Pattern::OnOff { on, off } = cross.pattern
            && (on.is_zero() || off.is_zero())
        {
            return Err(SceneError::Cross("on and off must be longer than 0"));
        }
        cross.links.iter().try_for_each(|link| self.link_exists(*link))
    }

    fn validate_event(&self, event: &Event) -> Result<(), SceneError> {
        match &event.change {
            Change::Rebind { flow } | Change::Move { flow } => {
                if *flow < self.flows.len() {
                    return Ok(());
                }
                Err(SceneError::NoSuch { what: "flow", number: *flow, count: self.flows.len() })
            }
            Change::Link { link, config } => {
                self.link_exists(*link)?;
                let name = || self.links[*link].name.clone();
                config.validate().map_err(|error| SceneError::Link { name: name(), error })
            }
        }
    }

    fn link_exists(&self, number: usize) -> Result<(), SceneError> {
        if number < self.links.len() {
            return Ok(());
        }
        Err(SceneError::NoSuch { what: "link", number, count: self.links.len() })
    }
}

impl fmt::Debug for Flow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow")
            .field("name", &self.name)
            .field("mode", &self.mode.name())
            .field("start", &self.start)
            .field("route", &self.route)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Scene<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scene")
            .field("links", &self.links)
            .field("flows", &self.flows)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}
