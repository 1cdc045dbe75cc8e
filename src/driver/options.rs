//! Options of a UDP socket, which all its streams share.

use socket2::SockRef;
use std::io;
use std::net::UdpSocket;

/// How many hops what this socket sends may take.
pub(super) fn ttl(socket: &UdpSocket) -> io::Result<u32> {
    if socket.local_addr()?.is_ipv4() {
        return socket.ttl();
    }
    SockRef::from(socket).unicast_hops_v6()
}

/// Sets what [`ttl`] tells, for both families if the socket speaks both.
pub(super) fn set_ttl(socket: &UdpSocket, ttl: u32) -> io::Result<()> {
    let local = socket.local_addr()?;
    if local.is_ipv4() {
        return socket.set_ttl(ttl);
    }
    if ttl == 0 {
        // Linux would take it, and nothing would ever leave the host.
        return Err(io::ErrorKind::InvalidInput.into());
    }
    SockRef::from(socket).set_unicast_hops_v6(ttl)?;
    if local.ip().is_unspecified() {
        // Some systems have no such option for a socket of both families.
        let _ = socket.set_ttl(ttl);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::socket::Socket;
    use std::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn hops_are_set_for_each_family_that_the_socket_speaks() {
        let addrs = [
            (Ipv4Addr::LOCALHOST, 0).into(),
            (Ipv6Addr::LOCALHOST, 0).into(),
            (Ipv6Addr::UNSPECIFIED, 0).into(),
        ];
        for addr in addrs {
            let Ok(socket) = Socket::bind(addr) else {
                println!("skipped: {addr} cannot be had here");
                continue;
            };
            let socket = socket.io();
            set_ttl(socket, 77).unwrap();
            assert_eq!(ttl(socket).unwrap(), 77);
            for wrong in [0, 256] {
                let error = set_ttl(socket, wrong).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{addr} {wrong}");
            }
            assert_eq!(ttl(socket).unwrap(), 77);
            if cfg!(target_os = "linux") && addr.ip().is_unspecified() {
                assert_eq!(socket.ttl().unwrap(), 77, "what goes to IPv4 peers");
            }
        }
    }
}
