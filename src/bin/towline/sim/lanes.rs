//! What a flow sends: a usual workload by name, or lanes of its own.

use super::document::{Node, Table, Value};
use super::fields::{Fields, Read};
use std::time::Duration;
use towline::sim::compare::{Lane, Senders, Traffic, Workload};
use towline::stream::Delivery;

/// The name of the workload that takes all there is.
const GREEDY: &str = "greedy";
const MAX_BYTES: u64 = 1 << 20;

/// Lanes by a workload's name or from `[[lanes]]`; a greedy flow where nobody says.
pub(crate) fn read(fields: &mut Fields<'_>) -> Read<(String, Vec<Lane>)> {
    let own = fields.tables("lanes")?;
    let name = fields.text("workload")?;
    let from = fields.one_of("from", &SENDERS)?;
    if !own.is_empty() {
        for field in ["workload", "from"] {
            if fields.has(field) {
                return Err(fields.error(field, format_args!("{field} or lanes, not both")));
            }
        }
        let lanes = (1..).zip(own).map(|(number, table)| lane(number, table));
        return Ok(("lanes".to_owned(), lanes.collect::<Read<_>>()?));
    }
    let name = name.unwrap_or(GREEDY);
    let mut lanes = match Workload::named(name) {
        Some(workload) => workload.lanes,
        None if name == GREEDY => Workload::greedy(Duration::from_secs(1), Duration::ZERO).lanes,
        None => {
            let known = Workload::NAMES.into_iter().chain([GREEDY]);
            return Err(fields.stranger("workload", name, known));
        }
    };
    if let Some(chosen) = from {
        for lane in &mut lanes {
            match &mut lane.traffic {
                Traffic::Steady { from, .. }
                | Traffic::Chatter { from, .. }
                | Traffic::Bulk { from, .. }
                | Traffic::Greedy { from, .. } => *from = chosen,
                Traffic::Exchange { .. } => {
                    return Err(fields.error("from", "in exchanges the client asks: no from"));
                }
            }
        }
    }
    Ok((name.to_owned(), lanes))
}

const SENDERS: [(&str, Senders); 3] =
    [("client", Senders::Client), ("server", Senders::Server), ("both", Senders::Both)];

#[derive(Clone, Copy)]
enum Kind {
    Steady,
    Chatter,
    Bulk,
    Greedy,
    Exchange,
}

fn lane(number: usize, table: &Table) -> Read<Lane> {
    let mut fields = Fields::new(format!("lane {number}"), vec![table]);
    let name = fields.text("name")?.map_or_else(|| format!("lane {number}"), str::to_owned);
    let mut fields = Fields::new(format!("lane \"{name}\""), vec![table]);
    fields.text("name")?;
    let deliveries = [
        ("stream", Delivery::Stream),
        ("ordered", Delivery::Ordered),
        ("unordered", Delivery::Unordered),
        ("latest", Delivery::Latest),
        ("unreliable", Delivery::Unreliable),
    ];
    let delivery = fields.one_of("delivery", &deliveries)?;
    let kinds = [
        ("steady", Kind::Steady),
        ("chatter", Kind::Chatter),
        ("bulk", Kind::Bulk),
        ("greedy", Kind::Greedy),
        ("exchange", Kind::Exchange),
    ];
    let kind = fields.one_of("kind", &kinds)?;
    let kind = kind.ok_or_else(|| missing(&fields, "kind"))?;
    let traffic = traffic(&mut fields, kind)?;
    fields.end()?;
    Ok(Lane { name, traffic, delivery })
}

fn traffic(fields: &mut Fields<'_>, kind: Kind) -> Read<Traffic> {
    let from = match kind {
        Kind::Exchange => Senders::Client,
        Kind::Bulk | Kind::Greedy => fields.one_of("from", &SENDERS)?.unwrap_or(Senders::Client),
        Kind::Steady | Kind::Chatter => fields.one_of("from", &SENDERS)?.unwrap_or(Senders::Both),
    };
    Ok(match kind {
        Kind::Steady => {
            Traffic::Steady { from, bytes: size(fields, "bytes")?, every: every(fields)? }
        }
        Kind::Chatter => Traffic::Chatter { from, bytes: sizes(fields)?, every: every(fields)? },
        Kind::Bulk => {
            let total = fields.whole("total", 1, 1 << 30)?;
            let total = total.ok_or_else(|| missing(fields, "total"))?;
            Traffic::Bulk { from, total, chunk: bytes(fields, "chunk")?.unwrap_or(16_384) }
        }
        Kind::Greedy => Traffic::Greedy { from, chunk: bytes(fields, "chunk")?.unwrap_or(4096) },
        Kind::Exchange => Traffic::Exchange {
            request: size(fields, "request")?,
            response: size(fields, "response")?,
            pause: fields.millis("pause_ms")?.unwrap_or_default(),
            patience: fields.millis("patience_ms")?.unwrap_or(Duration::from_secs(2)),
        },
    })
}

