//! The pictures of all cells together: who wins where, and the curves under one condition.

use super::axis::Unit;
use super::chart::Owner;
use super::latency::{self, Arrivals};
use super::layout::{Condition, Layout};
use super::map::{self, Grid};
use super::picture::Picture;
use super::quantity;
use super::sweep::{Line, Steps, Sweep};
use super::theory::{Model, Path};
use super::tracks::{Track, Tracks};
use super::trade::{Point, Trade};
use super::winners::Verdict;
use super::words;
use crate::sim::metric::Metric;
use towline::sim::compare::PATH_MTU;
use towline::sim::scene::{FlowRecord, SceneLink};

/// Maps of one metric at most, where more than two numbers are varied.
pub(super) const MAPS: usize = 6;

/// Who wins where by a metric: maps over two axes, lines over one, nothing without any.
pub(super) fn winners<'a>(layout: &'a Layout<'a>, metric: Metric) -> Vec<Picture<'a>> {
    match layout.dimensions.len() {
        0 => Vec::new(),
        1 => vec![line(layout, metric, (0, &[]))],
        _ if layout.contestants.len() < 2 => lines(layout, metric),
        _ => maps(layout, metric),
    }
}

/// The two dimensions of maps: along, upwards.
fn sides(layout: &Layout<'_>) -> (usize, usize) {
    let steps = |dimension: &usize| layout.dimensions[*dimension].order.len();
    let mut order: Vec<usize> = (0..layout.dimensions.len()).collect();
    order.sort_by_key(|dimension| std::cmp::Reverse(steps(dimension)));
    let is_loss = |dimension: usize| quantity::is_loss(&layout.axis(dimension).name);
    let (first, second) = (order[0], order[1]);
    if is_loss(second) && !is_loss(first) { (second, first) } else { (first, second) }
}

/// The places on the dimensions that are in no picture's own axes, each once.
fn facets(layout: &Layout<'_>, own: &[usize]) -> Vec<Vec<(usize, usize)>> {
    let mut facets: Vec<Vec<(usize, usize)>> = Vec::new();
    for condition in &layout.conditions {
        let places = condition.at.iter().copied().enumerate();
        let facet = places.filter(|(dimension, _)| !own.contains(dimension)).collect();
        if !facets.contains(&facet) {
            facets.push(facet);
        }
    }
    facets
}

fn is_in(condition: &Condition, facet: &[(usize, usize)]) -> bool {
    facet.iter().all(|(dimension, place)| condition.at[*dimension] == *place)
}

/// `, flows 4`: which facet a picture is of.
fn facet_words(layout: &Layout<'_>, facet: &[(usize, usize)]) -> String {
    let part = |(dimension, place): &(usize, usize)| {
        let (name, _, _) = quantity::of_axis(layout.axis(*dimension));
        format!(", {name} {}", layout.value(*dimension, *place))
    };
    facet.iter().map(part).collect()
}

/// What ends the id of a facet's picture.
fn facet_id(facet: &[(usize, usize)]) -> String {
    let parts: Vec<_> =
        facet.iter().map(|(dimension, place)| format!("-{dimension}.{place}")).collect();
    parts.concat()
}

/// How many maps there would be.
pub(super) fn map_count(layout: &Layout<'_>) -> usize {
    if layout.dimensions.len() < 3 {
        return 0;
    }
    let (x, y) = sides(layout);
    facets(layout, &[x, y]).len()
}

fn maps<'a>(layout: &'a Layout<'a>, metric: Metric) -> Vec<Picture<'a>> {
    let (x, y) = sides(layout);
    let facets = facets(layout, &[x, y]).into_iter().take(MAPS);
    let picture = |facet: Vec<(usize, usize)>| {
        let grid = grid(layout, metric, (x, y), &facet);
        let about = format!(
            "Each field has the colour of the mode with the best {}; the number is its value, below \
             it the factor by which the next is worse. The stronger the colour, the wider that lead. \
             Stripes are ties: values within 1 %, or confidence intervals that overlap.",
            quantity::words(metric)
        );
        Picture {
            id: format!("winners-{}{}", metric.name(), facet_id(&facet)),
            title: format!("Best {}{}", quantity::words(metric), facet_words(layout, &facet)),
            about,
            heights: (0.0, 0.0),
            draw: Box::new(move |(width, _)| grid.draw(width)),
        }
    };
    facets.map(picture).collect()
}

