//! The states of a stream's two halves, as transition tables (RFC 9000 §3.1, §3.2).

/// Which side gave a stream up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Initiator {
    /// Our application.
    Local,
    /// The peer, with STOP_SENDING.
    Peer,
}

/// The sending half.
///
/// ```text
///   Ready --Data--> Send --Fin--> DataSent --AllAcked--> DataRecvd
///     |  `----Fin----|-------------^ |
///     `----Reset-----`-----Reset-----`----> ResetSent --ResetAcked--> ResetRecvd
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SendState {
    /// Nothing was sent yet.
    Ready,
    /// Data was sent, more may come.
    Send,
    /// FIN was sent.
    DataSent,
    /// Everything, FIN included, is acknowledged.
    DataRecvd,
    /// The stream was given up, and the peer is being told.
    ResetSent { code: u64, by: Initiator },
    /// The peer knows that the stream was given up.
    ResetRecvd { code: u64, by: Initiator },
}

/// What happens to a sending half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SendEvent {
    /// Data without FIN is sent.
    Data,
    /// FIN is sent.
    Fin,
    /// All data and FIN are acknowledged.
    AllAcked,
    /// Either side gives the stream up.
    Reset { code: u64, by: Initiator },
    /// RESET_STREAM is acknowledged.
    ResetAcked,
}

impl SendState {
    /// The state after `event`; `None` where the event has no place, and nothing changes.
    #[expect(clippy::match_same_arms, reason = "a table: one line for each reason")]
    pub(super) const fn on(self, event: SendEvent) -> Option<Self> {
        use SendEvent as E;
        Some(match (self, event) {
            (Self::Ready | Self::Send, E::Data) => Self::Send,
            (Self::Ready | Self::Send, E::Fin) => Self::DataSent,
            // Retransmissions.
            (Self::DataSent, E::Data | E::Fin) => Self::DataSent,
            (Self::DataSent, E::AllAcked) => Self::DataRecvd,
            (Self::Ready | Self::Send | Self::DataSent, E::Reset { code, by }) => {
                Self::ResetSent { code, by }
            }
            (Self::ResetSent { code, by }, E::ResetAcked) => Self::ResetRecvd { code, by },
            _ => return None,
        })
    }

    /// Whether nothing more can happen.
    pub(super) const fn is_terminal(self) -> bool {
        matches!(self, Self::DataRecvd | Self::ResetRecvd { .. })
    }
}

/// The receiving half. `Discarding` is ours: the application wants nothing more, so no byte has to
/// be waited for once the stream's end is known.
///
/// ```text
///   Recv --Size--> SizeKnown --All--> DataRecvd --Taken--> DataRead
///    | |`--Reset------| `----Reset------------------> ResetRecvd --Taken--> ResetRead
///    |  `-------------|------------------------------------^
///    `--Discard--> Discarding --Size--> DataRead, --Reset--> ResetRead
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecvState {
    /// Data arrives; where it ends is unknown.
    Recv,
    /// FIN arrived; `end` is the final offset.
    SizeKnown { end: u64 },
    /// All data arrived and the application has not read all of it.
    DataRecvd { end: u64 },
    /// The application has everything.
    DataRead,
    /// The peer gave the stream up; the application does not know.
    ResetRecvd { code: u64 },
    /// The application knows that the peer gave the stream up.
    ResetRead { code: u64 },
    /// The application wants nothing more, and the peer has not finished.
    Discarding,
}

/// What happens to a receiving half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecvEvent {
    /// FIN arrives: the final offset is known.
    Size { end: u64 },
    /// The last missing byte arrives.
    All,
    /// RESET_STREAM arrives.
    Reset { code: u64 },
    /// The application has read the last byte, or was told of the reset.
    Taken,
    /// The application wants nothing more.
    Discard,
}

