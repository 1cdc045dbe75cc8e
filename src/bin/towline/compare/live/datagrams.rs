//! Plain UDP over plain sockets.

use super::stage::{Stage, TICK};
use super::{RUN_UP, Watch, socket};
use crate::clock::Clock;
use crate::relay::{Carrier, Links};
use std::io;
use std::net::UdpSocket;
use std::thread;
use std::time::Duration;
use towline::sim::compare::{Application, Contender, PATH_MTU, Record, Scenario, Setup};
use towline::wire::Side;

/// The largest datagram that the path carries.
const MAX_DATAGRAM: usize = PATH_MTU as usize;
/// When nothing has moved for so long, at least, nothing will.
const QUIET: Duration = Duration::from_millis(250);
/// What the receivers ask for, so that a busy machine does not make the system drop datagrams.
const SOCKET_BUFFER: usize = 4 << 20;

pub(super) fn run(
    mode: &dyn Contender,
    scenario: &Scenario,
    links: Links,
    progress: &dyn Fn(Duration),
) -> io::Result<Record> {
    let Scenario { workload, seed, .. } = scenario;
    let [client, server] = [socket()?, socket()?];
    let mut relay = Carrier::start(socket()?, server.local_addr()?, links)?;
    // The server may be the first to send.
    server.connect(relay.introduce(client.local_addr()?)?)?;
    client.connect(relay.local_addr())?;
    for socket in [&client, &server] {
        // The system gives what it has.
        let _ = socket2::SockRef::from(socket).set_recv_buffer_size(SOCKET_BUFFER);
        socket.set_read_timeout(Some(TICK))?;
    }
    let rate_bps =
        [&scenario.up, &scenario.down].into_iter().filter_map(|link| link.rate_bps).min();
    let setup = Setup { seed: *seed, workload, rate_bps, rtt: scenario.rtt() };
    let [client_end, server_end] = mode.ends(&setup);
    let clock = Clock::start();
    let start = clock.now() + RUN_UP;
    let stage = |end, side, socket: &UdpSocket| {
        let application = Application::new(end, side, workload, *seed, start);
        Ok::<_, io::Error>(Stage::new(clock, application, Some(socket.try_clone()?)))
    };
    let stages =
        [stage(client_end, Side::Client, &client)?, stage(server_end, Side::Server, &server)?];
    let watch = Watch { scenario, clock, start, relay: &relay, progress };
    // Between two packets of a slow link nothing moves either.
    let spacing = rate_bps.map_or(0.0, |rate| (PATH_MTU * 8) as f64 / rate.max(1) as f64);
    let quiet = QUIET.max(Duration::from_secs_f64(2.0 * spacing));
    let wire = thread::scope(|scope| {
        for (stage, socket) in stages.iter().zip([&client, &server]) {
            scope.spawn(|| stage.play());
            scope.spawn(|| receive(stage, socket));
        }
        let wire = watch.wait(stages.each_ref(), Some(quiet));
        stages.iter().for_each(Stage::end);
        wire
    });
    Ok(watch.record(stages, wire, Vec::new()))
}

fn receive(stage: &Stage, socket: &UdpSocket) {
    let mut buffer = [0; MAX_DATAGRAM];
    while !stage.is_over() {
        // Errors are those of datagrams sent earlier, or the tick.
        if let Ok(length) = socket.recv(&mut buffer) {
            stage.take(buffer.get_mut(..length));
        }
    }
}
