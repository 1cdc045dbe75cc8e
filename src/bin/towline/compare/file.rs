//! Workloads from files, and what they say about the network.

use super::args::Path;
use crate::failure::{Exit, Failure};
use crate::nearest;
use crate::units::QueueSize;
use serde::Deserialize;
use std::fs;
use std::time::Duration;
use towline::sim::compare::{Lane, Senders, Traffic, Workload};
use towline::stream::Delivery;

/// The largest file that is read.
const MAX_FILE: u64 = 1 << 20;

/// The longest time that a file can ask for, in milliseconds: an hour.
const MAX_MILLIS: f64 = 3_600_000.0;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Option<String>,
    #[serde(default = "thirty")]
    duration: f64,
    #[serde(default)]
    skip: f64,
    lanes: Vec<FileLane>,
    #[serde(default)]
    network: FileNetwork,
}

fn thirty() -> f64 {
    30.0
}

/// All that any kind of lane has. One table instead of one for each kind, because the reader of
/// tagged ones forgets the line of an error.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileLane {
    name: Option<String>,
    kind: Kind,
    from: Option<FileSenders>,
    delivery: Option<FileDelivery>,
    bytes: Option<Bytes>,
    every_ms: Option<f64>,
    total: Option<u64>,
    chunk: Option<u32>,
    request: Option<u32>,
    response: Option<u32>,
    pause_ms: Option<f64>,
    patience_ms: Option<f64>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Steady,
    Chatter,
    Bulk,
    Exchange,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FileSenders {
    Client,
    Server,
    Both,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FileDelivery {
    Stream,
    Ordered,
    Unordered,
    Latest,
    Unreliable,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged, expecting = "must be a size, or the smallest and the largest: [20, 200]")]
enum Bytes {
    One(u32),
    Range([u32; 2]),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileNetwork {
    loss: Option<f64>,
    burst_ms: Option<f64>,
    rtt_ms: Option<f64>,
    jitter_ms: Option<f64>,
    rate_mbit: Option<f64>,
    queue_ms: Option<f64>,
    reorder: Option<f64>,
    reorder_by_ms: Option<f64>,
    damage: Option<f64>,
    duplicate: Option<f64>,
}

/// The workload in this file, and what it says about the network.
pub(crate) fn read(path: &str) -> Result<(Workload, Path), Failure> {
    let cannot = |error| {
        Failure::new(
            Exit::Usage,
            Failure::local(format_args!("cannot read the workload \"{path}\""), &error).message,
        )
    };
    if fs::metadata(path).map_err(cannot)?.len() > MAX_FILE {
        return Err(Failure::new(Exit::Usage, format!("\"{path}\" is larger than 1 MiB")));
    }
    let bytes = fs::read(path).map_err(cannot)?;
    let text = String::from_utf8_lossy(&bytes);
    parse(path, &text).map_err(|line| Failure::new(Exit::Usage, format!("\"{path}\"{line}")))
}

/// The same from its text. Errors begin with the line they are in, where that is known.
fn parse(path: &str, text: &str) -> Result<(Workload, Path), String> {
    let file: File = toml::from_str(text).map_err(|error| explain(&error, text))?;
    let stem = std::path::Path::new(path).file_stem().map(|stem| stem.to_string_lossy());
    let name = file.name.or_else(|| Some(stem?.into_owned())).unwrap_or_default();
    let lanes = (1..).zip(file.lanes).map(|(number, lane)| lane.into_lane(number));
    let workload = Workload {
        name,
        lanes: lanes.collect::<Result<_, _>>()?,
        duration: millis("duration", file.duration * 1e3)?,
        skip: millis("skip", file.skip * 1e3)?,
    };
    workload.validate().map_err(|error| format!(": {error}"))?;
    Ok((workload, file.network.into_path()?))
}

impl FileLane {
    fn into_lane(self, number: usize) -> Result<Lane, String> {
        let name = self.name.clone().unwrap_or_else(|| format!("lane {number}"));
        let wrong = |what: String| format!(": lane \"{name}\": {what}");
        let traffic = self.traffic().map_err(wrong)?;
        let delivery = self.delivery.map(|delivery| match delivery {
            FileDelivery::Stream => Delivery::Stream,
            FileDelivery::Ordered => Delivery::Ordered,
            FileDelivery::Unordered => Delivery::Unordered,
            FileDelivery::Latest => Delivery::Latest,
            FileDelivery::Unreliable => Delivery::Unreliable,
        });
        Ok(Lane { name, traffic, delivery })
    }

