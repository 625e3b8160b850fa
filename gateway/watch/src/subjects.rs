//! The subjects of a rule, each with what is remembered of it; there is a limit, and the one not
//! heard of for longest makes room.

use std::collections::BTreeMap;

use crate::event::Subject;

/// Most subjects that a rule remembers.
///
/// A shop has a vendor, some scanners and an address or two, so this is a gateway for thousands of
/// shops. Full of subjects that all stand before their thresholds, the rules together take less
/// than 256 MiB, and as a rule a hundredth of that. Whoever would have a rule forget an address has
/// to come from as many others between two of its signs; scanners and vendors cannot be made up.
pub const SUBJECTS_MAX: usize = 10_000;

/// Subjects and what is remembered of each.
#[derive(Debug)]
pub(crate) struct Subjects<T> {
    room: usize,
    turn: u64,
    known: BTreeMap<Subject, (u64, T)>,
    /// By the turn in which each was last heard of.
    turns: BTreeMap<u64, Subject>,
}

impl<T: Default> Subjects<T> {
    /// Makes room for so many.
    pub(crate) const fn new(room: usize) -> Self {
        Self {
            room,
            turn: 0,
            known: BTreeMap::new(),
            turns: BTreeMap::new(),
        }
    }

    /// Returns a subject that is known, which is heard of by this.
    pub(crate) fn known(&mut self, subject: Subject) -> Option<&mut T> {
        let (turn, value) = self.known.get_mut(&subject)?;
        self.turns.remove(turn);
        self.turn += 1;
        *turn = self.turn;
        self.turns.insert(self.turn, subject);
        Some(value)
    }

    /// Returns a subject, which is known from now on.
    pub(crate) fn or_new(&mut self, subject: Subject) -> Option<&mut T> {
        if !self.known.contains_key(&subject) {
            while self.known.len() >= self.room {
                let (_, quietest) = self.turns.pop_first()?;
                self.known.remove(&quietest);
            }
            self.turn += 1;
            self.turns.insert(self.turn, subject);
            self.known.insert(subject, (self.turn, T::default()));
        }
        self.known(subject)
    }

    /// Forgets a subject.
    pub(crate) fn forget(&mut self, subject: Subject) {
        if let Some((turn, _)) = self.known.remove(&subject) {
            self.turns.remove(&turn);
        }
    }

    /// How many are known.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        assert_eq!(self.known.len(), self.turns.len());
        self.known.len()
    }
}

#[cfg(test)]
mod tests {
    use boop_wire::Digest;

    use super::*;
    use crate::event::Pseudonym;

    #[test]
    fn the_one_not_heard_of_for_longest_makes_room() {
        let mut subjects = Subjects::<u8>::new(3);
        for byte in [1, 2, 3, 1, 4] {
            *subjects.or_new(subject(byte)).unwrap() += byte;
        }

        assert_eq!(subjects.len(), 3);
        assert_eq!(subjects.known(subject(2)), None);
        assert_eq!(subjects.known(subject(1)), Some(&mut 2));
        assert_eq!(subjects.known(subject(3)), Some(&mut 3));
        assert_eq!(subjects.known(subject(4)), Some(&mut 4));
    }

    #[test]
    fn a_subject_that_is_forgotten_is_new_again() {
        let mut subjects = Subjects::<u8>::new(3);
        *subjects.or_new(subject(1)).unwrap() += 1;
        *subjects.or_new(subject(2)).unwrap() += 2;

        subjects.forget(subject(1));
        subjects.forget(subject(9));

        assert_eq!(subjects.len(), 1);
        assert_eq!(subjects.known(subject(1)), None);
        assert_eq!(subjects.or_new(subject(1)), Some(&mut 0));
        assert_eq!(subjects.known(subject(2)), Some(&mut 2));
    }

    fn subject(byte: u8) -> Subject {
        Subject::Address(Pseudonym::new(Digest::new([byte; 32])))
    }
}
