//! A laboratory for message handlers: an application's own code over a bad network, in a test.
//!
//! A [`Handler`] is told of messages and answers through its [`Context`]; the [`Lab`] gives every
//! handler a host with the shipped endpoint, and time passes as fast as the machine can. A closure
//! is a handler too:
//!
//! ```
//! use towline::impair::{LinkConfig, Loss};
//! use towline::sim::lab::{Context, Inbox, Lab, Line};
//! use towline::stream::Delivery;
//! use towline::time::Duration;
//!
//! let path = LinkConfig::bottleneck(1_000_000, Duration::from_millis(40));
//! let mut lab = Lab::new(7, LinkConfig { loss: Loss::Bernoulli { p: 0.2 }, ..path })?;
//! let crier = lab.host(|context: &mut Context<'_>, line: Line, message: &[u8]| {
//!     context.send(line, &message.to_ascii_uppercase());
//! });
//! let tester = lab.host(Inbox::default());
//! let line = lab.open(tester, crier, Delivery::Ordered)?;
//! for word in ["over", "and", "out"] {
//!     lab.send(tester, line, word.as_bytes());
//! }
//! let has_all = |lab: &Lab| lab.handler::<Inbox>(tester).is_some_and(|inbox| inbox.0.len() == 3);
//! assert!(lab.run_until(Duration::from_secs(5), has_all));
//! assert_eq!(lab.handler::<Inbox>(tester).unwrap().0, [&b"OVER"[..], b"AND", b"OUT"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The same seed and the same handlers are the same run, so a failure can be looked at again and
//! again. What may go wrong on the way is [`LinkConfig`]; [`Lab::world`] gives what moves hosts,
//! cuts links, taps packets.

mod program;

#[cfg(test)]
mod tests;

pub use program::{Context, Line};

use super::{HostId, Node, Outcome, World};
use crate::connection::{ChannelConfig, Ended};
use crate::endpoint::{Config, Endpoint};
use crate::impair::dice::Dice;
use crate::impair::{ImpairError, LinkConfig};
use crate::rng::Rng;
use crate::stream::{Delivery, OpenError};
use crate::time::{Duration, Instant};
use program::Program;
use std::any::Any;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

