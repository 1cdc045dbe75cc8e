//! towline's channels, one for each lane: each side opens its own, and takes what the other opens.

use super::connection::{Halves, Inlet, Outlet, Plan};
use std::io;
use towline::channel::{ChannelError, RecvError};
use towline::connection::Config;
use towline::sim::compare::{Framing, TowlineChannels, Workload};
use towline::{Channel, Connection, Delivery};

impl Plan for TowlineChannels {
    fn config(&self) -> Config {
        Self::config(self).clone()
    }

    fn queues(&self, workload: &Workload) -> usize {
        workload.lanes.len()
    }

    fn open(&self, connection: &Connection, workload: &Workload) -> io::Result<Halves> {
        let lanes = workload.lanes.iter();
        let outlets = lanes.map(|lane| {
            let channel = connection.open_channel(self.channel(lane))?;
            if let Some(stream) = channel.stream() {
                stream.set_nodelay(true)?;
            }
            Ok(Box::new(Lane::new(channel)) as Box<dyn Outlet>)
        });
        Ok(Halves { outlets: outlets.collect::<io::Result<_>>()?, inlets: Vec::new() })
    }

    fn accept(&self, connection: &Connection) -> io::Result<Option<Box<dyn Inlet>>> {
        let channel = connection.accept_channel()?;
        Ok(Some(Box::new(Lane::new(channel))))
    }
}

/// One direction of a lane.
struct Lane {
    channel: Channel,
    /// Streams have no boundaries.
    framing: Option<Framing>,
}

impl Lane {
    fn new(channel: Channel) -> Self {
        let framing = (channel.delivery() == Delivery::Stream).then(Framing::default);
        Self { channel, framing }
    }
}

impl Outlet for Lane {
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let Some(framing) = &mut self.framing else {
            self.channel.send(message).map_err(io::Error::other)?;
            return Ok(());
        };
        framing.push(message);
        while !framing.unwritten().is_empty() {
            self.channel.send(framing.unwritten()).map_err(io::Error::other)?;
            framing.on_written(framing.unwritten().len());
        }
        Ok(())
    }
}

impl Inlet for Lane {
    fn recv(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(message) = self.framing.as_mut().and_then(Framing::pop) {
                return Ok(message);
            }
            match (self.channel.recv_vec(), &mut self.framing) {
                (Ok(bytes), Some(framing)) => framing.on_read(&bytes),
                (Ok(message), None) => return Ok(message),
                (Err(ChannelError::Recv(RecvError::Gap { .. })), _) => {}
                (Err(error), _) => return Err(io::Error::other(error)),
            }
        }
    }
}
