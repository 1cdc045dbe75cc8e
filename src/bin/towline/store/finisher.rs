//! Files that are complete, on their way to the disk: several at a time, because a disk flushes many
//! small files in about the time of one.

use super::{Folder, Part};
use crate::transfer::Attributes;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// So many are flushed at the same time.
const THREADS: usize = 8;
/// So many files are kept open until they are flushed; then the transfer waits for the disk.
pub(crate) const MAX_FINISHING: usize = 16;

/// A part that is complete, and what it is to become.
#[derive(Debug)]
pub(crate) struct Complete {
    pub(super) part: Part,
    pub(super) attributes: Attributes,
    pub(super) folder: Arc<Folder>,
    pub(super) name: OsString,
    pub(super) is_replacing: bool,
}

impl Complete {
    fn finish(self) -> io::Result<()> {
        self.part.finish(self.attributes, &self.folder, &self.name, self.is_replacing)
    }
}

struct Job {
    complete: Complete,
    done: Sender<io::Result<()>>,
}

/// Finishes parts, and gives back what was handed in with each, in the same order.
pub(crate) struct Finisher<T> {
    /// None when it ends.
    jobs: Option<Sender<Job>>,
    queue: Arc<Mutex<Receiver<Job>>>,
    threads: Vec<JoinHandle<()>>,
    pending: VecDeque<(T, Receiver<io::Result<()>>)>,
}

impl<T> Finisher<T> {
    pub(crate) fn new() -> Self {
        let (jobs, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        Self { jobs: Some(jobs), queue, threads: Vec::new(), pending: VecDeque::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.pending.len()
    }

    pub(crate) fn push(&mut self, what: T, complete: Complete) {
        let (done, outcome) = mpsc::channel();
        self.pending.push_back((what, outcome));
        if self.threads.len() < THREADS.min(self.pending.len()) {
            let queue = self.queue.clone();
            let thread = thread::Builder::new().name("flush".to_owned());
            self.threads.extend(thread.spawn(move || work(&queue)));
        }
        let job = Job { complete, done };
        match &self.jobs {
            Some(jobs) if !self.threads.is_empty() => drop(jobs.send(job)),
            // There are no threads to be had.
            _ => job.run(),
        }
    }

    /// The outcome of the file that was handed in first; none if there is none, or none yet and it is
    /// not waited for.
    pub(crate) fn pop(&mut self, is_waiting: bool) -> Option<(T, io::Result<()>)> {
        let (_, outcome) = self.pending.front()?;
        let gone = || Err(io::Error::other("the thread that flushes has ended"));
        let outcome = if is_waiting {
            outcome.recv().unwrap_or_else(|_| gone())
        } else {
            match outcome.try_recv() {
                Ok(outcome) => outcome,
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => gone(),
            }
        };
        self.pending.pop_front().map(|(what, _)| (what, outcome))
    }
}

impl<T> Drop for Finisher<T> {
    /// What is complete gets its name, also if the transfer breaks off.
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Job {
    fn run(self) {
        // If nobody waits for it, it is done all the same.
        let _ = self.done.send(self.complete.finish());
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        // The next one waits with the lock held, the others for the lock.
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job.run(),
            Err(_) => return,
        }
    }
}
