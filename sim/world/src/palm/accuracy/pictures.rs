//! The pictures of a report: error rates against each other, and histograms of the scores.

use super::chart::{Axis, Chart, Line, Scale};
use super::compare::{Alignments, Figures, Kind};
use super::report::Report;
use super::scores::{Pair, Scores, distance_of, threshold_of};

const NETWORK_DISTANCE: f64 = 0.350;
/// Width of a column of a histogram, in thousandths of distance.
const COLUMN_PERMILLE: u16 = 5;
const COLUMNS_PERMILLE: core::ops::Range<u16> = 100..550;
/// Points of an error curve, at most.
const CURVE_STEP: usize = 24;
const GENUINE: &str = "#0072b2";
const IMPOSTOR: &str = "#d55e00";

/// Draws all pictures; returns names of files with their text.
pub fn pictures(report: &Report, figures: &Figures) -> Vec<(String, String)> {
    let mut all = vec![("det.svg".to_owned(), det(report, figures).to_svg())];
    for alignments in Alignments::ALL {
        let name = format!("scores-{}.svg", alignments.count());
        all.push((name, histogram(report, figures, alignments).to_svg()));
    }
    all
}

/// Draws false non-matches over false matches.
fn det(report: &Report, figures: &Figures) -> Chart {
    let curves = [
        (Kind::Accepted, Alignments::One, "#999999", "2 4"),
        (Kind::Accepted, Alignments::Fifteen, "#56b4e9", "9 4"),
        (Kind::Accepted, Alignments::ThirtyOne, GENUINE, ""),
        (Kind::All, Alignments::ThirtyOne, IMPOSTOR, "9 4 2 4"),
        (Kind::Enrolled, Alignments::ThirtyOne, "#009e73", ""),
    ];
    let lines = curves
        .into_iter()
        .filter_map(|(kind, alignments, colour, dashes)| {
            let pair = figures.pair(kind, alignments);
            (pair.genuine.count() > 0 && pair.impostor.count() > 0).then(|| Line {
                name: format!("{}, {}", kind.words(), placements(alignments)),
                colour,
                dashes,
                points: error_curve(pair),
                dots: vec![error_point(pair, threshold_of(NETWORK_DISTANCE))],
                filled: false,
            })
        });
    let decades = |from: i32| {
        let ticks = (from..=0).map(|power| (10f64.powi(power), decade(power)));
        ticks.collect()
    };
    Chart {
        title: "Palm verification: detection error trade-off".to_owned(),
        subtitle: subtitle(report),
        x: Axis {
            label: "false match rate",
            scale: Scale::Logarithmic,
            low: 1e-6,
            high: 1.0,
            ticks: decades(-6),
        },
        y: Axis {
            label: "false non-match rate",
            scale: Scale::Logarithmic,
            low: 1e-4,
            high: 1.0,
            ticks: decades(-4),
        },
        lines: lines.collect(),
        mark: None,
        notes: vec![
            "Dots: the network's threshold, distance below 0.350. A rate of 0 lies on the border."
                .to_owned(),
            "Comparisons that share a palm depend on each other. Synthetic palms tell nothing \
             about real people."
                .to_owned(),
        ],
    }
}

/// Draws how often each distance occurs.
fn histogram(report: &Report, figures: &Figures, alignments: Alignments) -> Chart {
    let pair = figures.pair(Kind::Accepted, alignments);
    let line = |name: &str, scores: &Scores, colour| Line {
        name: format!("{name}, {} comparisons", scores.count()),
        colour,
        dashes: "",
        points: columns(scores),
        dots: Vec::new(),
        filled: true,
    };
    let lines = vec![
        line("same palm", &pair.genuine, GENUINE),
        line("different palms", &pair.impostor, IMPOSTOR),
    ];
    let points = lines.iter().flat_map(|line| &line.points);
    let top = points.map(|(_, share)| *share).fold(0.0, f64::max);
    let top = (top * 20.0).ceil().max(1.0) / 20.0;
    let share = |twentieth: u32| 0.05 * f64::from(twentieth);
    let y_ticks = (0..=20).map(share).filter(|share| *share <= top + 1e-9);
    let x_ticks = (2..=11).map(|twentieth| (share(twentieth), format!("{:.2}", share(twentieth))));
    Chart {
        title: format!(
            "Palm distances, single accepted captures, {}",
            placements(alignments)
        ),
        subtitle: subtitle(report),
        x: Axis {
            label: "share of bits that differ, at the best alignment",
            scale: Scale::Linear,
            low: 0.1,
            high: 0.55,
            ticks: x_ticks.collect(),
        },
        y: Axis {
            label: "share of comparisons, per 0.005",
            scale: Scale::Linear,
            low: 0.0,
            high: top,
            ticks: y_ticks
                .map(|share| (share, format!("{:.0} %", 100.0 * share)))
                .collect(),
        },
        lines,
        mark: Some((NETWORK_DISTANCE, "threshold 0.350")),
        notes: vec!["Synthetic palms tell nothing about real people.".to_owned()],
    }
}

