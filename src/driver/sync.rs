//! The locks of the hand-over. A test of all its schedules puts others in their place.

pub(super) use parking_lot::{Condvar, Mutex, MutexGuard};
