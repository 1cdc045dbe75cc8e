//! Options of a UDP socket, which all its streams share.

use socket2::{InterfaceIndexOrAddress, SockRef};
use std::io;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};

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

/// A network interface, where the system knows several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Interface {
    /// The one that the system chooses.
    #[default]
    Any,
    /// The one with this address. IPv4 only.
    Addr(Ipv4Addr),
    /// The one with this number. (IPv4: not on all systems.)
    Index(u32),
}

impl Interface {
    fn ipv4(self) -> InterfaceIndexOrAddress {
        match self {
            Self::Any => InterfaceIndexOrAddress::Address(Ipv4Addr::UNSPECIFIED),
            Self::Addr(address) => InterfaceIndexOrAddress::Address(address),
            Self::Index(index) => InterfaceIndexOrAddress::Index(index),
        }
    }

    fn index(self) -> io::Result<u32> {
        match self {
            Self::Any => Ok(0),
            Self::Index(index) => Ok(index),
            Self::Addr(_) => Err(invalid("an IPv6 interface is named by its number")),
        }
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

/// Joins a group, or leaves it.
pub(super) fn set_member(
    socket: &UdpSocket,
    group: IpAddr,
    interface: Interface,
    is_member: bool,
) -> io::Result<()> {
    let socket = SockRef::from(socket);
    if !group.is_multicast() {
        return Err(invalid("not a multicast address"));
    }
    match (group, is_member) {
        (IpAddr::V4(group), true) => socket.join_multicast_v4_n(&group, &interface.ipv4()),
        (IpAddr::V4(group), false) => socket.leave_multicast_v4_n(&group, &interface.ipv4()),
        (IpAddr::V6(group), true) => socket.join_multicast_v6(&group, interface.index()?),
        (IpAddr::V6(group), false) => socket.leave_multicast_v6(&group, interface.index()?),
    }
}

/// From which interface datagrams to groups leave.
pub(super) fn set_multicast_interface(socket: &UdpSocket, interface: Interface) -> io::Result<()> {
    let of = SockRef::from(socket);
    if !socket.local_addr()?.is_ipv4() {
        return of.set_multicast_if_v6(interface.index()?);
    }
    match interface {
        Interface::Any => of.set_multicast_if_v4(&Ipv4Addr::UNSPECIFIED),
        Interface::Addr(address) => of.set_multicast_if_v4(&address),
        Interface::Index(_) => {
            Err(invalid("an IPv4 interface to send from is named by its address"))
        }
    }
}

/// Sets an option of what goes to groups, for both families if the socket speaks both.
fn set_multicast(
    socket: &UdpSocket,
    v4: impl Fn(&SockRef<'_>) -> io::Result<()>,
    v6: impl Fn(&SockRef<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let (local, of) = (socket.local_addr()?, SockRef::from(socket));
    if local.is_ipv4() {
        return v4(&of);
    }
    v6(&of)?;
    if local.ip().is_unspecified() {
        // Some systems have no such option for a socket of both families.
        let _ = v4(&of);
    }
    Ok(())
}

/// How many hops what goes to groups may take.
pub(super) fn set_multicast_ttl(socket: &UdpSocket, ttl: u8) -> io::Result<()> {
    let ttl = u32::from(ttl);
    set_multicast(socket, |s| s.set_multicast_ttl_v4(ttl), |s| s.set_multicast_hops_v6(ttl))
}

/// Whether what goes to groups comes back to this host too.
pub(super) fn set_multicast_loop(socket: &UdpSocket, is_on: bool) -> io::Result<()> {
    set_multicast(socket, |s| s.set_multicast_loop_v4(is_on), |s| s.set_multicast_loop_v6(is_on))
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
