//! A handler on top of an endpoint: connections, channels, and what waits to be sent.

use super::Handler;
use crate::connection::{ChannelConfig, Connection, SendOptions};
use crate::endpoint::{ConnectionEvent, Endpoint, Event, Handle};
use crate::sim::App;
use crate::stream::{Delivery, OpenError, RecvError, SendError};
use crate::time::Instant;
use crate::wire::ChannelId;
use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;

/// A channel of one host, opened by itself or by a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line(usize);

/// A handler's hands: what it can do at one instant.
#[derive(Debug)]
pub struct Context<'a> {
    now: Instant,
    state: &'a mut State,
    endpoint: &'a mut Endpoint,
}

impl Context<'_> {
    /// Virtual time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Opens a channel to that host, over the connection to it or a new one.
    ///
    /// # Errors
    ///
    /// [`OpenError::IsStream`] for [`Delivery::Stream`], which has no messages.
    pub fn open(&mut self, peer: SocketAddr, config: &ChannelConfig) -> Result<Line, OpenError> {
        if config.delivery == Delivery::Stream {
            return Err(OpenError::IsStream);
        }
        let known = self.state.connections.iter().find(|(address, _)| *address == peer);
        let handle = match known {
            Some((_, handle)) => Some(*handle),
            // A host's settings were good enough for its endpoint.
            None => self.endpoint.connect(self.now, peer).ok(),
        };
        if known.is_none() {
            self.state.connections.extend(handle.map(|handle| (peer, handle)));
        }
        let (config, outgoing) = (Some(*config), VecDeque::new());
        Ok(self.state.add_line(Talk { handle, id: None, config, outgoing }))
    }

    /// Sends a message. What cannot leave yet waits, in order, for as long as its channel lives; what
    /// the channel refuses (too large) is counted in [`Context::refused`].
    pub fn send(&mut self, line: Line, message: &[u8]) {
        if let Some(talk) = self.state.lines.get_mut(line.0) {
            talk.outgoing.push_back(message.to_vec());
            self.state.is_dirty = true;
        }
    }

    /// Asks for [`Handler::on_timer`] at this time, instead of any time before; a time that is past
    /// is now.
    pub fn wake_at(&mut self, at: Instant) {
        self.state.wake_at = Some(at);
        self.state.is_dirty = true;
    }

    /// How many messages of this host were too large, or on channels that have ended.
    pub fn refused(&self) -> u64 {
        self.state.refused
    }
}

/// What a handler's host keeps for it.
#[derive(Debug, Default)]
struct State {
    connections: Vec<(SocketAddr, Handle)>,
    lines: Vec<Talk>,
    wake_at: Option<Instant>,
    refused: u64,
    is_dirty: bool,
}

/// A channel.
#[derive(Debug)]
struct Talk {
    handle: Option<Handle>,
    /// Known once the connection is there.
    id: Option<ChannelId>,
    /// How it is to be opened; a peer has opened it otherwise.
    config: Option<ChannelConfig>,
    outgoing: VecDeque<Vec<u8>>,
}

impl State {
    fn add_line(&mut self, talk: Talk) -> Line {
        self.lines.push(talk);
        self.is_dirty = true;
        Line(self.lines.len() - 1)
    }
}

impl Talk {
    fn accepted(handle: Handle, id: ChannelId) -> Self {
        Self { handle: Some(handle), id: Some(id), config: None, outgoing: VecDeque::new() }
    }

    /// Opens the channel where that is still to be done, and sends what it takes.
    fn flush(&mut self, now: Instant, connection: &mut Connection, refused: &mut u64) -> bool {
        let mut did = false;
        if let Some(config) = self.config.filter(|_| self.id.is_none()) {
            self.id = connection.open_channel(&config).ok();
            did = self.id.is_some();
        }
        let Some(id) = self.id else { return did };
        while let Some(message) = self.outgoing.front() {
            match connection.send(now, id, message, &SendOptions::default()) {
                Ok(_) => {}
                Err(SendError::Blocked) => break,
                Err(_) => *refused += 1,
            }
            self.outgoing.pop_front();
            did = true;
        }
        did
    }
}

/// What is to be told to the handler.
enum News {
    Opened(Line),
    Message(Line, Vec<u8>),
    Gap(Line, u64),
}

