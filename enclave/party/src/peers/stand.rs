//! How the stores of three parties stand to each other when they form [STO-3], [REF-4].

use minicbor::{Decode, Encode};

use crate::vault::Head;

/// What a party tells of its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Stand {
    /// The epoch that it serves.
    #[n(0)]
    pub(crate) epoch: u32,
    /// The head.
    #[n(1)]
    pub(crate) head: Head,
    /// The head of the next epoch, if all of it is on its disk.
    #[n(2)]
    pub(crate) prepared: Option<Head>,
}

/// What three stores amount to, for one of the parties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// All are the same.
    Same,
    /// Another party has to act first.
    Wait,
    /// All three have prepared the next epoch, or one serves it: this one goes over.
    Commit,
    /// Somebody has not prepared what this party has: it is dropped.
    Drop,
    /// A store of the same epoch has another head.
    HeadsDiffer {
        /// The other one.
        theirs: Head,
    },
    /// No step of a refresh leads to this.
    Diverged,
}

impl Stand {
    /// Compares with both neighbours. Nobody goes over unless all three had everything on disk,
    /// and nobody drops what another may have gone over to: see [REF-4].
    pub(crate) fn beside(self, others: [Self; 2]) -> Standing {
        for theirs in others {
            if self.epoch.checked_add(1) == Some(theirs.epoch) {
                return match self.prepared == Some(theirs.head) {
                    true => Standing::Commit,
                    false => Standing::Diverged,
                };
            }
        }
        let behind = |theirs: &Self| theirs.epoch.checked_add(1) == Some(self.epoch);
        let mut wait = false;
        for theirs in others {
            match theirs.epoch == self.epoch {
                true => {}
                false if behind(&theirs) && theirs.prepared == Some(self.head) => wait = true,
                false => return Standing::Diverged,
            }
        }
        if wait {
            return Standing::Wait;
        }
        if let Some(theirs) = others.iter().find(|theirs| theirs.head != self.head) {
            return Standing::HeadsDiffer {
                theirs: theirs.head,
            };
        }
        let same = others.iter().all(|theirs| theirs.prepared == self.prepared);
        match (self.prepared, same) {
            (None, true) => Standing::Same,
            (Some(_), true) => Standing::Commit,
            (Some(_), false) => Standing::Drop,
            (None, false) => Standing::Wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use boop_wire::Digest;

    use super::*;

    #[test]
    fn three_that_prepared_the_same_go_over_and_any_other_three_drop_it() {
        let (none, one, other) = (old(None), old(Some(9)), old(Some(8)));

        assert_eq!(none.beside([none, none]), Standing::Same);
        assert_eq!(one.beside([one, one]), Standing::Commit);
        for others in [[none, one], [one, none], [none, none], [one, other]] {
            assert_eq!(one.beside(others), Standing::Drop);
        }
        assert_eq!(none.beside([one, one]), Standing::Wait);
        assert_eq!(none.beside([none, one]), Standing::Wait);
    }

    #[test]
    fn who_prepared_it_follows_one_that_went_over_and_who_did_not_is_elsewhere() {
        let (over, one) = (new(9), old(Some(9)));

        assert_eq!(one.beside([over, one]), Standing::Commit);
        assert_eq!(one.beside([old(None), over]), Standing::Commit);
        assert_eq!(over.beside([one, one]), Standing::Wait);
        assert_eq!(over.beside([one, over]), Standing::Wait);
        assert_eq!(over.beside([over, over]), Standing::Same);
        for lost in [old(None), old(Some(8))] {
            assert_eq!(lost.beside([over, over]), Standing::Diverged);
            assert_eq!(over.beside([lost, over]), Standing::Diverged);
            assert_eq!(over.beside([over, lost]), Standing::Diverged);
        }
    }

    #[test]
    fn epochs_that_are_not_next_to_each_other_are_apart() {
        let far = Stand { epoch: 7, ..new(9) };

        assert_eq!(old(Some(9)).beside([far, far]), Standing::Diverged);
        assert_eq!(far.beside([far, old(Some(9))]), Standing::Diverged);
    }

    #[test]
    fn heads_are_compared_before_what_was_prepared() {
        let mut ahead = old(Some(9));
        ahead.head.version += 1;
        let theirs = ahead.head;

        let differ = Standing::HeadsDiffer { theirs };
        assert_eq!(old(None).beside([old(None), ahead]), differ);
    }

    fn old(prepared: Option<u8>) -> Stand {
        Stand {
            epoch: 0,
            head: head(1),
            prepared: prepared.map(head),
        }
    }

    fn new(root: u8) -> Stand {
        Stand {
            epoch: 1,
            head: head(root),
            prepared: None,
        }
    }

    fn head(root: u8) -> Head {
        Head {
            version: 5,
            root: Digest::new([root; 32]),
        }
    }
}