fn bytes(fields: &mut Fields<'_>, field: &'static str) -> Read<Option<u32>> {
    Ok(fields.whole(field, 8, MAX_BYTES)?.map(|bytes| bytes as u32))
}

fn size(fields: &mut Fields<'_>, field: &'static str) -> Read<u32> {
    bytes(fields, field)?.ok_or_else(|| missing(fields, field))
}

/// One size, or the smallest and the largest.
fn sizes(fields: &mut Fields<'_>) -> Read<(u32, u32)> {
    let Some(Node { value: Value::List(list), .. }) = fields.get("bytes") else {
        let bytes = size(fields, "bytes")?;
        return Ok((bytes, bytes));
    };
    let size = |node: &Node| match &node.value {
        Value::Number(_, digits) => digits.parse().ok().filter(|bytes: &u64| *bytes <= MAX_BYTES),
        _ => None,
    };
    match list.iter().map(size).collect::<Option<Vec<_>>>().as_deref() {
        Some([least, most]) => Ok((*least as u32, *most as u32)),
        _ => Err(fields.error("bytes", "bytes must be a size, or the smallest and the largest")),
    }
}

fn every(fields: &mut Fields<'_>) -> Read<Duration> {
    fields.millis("every_ms")?.ok_or_else(|| missing(fields, "every_ms"))
}

fn missing(fields: &Fields<'_>, field: &str) -> String {
    fields.error("kind", format_args!("needs {field}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Read<(String, Vec<Lane>)> {
        let root = Node::parse(text)?;
        let Value::Table(table) = &root.value else { panic!("no table") };
        let mut fields = Fields::new("", vec![table]);
        let lanes = super::read(&mut fields)?;
        fields.end()?;
        Ok(lanes)
    }

    #[test]
    fn every_kind_of_lane_can_be_written() {
        let text = "[[lanes]]\nkind = \"chatter\"\nbytes = [20, 200]\nevery_ms = 300\n\
            [[lanes]]\nname = \"x\"\nkind = \"bulk\"\ntotal = 9\nfrom = \"server\"\n\
            [[lanes]]\nkind = \"steady\"\nbytes = 9\nevery_ms = 1\ndelivery = \"latest\"\n\
            [[lanes]]\nkind = \"exchange\"\nrequest = 8\nresponse = 9\n\
            [[lanes]]\nkind = \"greedy\"\n";
        let (_, lanes) = read(text).unwrap();
        let (from, every) = (Senders::Both, Duration::from_millis(300));
        let lines = Traffic::Chatter { from, bytes: (20, 200), every };
        assert_eq!(lanes[0], Lane::new("lane 1", lines));
        let file = Traffic::Bulk { from: Senders::Server, total: 9, chunk: 16_384 };
        assert_eq!(lanes[1], Lane::new("x", file));
        assert_eq!((lanes.len(), lanes[2].delivery), (5, Some(Delivery::Latest)));
        let greedy = Traffic::Greedy { from: Senders::Client, chunk: 4096 };
        assert_eq!(lanes[4], Lane::new("lane 5", greedy));
    }

    #[test]
    fn usual_workloads_have_names_and_may_come_from_the_other_side() {
        assert_eq!(read("").unwrap().0, "greedy");
        let (name, lanes) = read("workload = \"bulk\"\nfrom = \"server\"").unwrap();
        assert_eq!((name.as_str(), lanes.len()), ("bulk", 1));
        assert!(matches!(lanes[0].traffic, Traffic::Bulk { from: Senders::Server, .. }));
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        for (text, part) in [
            ("workload = \"gmae\"", ", line 1: workload = \"gmae\": did you mean \"game\"?"),
            ("workload = \"rpc\"\nfrom = \"both\"", ", line 2: in exchanges the client asks"),
            ("workload = \"rpc\"\n[[lanes]]", ", line 1: workload or lanes, not both"),
            ("[[lanes]]\nbytes = 3", "lane 1\": needs kind"),
            ("[[lanes]]\nkind = \"bulk\"", ", line 2: lane \"lane 1\": needs total"),
            ("[[lanes]]\nkind = \"stedy\"", "did you mean \"steady\"?"),
            ("[[lanes]]\nkind = \"greedy\"\ntotal = 9", ", line 3: lane \"lane 1\": unknown field"),
            ("[[lanes]]\nkind = \"steady\"\nbytes = 3", "a whole number, 8 to 1048576"),
            ("[[lanes]]\nkind = \"chatter\"\nbytes = [3]", "the smallest and the largest"),
            ("lanes = 3", ", line 1: lanes = 3: must be tables: write [[lanes]]"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
