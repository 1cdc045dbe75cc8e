//! The modes that can be compared, by name.

use super::tcp::Tcp;
use crate::nearest;
use towline::connection::{ChannelConfig, Config, Redundancy};
use towline::sim::arq::Protocol;
use towline::sim::compare::{
    Contender, PlainUdp, Repeat, TcpLike, TowlineChannels, TowlineStream, Workload,
};
use towline::stream::Delivery;

/// The mode that differs from others only where there are several lanes.
const FITTED: &str = "fitted";

/// All modes, in the order of the report.
pub(crate) fn all() -> Vec<Box<dyn Contender>> {
    let mut all: Vec<Box<dyn Contender>> = vec![
        Box::new(PlainUdp),
        Box::new(Repeat::new(Protocol::StopAndWait)),
        Box::new(Repeat::new(Protocol::GoBackN)),
        Box::new(Repeat::new(Protocol::SelectiveRepeat)),
        Box::new(Tcp),
        Box::new(TcpLike::default()),
        Box::new(TowlineStream::default()),
    ];
    all.extend(channels().map(|mode| Box::new(mode) as Box<dyn Contender>));
    all
}

/// Those that travel on message channels.
pub(crate) fn channels() -> impl Iterator<Item = TowlineChannels> {
    let adaptive = Redundancy::Adaptive;
    let alike = [
        ("ordered", "towline ordered", Delivery::Ordered, adaptive),
        ("ordered-lean", "towline ordered, lean", Delivery::Ordered, Redundancy::Off),
        ("unordered", "towline unordered", Delivery::Unordered, adaptive),
        ("latest", "towline latest", Delivery::Latest, adaptive),
        ("unreliable", "towline unreliable", Delivery::Unreliable, adaptive),
    ];
    let alike = alike.into_iter().map(|(name, title, delivery, redundancy)| {
        let mut config = Config::default();
        config.redundancy = redundancy;
        TowlineChannels::new(name, title, ChannelConfig::new(delivery), config)
    });
    alike.chain([TowlineChannels::fitted(FITTED, "towline fitted", Config::default())])
}

/// What is compared where nobody says: all but what would be another mode once more.
pub(crate) fn usual(workload: &Workload) -> Vec<Box<dyn Contender>> {
    let mut modes = all();
    modes.retain(|mode| workload.lanes.len() > 1 || mode.name() != FITTED);
    modes
}

/// Whether pictures show this mode where nobody says: enough to see what each guarantee costs, and few
/// enough to be told apart.
pub(crate) fn is_drawn(name: &str) -> bool {
    ["udp", "tcp", "stream", "ordered", "unordered", "latest", FITTED].contains(&name)
}

/// The name of a mode.
pub(crate) fn parse(text: &str) -> Result<String, String> {
    let modes = all();
    match modes.iter().find(|mode| mode.name() == text) {
        Some(mode) => Ok(mode.name().to_owned()),
        None => Err(format!(
            "is no mode: {}",
            nearest::hint(text, modes.iter().map(|mode| mode.name()))
        )),
    }
}

/// The modes with these names, each once, in the order of their first naming.
pub(crate) fn named(names: &[String]) -> Vec<Box<dyn Contender>> {
    let mut all = all();
    let mut chosen = Vec::new();
    for name in names {
        chosen.extend(all.extract_if(.., |mode| mode.name() == name));
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_has_a_name_of_its_own() {
        for mode in all() {
            assert_eq!(parse(mode.name()).as_deref(), Ok(mode.name()));
            assert_eq!(named(&[mode.name().to_owned()]).len(), 1);
        }
        let twice = ["stream", "udp", "stream"].map(str::to_owned);
        let named: Vec<_> = named(&twice).iter().map(|mode| mode.name().to_owned()).collect();
        assert_eq!(named, ["stream", "udp"]);
        assert!(parse("steam").unwrap_err().contains("did you mean \"stream\""));
    }
}
