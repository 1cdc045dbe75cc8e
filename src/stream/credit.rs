//! Credit: how much may be sent, and how much was promised to be taken. One implementation serves
//! the connection's bytes, a stream's bytes and the number of streams.

use crate::wire::MAX_VARINT;

/// What was used of the credit between two ends, as one of them counts it. At rest, when all has arrived
/// and was read, what one has `sent` is what the other has `received` and `returned`: simulations and
/// fuzzers compare them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CreditUse {
    /// What this end used of the peer's credit.
    pub sent: u64,
    /// What the peer used of this end's, as far as has arrived.
    pub received: u64,
    /// What of that was read, or will never be.
    pub returned: u64,
}

/// What the peer allows, and how much of it is used.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SendCredit {
    limit: u64,
    used: u64,
}

impl SendCredit {
    /// Nothing used of `limit`.
    pub(super) const fn new(limit: u64) -> Self {
        Self { limit, used: 0 }
    }

    /// What may still be used.
    pub(super) const fn available(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }

    /// What was used.
    pub(super) const fn used(&self) -> u64 {
        self.used
    }

    /// Takes a new limit; smaller ones are old news (RFC 9000 §4.1). Returns whether it grew.
    pub(super) const fn raise(&mut self, limit: u64) -> bool {
        let grew = limit > self.limit;
        if grew {
            self.limit = limit;
        }
        grew
    }

    /// Uses `n`, which must be available.
    pub(super) fn take(&mut self, n: u64) {
        debug_assert!(n <= self.available(), "{n} taken of {}", self.available());
        self.used += n;
    }
}

/// The peer used more than it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exceeded;

/// What the peer was promised, how much of it it used, and how much the consumer took of that.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecvCredit {
    /// How far the limit stays ahead of what was taken.
    window: u64,
    /// As last advertised.
    limit: u64,
    used: u64,
    taken: u64,
    /// `taken` when the present round began.
    round_start: u64,
    /// An update that at least doubles what the peer has left is worth sending from this size on.
    grain: u64,
    /// The limit is to be sent again, changed or not: it was lost.
    repeat: bool,
    /// Somebody waits for it: however small the step is, all there is, is to be advertised.
    is_asked: bool,
}

/// How many round trips' worth of data a window holds. One is on its way, and a byte that is lost k
/// times holds k more back: at 20 % loss one byte in 16,000 is lost six times.
const ROUNDS: u64 = 8;

impl RecvCredit {
    /// Advertises `window`. Updates wait for a quarter of the window; where several consumers share
    /// it, one may be stuck with less, so from `grain` on they go when they double what is left.
    pub(super) const fn new(window: u64, grain: u64) -> Self {
        Self {
            window,
            limit: window,
            used: 0,
            taken: 0,
            round_start: 0,
            grain,
            repeat: false,
            is_asked: false,
        }
    }

    /// What the peer used of it.
    pub(super) const fn used(&self) -> u64 {
        self.used
    }

    /// What the consumer took of that.
    pub(super) const fn taken(&self) -> u64 {
        self.taken
    }

    /// Whether the peer may use `n` more.
    pub(super) const fn check(&self, n: u64) -> Result<(), Exceeded> {
        if n <= self.limit.saturating_sub(self.used) { Ok(()) } else { Err(Exceeded) }
    }

    /// The peer used `n` more, which `check` has allowed.
    pub(super) fn charge(&mut self, n: u64) {
        debug_assert_eq!(self.check(n), Ok(()));
        self.used += n;
    }

    /// The consumer took `n` of what the peer used.
    pub(super) fn take(&mut self, n: u64) {
        self.taken += n;
        debug_assert!(self.taken <= self.used, "took {} of {}", self.taken, self.used);
    }

    /// Tell the peer the limit once more.
    pub(super) const fn repeat(&mut self) {
        self.repeat = true;
    }

    /// Tell the peer all that it can have, however little that is: it asked.
    pub(super) const fn ask(&mut self) {
        self.is_asked = true;
    }

    /// Whether to tell the peer the limit.
    pub(super) const fn wants_update(&self) -> bool {
        self.repeat || self.is_asked || self.is_due()
    }

    /// Tells the peer the limit: the new one if it is due or was asked for, else the last one again.
    pub(super) fn advertise(&mut self) -> u64 {
        if self.is_asked || self.is_due() {
            self.limit = self.target();
        }
        (self.repeat, self.is_asked) = (false, false);
        self.limit
    }

