//! The veins of a palm: a grown tree with radii, depths, bends and cross connections.

use super::geometry::Point;
use super::hand::Hand;
use super::math::cube_root;
use super::noise::Noise;
use super::random::Random;
use super::tree::{Node, Root, STEP, grow};

const ATTRACTORS: f64 = 205.0;
const THINNING_PITCH: f64 = 22.0;
const LEAF_RADIUS: f64 = 0.55;
const RADIUS_MAX: f64 = 1.7;
const MEANDER: f64 = 1.6;
const MEANDER_PITCH: f64 = 9.0;
const DEPTH: f64 = 2.2;
const DEPTH_PITCH: f64 = 26.0;
const DEPTH_MIN: f64 = 0.5;
const DEPTH_MAX: f64 = 5.0;
const CONNECTED_SHARE: f64 = 0.75;
const CONNECTION: core::ops::RangeInclusive<f64> = 2.5..=13.0;
const WRIST: f64 = -58.0;

/// A straight piece of vein.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Vein {
    pub(super) from: Point,
    pub(super) to: Point,
    pub(super) radius: f64,
    pub(super) depth: f64,
}

/// Grows the veins of a hand.
pub(super) fn veins(hand: &Hand, random: &mut Random) -> Vec<Vein> {
    let attractors = attractors(hand, random);
    let roots = roots(hand, random);
    let nodes = grow(&roots, &attractors, random);
    let radii = radii(&nodes);
    let depths = depths(&nodes, random);
    let places = meander(&nodes, random);
    let mut veins = Vec::new();
    for (child, node) in nodes.iter().enumerate() {
        if let Some(parent) = node.parent {
            veins.push(Vein {
                from: places[parent],
                to: places[child],
                radius: radii[child],
                depth: (depths[parent] + depths[child]) / 2.0,
            });
        }
    }
    for tip in (0..nodes.len()).filter(|node| nodes[*node].children.is_empty()) {
        if random.chance(CONNECTED_SHARE) {
            connect(tip, &nodes, &places, &depths, random, &mut veins);
        }
    }
    veins
}

/// Scatters attractors over the palm, denser in some parts than in others.
fn attractors(hand: &Hand, random: &mut Random) -> Vec<Point> {
    let density = Noise::new(random);
    let wanted = ATTRACTORS * random.normal(1.0, 0.18).clamp(0.5, 1.5);
    let mut out = Vec::new();
    while (out.len() as f64) < wanted {
        let place = hand.scaled(random.between(-44.0, 44.0), random.between(WRIST, 50.0));
        let share = 0.6 + 0.3 * density.at(place, THINNING_PITCH);
        if hand.palm_distance(place) < -2.0 && random.chance(share.clamp(0.1, 1.0)) {
            out.push(place);
        }
    }
    out
}

/// Chooses where veins come in: from the wrist, the webs of the fingers and both sides.
fn roots(hand: &Hand, random: &mut Random) -> Vec<Root> {
    let mut roots = Vec::new();
    let mut add = |place: Point, x: f64, y: f64| {
        roots.push(Root {
            place,
            direction: Point::new(x, y).unit(),
        });
    };
    for _ in 0..random.whole(2, 4) {
        add(hand.scaled(random.between(-26.0, 26.0), WRIST), 0.0, 1.0);
    }
    for web in hand.webs() {
        if random.chance(0.9) {
            add(
                web.plus(Point::new(random.normal(0.0, 1.5), -2.0)),
                0.0,
                -1.0,
            );
        }
    }
    if random.chance(0.8) {
        add(hand.scaled(-36.0, random.between(-25.0, 5.0)), 1.0, 0.2);
    }
    if random.chance(0.8) {
        add(hand.scaled(38.0, random.between(-35.0, 15.0)), -1.0, 0.0);
    }
    roots
}