fn subtitle(report: &Report) -> String {
    let captures = report.accepted.trials;
    format!(
        "{} palms, {captures} captures: {}",
        report.palms, report.origin
    )
}

fn placements(alignments: Alignments) -> String {
    let count = alignments.count();
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} alignment{plural}")
}

fn decade(power: i32) -> String {
    match power {
        0 => "1".to_owned(),
        _ => format!("1e{power}"),
    }
}

fn error_point(pair: &Pair, threshold: i32) -> (f64, f64) {
    let share = |scores: &Scores| scores.matches_at(threshold) as f64 / scores.count() as f64;
    (share(&pair.impostor), 1.0 - share(&pair.genuine))
}

/// Returns both error rates from the strictest threshold to the loosest, where they change.
fn error_curve(pair: &Pair) -> Vec<(f64, f64)> {
    let both = pair.impostor.descending().zip(pair.genuine.descending());
    let mut points: Vec<(f64, f64)> = Vec::new();
    let mut last = None;
    for ((_, impostor), (_, genuine)) in both.step_by(CURVE_STEP) {
        if impostor > 0 && last != Some((impostor, genuine)) {
            let missed = pair.genuine.count() - genuine;
            let passed = impostor as f64 / pair.impostor.count() as f64;
            points.push((passed, missed as f64 / pair.genuine.count() as f64));
            last = Some((impostor, genuine));
        }
    }
    points
}

/// Returns the outline of a histogram.
fn columns(scores: &Scores) -> Vec<(f64, f64)> {
    let mut outline = Vec::new();
    for low in COLUMNS_PERMILLE.step_by(usize::from(COLUMN_PERMILLE)) {
        let end = |permille: u16| threshold_of(f64::from(permille) / 1_000.0);
        let (near, far) = (end(low), end(low + COLUMN_PERMILLE));
        let inside = scores.matches_at(far) - scores.matches_at(near);
        let share = inside as f64 / scores.count().max(1) as f64;
        outline.push((distance_of(near), share));
        outline.push((distance_of(far), share));
    }
    let ends = (outline.first().copied(), outline.last().copied());
    if let (Some((first, _)), Some((last, _))) = ends {
        outline.insert(0, (first, 0.0));
        outline.push((last, 0.0));
    }
    outline
}

#[cfg(test)]
mod tests {
    use boop_palm::Agreement;

    use super::*;

    #[test]
    fn an_error_curve_falls_from_left_to_right() {
        let mut pair = Pair::default();
        for step in 0..50 {
            let far = |dot: i32| Agreement { dot, valid: 1_000 };
            pair.genuine.add(&far(60 + 10 * step));
            pair.impostor.add(&far(10 + 4 * step));
        }

        let curve = error_curve(&pair);

        assert!(curve.len() > 20, "{curve:?}");
        for two in curve.windows(2) {
            assert!(two[0].0 <= two[1].0 && two[0].1 >= two[1].1, "{two:?}");
        }
        assert_eq!(curve.last().map(|point| point.0), Some(1.0));
    }

    #[test]
    fn columns_hold_every_comparison_of_their_range() {
        let mut scores = Scores::default();
        for dot in [300, 302, 480, 600] {
            scores.add(&Agreement { dot, valid: 1_000 });
        }

        let outline = columns(&scores);

        // Each column is drawn by two points.
        let sum: f64 = outline.iter().map(|(_, share)| share / 2.0).sum();
        assert!((sum - 1.0).abs() < 1e-12, "{sum}");
    }
}
