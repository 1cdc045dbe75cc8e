//! What is to be sent: the files and folders that the user named, and everything in them.

use super::attributes::Attributes;
use super::message::Totals;
use super::relative::{self, MAX_PATH};
use crate::failure::{Exit, Failure, Reason};
use crate::quoted::Quoted;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File, Metadata};
use std::path::{Path, PathBuf};

/// A file or a folder that is offered.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) local: PathBuf,
    /// Where it goes, with `/` between its parts; the receiver judges it.
    pub(crate) path: Vec<u8>,
    pub(crate) kind: Kind,
    pub(crate) attributes: Attributes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Folder,
    File { size: u64 },
}

impl Entry {
    /// None for a folder.
    pub(crate) fn size(&self) -> Option<u64> {
        match self.kind {
            Kind::Folder => None,
            Kind::File { size } => Some(size),
        }
    }
}

/// Everything that is offered: each folder before what is in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manifest {
    pub(crate) entries: Vec<Entry>,
    pub(crate) totals: Totals,
    /// What is in the folders and is not offered, and why: links and devices are left out, and what
    /// cannot be read is a failure.
    pub(crate) left_out: Vec<LeftOut>,
}

#[derive(Clone, Debug)]
pub(crate) struct LeftOut {
    pub(crate) local: PathBuf,
    pub(crate) why: String,
    pub(crate) is_failure: bool,
}

impl Manifest {
    /// Looks at everything below these paths; `name` stands in for a single path's own name.
    ///
    /// # Errors
    ///
    /// If one of the paths cannot be read or is neither a file nor a folder, or if two would be
    /// stored under the same name.
    pub(crate) fn collect(paths: &[PathBuf], name: Option<&str>) -> Result<Self, Failure> {
        let mut manifest = Self::default();
        let mut taken: HashMap<Vec<u8>, &PathBuf> = HashMap::new();
        for local in paths {
            let path = match name {
                Some(name) => name.as_bytes().to_vec(),
                None => own_name(local)?,
            };
            if let Some(other) = taken.insert(path.clone(), local) {
                let line = format!(
                    "{} and {} would be stored under the same name",
                    Quoted(other),
                    Quoted(local)
                );
                return Err(Failure::new(Exit::Usage, line));
            }
            manifest.add_named(local, path)?;
        }
        Ok(manifest)
    }

    /// What the user named; a link there stands for what it leads to.
    fn add_named(&mut self, local: &Path, path: Vec<u8>) -> Result<(), Failure> {
        let cannot = |error| Failure::local(format_args!("cannot read {}", Quoted(local)), &error);
        let metadata = local.metadata().map_err(cannot)?;
        if metadata.is_dir() {
            fs::read_dir(local).map_err(cannot)?;
        } else if metadata.is_file() {
            File::open(local).map_err(cannot)?;
        } else {
            let line = format!("cannot send {}: it is neither a file nor a folder", Quoted(local));
            return Err(Failure::new(Exit::Local, line));
        }
        if path.len() > MAX_PATH {
            let line = format!("cannot send {}: its name is too long", Quoted(local));
            return Err(Failure::new(Exit::Usage, line));
        }
        let mut folders = Vec::new();
        self.add(local.to_owned(), path, &metadata, &mut folders);
        // Not by recursion: a folder can be deeper than the stack.
        while let Some((local, path)) = folders.pop() {
            self.add_folder(&local, &path, &mut folders);
        }
        Ok(())
    }

    /// The content of a folder, by name, so that it goes the same way every time.
    fn add_folder(&mut self, local: &Path, path: &[u8], folders: &mut Vec<(PathBuf, Vec<u8>)>) {
        let mut names = Vec::new();
        match fs::read_dir(local) {
            Ok(entries) => {
                for entry in entries {
                    match entry {
                        Ok(entry) => names.push(entry.file_name()),
                        Err(error) => self.fail(local.to_owned(), Reason(&error)),
                    }
                }
            }
            Err(error) => self.fail(local.to_owned(), Reason(&error)),
        }
        names.sort();
        let first = folders.len();
        for name in names {
            let local = local.join(&name);
            match (relative::to_bytes(&name), local.symlink_metadata()) {
                (Some(name), Ok(metadata)) => {
                    let path = [path, b"/", name].concat();
                    if path.len() > MAX_PATH {
                        self.fail(local, "its path is too long");
                    } else {
                        self.add(local, path, &metadata, folders);
                    }
                }
                (None, _) => self.fail(local, "its name is no UTF-8"),
                (_, Err(error)) => self.fail(local, Reason(&error)),
            }
        }
        // The first one comes next.
        folders[first..].reverse();
    }

