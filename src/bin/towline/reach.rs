//! Getting in touch: listening and connecting, with errors that say what to do.

use crate::address::{Address, DEFAULT_PORT};
use crate::failure::{Exit, Failure, Reason};
use crate::units;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use towline::{Listener, Stream};

/// Listens on this address, or on all that the system has.
pub(crate) fn listen(address: Option<&Address>) -> Result<Listener, Failure> {
    let fail =
        |what: String| move |error| Failure::local(format_args!("cannot listen on {what}"), &error);
    if let Some(address) = address {
        let addresses = address.resolve()?;
        return Listener::bind(addresses.as_slice()).map_err(fail(address.to_string()));
    }
    let any: [IpAddr; 2] = [Ipv6Addr::UNSPECIFIED.into(), Ipv4Addr::UNSPECIFIED.into()];
    Listener::bind(any.map(|any| SocketAddr::new(any, DEFAULT_PORT)).as_slice())
        .map_err(fail(format!("port {DEFAULT_PORT}")))
}

/// Connects to the first of these addresses that answers; `name` stands for them in errors.
pub(crate) fn connect(
    addresses: &[SocketAddr],
    name: impl fmt::Display,
    timeout: Duration,
) -> Result<Stream, Failure> {
    let mut why = "it has no address".to_owned();
    for address in addresses {
        let error = match Stream::connect_timeout(address, timeout) {
            Ok(stream) => return Ok(stream),
            Err(error) => error,
        };
        why = match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                format!("{}; is towline running there?", Reason(&error))
            }
            io::ErrorKind::TimedOut => {
                format!("no answer within {} s", units::plain(timeout.as_secs_f64()))
            }
            _ => Reason(&error).to_string(),
        };
    }
    Err(Failure::new(Exit::Unreachable, format!("cannot reach {name}: {why}")))
}
