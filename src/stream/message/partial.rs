//! Messages that have arrived in part.

use crate::stream::Assembler;
use std::collections::BTreeMap;

/// At most as many as we said, by number.
#[derive(Debug)]
pub(super) struct Partials {
    open: BTreeMap<u64, Partial>,
    max: usize,
}

/// What is known of a message, and what has come of it. Its claimed length allocates nothing.
#[derive(Debug)]
struct Partial {
    total: u32,
    key: Option<u64>,
    bytes: Assembler,
}

/// A part that is unlike an earlier one: [`crate::stream::Violation::Message`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Contradiction;
