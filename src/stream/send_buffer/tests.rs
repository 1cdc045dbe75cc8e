//! The buffer against a model that remembers the fate of every transmission.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Op {
    Write(usize),
    Finish,
    /// Sends lost data, or else new data, at most this much.
    Send(u64),
    /// Sends new data even if some is lost.
    SendNew(u64),
    /// The transmission at this place (modulo how many are in flight) arrives; the news reach us.
    Ack(usize),
    /// It arrives, and the acknowledgement is late: it is thought lost first.
    LateAck(usize),
    Lose(usize),
    /// One of those thought lost is acknowledged after all.
    Revive(usize),
    Requeue(u64),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (0..40usize).prop_map(Op::Write),
        1 => Just(Op::Finish),
        5 => (0..20u64).prop_map(Op::Send),
        2 => (0..20u64).prop_map(Op::SendNew),
        4 => any::<usize>().prop_map(Op::Ack),
        2 => any::<usize>().prop_map(Op::LateAck),
        3 => any::<usize>().prop_map(Op::Lose),
        2 => any::<usize>().prop_map(Op::Revive),
        2 => (1..20u64).prop_map(Op::Requeue),
    ]
}

const fn byte(offset: u64) -> u8 {
    (offset.wrapping_mul(0x9e37_79b9) >> 7) as u8
}

#[derive(Clone, Debug)]
struct Sent {
    chunk: Chunk,
    copy: u32,
    arrived: bool,
}

#[derive(Default)]
struct Model {
    buffer: SendBuffer,
    written: u64,
    /// Per number (FIN is the last one): how often it was acknowledged first.
    acked: Vec<bool>,
    in_flight: Vec<Sent>,
    thought_lost: Vec<Sent>,
    received: Vec<Option<u8>>,
    fin_at: Option<u64>,
}

impl Model {
    fn apply(&mut self, op: &Op) {
        let pick = |n: usize, of: &Vec<Sent>| (!of.is_empty()).then(|| n % of.len());
        match *op {
            Op::Write(n) if !self.buffer.is_finished() => {
                let data: Vec<u8> = (self.written..self.written + n as u64).map(byte).collect();
                self.buffer.write(&data);
                self.written += n as u64;
            }
            Op::Write(_) => {}
            Op::Finish => self.buffer.finish(),
            Op::Send(max) => {
                if let Some(chunk) = self.buffer.next_lost().or_else(|| self.buffer.next_new()) {
                    self.send(chunk.cut(max));
                }
            }
            Op::SendNew(max) => {
                if let Some(chunk) = self.buffer.next_new() {
                    self.send(chunk.cut(max));
                }
            }
            Op::Ack(n) => {
                if let Some(at) = pick(n, &self.in_flight) {
                    let sent = self.in_flight.remove(at);
                    self.arrive(&sent.chunk);
                    self.ack(&sent.chunk);
                }
            }
            Op::Lose(n) | Op::LateAck(n) => {
                if let Some(at) = pick(n, &self.in_flight) {
                    let mut sent = self.in_flight.remove(at);
                    sent.arrived = matches!(op, Op::LateAck(_));
                    if sent.arrived {
                        self.arrive(&sent.chunk);
                    }
                    self.buffer.on_lost(&sent.chunk, sent.copy);
                    self.thought_lost.push(sent);
                }
            }
            Op::Revive(n) => {
                if let Some(at) = pick(n, &self.thought_lost)
                    && self.thought_lost[at].arrived
                {
                    let sent = self.thought_lost.remove(at);
                    self.ack(&sent.chunk);
                }
            }
            Op::Requeue(max) => {
                let has_unacked = self.in_flight_numbers().next().is_some();
                assert_eq!(self.buffer.requeue_newest(max), has_unacked || self.buffer.has_lost());
            }
        }
    }

    fn send(&mut self, chunk: Chunk) {
        if chunk.is_empty() && !chunk.fin {
            return;
        }
        let (front, back) = self.buffer.slices(chunk.range.clone());
        let data: Vec<u8> = front.iter().chain(back).copied().collect();
        assert_eq!(data, chunk.range.clone().map(byte).collect::<Vec<_>>(), "{chunk:?}");
        let copy = self.buffer.on_sent(&chunk);
        self.in_flight.push(Sent { chunk, copy, arrived: false });
    }

    fn arrive(&mut self, chunk: &Chunk) {
        let end = chunk.range.end as usize;
        self.received.resize(self.received.len().max(end), None);
        for offset in chunk.range.clone() {
            self.received[offset as usize] = Some(byte(offset));
        }
        if chunk.fin {
            assert_eq!(*self.fin_at.get_or_insert(chunk.range.end), chunk.range.end);
        }
    }

    fn ack(&mut self, chunk: &Chunk) {
        let span = chunk.range.start as usize..chunk.range.end as usize + usize::from(chunk.fin);
        self.acked.resize(self.acked.len().max(span.end), false);
        self.acked[span].fill(true);
        self.buffer.on_acked(chunk);
    }

    fn is_acked(&self, number: u64) -> bool {
        self.acked.get(number as usize).copied().unwrap_or(false)
    }

