//! The keeper: a thread in the background that serves hubs while no application thread does. One serves
//! all client sockets of the process, and each listener has one of its own.

use super::clock;
use super::hub::{Hub, Visit};
use super::sync::Mutex;
use crate::time::Instant;
use mio::net::UdpSocket as Source;
use mio::{Events, Interest, Poll, Token, Waker};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::UdpSocket;
use std::sync::{Arc, Weak};
use std::thread;

/// The mailbox's token; hubs have those from 0 on.
const MAIL: Token = Token(usize::MAX);
/// Events that one look at the network gives.
const EVENTS: usize = 256;

/// Where the keeper of all client sockets is reached, while there is one.
static OF_CLIENTS: Mutex<Weak<Post>> = Mutex::new(Weak::new());

/// A claim on a keeper: its thread lives as long as there is one, or a hub to look after.
#[derive(Debug)]
pub(super) struct Keeper(Arc<Post>);

/// Where a keeper is reached.
#[derive(Debug)]
struct Post {
    mailbox: Mutex<Mailbox>,
    waker: Waker,
}

#[derive(Debug, Default)]
struct Mailbox {
    /// Numbers of hubs to look at.
    calls: Vec<usize>,
    /// Hubs to look after from now on.
    hubs: Vec<(usize, Ward)>,
    /// The next hub's number.
    next: usize,
    claims: usize,
    /// The thread has gone.
    is_closed: bool,
}

/// A hub that is looked after.
#[derive(Debug)]
struct Ward {
    /// Closed before the hub is let go, whose end says that its address is free.
    socket: Source,
    hub: Arc<Hub>,
    /// What of the socket the thread is told.
    interest: Option<Interest>,
    /// When to look at it in any case.
    at: Instant,
}

/// How a hub calls its keeper.
#[derive(Debug)]
pub(super) struct Caller {
    post: Arc<Post>,
    number: usize,
}

impl Caller {
    /// Asks the keeper to come.
    pub(super) fn call(&self) {
        self.post.mailbox.lock().calls.push(self.number);
        self.post.wake();
    }
}

impl Post {
    fn wake(&self) {
        // It cannot fail but for want of kernel memory; then the keeper comes when it would have.
        let _ = self.waker.wake();
    }
}

impl Keeper {
    /// A keeper of one's own.
    pub(super) fn start() -> io::Result<Self> {
        let (keeper, rounds) = Self::hire()?;
        thread::Builder::new().name("towline".into()).spawn(move || rounds.run())?;
        Ok(keeper)
    }

    /// A keeper, and what its thread is to do.
    fn hire() -> io::Result<(Self, Rounds)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), MAIL)?;
        let mailbox = Mailbox { claims: 1, ..Mailbox::default() };
        let post = Arc::new(Post { mailbox: Mutex::new(mailbox), waker });
        let rounds = Rounds::new(post.clone(), poll);
        Ok((Self(post), rounds))
    }

    /// The keeper of all client sockets.
    pub(super) fn of_clients() -> io::Result<Self> {
        let mut of_clients = OF_CLIENTS.lock();
        if let Some(post) = of_clients.upgrade() {
            let mut mailbox = post.mailbox.lock();
            if !mailbox.is_closed {
                mailbox.claims += 1;
                drop(mailbox);
                return Ok(Self(post));
            }
        }
        let keeper = Self::start()?;
        *of_clients = Arc::downgrade(&keeper.0);
        Ok(keeper)
    }

    /// Looks after the hub that `make` makes, whose socket is `socket`, until it is over. If the thread
    /// has failed meanwhile, the hub is dead.
    pub(super) fn adopt(
        &self,
        socket: UdpSocket,
        make: impl FnOnce(Caller) -> Arc<Hub>,
    ) -> Arc<Hub> {
        let mut mailbox = self.0.mailbox.lock();
        let number = mailbox.next;
        mailbox.next += 1;
        let hub = make(Caller { post: self.0.clone(), number });
        let socket = Source::from_std(socket);
        let ward = Ward { hub: hub.clone(), socket, interest: None, at: Instant::ZERO };
        if mailbox.is_closed {
            drop(mailbox);
            hub.lock().kill();
            return hub;
        }
        mailbox.hubs.push((number, ward));
        drop(mailbox);
        self.0.wake();
        hub
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.mailbox.lock().claims -= 1;
        self.0.wake();
    }
}

/// The keeper's thread.
#[derive(Debug)]
struct Rounds {
    post: Arc<Post>,
    poll: Poll,
    wards: BTreeMap<usize, Ward>,
    /// When to look at whom.
    agenda: BTreeSet<(Instant, usize)>,
}

impl Rounds {
    fn new(post: Arc<Post>, poll: Poll) -> Self {
        Self { post, poll, wards: BTreeMap::new(), agenda: BTreeSet::new() }
    }