fn grid(
    layout: &Layout<'_>,
    metric: Metric,
    (x, y): (usize, usize),
    facet: &[(usize, usize)],
) -> Grid {
    let steps = |dimension: usize| map::Steps {
        name: quantity::of_axis(layout.axis(dimension)).0,
        values: (0..layout.dimensions[dimension].order.len())
            .map(|place| layout.value(dimension, place))
            .collect(),
    };
    let (across, upwards) = (steps(x), steps(y));
    let columns = across.values.len();
    let mut cells = vec![vec![None; layout.contestants.len()]; columns * upwards.values.len()];
    for condition in layout.conditions.iter().filter(|condition| is_in(condition, facet)) {
        cells[condition.at[y] * columns + condition.at[x]] = layout.estimates(condition, metric);
    }
    let (unit, _) = quantity::unit(metric);
    Grid {
        x: across,
        y: upwards,
        cells,
        modes: layout.contestants.clone(),
        metric: quantity::words(metric).to_owned(),
        unit,
        better: quantity::better(metric),
    }
}

/// A metric over the axis with the most steps, once for each facet.
fn lines<'a>(layout: &'a Layout<'a>, metric: Metric) -> Vec<Picture<'a>> {
    let (x, _) = sides(layout);
    facets(layout, &[x]).iter().take(MAPS).map(|facet| line(layout, metric, (x, facet))).collect()
}

/// Goodput over loss, where loss is varied, with what theory says.
pub(super) fn goodput_by_loss<'a>(layout: &'a Layout<'a>) -> Vec<Picture<'a>> {
    let is_loss = |dimension: &usize| {
        let axis = layout.axis(*dimension);
        quantity::is_loss(&axis.name) && quantity::of_axis(axis).1 == Unit::Share
    };
    let Some(x) = (0..layout.dimensions.len()).find(is_loss) else { return Vec::new() };
    let facets = facets(layout, &[x]);
    facets.iter().take(MAPS).map(|facet| line(layout, Metric::Goodput, (x, facet))).collect()
}

/// A metric over one dimension.
fn line<'a>(
    layout: &'a Layout<'a>,
    metric: Metric,
    (x, facet): (usize, &[(usize, usize)]),
) -> Picture<'a> {
    let axis = layout.axis(x);
    let (name, unit, factor) = quantity::of_axis(axis);
    let order = &layout.dimensions[x].order;
    let values = order.iter().filter_map(|place| Some(axis.values[*place].number? * factor));
    let mut table = vec![vec![None; order.len()]; layout.contestants.len()];
    for condition in layout.conditions.iter().filter(|condition| is_in(condition, facet)) {
        for (contestant, estimate) in layout.estimates(condition, metric).into_iter().enumerate() {
            table[contestant][condition.at[x]] = estimate;
        }
    }
    let lines = layout.contestants.iter().zip(table).enumerate();
    let lines = lines.map(|(number, (name, estimates))| Line {
        name: name.clone(),
        owner: Owner::Mode(number),
        estimates,
    });
    let lines: Vec<Line> = lines.collect();
    let is_goodput = metric == Metric::Goodput;
    let is_loss = quantity::is_loss(&axis.name) && unit == Unit::Share;
    let most = lines.iter().flat_map(|line| line.estimates.iter().flatten());
    let most = most.map(|estimate| estimate.value).fold(0.0, f64::max);
    // What is far from all that was measured would only press it flat.
    let is_near = |path: &Path| {
        let losses = axis.values.iter().filter_map(|value| value.number);
        let bounds =
            losses.filter(|loss| *loss > 0.0).map(|loss| Model::Pftk.goodput_bps(*path, loss));
        bounds.fold(f64::INFINITY, f64::min) <= most * 1.5
    };
    let sweep = Sweep {
        x: Steps { name: name.clone(), unit, values: values.collect() },
        metric: words::capital(quantity::words(metric)),
        unit: quantity::unit(metric).0,
        lines,
        theory: if is_goodput && is_loss { path(layout, facet).filter(is_near) } else { None },
        ceiling: if is_goodput { ceiling(layout).filter(|rate| *rate < most * 4.0) } else { None },
    };
    let theory = if sweep.theory.is_some() {
        " Broken lines are what models of TCP with an unlimited source say: Mathis and others (1997), \
         and Padhye and others (1998) with timeouts of four round trips."
    } else {
        ""
    };
    Picture {
        id: format!("{}-by-{}{}", metric.name(), axis.name.replace('.', "-"), facet_id(facet)),
        title: format!(
            "{} by {name}{}",
            words::capital(quantity::words(metric)),
            facet_words(layout, facet)
        ),
        about: format!(
            "Shaded: where the true value is with 95 % confidence, as far as the seeds tell.{theory}"
        ),
        heights: (400.0, 330.0),
        draw: Box::new(move |size| sweep.draw(size)),
    }
}

