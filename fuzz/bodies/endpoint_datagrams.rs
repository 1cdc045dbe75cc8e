//! Two live endpoints, and whatever a network, two applications and a forger can do to them.
//!
//! The forger is as strong as one can be: it knows both ids and the next packet number, so its frames
//! get past every check. What it may reach is that a connection ends or reads what it wrote; never a
//! panic, a loop, or memory without bound.

#[path = "endpoint_datagrams/script.rs"]
mod script;
#[path = "endpoint_datagrams/world.rs"]
mod world;

use world::World;

/// The first byte chooses the settings, the others are the script.
pub(crate) fn run(data: &[u8]) {
    let Some((settings, script)) = data.split_first() else { return };
    let mut world = World::new(*settings);
    script::play(&mut world, script);
    world.heal();
    world.end();
}
