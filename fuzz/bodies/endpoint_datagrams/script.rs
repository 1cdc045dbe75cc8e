//! The input as a list of steps: what the network, the applications and the forger do.

use super::world::World;
use std::time::Duration;
use towline::wire::{Ecn, StreamId};

/// More steps than this make a run slow and find nothing that two runs would not.
const MAX_STEPS: usize = 256;

/// What is left of the input; zeros behind its end.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn u8(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    fn u16(&mut self) -> u16 {
        u16::from_be_bytes([self.u8(), self.u8()])
    }

    fn take(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(n.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

/// A step's first byte: what (4 bits), which side (1), how (3). Both sides come to rest after each.
pub(super) fn play(world: &mut World, script: &[u8]) {
    let mut script = Script(script);
    for _ in 0..MAX_STEPS {
        let Some([step]) = script.take(1).first_chunk() else { return };
        let (side, how) = (usize::from(step >> 4 & 1), step >> 5);
        match step & 0x0f {
            0..=6 => network(world, &mut script, step & 0x0f, side, how),
            7..=11 => application(world, &mut script, step & 0x0f, side, how),
            _ => forger(world, &mut script, step & 0x0f, side, how),
        }
        world.rest();
    }
}

/// `side` is who sent the packets.
fn network(world: &mut World, script: &mut Script<'_>, what: u8, side: usize, how: u8) {
    match what {
        0 => (0..=how).for_each(|_| world.deliver(side, None)),
        1 => world.deliver(side, Some([Ecn::Ce, Ecn::Ect0][usize::from(how & 1)])),
        2 => (0..=how).for_each(|_| drop(world.wire[side].pop_front())),
        3 => {
            if let Some(packet) = world.wire[side].front().cloned() {
                world.wire[side].push_back(packet);
                world.deliver(side, None);
            }
        }
        4 => {
            let places = usize::from(how).min(world.wire[side].len());
            world.wire[side].rotate_left(places);
        }
        5 => {
            for _ in 0..how.clamp(1, 3) {
                let at = script.u16();
                world.flip(side, usize::from(at));
            }
        }
        // Nanoseconds to minutes.
        _ => world.pass(Duration::from_nanos(1 << (script.u8() % 38))),
    }
}

/// `side` is whose application acts.
fn application(world: &mut World, script: &mut Script<'_>, what: u8, side: usize, how: u8) {
    let id = StreamId(u64::from(how));
    match what {
        7 => {
            let len = script.u16();
            world.write(side, id, usize::from(len));
        }
        8 => {
            let len = script.u16();
            world.read(side, id, usize::from(len));
        }
        9 => {
            let (how, code) = (script.u8() % 5, u64::from(script.u8()));
            world.finish(side, id, how, code);
        }
        10 => world.open(side),
        _ => match how {
            0..=2 => {
                let linger = Duration::from_millis(u64::from(script.u8()) * 100);
                world.close(side, linger);
            }
            3 => world.forget(side),
            4 => world.connect(),
            _ => world.settle(usize::from(how)),
        },
    }
}

/// `side` is who is deceived.
fn forger(world: &mut World, script: &mut Script<'_>, what: u8, side: usize, how: u8) {
    match what {
        12 | 13 => {
            let len = usize::from(script.u8());
            // Sometimes some numbers ahead, so that a gap has to be acknowledged.
            let ahead = if what == 13 { u64::from(script.u8()) } else { 0 };
            world.forge(side, script.take(len), how & 1 == 0, ahead);
        }
        14 => {
            let len = usize::from(script.u8()) << (how & 3);
            world.inject(side, script.take(len), how & 4 != 0);
        }
        _ if how == 7 => world.move_client(),
        _ => {
            let (at, byte) = (script.u16(), script.u8());
            world.rewrite(1 - side, usize::from(at), byte);
        }
    }
}
