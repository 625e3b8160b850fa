//! The benchmark's figures, for people and for programs.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::fit::Line;
use crate::demo::Stage;
use crate::till::Visit;

/// The size at which there is a goal for the whole, and the goal: its 99th percentile.
const GOAL_PEOPLE: usize = 10_000;
const GOAL_P99_MS: f64 = 150.0;
/// The stage that the goal is about.
const MATCH: &str = "match by three parties";

/// Measured times, in microseconds.
#[derive(Debug, Default)]
pub(super) struct Times {
    capture: Vec<u64>,
    client: Vec<u64>,
    matching: Vec<u64>,
    waiting: Vec<u64>,
    running: Vec<u64>,
    ledger: Vec<u64>,
    whole: Vec<u64>,
    /// People who were recognised.
    pub(super) recognised: usize,
    /// Captures that were not recognised, and were followed by one that was.
    pub(super) captured_again: usize,
}

impl Times {
    /// Notes how long the stages of a visit took.
    pub(super) fn note(&mut self, capture_us: u64, visit: &Visit) {
        self.capture.push(capture_us);
        self.whole.push(visit.elapsed_us);
        if let Some(timing) = visit.result.result.timing {
            self.matching.push(timing.match_us);
            self.ledger.push(timing.ledger_us);
            let client = visit.elapsed_us.saturating_sub(timing.total_us);
            self.client.push(client);
        }
    }

    /// Notes how long a job waited at a party, and ran.
    pub(super) fn note_job(&mut self, waited_us: u64, took_us: u64) {
        self.waiting.push(waited_us);
        self.running.push(took_us);
    }

    /// Adds what was measured elsewhere.
    pub(super) fn append(&mut self, mut other: Self) {
        self.capture.append(&mut other.capture);
        self.client.append(&mut other.client);
        self.matching.append(&mut other.matching);
        self.ledger.append(&mut other.ledger);
        self.whole.append(&mut other.whole);
        self.recognised += other.recognised;
        self.waiting.append(&mut other.waiting);
        self.running.append(&mut other.running);
        self.captured_again += other.captured_again;
    }

    /// What of the matching is neither waiting nor running is the gateway, and the way there.
    fn stages(&self) -> Vec<Stage> {
        vec![
            Stage::new("capture to code, on the scanner", &self.capture),
            Stage::new("seal, send, check the receipt", &self.client),
            Stage::new(MATCH, &self.matching),
            Stage::new("  of it: a job waits at a party", &self.waiting),
            Stage::new("  of it: a job runs at a party", &self.running),
            Stage::new("ledger: two entries, two receipts", &self.ledger),
            Stage::new("palm shown to result", &self.whole),
        ]
    }
}

/// What was measured in one way, alone or together.
#[derive(Debug, Default, Clone)]
struct Run {
    searches: usize,
    captured_again: usize,
    seconds: f64,
    stages: Vec<Stage>,
}

impl Run {
    fn new(times: &Times, elapsed: Duration) -> Self {
        Self {
            searches: times.whole.len(),
            captured_again: times.captured_again,
            seconds: elapsed.as_secs_f64(),
            stages: times.stages(),
        }
    }

    fn matching(&self) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.name == MATCH)
    }

    fn searches_a_second(&self) -> f64 {
        self.searches as f64 / self.seconds.max(f64::MIN_POSITIVE)
    }

    fn to_json(&self) -> Value {
        json!({
            "searches": self.searches,
            "captured_again": self.captured_again,
            "searches_a_second": rounded(self.searches_a_second()),
            "stages": self.stages,
        })
    }
}

/// What was measured with a crowd of one size.
#[derive(Debug, Clone)]
pub(super) struct Level {
    people: usize,
    opening_s: f64,
    enrolment: Stage,
    strangers: (usize, usize),
    alone: Run,
    tills: usize,
    together: Run,
}

impl Level {
    /// Starts with how long the network took to serve, and enrolments.
    pub(super) fn new(people: usize, opening: Duration, enrolment_us: &[u64]) -> Self {
        Self {
            people,
            opening_s: opening.as_secs_f64(),
            enrolment: Stage::new("enrolment", enrolment_us),
            strangers: (0, 0),
            alone: Run::default(),
            tills: 0,
            together: Run::default(),
        }
    }

    /// Notes how many strangers there were, and how many of them were turned away.
    pub(super) fn turned_away(&mut self, turned_away: usize, strangers: usize) {
        self.strangers = (turned_away, strangers);
    }

    /// Notes the searches that were made one after another.
    pub(super) fn alone(&mut self, times: &Times, elapsed: Duration) {
        self.alone = Run::new(times, elapsed);
    }

    /// Notes the searches that so many tills made at the same time.
    pub(super) fn together(&mut self, tills: usize, times: &Times, elapsed: Duration) {
        self.tills = tills;
        self.together = Run::new(times, elapsed);
    }

    /// Tells whether strangers were strangers; a wrong person ends the benchmark at once.
    fn right(&self) -> bool {
        self.strangers.0 == self.strangers.1
    }

    fn templates_a_second(&self, run: &Run) -> f64 {
        self.people as f64 * run.searches_a_second()
    }

    fn to_json(&self) -> Value {
        json!({
            "people": self.people,
            "opening_s": rounded(self.opening_s),
            "enrolment_p50_ms": self.enrolment.p50_ms,
            "enrolment_p99_ms": self.enrolment.p99_ms,
            "strangers_turned_away": self.strangers.0,
            "strangers": self.strangers.1,
            "one_at_a_time": self.alone.to_json(),
            "tills_at_once": self.tills,
            "at_once": self.together.to_json(),
        })
    }

