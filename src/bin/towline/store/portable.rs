//! A folder by its path, for systems without `openat`: each part of a path is looked at before it is
//! used, and symbolic links are not followed.
//!
//! What remains: whoever can write in the folder may put a link there between the look and the use.

use super::Found;
use crate::transfer::Attributes;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        if path.metadata()?.is_dir() {
            return Ok(Self(path.to_owned()));
        }
        Err(io::ErrorKind::NotADirectory.into())
    }

    pub(crate) fn enter(&self, name: &OsStr) -> io::Result<Self> {
        match self.look(name)? {
            Found::Folder => Ok(Self(self.0.join(name))),
            Found::Nothing => Err(io::ErrorKind::NotFound.into()),
            Found::File { .. } | Found::Other => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub(crate) fn make(&self, name: &OsStr) -> io::Result<()> {
        fs::create_dir(self.0.join(name))
    }

    pub(crate) fn look(&self, name: &OsStr) -> io::Result<Found> {
        match self.0.join(name).symlink_metadata() {
            Ok(metadata) if metadata.is_dir() => Ok(Found::Folder),
            Ok(metadata) if metadata.is_file() => Ok(Found::File { size: metadata.len() }),
            Ok(_) => Ok(Found::Other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Nothing),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn read(&self, name: &OsStr) -> io::Result<File> {
        self.must_be_file(name)?;
        File::open(self.0.join(name))
    }

    pub(crate) fn reopen(&self, name: &OsStr) -> io::Result<File> {
        self.must_be_file(name)?;
        File::options().read(true).write(true).open(self.0.join(name))
    }

    pub(crate) fn create(&self, name: &OsStr, _is_public: bool) -> io::Result<File> {
        File::options().read(true).write(true).create_new(true).open(self.0.join(name))
    }

    fn must_be_file(&self, name: &OsStr) -> io::Result<()> {
        match self.look(name)? {
            Found::File { .. } => Ok(()),
            Found::Nothing => Err(io::ErrorKind::NotFound.into()),
            Found::Folder | Found::Other => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// There it cannot be told whether it still is the same file; it is if it is one.
    pub(crate) fn is_sole_name(&self, name: &OsStr, _file: &File) -> io::Result<bool> {
        Ok(matches!(self.look(name)?, Found::File { .. }))
    }

    pub(crate) fn remove(&self, name: &OsStr) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    pub(crate) fn rename(
        &self,
        name: &OsStr,
        to: &Self,
        new: &OsStr,
        is_replacing: bool,
    ) -> io::Result<()> {
        if !is_replacing && to.look(new)? != Found::Nothing {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        fs::rename(self.0.join(name), to.0.join(new))
    }

    /// A folder's own attributes are not kept there.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "elsewhere they are")]
    pub(crate) fn set(&self, _attributes: Attributes) -> io::Result<()> {
        Ok(())
    }

    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the system does it itself")]
    pub(crate) fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
