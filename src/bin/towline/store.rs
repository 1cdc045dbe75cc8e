//! The folder that files are stored in: what is there, and how files and folders get there.
//!
//! A file appears whole, flushed and under its final name, or not at all; until then it is a part
//! in the top folder. Nothing is ever written outside of that folder: names are checked before they
//! come here, and on the way down no symbolic link is followed.

mod finisher;
mod part;
#[cfg(any(not(unix), test))]
mod portable;
mod sweep;
#[cfg(test)]
mod tests;
#[cfg(unix)]
mod unix;

pub(crate) use finisher::{Complete, Finisher, MAX_FINISHING};
pub(crate) use part::Part;
pub(crate) use sweep::sweep;

#[cfg(not(unix))]
use portable::Folder;
#[cfg(unix)]
use unix::Folder;

use crate::quoted::Quoted;
use crate::transfer::{Attributes, Hash, Relative};
use std::collections::HashSet;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the owner may do in every folder while files arrive in it.
const OWNER: u16 = 0o700;
/// So many new folders which their owner may not write in are remembered until they are left; what
/// is beyond keeps the owner's permissions.
const MAX_STRICT: usize = 1 << 16;

/// So many changed folders are held open until they are flushed.
const MAX_UNSYNCED: usize = 16;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    Folder,
    File {
        size: u64,
    },
    /// A symbolic link, which is not followed, or something that is no file at all.
    Other,
}

#[derive(Debug)]
pub(crate) struct Store {
    root: Arc<Folder>,
    is_replacing: bool,
    /// The folder that was used last: most often the next file is in it too.
    near: (PathBuf, Arc<Folder>),
    /// Folders with names in them that may not be on the disk yet.
    unsynced: Vec<Arc<Folder>>,
    /// New folders that are to get permissions which would be in the way now.
    strict: HashSet<PathBuf>,
}

impl Store {
    /// With `is_replacing`, existing files give way to new ones.
    pub(crate) fn open(dir: &Path, is_replacing: bool) -> io::Result<Self> {
        let root = Arc::new(Folder::open(dir)?);
        let near = (PathBuf::new(), root.clone());
        Ok(Self { root, is_replacing, near, unsynced: Vec::new(), strict: HashSet::new() })
    }

