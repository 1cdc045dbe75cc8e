//! What is kept of a file or folder beside its content: permissions and the time of the last change.

use std::fs::{File, FileTimes, Metadata};
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Permissions of user, group and others. Set-user-id, set-group-id and sticky are never kept: they
/// would lend the receiver's rights.
const PERMISSIONS: u16 = 0o777;
/// Says that the sender's system has no such permissions.
const UNKNOWN: u16 = 0xffff;
/// How many bytes they take on the wire.
pub(super) const BYTES: usize = 14;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    /// None where the sender's system has none.
    pub(crate) mode: Option<u16>,
    /// None where it cannot be told.
    pub(crate) modified: Option<SystemTime>,
}

impl Attributes {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let mode = {
            use std::os::unix::fs::MetadataExt;
            Some((metadata.mode() & u32::from(PERMISSIONS)) as u16)
        };
        #[cfg(not(unix))]
        let mode = None;
        Self { mode, modified: metadata.modified().ok() }
    }

    /// Gives them to an open file or folder, as far as they are known.
    pub(crate) fn apply(&self, file: &File) -> io::Result<()> {
        self.apply_mode(file)?;
        self.apply_time(file)
    }

    pub(crate) fn apply_time(&self, file: &File) -> io::Result<()> {
        self.modified.map_or(Ok(()), |time| file.set_times(FileTimes::new().set_modified(time)))
    }

    #[cfg(unix)]
    pub(crate) fn apply_mode(&self, file: &File) -> io::Result<()> {
        use std::fs::Permissions;
        use std::os::unix::fs::PermissionsExt;
        let set = |mode| file.set_permissions(Permissions::from_mode(u32::from(mode)));
        self.mode.map_or(Ok(()), set)
    }

    #[cfg(not(unix))]
    #[expect(clippy::unused_self, reason = "this system has no such permissions")]
    pub(crate) fn apply_mode(&self, _file: &File) -> io::Result<()> {
        Ok(())
    }

    /// Mode(2), seconds since 1970(8), nanoseconds(4).
    pub(super) fn to_bytes(self) -> [u8; BYTES] {
        let (seconds, nanoseconds) = self.modified.map_or((0, u32::MAX), since_1970);
        let mut bytes = [0; BYTES];
        bytes[..2].copy_from_slice(&self.mode.unwrap_or(UNKNOWN).to_be_bytes());
        bytes[2..10].copy_from_slice(&seconds.to_be_bytes());
        bytes[10..].copy_from_slice(&nanoseconds.to_be_bytes());
        bytes
    }

    /// A time that this system does not have is none.
    pub(super) fn from_bytes(bytes: [u8; BYTES]) -> Self {
        let [m0, m1, s @ .., n0, n1, n2, n3] = bytes;
        let mode = u16::from_be_bytes([m0, m1]);
        let nanoseconds = u32::from_be_bytes([n0, n1, n2, n3]);
        Self {
            mode: (mode != UNKNOWN).then_some(mode & PERMISSIONS),
            modified: time(i64::from_be_bytes(s), nanoseconds),
        }
    }
}

/// Whole seconds, rounded down, and nanoseconds.
fn since_1970(time: SystemTime) -> (i64, u32) {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => (after.as_secs().cast_signed(), after.subsec_nanos()),
        Err(before) => {
            let before = before.duration();
            let whole = -before.as_secs().cast_signed();
            match before.subsec_nanos() {
                0 => (whole, 0),
                part => (whole - 1, 1_000_000_000 - part),
            }
        }
    }
}

fn time(seconds: i64, nanoseconds: u32) -> Option<SystemTime> {
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let whole =
        if seconds < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
    let part = (nanoseconds < 1_000_000_000).then(|| Duration::from_nanos(u64::from(nanoseconds)));
    whole?.checked_add(part?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_survive_the_wire() {
        let at = |seconds, nanoseconds| time(seconds, nanoseconds).unwrap();
        for modified in [at(0, 0), at(1_700_000_000, 123_456_789), at(-1, 999_999_999), at(-5, 0)] {
            for mode in [None, Some(0), Some(0o755)] {
                let attributes = Attributes { mode, modified: Some(modified) };
                assert_eq!(Attributes::from_bytes(attributes.to_bytes()), attributes);
            }
        }
        assert_eq!(Attributes::from_bytes(Attributes::default().to_bytes()), Attributes::default());
        assert_eq!(since_1970(at(-1, 500_000_000)), (-1, 500_000_000));
    }

    #[test]
    fn what_lends_rights_is_dropped() {
        let mut bytes = Attributes::default().to_bytes();
        bytes[..2].copy_from_slice(&0o7755u16.to_be_bytes());
        assert_eq!(Attributes::from_bytes(bytes).mode, Some(0o755));
    }

    #[test]
    fn times_that_cannot_be_are_none() {
        for seconds in [i64::MAX, i64::MIN] {
            assert!(time(seconds, 999_999_999).is_none_or(|time| since_1970(time).0 == seconds));
        }
        assert_eq!(time(0, 1_000_000_000), None);
    }
}
