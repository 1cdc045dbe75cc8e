//! The frames in one of our own packets: a mode looks at what it sends, so as to say what is in it.

use crate::wire::{Frames, Header, Opening, Reader};

/// Bytes of the checksum at a packet's end.
const TRAILER: usize = 4;

/// The frames, if it is a packet that has some.
pub(super) fn frames(datagram: &[u8]) -> Option<Frames<'_>> {
    let (header, header_len) = Header::decode(datagram).ok()?;
    let end = datagram.len().checked_sub(TRAILER)?;
    let mut body = Reader::new(datagram.get(header_len..end)?);
    match header {
        Header::Data(_) => {}
        Header::Ack(_) => {
            Opening::decode(&mut body).ok()?;
        }
        _ => return None,
    }
    Some(Frames::new(body.rest()))
}
