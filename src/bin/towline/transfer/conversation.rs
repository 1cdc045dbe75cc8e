//! A peer that is read and written by one thread: what is said goes out in one piece with what is
//! said next, at the latest before this side waits for an answer.

use super::message::{self, Note};
use std::io::{self, BufReader, Read, Write};

/// Small records are read ahead in pieces of this size.
const READ_AHEAD: usize = 64 * 1024;
/// More than this is sent although there is still something to read.
const MAX_UNSENT: usize = 16 * 1024;

#[derive(Debug)]
pub(crate) struct Conversation<P> {
    peer: BufReader<P>,
    unsent: Vec<u8>,
}

impl<P: Read + Write> Conversation<P> {
    pub(crate) fn new(peer: P) -> Self {
        Self { peer: BufReader::with_capacity(READ_AHEAD, peer), unsent: Vec::new() }
    }

    pub(crate) fn greet(&mut self) {
        message::put_preamble(&mut self.unsent);
    }

    /// Says something, sooner or later.
    pub(crate) fn say(&mut self, note: &Note) -> io::Result<()> {
        note.put(&mut self.unsent);
        if self.unsent.len() > MAX_UNSENT { self.flush() } else { Ok(()) }
    }

    /// Whether reading may have to wait for the peer.
    pub(crate) fn is_dry(&self) -> bool {
        self.peer.buffer().is_empty()
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let peer = self.peer.get_mut();
        peer.write_all(&self.unsent)?;
        self.unsent.clear();
        peer.flush()
    }
}

impl<P: Read + Write> Read for Conversation<P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_dry() && !self.unsent.is_empty() {
            self.flush()?;
        }
        self.peer.read(buffer)
    }
}
