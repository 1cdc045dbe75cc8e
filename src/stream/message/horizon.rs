//! How far a channel's numbers go, as its receiver knows.

use crate::stream::Violation;
use crate::wire::{MAX_VARINT, MessageNumber};

/// The highest number seen, and the end.
#[derive(Debug, Default)]
pub(super) struct Horizon {
    /// The number behind the highest one seen: numbers are expanded with it, and END may not be below.
    beyond: u64,
    /// Where the peer has ended the channel.
    end: Option<u64>,
}

impl Horizon {
    /// The number that was meant.
    pub(super) fn expand(&self, number: MessageNumber) -> u64 {
        number.expand(self.beyond)
    }

    /// Numbers below `beyond` are spoken of: whether they may be.
    pub(super) fn check(&self, beyond: u64) -> Result<(), Violation> {
        match self.end {
            _ if beyond > MAX_VARINT + 1 => Err(Violation::StreamState),
            Some(end) if beyond > end => Err(Violation::FinalSize),
            _ => Ok(()),
        }
    }

    /// They are taken.
    pub(super) fn extend(&mut self, beyond: u64) {
        self.beyond = self.beyond.max(beyond);
    }

    /// The number behind the highest one seen.
    pub(super) const fn beyond(&self) -> u64 {
        self.beyond
    }

    /// CHANNEL_END came; returns whether it is the first.
    pub(super) fn on_end(&mut self, end: u64) -> Result<bool, Violation> {
        if self.end.is_some_and(|known| known != end) || end < self.beyond {
            return Err(Violation::FinalSize);
        }
        Ok(self.end.replace(end).is_none())
    }

    /// Where the channel ends, if that is known.
    pub(super) const fn end(&self) -> Option<u64> {
        self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_lies_behind_the_end() {
        let mut horizon = Horizon::default();
        assert_eq!(horizon.check(MAX_VARINT + 1), Ok(()));
        assert_eq!(horizon.check(MAX_VARINT + 2), Err(Violation::StreamState));
        horizon.extend(5);
        horizon.extend(3);
        assert_eq!(horizon.on_end(4), Err(Violation::FinalSize));
        assert_eq!(horizon.on_end(5), Ok(true));
        assert_eq!(horizon.on_end(5), Ok(false));
        assert_eq!(horizon.on_end(6), Err(Violation::FinalSize));
        assert_eq!(horizon.check(5), Ok(()));
        assert_eq!(horizon.check(6), Err(Violation::FinalSize));
    }
}
