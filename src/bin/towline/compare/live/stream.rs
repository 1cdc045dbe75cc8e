//! towline's stream: messages behind their lengths.

use super::connection::{Halves, Inlet, Outlet, Plan};
use std::io::{self, Read, Write};
use towline::sim::compare::{Framing, Workload};
use towline::{Connection, Stream};

/// Bytes read at once.
const READ: usize = 16 * 1024;

/// The first stream, on which small writes go out at once.
pub(super) struct OneStream;

impl Plan for OneStream {
    fn open(&self, connection: &Connection, _: &Workload) -> io::Result<Halves> {
        let stream = connection.stream();
        stream.set_nodelay(true)?;
        let framed = |stream| Framed { stream, framing: Framing::default() };
        let inlet = Box::new(framed(stream.try_clone()?));
        Ok(Halves { outlets: vec![Box::new(framed(stream))], inlets: vec![inlet] })
    }
}

struct Framed {
    stream: Stream,
    framing: Framing,
}

impl Outlet for Framed {
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.framing.push(message);
        while !self.framing.unwritten().is_empty() {
            match self.stream.write(self.framing.unwritten())? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                bytes => self.framing.on_written(bytes),
            }
        }
        Ok(())
    }
}

impl Inlet for Framed {
    fn recv(&mut self) -> io::Result<Vec<u8>> {
        let mut buffer = [0; READ];
        loop {
            if let Some(message) = self.framing.pop() {
                return Ok(message);
            }
            match self.stream.read(&mut buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                bytes => self.framing.on_read(buffer.get(..bytes).unwrap_or_default()),
            }
        }
    }
}
