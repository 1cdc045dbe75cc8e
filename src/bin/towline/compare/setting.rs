//! From the user's settings to modes and a scenario.

use super::args::{Compare, Path};
use super::{file, live, modes};
use crate::failure::{Exit, Failure};
use crate::nearest;
use crate::relay;
use std::time::Duration;
use towline::impair::{LinkConfig, Loss};
use towline::sim::compare::{Contender, Scenario, Workload};

/// How many runs where nobody says.
const SEEDS: u64 = 10;
/// The same in real time, and how long a usual workload lasts then: somebody waits for it.
const LIVE_SEEDS: u64 = 1;
const LIVE_DURATION: Duration = Duration::from_secs(5);

/// What is to be compared, and over what.
pub(crate) struct Setting {
    pub(crate) modes: Modes,
    /// With the first seed.
    pub(crate) scenario: Scenario,
    /// The network as the user would write it.
    pub(crate) path: Path,
    pub(crate) seeds: u64,
    /// In real time, over real sockets.
    pub(crate) is_live: bool,
    /// Nobody wants to see more than files and errors.
    pub(crate) is_quiet: bool,
    /// Modes that were left out, and why.
    pub(crate) left_out: Vec<String>,
    /// The user has said which modes: pictures show all of them from the first.
    pub(crate) is_chosen: bool,
}

impl Setting {
    pub(crate) fn new(arguments: &Compare) -> Result<Self, Failure> {
        let usage = |line: String| Failure::new(Exit::Usage, line);
        let (mut workload, of_file) = workload(&arguments.workload)?;
        let is_usual = Workload::named(&arguments.workload).is_some();
        let short = (arguments.live && is_usual).then_some(LIVE_DURATION);
        if let Some(duration) = arguments.duration.or(short) {
            workload.duration = duration;
            // A short look is worth measuring too.
            workload.skip = workload.skip.min(duration / 4);
        }
        workload.validate().map_err(|error| usage(error.to_string()))?;
        let path = arguments.path.or(&of_file).or(&Path::usual());
        let link = link(&path).map_err(usage)?;
        let is_live = arguments.live;
        let (modes, left_out) =
            modes_for(&workload, arguments.modes.as_deref(), is_live).map_err(usage)?;
        let scenario = Scenario {
            workload,
            up: link.clone(),
            down: link,
            seed: arguments.seed,
            watch: Duration::ZERO..Duration::ZERO,
        };
        let seeds = arguments.seeds.unwrap_or(if is_live { LIVE_SEEDS } else { SEEDS });
        let is_quiet = arguments.style.quiet;
        let is_chosen = arguments.modes.is_some();
        Ok(Self { modes, scenario, path, seeds, is_live, is_quiet, left_out, is_chosen })
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

/// One way of this network.
pub(crate) fn link(path: &Path) -> Result<LinkConfig, String> {
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
    is_live: bool,
) -> Result<(Modes, Vec<String>), String> {
    let (mut chosen, mut left_out) = (Vec::new(), Vec::new());
    let (able, virtual_only): (Modes, Modes) = names
        .map_or_else(|| modes::usual(workload), modes::named)
        .into_iter()
        .partition(|mode| !is_live || live::carries(mode.name()));
    if !virtual_only.is_empty() {
        let others = listed(&virtual_only);
        if names.is_some() {
            let able: Modes =
                modes::all().into_iter().filter(|mode| live::carries(mode.name())).collect();
            let able = listed(&able);
            return Err(format!(
                "--live cannot run {others}, in virtual time only; it can: {able}"
            ));
        }
        left_out.push(format!("in virtual time only, and so not here: {others}"));
    }
    for mode in able {
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

fn listed(modes: &Modes) -> String {
    modes.iter().map(|mode| mode.name()).collect::<Vec<_>>().join(", ")
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
        let workload =
            Workload { lanes: vec![Lane::new("x", traffic)], ..Workload::named("bulk").unwrap() };
        for (name, part) in [
            ("udp", "udp carries messages of at most 65507 bytes"),
            ("latest", "latest carries what newer messages make up for, and lane \"x\""),
        ] {
            let error = modes_for(&workload, Some(&[name.to_owned()]), false).err().unwrap();
            assert!(error.contains(part), "{error}");
        }
        let (chosen, left_out) = modes_for(&workload, None, false).unwrap();
        assert_eq!((chosen.len(), left_out.len()), (modes::all().len() - 3, 2));
    }

    #[test]
    fn what_has_no_sockets_is_refused_or_left_out_in_real_time() {
        let workload = Workload::named("game").unwrap();
        let names = ["udp".to_owned(), "tcp-like".to_owned()];
        let error = modes_for(&workload, Some(&names), true).err().unwrap();
        assert!(
            error.contains("cannot run tcp-like") && error.contains("it can: udp, stream, ordered"),
            "{error}"
        );
        let (chosen, left_out) = modes_for(&workload, None, true).unwrap();
        let live = "udp, stream, ordered, ordered-lean, unordered, latest, unreliable";
        assert_eq!((listed(&chosen).as_str(), left_out.len()), (live, 1));
        assert!(left_out[0].contains("go-back-n, selective-repeat, tcp, tcp-like"), "{left_out:?}");
    }
}
