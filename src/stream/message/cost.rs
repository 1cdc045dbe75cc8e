//! What a message costs: the unit of credit and of every bound on messages.

/// What a message costs beside its bytes, in credit and in every bound: so an empty one is not free.
pub const MESSAGE_COST: u64 = 32;

/// What a message of `len` bytes costs.
pub(in crate::stream) const fn cost(len: u64) -> u64 {
    len + MESSAGE_COST
}