/// Widens from the tips to the roots: the cube of a radius is the sum of its children's cubes.
fn radii(nodes: &[Node]) -> Vec<f64> {
    let mut cubes = vec![0.0; nodes.len()];
    for node in (0..nodes.len()).rev() {
        if nodes[node].children.is_empty() {
            cubes[node] = LEAF_RADIUS * LEAF_RADIUS * LEAF_RADIUS;
        }
        if let Some(parent) = nodes[node].parent {
            cubes[parent] += cubes[node];
        }
    }
    cubes
        .into_iter()
        .map(|cube| cube_root(cube).min(RADIUS_MAX))
        .collect()
}

fn depths(nodes: &[Node], random: &mut Random) -> Vec<f64> {
    let tissue = Noise::new(random);
    let branches = nodes.iter().map(|node| node.branch + 1).max().unwrap_or(0);
    let offsets: Vec<f64> = (0..branches).map(|_| random.normal(0.0, 0.55)).collect();
    nodes
        .iter()
        .map(|node| {
            let depth = DEPTH + 1.3 * tissue.at(node.place, DEPTH_PITCH) + offsets[node.branch];
            depth.clamp(DEPTH_MIN, DEPTH_MAX)
        })
        .collect()
}

fn meander(nodes: &[Node], random: &mut Random) -> Vec<Point> {
    let (across, along) = (Noise::new(random), Noise::new(random));
    let bend = |noise: &Noise, place: Point| MEANDER * noise.at(place, MEANDER_PITCH);
    let moved = |node: &Node| {
        let place = node.place;
        place.plus(Point::new(bend(&across, place), bend(&along, place)))
    };
    nodes.iter().map(moved).collect()
}

/// Joins a tip to the nearest other branch by a curved thin vein.
fn connect(
    tip: usize,
    nodes: &[Node],
    places: &[Point],
    depths: &[f64],
    random: &mut Random,
    veins: &mut Vec<Vein>,
) {
    let far = |node: &usize| places[*node].distance(places[tip]);
    let target = (0..nodes.len())
        .filter(|node| nodes[*node].branch != nodes[tip].branch && CONNECTION.contains(&far(node)))
        .min_by(|a, b| far(a).total_cmp(&far(b)));
    let Some(target) = target else { return };
    let (from, to) = (places[tip], places[target]);
    let length = from.distance(to);
    let aside = Point::new(from.y - to.y, to.x - from.x).times(random.normal(0.0, 0.3));
    let control = from.midpoint(to).plus(aside);
    let mut steps = 1.0f64;
    while steps * STEP < length {
        steps += 1.0;
    }
    let on_curve = |share: f64| {
        let (start, end) = (
            from.times((1.0 - share) * (1.0 - share)),
            to.times(share * share),
        );
        start
            .plus(control.times(2.0 * share * (1.0 - share)))
            .plus(end)
    };
    let mut step = 0.0;
    while step < steps {
        let (start, end) = (step / steps, (step + 1.0) / steps);
        let depth = depths[tip] + (depths[target] - depths[tip]) * f64::midpoint(start, end);
        let (from, to) = (on_curve(start), on_curve(end));
        veins.push(Vein {
            from,
            to,
            radius: LEAF_RADIUS,
            depth,
        });
        step += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn veins_have_the_length_width_and_depth_of_the_model() {
        let (mut length, mut radius, mut depth, mut count) = (0.0, 0.0, 0.0, 0.0);
        for index in 0..20 {
            let mut random = Random::new([index, 0, 0], b"test    ");
            let hand = Hand::new(&mut random);

            for vein in veins(&hand, &mut random) {
                length += vein.from.distance(vein.to) / 20.0;
                radius += vein.radius;
                depth += vein.depth;
                count += 1.0;
                assert!(vein.radius <= RADIUS_MAX && vein.radius >= LEAF_RADIUS - 1e-9);
            }
        }
        assert!((length - 739.0).abs() < 74.0, "{length}");
        assert!((radius / count - 0.643).abs() < 0.064, "{}", radius / count);
        assert!((depth / count - 2.22).abs() < 0.222, "{}", depth / count);
    }
}
