//! Everything that needs more than one module: endpoints in virtual time, drivers, the command line.

mod bulk;
#[cfg(feature = "cli")]
mod cli;
#[cfg(feature = "net")]
mod driver;
mod net;
mod swarm;