impl RecvState {
    /// The state after `event`; `None` where the event has no place, and nothing changes.
    #[expect(clippy::match_same_arms, reason = "a table: one line for each reason")]
    pub(super) const fn on(self, event: RecvEvent) -> Option<Self> {
        use RecvEvent as E;
        Some(match (self, event) {
            (Self::Recv, E::Size { end }) => Self::SizeKnown { end },
            (Self::SizeKnown { end }, E::All) => Self::DataRecvd { end },
            (Self::DataRecvd { .. }, E::Taken | E::Discard) => Self::DataRead,
            // RFC 9000 §3.2: a reset after the last byte arrived may be ignored, and is.
            (Self::Recv | Self::SizeKnown { .. }, E::Reset { code }) => Self::ResetRecvd { code },
            (Self::ResetRecvd { code }, E::Taken | E::Discard) => Self::ResetRead { code },
            (Self::Recv, E::Discard) => Self::Discarding,
            (Self::SizeKnown { .. }, E::Discard) => Self::DataRead,
            (Self::Discarding, E::Size { .. }) => Self::DataRead,
            (Self::Discarding, E::Reset { code }) => Self::ResetRead { code },
            _ => return None,
        })
    }

    /// Whether nothing more can happen.
    pub(super) const fn is_terminal(self) -> bool {
        matches!(self, Self::DataRead | Self::ResetRead { .. })
    }

    /// The final offset, while it matters.
    pub(super) const fn end(self) -> Option<u64> {
        match self {
            Self::SizeKnown { end } | Self::DataRecvd { end } => Some(end),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Debug;

    /// The first word of a value's debug form: a variant's name.
    fn name(value: &impl Debug) -> String {
        format!("{value:?}").split(' ').next().unwrap().to_owned()
    }

    fn table<S: Copy + Debug, E: Copy + Debug>(
        states: &[S],
        events: &[E],
        on: impl Fn(S, E) -> Option<S>,
    ) -> String {
        let row = |head: String, cells: Vec<String>| format!("{head}| {} |\n", cells.join(" | "));
        let mut out = row(String::new(), events.iter().map(name).collect());
        for state in states {
            let cell = |e: &E| on(*state, *e).map_or_else(|| "-".into(), |s| name(&s));
            out += &row(name(state) + " ", events.iter().map(cell).collect());
        }
        out.trim_end().to_owned()
    }

    fn pinned(text: &str) -> String {
        text.lines().map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn sending_half() {
        use SendState as S;
        let by = Initiator::Local;
        let states = [
            S::Ready,
            S::Send,
            S::DataSent,
            S::DataRecvd,
            S::ResetSent { code: 1, by },
            S::ResetRecvd { code: 1, by },
        ];
        let events = [
            SendEvent::Data,
            SendEvent::Fin,
            SendEvent::AllAcked,
            SendEvent::Reset { code: 1, by },
            SendEvent::ResetAcked,
        ];
        let expected = "
            | Data | Fin | AllAcked | Reset | ResetAcked |
            Ready | Send | DataSent | - | ResetSent | - |
            Send | Send | DataSent | - | ResetSent | - |
            DataSent | DataSent | DataSent | DataRecvd | ResetSent | - |
            DataRecvd | - | - | - | - | - |
            ResetSent | - | - | - | - | ResetRecvd |
            ResetRecvd | - | - | - | - | - |";
        assert_eq!(table(&states, &events, S::on), pinned(expected));
        for state in states {
            let stuck = events.iter().all(|e| state.on(*e).is_none());
            assert_eq!(state.is_terminal(), stuck, "{state:?}");
        }
    }

    #[test]
    fn receiving_half() {
        use RecvState as S;
        let states = [
            S::Recv,
            S::SizeKnown { end: 1 },
            S::DataRecvd { end: 1 },
            S::DataRead,
            S::ResetRecvd { code: 1 },
            S::ResetRead { code: 1 },
            S::Discarding,
        ];
        let events = [
            RecvEvent::Size { end: 1 },
            RecvEvent::All,
            RecvEvent::Reset { code: 1 },
            RecvEvent::Taken,
            RecvEvent::Discard,
        ];
        let expected = "
            | Size | All | Reset | Taken | Discard |
            Recv | SizeKnown | - | ResetRecvd | - | Discarding |
            SizeKnown | - | DataRecvd | ResetRecvd | - | DataRead |
            DataRecvd | - | - | - | DataRead | DataRead |
            DataRead | - | - | - | - | - |
            ResetRecvd | - | - | - | ResetRead | ResetRead |
            ResetRead | - | - | - | - | - |
            Discarding | DataRead | - | ResetRead | - | - |";
        assert_eq!(table(&states, &events, S::on), pinned(expected));
        for state in states {
            let stuck = events.iter().all(|e| state.on(*e).is_none());
            assert_eq!(state.is_terminal(), stuck, "{state:?}");
        }
    }
}
