//! Points, lines between them, and shapes with round ends.

/// A place or a direction on the hand, in millimetres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

impl Point {
    pub(super) const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self::new(self.x + other.x, self.y + other.y)
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self::new(self.x - other.x, self.y - other.y)
    }

    pub(super) fn times(self, factor: f64) -> Self {
        Self::new(self.x * factor, self.y * factor)
    }

    pub(super) fn dot(self, other: Self) -> f64 {
        self.x * other.x + self.y * other.y
    }

    pub(super) fn length(self) -> f64 {
        self.dot(self).sqrt()
    }

    pub(super) fn distance(self, other: Self) -> f64 {
        self.minus(other).length()
    }

    /// Returns the direction of length one, or zero for zero.
    pub(super) fn unit(self) -> Self {
        let length = self.length();
        if length > 0.0 {
            self.times(1.0 / length)
        } else {
            self
        }
    }

    pub(super) fn midpoint(self, other: Self) -> Self {
        self.plus(other).times(0.5)
    }

    /// Returns the distance to the line between two places.
    pub(super) fn distance_to_line(self, from: Self, to: Self) -> f64 {
        let along = to.minus(from);
        let square = along.dot(along);
        let share = if square > 0.0 {
            self.minus(from).dot(along) / square
        } else {
            0.0
        };
        self.distance(from.plus(along.times(share.clamp(0.0, 1.0))))
    }
}

/// Everything within a radius of a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Capsule {
    pub(super) from: Point,
    pub(super) to: Point,
    pub(super) radius: f64,
}

impl Capsule {
    /// Returns the distance to the surface, negative inside.
    pub(super) fn signed_distance(&self, place: Point) -> f64 {
        place.distance_to_line(self.from, self.to) - self.radius
    }
}

/// Lays a smooth curve through points, with `steps` straight pieces between neighbours.
pub(super) fn curve(points: &[Point], steps: u32) -> Vec<Point> {
    let mut out = Vec::new();
    for (index, pair) in points.windows(2).enumerate() {
        let before = if index == 0 {
            pair[0]
        } else {
            points[index - 1]
        };
        let after = points.get(index + 2).copied().unwrap_or(pair[1]);
        for step in 0..steps {
            out.push(catmull_rom([before, pair[0], pair[1], after], step, steps));
        }
    }
    out.extend(points.last());
    out
}

fn catmull_rom(points: [Point; 4], step: u32, steps: u32) -> Point {
    let t = f64::from(step) / f64::from(steps);
    let weights = [
        t * (-1.0 + t * (2.0 - t)) / 2.0,
        (2.0 + t * t * (3.0 * t - 5.0)) / 2.0,
        t * (1.0 + t * (4.0 - 3.0 * t)) / 2.0,
        t * t * (t - 1.0) / 2.0,
    ];
    let parts = points.into_iter().zip(weights);
    parts.fold(Point::new(0.0, 0.0), |sum, (point, weight)| {
        sum.plus(point.times(weight))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capsule_is_round_at_its_ends() {
        let capsule = Capsule {
            from: Point::new(0.0, 0.0),
            to: Point::new(10.0, 0.0),
            radius: 2.0,
        };

        assert!((capsule.signed_distance(Point::new(5.0, 3.0)) - 1.0).abs() < 1e-12);
        assert!((capsule.signed_distance(Point::new(13.0, 4.0)) - 3.0).abs() < 1e-12);
        assert!((capsule.signed_distance(Point::new(5.0, 0.0)) + 2.0).abs() < 1e-12);
    }

    #[test]
    fn a_curve_passes_through_its_points() {
        let points = [
            Point::new(0.0, 0.0),
            Point::new(4.0, 2.0),
            Point::new(9.0, -1.0),
        ];

        let curve = curve(&points, 5);

        assert_eq!(curve.len(), 11);
        assert_eq!([curve[0], curve[5], curve[10]], points);
    }
}
