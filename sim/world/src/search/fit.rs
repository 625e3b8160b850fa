//! The straight line through times over sizes.

/// A line by least squares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    /// Milliseconds where nobody is enrolled.
    pub(super) floor_ms: f64,
    /// Milliseconds more for each 1,000 people.
    pub(super) slope_ms: f64,
    /// The farthest that a time lies from the line, as a share of that time.
    pub(super) residual: f64,
}

impl Line {
    /// Lays a line through points of people and milliseconds; none through fewer than two sizes.
    pub(super) fn through(points: &[(f64, f64)]) -> Option<Self> {
        let count = points.len() as f64;
        let mean =
            |values: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(values).sum::<f64>() / count;
        let (middle, middle_ms) = (mean(&|point| point.0), mean(&|point| point.1));
        let spread = mean(&|(people, _)| (people - middle).powi(2));
        if points.len() < 2 || spread <= 0.0 {
            return None;
        }
        let slope = mean(&|(people, ms)| (people - middle) * (ms - middle_ms)) / spread;
        let floor_ms = middle_ms - slope * middle;
        let off = points
            .iter()
            .map(|(people, ms)| ((floor_ms + slope * people - ms) / ms).abs());
        Some(Self {
            floor_ms,
            slope_ms: slope * 1000.0,
            residual: off.fold(0.0, f64::max),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_on_a_line_leave_no_residual() {
        let line = Line::through(&[(1e3, 21.0), (1e4, 30.0), (1e5, 120.0)]).unwrap();

        assert!((line.floor_ms - 20.0).abs() < 1e-6);
        assert!((line.slope_ms - 1.0).abs() < 1e-6);
        assert!(line.residual < 1e-6);
    }

    #[test]
    fn growth_that_is_no_line_leaves_a_residual() {
        let line = Line::through(&[(1e3, 1.0), (1e4, 100.0), (2e4, 400.0)]).unwrap();

        assert!(line.residual > 0.1, "{line:?}");
    }

    #[test]
    fn one_size_makes_no_line() {
        assert_eq!(Line::through(&[(1e3, 21.0)]), None);
        assert_eq!(Line::through(&[(1e3, 21.0), (1e3, 22.0)]), None);
    }
}
