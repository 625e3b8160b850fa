//! All captures against all others, and against the enrolled.

use boop_palm::{Agreement, Alignment, Encodings, Query, Stored, fuse};
use boop_wire::template::{ALIGNMENT_COUNT, alignments};

use super::population::{Population, Sampled, in_parallel};
use super::scores::Pair;

/// Samples of an enrolment.
const SAMPLES: usize = 3;
/// Parts that the comparisons are dealt out to; each counts for itself until it is done.
const PARTS: usize = 8;

/// Which captures are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// One capture with one other, whatever their quality.
    All,
    /// One capture with one other, both accepted.
    Accepted,
    /// An accepted capture with an enrolment of three others.
    Enrolled,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::All, Self::Accepted, Self::Enrolled];

    /// Returns a name that programs can rely on.
    pub const fn id(self) -> &'static str {
        match self {
            Self::All => "single-all",
            Self::Accepted => "single-accepted",
            Self::Enrolled => "enrolled",
        }
    }

    /// Returns what is compared, in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::All => "single captures, all",
            Self::Accepted => "single captures, accepted",
            Self::Enrolled => "enrolment of three, accepted capture",
        }
    }
}

/// At how many placements two palms are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alignments {
    /// As they lie.
    One,
    /// Three rotations, up to two cells up and down.
    Fifteen,
    /// The set of the parties.
    ThirtyOne,
}

impl Alignments {
    /// All sets.
    pub const ALL: [Self; 3] = [Self::One, Self::Fifteen, Self::ThirtyOne];

    /// Returns the number of placements.
    pub const fn count(self) -> usize {
        match self {
            Self::One => 1,
            Self::Fifteen => 15,
            Self::ThirtyOne => 31,
        }
    }

    const fn contains(self, alignment: Alignment) -> bool {
        match self {
            Self::One => alignment.rotation == 0 && alignment.dy == 0 && alignment.dx == 0,
            Self::Fifteen => alignment.dx == 0,
            Self::ThirtyOne => true,
        }
    }

    /// Returns the best agreement among the placements of the set.
    pub fn best(self, agreements: &[Agreement; ALIGNMENT_COUNT]) -> Agreement {
        let all = alignments().into_iter().zip(agreements);
        let own = all.filter(|(alignment, _)| self.contains(*alignment));
        let none = Agreement { dot: 0, valid: 0 };
        own.fold(none, |best, (_, agreement)| {
            if agreement.closer_than(&best) {
                *agreement
            } else {
                best
            }
        })
    }
}

/// Scores by [`Kind`] and [`Alignments`], and what became of the enrolments.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figures {
    scores: [[Pair; 3]; 3],
    /// Palms with three accepted captures.
    pub enrolments: u64,
    /// Those whose captures were accepted as of one palm.
    pub enrolled: u64,
}

/// An accepted or refused capture that shows a palm.
struct Shown<'a> {
    palm: usize,
    encodings: &'a Encodings,
    accepted: bool,
    /// Whether an enrolment was made of it.
    used: bool,
}

impl Figures {
    /// Compares everything; `done` hears of each capture.
    pub fn of(population: &Population, done: &(dyn Fn() + Sync)) -> Self {
        let mut figures = Self::default();
        let mut enrolled: Vec<(usize, Stored)> = Vec::new();
        for (index, palm) in population.palms.iter().enumerate() {
            if let Some(samples) = samples(palm) {
                figures.enrolments += 1;
                if let Ok(enrolment) = fuse(&samples) {
                    figures.enrolled += 1;
                    enrolled.push((index, Stored::new(enrolment.template())));
                }
            }
        }
        let shown = shown(population);
        let stored: Vec<Stored> = shown
            .iter()
            .map(|shown| Stored::new(&shown.encodings.0[0]))
            .collect();
        let parts = in_parallel(PARTS, |part| {
            let mut scores = Self::default();
            for query in (part..shown.len()).step_by(PARTS) {
                scores.add(query, &shown, &stored, &enrolled);
                done();
            }
            scores
        });
        for part in &parts {
            figures.merge(part);
        }
        figures
    }

    /// Returns the scores of one kind of comparison.
    pub fn pair(&self, kind: Kind, alignments: Alignments) -> &Pair {
        &self.scores[kind as usize][alignments as usize]
    }

    /// Compares one capture with those before it and with the enrolled.
    fn add(
        &mut self,
        index: usize,
        shown: &[Shown<'_>],
        stored: &[Stored],
        enrolled: &[(usize, Stored)],
    ) {
        let own = &shown[index];
        let query = Query::new(own.encodings);
        for (other, stored) in shown[..index].iter().zip(stored) {
            let agreements = query.agreements(stored);
            let genuine = other.palm == own.palm;
            self.count(Kind::All, genuine, &agreements);
            if own.accepted && other.accepted {
                self.count(Kind::Accepted, genuine, &agreements);
            }
        }
        if own.accepted && !own.used {
            for (palm, stored) in enrolled {
                let agreements = query.agreements(stored);
                self.count(Kind::Enrolled, *palm == own.palm, &agreements);
            }
        }
    }

    fn count(&mut self, kind: Kind, genuine: bool, agreements: &[Agreement; ALIGNMENT_COUNT]) {
        for alignments in Alignments::ALL {
            let pair = &mut self.scores[kind as usize][alignments as usize];
            let scores = if genuine {
                &mut pair.genuine
            } else {
                &mut pair.impostor
            };
            scores.add(&alignments.best(agreements));
        }
    }

    fn merge(&mut self, others: &Self) {
        let own = self.scores.iter_mut().flatten();
        for (own, other) in own.zip(others.scores.iter().flatten()) {
            own.genuine.merge(&other.genuine);
            own.impostor.merge(&other.impostor);
        }
    }
}

fn samples(palm: &Sampled) -> Option<[boop_palm::Extraction; SAMPLES]> {
    let first: Vec<_> = palm.accepted().take(SAMPLES).cloned().collect();
    first.try_into().ok()
}

fn shown(population: &Population) -> Vec<Shown<'_>> {
    let mut shown = Vec::new();
    for (index, palm) in population.palms.iter().enumerate() {
        let enrols = palm.accepted().count() >= SAMPLES;
        let mut accepted_before = 0;
        for capture in palm.captures.iter().flatten() {
            let accepted = capture.quality.acceptable();
            shown.push(Shown {
                palm: index,
                encodings: &capture.encodings,
                accepted,
                used: accepted && enrols && accepted_before < SAMPLES,
            });
            accepted_before += usize::from(accepted);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_sets_lie_in_the_larger() {
        let count = |set: Alignments| {
            alignments()
                .into_iter()
                .filter(|a| set.contains(*a))
                .count()
        };

        for set in Alignments::ALL {
            assert_eq!(count(set), set.count());
        }
    }

    #[test]
    fn the_best_of_a_set_comes_from_the_set() {
        let mut agreements = [Agreement {
            dot: 10,
            valid: 100,
        }; ALIGNMENT_COUNT];
        let place = |rotation, dy, dx| {
            let wanted = Alignment { rotation, dy, dx };
            alignments().iter().position(|a| *a == wanted).unwrap()
        };
        agreements[place(1, 2, 0)].dot = 50;
        agreements[place(2, 0, 1)].dot = 70;

        let best = Alignments::ALL.map(|set| set.best(&agreements).dot);

        assert_eq!(best, [10, 50, 70]);
    }
}
