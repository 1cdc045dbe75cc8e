//! Who is compared, and over what: axes of names are the contestants, axes of numbers the conditions
//! under which they meet.

use super::quantity;
use super::winners::{Estimate, Verdict};
use crate::sim::metric::Metric;
use crate::sim::results::{Axis, Cell, Results};
use std::collections::BTreeMap;

/// An axis of numbers, its values ascending.
#[derive(Clone, Debug)]
pub(super) struct Dimension {
    /// The place among the results' axes.
    pub(super) axis: usize,
    /// Places of values among the axis's, by ascending number.
    pub(super) order: Vec<usize>,
}

/// Numbers under which all contestants meet.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    /// Of each dimension, the place in its order.
    pub(super) at: Vec<usize>,
    /// Of each contestant, its cell.
    pub(super) cells: Vec<Option<usize>>,
}

/// How the cells of results belong together.
#[derive(Clone, Debug)]
pub(super) struct Layout<'a> {
    pub(super) results: &'a Results,
    pub(super) contestants: Vec<String>,
    pub(super) dimensions: Vec<Dimension>,
    /// In the order of the dimensions, the last one varying fastest.
    pub(super) conditions: Vec<Condition>,
}

impl<'a> Layout<'a> {
    pub(super) fn of(results: &'a Results) -> Self {
        let is_name = |place: usize, axis: &Axis| {
            results.mode_axis == Some(place) || axis.values.iter().any(|v| v.number.is_none())
        };
        let axes = || results.axes.iter().enumerate();
        let names: Vec<usize> =
            axes().filter(|(n, axis)| is_name(*n, axis)).map(|(n, _)| n).collect();
        let mut numbers: Vec<usize> = Vec::new();
        for (place, axis) in axes() {
            let is_zipped = numbers.iter().any(|other| are_zipped(results, *other, place));
            if !is_name(place, axis) && !is_zipped {
                numbers.push(place);
            }
        }
        let dimensions: Vec<Dimension> =
            numbers.iter().map(|axis| dimension(*axis, &results.axes[*axis])).collect();
        let mut contestants: Vec<Vec<usize>> = Vec::new();
        let mut conditions: BTreeMap<Vec<usize>, Vec<(usize, usize)>> = BTreeMap::new();
        for (number, cell) in results.cells.iter().enumerate() {
            let own: Vec<usize> = names.iter().map(|axis| at(cell, *axis)).collect();
            let contestant = contestants.iter().position(|other| *other == own);
            let contestant = contestant.unwrap_or_else(|| {
                contestants.push(own);
                contestants.len() - 1
            });
            let place = |d: &Dimension| d.order.iter().position(|v| *v == at(cell, d.axis));
            let condition = dimensions.iter().map(|d| place(d).unwrap_or(0)).collect();
            conditions.entry(condition).or_default().push((contestant, number));
        }
        let conditions = conditions.into_iter().map(|(at, own)| {
            let mut cells = vec![None; contestants.len()];
            for (contestant, cell) in own {
                cells[contestant] = Some(cell);
            }
            Condition { at, cells }
        });
        let conditions = conditions.collect();
        let contestants = contestants.iter().map(|own| named(results, &names, own)).collect();
        Self { results, contestants, dimensions, conditions }
    }