    fn add(
        &mut self,
        local: PathBuf,
        path: Vec<u8>,
        metadata: &Metadata,
        folders: &mut Vec<(PathBuf, Vec<u8>)>,
    ) {
        let kind = if metadata.is_dir() {
            folders.push((local.clone(), path.clone()));
            Kind::Folder
        } else if metadata.is_file() {
            self.totals.files += 1;
            self.totals.bytes += metadata.len();
            Kind::File { size: metadata.len() }
        } else {
            let what =
                if metadata.is_symlink() { "a symbolic link" } else { "no file and no folder" };
            self.left_out.push(LeftOut { local, why: format!("it is {what}"), is_failure: false });
            return;
        };
        self.entries.push(Entry { local, path, kind, attributes: Attributes::of(metadata) });
    }

    fn fail(&mut self, local: PathBuf, why: impl fmt::Display) {
        self.left_out.push(LeftOut { local, why: why.to_string(), is_failure: true });
    }
}

/// The last part of a path, also of `.` and `x/..`.
fn own_name(local: &Path) -> Result<Vec<u8>, Failure> {
    let unnamed = || {
        let line = format!("cannot send {}: it has no name of its own; see --name", Quoted(local));
        Failure::new(Exit::Usage, line)
    };
    let bytes = |name: &OsStr| relative::to_bytes(name).map(<[u8]>::to_vec).ok_or_else(unnamed);
    // `x/.` is `x` to the system's functions, but `.` is nothing.
    if let Some(name) = local.file_name() {
        return bytes(name);
    }
    let cannot = |error| Failure::local(format_args!("cannot read {}", Quoted(local)), &error);
    let real = local.canonicalize().map_err(cannot)?;
    bytes(real.file_name().ok_or_else(unnamed)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(manifest: &Manifest) -> Vec<String> {
        let text = |entry: &Entry| String::from_utf8_lossy(&entry.path).into_owned();
        manifest.entries.iter().map(text).collect()
    }

    #[test]
    fn folders_come_before_what_is_in_them() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().join("top");
        fs::create_dir_all(top.join("b/c")).unwrap();
        fs::create_dir(top.join("empty")).unwrap();
        for (name, size) in [("z", 3), ("a", 0), ("b/y", 5), ("b/c/x", 7)] {
            fs::write(top.join(name), vec![1; size]).unwrap();
        }
        let manifest = Manifest::collect(std::slice::from_ref(&top), None).unwrap();
        let expected =
            ["top", "top/a", "top/b", "top/empty", "top/z", "top/b/c", "top/b/y", "top/b/c/x"];
        assert_eq!(paths(&manifest), expected);
        assert_eq!(manifest.totals, Totals { files: 4, bytes: 15 });
        for dots in ["top/.", "top/b/.."] {
            let manifest = Manifest::collect(&[dir.path().join(dots)], None).unwrap();
            assert_eq!(paths(&manifest), expected, "{dots}");
        }
        let manifest = Manifest::collect(&[top.join("z")], Some("other")).unwrap();
        assert_eq!(paths(&manifest), ["other"]);
    }

    #[test]
    fn two_things_of_one_name_are_a_mistake() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("f")).unwrap();
        let (a, b) = (dir.path().join("x"), dir.path().join("f/x"));
        fs::write(&a, "").unwrap();
        fs::write(&b, "").unwrap();
        let failure = Manifest::collect(&[a, b], None).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert_eq!(Manifest::collect(&["/".into()], None).unwrap_err().exit, Exit::Usage);
    }

    #[cfg(unix)]
    #[test]
    fn links_within_are_left_out_and_a_named_one_is_followed() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("f")).unwrap();
        fs::write(dir.path().join("f/x"), "123").unwrap();
        symlink("x", dir.path().join("f/link")).unwrap();
        symlink("f", dir.path().join("to f")).unwrap();
        let manifest = Manifest::collect(&[dir.path().join("to f")], None).unwrap();
        assert_eq!(paths(&manifest), ["to f", "to f/x"]);
        let [left_out] = manifest.left_out.as_slice() else { panic!("{manifest:?}") };
        assert!(left_out.why.contains("symbolic link") && !left_out.is_failure);
    }
}
