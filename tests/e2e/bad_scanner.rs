//! A scanner whose own gate is broken: it sends a palm of which it saw too little, and says that
//! the capture is good. The parties find out [MPC-15], and what they sign about it agrees [JOB-9].

use std::collections::BTreeMap;
use std::process::Command;

use boop_channel::verify_signature;
use boop_sdk::PalmCapture;
use boop_tests::program;
use boop_wire::binding::Binding;
use boop_wire::codec::from_canonical;
use boop_wire::evidence::EvidenceBundle;
use boop_wire::job::Subject;
use boop_wire::statement::{JobEnding, JobKind, JobStatement, SignedStatement, compare};
use boop_wire::template::CELLS;
use boop_wire::{Digest, PartyIndex, Refusal};
use boop_world::visitor;

use crate::bench::{Bench, SEED};
use crate::scanner::{Answer, split};
use crate::shop::{CREDIT, Shop};

/// Cells that have to be valid.
const CELLS_MIN: usize = 1_200;

#[tokio::test(flavor = "multi_thread")]
async fn too_thin_a_mask_is_refused_by_the_parties_and_nothing_is_enrolled() {
    let bench = Bench::start().await;
    let mut shop = Shop::open(&bench).await;
    let customer = shop.enrol(&bench, 0).await;
    let refused = Answer::refused(Refusal::QualityTooLow.code());
    let enrolled = PartyIndex::ALL.map(|party| bench.records(party));

    let newcomer = visitor(SEED, 1).unwrap();
    let thin = thinned(&newcomer.enrolment);
    assert_eq!(enrol(&bench, &mut shop, &thin).await, refused);
    assert_eq!(
        PartyIndex::ALL.map(|party| bench.records(party)),
        enrolled,
        "a thin palm was stored"
    );
    let thin = thinned(&customer.visitor.probe);
    let unpaid = shop.pay(&bench, &thin).await;
    assert_eq!(
        unpaid.result.code.as_deref(),
        Some(Refusal::QualityTooLow.code())
    );
    assert_eq!(shop.balance(customer.user).await, CREDIT);

    // The same palms are welcome once enough of them is seen.
    let answer = enrol(&bench, &mut shop, &newcomer.enrolment).await;
    assert_eq!(answer, Answer::GOOD);
    shop.check_payment(&bench, &customer).await;
    assert_eq!(PartyIndex::ALL.map(|party| bench.records(party)), [2; 3]);
    check_statements(&bench);
}

/// Takes cells away until one is missing at every rotation, and nothing else.
fn thinned(palm: &PalmCapture) -> PalmCapture {
    let mut thin = palm.clone();
    for template in &mut thin.encodings.0 {
        let valid: Vec<usize> = (0..CELLS).filter(|c| template.cell_valid(*c)).collect();
        for cell in &valid[CELLS_MIN - 1..] {
            template.set_cell_valid(*cell, false);
        }
    }
    thin.quality = 100;
    thin
}

async fn enrol(bench: &Bench, shop: &mut Shop, palm: &PalmCapture) -> Answer {
    let (_stream, registration) = shop.register(bench).await;
    let user = registration.user_id;
    let split = split(palm, &Subject::Enrol { user });
    let capture = split.seal(&bench.view().await).unwrap();
    let token = &registration.session_token;
    shop.scanner.send_enrolment(user, token, &capture).await;
    shop.scanner.answer(split.request()).await
}

/// Compares the logs of the three hosts.
fn check_statements(bench: &Bench) {
    let mut jobs: BTreeMap<(Digest, u64), Vec<JobStatement>> = BTreeMap::new();
    for party in PartyIndex::ALL {
        for statement in statements(bench, party) {
            assert_eq!(statement.party, party);
            let job = (statement.session, statement.job);
            jobs.entry(job).or_default().push(statement);
        }
    }
    let mut endings = Vec::new();
    for stated in jobs.values() {
        let [zero, one, two] = &stated[..] else {
            panic!("not stated by all three: {stated:?}");
        };
        assert_eq!(compare([zero, one, two]), Ok(vec![]));
        endings.push((zero.kind, zero.ending));
    }
    let too_low = JobEnding::Refused(Refusal::QualityTooLow);
    let count = |of| endings.iter().filter(|one| **one == of).count();
    assert_eq!(count((JobKind::Enrol, JobEnding::Done)), 2);
    assert_eq!(count((JobKind::Enrol, too_low)), 1);
    assert_eq!(count((JobKind::Identify, too_low)), 1);
    assert_eq!(count((JobKind::Identify, JobEnding::Done)), 1);
    check_with_the_command(bench);
}

/// Has `boop statements` judge the same logs, with the evidence in them.
fn check_with_the_command(bench: &Bench) {
    let layout = bench.layout();
    let logs = PartyIndex::ALL.map(|party| layout.machine(party, "run/statements.log"));
    let output = Command::new(program::path("boop"))
        .arg("statements")
        .args(logs)
        .arg("--network")
        .arg(layout.path("network.toml"))
        .args(["--danger-simulated-tee", "--json"])
        .output()
        .unwrap();

    assert!(output.status.success(), "{output:?}");
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["holds"], true);
    assert_eq!(answer["incomplete"], 0);
    assert!(answer["compared"].as_u64() >= Some(5), "{answer}");
}

/// Reads what a host kept, and checks each signature by the evidence before it.
fn statements(bench: &Bench, party: PartyIndex) -> Vec<JobStatement> {
    let file = bench.layout().machine(party, "run/statements.log");
    let text = std::fs::read_to_string(file).unwrap();
    let mut key = None;
    let mut statements = Vec::new();
    for line in text.lines() {
        let (word, bytes) = line.split_once(' ').unwrap();
        let bytes = hex::decode(bytes).unwrap();
        if word == "evidence" {
            let bundle: EvidenceBundle = from_canonical(&bytes).unwrap();
            let binding: Binding = from_canonical(&bundle.binding).unwrap();
            key = Some(binding.keys.identity);
        } else {
            let signed: SignedStatement = from_canonical(&bytes).unwrap();
            let message = signed.statement.signed_bytes();
            let key = key.expect("evidence stands before statements");
            assert!(verify_signature(&key, &message, &signed.signature));
            statements.push(signed.statement);
        }
    }
    statements
}
