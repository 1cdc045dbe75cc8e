//! A file that is being received: hidden, locked, and found again by whoever goes on with it.
//!
//! Its name is made of its target's, so there is one per target and a later attempt finds it. It is
//! locked for as long as its process lives, so that nobody else writes it meanwhile. Nothing in it is
//! trusted: what is there counts only if the sender has the same (`prove`).

use super::{Folder, Found};
use crate::transfer::{Attributes, Hash, RESERVED, Relative};
use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

const SUFFIX: &str = ".part";
/// Hexadecimal digits of the target's hash.
const DIGITS: usize = 32;
/// How often a part may be taken away by another process before it is locked.
const ATTEMPTS: usize = 10;
/// What is read and hashed at a time. A multiple of BLAKE3's 16 KiB lanes.
const CHUNK: usize = 128 * 1024;

#[derive(Debug)]
pub(crate) struct Part {
    folder: Arc<Folder>,
    name: OsString,
    file: File,
    length: u64,
    hasher: Box<blake3::Hasher>,
}

/// The name of the part of this target. It has a fixed length, so no target's name is too long for it.
pub(crate) fn name(target: &Relative) -> OsString {
    let hash = blake3::hash(target.as_path().as_os_str().as_encoded_bytes()).to_hex();
    format!("{RESERVED}{}{SUFFIX}", &hash[..DIGITS]).into()
}

