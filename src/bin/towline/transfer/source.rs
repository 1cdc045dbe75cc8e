//! A file that is sent: opened, read, and watched for changes.

use super::error::TransferError;
use super::manifest::Entry;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};

#[derive(Debug)]
pub(super) struct Source {
    file: File,
    size: u64,
    read: u64,
    offered: std::time::SystemTime,
}

impl Source {
    /// Opens what was offered, to be read from this byte on.
    pub(super) fn open(entry: &Entry, from: u64) -> Result<Self, TransferError> {
        // Looked at before it is opened: opening a pipe would wait for its writer.
        let metadata = entry.local.metadata().map_err(TransferError::Source)?;
        let size = entry.size().unwrap_or(0);
        if !metadata.is_file() {
            return Err(TransferError::SourceChanged);
        }
        let mut file = File::open(&entry.local).map_err(TransferError::Source)?;
        file.seek(SeekFrom::Start(from)).map_err(TransferError::Source)?;
        let offered = entry.attributes.modified.unwrap_or(std::time::UNIX_EPOCH);
        let source = Self { file, size, read: from, offered };
        source.check()?;
        Ok(source)
    }

    /// Fills the buffer, if there is still so much to read.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<(), TransferError> {
        let length = fill(&mut self.file, buffer).map_err(TransferError::Source)?;
        self.read += length as u64;
        if length < buffer.len() {
            return Err(TransferError::SourceShrank { read: self.read, size: self.size });
        }
        Ok(())
    }

    /// That it still is what was offered.
    pub(super) fn check(&self) -> Result<(), TransferError> {
        let metadata = self.file.metadata().map_err(TransferError::Source)?;
        if metadata.len() < self.size {
            return Err(TransferError::SourceShrank { read: metadata.len(), size: self.size });
        }
        if metadata.len() != self.size || modified(&metadata) != self.offered {
            return Err(TransferError::SourceChanged);
        }
        Ok(())
    }
}

fn modified(metadata: &Metadata) -> std::time::SystemTime {
    metadata.modified().unwrap_or(std::time::UNIX_EPOCH)
}

/// Reads until the buffer is full or the source ends.
pub(crate) fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
