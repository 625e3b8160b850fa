//! What the host is told about a job that a check of the matching ended [MPC-4]: which check, and
//! whom it points at. Neither tells more of a palm than that the job failed.

use boop_abi::{Check, Event, ToHost};
use boop_mpc::MpcError;

use crate::party::Party;
use crate::platform::Platform;

impl<P: Platform> Party<P> {
    /// Tells the host which check failed, if one did.
    pub(super) fn tell_failure(&mut self, job: u64, error: Option<&MpcError>) {
        if let Some((check, error)) = error.and_then(|error| failed(error).zip(Some(error))) {
            let accused = error.accused();
            self.out.push(ToHost::Event(Event::CheckFailed {
                job,
                check,
                accused,
            }));
        }
    }
}

/// Returns the check that an error stands for; none if the three ended the job together.
const fn failed(error: &MpcError) -> Option<Check> {
    Some(match error {
        MpcError::WrongLength { .. }
        | MpcError::UnexpectedStep { .. }
        | MpcError::OutOfOrder { .. }
        | MpcError::MessageTooLong { .. }
        | MpcError::TooManyEarlyMessages { .. }
        | MpcError::SurplusMessage { .. }
        | MpcError::NotAPeer { .. } => Check::Message,
        MpcError::PrefacesDiffer { .. } => Check::Preface,
        MpcError::InconsistentOpening => Check::Opening,
        MpcError::ProofRejected { .. } => Check::Proof,
        MpcError::ChallengesDiffer { .. } => Check::Challenge,
        MpcError::AuditRejected { .. } => Check::Audit,
        MpcError::ForeignShare { .. }
        | MpcError::DatabaseTooLarge { .. }
        | MpcError::NotAsked
        | MpcError::AlreadyStarted
        | MpcError::Finished => Check::Own,
        MpcError::NotAudited | MpcError::TooFewValidCells => return None,
    })
}

#[cfg(test)]
mod tests {
    use boop_wire::PartyIndex;

    use super::*;

    #[test]
    fn each_way_to_deviate_is_told_as_the_check_that_found_it() {
        let from = PartyIndex::ALL[1];
        let (party, prover) = (from, from);
        let found = [
            (MpcError::SurplusMessage { from }, Check::Message),
            (MpcError::PrefacesDiffer { from }, Check::Preface),
            (MpcError::InconsistentOpening, Check::Opening),
            (MpcError::ProofRejected { prover }, Check::Proof),
            (MpcError::ChallengesDiffer { prover }, Check::Challenge),
            (MpcError::AuditRejected { party }, Check::Audit),
            (MpcError::Finished, Check::Own),
        ];

        for (error, check) in found {
            assert_eq!(failed(&error), Some(check));
        }
    }

    #[test]
    fn what_all_three_decide_together_is_no_failed_check() {
        assert_eq!(failed(&MpcError::NotAudited), None);
        assert_eq!(failed(&MpcError::TooFewValidCells), None);
    }
}