pub(crate) fn is_name(name: &OsStr) -> bool {
    let digits = name.to_str().and_then(|name| name.strip_prefix(RESERVED)?.strip_suffix(SUFFIX));
    digits.is_some_and(|digits| {
        digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

/// How many bytes an earlier attempt left.
///
/// # Errors
///
/// `ResourceBusy` if somebody is writing it.
pub(crate) fn length(folder: &Folder, target: &Relative) -> io::Result<u64> {
    let name = name(target);
    match folder.look(&name)? {
        Found::Nothing => Ok(0),
        _ => adopt(folder, &name)?.map_or(Ok(0), |file| Ok(file.metadata()?.len())),
    }
}

impl Part {
    /// A new and empty part of this target; what an earlier attempt left is thrown away.
    pub(crate) fn begin(
        folder: &Arc<Folder>,
        target: &Relative,
        is_public: bool,
    ) -> io::Result<Self> {
        let name = name(target);
        for _ in 0..ATTEMPTS {
            if let Some(file) = adopt(folder, &name)? {
                file.set_len(0)?;
                return Ok(Self::of(folder, name, file));
            }
            match folder.create(&name, is_public) {
                Ok(file) if lock(&file)? && folder.is_sole_name(&name, &file)? => {
                    return Ok(Self::of(folder, name, file));
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(busy())
    }

    /// The part that an earlier attempt left, if its first `length` bytes have this hash; what is
    /// behind them is thrown away.
    pub(crate) fn resume(
        folder: &Arc<Folder>,
        target: &Relative,
        length: u64,
        hash: Hash,
    ) -> io::Result<Option<Self>> {
        let name = name(target);
        let Some(file) = adopt(folder, &name)? else { return Ok(None) };
        let mut part = Self::of(folder, name, file);
        // From here on, `Drop` must not take it for empty.
        part.length = length;
        let is_there = hash_into(&mut part.hasher, &mut part.file, length)?;
        if !is_there || part.hasher.finalize() != hash {
            return Ok(None);
        }
        part.file.set_len(length)?;
        part.file.seek(SeekFrom::Start(length))?;
        Ok(Some(part))
    }

    fn of(folder: &Arc<Folder>, name: OsString, file: File) -> Self {
        Self { folder: folder.clone(), name, file, length: 0, hasher: Box::default() }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// The hash of all that is in it.
    pub(crate) fn hash(&self) -> Hash {
        self.hasher.finalize().into()
    }

    /// Flushes it to the disk and gives it its name.
    pub(crate) fn finish(
        mut self,
        attributes: Attributes,
        to: &Folder,
        name: &OsStr,
        is_replacing: bool,
    ) -> io::Result<()> {
        attributes.apply(&self.file)?;
        self.file.sync_all()?;
        let renamed = self.folder.rename(&self.name, to, name, is_replacing);
        if renamed.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::AlreadyExists) {
            self.length = 0;
        }
        renamed?;
        // What has its name is no part any more, and nobody may remove it as an empty one.
        self.length = u64::MAX;
        Ok(())
    }

    /// Throws it away.
    pub(crate) fn discard(mut self) {
        self.length = 0;
    }
}

impl Drop for Part {
    /// What has arrived stays for a later attempt, unless it is nothing.
    fn drop(&mut self) {
        if self.length == 0 {
            let _ = self.folder.remove(&self.name);
        }
    }
}

fn busy() -> io::Error {
    io::Error::new(io::ErrorKind::ResourceBusy, "another transfer is writing it just now")
}

/// Whether it is ours now.
fn lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        // A file system without locks.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// A part that is there, locked; none if it was not usable and is gone, or vanished meanwhile.
///
/// # Errors
///
/// `ResourceBusy` if somebody is writing it.
pub(super) fn adopt(folder: &Folder, name: &OsStr) -> io::Result<Option<File>> {
    let file = match folder.reopen(name) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            // Killed after it had got permissions that forbid it, or something else of this name.
            let is_file = matches!(folder.look(name)?, Found::File { .. });
            if is_file && error.kind() != io::ErrorKind::PermissionDenied {
                return Err(error);
            }
            return folder.remove(name).map(|()| None);
        }
    };
    if !lock(&file)? {
        return Err(busy());
    }
    // Its writer may have finished it between the opening and the locking: then it is somebody's file.
    match folder.is_sole_name(name, &file) {
        Ok(true) => Ok(Some(file)),
        Ok(false) => folder.remove(name).map(|()| None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Hashes so many bytes from here on; false if there are fewer.
pub(super) fn hash_into(
    hasher: &mut blake3::Hasher,
    file: &mut File,
    length: u64,
) -> io::Result<bool> {
    let mut chunk = vec![0; CHUNK];
    let mut left = length;
    while left > 0 {
        let want = CHUNK.min(usize::try_from(left).unwrap_or(CHUNK));
        match file.read(&mut chunk[..want]) {
            Ok(0) => return Ok(false),
            Ok(read) => {
                hasher.update(&chunk[..read]);
                left -= read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    fn target(name: &str) -> Relative {
        Relative::parse(name.as_bytes()).unwrap()
    }

    fn folder(path: &Path) -> Arc<Folder> {
        Arc::new(Folder::open(path).unwrap())
    }

    fn hash(bytes: &[u8]) -> Hash {
        blake3::hash(bytes).into()
    }

    fn count(path: &Path) -> usize {
        fs::read_dir(path).unwrap().count()
    }

    #[test]
    fn names_are_short_and_one_per_target() {
        let (x, y) = (name(&target("x")), name(&target("a/x")));
        assert!(x != y && is_name(&x) && is_name(&y));
        assert!(name(&target(&"x".repeat(255))).len() < 100);
        for other in
            [".towline-x.part", "x", ".towline-.part", &x.to_str().unwrap().replace('.', "")]
        {
            assert!(!is_name(OsStr::new(other)), "{other}");
        }
    }

    #[test]
    fn what_was_left_is_gone_on_with_if_it_is_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, target) = (folder(dir.path()), target("x"));
        let mut part = Part::begin(&folder, &target, false).unwrap();
        part.write(b"12345").unwrap();
        drop(part);
        assert_eq!(length(&folder, &target).unwrap(), 5);
        assert!(Part::resume(&folder, &target, 5, hash(b"12346")).unwrap().is_none());
        assert!(Part::resume(&folder, &target, 6, hash(b"123456")).unwrap().is_none());
        // Only the front is the same: the rest is thrown away.
        let mut part = Part::resume(&folder, &target, 3, hash(b"123")).unwrap().unwrap();
        part.write(b"xy").unwrap();
        assert_eq!(part.hash(), hash(b"123xy"));
        part.finish(Attributes::default(), &folder, OsStr::new("x"), false).unwrap();
        assert_eq!(fs::read(dir.path().join("x")).unwrap(), b"123xy");
        assert_eq!(count(dir.path()), 1);
    }

    #[test]
    fn nothing_is_left_of_nothing_and_of_what_is_discarded() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, target) = (folder(dir.path()), target("x"));
        drop(Part::begin(&folder, &target, false).unwrap());
        assert_eq!(count(dir.path()), 0);
        let mut part = Part::begin(&folder, &target, false).unwrap();
        part.write(b"1").unwrap();
        part.discard();
        assert_eq!(count(dir.path()), 0);
    }

    #[test]
    fn only_one_writes() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, target) = (folder(dir.path()), target("x"));
        let mut part = Part::begin(&folder, &target, false).unwrap();
        part.write(b"1").unwrap();
        for error in [
            Part::begin(&folder, &target, false).unwrap_err(),
            Part::resume(&folder, &target, 1, hash(b"1")).unwrap_err(),
            length(&folder, &target).unwrap_err(),
        ] {
            assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
        }
        drop(part);
        assert_eq!(length(&folder, &target).unwrap(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_part_with_a_second_name_is_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, target) = (folder(dir.path()), target("x"));
        let path = dir.path().join(name(&target));
        fs::write(dir.path().join("y"), "mine").unwrap();
        fs::hard_link(dir.path().join("y"), &path).unwrap();
        assert_eq!(length(&folder, &target).unwrap(), 0);
        assert!(!path.exists());
        std::os::unix::fs::symlink("y", &path).unwrap();
        let mut part = Part::begin(&folder, &target, false).unwrap();
        part.write(b"new").unwrap();
        part.finish(Attributes::default(), &folder, OsStr::new("x"), false).unwrap();
        assert_eq!(fs::read(dir.path().join("y")).unwrap(), b"mine");
    }
}
