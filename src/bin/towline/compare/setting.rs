//! From the user's settings to modes and a scenario.

use super::args::{Compare, Path};
use super::{file, modes, nearest};
use crate::failure::{Exit, Failure};
use crate::relay;
use std::time::Duration;
use towline::impair::{LinkConfig, Loss};
use towline::sim::compare::{Contender, Scenario, Workload};

/// What is to be compared, and over what.
pub(crate) struct Setting {
    pub(crate) modes: Modes,
    /// With the first seed.
    pub(crate) scenario: Scenario,
    /// The network as the user would write it.
    pub(crate) path: Path,
    pub(crate) seeds: u64,
    /// Modes that were left out, and why.
    pub(crate) left_out: Vec<String>,
}

impl Setting {
    pub(crate) fn new(arguments: &Compare) -> Result<Self, Failure> {
        let usage = |line: String| Failure::new(Exit::Usage, line);
        let (mut workload, of_file) = workload(&arguments.workload)?;
        if let Some(duration) = arguments.duration {
            workload.duration = duration;
            // A short look is worth measuring too.
            workload.skip = workload.skip.min(duration / 4);
        }
        workload.validate().map_err(|error| usage(error.to_string()))?;
        let path = arguments.path.or(&of_file).or(&Path::usual());
        let link = link(&path).map_err(usage)?;
        let (modes, left_out) = modes_for(&workload, arguments.modes.as_deref()).map_err(usage)?;
        let scenario = Scenario {
            workload,
            up: link.clone(),
            down: link,
            seed: arguments.seed,
            watch: Duration::ZERO..Duration::ZERO,
        };
        Ok(Self { modes, scenario, path, seeds: arguments.seeds, left_out })
    }
}

/// The workload of this name or in this file, and what it says about the network.
fn workload(text: &str) -> Result<(Workload, Path), Failure> {
    if let Some(workload) = Workload::named(text) {
        return Ok((workload, Path::default()));
    }
    let is_file = std::path::Path::new(text).extension().is_some_and(|end| end == "toml");
    if is_file {
        return file::read(text);
    }
    let hint = nearest::hint(text, Workload::NAMES);
    Err(Failure::new(
        Exit::Usage,
        format!("there is no workload \"{text}\": {hint}, or a file that ends in .toml"),
    ))
}

fn link(path: &Path) -> Result<LinkConfig, String> {
    // In the words of the options: a link knows one way only.
    if path.jitter.unwrap_or_default() > path.rtt.unwrap_or_default() / 2 {
        return Err("--jitter must be at most half of --rtt".to_owned());
    }
    if path.burst.is_some_and(|burst| burst.is_zero()) {
        return Err("--burst must be longer than 0 ms".to_owned());
    }
    if path.burst.is_some() && path.loss.is_none_or(|loss| loss >= 1.0) {
        return Err("--burst needs a --loss below 100 %".to_owned());
    }
    let mut link = relay::config(&path.one_way())?;
    link.loss = match (path.loss, path.burst) {
        (Some(mean_loss), Some(mean_bad)) => Loss::TimedBursts { mean_loss, mean_bad },
        (Some(p), None) => Loss::Bernoulli { p },
        (None, _) => Loss::None,
    };
    link.validate().map_err(|error| error.to_string())?;
    Ok(link)
}

type Modes = Vec<Box<dyn Contender>>;

/// The modes asked for, or all that can carry the workload and why others cannot.
fn modes_for(
    workload: &Workload,
    names: Option<&[String]>,
) -> Result<(Modes, Vec<String>), String> {
    let (mut chosen, mut left_out) = (Vec::new(), Vec::new());
    for mode in names.map_or_else(modes::all, modes::named) {
        match mode.refuses(workload) {
            None => chosen.push(mode),
            Some(why) => left_out.push(format!("{} carries {why}", mode.name())),
        }
    }
    if names.is_some() && !left_out.is_empty() {
        return Err(left_out.join("; "));
    }
    Ok((chosen, left_out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use towline::sim::compare::{Lane, Senders, Traffic};

    #[test]
    fn settings_reach_the_link() {
        let path = Path {
            loss: Some(0.1),
            burst: Some(Duration::from_millis(40)),
            jitter: Some(Duration::from_millis(3)),
            ..Path::usual()
        };
        let link = link(&path).unwrap();
        let mean_bad = Duration::from_millis(40);
        assert_eq!(link.loss, Loss::TimedBursts { mean_loss: 0.1, mean_bad });
        assert_eq!((link.rate_bps, link.capacity_bytes), (Some(20_000_000), 250_000));
        assert_eq!(link.delay, Duration::from_millis(50));
    }

    #[test]
    fn settings_that_cannot_be_are_refused() {
        let zero = Some(Duration::ZERO);
        for (path, part) in [
            (Path { jitter: Some(Duration::from_millis(51)), ..Path::usual() }, "half of --rtt"),
            (Path { burst: zero, ..Path::usual() }, "longer than 0"),
            (Path { loss: Some(1.0), burst: Path::usual().rtt, ..Path::usual() }, "below 100 %"),
        ] {
            let error = link(&path).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_mode_that_cannot_carry_the_workload_is_refused_or_left_out() {
        let traffic = Traffic::Bulk { from: Senders::Both, total: 1 << 20, chunk: 100_000 };
        let lanes = vec![Lane { name: "x".to_owned(), traffic }];
        let workload = Workload { lanes, ..Workload::named("bulk").unwrap() };
        let names = ["udp".to_owned()];
        let error = modes_for(&workload, Some(&names)).err().unwrap();
        assert!(error.contains("udp carries messages of at most 65507 bytes"), "{error}");
        let (chosen, left_out) = modes_for(&workload, None).unwrap();
        assert_eq!((chosen.len(), left_out.len()), (modes::all().len() - 1, 1));
    }
}
