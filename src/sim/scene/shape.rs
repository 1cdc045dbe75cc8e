//! The usual shapes of networks: which links a flow crosses.

use super::spec::{Route, SceneLink};
use crate::impair::LinkConfig;

/// A shape: it says which links there are, and which of them the n-th flow crosses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Every flow has links of its own.
    Pair,
    /// Every flow has access links of its own, and all share the bottleneck between them.
    Dumbbell,
    /// Several bottlenecks one after another. The first flow crosses all of them; the others cross
    /// one each, in turn.
    ParkingLot {
        /// How many: 1 or more.
        hops: usize,
    },
    /// Every host is a leaf behind a link of its own, and the n-th flow goes from the n-th leaf to the
    /// next one: each leaf's link carries one flow's data and what goes back to another.
    Star,
}

impl Shape {
    /// The links and the routes of so many flows. `bottleneck` is what the shape is about, up and
    /// down; `access` gives the n-th flow's own links, up and down, where the shape has them.
    pub fn build(
        self,
        flows: usize,
        bottleneck: &[LinkConfig; 2],
        access: impl Fn(usize) -> [LinkConfig; 2],
    ) -> (Vec<SceneLink>, Vec<Route>) {
        let mut links = Vec::new();
        let mut add = |name: String, configs: &[LinkConfig; 2]| -> [usize; 2] {
            let [up, down] = configs;
            let place = links.len();
            links.push(SceneLink { name: format!("{name} up"), config: up.clone() });
            links.push(SceneLink { name: format!("{name} down"), config: down.clone() });
            [place, place + 1]
        };
        let route = |path: &[[usize; 2]]| Route {
            up: path.iter().map(|[up, _]| *up).collect(),
            down: path.iter().rev().map(|[_, down]| *down).collect(),
        };
        let routes = match self {
            Self::Pair => {
                let own = |n| match flows {
                    1 => "link".to_owned(),
                    _ => format!("link {n}"),
                };
                (0..flows).map(|n| route(&[add(own(n), bottleneck)])).collect()
            }
            Self::Dumbbell => {
                let shared = add("bottleneck".to_owned(), bottleneck);
                (0..flows)
                    .map(|n| route(&[add(format!("access {n}"), &access(n)), shared]))
                    .collect()
            }
            Self::Star => {
                let leaves: Vec<_> =
                    (0..flows.max(2)).map(|n| add(format!("leaf {n}"), bottleneck)).collect();
                let leaf = |n: usize| leaves[n % leaves.len()];
                let route = |n| {
                    let ([up, down], [peer_up, peer_down]) = (leaf(n), leaf(n + 1));
                    Route { up: vec![up, peer_down], down: vec![peer_up, down] }
                };
                (0..flows).map(route).collect()
            }
            Self::ParkingLot { hops } => {
                let hops: Vec<_> =
                    (0..hops.max(1)).map(|n| add(format!("hop {n}"), bottleneck)).collect();
                (0..flows)
                    .map(|n| {
                        let own = add(format!("access {n}"), &access(n));
                        let crossed = match n.checked_sub(1) {
                            None => &hops[..],
                            Some(n) => &hops[n % hops.len()..][..1],
                        };
                        route(&[&[own], crossed].concat())
                    })
                    .collect()
            }
        };
        (links, routes)
    }
}
