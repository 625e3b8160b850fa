//! Logs of three hosts, made with keys of our own.

use std::path::Path;

use boop_wire::binding::PlatformKind;
use boop_wire::codec::to_canonical;
use boop_wire::session::Signature;
use boop_wire::statement::{Exchange, JobKind, Said, SignedStatement};
use boop_wire::{Digest, NetworkId, Refusal};
use ed25519_dalek::{Signer as _, SigningKey};

use super::log::FlawReason;
use super::*;

const NETWORK: NetworkId = NetworkId::new([1; 32]);

#[test]
fn three_logs_that_tell_the_same_story_hold() {
    let (comparison, flaws) = of([job(1), job(2)]);

    assert_eq!(flaws, []);
    assert_eq!((comparison.compared, comparison.incomplete), (2, 0));
    assert!(comparison.holds());
}

#[test]
fn a_contradiction_names_the_two_and_does_not_hold() {
    let mut lying = job(2);
    lying[0].with_next.sent.commitment = Digest::new([9; 32]);
    let (comparison, _) = of([job(1), lying]);

    let [from, to, _] = PartyIndex::ALL;
    let [(job, differences)] = comparison.disagreements.as_slice() else {
        panic!("{comparison:?}");
    };
    assert_eq!(job.job, 2);
    assert_eq!(differences, &[Difference::Messages { from, to }]);
    assert!(!comparison.holds());
    let described = described(false, &comparison, &[]);
    let named = &described["disagreements"][0]["differences"][0]["messages"];
    assert_eq!(named, &json!({ "from": 0, "to": 1 }));
}

#[test]
fn endings_that_differ_are_listed_and_are_no_lie() {
    let mut broken = job(1);
    broken[2].ending = JobEnding::Refused(Refusal::ProtocolAborted);
    let (comparison, _) = of([broken]);

    assert_eq!(comparison.disagreements.len(), 1);
    assert!(comparison.holds());
}

#[test]
fn a_job_of_which_a_statement_is_missing_is_counted() {
    let [first, second, _] = job(1);
    let comparison = compared([first, second].iter());

    assert_eq!((comparison.compared, comparison.incomplete), (0, 1));
    assert!(comparison.holds());
}

#[test]
fn who_signs_two_things_about_one_job_is_noticed() {
    let [first, second, third] = job(1);
    let mut other = first.clone();
    other.ending = JobEnding::Refused(Refusal::ProtocolAborted);
    let comparison = compared([first.clone(), other, second.clone(), third.clone()].iter());
    assert_eq!(comparison.two_faced, vec![first.clone()]);
    assert!(!comparison.holds());

    let twice = compared([first.clone(), first, second, third].iter());
    assert_eq!((twice.compared, twice.holds()), (1, true));
}

#[test]
fn lines_that_do_not_hold_are_named_with_their_place() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("statements.log");
    let [of_one, of_other, _] = job(1);
    let evidence = evidence(0);
    let good = signed(&of_one, 0);
    let lines = [
        signed(&of_one, 0),
        evidence.clone(),
        "statement zz\n".into(),
        "word\n".into(),
        signed(&of_one, 1),
        signed(&of_other, 0),
        good.clone(),
        format!("evidence {}\n", hex::encode(to_canonical(&bundle(9)))),
        good.clone(),
        evidence,
        good[..good.len() - 1].into(),
    ];
    std::fs::write(&path, lines.concat()).unwrap();

    let log = Log::read(&path, judged).unwrap();

    let found: Vec<_> = log
        .flaws
        .iter()
        .map(|flaw| (flaw.line, flaw.reason.clone()))
        .collect();
    let expected = [
        (1, FlawReason::NoKey),
        (3, FlawReason::Form),
        (4, FlawReason::Form),
        (5, FlawReason::Signature),
        (6, FlawReason::Other),
        (8, FlawReason::Evidence("not judged".into())),
        (9, FlawReason::NoKey),
    ];
    assert_eq!(found, expected);
    assert_eq!(log.statements, [of_one]);
}

fn of<const N: usize>(jobs: [[JobStatement; 3]; N]) -> (Comparison, Vec<Flaw>) {
    let directory = tempfile::tempdir().unwrap();
    let logs = [0, 1, 2].map(|party: u8| {
        let path = directory.path().join(format!("{party}.log"));
        let mut text = evidence(party);
        for job in &jobs {
            text.push_str(&signed(&job[usize::from(party)], party));
        }
        std::fs::write(&path, text).unwrap();
        Log::read(Path::new(&path), judged).unwrap()
    });
    let comparison = compared(logs.iter().flat_map(|log| &log.statements));
    let flaws = logs.iter().flat_map(|log| log.flaws.clone()).collect();
    (comparison, flaws)
}

/// Takes evidence whose binding is the number of a party for that party's.
fn judged(bundle: &EvidenceBundle) -> Result<Key, String> {
    let [party] = bundle.binding.as_slice() else {
        return Err("not judged".into());
    };
    let index = PartyIndex::ALL
        .get(usize::from(*party))
        .ok_or("not judged")?;
    Ok(Key {
        party: *index,
        network: NETWORK,
        identity: key(*party).verifying_key().to_bytes(),
        since_ms: 0,
    })
}

fn key(party: u8) -> SigningKey {
    SigningKey::from_bytes(&[party + 1; 32])
}

fn bundle(party: u8) -> EvidenceBundle {
    EvidenceBundle {
        platform: PlatformKind::Snp,
        evidence: vec![],
        endorsements: vec![],
        binding: vec![party],
    }
}

fn evidence(party: u8) -> String {
    format!("evidence {}\n", hex::encode(to_canonical(&bundle(party))))
}

fn signed(statement: &JobStatement, signer: u8) -> String {
    let signature = key(signer).sign(&statement.signed_bytes());
    let signed = SignedStatement {
        statement: statement.clone(),
        signature: Signature(signature.to_bytes()),
    };
    format!("statement {}\n", hex::encode(to_canonical(&signed)))
}

/// Returns what three honest parties say of a job in which each way has four messages.
fn job(number: u64) -> [JobStatement; 3] {
    let way = |from: PartyIndex, to: PartyIndex| Said {
        messages: 4,
        commitment: Digest::new([3 * from.get() + to.get(); 32]),
    };
    PartyIndex::ALL.map(|party| {
        let exchange = |other| Exchange {
            sent: way(party, other),
            received: way(other, party),
        };
        JobStatement {
            network: NETWORK,
            session: Digest::new([2; 32]),
            job: number,
            party,
            kind: JobKind::Identify,
            ending: JobEnding::Done,
            with_next: exchange(party.next()),
            with_previous: exchange(party.previous()),
        }
    })
}