/// An application: it is told what happened, and acts through its [`Context`].
pub trait Handler: Any {
    /// A message came.
    fn on_message(&mut self, context: &mut Context<'_>, line: Line, message: &[u8]);

    /// A peer opened a channel, which can be answered on.
    fn on_open(&mut self, _context: &mut Context<'_>, _line: Line) {}

    /// So many messages of this channel will never come: they expired, or their sender gave them up.
    fn on_gap(&mut self, _context: &mut Context<'_>, _line: Line, _count: u64) {}

    /// The time that [`Context::wake_at`] asked for has come.
    fn on_timer(&mut self, _context: &mut Context<'_>) {}

    /// A connection has ended, and with it all its channels.
    fn on_end(&mut self, _context: &mut Context<'_>, _peer: SocketAddr, _ended: &Ended) {}
}

impl<F: FnMut(&mut Context<'_>, Line, &[u8]) + 'static> Handler for F {
    fn on_message(&mut self, context: &mut Context<'_>, line: Line, message: &[u8]) {
        self(context, line, message);
    }
}

/// A handler that keeps what comes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbox(pub Vec<Vec<u8>>);

impl Handler for Inbox {
    fn on_message(&mut self, _: &mut Context<'_>, _: Line, message: &[u8]) {
        self.0.push(message.to_vec());
    }
}

/// Hosts with handlers, the network between them, and virtual time.
pub struct Lab {
    world: World<Node<Program>>,
    seeds: Dice,
}

impl Lab {
    /// An empty laboratory in which each direction between two hosts is a link like `path`, with
    /// dice of its own.
    ///
    /// # Errors
    ///
    /// The [`ImpairError`] of the first setting of `path` that is out of its range.
    pub fn new(seed: u64, path: LinkConfig) -> Result<Self, ImpairError> {
        let mut world = World::new(seed);
        world.set_default_link(path)?;
        Ok(Self { world, seeds: Dice::new(seed) })
    }

    /// A host for this handler, with settings as they ship.
    pub fn host(&mut self, handler: impl Handler) -> HostId {
        self.host_with(handler, &Config::default())
    }

    /// A host with these settings; it listens in any case.
    pub fn host_with(&mut self, handler: impl Handler, config: &Config) -> HostId {
        let number = self.world.hosts().count() as u32;
        let [.., high, low] = (number + 1).to_be_bytes();
        let address = SocketAddr::from((Ipv4Addr::new(10, 0, high, low), 1000));
        let config = Config { is_listening: true, ..config.clone() };
        let rng = Rng::from_u64(self.seeds.u64(number.into()));
        let node = Node::new(Endpoint::new(config, rng), Program::new(Box::new(handler)));
        self.world.add(node, address)
    }

    /// Gives two hosts other links, from `a` to `b` and back, for all that is sent from now on.
    ///
    /// # Errors
    ///
    /// The [`ImpairError`] of the first setting that is out of its range; nothing has changed then.
    pub fn set_path(
        &mut self,
        a: HostId,
        b: HostId,
        [there, back]: [LinkConfig; 2],
    ) -> Result<(), ImpairError> {
        self.world.connect_hosts(a, b, there, back).map(|_| ())
    }

    /// Opens a channel from one host to another, over the connection between them or a new one.
    ///
    /// # Errors
    ///
    /// [`OpenError::IsStream`] for [`Delivery::Stream`], which has no messages.
    pub fn open(
        &mut self,
        from: HostId,
        to: HostId,
        delivery: Delivery,
    ) -> Result<Line, OpenError> {
        let peer = self.world.address(to);
        self.with(from, |context| context.open(peer, &ChannelConfig::new(delivery)))
    }

    /// Sends a message as `from`'s handler would.
    pub fn send(&mut self, from: HostId, line: Line, message: &[u8]) {
        self.with(from, |context| context.send(line, message));
    }

    /// Does something as a host's handler would, now.
    pub fn with<T>(&mut self, host: HostId, act: impl FnOnce(&mut Context<'_>) -> T) -> T {
        let now = self.world.now();
        let Node { endpoint, app, .. } = self.world.host_mut(host);
        act(&mut app.context(now, endpoint))
    }

    /// Lets so much time pass.
    pub fn run_for(&mut self, duration: Duration) {
        let until = self.world.now() + duration;
        let _: Outcome = self.world.run_until(until, |_| false);
    }

    /// Lets time pass until `done` says so, which is asked after everything that happens; false if
    /// `patience` ends before.
    pub fn run_until(&mut self, patience: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let until = self.world.now() + patience;
        loop {
            if done(self) {
                return true;
            }
            let mut is_first = true;
            let outcome = self.world.run_until(until, |_| !std::mem::replace(&mut is_first, false));
            if outcome != Outcome::Done {
                return done(self);
            }
        }
    }

    /// A host's handler; `None` if it is of another type.
    pub fn handler<H: Handler>(&self, host: HostId) -> Option<&H> {
        let handler: &dyn Any = self.world.host(host).app.handler();
        handler.downcast_ref()
    }

    /// Virtual time.
    pub fn now(&self) -> Instant {
        self.world.now()
    }

    /// A host's address, as others know it.
    pub fn address(&self, host: HostId) -> SocketAddr {
        self.world.address(host)
    }

    /// The network, to change links, move hosts, tap packets.
    pub fn world(&mut self) -> &mut World<impl super::Host + use<>> {
        &mut self.world
    }

    /// Invariants of the endpoints that did not hold; empty if all is well.
    pub fn faults(&self) -> Vec<String> {
        self.world.hosts().flat_map(|(_, node)| node.faults.clone()).collect()
    }
}

impl fmt::Debug for Lab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lab").field("now", &self.world.now()).finish_non_exhaustive()
    }
}
