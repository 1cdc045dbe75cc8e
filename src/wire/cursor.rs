//! Reading and writing integers and byte strings without ever leaving the buffer.

use std::fmt;

/// The largest number that a variable-length integer can carry.
pub const MAX_VARINT: u64 = (1 << 62) - 1;

/// Why an input could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Why {
    /// The input ends inside the field.
    Truncated,
    /// A type, or a version, that this implementation does not know.
    Unknown,
    /// A value that the specification forbids there.
    Invalid,
    /// The header check does not fit the header: damaged, or not towline's.
    HeaderCheck,
    /// The checksum does not fit the packet.
    Checksum,
}

/// Where decoding stopped, at which field, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DecodeError {
    /// Offset of the field in the input, in bytes.
    pub at: usize,
    /// The field.
    pub what: &'static str,
    /// What is wrong with it.
    pub why: Why,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.why {
            Why::Truncated => "is cut off",
            Why::Unknown => "is unknown",
            Why::Invalid => "has a forbidden value",
            Why::HeaderCheck => "does not match its header check",
            Why::Checksum => "does not match its checksum",
        };
        write!(f, "{} at byte {} {why}", self.what, self.at)
    }
}

impl std::error::Error for DecodeError {}

/// A position in a borrowed input.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// At the start of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes read so far.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// Bytes not read yet.
    pub const fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// An error at the present position.
    pub const fn error(&self, what: &'static str, why: Why) -> DecodeError {
        DecodeError { at: self.at, what, why }
    }

    /// The next `n` bytes.
    pub fn take(&mut self, n: usize, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let end = self.at.checked_add(n).ok_or(self.error(what, Why::Truncated))?;
        let taken = self.bytes.get(self.at..end).ok_or(self.error(what, Why::Truncated))?;
        self.at = end;
        Ok(taken)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], DecodeError> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N, what)?);
        Ok(out)
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at = self.bytes.len();
        rest
    }

    /// One byte.
    pub fn u8(&mut self, what: &'static str) -> Result<u8, DecodeError> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    /// A 32-bit number in network byte order.
    pub fn u32(&mut self, what: &'static str) -> Result<u32, DecodeError> {
        self.array(what).map(u32::from_be_bytes)
    }

    /// A 64-bit number in network byte order.
    pub fn u64(&mut self, what: &'static str) -> Result<u64, DecodeError> {
        self.array(what).map(u64::from_be_bytes)
    }

    /// A number of `len` bytes (at most 8) in network byte order.
    pub fn uint(&mut self, len: usize, what: &'static str) -> Result<u64, DecodeError> {
        Ok(self.take(len, what)?.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)))
    }

    /// A variable-length integer: the two high bits of the first byte give the length (RFC 9000 §16).
    pub fn varint(&mut self, what: &'static str) -> Result<u64, DecodeError> {
        let first = *self.bytes.get(self.at).ok_or(self.error(what, Why::Truncated))?;
        let len = 1 << (first >> 6);
        let mask = u64::MAX >> (66 - 8 * len);
        Ok(self.uint(len, what)? & mask)
    }

    /// A byte string behind a variable-length length.
    pub fn prefixed(&mut self, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let len = self.varint(what)?;
        let len = usize::try_from(len).map_err(|_| self.error(what, Why::Truncated))?;
        self.take(len, what)
    }
}

/// Bytes that `value` takes as a variable-length integer.
pub const fn varint_len(value: u64) -> usize {
    match value {
        0..=0x3f => 1,
        0x40..=0x3fff => 2,
        0x4000..=0x3fff_ffff => 4,
        _ => 8,
    }
}

/// Appends to a buffer up to a limit. Callers ask `room` first; what does not fit is a bug of theirs
/// that debug builds catch.
#[derive(Debug)]
pub struct Writer<'b> {
    buf: &'b mut Vec<u8>,
    limit: usize,
}

impl<'b> Writer<'b> {
    /// Appends to `buf` until it is `limit` bytes long.
    pub fn new(buf: &'b mut Vec<u8>, limit: usize) -> Self {
        Self { buf, limit }
    }

    /// Bytes that still fit.
    pub fn room(&self) -> usize {
        self.limit.saturating_sub(self.buf.len())
    }

    /// Sets `n` bytes at the end aside, until they are given back.
    pub fn set_aside(&mut self, n: usize) {
        self.limit = self.limit.saturating_sub(n);
    }

    /// Gives back what was set aside.
    pub fn give_back(&mut self, n: usize) {
        self.limit += n;
    }

    /// Length of the whole buffer.
    pub fn len(&self) -> usize {
        self.buf.len()
    }

    /// Whether the buffer is empty.
    pub fn is_empty(&self) -> bool {
        self.buf.is_empty()
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.bytes(&[value]);
    }

    /// A 32-bit number in network byte order.
    pub fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    /// A 64-bit number in network byte order.
    pub fn u64(&mut self, value: u64) {
        self.bytes(&value.to_be_bytes());
    }

    /// The low `len` bytes of a number in network byte order.
    pub fn uint(&mut self, value: u64, len: usize) {
        self.bytes(&value.to_be_bytes()[8 - len.min(8)..]);
    }

    /// A variable-length integer; values above [`MAX_VARINT`] are a bug and written as that maximum.
    pub fn varint(&mut self, value: u64) {
        debug_assert!(value <= MAX_VARINT, "{value} does not fit a varint");
        let value = value.min(MAX_VARINT);
        let len = varint_len(value);
        let tag = u64::from(len.trailing_zeros()) << (8 * len - 2);
        self.uint(value | tag, len);
    }

    /// Bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        debug_assert!(bytes.len() <= self.room(), "writing past the packet's limit");
        self.buf.extend_from_slice(bytes);
    }

    /// A byte string behind a variable-length length.
    pub fn prefixed(&mut self, bytes: &[u8]) {
        self.varint(bytes.len() as u64);
        self.bytes(bytes);
    }
}
