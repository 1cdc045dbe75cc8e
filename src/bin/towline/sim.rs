//! Simulations: `towline sim`.
#![expect(dead_code, reason = "pictures come before the runs")]

mod metric;
mod report;
mod results;
