//! A folder that is held open, so that nothing which happens to its path leads elsewhere.
//!
//! Everything in it is named by one part of a path, and symbolic links are never followed.

use super::Found;
use crate::transfer::Attributes;
use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

#[derive(Debug)]
pub(crate) struct Folder(File);

/// A pipe that somebody has put there does not make the receiver wait for its other end.
const SAFELY: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);
const AS_FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Folder {
    /// The folder that the user named: links on the way to it are the user's.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(File::from(fs::open(path, AS_FOLDER, Mode::empty())?)))
    }

    pub(crate) fn enter(&self, name: &OsStr) -> io::Result<Self> {
        let flags = AS_FOLDER | OFlags::NOFOLLOW;
        Ok(Self(File::from(fs::openat(&self.0, name, flags, Mode::empty())?)))
    }

    /// Makes a folder that only its owner may use, until it gets other attributes.
    pub(crate) fn make(&self, name: &OsStr) -> io::Result<()> {
        Ok(fs::mkdirat(&self.0, name, Mode::RWXU)?)
    }

    pub(crate) fn look(&self, name: &OsStr) -> io::Result<Found> {
        let stat = match fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(Found::Nothing),
            Err(error) => return Err(error.into()),
        };
        Ok(match fs::FileType::from_raw_mode(stat.st_mode) {
            fs::FileType::Directory => Found::Folder,
            fs::FileType::RegularFile => Found::File { size: stat.st_size as u64 },
            _ => Found::Other,
        })
    }

    pub(crate) fn read(&self, name: &OsStr) -> io::Result<File> {
        self.file(name, OFlags::RDONLY, Mode::empty())
    }

    /// Opens a file that is there to go on with it.
    pub(crate) fn reopen(&self, name: &OsStr) -> io::Result<File> {
        self.file(name, OFlags::RDWR, Mode::empty())
    }

    /// Makes a file that only its owner may use; with `is_public`, one like any other new file.
    pub(crate) fn create(&self, name: &OsStr, is_public: bool) -> io::Result<File> {
        let mode = if is_public { 0o666 } else { 0o600 };
        self.file(name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL, Mode::from_raw_mode(mode))
    }

    fn file(&self, name: &OsStr, flags: OFlags, mode: Mode) -> io::Result<File> {
        let file = File::from(fs::openat(&self.0, name, flags | SAFELY, mode)?);
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
    }

    /// Whether this is the file that now has this name, and no other name.
    pub(crate) fn is_sole_name(&self, name: &OsStr, file: &File) -> io::Result<bool> {
        let (named, open): (_, Metadata) =
            (fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?, file.metadata()?);
        #[expect(clippy::useless_conversion, reason = "the device's type differs among systems")]
        let is_same =
            (u64::try_from(named.st_dev).ok(), named.st_ino) == (Some(open.dev()), open.ino());
        Ok(is_same && open.nlink() == 1)
    }

    pub(crate) fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// Gives a file of this folder a name in another.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if the name is taken, unless `is_replacing`.
    pub(crate) fn rename(
        &self,
        name: &OsStr,
        to: &Self,
        new: &OsStr,
        is_replacing: bool,
    ) -> io::Result<()> {
        if is_replacing {
            return Ok(fs::renameat(&self.0, name, &to.0, new)?);
        }
        match self.rename_if_free(name, to, new) {
            // The file system cannot do it in one step.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => match to.look(new)? {
                Found::Nothing => Ok(fs::renameat(&self.0, name, &to.0, new)?),
                _ => Err(io::ErrorKind::AlreadyExists.into()),
            },
            renamed => Ok(renamed?),
        }
    }

    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    fn rename_if_free(&self, name: &OsStr, to: &Self, new: &OsStr) -> Result<(), Errno> {
        fs::renameat_with(&self.0, name, &to.0, new, fs::RenameFlags::NOREPLACE)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    fn rename_if_free(&self, _name: &OsStr, _to: &Self, _new: &OsStr) -> Result<(), Errno> {
        Err(Errno::NOSYS)
    }

    pub(crate) fn set(&self, attributes: Attributes) -> io::Result<()> {
        attributes.apply(&self.0)
    }

    /// New names survive a power cut from here on.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}
