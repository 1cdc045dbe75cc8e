//! What the user asks for: commands, options, their ranges, and the help.

use crate::address::Address;
use crate::compare::Compare;
use crate::failure::{Exit, Failure};
use crate::sim::Sim;
use crate::units::{self, QueueSize};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the transfer failed
  2  wrong usage
  3  the other side cannot be reached, refuses, or speaks something else
  4  a local file or the local network could not be used
  5  what arrived is not what was sent";

/// TCP's guarantees over plain UDP: send files, and see what a bad network does to them.
#[derive(Debug, Parser)]
#[command(name = "towline", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Send(Send),
    Recv(Recv),
    Echo(Echo),
    Ping(Ping),
    Relay(Box<Relay>),
    Demo(Box<Demo>),
    Compare(Box<Compare>),
    Sim(Sim),
}

/// Send files and folders to `towline recv`, and learn that they are stored and verified there.
///
/// Content, permissions and times arrive; symbolic links within folders are skipped. An interrupted
/// transfer goes on where it broke off when it is repeated, and what is there already is not sent
/// again: both only if it is the same, byte for byte.
#[derive(Debug, Args)]
#[command(override_usage = Send::USAGE, after_help = format!("\
Examples:
  towline send photo.jpg 192.0.2.7
  towline send photos notes.txt example.org
  towline send backup.tar [2001:db8::7]:9000 --json

{EXIT_CODES}"))]
pub(crate) struct Send {
    /// The files and folders to send, and last where `towline recv` listens: HOST or HOST:PORT; the
    /// port is 7373 where none is given.
    // Clap puts the outer brackets.
    #[arg(value_name = "PATH>... <ADDR", required = true)]
    paths_and_address: Vec<PathBuf>,
    /// The name to store it under, where it is not to be its own; for one file or folder.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// How long to wait until the receiver answers.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = units::parse_seconds)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) style: Style,
}

impl Send {
    const USAGE: &str = "towline send [OPTIONS] <PATH>... <ADDR>";

    /// What to send and where to. Clap cannot tell them apart itself where options stand between.
    pub(crate) fn split(&self) -> Result<(&[PathBuf], Address), Failure> {
        let usage = |line: String| Failure::new(Exit::Usage, line);
        let missing = || usage(format!("<ADDR> is missing; usage: {}", Self::USAGE));
        let Some((address, paths @ [_, ..])) = self.paths_and_address.split_last() else {
            return Err(missing());
        };
        if self.name.is_some() && paths.len() > 1 {
            return Err(usage("--name is for one file or folder".to_owned()));
        }
        let text = address.to_string_lossy();
        let invalid = |why| usage(format!("invalid value {text:?} for <ADDR>: {why}"));
        Ok((paths, Address::parse_peer(&text).map_err(invalid)?))
    }
}

/// Receive files and folders from `towline send`: each file appears whole and verified, or not at all.
///
/// Whoever reaches the address may send. Nothing is stored outside of the directory, whatever names
/// are sent and whatever links are there, and no file is replaced unless --overwrite is given. What
/// an interrupted transfer left waits in hidden files (.towline-*.part) for a week to be gone on with.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  towline recv downloads
  towline recv --listen 127.0.0.1:0 --once

{EXIT_CODES}"))]
pub(crate) struct Recv {
    /// The directory to store files in.
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,
    /// The address to listen on; all that the system has, port 7373, where none is given. With port 0
    /// the system chooses one, and it is printed.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<Address>,
    /// End after one transfer, with an exit code that says how it went.
    #[arg(long)]
    pub(crate) once: bool,
    /// Replace existing files.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Take names that begin with a dot, such as .profile or .ssh/config. Within a folder that is
    /// sent they are always taken.
    #[arg(long)]
    pub(crate) hidden: bool,
    /// Refuse larger files; such as 500MB or 2GiB.
    #[arg(long, value_name = "BYTES", value_parser = units::parse_bytes)]
    pub(crate) max_size: Option<u64>,
    /// Give up on a sender that has been silent for so long.
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = units::parse_seconds)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) style: Style,
}

