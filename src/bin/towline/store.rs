//! A file that appears whole, flushed and under its final name, or not at all.
//!
//! Until then it is a hidden temporary file beside it, locked for as long as its process lives: so a
//! later receiver can tell one that somebody still writes from one that a killed process left.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

const PREFIX: &str = ".towline-";
const SUFFIX: &str = ".part";
/// How often a new temporary file may be swept away by another process before it is locked.
const ATTEMPTS: usize = 10;

/// A file that is being received.
#[derive(Debug)]
pub(crate) struct Incoming {
    file: NamedTempFile,
    target: PathBuf,
    is_overwriting: bool,
}

impl Incoming {
    /// Begins a file that is to be `dir`/`name`.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if there is one and it may not be replaced; `IsADirectory`; those of the
    /// file system.
    pub(crate) fn create(dir: &Path, name: &str, is_overwriting: bool) -> io::Result<Self> {
        let target = dir.join(name);
        match fs::symlink_metadata(&target) {
            Ok(existing) if existing.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(_) if !is_overwriting => return Err(io::ErrorKind::AlreadyExists.into()),
            Ok(_) | Err(_) => {}
        }
        for _ in 0..ATTEMPTS {
            let file = temporary(dir)?;
            let is_ours = match file.as_file().try_lock() {
                Ok(()) => file.path().exists(),
                Err(TryLockError::WouldBlock) => false,
                // A file system without locks: nobody can sweep there either.
                Err(TryLockError::Error(_)) => true,
            };
            if is_ours {
                return Ok(Self { file, target, is_overwriting });
            }
        }
        Err(io::Error::other("somebody else removes the temporary files"))
    }

    /// Flushes the file to the disk and gives it its name.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if somebody made a file of that name meanwhile; those of the file system.
    /// Then nothing is left.
    pub(crate) fn finish(self) -> io::Result<()> {
        let Self { file, target, is_overwriting } = self;
        file.as_file().sync_all()?;
        if is_overwriting {
            file.persist(&target)?;
        } else {
            file.persist_noclobber(&target)?;
        }
        // The name must survive a power cut too. Where a directory cannot be flushed, the system
        // does it in its own time.
        if let Some(Ok(dir)) = target.parent().map(File::open) {
            let _ = dir.sync_all();
        }
        Ok(())
    }
}

impl Write for Incoming {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn temporary(dir: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX).rand_bytes(12);
    // As any new file: what the user's mask leaves of it, and not the owner's alone.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(dir)
}

/// Removes the temporary files that killed receivers left in `dir`, and returns how many.
pub(crate) fn sweep(dir: &Path) -> usize {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(|path| is_temporary(path) && remove_orphan(path).is_ok()).count()
}

fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.len() == PREFIX.len() + 12 + SUFFIX.len()
        && name.starts_with(PREFIX)
        && name.ends_with(SUFFIX)
        && fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file())
}

fn remove_orphan(path: &Path) -> io::Result<()> {
    let file = File::options().write(true).open(path)?;
    file.try_lock().map_err(io::Error::from)?;
    fs::remove_file(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        let mut names: Vec<_> =
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn incoming(dir: &Path, is_overwriting: bool) -> io::Result<Incoming> {
        let mut file = Incoming::create(dir, "x", is_overwriting)?;
        file.write_all(b"new")?;
        Ok(file)
    }

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let file = incoming(dir.path(), false).unwrap();
        assert!(!dir.path().join("x").exists());
        drop(file);
        assert_eq!(names(dir.path()), [""; 0]);
        incoming(dir.path(), false).unwrap().finish().unwrap();
        assert_eq!(names(dir.path()), ["x"]);
        assert_eq!(fs::read(dir.path().join("x")).unwrap(), b"new");
    }

    #[test]
    fn an_existing_file_is_replaced_only_on_request() {
        let dir = tempfile::tempdir().unwrap();
        let early = incoming(dir.path(), false).unwrap();
        fs::write(dir.path().join("x"), "old").unwrap();
        assert_eq!(early.finish().unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        let late = incoming(dir.path(), false);
        assert_eq!(late.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(dir.path().join("x")).unwrap(), b"old");
        incoming(dir.path(), true).unwrap().finish().unwrap();
        assert_eq!(fs::read(dir.path().join("x")).unwrap(), b"new");
        assert_eq!(names(dir.path()), ["x"]);
    }

    #[test]
    fn a_directory_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("x")).unwrap();
        let error = incoming(dir.path(), true).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
    }

    #[test]
    fn only_orphans_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        let alive = incoming(dir.path(), false).unwrap();
        fs::write(dir.path().join(".towline-abcdefghijkl.part"), "orphan").unwrap();
        fs::write(dir.path().join(".towline-notes.part"), "somebody's").unwrap();
        assert_eq!(sweep(dir.path()), 1);
        assert_eq!(names(dir.path()).len(), 2);
        alive.finish().unwrap();
        assert_eq!(names(dir.path()), [".towline-notes.part", "x"]);
    }
}
