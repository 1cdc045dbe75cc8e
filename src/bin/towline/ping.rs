//! `towline ping`: how long a message and its echo take.

mod round_trips;

use crate::address::Address;
use crate::args;
use crate::clock::Clock;
use crate::failure::{Exit, Failure, Reason};
use crate::progress::Progress;
use crate::reach;
use crate::report::{self, Json, Table};
use crate::units::{self, grouped};
use round_trips::RoundTrips;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;
use towline::Stream;

/// The bar moves once per so many round trips: it must not cost what is measured.
const PROGRESS_STEP: u64 = 1024;

pub(crate) fn run(arguments: &args::Ping) -> Result<(), Failure> {
    let args::Ping { to, timeout, style, .. } = arguments;
    let stream = reach::connect(&to.resolve()?, to, *timeout)?;
    let mut trips = RoundTrips::default();
    let outcome = measure(&stream, arguments, &mut trips);
    // What was measured before it broke off is worth something too.
    if !trips.is_empty() && !style.quiet {
        report::say(Summary { arguments, trips: &mut trips }.text())?;
    }
    outcome?;
    // Nobody waits for this.
    let _ = stream.shutdown(Shutdown::Write);
    Ok(())
}

/// One message after the other; each is told, unless they follow each other at once.
fn measure(stream: &Stream, arguments: &args::Ping, trips: &mut RoundTrips) -> Result<(), Failure> {
    let args::Ping { to, count, size, interval, timeout, style } = arguments;
    let set = stream.set_nodelay(true).and_then(|()| stream.set_read_timeout(Some(*timeout)));
    set.map_err(|error| Failure::local("cannot measure", &error))?;
    let is_telling = !interval.is_zero() && !style.quiet && !style.json;
    let progress = Progress::count("measuring", u64::from(*count), !is_telling && !style.quiet);
    let (mut message, mut answer) = (vec![0; *size as usize], vec![0; *size as usize]);
    let clock = Clock::start();
    for number in 0..u64::from(*count) {
        mark(&mut message, number);
        let sent = clock.now();
        let exchanged = exchange(stream, &message, &mut answer);
        let trip = clock.now().saturating_since(sent);
        exchanged.map_err(|error| no_answer(to, number, *timeout, &error))?;
        if answer != message {
            return Err(wrong_answer(to, number));
        }
        trips.push(trip);
        if is_telling {
            let number = number + 1;
            report::say(format_args!("{size} bytes of {to}: number {number}, {}", time(trip)))?;
        } else if number % PROGRESS_STEP == 0 {
            progress.set(number);
        }
        let next = sent + *interval;
        while number + 1 < u64::from(*count) && clock.now() < next {
            thread::park_timeout(next.saturating_since(clock.now()));
        }
    }
    progress.end();
    Ok(())
}

/// Every message differs from the one before.
fn mark(message: &mut [u8], number: u64) {
    for (at, byte) in message.iter_mut().enumerate() {
        *byte = number.to_le_bytes()[at % 8];
    }
}

fn exchange(mut stream: &Stream, message: &[u8], answer: &mut [u8]) -> io::Result<()> {
    stream.write_all(message)?;
    stream.read_exact(answer)
}

fn no_answer(to: &Address, number: u64, timeout: Duration, error: &io::Error) -> Failure {
    let number = grouped(number + 1);
    let why = match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!("no answer within {} s", units::plain(timeout.as_secs_f64()))
        }
        io::ErrorKind::UnexpectedEof => {
            "the other side closed the connection; is `towline echo` running there?".to_owned()
        }
        _ => Reason(error).to_string(),
    };
    Failure::new(Exit::Transfer, format!("message {number} to {to} did not come back: {why}"))
}

fn wrong_answer(to: &Address, number: u64) -> Failure {
    if number == 0 {
        let line =
            format!("{to} does not send back what it gets: is `towline echo` running there?");
        return Failure::new(Exit::Unreachable, line);
    }
    let number = grouped(number + 1);
    Failure::new(Exit::Content, format!("what came back of message {number} is not what was sent"))
}

/// `9.8 us`, `40.3 ms`.
fn time(time: Duration) -> String {
    let us = time.as_secs_f64() * 1e6;
    if us < 1e4 { format!("{us:.1} us") } else { units::millis(time) }
}

/// The result.
struct Summary<'a> {
    arguments: &'a args::Ping,
    trips: &'a mut RoundTrips,
}

impl Summary<'_> {
    fn text(&mut self) -> String {
        let args::Ping { to, count, size, style, .. } = self.arguments;
        let sizes = (self.trips.len(), u64::from(*size));
        let figures = self.trips.figures();
        if style.json {
            let json = Json::default()
                .text("event", "measured")
                .text("to", &to.to_string())
                .number("count", sizes.0)
                .number("asked", u64::from(*count))
                .number("bytes", sizes.1);
            let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            return figures
                .iter()
                .fold(json, |json, (name, time)| {
                    json.number(&format!("{}_ns", name.replace('.', "_")), nanoseconds(*time))
                })
                .to_string();
        }
        let mut heads = vec![""];
        heads.extend(figures.iter().map(|(name, _)| *name));
        let mut table = Table::new(&heads);
        table.row("round trip", figures.iter().map(|(_, trip)| time(*trip)));
        format!(
            "{} of {} messages of {size} bytes came back from {to}\n{table}",
            grouped(sizes.0),
            grouped(u64::from(*count))
        )
    }
}