/// Send back whatever arrives: the other end of `towline ping`, and of experiments.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  towline echo
  towline echo 127.0.0.1:0 --once

{EXIT_CODES}"))]
pub(crate) struct Echo {
    /// The address to listen on; all that the system has, port 7373, where none is given. With port 0
    /// the system chooses one, and it is printed.
    #[arg(value_name = "ADDR")]
    pub(crate) listen: Option<Address>,
    /// End after one connection.
    #[arg(long)]
    pub(crate) once: bool,
    /// Give up on a connection that has been silent for so long.
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = units::parse_seconds)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) style: Style,
}

/// Measure round trips to `towline echo`, over one connection.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  towline ping 192.0.2.7
  towline ping 127.0.0.1:7373 --count 100000 --interval 0
  towline ping example.org:9000 --size 1000 --json

{EXIT_CODES}"))]
pub(crate) struct Ping {
    /// Where `towline echo` listens: HOST or HOST:PORT; the port is 7373 where none is given.
    #[arg(value_name = "ADDR", value_parser = Address::parse_peer)]
    pub(crate) to: Address,
    /// How many messages to send.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) count: u32,
    /// The size of a message.
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    pub(crate) size: u32,
    /// The time from one message to the next; 0 sends the next as soon as the last is back.
    #[arg(long, value_name = "MS", default_value = "200", value_parser = units::parse_millis)]
    pub(crate) interval: Duration,
    /// How long to wait for an answer.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = units::parse_seconds)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) style: Style,
}

/// Pass UDP datagrams on to TARGET and back, over a network as bad as you like.
///
/// Any UDP program can be tested through it. Damage happens above UDP, so checksums of the system
/// do not hide it. The same seed does the same to the n-th datagram of a direction.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  towline relay 127.0.0.1:7373 --listen 127.0.0.1:9000 --loss 5 --delay 20
  towline relay 127.0.0.1:7373 --rate 10 --queue 50ms --up loss=10,burst=4 --down rate=2

After --seconds or with --until-enter it prints what became of all datagrams. A terminal shows the
counts meanwhile.

{EXIT_CODES}"))]
pub(crate) struct Relay {
    /// Where datagrams go: HOST:PORT.
    #[arg(value_name = "TARGET", value_parser = Address::parse_peer)]
    pub(crate) target: Address,
    /// The address to listen on; with port 0 the system chooses one, and it is printed.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) listen: Address,
    /// End after so long.
    #[arg(long, value_name = "SECONDS", value_parser = units::parse_seconds)]
    pub(crate) seconds: Option<Duration>,
    /// End when Enter is pressed, or at the end of the standard input.
    #[arg(long)]
    pub(crate) until_enter: bool,
    #[command(flatten)]
    pub(crate) network: Network,
    #[command(flatten)]
    pub(crate) style: Style,
}

/// See it work: a file crosses a bad network over real sockets of this machine, by towline and by
/// plain UDP, side by side.
///
/// The network is a relay with 5 % loss, 1 % damage, 1 % reordering, 1 % duplication, 20 ms delay
/// and 100 Mbit/s each way, unless you say otherwise.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  towline demo
  towline demo big.iso --loss 10 --delay 100 --rate 20

