//! Shares of trials, with the interval in which the true share probably lies.

use serde_json::{Value, json};

/// Deviations of a normal distribution that hold 95 % of it.
const DEVIATIONS: f64 = 1.959_964;

/// How many of a number of trials went one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Trials that did.
    pub hits: u64,
    /// All trials.
    pub trials: u64,
}

impl Rate {
    /// Returns the share; `NaN` without a trial.
    pub fn value(self) -> f64 {
        self.hits as f64 / self.trials as f64
    }

    /// Returns the Wilson interval of 95 %.
    pub fn interval(self) -> (f64, f64) {
        if self.trials == 0 {
            return (0.0, 1.0);
        }
        let trials = self.trials as f64;
        let square = DEVIATIONS * DEVIATIONS;
        let share = self.value();
        let middle = share + square / (2.0 * trials);
        let spread = share * (1.0 - share) / trials + square / (4.0 * trials * trials);
        let reach = DEVIATIONS * spread.sqrt();
        let scale = 1.0 + square / trials;
        let low = ((middle - reach) / scale).max(0.0);
        let high = ((middle + reach) / scale).min(1.0);
        // Rounding must not keep the ends from where they are known to be.
        (
            if self.hits == 0 { 0.0 } else { low },
            if self.hits == self.trials { 1.0 } else { high },
        )
    }

    /// Returns the share and its interval as programs read them.
    pub fn to_json(self) -> Value {
        let (low, high) = self.interval();
        let share = (self.trials > 0).then(|| self.value());
        json!({
            "count": self.hits,
            "of": self.trials,
            "rate": share,
            "low": low,
            "high": high,
        })
    }
}

impl core::fmt::Display for Rate {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if self.trials == 0 {
            return f.pad("-");
        }
        let (low, high) = self.interval();
        let text = format!(
            "{} [{}, {}]",
            percent(self.value()),
            percent(low),
            percent(high)
        );
        f.pad(&text)
    }
}

/// Writes a share as a percentage with about two digits that count.
fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    match percent {
        0.0 => "0 %".to_owned(),
        p if p < 0.001 => format!("{p:.1e} %"),
        p if p < 0.1 => format!("{p:.4} %"),
        p if p < 10.0 => format!("{p:.2} %"),
        p => format!("{p:.1} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_the_tables() {
        for (hits, trials, low, high) in [
            (0, 1_214, 0.0, 0.003_154),
            (5, 10, 0.236_6, 0.763_4),
            (1, 100, 0.001_767, 0.054_49),
            (100, 100, 0.963_0, 1.0),
        ] {
            let (own_low, own_high) = Rate { hits, trials }.interval();

            assert!(
                (own_low - low).abs() < 1e-4,
                "{hits} of {trials}: {own_low}"
            );
            assert!(
                (own_high - high).abs() < 1e-4,
                "{hits} of {trials}: {own_high}"
            );
        }
    }

    #[test]
    fn no_trial_tells_nothing() {
        let none = Rate { hits: 0, trials: 0 };

        assert_eq!(none.interval(), (0.0, 1.0));
        assert_eq!(none.to_string(), "-");
        assert_eq!(none.to_json()["rate"], Value::Null);
    }

    #[test]
    fn a_rate_shows_its_interval() {
        let rate = Rate {
            hits: 5,
            trials: 10,
        };

        assert_eq!(rate.to_string(), "50.0 % [23.7 %, 76.3 %]");
    }
}
