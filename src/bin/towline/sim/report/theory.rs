//! What published models say of TCP's goodput at a rate of loss.

/// The path of a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Path {
    /// Bytes of data in a packet.
    pub(super) mss_bytes: f64,
    /// The round trip, in seconds, queues empty.
    pub(super) rtt_s: f64,
}

/// A model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Model {
    /// Mathis, Semke, Mahdavi and Ott 1997: loss of every 1/p-th packet, every packet acknowledged,
    /// no timeouts.
    Mathis,
    /// Padhye, Firoiu, Towsley and Kurose 1998, as RFC 5348 section 3.1 has it: with timeouts of four
    /// round trips.
    Pftk,
}

impl Model {
    pub(super) const ALL: [Self; 2] = [Self::Mathis, Self::Pftk];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Mathis => "Mathis: 1.22 MSS / (RTT √p)",
            Self::Pftk => "PFTK (RFC 5348)",
        }
    }

    /// Bits of data per second; infinite without loss.
    pub(super) fn goodput_bps(self, path: Path, loss: f64) -> f64 {
        let packets_per_round_trip = match self {
            Self::Mathis => (1.5 / loss).sqrt(),
            Self::Pftk => {
                let timeouts = 12.0 * (3.0 * loss / 8.0).sqrt() * loss;
                let rounds = (2.0 * loss / 3.0).sqrt();
                1.0 / (rounds + timeouts * (1.0 + 32.0 * loss * loss))
            }
        };
        packets_per_round_trip * path.mss_bytes * 8.0 / path.rtt_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: Path = Path { mss_bytes: 1000.0, rtt_s: 0.1 };

    #[test]
    fn pftk_is_the_table_of_linux() {
        // Linux, net/dccp/ccids/lib/tfrc_equation.c: a million times f(p).
        for (loss, million) in
            [(0.0001, 8172.0), (0.001, 26_052.0), (0.01, 89_021.0), (0.1, 564_939.0)]
        {
            let per_rtt = Model::Pftk.goodput_bps(PATH, loss) / (1000.0 * 8.0 / 0.1);
            assert!((1e6 / per_rtt - million).abs() < 1.0, "{loss}: {}", 1e6 / per_rtt);
        }
    }

    #[test]
    fn mathis_falls_with_the_root_and_nothing_lost_is_no_bound() {
        let at = |loss| Model::Mathis.goodput_bps(PATH, loss);
        assert!((at(0.01) / at(0.04) - 2.0).abs() < 1e-9);
        // 1.2247 packets of 8000 bits for each 0.1 s and root of 0.01.
        assert!((at(0.01) - 979_796.0).abs() < 1.0, "{}", at(0.01));
        assert!(Model::ALL.iter().all(|model| model.goodput_bps(PATH, 0.0).is_infinite()));
    }
}