    fn traffic(&self) -> Result<Traffic, String> {
        self.refuse_strangers()?;
        let from = match self.from.unwrap_or(FileSenders::Both) {
            FileSenders::Client => Senders::Client,
            FileSenders::Server => Senders::Server,
            FileSenders::Both => Senders::Both,
        };
        let time = |name, value: Option<f64>, usual: f64| {
            millis(name, value.unwrap_or(usual)).map_err(|e| e.trim_start_matches(": ").to_owned())
        };
        let needed = |name: &str| format!("{:?} needs {name}", self.kind).to_lowercase();
        let every = || {
            self.every_ms.ok_or_else(|| needed("every_ms"))?;
            time("every_ms", self.every_ms, 0.0)
        };
        Ok(match self.kind {
            Kind::Steady => match self.bytes.ok_or_else(|| needed("bytes"))? {
                Bytes::One(bytes) => Traffic::Steady { from, bytes, every: every()? },
                Bytes::Range(_) => return Err("steady messages have one size".to_owned()),
            },
            Kind::Chatter => {
                let bytes = match self.bytes.ok_or_else(|| needed("bytes"))? {
                    Bytes::One(bytes) => (bytes, bytes),
                    Bytes::Range([least, most]) => (least, most),
                };
                Traffic::Chatter { from, bytes, every: every()? }
            }
            Kind::Bulk => Traffic::Bulk {
                from,
                total: self.total.ok_or_else(|| needed("total"))?,
                chunk: self.chunk.unwrap_or(16_384),
            },
            Kind::Exchange => Traffic::Exchange {
                request: self.request.ok_or_else(|| needed("request"))?,
                response: self.response.ok_or_else(|| needed("response"))?,
                pause: time("pause_ms", self.pause_ms, 0.0)?,
                patience: time("patience_ms", self.patience_ms, 2000.0)?,
            },
        })
    }