    /// The figures in the form of the other benchmarks.
    fn rows(&self) -> Vec<Value> {
        let row = |id: &str, value: f64, unit: &str, goal: Option<f64>| {
            json!({
                "id": format!("{id}-{}", self.people),
                "value": rounded(value),
                "unit": unit,
                "reference": goal,
                "ratio": goal.map(|goal| rounded(value / goal)),
                "goal": goal.map(|_| 1.0),
                "goal_is": goal.map(|_| "at-most"),
                "reached": goal.map(|goal| value <= goal),
            })
        };
        let goal = (self.people == GOAL_PEOPLE).then_some(GOAL_P99_MS);
        let p99 = self.alone.matching().map_or(f64::NAN, |stage| stage.p99_ms);
        let p50 = self.alone.matching().map_or(f64::NAN, |stage| stage.p50_ms);
        let rate = self.templates_a_second(&self.together);
        vec![
            row("match-p50", p50, "ms", None),
            row("match-p99", p99, "ms", goal),
            row("at-once-templates", rate, "1/s", None),
            row("opening", self.opening_s, "s", None),
        ]
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (turned_away, strangers) = self.strangers;
        writeln!(
            f,
            "{} people; enrolment p50 {:.0} ms, p99 {:.0} ms; {turned_away} of {strangers} \
             strangers turned away",
            self.people, self.enrolment.p50_ms, self.enrolment.p99_ms
        )?;
        let [one, all] = [
            "one at a time".to_owned(),
            format!("{} at once", self.tills),
        ];
        writeln!(f, "  {:<38}{one:>20}{all:>20}", "milliseconds")?;
        let p = ["p50", "p99", "p50", "p99"];
        writeln!(
            f,
            "  {:<38}{:>10}{:>10}{:>10}{:>10}",
            "", p[0], p[1], p[2], p[3]
        )?;
        for (alone, together) in self.alone.stages.iter().zip(&self.together.stages) {
            writeln!(
                f,
                "  {:<38}{:>10.1}{:>10.1}{:>10.1}{:>10.1}",
                alone.name, alone.p50_ms, alone.p99_ms, together.p50_ms, together.p99_ms
            )?;
        }
        let runs = [&self.alone, &self.together];
        let [one, all] = runs.map(Run::searches_a_second);
        writeln!(f, "  {:<38}{one:>20.1}{all:>20.1}", "searches a second")?;
        let [one, all] = runs.map(|run| self.templates_a_second(run));
        writeln!(f, "  {:<38}{one:>20.0}{all:>20.0}", "templates a second")?;
        let [one, all] = runs.map(|run| run.captured_again);
        write!(f, "  {:<38}{one:>20}{all:>20}", "of them captured again")
    }
}

/// What was measured with crowds of all sizes.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) levels: Vec<Level>,
}

impl Report {
    /// Tells whether every answer was right.
    pub(super) fn all_right(&self) -> bool {
        self.levels.iter().all(Level::right)
    }

    fn line(&self) -> Option<Line> {
        let points = self.levels.iter().filter_map(|level| {
            let stage = level.alone.matching()?;
            Some((level.people as f64, stage.p50_ms))
        });
        Line::through(&points.collect::<Vec<_>>())
    }

    /// Gives the figures as programs read them.
    pub(super) fn to_json(&self) -> Value {
        let levels: Vec<Value> = self.levels.iter().map(Level::to_json).collect();
        let rows: Vec<Value> = self.levels.iter().flat_map(Level::rows).collect();
        let line = self.line().map(|line| {
            json!({
                "floor_ms": rounded(line.floor_ms),
                "slope_ms_per_1000": rounded(line.slope_ms),
                "residual": rounded(line.residual),
            })
        });
        json!({ "name": "search", "rows": rows, "line": line, "levels": levels })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line() {
            writeln!(
                f,
                "\n{MATCH}, one at a time: {:.1} ms and {:.2} ms more for each 1,000 people; \
                 farthest from that line {:.0} %",
                line.floor_ms,
                line.slope_ms,
                100.0 * line.residual
            )?;
        }
        for level in self
            .levels
            .iter()
            .filter(|level| level.people == GOAL_PEOPLE)
        {
            if let Some(stage) = level.alone.matching() {
                let mark = if stage.p99_ms <= GOAL_P99_MS {
                    "pass"
                } else {
                    "miss"
                };
                writeln!(
                    f,
                    "goal at {GOAL_PEOPLE}: p99 <= {GOAL_P99_MS} ms; measured {:.1} ms: {mark}",
                    stage.p99_ms
                )?;
            }
        }
        Ok(())
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_who_is_let_in_fails_the_benchmark() {
        let mut level = level(10_000, 100);
        let right = level.right();
        level.turned_away(3, 4);

        assert!(right && !level.right());
    }

    #[test]
    fn programs_and_people_read_whether_the_goal_is_reached() {
        for (matching_ms, reached, mark) in [(149, true, "pass"), (151, false, "miss")] {
            let report = Report {
                levels: vec![level(1_000, 20), level(10_000, matching_ms)],
            };

            let rows = report.to_json()["rows"].clone();
            let rows = rows.as_array().unwrap();
            let row = rows
                .iter()
                .find(|row| row["id"] == "match-p99-10000")
                .unwrap();

            assert_eq!(row["reached"], reached);
            assert!(report.to_string().contains(mark), "{report}");
        }
    }

    fn level(people: usize, matching_ms: u64) -> Level {
        let times = Times {
            matching: vec![1_000 * matching_ms; 4],
            whole: vec![1_000 * matching_ms; 4],
            ..Times::default()
        };
        let mut level = Level::new(people, Duration::from_secs(1), &[1_000]);
        level.turned_away(4, 4);
        level.alone(&times, Duration::from_secs(1));
        level.together(8, &times, Duration::from_secs(1));
        level
    }
}
