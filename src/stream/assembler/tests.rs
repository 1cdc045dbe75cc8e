//! Reassembly against one slot per byte, and its bounds under hostile pieces.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Op {
    /// Offset relative to the next unread byte (may lie below), length.
    Insert(isize, usize),
    Read(usize),
    Peek(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let len = prop_oneof![0..40usize, 0..3000usize, 4000..9000usize];
    let at = prop_oneof![Just(0isize), -50..200isize, -5000..20_000isize];
    prop_oneof![
        4 => (at, len.clone()).prop_map(|(at, len)| Op::Insert(at, len)),
        2 => len.clone().prop_map(Op::Read),
        1 => len.prop_map(Op::Peek),
    ]
}

const fn byte(offset: u64) -> u8 {
    (offset.wrapping_mul(0x9e37_79b9) >> 9) as u8
}

#[derive(Default)]
struct Model {
    there: Vec<Option<u8>>,
    read: usize,
}

impl Model {
    fn readable(&self) -> usize {
        self.there.iter().skip(self.read).take_while(|b| b.is_some()).count()
    }

    fn insert(&mut self, at: usize, data: &[u8]) -> u64 {
        self.there.resize(self.there.len().max(at + data.len()), None);
        let slots = self.there[at..].iter_mut().zip(data);
        slots.map(|(slot, b)| u64::from(slot.replace(*b).is_none())).sum()
    }
}

proptest! {
    #[test]
    fn behaves_like_one_slot_per_byte(ops in prop::collection::vec(op(), 0..60)) {
        let mut assembler = Assembler::new();
        let mut model = Model::default();
        for op in ops {
            match op {
                Op::Insert(at, len) => {
                    let at = model.read.saturating_add_signed(at);
                    let data: Vec<u8> = (at as u64..(at + len) as u64).map(byte).collect();
                    prop_assert_eq!(assembler.insert(at as u64, &data), Ok(model.insert(at, &data)));
                }
                Op::Read(len) | Op::Peek(len) => {
                    let mut buf = vec![0; len];
                    let is_read = matches!(op, Op::Read(_));
                    let n = if is_read { assembler.read(&mut buf) } else { assembler.peek(&mut buf) };
                    prop_assert_eq!(n, len.min(model.readable()));
                    let expected: Vec<u8> = (model.read as u64..).take(n).map(byte).collect();
                    prop_assert_eq!(&buf[..n], &expected[..]);
                    if is_read { model.read += n; }
                }
            }
            prop_assert_eq!(assembler.readable() as usize, model.readable());
            let window = model.there.len().saturating_sub(model.read);
            prop_assert!(assembler.blocks.len() <= window / BLOCK + 2);
            prop_assert!(assembler.spare.len() <= MAX_SPARE);
            let unread = model.there.iter().skip(model.read).any(Option::is_some);
            prop_assert_eq!(assembler.blocks.is_empty(), !unread);
            prop_assert!(unread || assembler.spare.is_empty());
        }
    }
}

#[test]
fn single_bytes_with_single_gaps_are_bounded() {
    let mut assembler = Assembler::new();
    for piece in 0..MAX_PIECES as u64 {
        assert_eq!(assembler.insert(1 + 2 * piece, &[1]), Ok(1));
    }
    let beyond = 1 + 2 * MAX_PIECES as u64;
    let memory = assembler.memory();
    assert_eq!(assembler.insert(beyond, &[1]), Err(Full));
    assert_eq!(assembler.memory(), memory);
    assert!(memory <= 10 * BLOCK + MAX_PIECES * 16 + 4096, "{memory}");
    assert_eq!(assembler.insert(beyond - 1, &[1]), Ok(1), "it adjoins a piece");
    assert_eq!(assembler.insert(5, &[1]), Ok(0), "it is there already");
    assert_eq!(assembler.insert(0, &[1]), Ok(1), "it continues the stream");
    assert_eq!(assembler.readable(), 2);
    assert_eq!(assembler.insert(beyond, &[1]), Ok(1), "there is one piece less");
    for gap in 1..=MAX_PIECES as u64 {
        assembler.insert(2 * gap, &[1]).unwrap();
    }
    assert_eq!(assembler.read(&mut vec![0; 1 << 20]) as u64, beyond + 1);
    assert_eq!(assembler.memory(), assembler.blocks.capacity() * size_of::<Block>());
}

#[test]
fn a_far_piece_takes_one_block() {
    let mut assembler = Assembler::new();
    assembler.insert((1 << 62) - 2, &[7]).unwrap();
    assert_eq!(assembler.blocks.len(), 1);
    assembler.insert(64 << 20, &[7]).unwrap();
    assert_eq!(assembler.blocks.len(), 2);
    assert!(assembler.memory() < 3 * BLOCK);
    assembler.clear();
    assert_eq!(assembler.memory(), 0);
}
