//! The directory: which hub of the process has which address. A listener's address stays taken while
//! old connections say goodbye; who binds it again in the meantime gets the hub that has it.

use super::hub::{Hub, HubRef};
use super::keeper::Keeper;
use super::socket::Socket;
use super::sync::{Condvar, Mutex, MutexGuard};
use crate::endpoint::Config;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Weak;

static HUBS: Mutex<BTreeMap<SocketAddr, Weak<Hub>>> = Mutex::new(BTreeMap::new());
/// Notified when an address is free again.
static FREED: Condvar = Condvar::new();

/// An entry; its drop says that the hub's socket is closed.
#[derive(Debug)]
pub(super) struct Entry(SocketAddr);

impl Drop for Entry {
    fn drop(&mut self) {
        let mut hubs = HUBS.lock();
        // The system may have given the port to somebody else already.
        if hubs.get(&self.0).is_some_and(|hub| hub.strong_count() == 0) {
            hubs.remove(&self.0);
        }
        FREED.notify_all();
    }
}

/// What becomes of a wish to use a hub that is there.
#[derive(Debug)]
pub(super) enum Joined {
    Yes(HubRef),
    /// Somebody listens already.
    InUse,
    /// It closes its socket now.
    Closing,
}

/// A hub with the address `addr`, which listens: a new one, or the one which has the address, if nobody
/// listens there.
///
/// # Errors
/// [`io::ErrorKind::AddrInUse`] if somebody listens there, and those of making a socket.
pub(super) fn listen(addr: SocketAddr, config: &Config) -> io::Result<HubRef> {
    let mut hubs = HUBS.lock();
    while let Some(hub) = hubs.get(&addr) {
        let joined = hub.upgrade().map(|hub| (HubRef::join(&hub, config), hub));
        // Who lets a hub go last closes it, which takes the lock.
        match MutexGuard::unlocked(&mut hubs, || joined.map(|(joined, _)| joined)) {
            Some(Joined::Yes(hub)) => return Ok(hub),
            Some(Joined::InUse) => return Err(io::ErrorKind::AddrInUse.into()),
            Some(Joined::Closing) | None if hubs.contains_key(&addr) => FREED.wait(&mut hubs),
            Some(Joined::Closing) | None => {}
        }
    }
    let config = Config { is_listening: true, ..config.clone() };
    open(&mut hubs, Socket::bind(addr)?, config)
}

/// A hub with a socket of its own.
///
/// # Errors
/// Those of making what a hub needs.
pub(super) fn enter(socket: Socket, config: Config) -> io::Result<HubRef> {
    open(&mut HUBS.lock(), socket, config)
}

fn open(
    hubs: &mut BTreeMap<SocketAddr, Weak<Hub>>,
    socket: Socket,
    config: Config,
) -> io::Result<HubRef> {
    let addr = socket.local_addr();
    let hub = HubRef::open(socket, config, Keeper::start)?;
    hub.lock().entry = Some(Entry(addr));
    hubs.insert(addr, hub.downgrade());
    Ok(hub)
}