    /// Fields that this kind has no use for are mistakes.
    fn refuse_strangers(&self) -> Result<(), String> {
        let fields = [
            ("from", self.from.is_some()),
            ("bytes", self.bytes.is_some()),
            ("every_ms", self.every_ms.is_some()),
            ("total", self.total.is_some()),
            ("chunk", self.chunk.is_some()),
            ("request", self.request.is_some()),
            ("response", self.response.is_some()),
            ("pause_ms", self.pause_ms.is_some()),
            ("patience_ms", self.patience_ms.is_some()),
        ];
        let (known, kind): (&[&str], _) = match self.kind {
            Kind::Steady => (&["from", "bytes", "every_ms"], "steady"),
            Kind::Chatter => (&["from", "bytes", "every_ms"], "chatter"),
            Kind::Bulk => (&["from", "total", "chunk"], "bulk"),
            Kind::Exchange => (&["request", "response", "pause_ms", "patience_ms"], "exchange"),
        };
        match fields.iter().find(|(name, is_given)| *is_given && !known.contains(name)) {
            None => Ok(()),
            Some((name, _)) => {
                Err(format!("{kind} has no field \"{name}\". Known are: {}", known.join(", ")))
            }
        }
    }
}

impl FileNetwork {
    fn into_path(self) -> Result<Path, String> {
        let share = |name: &str, value: Option<f64>| match value {
            Some(value) if !(0.0..=1.0).contains(&value) => {
                Err(format!(": network: {name} = {value}: must be a share, 0 to 1"))
            }
            value => Ok(value),
        };
        let time = |name: &str, value: Option<f64>| value.map(|ms| millis(name, ms)).transpose();
        let rate = match self.rate_mbit {
            Some(mbit) if !(0.001..=1e6).contains(&mbit) => {
                return Err(format!(": network: rate_mbit = {mbit}: must be 0.001 to 1000000"));
            }
            rate => rate.map(|mbit| (mbit * 1e6).round() as u64),
        };
        Ok(Path {
            loss: share("loss", self.loss)?,
            burst: time("burst_ms", self.burst_ms)?,
            rtt: time("rtt_ms", self.rtt_ms)?,
            jitter: time("jitter_ms", self.jitter_ms)?,
            rate,
            queue: time("queue_ms", self.queue_ms)?.map(QueueSize::Time),
            reorder: share("reorder", self.reorder)?,
            reorder_by: time("reorder_by_ms", self.reorder_by_ms)?,
            damage: share("damage", self.damage)?,
            duplicate: share("duplicate", self.duplicate)?,
        })
    }
}

fn millis(name: &str, value: f64) -> Result<Duration, String> {
    if (0.0..=MAX_MILLIS).contains(&value) {
        Ok(Duration::from_secs_f64(value / 1e3))
    } else {
        Err(format!(": {name} must be 0 to an hour"))
    }
}

/// A reader's error on one line: where, what, and for a strange name what may have been meant.
fn explain(error: &toml::de::Error, text: &str) -> String {
    let line = error.span().and_then(|span| text.get(..span.start));
    let line = line
        .map_or_else(String::new, |before| format!(", line {}", before.matches('\n').count() + 1));
    let message = error.message().lines().collect::<Vec<_>>().join(" ");
    for what in ["unknown field `", "unknown variant `"] {
        if let Some((name, rest)) = message.strip_prefix(what).and_then(|m| m.split_once('`')) {
            let known = rest.split('`').skip(1).step_by(2);
            let what = what.trim_end_matches(" `");
            return format!("{line}: {what} \"{name}\": {}", nearest::hint(name, known));
        }
    }
    format!("{line}: {message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
duration = 20
skip = 2
[[lanes]]
name = "voice"
kind = "steady"
bytes = 160
every_ms = 20
[[lanes]]
kind = "chatter"
from = "client"
bytes = [20, 200]
every_ms = 300
[[lanes]]
kind = "bulk"
from = "server"
delivery = "ordered"
total = 2000000
[[lanes]]
kind = "exchange"
request = 100
response = 10000
[network]
loss = 0.05
rtt_ms = 80
queue_ms = 50
"#;

    #[test]
    fn all_kinds_of_lanes_can_be_written() {
        let (workload, path) = parse("dir/talk.toml", GOOD).unwrap();
        assert_eq!((workload.name.as_str(), workload.lanes.len()), ("talk", 4));
        assert_eq!(workload.duration, Duration::from_secs(20));
        let every = Duration::from_millis(20);
        let voice = Traffic::Steady { from: Senders::Both, bytes: 160, every };
        assert_eq!(workload.lanes[0], Lane::new("voice", voice));
        let file = Traffic::Bulk { from: Senders::Server, total: 2_000_000, chunk: 16_384 };
        let ordered = Some(Delivery::Ordered);
        assert_eq!(workload.lanes[2], Lane { delivery: ordered, ..Lane::new("lane 3", file) });
        assert_eq!((path.loss, path.rtt), (Some(0.05), Some(Duration::from_millis(80))));
        assert_eq!(path.queue, Some(QueueSize::Time(Duration::from_millis(50))));
    }

    #[test]
    fn mistakes_are_named_with_their_place_and_what_was_meant() {
        for (from, to, parts) in [
            (
                "every_ms = 20\n",
                "evry_ms = 20\n",
                &["line 8", "\"evry_ms\"", "mean \"every_ms\""] as &[_],
            ),
            ("\"steady\"", "\"stedy\"", &["line 6", "\"stedy\"", "mean \"steady\"", "bulk"]),
            ("loss =", "los =", &["\"los\"", "mean \"loss\"", "rtt_ms"]),
            ("duration = 20", "duraton = 20", &["line 2", "mean \"duration\""]),
            ("[network]", "[netwrok]", &["mean \"network\""]),
            ("loss = 0.05", "loss = 5", &["loss = 5", "0 to 1"]),
            ("bytes = 160", "bytes = 160\nrequest = 3", &["voice", "\"request\"", "every_ms"]),
            ("bytes = 160", "", &["voice", "needs bytes"]),
            ("bytes = 160", "bytes = 3", &["voice", "8 to 1048576"]),
            ("bytes = 160", "bytes = \"many\"", &["line 7", "must be a size"]),
            ("total = 2000000", "total = -1", &["line 18"]),
            ("\"ordered\"", "\"orderd\"", &["line 17", "mean \"ordered\"", "latest"]),
            ("duration = 20", "duration = -3", &["duration", "hour"]),
            ("[[lanes]]", "[[lanes", &["line 4"]),
            (GOOD, "", &["missing field `lanes`"]),
        ] {
            let text = GOOD.replacen(from, to, 1);
            let error = parse("x.toml", &text).unwrap_err();
            assert!(!error.contains('\n'), "{error}");
            assert!(parts.iter().all(|part| error.contains(part)), "{to}: {error}");
        }
    }
}