/// The path of the first flow under these conditions, as far as runs in detail tell.
fn path(layout: &Layout<'_>, facet: &[(usize, usize)]) -> Option<Path> {
    let of_facet = layout.results.details.iter().find(|detail| {
        let has = |condition: &&Condition| condition.cells.contains(&Some(detail.cell));
        layout.conditions.iter().find(has).is_some_and(|condition| is_in(condition, facet))
    });
    let detail = of_facet?;
    let flow = detail.flows.first()?;
    let delay = |links: &[usize]| -> f64 {
        links
            .iter()
            .filter_map(|link| detail.links.get(*link))
            .map(|link| link.config.delay.as_secs_f64())
            .sum()
    };
    let rtt_s = delay(&flow.up) + delay(&flow.down);
    let largest = detail.record.flows.first().and_then(largest_packet);
    let largest = largest.unwrap_or(PATH_MTU as f64);
    let mss_bytes = largest - HEADERS;
    // Models are of sources that fill their packets.
    (rtt_s > 0.0 && largest >= FULL).then_some(Path { mss_bytes, rtt_s })
}

/// Bytes of the largest packet of a flow that fills its packets.
const FULL: f64 = 1000.0;
/// Bytes of IP, UDP and transport headers in a full packet, about.
const HEADERS: f64 = 40.0;

fn largest_packet(flow: &FlowRecord) -> Option<f64> {
    flow.record.packets.iter().map(|packet| packet.wire_bytes as f64).reduce(f64::max)
}

/// The rate of the slowest link, if all runs in detail have the same.
fn ceiling(layout: &Layout<'_>) -> Option<f64> {
    let slowest = |links: &[SceneLink]| links.iter().filter_map(|link| link.config.rate_bps).min();
    let mut rates = layout.results.details.iter().map(|detail| slowest(&detail.links));
    let first = rates.next()??;
    let is_fixed = !layout.results.axes.iter().any(|axis| axis.name.contains("rate"));
    (is_fixed && rates.all(|rate| rate == Some(first))).then_some(first as f64)
}

/// The condition whose curves tell most: where the winner's lead is widest.
pub(super) fn most_telling(layout: &Layout<'_>) -> usize {
    let Some(metric) = layout.telling().first().copied() else { return 0 };
    let lead = |verdict: &Verdict| match verdict {
        Verdict::Wins { margin: Some(margin), .. } if margin.is_finite() => *margin,
        _ => 0.0,
    };
    let verdicts = layout.verdicts(metric);
    let widest = verdicts.iter().enumerate().max_by(|a, b| lead(a.1).total_cmp(&lead(b.1)));
    widest.map_or(0, |(place, _)| place)
}

/// Latencies of all contestants under a condition, both ways.
pub(super) fn latencies<'a>(
    layout: &Layout<'a>,
    number: usize,
    condition: &Condition,
) -> Vec<Picture<'a>> {
    let cells = (0..layout.contestants.len()).filter_map(|contestant| {
        let cell = layout.cell(condition, contestant)?;
        let name = &layout.contestants[contestant];
        let owner = Owner::Mode(contestant);
        Some(Arrivals::of_some(name, owner, &cell.latencies, (cell.delivered, cell.offered)))
    });
    let all: Vec<Arrivals> = cells.collect();
    if all.iter().all(|arrivals| arrivals.offered == 0) {
        return Vec::new();
    }
    let again = all.clone();
    let at = layout.words(condition);
    let at = if at.is_empty() { at } else { format!(", {at}") };
    vec![
        Picture {
            id: format!("latency-longer-{number}"),
            title: format!("How many messages take longer{at}"),
            about: "Further left and lower is better; each step down is ten times fewer late messages. \
                    A curve ends at one message of all; one that goes on as dots has ended above zero: \
                    the rest never arrived."
                .to_owned(),
            heights: (400.0, 320.0),
            draw: Box::new(move |size| latency::ccdf(&all, size)),
        },
        Picture {
            id: format!("latency-in-time-{number}"),
            title: format!("How many messages arrive in time{at}"),
            about: "Further left and higher is better.".to_owned(),
            heights: (360.0, 300.0),
            draw: Box::new(move |size| latency::cdf(&again, size)),
        },
    ]
}