    /// Numbers that were sent, are not acknowledged, and do not wait to be sent again.
    fn in_flight_numbers(&self) -> impl Iterator<Item = u64> + '_ {
        (0..self.buffer.nxt).filter(|n| !self.is_acked(*n) && !self.buffer.lost.contains(*n))
    }

    fn check(&self) {
        let counts = self.buffer.counts();
        let acknowledged = (0..self.written).filter(|o| self.is_acked(*o)).count() as u64;
        assert_eq!(counts.written, self.written);
        assert_eq!(counts.acknowledged, acknowledged);
        assert_eq!(counts.acknowledged + counts.in_doubt + counts.unsent, self.written);
        // Nothing is forgotten: what is neither acknowledged nor queued is really in flight.
        for number in self.in_flight_numbers() {
            let carried = self.in_flight.iter().any(|s| s.chunk.span().contains(&number));
            assert!(carried, "{number} is lost for ever: {:?}", self.buffer);
        }
        for range in self.buffer.lost.iter() {
            assert!(range.clone().all(|n| !self.is_acked(n)), "acknowledged, yet queued again");
        }
        // Bytes are held exactly from the lowest unacknowledged one on.
        let una = (0..self.written).find(|o| !self.is_acked(*o)).unwrap_or(self.written);
        assert_eq!(self.buffer.len() as u64, self.written - una);
        assert!(self.buffer.copies.len() <= MAX_COPIES);
        for range in self.buffer.doubled.iter() {
            assert!(range.clone().all(|n| self.buffer.lost.contains(n)), "doubled, not queued");
        }
    }
}

proptest! {
    #[test]
    fn nothing_is_forgotten_whatever_the_fates(ops in prop::collection::vec(op(), 0..150)) {
        let mut model = Model::default();
        for op in &ops {
            model.apply(op);
            model.check();
        }
        // Heal: everything that is sent arrives.
        model.apply(&Op::Finish);
        for _ in 0..10_000 {
            if model.buffer.is_all_acked() { break; }
            model.apply(&Op::Send(u64::MAX));
            model.apply(&Op::Ack(0));
            model.check();
        }
        prop_assert!(model.buffer.is_all_acked());
        prop_assert!(!model.buffer.has_lost() && model.buffer.is_empty());
        prop_assert_eq!(model.fin_at, Some(model.written));
        let expected: Vec<_> = (0..model.written).map(|o| Some(byte(o))).collect();
        prop_assert_eq!(model.received, expected);
    }
}

fn sent(buffer: &mut SendBuffer, chunk: Chunk) -> Sent {
    let copy = buffer.on_sent(&chunk);
    Sent { chunk, copy, arrived: false }
}

#[test]
fn a_probe_in_flight_spares_the_retransmission() {
    let mut buffer = SendBuffer::new();
    buffer.write(&[0; 100]);
    let chunk = buffer.next_new().unwrap();
    let original = sent(&mut buffer, chunk);
    assert!(buffer.requeue_newest(30));
    assert_eq!(buffer.next_lost(), Some(Chunk { range: 70..100, fin: false }));
    let chunk = buffer.next_lost().unwrap();
    let probe = sent(&mut buffer, chunk);
    buffer.on_lost(&original.chunk, original.copy);
    assert_eq!(buffer.next_lost(), Some(Chunk { range: 0..70, fin: false }));
    buffer.on_lost(&probe.chunk, probe.copy);
    assert_eq!(buffer.next_lost(), Some(Chunk { range: 0..100, fin: false }));
}

#[test]
fn a_lost_probe_is_repeated_and_then_governs() {
    let mut buffer = SendBuffer::new();
    buffer.write(&[0; 10]);
    let chunk = buffer.next_new().unwrap();
    let original = sent(&mut buffer, chunk.clone());
    assert!(buffer.requeue_newest(99));
    let probe = sent(&mut buffer, chunk.clone());
    buffer.on_lost(&probe.chunk, probe.copy);
    assert!(buffer.has_lost());
    sent(&mut buffer, chunk);
    buffer.on_lost(&original.chunk, original.copy);
    assert!(!buffer.has_lost(), "the second probe is in flight");
}

#[test]
fn a_late_acknowledgement_cancels_the_retransmission() {
    let mut buffer = SendBuffer::new();
    buffer.write(&[0; 10]);
    buffer.finish();
    let chunk = buffer.next_new().unwrap();
    assert_eq!(chunk, Chunk { range: 0..10, fin: true });
    let sent = sent(&mut buffer, chunk);
    buffer.on_lost(&sent.chunk, sent.copy);
    assert!(buffer.has_lost());
    assert_eq!(buffer.on_acked(&sent.chunk), 10);
    assert!(!buffer.has_lost() && buffer.is_all_acked());
}

#[test]
fn copies_are_bounded_and_the_newest_are_remembered() {
    let mut buffer = SendBuffer::new();
    buffer.write(&[0; 10]);
    let chunk = buffer.next_new().unwrap();
    let original = sent(&mut buffer, chunk.clone());
    for _ in 0..3 * MAX_COPIES {
        assert!(buffer.requeue_newest(99));
        sent(&mut buffer, chunk.clone());
    }
    assert_eq!(buffer.copies.len(), MAX_COPIES);
    buffer.on_lost(&original.chunk, original.copy);
    assert!(!buffer.has_lost());
}

#[test]
fn copy_numbers_wrap() {
    assert!(is_newer(0, u32::MAX) && !is_newer(u32::MAX, 0) && !is_newer(5, 5) && is_newer(6, 5));
}

#[test]
fn an_empty_buffer_frees_its_memory() {
    let mut buffer = SendBuffer::new();
    buffer.write(&vec![1; 1 << 20]);
    assert!(buffer.memory() >= 1 << 20);
    let chunk = buffer.next_new().unwrap();
    buffer.on_sent(&chunk);
    assert_eq!(buffer.on_acked(&chunk), 1 << 20);
    assert_eq!(buffer.memory(), 0);
    assert_eq!(buffer.clear(), 0);
}
