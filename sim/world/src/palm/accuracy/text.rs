//! A report as people read it.

use core::fmt::{Display, Formatter, Result};

use super::LIMITS;
use super::compare::{Alignments, Kind};
use super::report::{Report, Results, Row};

/// Rows of the table that are shown: one of five, and the threshold of the network.
const SHOWN_EVERY: usize = 5;
const NETWORK_DISTANCE: f64 = 0.350;
const NAME_WIDTH: usize = 22;
const RATE_WIDTH: usize = 30;
const LINE_WIDTH: usize = 96;
/// The rule has no minimum of compared bits: the gate of the scanner stands in its place.
const NO_MINIMUM: &str = "without the gate: captures that show little of a palm match many";

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let captures = self.accepted.trials;
        writeln!(
            f,
            "{} palms, {captures} captures: {}",
            self.palms, self.origin
        )?;
        writeln!(f, "Rates with Wilson intervals of 95 %.\n")?;
        let line = |f: &mut Formatter<'_>, name: &str, what: &dyn Display| {
            writeln!(f, "  {name:<NAME_WIDTH$} {what}")
        };
        line(f, "failure to acquire", &self.without_palm)?;
        line(f, "accepted", &self.accepted)?;
        line(f, "enrolled", &self.enrolled)?;
        for kind in Kind::ALL {
            let of_kind: Vec<&Results> = self.of(kind).collect();
            summary(f, kind, &of_kind)?;
        }
        for alignments in Alignments::ALL {
            let accepted = self.of(Kind::Accepted);
            for results in accepted.filter(|results| results.alignments == alignments) {
                table(f, results)?;
            }
        }
        writeln!(f)?;
        for limit in LIMITS {
            wrapped(f, limit)?;
        }
        Ok(())
    }
}

impl Report {
    fn of(&self, kind: Kind) -> impl Iterator<Item = &Results> {
        self.results
            .iter()
            .filter(move |results| results.kind == kind)
    }
}

/// Writes one column for each set of alignments.
fn summary(f: &mut Formatter<'_>, kind: Kind, results: &[&Results]) -> Result {
    let Some(first) = results.first() else {
        return Ok(());
    };
    let (genuine, impostor) = (first.genuine.count, first.impostor.count);
    writeln!(
        f,
        "\n{}: {genuine} genuine, {impostor} impostor",
        capital(kind.words())
    )?;
    let columns = |f: &mut Formatter<'_>, name: &str, cell: &dyn Fn(&Results) -> String| {
        write!(f, "  {name:<NAME_WIDTH$}")?;
        for results in results {
            write!(f, " {:<RATE_WIDTH$}", cell(results))?;
        }
        writeln!(f)
    };
    columns(f, "alignments", &|r| r.alignments.count().to_string())?;
    if genuine == 0 || impostor == 0 {
        return writeln!(f, "  too few captures to tell");
    }
    if kind == Kind::All {
        writeln!(f, "  {NO_MINIMUM}")?;
    }
    columns(f, "genuine mean, sd", &|r| {
        format!("{:.4}, {:.4}", r.genuine.mean, r.genuine.deviation)
    })?;
    columns(f, "impostor mean, sd", &|r| {
        format!("{:.4}, {:.4}", r.impostor.mean, r.impostor.deviation)
    })?;
    columns(f, "d'", &|r| format!("{:.2}", r.d_prime()))?;
    columns(f, "equal error rate", &|r| {
        r.equal.as_ref().map_or_else(dash, equal)
    })?;
    for (index, (target, _)) in first.at_fmr.iter().enumerate() {
        let name = format!("FNMR at FMR {target:e}");
        columns(f, &name, &|r| {
            let row = r.at_fmr.get(index).and_then(|(_, row)| row.as_ref());
            row.map_or_else(dash, |row| row.fnmr.to_string())
        })?;
        columns(f, "  below distance", &|r| {
            let row = r.at_fmr.get(index).and_then(|(_, row)| row.as_ref());
            row.map_or_else(dash, |row| format!("{:.4}", row.distance))
        })?;
    }
    Ok(())
}

/// Writes the error rates of the integer rule at fixed distances.
fn table(f: &mut Formatter<'_>, results: &Results) -> Result {
    let (kind, count) = (results.kind.words(), results.alignments.count());
    let plural = if count == 1 { "" } else { "s" };
    writeln!(f, "\nInteger rule, {kind}, {count} alignment{plural}")?;
    let heads = ("below", "numerator", "FMR", "FNMR");
    writeln!(
        f,
        "  {:<8} {:<10} {:<RATE_WIDTH$} {}",
        heads.0, heads.1, heads.2, heads.3
    )?;
    for (index, row) in results.rows.iter().enumerate() {
        let network = (row.distance - NETWORK_DISTANCE).abs() < 1e-4;
        if network || index.is_multiple_of(SHOWN_EVERY) {
            let Row {
                distance,
                threshold,
                fmr,
                fnmr,
            } = row;
            let fmr = fmr.to_string();
            writeln!(
                f,
                "  {distance:<8.3} {threshold:<10} {fmr:<RATE_WIDTH$} {fnmr}"
            )?;
        }
    }
    Ok(())
}

/// Shows an equal error rate between the ends of both intervals.
fn equal(row: &Row) -> String {
    let ((a, b), (c, d)) = (row.fmr.interval(), row.fnmr.interval());
    let percent = |share: f64| 100.0 * share;
    format!(
        "{:.2} % [{:.2} %, {:.2} %]",
        percent(row.equal()),
        percent(a.min(c)),
        percent(b.max(d))
    )
}

fn dash() -> String {
    "too few comparisons".to_owned()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// Writes a paragraph as a list entry that fits a terminal.
fn wrapped(f: &mut Formatter<'_>, text: &str) -> Result {
    let mut line = String::from("-");
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > LINE_WIDTH {
            writeln!(f, "{line}")?;
            line = String::from(" ");
        }
        line.push(' ');
        line.push_str(word);
    }
    writeln!(f, "{line}")
}