/// Goodput over time of all contestants under a condition.
pub(super) fn rates<'a>(
    layout: &Layout<'a>,
    number: usize,
    condition: &Condition,
) -> Option<Picture<'a>> {
    let duration = layout.results.duration.as_secs_f64();
    let lines = (0..layout.contestants.len()).filter_map(|contestant| {
        let cell = layout.cell(condition, contestant)?;
        let part = duration / cell.goodput_bps.len().max(1) as f64;
        let points = cell.goodput_bps.iter().enumerate();
        let points = points.map(|(n, rate)| ((n as f64 + 0.5) * part, *rate)).collect();
        Some(Track::new(&layout.contestants[contestant], Owner::Mode(contestant), points))
    });
    let lines: Vec<Track> = lines.collect();
    if lines.iter().all(|line| line.points.is_empty()) {
        return None;
    }
    let tracks = Tracks {
        title: "Goodput over time".to_owned(),
        name: "goodput, all flows together".to_owned(),
        unit: Unit::BitsPerSecond,
        lines,
        duration_s: duration,
        level: None,
    };
    Some(Picture {
        id: format!("goodput-over-time-{number}"),
        title: "Goodput over time".to_owned(),
        about: "On average over the runs.".to_owned(),
        heights: (320.0, 280.0),
        draw: Box::new(move |size| tracks.draw(size)),
    })
}

/// Goodput against delay, a point for each cell.
pub(super) fn trade<'a>(layout: &Layout<'a>) -> Option<Picture<'a>> {
    let mut points = Vec::new();
    for condition in &layout.conditions {
        for mode in 0..layout.contestants.len() {
            let Some(cell) = layout.cell(condition, mode) else { continue };
            let figure = |metric| cell.figures.get(&metric).map(|figure| figure.value);
            let (Some(delay_ms), Some(mbit)) = (figure(Metric::P95), figure(Metric::Goodput))
            else {
                continue;
            };
            let cell = layout.words(condition);
            points.push(Point { mode, delay_ms, goodput_bps: mbit * 1e6, cell });
        }
    }
    if points.len() < 2 {
        return None;
    }
    let trade = Trade { modes: layout.contestants.clone(), points };
    let missing = match trade.missing() {
        0 => String::new(),
        n => format!(
            " {} not shown: more than 5 % never arrived.",
            if n == 1 { "One point is".to_owned() } else { format!("{n} points are") }
        ),
    };
    Some(Picture {
        id: "goodput-against-delay".to_owned(),
        title: "Goodput against delay".to_owned(),
        about: format!(
            "A point is a mode in a cell. Further up and left is better: more arrives, and sooner.{missing}"
        ),
        heights: (400.0, 340.0),
        draw: Box::new(move |size| trade.draw(size)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn two_numbers_are_a_map_and_one_is_lines() {
        let results = sample::sweep();
        let layout = Layout::of(&results);
        let pictures = winners(&layout, Metric::P99);
        assert_eq!(pictures.len(), 1);
        assert_eq!(pictures[0].id, "winners-p99_ms");
        let (name, svg) = pictures[0].file();
        assert_eq!(name, "winners-p99_ms.svg");
        assert_eq!(svg.matches("class=\"field\"").count(), 12);
        let results = sample::one_mode();
        let layout = Layout::of(&results);
        let pictures = winners(&layout, Metric::P99);
        assert_eq!(pictures[0].id, "p99_ms-by-loss");
        assert!(pictures[0].panel(4).contains("<h4>P99 latency by loss</h4>"));
    }

    #[test]
    fn loss_runs_along_and_what_else_is_varied_makes_more_maps() {
        let mut results = sample::sweep();
        let layout = Layout::of(&results);
        assert_eq!(sides(&layout), (1, 0));
        let mut more = results.cells.clone();
        for cell in &mut results.cells {
            cell.at.push(0);
        }
        for cell in &mut more {
            cell.at.push(1);
        }
        results.cells.extend(more);
        let value = |label: &str| crate::sim::results::AxisValue {
            label: label.to_owned(),
            number: label.parse().ok(),
        };
        let values = vec![value("2"), value("8")];
        results.axes.push(crate::sim::results::Axis { name: "flows".to_owned(), values });
        let layout = Layout::of(&results);
        let pictures = winners(&layout, Metric::P99);
        assert_eq!((pictures.len(), map_count(&layout)), (2, 2));
        assert!(pictures[1].title.ends_with("flows 8"), "{}", pictures[1].title);
    }

    #[test]
    fn the_most_telling_condition_has_the_widest_lead() {
        let results = sample::sweep();
        let layout = Layout::of(&results);
        // 20 ms and 5 %: 10 + 40 + 45 ms against 10 + 12.
        let place = most_telling(&layout);
        assert_eq!(
            layout.words(&layout.conditions[place]).replace('\u{a0}', " "),
            "RTT 20 ms, loss 5 %"
        );
    }
}
