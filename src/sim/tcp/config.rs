//! Which TCP, and the numbers that a course or a paper gives it.

use crate::time::Duration;

/// How a sender repairs losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// Fast retransmit, then slow start from one segment (Jacobson 1988).
    Tahoe,
    /// Fast retransmit and fast recovery, which the first new acknowledgement ends (RFC 2001).
    Reno,
    /// Fast recovery until all is acknowledged that was sent before the loss was seen; every partial
    /// acknowledgement repairs one more segment (RFC 2582, the careful variant).
    NewReno,
    /// Fast recovery that knows the holes from selective acknowledgements (RFC 2018) and counts
    /// what is in the pipe (Fall and Floyd 1996).
    Sack,
}

/// A sender and its receiver. Windows and sequence numbers count segments, as in the papers.
///
/// The default is the setting of Fall and Floyd (1996) as ns-2 runs it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// Which sender.
    pub variant: Variant,
    /// Data segments to send, numbered from 1; 0 is the SYN. Default: no end.
    pub segments: u32,
    /// Data bytes in a segment. Default: 1,000.
    pub payload_bytes: u32,
    /// Bytes of the IP and TCP headers, at least 6; what a SYN and an acknowledgement take. Each
    /// selective acknowledgement adds 8. Default: 40.
    pub header_bytes: u32,
    /// Segments that the receiver lets be under way, at least 1. Default: 28.
    pub window: u32,
    /// Segments below which the congestion window grows by one with each acknowledgement, and above
    /// by its inverse. Default: 20.
    pub initial_ssthresh: u32,
    /// The congestion window in segments after the SYN, at least 1. Default: 2.
    pub initial_cwnd: u32,
    /// The retransmission timeout at the least; it is never below a tick. Default: 1 s.
    pub min_rto: Duration,
    /// The retransmission timeout before a round trip was measured. Default: 6 s.
    pub initial_rto: Duration,
    /// The clock that round trips are measured with, longer than 0. Default: 10 ms.
    pub tick: Duration,
    /// The duplicate acknowledgement that means a loss, at least 1. There is no limited transmit
    /// (RFC 3042) before it. Default: 3.
    pub dupack_threshold: u32,
    /// The share of the window that a loss leaves, 0 to 1. Default: 0.5.
    pub decrease: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            variant: Variant::Reno,
            segments: u32::MAX - 1,
            payload_bytes: 1000,
            header_bytes: 40,
            window: 28,
            initial_ssthresh: 20,
            initial_cwnd: 2,
            min_rto: Duration::from_secs(1),
            initial_rto: Duration::from_secs(6),
            tick: Duration::from_millis(10),
            dupack_threshold: 3,
            decrease: 0.5,
        }
    }
}
