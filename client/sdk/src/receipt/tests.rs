//! Receipts made with keys of our own: evidence apart, everything is as in a network.

mod world;

use boop_wire::job::pairwise_id;
use boop_wire::ledger::{Detail, EntryKind, Payment, user_account};

use super::*;
use world::{TIME_MS, USER, World, authentication, expected, payment, payment_of, signer};

/// A field, and what puts something else in it.
type Change<T> = (&'static str, fn(&mut T));

#[test]
fn a_receipt_of_a_payment_holds() {
    let world = World::new();
    let receipt = world.paid();

    let verified = world.check(&receipt, Some(&expected())).unwrap();

    assert!(verified.matched);
    assert_eq!(verified.who, Some(pairwise_id(USER, &expected().vendor)));
    assert_eq!((verified.index, verified.time_ms), (3, TIME_MS));
    let payment = verified.payment.unwrap();
    assert_eq!((payment.amount, payment.currency.as_str()), (450, "EUR"));
    let transaction = transaction_of(&receipt.context.vendor, &receipt.context.context);
    assert_eq!(payment.transaction, transaction);
}

#[test]
fn a_receipt_of_no_match_holds_and_says_so() {
    let world = World::new();
    let mut receipt = world.paid();
    receipt.payment = None;
    receipt.outcome = world.agreed(&receipt.context, Decision::NotMatched);
    receipt.authentication = world.entry(authentication(&receipt, false));

    let verified = world.check(&receipt, Some(&expected())).unwrap();

    assert_eq!((verified.matched, verified.who), (false, None));
    assert_eq!(verified.payment, None);
}

#[test]
fn every_check_is_written_down_in_order() {
    let world = World::new();
    let mut trail = Trail::default();

    let receipt = world.paid();
    check_auth_receipt(
        &receipt,
        &world.basis(),
        &world.identities(),
        Some(&expected()),
        &mut trail,
    )
    .unwrap();

    let checks: Vec<ReceiptCheck> = trail.steps().iter().map(|step| step.check).collect();
    assert_eq!(
        checks,
        [
            ReceiptCheck::Signatures,
            ReceiptCheck::Subject,
            ReceiptCheck::Expected,
            ReceiptCheck::Decision,
            ReceiptCheck::Detail,
            ReceiptCheck::Simulated,
            ReceiptCheck::Checkpoint,
            ReceiptCheck::Inclusion,
            ReceiptCheck::Commitment,
            ReceiptCheck::Payment,
            ReceiptCheck::Simulated,
        ]
    );
    assert!(trail.steps().iter().all(|step| step.result.is_ok()));
}

#[test]
fn the_trail_ends_at_the_check_that_failed() {
    let world = World::new();
    let mut receipt = world.paid();
    receipt.outcome.outcome.searched += 1;
    let mut trail = Trail::default();

    let refused = check_auth_receipt(
        &receipt,
        &world.basis(),
        &world.identities(),
        None,
        &mut trail,
    );

    let [step] = trail.steps() else {
        panic!("one step: {trail:?}")
    };
    assert_eq!(step.check, ReceiptCheck::Signatures);
    assert_eq!(refused.map(|_| ()), Err(step.result.clone().unwrap_err()));
}

#[test]
fn a_changed_signature_is_refused_by_party() {
    for party in PartyIndex::ALL {
        let world = World::new();
        let mut receipt = world.paid();
        receipt.outcome.signatures[party.as_usize()].0[0] ^= 1;

        let refused = world.check(&receipt, None);

        assert_eq!(refused, Err(ReceiptError::Signature(party)));
    }
}

#[test]
fn two_signatures_are_not_three() {
    let world = World::new();
    let mut receipt = world.paid();
    receipt.outcome.signatures.pop();

    let refused = world.check(&receipt, None);

    assert_eq!(refused, Err(ReceiptError::SignatureCount { found: 2 }));
}

#[test]
fn signatures_of_one_party_do_not_stand_for_the_others() {
    let world = World::new();
    let mut receipt = world.paid();
    receipt.outcome.signatures[1] = receipt.outcome.signatures[0];

    let refused = world.check(&receipt, None);

    assert_eq!(refused, Err(ReceiptError::Signature(PartyIndex::ALL[1])));
}

#[test]
fn an_outcome_of_another_network_is_refused() {
    let world = World::new();
    let receipt = world.paid();
    let mut basis = world.basis();
    basis.network = NetworkId::new([9; 32]);

    let refused = check_auth_receipt(
        &receipt,
        &basis,
        &world.identities(),
        None,
        &mut Trail::default(),
    );

    assert_eq!(refused, Err(ReceiptError::Network));
}

#[test]
fn an_outcome_about_another_amount_is_refused() {
    let world = World::new();
    let mut receipt = world.paid();
    receipt.context.kind = payment_of(1);

    let refused = world.check(&receipt, None);

    assert_eq!(refused, Err(ReceiptError::Subject));
}

#[test]
fn a_receipt_about_something_else_than_was_asked_is_refused_by_field() {
    let world = World::new();
    let receipt = world.paid();
    let cases: [Change<ExpectedContext>; 6] = [
        ("vendor", |e| e.vendor = "ven_2".parse().unwrap()),
        ("context", |e| e.context = "ctx_2".parse().unwrap()),
        ("terminal", |e| e.terminal = "till_2".parse().unwrap()),
        ("kind", |e| e.kind = ContextKind::Entrance),
        ("payee", |e| e.payee = Some("Another".into())),
        ("required attributes", |e| {
            e.attributes_required.clear();
        }),
    ];

    for (field, change) in cases {
        let mut expected = expected();
        change(&mut expected);

        let refused = world.check(&receipt, Some(&expected));

        assert_eq!(refused, Err(ReceiptError::NotAsked { field }));
    }
}

#[test]
fn the_order_of_attributes_does_not_matter() {
    let world = World::new();
    let mut expected = expected();
    expected.attributes_required.reverse();

    assert!(world.check(&world.paid(), Some(&expected)).is_ok());
}

#[test]
fn a_decision_about_an_enrolment_is_no_authentication() {
    let world = World::new();
    let mut receipt = world.paid();
    receipt.outcome = world.agreed(&receipt.context, Decision::Enrolled { user: USER });

    assert_eq!(world.check(&receipt, None), Err(ReceiptError::Decision));
}

#[test]
fn an_opening_that_is_not_committed_to_is_refused() {
    let world = World::new();
    let mut receipt = world.paid();
    receipt.authentication.opening.salt[0] ^= 1;

    assert_eq!(world.check(&receipt, None), Err(ReceiptError::Commitment));
}

#[test]
fn an_entry_of_another_kind_or_version_than_its_detail_is_refused() {
    let world = World::new();
    let receipt = world.paid();
    let detail = authentication(&receipt, true);
    let mut kind = receipt.clone();
    kind.authentication = world.entry_with(detail.clone(), |e| e.kind = EntryKind::Consent);
    let mut version = receipt;
    version.authentication = world.entry_with(detail, |e| e.version = 2);

    assert_eq!(
        world.check(&kind, None),
        Err(ReceiptError::Kind {
            found: EntryKind::Consent,
            expected: EntryKind::Authentication
        })
    );
    assert_eq!(
        world.check(&version, None),
        Err(ReceiptError::EntryVersion { found: 2 })
    );
}

#[test]
fn an_entry_that_the_log_does_not_contain_is_refused() {
    let world = World::new();
    let receipt = world.paid();
    let mut moved = receipt.clone();
    moved.authentication.index = 4;
    let mut forged = receipt.clone();
    forged.authentication.entry.time_ms += 1;
    let mut cut = receipt;
    cut.authentication.proof.pop();

    let root = Err(ReceiptError::Inclusion(
        boop_proof::verify::ProofError::Root,
    ));
    assert_eq!(world.check(&moved, None), root);
    assert_eq!(world.check(&forged, None), root);
    assert!(matches!(
        world.check(&cut, None),
        Err(ReceiptError::Inclusion(_))
    ));
}

#[test]
fn a_checkpoint_under_another_key_or_name_is_refused() {
    let world = World::new();
    let receipt = world.paid();
    for log in [signer("log", 8), signer("other", 7)] {
        let mut basis = world.basis();
        basis.log = log.verifier().clone();

        let refused = check_auth_receipt(
            &receipt,
            &basis,
            &world.identities(),
            None,
            &mut Trail::default(),
        );

        assert!(
            matches!(refused, Err(ReceiptError::Checkpoint(_))),
            "{refused:?}"
        );
    }
}

#[test]
fn an_entry_about_another_event_is_refused_by_field() {
    let world = World::new();
    let receipt = world.paid();
    let digest = receipt.outcome.outcome.digest();
    let entry = |vendor: &str, context: &str, matched, outcome| Detail::Authentication {
        vendor: vendor.parse().unwrap(),
        context: context.parse().unwrap(),
        matched,
        outcome,
    };
    let cases = [
        ("vendor", entry("ven_2", "ctx_1", true, digest)),
        ("context", entry("ven_1", "ctx_2", true, digest)),
        ("match", entry("ven_1", "ctx_1", false, digest)),
        (
            "outcome",
            entry("ven_1", "ctx_1", true, Digest::new([0; 32])),
        ),
    ];

    for (field, detail) in cases {
        let mut receipt = receipt.clone();
        receipt.authentication = world.entry(detail);

        assert_eq!(
            world.check(&receipt, None),
            Err(ReceiptError::Detail { field })
        );
    }
}

#[test]
fn a_payment_that_differs_from_what_was_asked_is_refused_by_field() {
    let world = World::new();
    let receipt = world.paid();
    let cases: [Change<Payment>; 8] = [
        ("transaction", |p| {
            p.transaction = TransactionId::new([0; 32]);
        }),
        ("vendor", |p| p.vendor = "ven_2".parse().unwrap()),
        ("context", |p| p.context = "ctx_2".parse().unwrap()),
        ("payer", |p| {
            p.payer = pairwise_id(USER, &"ven_2".parse().unwrap())
        }),
        ("payee", |p| p.payee = user_account(USER)),
        ("amount", |p| p.amount = 451),
        ("currency", |p| p.currency = Currency::new("USD").unwrap()),
        ("outcome", |p| p.outcome = Digest::new([0; 32])),
    ];

    for (field, change) in cases {
        let mut receipt = receipt.clone();
        let mut payment = payment(&receipt);
        change(&mut payment);
        receipt.payment = Some(world.entry(Detail::Payment(payment)));

        assert_eq!(
            world.check(&receipt, None),
            Err(ReceiptError::Detail { field })
        );
    }
}

#[test]
fn a_receipt_for_a_vendor_holds_neither_user_nor_account() {
    let receipt = World::new().paid();

    let bytes = boop_wire::to_canonical(&receipt);

    let contains = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    assert!(contains(
        pairwise_id(USER, &receipt.context.vendor).as_bytes()
    ));
    assert!(!contains(USER.as_bytes()));
    assert!(!contains(user_account(USER).as_bytes()));
}

#[test]
fn a_payment_without_a_match_is_refused() {
    let world = World::new();
    let mut receipt = world.paid();
    receipt.outcome = world.agreed(&receipt.context, Decision::Ambiguous);
    receipt.authentication = world.entry(authentication(&receipt, false));

    assert_eq!(world.check(&receipt, None), Err(ReceiptError::Decision));
}

#[test]
fn simulated_hardware_must_be_stated_in_the_entry() {
    let world = World::new();
    let mut identities = world.identities();
    identities.simulated = true;

    let refused = check_auth_receipt(
        &world.paid(),
        &world.basis(),
        &identities,
        None,
        &mut Trail::default(),
    );

    assert_eq!(refused, Err(ReceiptError::SimulatedNotStated));
}

#[test]
fn a_receipt_of_an_enrolment_holds_for_its_user_alone() {
    let world = World::new();
    let receipt = world.enrolled();
    let check = |expected| {
        let mut trail = Trail::default();
        check_enrol_receipt(
            &receipt,
            &world.basis(),
            &world.identities(),
            expected,
            &mut trail,
        )
    };

    assert_eq!(check(Some(USER)).unwrap().user, USER);
    let field = "user";
    assert_eq!(
        check(Some(UserId::new([3; 16]))),
        Err(ReceiptError::NotAsked { field })
    );
}

#[test]
fn an_enrolment_that_the_parties_did_not_decide_is_refused() {
    let world = World::new();
    let mut receipt = world.enrolled();
    let subject = Subject::Enrol { user: USER }.digest();
    receipt.outcome = world.sign(subject, Decision::AlreadyEnrolled);

    let refused = check_enrol_receipt(
        &receipt,
        &world.basis(),
        &world.identities(),
        None,
        &mut Trail::default(),
    );

    assert_eq!(refused, Err(ReceiptError::Decision));
}

#[test]
fn receipts_read_back_as_text_and_as_bytes() {
    let world = World::new();
    let (auth, enrol) = (world.paid(), world.enrolled());
    let text = format!("{}\n", encode_receipt(&auth));

    let auth = AnyReceipt::Authentication(Box::new(auth));
    assert_eq!(AnyReceipt::read(text.as_bytes()), Ok(auth));
    let bytes = boop_wire::to_canonical(&enrol);
    let enrol = AnyReceipt::Enrolment(Box::new(enrol));
    assert_eq!(AnyReceipt::read(&bytes), Ok(enrol));
    for garbage in [&b""[..], b"hello", &[0xff, 0xfe]] {
        assert!(matches!(
            AnyReceipt::read(garbage),
            Err(ReceiptError::Encoding(_))
        ));
    }
}
