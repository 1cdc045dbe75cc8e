//! The modes that can be compared, by name.

use super::tcp::Tcp;
use crate::nearest;
use towline::connection::{ChannelConfig, Config, Congestion, Redundancy};
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
    channels_with(&Config::default())
}

/// The same on connections with these settings.
fn channels_with(config: &Config) -> impl Iterator<Item = TowlineChannels> + use<> {
    let adaptive = Redundancy::Adaptive;
    let alike = [
        ("ordered", "towline ordered", Delivery::Ordered, adaptive),
        ("ordered-lean", "towline ordered, lean", Delivery::Ordered, Redundancy::Off),
        ("unordered", "towline unordered", Delivery::Unordered, adaptive),
        ("latest", "towline latest", Delivery::Latest, adaptive),
        ("unreliable", "towline unreliable", Delivery::Unreliable, adaptive),
    ];
    let fitted = TowlineChannels::fitted(FITTED, "towline fitted", config.clone());
    let config = config.clone();
    let alike = alike.into_iter().map(move |(name, title, delivery, redundancy)| {
        let mut config = config.clone();
        config.redundancy = redundancy;
        TowlineChannels::new(name, title, ChannelConfig::new(delivery), config)
    });
    alike.chain([fitted])
}

/// The mode of this name, with this congestion controller if that is chosen.
pub(crate) fn with_controller(
    name: &str,
    controller: Option<Congestion>,
) -> Result<Box<dyn Contender>, String> {
    let name = parse(name)?;
    let mut config = Config::default();
    config.congestion = controller.unwrap_or_default();
    let mut able: Vec<Box<dyn Contender>> = vec![Box::new(TowlineStream::with(config.clone()))];
    able.extend(channels_with(&config).map(|mode| Box::new(mode) as Box<dyn Contender>));
    if let Some(mode) = able.extract_if(.., |mode| mode.name() == name).next() {
        return Ok(mode);
    }
    if controller.is_some() {
        let able = able.iter().map(|mode| mode.name()).collect::<Vec<_>>().join(", ");
        return Err(format!("has no controller to choose; these have: {able}"));
    }
    all().extract_if(.., |mode| mode.name() == name).next().ok_or_else(|| "is no mode".to_owned())
}

/// Whether the mode of this name has congestion controllers to choose from.
pub(crate) fn has_controller(name: &str) -> bool {
    with_controller(name, Some(Congestion::default())).is_ok()
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
