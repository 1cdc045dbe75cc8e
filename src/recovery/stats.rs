//! The counters of recovery.

/// What has become of all ack-eliciting packets. At any time
/// `sent = acked + lost + damaged + abandoned + in flight`, in packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecoveryStats {
    /// Packets sent.
    pub packets_sent: u64,
    /// UDP payload bytes of these packets.
    pub bytes_sent: u64,
    /// Packets acknowledged while in flight.
    pub packets_acked: u64,
    /// UDP payload bytes of these packets.
    pub bytes_acked: u64,
    /// Packets declared lost, those included that were acknowledged later (`spurious`).
    pub packets_lost: u64,
    /// UDP payload bytes of these packets.
    pub bytes_lost: u64,
    /// Of the packets lost, those that were acknowledged later after all.
    pub spurious: u64,
    /// Packets that the peer received damaged: accepted NACKs.
    pub packets_damaged: u64,
    /// NACKs whose evidence was wrong; their packets count as lost.
    pub nacks_mismatched: u64,
    /// NACKs of packets that were not in flight.
    pub nacks_ignored: u64,
    /// Packets taken out of flight because the handshake began anew.
    pub packets_abandoned: u64,
    /// Times that a window's worth of packets over three PTOs was lost without exception.
    pub persistent_congestion: u64,
    /// Controller reductions that were undone because all losses turned out to be late packets.
    pub undone: u64,
    /// Probe timeouts that fired.
    pub pto_count: u64,
    /// Probe timeouts in a row, now.
    pub pto_backoff: u32,
    /// Packets reported as marked Congestion Experienced.
    pub ce_marks: u64,
}
