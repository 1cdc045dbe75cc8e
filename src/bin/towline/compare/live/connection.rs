//! A mode of towline's, as programs use it: blocking calls on both ends of a connection, with threads
//! that send and threads that receive.

use super::stage::{Stage, TICK};
use super::{RUN_UP, Watch, grace, socket};
use crate::clock::Clock;
use crate::failure::Reason;
use crate::relay::{Carrier, Links};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;
use towline::sim::compare::{
    Application, End, Message, Packets, Place, Record, Scenario, Wire, Workload,
};
use towline::time::Instant;
use towline::wire::Side;
use towline::{Connection, Listener, Stream};

/// How often it is looked whether the server has been reached.
const LOOK: Duration = Duration::from_millis(2);

/// Opens what a mode needs on one end of a connection: the seam for modes.
pub(super) type Open = fn(&Connection, Side, &Workload) -> io::Result<Halves>;

/// One end of a mode.
///
/// Each outlet and each inlet has a thread of its own.
pub(super) struct Halves {
    /// One for each lane, or one for all.
    pub(super) outlets: Vec<Box<dyn Outlet>>,
    pub(super) inlets: Vec<Box<dyn Inlet>>,
}

/// What takes messages; it waits while it cannot.
pub(super) trait Outlet: Send {
    fn send(&mut self, message: &[u8]) -> io::Result<()>;
}

/// What gives messages; it waits for the next one.
pub(super) trait Inlet: Send {
    fn recv(&mut self) -> io::Result<Vec<u8>>;
}

type Addressed = (u16, Vec<u8>);

/// The application's end: what it sends waits for the thread that sends, and what was received for it.
struct Queues {
    outgoing: Sender<Addressed>,
    incoming: Receiver<Vec<u8>>,
    sent: u64,
}

impl End for Queues {
    fn send(&mut self, _: Instant, message: Message<'_>) -> Place {
        // The thread is gone only if the connection is.
        let _ = self.outgoing.send((message.lane, message.bytes.to_vec()));
        self.sent += 1;
        Place { space: 0, range: self.sent - 1..self.sent }
    }

    fn handle(&mut self, _: Instant, _: &mut [u8]) {}

    fn poll(&mut self, _: Instant, _: &mut Packets) -> Option<Instant> {
        None
    }

    fn recv(&mut self) -> Option<Vec<u8>> {
        self.incoming.try_recv().ok()
    }
}

/// The other sides of these queues.
struct Hands {
    outgoing: Receiver<Addressed>,
    incoming: Sender<Vec<u8>>,
}

pub(super) fn run(
    open: Open,
    scenario: &Scenario,
    links: Links,
    progress: &dyn Fn(Duration),
) -> io::Result<Record> {
    let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let relay = Carrier::start(socket()?, listener.local_addr()?, links)?;
    let clock = Clock::start();
    let connections = connect(&listener, relay.local_addr(), clock, grace(scenario));
    let start = clock.now() + RUN_UP;
    let ([client, server], hands) = stages(scenario, clock, start);
    let stages = [client, server];
    let watch = Watch { scenario, clock, start, relay: &relay, progress };
    let connections = match connections {
        Ok(connections) => connections,
        Err(error) => {
            for stage in &stages {
                stage.skip_to_the_end(start);
            }
            let fault = format!("the connection could not be made: {}", Reason(&error));
            return Ok(watch.record(stages, Wire::default(), vec![fault]));
        }
    };
    let [client, server] = &connections;
    let halves = [
        open(client, Side::Client, &scenario.workload)?,
        open(server, Side::Server, &scenario.workload)?,
    ];
    let (wire, faults) = thread::scope(|scope| {
        for ((stage, Halves { outlets, inlets }), hands) in stages.iter().zip(halves).zip(hands) {
            let Hands { outgoing, incoming } = hands;
            scope.spawn(|| stage.play());
            let mut lanes = Vec::new();
            for mut outlet in outlets {
                let (lane, messages) = mpsc::channel();
                lanes.push(lane);
                scope.spawn(move || send(stage, &messages, &mut *outlet));
            }
            scope.spawn(move || sort(stage, &outgoing, &lanes));
            for mut inlet in inlets {
                let incoming = incoming.clone();
                scope.spawn(move || receive(stage, &mut *inlet, &incoming));
            }
        }
        let wire = watch.wait(stages.each_ref(), None);
        let faults: Vec<String> = connections
            .iter()
            .filter_map(Connection::ended)
            .map(|ended| format!("the connection ended: {ended:?}"))
            .collect();
        stages.iter().for_each(Stage::end);
        for connection in &connections {
            // Wakes whoever still waits; what has not arrived by now does not count.
            let _ = connection.close(0, b"", Duration::ZERO);
        }
        (wire, faults)
    });
    Ok(watch.record(stages, wire, faults))
}

fn stages(scenario: &Scenario, clock: Clock, start: Instant) -> ([Stage; 2], [Hands; 2]) {
    let Scenario { workload, seed, .. } = scenario;
    let stage = |side| {
        let ((outgoing, to_send), (received, incoming)) = (mpsc::channel(), mpsc::channel());
        let end = Box::new(Queues { outgoing, incoming, sent: 0 });
        let application = Application::new(end, side, workload, *seed, start);
        let hands = Hands { outgoing: to_send, incoming: received };
        (Stage::new(clock, application, None), hands)
    };
    let (client, server) = (stage(Side::Client), stage(Side::Server));
    ([client.0, server.0], [client.1, server.1])
}

/// Both ends of a connection through the relay.
fn connect(
    listener: &Listener,
    relay: SocketAddr,
    clock: Clock,
    patience: Duration,
) -> io::Result<[Connection; 2]> {
    let client = Stream::connect_timeout(&relay, patience)?.connection();
    listener.set_nonblocking(true)?;
    let until = clock.now() + patience;
    loop {
        match listener.accept_connection() {
            Ok(server) => return Ok([client, server]),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            Err(_) if clock.now() >= until => return Err(io::ErrorKind::TimedOut.into()),
            Err(_) => thread::park_timeout(LOOK),
        }
    }
}

/// Hands each message to its lane's thread: a lane that waits for room holds no other one up.
fn sort(stage: &Stage, outgoing: &Receiver<Addressed>, lanes: &[Sender<Vec<u8>>]) {
    while !stage.is_over() {
        if let Ok((lane, message)) = outgoing.recv_timeout(TICK)
            && let Some(outlet) = lanes.get(usize::from(lane)).or_else(|| lanes.first())
            && outlet.send(message).is_err()
        {
            return;
        }
    }
}

fn send(stage: &Stage, messages: &Receiver<Vec<u8>>, outlet: &mut dyn Outlet) {
    while !stage.is_over() {
        if let Ok(message) = messages.recv_timeout(TICK)
            && outlet.send(&message).is_err()
        {
            return;
        }
    }
}

fn receive(stage: &Stage, inlet: &mut dyn Inlet, incoming: &Sender<Vec<u8>>) {
    while !stage.is_over()
        && let Ok(message) = inlet.recv()
        && incoming.send(message).is_ok()
    {
        stage.take(None);
    }
}