    /// Serves hubs until there are none, and nobody could bring one.
    fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        while !self.read_mail() {
            self.look_at_those_due();
            let timeout = self.agenda.first().map(|(at, _)| at.saturating_since(clock::now()));
            match self.poll.poll(&mut events, timeout.filter(|_| !self.is_idle())) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return self.give_up(),
            }
            for event in &events {
                if event.token() != MAIL {
                    self.visit(event.token().0);
                }
            }
        }
    }

    /// Whether nothing is to be done at any time.
    fn is_idle(&self) -> bool {
        self.agenda.first().is_none_or(|(at, _)| *at == Instant::MAX)
    }

    /// Takes new hubs, and visits those that have called. Returns whether there is nothing left to do.
    fn read_mail(&mut self) -> bool {
        let mut mailbox = self.post.mailbox.lock();
        let calls = std::mem::take(&mut mailbox.calls);
        let hubs = std::mem::take(&mut mailbox.hubs);
        mailbox.is_closed = self.wards.is_empty() && hubs.is_empty() && mailbox.claims == 0;
        let is_closed = mailbox.is_closed;
        drop(mailbox);
        for (number, ward) in hubs {
            self.agenda.insert((ward.at, number));
            self.wards.insert(number, ward);
        }
        for number in calls {
            self.visit(number);
        }
        is_closed
    }

    fn look_at_those_due(&mut self) {
        let now = clock::now();
        let due = self.agenda.iter().take_while(|(at, _)| *at <= now);
        // Each once: who has more to do comes again after the others and the mail.
        let due: Vec<usize> = due.map(|(_, number)| *number).collect();
        for number in due {
            self.visit(number);
        }
    }

    fn visit(&mut self, number: usize) {
        let Some(ward) = self.wards.get_mut(&number) else { return };
        let visit = ward.hub.lock().visit();
        self.agenda.remove(&(ward.at, number));
        let watched = visit.map(|visit| ward.watch(&self.poll, Token(number), visit));
        match watched {
            Some(Ok(())) => {
                self.agenda.insert((ward.at, number));
            }
            Some(Err(_)) => {
                ward.hub.lock().kill();
                self.wards.remove(&number);
            }
            None => {
                self.wards.remove(&number);
            }
        }
    }

    /// All hubs are dead: nobody would serve them.
    fn give_up(&mut self) {
        let mut mailbox = self.post.mailbox.lock();
        mailbox.is_closed = true;
        let hubs = std::mem::take(&mut mailbox.hubs);
        drop(mailbox);
        for ward in hubs.iter().map(|(_, ward)| ward).chain(self.wards.values()) {
            ward.hub.lock().kill();
        }
    }
}

impl Drop for Rounds {
    fn drop(&mut self) {
        if thread::panicking() {
            self.give_up();
        }
    }
}

impl Ward {
    /// Does as a visit has asked for.
    fn watch(&mut self, poll: &Poll, token: Token, visit: Visit) -> io::Result<()> {
        self.at = visit.watch.at;
        let read = visit.watch.is_on.then_some(Interest::READABLE);
        let interest =
            if visit.is_blocked { read.map(|read| read | Interest::WRITABLE) } else { read };
        let before = std::mem::replace(&mut self.interest, interest);
        match (before, interest) {
            (None, Some(interest)) => poll.registry().register(&mut self.socket, token, interest),
            (Some(_), None) => poll.registry().deregister(&mut self.socket),
            (Some(before), Some(now)) if before != now => {
                poll.registry().reregister(&mut self.socket, token, now)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::hub::HubRef;
    use crate::driver::socket::Socket;
    use crate::endpoint::Config;
    use std::net::Ipv4Addr;

    fn open(keeper: Keeper) -> HubRef {
        let socket = Socket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        HubRef::open(socket, Config::default(), || Ok(keeper)).unwrap()
    }

    #[test]
    fn who_is_flooded_keeps_nobody_waiting() {
        let (keeper, mut rounds) = Keeper::hire().unwrap();
        keeper.0.mailbox.lock().claims += 1;
        let hubs = [open(Keeper(keeper.0.clone())), open(keeper)];
        let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        for _ in 0..200 {
            stranger.send_to(b"x", hubs[0].network().local_addr()).unwrap();
        }
        assert!(!rounds.read_mail());
        rounds.look_at_those_due();
        let [flooded, other] = [0, 1].map(|number| &rounds.wards[&number]);
        assert_eq!(flooded.at, Instant::ZERO, "more than one visit can take");
        assert!(other.interest.is_some(), "never visited");
    }

    #[test]
    fn a_hub_that_comes_after_its_keeper_has_failed_is_dead() {
        let (keeper, mut rounds) = Keeper::hire().unwrap();
        rounds.give_up();
        assert!(open(keeper).lock().check().is_err());
    }
}
