//! What the connection asks about single packets and about the user's rate.

use super::Recovery;

impl<T: Clone> Recovery<T> {
    /// The last four bytes of a packet in flight, as it was sent: what a RESET that answers it echoes.
    pub fn trailer(&self, number: u64) -> Option<u32> {
        self.sent.get(number).filter(|entry| entry.contents.is_some()).map(|entry| entry.trailer)
    }

    /// Whether the user's own limit, and not the controller, sets the rate.
    pub fn is_at_max_rate(&self) -> bool {
        self.config.max_rate.is_some_and(|max| self.pacing_rate() >= max)
    }
}
