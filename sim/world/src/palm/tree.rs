//! Growth of a vein tree by space colonisation.
//!
//! Attractors stand for tissue without blood. Each pulls the nearest twig that is not too far; a
//! twig that is pulled grows one step, mostly on in its own direction; an attractor that a twig
//! comes near is served and vanishes.

use std::collections::BTreeMap;

use super::geometry::Point;
use super::random::Random;

/// Length of a step of growth.
pub(super) const STEP: f64 = 1.4;
const REACH: f64 = 32.0;
const SERVED: f64 = 5.5;
const INERTIA: f64 = 1.1;
const JITTER: f64 = 0.22;
const CHILDREN_MAX: usize = 3;
const ROUNDS_MAX: usize = 400;
/// A child this near to an earlier one would grow over it.
const APART: f64 = 0.35;

/// A joint of the tree.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) place: Point,
    direction: Point,
    pub(super) parent: Option<usize>,
    pub(super) children: Vec<usize>,
    /// Number of the branch: it runs on with the first child of each node.
    pub(super) branch: usize,
    closed: bool,
}

/// Where a vein enters, and in which direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Root {
    pub(super) place: Point,
    pub(super) direction: Point,
}

/// An attractor and the twig nearest to it.
struct Attractor {
    place: Point,
    nearest: Option<(usize, f64)>,
}

/// Grows a tree; each parent comes before its children.
pub(super) fn grow(roots: &[Root], attractors: &[Point], random: &mut Random) -> Vec<Node> {
    let mut nodes: Vec<Node> = roots
        .iter()
        .enumerate()
        .map(|(i, root)| seedling(root, i))
        .collect();
    let mut branches = nodes.len();
    let mut waiting: Vec<Attractor> = attractors
        .iter()
        .map(|place| Attractor {
            place: *place,
            nearest: None,
        })
        .collect();
    let mut fresh = 0;
    for _ in 0..ROUNDS_MAX {
        for attractor in &mut waiting {
            attractor.look(&nodes, fresh);
        }
        waiting.retain(|attractor| attractor.nearest.is_none_or(|(_, far)| far > SERVED));
        fresh = nodes.len();
        let pulls = pulls(&waiting, &nodes);
        for (node, pull) in pulls {
            let jitter = Point::new(random.normal(0.0, JITTER), random.normal(0.0, JITTER));
            let inertia = nodes[node].direction.times(INERTIA);
            let direction = pull.plus(inertia).plus(jitter).unit();
            sprout(&mut nodes, node, direction, &mut branches);
        }
        if nodes.len() == fresh && waiting.iter().all(|attractor| attractor.nearest.is_none()) {
            break;
        }
    }
    nodes
}

fn seedling(root: &Root, branch: usize) -> Node {
    Node {
        place: root.place,
        direction: root.direction,
        parent: None,
        children: Vec::new(),
        branch,
        closed: false,
    }
}

/// Sums the directions to the attractors of each pulled node, in the order of the nodes.
fn pulls(waiting: &[Attractor], nodes: &[Node]) -> BTreeMap<usize, Point> {
    let mut pulls = BTreeMap::new();
    for attractor in waiting {
        if let Some((node, _)) = attractor.nearest {
            let direction = attractor.place.minus(nodes[node].place).unit();
            let sum = pulls.entry(node).or_insert(Point::new(0.0, 0.0));
            *sum = sum.plus(direction);
        }
    }
    pulls
}

/// Adds a child, or closes the node if it can have none that is new.
fn sprout(nodes: &mut Vec<Node>, parent: usize, direction: Point, branches: &mut usize) {
    let place = nodes[parent].place.plus(direction.times(STEP));
    let taken = nodes[parent]
        .children
        .iter()
        .any(|child| nodes[*child].place.distance(place) < APART);
    if taken {
        nodes[parent].closed = true;
        return;
    }
    let child = nodes.len();
    let branch = if nodes[parent].children.is_empty() {
        nodes[parent].branch
    } else {
        *branches += 1;
        *branches - 1
    };
    nodes[parent].children.push(child);
    nodes[parent].closed = nodes[parent].children.len() == CHILDREN_MAX;
    let parent = Some(parent);
    nodes.push(Node {
        place,
        direction,
        parent,
        children: Vec::new(),
        branch,
        closed: false,
    });
}

impl Attractor {
    /// Finds the nearest open node; only nodes from `fresh` on are new since the last look.
    fn look(&mut self, nodes: &[Node], fresh: usize) {
        let lost = self.nearest.is_some_and(|(node, _)| nodes[node].closed);
        let first = if lost { 0 } else { fresh };
        if lost {
            self.nearest = None;
        }
        for (node, candidate) in nodes.iter().enumerate().skip(first) {
            let far = candidate.place.distance(self.place);
            if !candidate.closed && far < self.nearest.map_or(REACH, |(_, far)| far) {
                self.nearest = Some((node, far));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_reaches_every_attractor_within_reach() {
        let roots = [Root {
            place: Point::new(0.0, -30.0),
            direction: Point::new(0.0, 1.0),
        }];
        let attractors: Vec<Point> = (0..25)
            .map(|i| Point::new(f64::from(i % 5) * 8.0 - 16.0, f64::from(i / 5) * 8.0 - 16.0))
            .collect();

        let nodes = grow(
            &roots,
            &attractors,
            &mut Random::new([1, 0, 0], b"test    "),
        );

        for attractor in attractors {
            let near = nodes.iter().map(|node| node.place.distance(attractor));
            assert!(
                near.fold(f64::MAX, f64::min) < SERVED + STEP,
                "{attractor:?}"
            );
        }
    }

    #[test]
    fn parents_come_before_children_and_branches_end_at_forks() {
        let roots = [Root {
            place: Point::new(0.0, 0.0),
            direction: Point::new(0.0, 1.0),
        }];
        let attractors = [
            Point::new(-12.0, 20.0),
            Point::new(12.0, 20.0),
            Point::new(0.0, 28.0),
        ];

        let nodes = grow(
            &roots,
            &attractors,
            &mut Random::new([2, 0, 0], b"test    "),
        );

        assert!(
            nodes
                .iter()
                .enumerate()
                .all(|(i, node)| node.parent.is_none_or(|p| p < i))
        );
        assert!(nodes.iter().all(|node| node.children.len() <= CHILDREN_MAX));
        let branches: std::collections::BTreeSet<usize> = nodes.iter().map(|n| n.branch).collect();
        assert!(branches.len() > 1);
    }

    #[test]
    fn nothing_grows_without_attractors() {
        let roots = [Root {
            place: Point::new(0.0, 0.0),
            direction: Point::new(0.0, 1.0),
        }];

        let nodes = grow(&roots, &[], &mut Random::new([3, 0, 0], b"test    "));

        assert_eq!(nodes.len(), 1);
    }
}
