//! towline's channels: one for each lane, with one delivery for all or what fits each.

use super::connection::{Halves, Inlet, Outlet};
use super::stream::Framed;
use std::io;
use towline::channel::{ChannelError, Overflow, RecvError};
use towline::sim::compare::{Lane, Traffic, Workload};
use towline::{Channel, ChannelConfig, Connection, Delivery};

/// A channel out for each lane; as many come in from the other side.
pub(super) fn open(
    connection: &Connection,
    workload: &Workload,
    delivery: impl Fn(&Lane) -> Delivery,
) -> io::Result<Halves> {
    let lanes = workload.lanes.iter();
    let outlets = lanes.map(|lane| outlet(connection, lane, delivery(lane)));
    let outlets = outlets.collect::<io::Result<_>>()?;
    let inlet = || -> Box<dyn Inlet> { Box::new(Incoming::Awaited(connection.clone())) };
    let inlets = workload.lanes.iter().map(|_| inlet()).collect();
    Ok(Halves { outlets, inlets })
}

fn outlet(connection: &Connection, lane: &Lane, delivery: Delivery) -> io::Result<Box<dyn Outlet>> {
    let mut config = ChannelConfig::new(delivery);
    if matches!(lane.traffic, Traffic::Bulk { .. }) {
        // As in virtual time: a file's sender waits for room.
        (config.overflow, config.max_queue_delay) = (Overflow::Block, None);
    }
    let channel = connection.open_channel(config)?;
    Ok(match channel.stream() {
        Some(stream) => {
            stream.set_nodelay(true)?;
            Box::new(Framed::new(stream))
        }
        None => Box::new(Out(channel)),
    })
}

struct Out(Channel);

impl Outlet for Out {
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        Ok(self.0.send(message).map(drop)?)
    }
}

/// The other side's channel.
enum Incoming {
    /// Nobody has sent anything yet.
    Awaited(Connection),
    Messages(Channel),
    Bytes(Framed),
}

impl Inlet for Incoming {
    fn recv(&mut self) -> io::Result<Vec<u8>> {
        loop {
            match self {
                Self::Awaited(connection) => {
                    let channel = connection.accept_channel()?;
                    *self = match channel.stream() {
                        Some(stream) => Self::Bytes(Framed::new(stream)),
                        None => Self::Messages(channel),
                    };
                }
                Self::Messages(channel) => match channel.recv_vec() {
                    // What was given up is missing, and is counted so.
                    Err(ChannelError::Recv(RecvError::Gap { .. })) => {}
                    received => return Ok(received?),
                },
                Self::Bytes(framed) => return framed.recv(),
            }
        }
    }
}
