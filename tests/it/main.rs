//! Everything that needs more than one module: endpoints in virtual time, drivers, the command line.

mod adversary;
mod blackout;
mod bulk;
mod close;
mod damage;
mod determinism;
mod handshake;
mod net;
mod reorder;
mod swarm;
