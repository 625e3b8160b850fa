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
    /// Whether there is no store, and a recovery of this party has been approved [REC-1].
    #[n(3)]
    pub(crate) lost: bool,
}

/// What three stores amount to, for one of the parties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// All are the same.
    Same,
    /// One has no store, and the two others have the same one: they give it anew [REC-2].
    Restores,
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
        let differs = |theirs: &&Self| !theirs.lost && theirs.head != self.head;
        if let Some(theirs) = others.iter().find(differs).filter(|_| !self.lost) {
            return Standing::HeadsDiffer {
                theirs: theirs.head,
            };
        }
        let same = others.iter().all(|theirs| theirs.prepared == self.prepared);
        match (self.prepared, same) {
            (None, true) => self.restores(others),
            (Some(_), true) => Standing::Commit,
            (Some(_), false) => Standing::Drop,
            (None, false) => Standing::Wait,
        }
    }

    /// Tells whether one of three stores of the same epoch has to be given anew.
    fn restores(self, others: [Self; 2]) -> Standing {
        let all = [self, others[0], others[1]];
        let Some(whole) = all.iter().find(|one| !one.lost) else {
            return Standing::Same;
        };
        let differ = |one: &&Self| one.head != whole.head;
        let lost = all.iter().filter(|one| one.lost).filter(differ).count();
        match (lost, all.iter().filter(differ).count()) {
            (0, 0) => Standing::Same,
            (1, 1) => Standing::Restores,
            (2.., _) => Standing::Diverged,
            // The two that help have yet to take back what only one of them has.
            _ => Standing::Wait,
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

    #[test]
    fn two_that_are_the_same_give_the_third_its_store_anew() {
        let (whole, gone) = (old(None), lost());
        let mut ahead = whole;
        ahead.head.version += 1;

        assert_eq!(whole.beside([whole, gone]), Standing::Restores);
        assert_eq!(whole.beside([gone, whole]), Standing::Restores);
        assert_eq!(gone.beside([whole, whole]), Standing::Restores);
        assert_eq!(gone.beside([whole, ahead]), Standing::Wait);
        let theirs = ahead.head;
        let differ = Standing::HeadsDiffer { theirs };
        assert_eq!(whole.beside([gone, ahead]), differ);
        assert_eq!(whole.beside([gone, gone]), Standing::Diverged);
        assert_eq!(gone.beside([gone, whole]), Standing::Diverged);
        assert_eq!(whole.beside([gone, new(9)]), Standing::Diverged);
    }

    #[test]
    fn a_store_without_records_is_not_given_anew() {
        let (gone, empty) = (
            lost(),
            Stand {
                lost: false,
                ..lost()
            },
        );

        for own in [gone, empty] {
            for others in [[gone, gone], [gone, empty], [empty, gone], [empty, empty]] {
                assert_eq!(own.beside(others), Standing::Same);
            }
        }
    }

    #[test]
    fn what_the_others_prepared_is_dropped_before_a_store_is_given_anew() {
        let (one, gone) = (old(Some(9)), lost());

        assert_eq!(one.beside([one, gone]), Standing::Drop);
        assert_eq!(gone.beside([one, one]), Standing::Wait);
    }

    fn lost() -> Stand {
        Stand {
            epoch: 0,
            head: Head {
                version: 0,
                root: Digest::new([0; 32]),
            },
            prepared: None,
            lost: true,
        }
    }

    fn old(prepared: Option<u8>) -> Stand {
        Stand {
            epoch: 0,
            head: head(1),
            prepared: prepared.map(head),
            lost: false,
        }
    }

    fn new(root: u8) -> Stand {
        Stand {
            epoch: 1,
            head: head(root),
            prepared: None,
            lost: false,
        }
    }

    fn head(root: u8) -> Head {
        Head {
            version: 5,
            root: Digest::new([root; 32]),
        }
    }
}