    /// A round trip is over. The window grows with what the consumer took in it, up to `max`.
    pub(super) fn on_round(&mut self, max: u64) {
        let wanted = (self.taken - self.round_start).saturating_mul(ROUNDS);
        self.window = self.window.max(wanted.min(max));
        self.round_start = self.taken;
    }

    /// Where the limit could be.
    const fn target(&self) -> u64 {
        let target = self.taken.saturating_add(self.window);
        if target < MAX_VARINT { target } else { MAX_VARINT }
    }

    /// Whether the limit can move far enough: never by small steps (the silly window syndrome,
    /// RFC 9293 §3.8.6.2.2).
    const fn is_due(&self) -> bool {
        let step = self.target().saturating_sub(self.limit);
        let left = self.limit.saturating_sub(self.used);
        step > 0 && (step >= self.window / 4 || (step >= self.grain && step >= left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn send_limits_only_grow() {
        let mut credit = SendCredit::new(10);
        credit.take(4);
        assert!(!credit.raise(9));
        assert!(!credit.raise(10));
        assert_eq!(credit.available(), 6);
        assert!(credit.raise(11));
        assert_eq!(credit.available(), 7);
    }

    #[test]
    fn a_reader_of_single_bytes_causes_one_update_per_quarter() {
        let mut credit = RecvCredit::new(1000, u64::MAX);
        credit.charge(1000);
        let mut updates = Vec::new();
        for _ in 0..1000 {
            credit.take(1);
            if credit.is_due() {
                updates.push(credit.advertise());
            }
        }
        assert_eq!(updates, [1250, 1500, 1750, 2000]);
    }

    #[test]
    fn a_consumer_beside_an_idle_one_is_not_stuck_below_a_quarter() {
        let mut credit = RecvCredit::new(1000, 10);
        credit.charge(900); // Somebody else's, never taken.
        for _ in 0..100 {
            let left = credit.limit - credit.used;
            assert!(left > 0);
            credit.charge(left);
            credit.take(left);
            credit.advertise();
        }
    }

    #[test]
    fn who_asks_gets_all_there_is_and_who_lost_an_update_the_same_again() {
        let mut credit = RecvCredit::new(1000, u64::MAX);
        credit.charge(1000);
        credit.take(7);
        assert!(!credit.wants_update());
        credit.repeat();
        assert!(credit.wants_update());
        assert_eq!(credit.advertise(), 1000);
        credit.ask();
        assert!(credit.wants_update());
        assert_eq!(credit.advertise(), 1007);
        assert!(!credit.wants_update());
        assert_eq!((credit.check(7), credit.check(8)), (Ok(()), Err(Exceeded)));
        credit.ask();
        assert_eq!(credit.advertise(), 1007);
    }

    #[test]
    fn windows_grow_to_several_rounds_of_a_busy_consumer_and_up_to_the_maximum() {
        let mut credit = RecvCredit::new(100, u64::MAX);
        let mut round = |n: u64| {
            credit.charge(n);
            credit.take(n);
            credit.on_round(300);
            credit.advertise();
            credit.limit - credit.used
        };
        assert_eq!(round(25), 200);
        assert_eq!(round(0), 200);
        assert_eq!(round(200), 300);
        assert_eq!(round(300), 300);
    }

    proptest! {
        /// Both ends against each other: the sender never exceeds, and whenever everything is taken
        /// the sender has more than three quarters of a window.
        #[test]
        fn both_ends_agree(window in 1..5000u64, ops in prop::collection::vec((0..4u8, 1..2000u64), 0..200)) {
            let mut recv = RecvCredit::new(window, u64::MAX);
            let mut send = SendCredit::new(window);
            for (op, n) in ops {
                match op {
                    0 => {
                        let n = n.min(send.available());
                        send.take(n);
                        prop_assert_eq!(recv.check(n), Ok(()));
                        recv.charge(n);
                    }
                    1 => recv.take(n.min(recv.used() - recv.taken())),
                    2 => { send.raise(recv.advertise()); }
                    _ => prop_assert_eq!(recv.check(recv.limit - recv.used + 1), Err(Exceeded)),
                }
                prop_assert!(recv.taken() <= recv.used() && recv.used() <= recv.limit);
                prop_assert!(recv.limit <= recv.taken() + window);
            }
            recv.take(recv.used() - recv.taken());
            send.raise(recv.advertise());
            prop_assert!(send.available() * 4 > window * 3 || send.available() == window);
        }
    }
}
