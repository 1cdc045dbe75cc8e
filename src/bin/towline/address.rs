//! Where a receiver or a relay is: a host and a port.

use crate::failure::{Exit, Failure, Reason};
use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;

/// The port where none is named.
pub(crate) const DEFAULT_PORT: u16 = 7373;

/// A name or an address, and a port. Names are looked up when they are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    host: String,
    port: u16,
}

const USAGE: &str = "must be HOST or HOST:PORT, such as 127.0.0.1:7373, [::1]:7373 or example.org";

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text, 0)
    }
}

impl Address {
    /// An address to send to: port 0 is none.
    pub(crate) fn parse_peer(text: &str) -> Result<Self, String> {
        Self::parse(text, 1)
    }

    fn parse(text: &str, min_port: u16) -> Result<Self, String> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => match rest.split_once(']').ok_or(USAGE)? {
                (host, "") => (host, None),
                (host, after) => (host, Some(after.strip_prefix(':').ok_or(USAGE)?)),
            },
            // An IPv6 address without brackets has no port.
            None if text.matches(':').count() > 1 => (text, None),
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(USAGE.to_owned());
        }
        let port = port.map_or(Some(DEFAULT_PORT), |port| port.parse().ok());
        let port = port.filter(|port| *port >= min_port);
        let usage = || format!("the port must be a number, {min_port} to 65535");
        Ok(Self { host: host.to_owned(), port: port.ok_or_else(usage)? })
    }

    /// The addresses that the host's name stands for, at least one.
    pub(crate) fn resolve(&self) -> Result<Vec<SocketAddr>, Failure> {
        let unknown = |why: String| {
            Failure::new(
                Exit::Unreachable,
                format!("cannot find the address of \"{}\": {why}", self.host),
            )
        };
        let found: Vec<_> = (self.host.as_str(), self.port)
            .to_socket_addrs()
            .map_err(|error| unknown(Reason(&error).to_string()))?
            .collect();
        if found.is_empty() {
            return Err(unknown("it has none".to_owned()));
        }
        Ok(found)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_printed() {
        for (text, printed) in [
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("127.0.0.1", "127.0.0.1:7373"),
            ("example.org:0", "example.org:0"),
            ("[::1]:80", "[::1]:80"),
            ("[::1]", "[::1]:7373"),
            ("::1", "[::1]:7373"),
        ] {
            assert_eq!(text.parse::<Address>().map(|a| a.to_string()).as_deref(), Ok(printed));
        }
        for bad in ["", ":80", "a b", "[::1", "[::1]80", "[]:80", "a:b\n"] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }

    #[test]
    fn ports_have_a_range() {
        for bad in ["x:70000", "x:-1", "x:", "x:http", "[::1]:65536"] {
            let error = bad.parse::<Address>().unwrap_err();
            assert!(error.contains("0 to 65535"), "{error}");
        }
        assert!(Address::parse_peer("x:0").unwrap_err().contains("1 to 65535"));
        assert!(Address::parse_peer("x:1").is_ok());
    }
}
