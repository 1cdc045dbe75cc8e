//! Everything that needs more than one module: endpoints in virtual time, drivers, the command line.

mod bulk;
#[cfg(feature = "cli")]
mod cli;
mod net;
mod swarm;