/// A handler, and what it takes to run it on an endpoint.
pub(super) struct Program {
    handler: Box<dyn Handler>,
    state: State,
}

impl Program {
    pub(super) fn new(handler: Box<dyn Handler>) -> Self {
        Self { handler, state: State::default() }
    }

    pub(super) fn handler(&self) -> &dyn Handler {
        &*self.handler
    }

    pub(super) fn context<'a>(
        &'a mut self,
        now: Instant,
        endpoint: &'a mut Endpoint,
    ) -> Context<'a> {
        Context { now, state: &mut self.state, endpoint }
    }

    /// Exchanges what there is with one connection.
    fn serve(&mut self, now: Instant, endpoint: &mut Endpoint, handle: Handle) -> bool {
        let Some(connection) = endpoint.connection_mut(handle).filter(|c| !c.is_connecting())
        else {
            return false;
        };
        let mut news = Vec::new();
        while let Some(id) = connection.accept_channel() {
            let line = self.state.add_line(Talk::accepted(handle, id));
            news.push(News::Opened(line));
        }
        let mut did = false;
        let own = self.state.lines.iter_mut().enumerate();
        for (n, talk) in own.filter(|(_, talk)| talk.handle == Some(handle)) {
            did |= talk.flush(now, connection, &mut self.state.refused);
            let Some(id) = talk.id else { continue };
            loop {
                news.push(match connection.recv_vec(id) {
                    Ok((_, message)) => News::Message(Line(n), message),
                    Err(RecvError::Gap { count }) => News::Gap(Line(n), count),
                    Err(_) => break,
                });
            }
        }
        did |= !news.is_empty();
        let mut context = Context { now, state: &mut self.state, endpoint };
        for piece in news {
            match piece {
                News::Opened(line) => self.handler.on_open(&mut context, line),
                News::Message(line, m) => self.handler.on_message(&mut context, line, &m),
                News::Gap(line, count) => self.handler.on_gap(&mut context, line, count),
            }
        }
        did
    }

    fn end(&mut self, now: Instant, endpoint: &mut Endpoint, handle: Handle) {
        let known = self.state.connections.iter().position(|(_, other)| *other == handle);
        let ended = endpoint.connection(handle).and_then(|c| c.ended().cloned());
        if let Some((place, ended)) = known.zip(ended) {
            let (peer, _) = self.state.connections.remove(place);
            let own = self.state.lines.iter_mut().filter(|talk| talk.handle == Some(handle));
            for talk in own {
                talk.handle = None;
                self.state.refused += talk.outgoing.len() as u64;
                talk.outgoing.clear();
            }
            let mut context = Context { now, state: &mut self.state, endpoint };
            self.handler.on_end(&mut context, peer, &ended);
        }
        endpoint.forget(handle);
    }

    fn accept(&mut self, endpoint: &mut Endpoint) {
        while let Some(handle) = endpoint.accept() {
            if let Some(connection) = endpoint.connection(handle) {
                self.state.connections.push((connection.path().remote, handle));
            }
        }
    }
}

impl App for Program {
    fn on_event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
        self.state.is_dirty = true;
        if let Event::Connection(handle, ConnectionEvent::Closed) = event {
            self.accept(endpoint);
            self.serve(now, endpoint, handle);
            self.end(now, endpoint, handle);
        }
    }

    fn work(&mut self, now: Instant, endpoint: &mut Endpoint) -> bool {
        let is_due = self.state.wake_at.is_some_and(|at| at <= now);
        if is_due {
            self.state.wake_at = None;
            self.handler.on_timer(&mut Context { now, state: &mut self.state, endpoint });
        }
        if !std::mem::take(&mut self.state.is_dirty) && !is_due {
            return false;
        }
        self.accept(endpoint);
        let handles: Vec<_> = self.state.connections.iter().map(|(_, handle)| *handle).collect();
        let mut did = is_due;
        for handle in handles {
            did |= self.serve(now, endpoint, handle);
        }
        did | self.state.is_dirty
    }

    fn deadline(&self) -> Option<Instant> {
        self.state.wake_at
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("state", &self.state).finish_non_exhaustive()
    }
}
