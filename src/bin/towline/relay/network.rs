//! From the user's settings to the two directions of a bad network.

use crate::args::{Impairments, Network};
use crate::failure::{Exit, Failure};
use crate::units::QueueSize;
use std::time::Duration;
use towline::impair::{Damage, Link, LinkConfig, Loss, Reorder};
use towline::rng::Rng;

/// How much later a reordered datagram arrives where the user does not say.
const REORDER_BY: Duration = Duration::from_millis(5);

/// The two directions.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    pub(crate) up: Link,
    pub(crate) down: Link,
}

/// The network that the user describes; the same again for the same seed.
pub(crate) fn links(network: &Network) -> Result<Links, Failure> {
    let mut seeds = Rng::from_u64(network.seed);
    let mut link = |different: &Option<Impairments>| {
        let settings = different
            .as_ref()
            .map_or_else(|| network.both.clone(), |different| different.or(&network.both));
        let usage = |line: String| Failure::new(Exit::Usage, line);
        let config = config(&settings).map_err(usage)?;
        Link::new(config, seeds.u64()).map_err(|error| usage(error.to_string()))
    };
    Ok(Links { up: link(&network.up)?, down: link(&network.down)? })
}

/// One direction with these settings.
pub(crate) fn config(settings: &Impairments) -> Result<LinkConfig, String> {
    let delay = settings.delay.unwrap_or_default();
    let mut config = match settings.rate {
        Some(rate) => LinkConfig::bottleneck(rate, delay),
        None => LinkConfig { delay, ..LinkConfig::default() },
    };
    match (settings.queue, settings.rate) {
        (None, _) => {}
        (Some(_), None) => return Err("--queue needs --rate: without it nothing queues".to_owned()),
        (Some(QueueSize::Bytes(bytes)), Some(_)) => config.capacity_bytes = bytes,
        (Some(QueueSize::Time(time)), Some(rate)) => {
            config.capacity_bytes = (rate as f64 / 8.0 * time.as_secs_f64()) as u64;
        }
    }
    config.jitter = settings.jitter.unwrap_or_default();
    config.reorder = Reorder {
        share: settings.reorder.unwrap_or_default(),
        late_by: settings.reorder_by.unwrap_or(REORDER_BY),
        ..Reorder::default()
    };
    config.loss = match (settings.loss, settings.burst) {
        (None, _) => Loss::None,
        (Some(p), None) => Loss::Bernoulli { p },
        (Some(mean_loss), Some(mean_burst)) => Loss::Bursts { mean_loss, mean_burst },
    };
    config.duplicate = settings.duplicate.unwrap_or_default();
    config.damage = Damage { share: settings.damage.unwrap_or_default(), ..Damage::default() };
    config.mtu = settings.mtu;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(both: Impairments) -> Network {
        Network { both, up: None, down: None, seed: 1 }
    }

    #[test]
    fn nothing_asked_for_is_a_perfect_network() {
        let links = links(&network(Impairments::default())).unwrap();
        let perfect = LinkConfig {
            reorder: Reorder { late_by: REORDER_BY, ..Reorder::default() },
            ..LinkConfig::default()
        };
        assert_eq!(links.up.config(), &perfect);
        assert_eq!(links.down.config(), &perfect);
    }

    #[test]
    fn settings_reach_the_link() {
        let both = Impairments {
            loss: Some(0.1),
            burst: Some(3.0),
            rate: Some(8_000_000),
            queue: Some(QueueSize::Time(Duration::from_millis(50))),
            delay: Some(Duration::from_millis(7)),
            ..Impairments::default()
        };
        let up = Impairments { loss: Some(0.2), ..Impairments::default() };
        let links = links(&Network { up: Some(up), ..network(both) }).unwrap();
        assert_eq!(links.up.config().capacity_bytes, 50_000);
        assert_eq!(links.up.config().loss, Loss::Bursts { mean_loss: 0.2, mean_burst: 3.0 });
        assert_eq!(links.down.config().loss, Loss::Bursts { mean_loss: 0.1, mean_burst: 3.0 });
        assert_eq!(links.down.config().delay, Duration::from_millis(7));
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        for (both, part) in [
            (Impairments { queue: Some(QueueSize::Bytes(1)), ..Impairments::default() }, "--rate"),
            (
                Impairments { jitter: Some(Duration::from_millis(1)), ..Impairments::default() },
                "jitter",
            ),
            (Impairments { loss: Some(0.9), burst: Some(2.0), ..Impairments::default() }, "loss"),
        ] {
            let failure = links(&network(both)).unwrap_err();
            assert!(failure.exit == Exit::Usage && failure.message.contains(part), "{failure}");
        }
    }
}
