//! What a file varies: lists and ranges where one value is expected, and all their combinations.
//!
//! | in the file | values |
//! |---|---|
//! | `rtt_ms = [20, 100, 300]` | these |
//! | `loss = "0..0.1 step 0.02"` | from 0 to 0.1, both included |
//! | `loss = "0..0.1 x6"` | six, evenly |
//! | `loss = "log 0.001..0.1 x5"` | five, each by the same factor larger, rounded to four digits |

use super::document::{Node, Path, Step, Value};
use super::fields::Read;
use super::results::{Axis, AxisValue};
use crate::nearest;
use std::collections::BTreeSet;

/// The field that varies the mode of delivery.
const MODES: &str = "modes";
/// Fields whose lists are lists.
const LISTS: [&str; 8] =
    ["zip", "bytes", "links", "flow", "spread_quantiles_ms", "expect", "name", "about"];
/// The most values of an axis.
const MAX_VALUES: usize = 1000;
/// The most cells.
const MAX_CELLS: usize = 100_000;

/// All combinations of all values.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sweep {
    axes: Vec<Varied>,
    /// For each cell the place of its value on each axis.
    cells: Vec<Vec<usize>>,
}

/// An axis, and what to put where in the file.
#[derive(Clone, Debug)]
struct Varied {
    path: Path,
    axis: Axis,
    nodes: Vec<Node>,
    /// Where it begins in the file.
    offset: usize,
    line: Option<usize>,
}

impl Sweep {
    /// All that this file varies.
    pub(crate) fn of(root: &Node) -> Read<Self> {
        let mut axes = Vec::new();
        find(root, &Path::default(), &mut axes)?;
        // The modes vary fastest: what is compared stands together.
        axes.sort_by_key(|varied| (varied.is_mode(), varied.offset, varied.path.clone()));
        name(&mut axes);
        let zips = zips(root, &axes)?;
        let cells = combine(&axes, &zips)?;
        Ok(Self { axes, cells })
    }

    /// How many combinations there are: 1 if nothing varies.
    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    /// The axes, the slowest first.
    pub(crate) fn axes(&self) -> Vec<Axis> {
        self.axes.iter().map(|varied| varied.axis.clone()).collect()
    }

    /// The axis of the modes.
    pub(crate) fn mode_axis(&self) -> Option<usize> {
        self.axes.iter().position(Varied::is_mode)
    }

    /// The place of a cell's value on each axis.
    pub(crate) fn at(&self, cell: usize) -> &[usize] {
        &self.cells[cell]
    }

    /// `loss=0.02,mode=stream`: by name in alphabetical order, so that it does not depend on the order
    /// of the file.
    pub(crate) fn label(&self, cell: usize) -> String {
        let mut parts: Vec<_> = self.axes.iter().zip(self.at(cell)).collect();
        parts.sort_by(|(a, _), (b, _)| a.axis.name.cmp(&b.axis.name));
        let part = |(varied, at): &(&Varied, &usize)| {
            format!("{}={}", varied.axis.name, varied.axis.values[**at].label)
        };
        parts.iter().map(part).collect::<Vec<_>>().join(",")
    }

    /// The file with the values of one cell in the places of all lists and ranges.
    pub(crate) fn fix(&self, root: &Node, cell: usize) -> Read<Node> {
        let mut root = root.clone();
        for (varied, at) in self.axes.iter().zip(self.at(cell)) {
            root.put(&varied.path, varied.nodes[*at].clone())?;
        }
        Ok(root)
    }
}

