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
use std::thread::{self, Scope};
use std::time::Duration;
use towline::connection::Config;
use towline::sim::compare::{
    Application, End, Message, Packets, Place, Record, Scenario, Wire, Workload,
};
use towline::time::Instant;
use towline::wire::Side;
use towline::{Connection, Listener, endpoint};

/// How often it is looked whether the server has been reached.
const LOOK: Duration = Duration::from_millis(2);

/// How a mode uses a connection: the seam for modes.
pub(super) trait Plan: Sync {
    /// The settings of both ends.
    fn config(&self) -> Config {
        Config::default()
    }

    /// How many queues of messages wait for it beside each other: one, or one for each lane.
    fn queues(&self, _: &Workload) -> usize {
        1
    }

    /// Opens what it needs on one end of a connection.
    fn open(&self, connection: &Connection, workload: &Workload) -> io::Result<Halves>;

    /// Waits for the next that the other end opens; `None` if it opens none.
    fn accept(&self, _: &Connection) -> io::Result<Option<Box<dyn Inlet>>> {
        Ok(None)
    }
}

/// One end of a mode. Each part has a thread of its own.
pub(super) struct Halves {
    /// One for each queue.
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

/// The application's end: what it sends waits for the threads that send, and what was received for it.
struct Queues {
    outgoing: Vec<Sender<Vec<u8>>>,
    incoming: Receiver<Vec<u8>>,
    sent: u64,
}

impl End for Queues {
    fn send(&mut self, _: Instant, message: Message<'_>) -> Place {
        if let Some(queue) = self.outgoing.get(usize::from(message.lane) % self.outgoing.len()) {
            // The thread is gone only if the connection is.
            let _ = queue.send(message.bytes.to_vec());
        }
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
    outgoing: Vec<Receiver<Vec<u8>>>,
    incoming: Sender<Vec<u8>>,
}

pub(super) fn run(
    plan: &dyn Plan,
    scenario: &Scenario,
    links: Links,
    progress: &dyn Fn(Duration),
) -> io::Result<Record> {
    let mut config = endpoint::Config::default();
    config.connection = plan.config();
    config.connection.connect_timeout = grace(scenario);
    let listener = Listener::bind_with((Ipv4Addr::LOCALHOST, 0), &config)?;
    let relay = Carrier::start(socket()?, listener.local_addr()?, links)?;
    let clock = Clock::start();
    let connections = connect(&listener, relay.local_addr(), &config.connection, clock);
    let start = clock.now() + RUN_UP;
    let queues = plan.queues(&scenario.workload).max(1);
    let (stages, hands) = stages(scenario, queues, clock, start);
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
    let [client, server] = connections.each_ref().map(|c| plan.open(c, &scenario.workload));
    let halves = [client?, server?];
    let (wire, faults) = thread::scope(|scope| {
        for (((stage, connection), halves), hands) in
            stages.iter().zip(&connections).zip(halves).zip(hands)
        {
            play(scope, plan, stage, connection, halves, hands);
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

/// Starts all threads of one side.
fn play<'scope>(
    scope: &'scope Scope<'scope, '_>,
    plan: &'scope dyn Plan,
    stage: &'scope Stage,
    connection: &'scope Connection,
    halves: Halves,
    hands: Hands,
) {
    scope.spawn(|| stage.play());
    for (mut outlet, outgoing) in halves.outlets.into_iter().zip(hands.outgoing) {
        scope.spawn(move || send(stage, &outgoing, &mut *outlet));
    }
    let incoming = hands.incoming;
    let inlet = move |mut inlet: Box<dyn Inlet>| {
        let incoming = incoming.clone();
        scope.spawn(move || receive(stage, &mut *inlet, &incoming));
    };
    halves.inlets.into_iter().for_each(&inlet);
    scope.spawn(move || {
        while let Ok(Some(opened)) = plan.accept(connection) {
            inlet(opened);
        }
    });
}

fn stages(
    scenario: &Scenario,
    queues: usize,
    clock: Clock,
    start: Instant,
) -> ([Stage; 2], [Hands; 2]) {
    let Scenario { workload, seed, .. } = scenario;
    let stage = |side| {
        let (outgoing, to_send) = (0..queues).map(|_| mpsc::channel()).unzip();
        let (received, incoming) = mpsc::channel();
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
    config: &Config,
    clock: Clock,
) -> io::Result<[Connection; 2]> {
    let client = Connection::connect_with(relay, config)?;
    listener.set_nonblocking(true)?;
    let until = clock.now() + config.connect_timeout;
    loop {
        match listener.accept_connection() {
            Ok(server) => return Ok([client, server]),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            Err(_) if clock.now() >= until => return Err(io::ErrorKind::TimedOut.into()),
            Err(_) => thread::park_timeout(LOOK),
        }
    }
}

fn send(stage: &Stage, outgoing: &Receiver<Vec<u8>>, outlet: &mut dyn Outlet) {
    while !stage.is_over() {
        if let Ok(message) = outgoing.recv_timeout(TICK)
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
