//! The modes that can be compared, by name.

use super::nearest;
use super::tcp::Tcp;
use towline::sim::arq::Protocol;
use towline::sim::compare::{Contender, PlainUdp, Repeat, TcpLike, TowlineStream};

/// All modes, in the order of the report.
pub(crate) fn all() -> Vec<Box<dyn Contender>> {
    vec![
        Box::new(PlainUdp),
        Box::new(Repeat::new(Protocol::StopAndWait)),
        Box::new(Repeat::new(Protocol::GoBackN)),
        Box::new(Repeat::new(Protocol::SelectiveRepeat)),
        Box::new(Tcp),
        Box::new(TcpLike::default()),
        Box::new(TowlineStream::default()),
    ]
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