{EXIT_CODES}"))]
pub(crate) struct Demo {
    /// The file to move; towline's own executable where none is given.
    pub(crate) file: Option<PathBuf>,
    /// The rate of the plain UDP sender in Mbit/s, where it is not to be the one that towline reached.
    #[arg(long, value_name = "MBIT/S", value_parser = units::parse_mbit)]
    pub(crate) plain_rate: Option<u64>,
    #[command(flatten)]
    pub(crate) network: Network,
    #[command(flatten)]
    pub(crate) style: Style,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Style {
    /// Print results as JSON, one object a line.
    #[arg(long)]
    pub(crate) json: bool,
    /// Print errors only, and where it listens.
    #[arg(long, short, conflicts_with = "json")]
    pub(crate) quiet: bool,
}

/// A bad network, both ways.
#[derive(Clone, Debug, Args)]
pub(crate) struct Network {
    #[command(flatten)]
    pub(crate) both: Impairments,
    /// What is different on the way to the target, as option names and values: loss=10,delay=50
    #[arg(long, value_name = "SETTINGS", value_parser = Impairments::parse, help_heading = "Network")]
    pub(crate) up: Option<Impairments>,
    /// What is different on the way back.
    #[arg(long, value_name = "SETTINGS", value_parser = Impairments::parse, help_heading = "Network")]
    pub(crate) down: Option<Impairments>,
    /// What decides with its number what becomes of a datagram.
    #[arg(long, default_value_t = 1, help_heading = "Network")]
    pub(crate) seed: u64,
}

/// What is wrong with one direction of a network; what is not given is perfect.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct Impairments {
    /// The share of datagrams that are lost.
    #[arg(long, value_name = "PERCENT", value_parser = units::parse_percent)]
    pub(crate) loss: Option<f64>,
    /// How many datagrams in a row are lost on average; losses are independent without it.
    #[arg(long, value_name = "PACKETS", value_parser = units::parse_burst, requires = "loss")]
    pub(crate) burst: Option<f64>,
    /// How long every datagram travels, one way.
    #[arg(long, value_name = "MS", value_parser = units::parse_millis)]
    pub(crate) delay: Option<Duration>,
    /// How much the delay varies to either side, without changing the order; at most the delay.
    #[arg(long, value_name = "MS", value_parser = units::parse_millis)]
    pub(crate) jitter: Option<Duration>,
    /// The share of datagrams that others overtake.
    #[arg(long, value_name = "PERCENT", value_parser = units::parse_percent)]
    pub(crate) reorder: Option<f64>,
    /// How much later these arrive; 5 ms where it is not given.
    #[arg(long, value_name = "MS", value_parser = units::parse_millis)]
    pub(crate) reorder_by: Option<Duration>,
    /// The share of datagrams that arrive twice.
    #[arg(long, value_name = "PERCENT", value_parser = units::parse_percent)]
    pub(crate) duplicate: Option<f64>,
    /// The share of datagrams that arrive with a bit flipped.
    #[arg(long, value_name = "PERCENT", value_parser = units::parse_percent)]
    pub(crate) damage: Option<f64>,
    /// The rate of the link; without limit where it is not given.
    #[arg(long, value_name = "MBIT/S", value_parser = units::parse_mbit)]
    pub(crate) rate: Option<u64>,
    /// How much waits for the link before more is dropped: 64k, or 50ms; a round trip's worth where
    /// it is not given.
    #[arg(long, value_name = "BYTES|MS", value_parser = units::parse_queue)]
    pub(crate) queue: Option<QueueSize>,
    /// The largest IP packet that passes, in bytes.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(68..=65_535))]
    pub(crate) mtu: Option<u64>,
}

/// The options of one direction, as the argument of `--up` and `--down`.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct OneDirection {
    #[command(flatten)]
    impairments: Impairments,
}

impl Impairments {
    fn parse(text: &str) -> Result<Self, String> {
        let options = text.split(',').map(|setting| format!("--{}", setting.trim()));
        match OneDirection::try_parse_from(options) {
            Ok(direction) => Ok(direction.impairments),
            Err(error) => Err(one_line(&error).replace("--", "")),
        }
    }

