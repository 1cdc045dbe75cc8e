//! Streams beside messages, for the credit that they share: what is written is read, or given up.

use super::plan::Beside;
use crate::sim::pattern;
use crate::sim::transfer::is_pattern;
use crate::stream::{ReadError, Streams};
use crate::wire::{Side, StreamId};
use std::collections::BTreeMap;

/// How much is written or read at once.
const CHUNK: u64 = 16 * 1024;

/// The streams of one side.
#[derive(Debug, Default)]
pub(super) struct StreamsBeside {
    writing: Vec<Writing>,
    /// Bytes read of those that are not over.
    reading: BTreeMap<StreamId, u64>,
}

#[derive(Debug)]
struct Writing {
    id: Option<StreamId>,
    plan: Beside,
    written: u64,
    is_done: bool,
}

impl StreamsBeside {
    pub(super) fn new(plans: &[Beside]) -> Self {
        let writing =
            plans.iter().map(|plan| Writing { id: None, plan: *plan, written: 0, is_done: false });
        Self { writing: writing.collect(), reading: BTreeMap::new() }
    }

    pub(super) fn is_done(&self) -> bool {
        self.writing.iter().all(|writing| writing.is_done)
    }

    /// Writes what is taken; returns whether anything was done.
    pub(super) fn write(&mut self, side: Side, streams: &mut Streams) -> bool {
        let mut did = false;
        for it in self.writing.iter_mut().filter(|it| !it.is_done) {
            let Some(id) = it.id.or_else(|| streams.open().ok()) else { break };
            it.id = Some(id);
            self.reading.entry(id).or_default();
            while it.written < it.plan.bytes {
                let mut chunk = Vec::new();
                let n = CHUNK.min(it.plan.bytes - it.written);
                pattern(side, id, it.written, n as usize, &mut chunk);
                let Ok(n) = streams.write(id, &chunk) else { break };
                it.written += n as u64;
                did = true;
            }
            if it.written == it.plan.bytes {
                if it.plan.resets {
                    streams.reset(id, 1);
                } else {
                    // The peer does not stop it.
                    let _ = streams.finish(id);
                }
                (it.is_done, did) = (true, true);
            }
        }
        did
    }

    /// Reads what has come; returns whether anything was done. `fault` says what should not have come.
    pub(super) fn read(
        &mut self,
        side: Side,
        streams: &mut Streams,
        fault: &mut dyn FnMut(String),
    ) -> bool {
        while let Some(id) = streams.accept() {
            self.reading.insert(id, 0);
            let _ = streams.finish(id);
        }
        let mut did = false;
        let mut buf = vec![0; CHUNK as usize];
        self.reading.retain(|id, bytes| {
            loop {
                match streams.read(*id, &mut buf) {
                    Ok(0) | Err(ReadError::Reset(_)) => return false,
                    Ok(n) => {
                        let read = buf.get(..n).unwrap_or_default();
                        if !is_pattern(side.peer(), *id, *bytes, read) {
                            fault(format!("stream {id}: wrong bytes at {bytes}"));
                        }
                        *bytes += n as u64;
                        did = true;
                    }
                    Err(_) => return true,
                }
            }
        });
        did
    }
}