    /// The axis of a dimension.
    pub(super) fn axis(&self, dimension: usize) -> &'a Axis {
        &self.results.axes[self.dimensions[dimension].axis]
    }

    /// The cell of a contestant under a condition.
    pub(super) fn cell(&self, condition: &Condition, contestant: usize) -> Option<&'a Cell> {
        self.results.cells.get((*condition.cells.get(contestant)?)?)
    }

    /// What a metric came to for each contestant.
    pub(super) fn estimates(&self, condition: &Condition, metric: Metric) -> Vec<Option<Estimate>> {
        let figure = |contestant| {
            let figure = self.cell(condition, contestant)?.figures.get(&metric)?;
            Some(quantity::estimate(metric, *figure))
        };
        (0..self.contestants.len()).map(figure).collect()
    }

    /// Who is best under each condition.
    pub(super) fn verdicts(&self, metric: Metric) -> Vec<Verdict> {
        let better = quantity::better(metric);
        let verdict = |condition| Verdict::of(&self.estimates(condition, metric), better);
        self.conditions.iter().map(verdict).collect()
    }

    /// The value of a dimension, as its axis shows it.
    pub(super) fn value(&self, dimension: usize, place: usize) -> String {
        let axis = self.axis(dimension);
        let value = self.dimensions[dimension].order.get(place).and_then(|v| axis.values.get(*v));
        let (_, unit, factor) = quantity::of_axis(axis);
        value.map_or(String::new(), |value| match value.number {
            Some(number) => unit.text(number * factor),
            None => value.label.clone(),
        })
    }

    /// A condition in words: `loss 1 %, RTT 100 ms`.
    pub(super) fn words(&self, condition: &Condition) -> String {
        let part = |(dimension, place): (usize, &usize)| {
            let (name, _, _) = quantity::of_axis(self.axis(dimension));
            format!("{name} {}", self.value(dimension, *place))
        };
        condition.at.iter().enumerate().map(part).collect::<Vec<_>>().join(", ")
    }

    /// The metrics with a finite figure in at least one cell, the most telling first.
    pub(super) fn telling(&self) -> Vec<Metric> {
        let figure = |cell: &Cell, metric: &Metric| Some(cell.figures.get(metric)?.value);
        let has = |metric: &Metric| {
            let mut figures = self.results.cells.iter().filter_map(|cell| figure(cell, metric));
            figures.any(f64::is_finite)
        };
        let mut telling: Vec<Metric> = quantity::TELLING.into_iter().filter(has).collect();
        // What is known of few cells only, such as late percentiles of flows that are cut off, is last.
        let decided = |metric: Metric| {
            self.verdicts(metric).iter().filter(|verdict| verdict.value().is_some()).count()
        };
        telling.sort_by_key(|metric| decided(*metric) * 2 < self.conditions.len());
        telling
    }

    /// All metrics that at least one cell has, in the order of reports.
    pub(super) fn measured(&self) -> Vec<Metric> {
        let has = |metric: &Metric| {
            self.results.cells.iter().any(|cell| cell.figures.contains_key(metric))
        };
        Metric::ALL.into_iter().filter(has).collect()
    }
}

fn at(cell: &Cell, axis: usize) -> usize {
    cell.at.get(axis).copied().unwrap_or(0)
}

/// Whether two axes of numbers always move together.
fn are_zipped(results: &Results, one: usize, other: usize) -> bool {
    let length = |axis: usize| results.axes[axis].values.len();
    length(one) > 1
        && length(one) == length(other)
        && results.cells.iter().all(|cell| at(cell, one) == at(cell, other))
}

fn dimension(axis: usize, of: &Axis) -> Dimension {
    let number = |place: &usize| of.values[*place].number.unwrap_or(f64::NAN);
    let mut order: Vec<usize> = (0..of.values.len()).collect();
    order.sort_by(|a, b| number(a).total_cmp(&number(b)));
    Dimension { axis, order }
}