    /// These settings where they are given, else the others.
    pub(crate) fn or(&self, others: &Self) -> Self {
        Self {
            loss: self.loss.or(others.loss),
            burst: self.burst.or(others.burst),
            delay: self.delay.or(others.delay),
            jitter: self.jitter.or(others.jitter),
            reorder: self.reorder.or(others.reorder),
            reorder_by: self.reorder_by.or(others.reorder_by),
            duplicate: self.duplicate.or(others.duplicate),
            damage: self.damage.or(others.damage),
            rate: self.rate.or(others.rate),
            queue: self.queue.or(others.queue),
            mtu: self.mtu.or(others.mtu),
        }
    }
}

/// The first paragraph of clap's message on one line: what is wrong and what is allowed.
pub(crate) fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let lines: Vec<_> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
    let line = lines.join(" ");
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Arguments, String> {
        let parsed =
            Arguments::try_parse_from(line.split(' ')).map_err(|error| one_line(&error))?;
        if let Command::Send(send) = &parsed.command {
            send.split().map_err(|failure| failure.message)?;
        }
        Ok(parsed)
    }

    #[test]
    fn the_last_of_what_is_to_be_sent_is_the_address() {
        for line in ["x y h:1", "x y h:1 --json", "x --json y h:1", "--json x y --timeout 3 h:1"] {
            let Ok(Command::Send(send)) = parse(&format!("towline send {line}")).map(|a| a.command)
            else {
                panic!("{line}")
            };
            let (paths, address) = send.split().unwrap();
            assert_eq!(
                (paths, address.to_string()),
                (&["x".into(), "y".into()] as &[_], "h:1".to_owned())
            );
        }
    }

    #[test]
    fn the_commands_are_consistent() {
        Arguments::command().debug_assert();
        OneDirection::command().debug_assert();
    }

    #[test]
    fn directions_differ_where_the_user_says_so() {
        let line = "towline relay h:1 --loss 5 --delay 20 --up loss=10,burst=4 --down rate=2";
        let Ok(Command::Relay(relay)) = parse(line).map(|a| a.command) else { panic!("no relay") };
        let Network { both, up, down, .. } = relay.network;
        let (up, down) = (up.unwrap().or(&both), down.unwrap().or(&both));
        assert_eq!((up.loss, up.burst, up.rate), (Some(0.1), Some(4.0), None));
        assert_eq!((down.loss, down.burst, down.rate), (Some(0.05), None, Some(2_000_000)));
        assert_eq!((up.delay, down.delay), (both.delay, both.delay));
    }

    #[test]
    fn errors_are_one_line_that_says_what_is_allowed() {
        for (line, parts) in [
            ("towline fly", &["fly"] as &[_]),
            ("towline send x", &["<ADDR>"]),
            ("towline send x h:70000", &["70000", "1 to 65535"]),
            ("towline send x h:0", &["1 to 65535"]),
            ("towline send x y h:1 --name z", &["--name", "one"]),
            ("towline send", &["<PATH>", "<ADDR>"]),
            ("towline ping h --count 0", &["0", "1..=10000000"]),
            ("towline ping h --size 2000000", &["2000000", "1..=1048576"]),
            ("towline ping h:0", &["1 to 65535"]),
            ("towline ping h --interval soon", &["0 to 60000"]),
            ("towline echo h:70000", &["70000", "0 to 65535"]),
            ("towline recv --listen h:70000", &["70000", "0 to 65535"]),
            ("towline recv --timeout -1 x", &["-1"]),
            ("towline recv --json --quiet", &["--quiet", "cannot be used with"]),
            ("towline relay h:1 --loss 101", &["101", "0 to 100"]),
            ("towline relay h:1 --mtu 3", &["3", "68..=65535"]),
            ("towline relay h:1 --burst 3", &["--loss"]),
            ("towline relay h:1 --up loss=101", &["loss", "0 to 100"]),
            ("towline relay h:1 --up speed=1", &["speed"]),
            ("towline relay h:1 --queue soon", &["64k", "50ms"]),
        ] {
            let error = parse(line).unwrap_err();
            assert!(!error.contains('\n'), "{error}");
            assert!(parts.iter().all(|part| error.contains(part)), "{line}: {error}");
        }
    }
}
