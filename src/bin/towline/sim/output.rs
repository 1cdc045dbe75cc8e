//! Files that appear whole or not at all.

use crate::failure::Failure;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file that will be written when all is known. It is opened before: who waits for an hour learns at
/// once that there is no such folder.
#[derive(Debug)]
pub(crate) struct Output {
    path: PathBuf,
    /// Beside the path; `None` where that is no file but, say, a pipe.
    file: Option<NamedTempFile>,
}

impl Output {
    /// Makes ready to write this file; one that is there stays as it is until then.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let is_special = fs::metadata(path).is_ok_and(|there| !there.is_file());
        let file =
            if is_special { None } else { Some(beside(path).map_err(|e| cannot(path, &e))?) };
        Ok(Self { path: path.to_owned(), file })
    }

    /// Writes all of it.
    pub(crate) fn write(self, bytes: &[u8]) -> Result<(), Failure> {
        let path = &self.path;
        let written = match self.file {
            None => fs::write(path, bytes),
            Some(mut file) => file
                .write_all(bytes)
                .and_then(|()| file.as_file().sync_all())
                .and_then(|()| file.persist(path).map(drop).map_err(|error| error.error)),
        };
        written.map_err(|error| cannot(path, &error))
    }
}

/// The files of several pictures in a folder, which is made if it is not there.
pub(crate) fn folder(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path).map_err(|error| {
        Failure::local(format_args!("cannot make the folder \"{}\"", path.display()), &error)
    })
}

fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".towline-");
    // As any other new file: the system takes away what the user's mask says.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    Failure::local(format_args!("cannot write \"{}\"", path.display()), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.csv");
        fs::write(&path, "old").unwrap();
        let output = Output::open(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        drop(output);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left behind");
        Output::open(&path).unwrap().write(b"new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let failure = Output::open(&dir.path().join("no/x.csv")).unwrap_err();
        assert!(failure.message.starts_with("cannot write \"") && !failure.message.contains('\n'));
    }
}