/// A contestant's name: its values on the axes of names.
fn named(results: &Results, names: &[usize], own: &[usize]) -> String {
    let label = |(axis, value): (&usize, &usize)| {
        let value = results.axes[*axis].values.get(*value);
        value.map_or(String::new(), |value| value.label.clone())
    };
    // The mode first; names of which there is one tell nothing, unless there are no others.
    let is_varied = |axis: usize| results.axes[axis].values.len() > 1;
    let mut places: Vec<(&usize, &usize)> = names.iter().zip(own).collect();
    places.sort_by_key(|(axis, _)| results.mode_axis != Some(**axis));
    if names.iter().any(|axis| is_varied(*axis)) {
        places.retain(|(axis, _)| is_varied(**axis));
    }
    let labels: Vec<String> = places.into_iter().map(label).collect();
    if labels.is_empty() {
        let titled = results.details.first().and_then(|detail| detail.flows.first());
        return titled.map_or_else(|| "all flows".to_owned(), |flow| flow.title.clone());
    }
    labels.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn names_compete_and_numbers_are_conditions() {
        let results = sample::sweep();
        let layout = Layout::of(&results);
        assert_eq!(layout.contestants, ["stream", "latest", "udp"]);
        assert_eq!(layout.dimensions.len(), 2);
        assert_eq!(layout.conditions.len(), 12);
        let condition = &layout.conditions[0];
        assert_eq!(layout.words(condition).replace('\u{a0}', " "), "RTT 20 ms, loss 0 %");
        for (contestant, name) in layout.contestants.iter().enumerate() {
            let cell = layout.cell(condition, contestant).unwrap();
            assert!(cell.label.contains(&format!("mode={name}")), "{}", cell.label);
        }
    }

    #[test]
    fn values_ascend_whatever_their_order_in_the_file() {
        let mut results = sample::sweep();
        let first = Layout::of(&results).value(0, 0);
        results.axes[0].values.reverse();
        for cell in &mut results.cells {
            cell.at[0] = 2 - cell.at[0];
        }
        assert_eq!(Layout::of(&results).value(0, 0), first);
    }

    #[test]
    fn axes_that_move_together_are_one() {
        let mut results = sample::sweep();
        let mut queue = results.axes[0].clone();
        queue.name = "queue_ms".to_owned();
        results.axes.push(queue);
        for cell in &mut results.cells {
            cell.at.push(cell.at[0]);
        }
        let layout = Layout::of(&results);
        assert_eq!((layout.dimensions.len(), layout.conditions.len()), (2, 12));
    }

    #[test]
    fn what_is_nowhere_finite_tells_nothing() {
        let mut results = sample::sweep();
        assert_eq!(Layout::of(&results).telling()[..2], [Metric::P99, Metric::Goodput]);
        for cell in &mut results.cells {
            let never = crate::sim::results::Estimate { value: f64::INFINITY, half_width: None };
            cell.figures.insert(Metric::P99, never);
        }
        let layout = Layout::of(&results);
        assert_eq!(layout.telling()[0], Metric::Goodput);
        assert!(layout.measured().contains(&Metric::P99));
    }

    #[test]
    fn contestants_have_their_mode_first_and_no_names_that_all_have() {
        let mut results = sample::sweep();
        let value =
            |label: &str| crate::sim::results::AxisValue { label: label.into(), number: None };
        let values = vec![value("newreno"), value("bbr")];
        results.axes.insert(2, Axis { name: "controller".to_owned(), values });
        results.mode_axis = Some(3);
        for cell in &mut results.cells {
            cell.at.insert(2, 1);
        }
        assert_eq!(Layout::of(&results).contestants, ["stream, bbr", "latest, bbr", "udp, bbr"]);
        results.axes[2].values.truncate(1);
        for cell in &mut results.cells {
            cell.at[2] = 0;
        }
        assert_eq!(Layout::of(&results).contestants, ["stream", "latest", "udp"]);
    }

    #[test]
    fn nothing_varied_is_one_condition_and_no_cells_are_none() {
        let cell = Cell::default();
        let results = Results { cells: vec![cell], ..Results::default() };
        let layout = Layout::of(&results);
        assert_eq!((layout.contestants.len(), layout.conditions.len()), (1, 1));
        assert_eq!(layout.words(&layout.conditions[0]), "");
        let results = Results::default();
        let layout = Layout::of(&results);
        assert_eq!((layout.contestants.len(), layout.conditions.len()), (0, 0));
        assert!(layout.telling().is_empty());
    }
}
