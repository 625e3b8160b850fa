//! What the parties sign about their jobs: whatever hosts do to bytes, statements of parties that
//! follow the protocol never contradict each other [JOB-9].

use std::collections::BTreeMap;

use boop_channel::verify_signature;
use boop_wire::binding::Binding;
use boop_wire::codec::from_canonical;
use boop_wire::evidence::EvidenceBundle;
use boop_wire::statement::{Difference, JobEnding, JobStatement, SignedStatement, compare};
use boop_wire::{Digest, PartyIndex};

use crate::simulation::machine::MACHINES_MAX;

/// The statements of all three.
#[derive(Default)]
pub struct Statements {
    keys: [Option<[u8; 32]>; MACHINES_MAX],
    jobs: BTreeMap<(Digest, u64), [Option<JobStatement>; 3]>,
    /// Jobs that all three stated, and ended as they should.
    pub done: u64,
    /// Jobs that all three stated, and that failed at one at least.
    pub failed: u64,
}

impl Statements {
    /// Takes the evidence of a machine's enclave, in which its key is.
    pub fn know(&mut self, machine: usize, bundle: &[u8]) {
        let bundle: EvidenceBundle = from_canonical(bundle).unwrap();
        let binding: Binding = from_canonical(&bundle.binding).unwrap();
        self.keys[machine] = Some(binding.keys.identity);
    }

    /// Takes a party's statement from a machine, and compares the three of a job once they are
    /// there.
    pub fn hear(&mut self, machine: usize, party: PartyIndex, bytes: &[u8]) {
        let signed: SignedStatement = from_canonical(bytes).unwrap();
        let key = self.keys[machine].expect("a party gives evidence first");
        let statement = signed.statement;
        assert!(
            verify_signature(&key, &statement.signed_bytes(), &signed.signature),
            "party {party} did not sign"
        );
        assert_eq!(statement.party, party);
        let job = (statement.session, statement.job);
        let stated = self.jobs.entry(job).or_default();
        let earlier = stated[party.as_usize()].replace(statement);
        assert_eq!(earlier, None, "party {party} states a job twice");
        let [Some(zero), Some(one), Some(two)] = stated else {
            return;
        };
        let differences = compare([&*zero, &*one, &*two]).unwrap();
        let done = [zero, one, two]
            .iter()
            .all(|one| one.ending == JobEnding::Done);
        for difference in differences {
            let fine = matches!(difference, Difference::Endings { .. }) && !done;
            assert!(fine, "{difference:?} of honest parties: {stated:?}");
        }
        match done {
            true => self.done += 1,
            false => self.failed += 1,
        }
    }
}
