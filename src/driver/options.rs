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
    /// The one with this address: for IPv4 groups.
    Addr(Ipv4Addr),
    /// The one with this number: for IPv6 groups, and to join IPv4 groups on most systems.
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
            Self::Addr(_) => {
                Err(invalid("IPv6 names an interface by its number, not by an IPv4 address"))
            }
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
        return Err(invalid(
            "a group has a multicast address: 224.0.0.0 to 239.255.255.255, or ff00::/8",
        ));
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
    let (local, of) = (socket.local_addr()?, SockRef::from(socket));
    let is_v4 = local.is_ipv4();
    let is_both = !is_v4 && local.ip().is_unspecified();
    match interface {
        Interface::Any if is_both => {
            of.set_multicast_if_v6(0)?;
            // Some systems have no such option for a socket of both families.
            let _ = of.set_multicast_if_v4(&Ipv4Addr::UNSPECIFIED);
            Ok(())
        }
        Interface::Any if is_v4 => of.set_multicast_if_v4(&Ipv4Addr::UNSPECIFIED),
        Interface::Addr(address) if is_v4 || is_both => of.set_multicast_if_v4(&address),
        Interface::Index(_) if is_v4 => {
            Err(invalid("an IPv4 socket names the interface it sends from by its address"))
        }
        _ => of.set_multicast_if_v6(interface.index()?),
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

    #[test]
    fn options_of_groups_are_set_for_each_family_that_the_socket_speaks() {
        let v4 = Socket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let v4 = (v4.io(), SockRef::from(v4.io()));
        set_multicast_ttl(v4.0, 9).unwrap();
        set_multicast_loop(v4.0, false).unwrap();
        set_multicast_interface(v4.0, Interface::Addr(Ipv4Addr::LOCALHOST)).unwrap();
        assert_eq!(
            (v4.1.multicast_ttl_v4().unwrap(), v4.1.multicast_loop_v4().unwrap()),
            (9, false)
        );
        assert_eq!(v4.1.multicast_if_v4().unwrap(), Ipv4Addr::LOCALHOST);
        set_multicast_interface(v4.0, Interface::Any).unwrap();
        assert_eq!(v4.1.multicast_if_v4().unwrap(), Ipv4Addr::UNSPECIFIED);
        let error = set_multicast_interface(v4.0, Interface::Index(1)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);

        for addr in [Ipv6Addr::LOCALHOST, Ipv6Addr::UNSPECIFIED] {
            let Ok(socket) = Socket::bind((addr, 0).into()) else {
                println!("skipped: {addr} cannot be had here");
                continue;
            };
            let (socket, of) = (socket.io(), SockRef::from(socket.io()));
            set_multicast_ttl(socket, 9).unwrap();
            set_multicast_loop(socket, false).unwrap();
            assert_eq!(
                (of.multicast_hops_v6().unwrap(), of.multicast_loop_v6().unwrap()),
                (9, false)
            );
            set_multicast_interface(socket, Interface::Any).unwrap();
            let by_address = set_multicast_interface(socket, Interface::Addr(Ipv4Addr::LOCALHOST));
            if addr == Ipv6Addr::LOCALHOST {
                assert_eq!(by_address.unwrap_err().kind(), io::ErrorKind::InvalidInput);
            } else if cfg!(target_os = "linux") {
                by_address.unwrap();
                assert_eq!(of.multicast_if_v4().unwrap(), Ipv4Addr::LOCALHOST);
                assert_eq!(
                    (of.multicast_ttl_v4().unwrap(), of.multicast_loop_v4().unwrap()),
                    (9, false)
                );
            }
        }
    }

    #[test]
    fn what_is_no_group_is_said_to_be_none() {
        let socket = Socket::bind((Ipv4Addr::UNSPECIFIED, 0).into()).unwrap();
        for group in ["127.0.0.1", "255.255.255.255", "::1"] {
            for is_member in [true, false] {
                let group = group.parse().unwrap();
                let error = set_member(socket.io(), group, Interface::Any, is_member).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{group}");
                assert!(error.to_string().contains("224.0.0.0 to 239.255.255.255"));
            }
        }
    }
}