    /// The folder that holds this, which must be there, and its name there.
    fn parent<'a>(&mut self, path: &'a Relative) -> io::Result<(Arc<Folder>, &'a OsStr)> {
        let path = path.as_path();
        let name = path.file_name().unwrap_or_default();
        let parent = path.parent().unwrap_or(Path::new(""));
        if self.near.0 != parent {
            self.near = (parent.to_owned(), descend(&self.root, parent)?);
        }
        Ok((self.near.1.clone(), name))
    }

    pub(crate) fn look(&mut self, path: &Relative) -> io::Result<Found> {
        let (parent, name) = self.parent(path)?;
        parent.look(name)
    }

    /// Makes a folder, unless it is there.
    pub(crate) fn make_folder(
        &mut self,
        path: &Relative,
        attributes: Attributes,
    ) -> io::Result<()> {
        let (parent, name) = self.parent(path)?;
        match parent.look(name)? {
            Found::Folder => return Ok(()),
            found @ (Found::File { .. } | Found::Other) => {
                return Err(no_folder(path.as_path(), found));
            }
            Found::Nothing => parent.make(name)?,
        }
        self.changes(&parent);
        if let Some(mode) = attributes.mode {
            let now = Attributes { mode: Some(mode | OWNER), modified: None };
            parent.enter(name)?.set(now)?;
            if mode & OWNER != OWNER && self.strict.len() < MAX_STRICT {
                self.strict.insert(path.as_path().to_owned());
            }
        }
        Ok(())
    }

    /// Gives a folder its final attributes. One that was there before keeps its permissions, unless
    /// existing things may be replaced: a stranger is not to open or close it.
    pub(crate) fn leave_folder(
        &mut self,
        path: &Relative,
        attributes: Attributes,
    ) -> io::Result<()> {
        let (parent, name) = self.parent(path)?;
        let is_ours = self.strict.remove(path.as_path());
        let mode = attributes.mode.filter(|_| is_ours || self.is_replacing);
        parent.enter(name)?.set(Attributes { mode, ..attributes })
    }

    /// The hash of the first `size` bytes of a file that is there; none if it has fewer.
    pub(crate) fn hash(&mut self, path: &Relative, size: u64) -> io::Result<Option<Hash>> {
        let (parent, name) = self.parent(path)?;
        let mut hasher = blake3::Hasher::new();
        let is_whole = part::hash_into(&mut hasher, &mut parent.read(name)?, size)?;
        Ok(is_whole.then(|| hasher.finalize().into()))
    }

    /// Gives a file that is there its attributes.
    pub(crate) fn set(&mut self, path: &Relative, attributes: Attributes) -> io::Result<()> {
        let (parent, name) = self.parent(path)?;
        attributes.apply(&parent.read(name)?)
    }

    /// How many bytes of this file an earlier attempt left.
    pub(crate) fn part_length(&self, path: &Relative) -> io::Result<u64> {
        part::length(&self.root, path)
    }

    /// Begins a file anew.
    pub(crate) fn begin(&self, path: &Relative, attributes: Attributes) -> io::Result<Part> {
        Part::begin(&self.root, path, attributes.mode.is_none())
    }

    /// Goes on with a file whose first bytes have this hash; none if they have not.
    pub(crate) fn resume(
        &self,
        path: &Relative,
        length: u64,
        hash: Hash,
    ) -> io::Result<Option<Part>> {
        Part::resume(&self.root, path, length, hash)
    }

    /// What is to be done with a part that has all its content: flushing it to the disk and giving it
    /// its name, which fails with `AlreadyExists` if somebody made a file of that name meanwhile and it
    /// may not be replaced.
    pub(crate) fn complete(
        &mut self,
        part: Part,
        path: &Relative,
        attributes: Attributes,
    ) -> io::Result<Complete> {
        let (folder, name) = self.parent(path)?;
        self.changes(&folder);
        let (name, is_replacing) = (name.to_owned(), self.is_replacing);
        Ok(Complete { part, attributes, folder, name, is_replacing })
    }

    fn changes(&mut self, folder: &Arc<Folder>) {
        if !self.unsynced.last().is_some_and(|last| Arc::ptr_eq(last, folder)) {
            self.unsynced.push(folder.clone());
        }
    }

    /// Whether it should be flushed soon, as many folders are held open for that.
    pub(crate) fn is_sync_due(&self) -> bool {
        self.unsynced.len() >= MAX_UNSYNCED
    }

    /// All names that have been given survive a power cut from here on. Where a folder cannot be
    /// flushed, the system does it in its own time.
    pub(crate) fn sync(&mut self) {
        for folder in self.unsynced.drain(..) {
            let _ = folder.sync();
        }
    }
}

/// Goes down part by part.
fn descend(root: &Arc<Folder>, path: &Path) -> io::Result<Arc<Folder>> {
    let mut folder = root.clone();
    let mut way = PathBuf::new();
    for name in path {
        way.push(name);
        folder = match folder.enter(name) {
            Ok(inner) => Arc::new(inner),
            Err(error) => {
                return Err(match folder.look(name)? {
                    Found::Nothing | Found::Folder => error,
                    found => no_folder(&way, found),
                });
            }
        };
    }
    Ok(folder)
}

fn no_folder(path: &Path, found: Found) -> io::Error {
    let what = match found {
        Found::File { .. } => "a file, and no folder",
        _ => "no folder, and links are not followed",
    };
    io::Error::new(io::ErrorKind::NotADirectory, format!("{} is {what}", Quoted(path)))
}