impl Varied {
    fn new(path: &Path, node: &Node, nodes: Vec<Node>) -> Read<Self> {
        let wrong = |what: String| format!("{}: {path}: {what}", node.place());
        if nodes.is_empty() || nodes.len() > MAX_VALUES {
            return Err(wrong(format!("{} values: must be 1 to {MAX_VALUES}", nodes.len())));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = nodes.iter().find(|node| !seen.insert(node.label())) {
            return Err(wrong(format!("{} stands there twice", twice.label())));
        }
        let value = |node: &Node| AxisValue {
            label: node.label(),
            number: match node.value {
                Value::Number(number, _) => Some(number),
                _ => None,
            },
        };
        let values = nodes.iter().map(value).collect();
        let axis = Axis { name: path.to_string(), values };
        Ok(Self { path: path.clone(), axis, nodes, offset: node.offset, line: node.line })
    }

    fn is_mode(&self) -> bool {
        self.path.0 == [Step::Key(MODES.to_owned())]
    }
}

/// Lists and ranges below this node.
fn find(node: &Node, path: &Path, axes: &mut Vec<Varied>) -> Read<()> {
    match &node.value {
        Value::Table(table) => {
            let fields = table.iter().filter(|(field, _)| !LISTS.contains(&field.as_str()));
            for (field, node) in fields {
                find(node, &path.to(Step::Key(field.clone())), axes)?;
            }
        }
        Value::List(list)
            if list.iter().any(|node| matches!(node.value, Value::Table(_) | Value::List(_))) =>
        {
            for (place, node) in list.iter().enumerate() {
                find(node, &path.to(Step::Place(place)), axes)?;
            }
        }
        Value::List(list) => {
            let at = |entry: &Node| Node { line: node.line, ..entry.clone() };
            axes.push(Varied::new(path, node, list.iter().map(at).collect())?);
        }
        Value::Text(text) => {
            if let Some(values) = range(text) {
                let wrong = |what| format!("{}: {path} = \"{text}\": {what}", node.place());
                let nodes = values.map_err(wrong)?.into_iter().map(|number| Node {
                    value: Value::Number(number, number.to_string()),
                    ..node.clone()
                });
                axes.push(Varied::new(path, node, nodes.collect())?);
            }
        }
        Value::Number(..) | Value::Truth(_) => {}
    }
    Ok(())
}

const RANGES: &str = "a range is \"0..0.1 step 0.02\", \"0..0.1 x6\" or \"log 0.001..0.1 x5\"";

/// The values of a range; `None` if it looks like none.
fn range(text: &str) -> Option<Result<Vec<f64>, String>> {
    let is_log = text.starts_with("log ");
    let rest = text.strip_prefix("log ").unwrap_or(text).trim();
    let (first, rest) = rest.split_once("..")?;
    let first: f64 = first.trim().parse().ok()?;
    let wrong = || RANGES.to_owned();
    let values = || {
        let (last, how) = rest.trim().split_once(' ').ok_or_else(wrong)?;
        let last: f64 = last.parse().map_err(|_| wrong())?;
        let how = how.trim();
        if !(first.is_finite() && last.is_finite() && first < last) {
            return Err("must begin below its end".to_owned());
        }
        if let Some(step) = how.strip_prefix("step ").filter(|_| !is_log) {
            let step: f64 = step.trim().parse().map_err(|_| wrong())?;
            let count = ((last - first) / step + 1e-9).floor();
            if !(step > 0.0 && count < MAX_VALUES as f64) {
                return Err(format!("must have a step above 0 and at most {MAX_VALUES} values"));
            }
            return Ok((0..=count as u64).map(|n| rounded(first + n as f64 * step, 12)).collect());
        }
        let count = how.strip_prefix('x').and_then(|count| count.trim().parse::<u64>().ok());
        let count = count.ok_or_else(wrong)?;
        if !(2..=MAX_VALUES as u64).contains(&count) {
            return Err(format!("must have 2 to {MAX_VALUES} values"));
        }
        if is_log && first <= 0.0 {
            return Err("must begin above 0".to_owned());
        }
        let part = |n: u64| n as f64 / (count - 1) as f64;
        Ok((0..count)
            .map(|n| {
                if is_log {
                    // Four digits: libraries of mathematics differ in the last of sixteen.
                    rounded(first * (last / first).powf(part(n)), 4)
                } else {
                    rounded(first + (last - first) * part(n), 12)
                }
            })
            .collect())
    };
    Some(values())
}

/// To so many significant digits.
fn rounded(value: f64, digits: usize) -> f64 {
    format!("{value:.*e}", digits - 1).parse().unwrap_or(value)
}

/// Gives axes the shortest names that tell them apart.
fn name(axes: &mut [Varied]) {
    let leaves: Vec<String> = axes.iter().map(|varied| varied.path.leaf().to_owned()).collect();
    for varied in axes.iter_mut() {
        let path = varied.path.to_string();
        let leaf = varied.path.leaf();
        let is_alone = leaves.iter().filter(|other| *other == leaf).count() == 1;
        varied.axis.name = match () {
            () if varied.is_mode() => "mode".to_owned(),
            // A flow's own modes are not those that all others have.
            () if is_alone && leaf != "mode" => leaf.to_owned(),
            () => path.strip_prefix("network.").unwrap_or(&path).to_owned(),
        };
    }
}

/// Which axes go together: their places.
fn zips(root: &Node, axes: &[Varied]) -> Read<Vec<Vec<usize>>> {
    let Value::Table(table) = &root.value else { return Ok(Vec::new()) };
    let Some(node) = table.get("zip") else { return Ok(Vec::new()) };
    let wrong = |what: String| format!("{}: zip: {what}", node.place());
    let shape = || wrong("must be lists of names: zip = [[\"rtt_ms\", \"loss\"]]".to_owned());
    let Value::List(groups) = &node.value else { return Err(shape()) };
    let mut used = BTreeSet::new();
    let mut zips = Vec::new();
    for group in groups {
        let Value::List(names) = &group.value else { return Err(shape()) };
        let mut places = Vec::new();
        for node in names {
            let Value::Text(name) = &node.value else { return Err(shape()) };
            let place = axes.iter().position(|varied| varied.axis.name == *name);
            let known = || nearest::hint(name, axes.iter().map(|varied| varied.axis.name.as_str()));
            let place =
                place.ok_or_else(|| wrong(format!("\"{name}\" does not vary: {}", known())))?;
            if !used.insert(place) {
                return Err(wrong(format!("\"{name}\" stands there twice")));
            }
            places.push(place);
        }
        let lengths: BTreeSet<_> =
            places.iter().map(|place| axes[*place].axis.values.len()).collect();
        if lengths.len() > 1 {
            return Err(wrong("what goes together must have equally many values".to_owned()));
        }
        zips.push(places);
    }
    Ok(zips)
}

/// Every value of each axis with every one of all others, but for those that go together.
fn combine(axes: &[Varied], zips: &[Vec<usize>]) -> Read<Vec<Vec<usize>>> {
    let mut cells = vec![vec![0; axes.len()]];
    for (place, varied) in axes.iter().enumerate() {
        let leader = zips.iter().find(|zip| zip.contains(&place)).and_then(|zip| zip.iter().min());
        let leader = leader.copied().unwrap_or(place);
        let values = 0..varied.axis.values.len();
        if leader < place {
            for cell in &mut cells {
                cell[place] = cell[leader];
            }
            continue;
        }
        if cells.len() * values.len() > MAX_CELLS {
            let line = varied.line.map_or_else(String::new, |line| format!(", line {line}"));
            return Err(format!("{line}: more than {MAX_CELLS} combinations of values"));
        }
        let with = |cell: Vec<usize>| {
            values.clone().map(move |value| {
                let mut cell = cell.clone();
                cell[place] = value;
                cell
            })
        };
        cells = cells.into_iter().flat_map(with).collect();
    }
    Ok(cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep(text: &str) -> Read<Sweep> {
        Sweep::of(&Node::parse(text)?)
    }

    fn labels(text: &str) -> Vec<String> {
        let sweep = sweep(text).unwrap();
        (0..sweep.len()).map(|cell| sweep.label(cell)).collect()
    }

    #[test]
    fn ranges_have_exact_ends_and_short_digits() {
        let text = |range: &str| {
            let values = super::range(range).unwrap().unwrap();
            values.iter().map(f64::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(text("0..0.1 step 0.02"), "0 0.02 0.04 0.06 0.08 0.1");
        assert_eq!(text("1..2 step 0.3"), "1 1.3 1.6 1.9");
        assert_eq!(text("0..0.3 x4"), "0 0.1 0.2 0.3");
        assert_eq!(text("log 0.001..0.1 x5"), "0.001 0.003162 0.01 0.03162 0.1");
        assert_eq!(text("log 1..1024 x11"), "1 2 4 8 16 32 64 128 256 512 1024");
        for text in ["wifi", "..", "a..b x3", "log"] {
            assert_eq!(range(text), None, "{text}");
        }
        for text in ["0..1", "1..0 x3", "0..1 step 0", "0..1 x1", "log 0..1 x3", "0..1 step 1e-9"] {
            assert!(matches!(range(text), Some(Err(_))), "{text}");
        }
    }

    #[test]
    fn the_modes_vary_fastest_and_labels_are_in_alphabetical_order() {
        let text = "modes = [\"udp\", \"stream\"]\n[network]\nrtt_ms = [5, 10]\nloss = [0, 0.1]\n";
        assert_eq!(
            labels(text)[..3],
            [
                "loss=0,mode=udp,rtt_ms=5",
                "loss=0,mode=stream,rtt_ms=5",
                "loss=0.1,mode=udp,rtt_ms=5"
            ]
        );
        let sweep = sweep(text).unwrap();
        assert_eq!((sweep.len(), sweep.mode_axis()), (8, Some(2)));
        let root = Node::parse(text).unwrap();
        let fixed = sweep.fix(&root, 3).unwrap();
        let path = Path(vec![Step::Key("network".into()), Step::Key("loss".into())]);
        assert_eq!(fixed.get(&path).unwrap().label(), "0.1");
        assert_eq!(labels("a = 1"), [""]);
    }

    #[test]
    fn names_are_as_short_as_they_are_clear() {
        let text = "[network]\nrate_mbit = [1, 2]\nloss = [0, 1]\n[network.down]\nrate_mbit = [3, 4]\n\
            [[flows]]\nlanes = [{ bytes = [1, 2] }]\nmode = [\"a\", \"b\"]\n";
        let names: Vec<_> = sweep(text).unwrap().axes().into_iter().map(|axis| axis.name).collect();
        assert_eq!(names, ["rate_mbit", "loss", "down.rate_mbit", "flows[0].mode"]);
    }

    #[test]
    fn what_is_zipped_goes_together() {
        let text = "zip = [[\"a\", \"b\"]]\nb = [1, 2]\nc = [5, 6]\na = [3, 4]\n";
        assert_eq!(labels(text), ["a=3,b=1,c=5", "a=3,b=1,c=6", "a=4,b=2,c=5", "a=4,b=2,c=6"]);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, part) in [
            ("a = [1, 2, 1]", "line 1: a: 1 stands there twice"),
            ("x = 1\na = []", "line 2: a: 0 values"),
            ("a = \"1..2\"", "a range is"),
            ("zip = [[\"a\", \"b\"]]\na = [1]\nbb = [2]", "\"b\" does not vary: did you mean"),
            ("zip = [[\"a\", \"b\"]]\na = [1]\nb = [2, 3]", "equally many"),
            ("zip = [[\"a\", \"a\"]]\na = [1]", "twice"),
            ("zip = [\"a\"]", "lists of names"),
            ("a = \"1..1000 step 1\"\nb = \"1..1000 step 1\"", "more than 100000"),
        ] {
            let error = sweep(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
