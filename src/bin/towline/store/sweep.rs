//! Old parts, that nobody has gone on with.

use super::{Folder, part};
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Removes the parts in `dir` that have not changed for so long and that nobody writes, and returns
/// how many.
pub(crate) fn sweep(dir: &Path, now: SystemTime, age: Duration) -> io::Result<usize> {
    let folder = Folder::open(dir)?;
    let mut swept = 0;
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        if part::is_name(&name) && remove_if_old(&folder, &name, now, age).unwrap_or(false) {
            swept += 1;
        }
    }
    Ok(swept)
}

fn remove_if_old(
    folder: &Folder,
    name: &std::ffi::OsStr,
    now: SystemTime,
    age: Duration,
) -> io::Result<bool> {
    let Some(file) = part::adopt(folder, name)? else { return Ok(false) };
    let is_old = now.duration_since(changed(&file.metadata()?)?).is_ok_and(|past| past >= age);
    if is_old {
        folder.remove(name)?;
    }
    Ok(is_old)
}

/// When it changed last. Not the time of modification where there is better: a part that was killed
/// just before it got its name may have its source's already.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere there may be no such time")]
fn changed(metadata: &fs::Metadata) -> io::Result<SystemTime> {
    use std::os::unix::fs::MetadataExt;
    let seconds = u64::try_from(metadata.ctime()).unwrap_or(0);
    Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

#[cfg(not(unix))]
fn changed(metadata: &fs::Metadata) -> io::Result<SystemTime> {
    metadata.modified()
}
