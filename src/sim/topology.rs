//! Which address belongs to which host, and over which links a packet gets there.

use super::host::HostId;
use crate::impair::dice::Dice;
use crate::impair::{ImpairError, Link, LinkConfig};
use crate::time::Instant;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// One direction of a link of one [`World`](super::World).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(usize);

/// A path by its place in [`Topology`]; a packet keeps to the one it set out on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PathId(usize);

/// The path without links: what is injected is there at once.
pub(super) const DIRECT: PathId = PathId(0);

/// Added to the number of a link that belongs to no pair, so that its seed is no pair's.
const SHARED: u64 = 1 << 63;

#[derive(Debug)]
pub(super) struct Topology {
    hosts: BTreeMap<SocketAddr, HostId>,
    links: Vec<Link>,
    /// For when each link's release is scheduled, if it is: one at a time.
    releases: Vec<Option<Instant>>,
    paths: Vec<Vec<LinkId>>,
    routes: BTreeMap<(HostId, HostId), PathId>,
    default_link: LinkConfig,
    seeds: Dice,
}

impl Topology {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            hosts: BTreeMap::new(),
            links: Vec::new(),
            releases: Vec::new(),
            paths: vec![Vec::new()],
            routes: BTreeMap::new(),
            default_link: LinkConfig::default(),
            seeds: Dice::new(seed),
        }
    }

    /// Gives `address` to `host`; false if another host has it.
    pub(super) fn claim(&mut self, address: SocketAddr, host: HostId) -> bool {
        *self.hosts.entry(address).or_insert(host) == host
    }

    pub(super) fn release(&mut self, address: SocketAddr) {
        self.hosts.remove(&address);
    }

    pub(super) fn host_at(&self, address: SocketAddr) -> Option<HostId> {
        self.hosts.get(&address).copied()
    }

    pub(super) fn set_default_link(&mut self, config: LinkConfig) -> Result<(), ImpairError> {
        config.validate()?;
        self.default_link = config;
        Ok(())
    }

    /// A link that any path may use.
    pub(super) fn add_link(&mut self, config: LinkConfig) -> Result<LinkId, ImpairError> {
        self.add_seeded(config, SHARED | self.links.len() as u64)
    }

    /// A link of one pair's own. Its seed depends on the pair alone, not on who else there is.
    pub(super) fn connect(
        &mut self,
        from: HostId,
        to: HostId,
        config: LinkConfig,
    ) -> Result<LinkId, ImpairError> {
        let link = self.add_seeded(config, u64::from(from.0) << 32 | u64::from(to.0))?;
        self.set_path(from, to, vec![link]);
        Ok(link)
    }

    pub(super) fn set_path(&mut self, from: HostId, to: HostId, links: Vec<LinkId>) {
        self.routes.insert((from, to), PathId(self.paths.len()));
        self.paths.push(links);
    }

    /// The path of a pair; one that was never configured gets a default link of its own now.
    pub(super) fn path(&mut self, from: HostId, to: HostId) -> PathId {
        if let Some(path) = self.routes.get(&(from, to)) {
            return *path;
        }
        // The default was validated when it was set: this cannot fail.
        let _ = self.connect(from, to, self.default_link.clone());
        self.routes.get(&(from, to)).copied().unwrap_or(DIRECT)
    }

    pub(super) fn links_between(&self, from: HostId, to: HostId) -> &[LinkId] {
        self.routes.get(&(from, to)).map_or(&[], |path| &self.paths[path.0])
    }

    /// The link that follows after `hops` links of the path, or `None` at its end.
    pub(super) fn next_link(&self, path: PathId, hops: usize) -> Option<LinkId> {
        self.paths.get(path.0)?.get(hops).copied()
    }

    pub(super) fn has(&self, id: LinkId) -> bool {
        id.0 < self.links.len()
    }

    pub(super) fn link(&self, id: LinkId) -> &Link {
        &self.links[id.0]
    }

    pub(super) fn link_mut(&mut self, id: LinkId) -> &mut Link {
        &mut self.links[id.0]
    }

    /// When the link is to be released next, if that has to be scheduled anew.
    pub(super) fn next_release(&mut self, id: LinkId) -> Option<Instant> {
        let at = self.links[id.0].next_at()?;
        let scheduled = &mut self.releases[id.0];
        // An earlier one comes first, and asks again.
        let is_new = scheduled.is_none_or(|scheduled| at < scheduled);
        is_new.then(|| *scheduled.insert(at))
    }

    /// Whether the release that comes up at `at` is still wanted: an earlier one may have replaced it.
    pub(super) fn take_release(&mut self, id: LinkId, at: Instant) -> bool {
        self.releases[id.0].take_if(|scheduled| *scheduled == at).is_some()
    }

    pub(super) fn links(&self) -> impl Iterator<Item = (LinkId, &Link)> {
        self.links.iter().enumerate().map(|(id, link)| (LinkId(id), link))
    }

    pub(super) fn heal(&mut self) {
        self.links.iter_mut().for_each(Link::heal);
        self.default_link = self.default_link.healed();
    }

    fn add_seeded(&mut self, config: LinkConfig, key: u64) -> Result<LinkId, ImpairError> {
        self.links.push(Link::new(config, self.seeds.u64(key))?);
        self.releases.push(None);
        Ok(LinkId(self.links.len() - 1))
    }
}
