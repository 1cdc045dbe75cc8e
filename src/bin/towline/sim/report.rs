//! Pictures of simulations, and the page that shows them.

mod axis;
mod chart;
mod latency;
mod legend;
mod map;
mod packets;
mod sharing;
mod sheet;
mod sweep;
mod theme;
mod theory;
mod thin;
mod tracks;
mod trade;
mod winners;
