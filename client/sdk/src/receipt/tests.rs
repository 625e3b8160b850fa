//! Receipts made with keys of our own: evidence apart, everything is as in a network.

use boop_channel::LocalKeys;
use boop_proof::{Checkpoint, SignerKey, Tree, leaf_hash};
use boop_wire::RequestId;
use boop_wire::job::{AgreedOutcome, Outcome, PalmSide, pairwise_id};
use boop_wire::ledger::{Detail, Entry, EntryKind, Opening, Payment, user_account, vendor_account};

use super::*;

const NETWORK: NetworkId = NetworkId::new([1; 32]);
const USER: UserId = UserId::new([2; 16]);
const TIME_MS: u64 = 1_780_000_000_000;

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

/// Three parties and a log under keys of our own.
struct World {
    parties: [LocalKeys; 3],
    log: SignerKey,
}

impl World {
    fn new() -> Self {
        let keys = |seed: u8| LocalKeys::generate(&mut |bytes| bytes.fill(seed)).unwrap();
        Self {
            parties: [keys(1), keys(2), keys(3)],
            log: signer("log", 7),
        }
    }

    fn basis(&self) -> ReceiptBasis {
        ReceiptBasis {
            network: NETWORK,
            log: self.log.verifier().clone(),
        }
    }

    fn identities(&self) -> PartyIdentities {
        PartyIdentities {
            keys: self.parties.each_ref().map(|keys| keys.bound().identity),
            simulated: false,
        }
    }

    fn check(
        &self,
        receipt: &AuthReceipt,
        expected: Option<&ExpectedContext>,
    ) -> Result<VerifiedReceipt, ReceiptError> {
        check_auth_receipt(
            receipt,
            &self.basis(),
            &self.identities(),
            expected,
            &mut Trail::default(),
        )
    }

    fn paid(&self) -> AuthReceipt {
        let context = context();
        let user = USER;
        let side = PalmSide::Left;
        let who = pairwise_id(user, &context.vendor);
        let outcome = self.agreed(&context, Decision::Matched { who, side });
        let mut receipt = AuthReceipt {
            context,
            outcome,
            parties: Vec::new(),
            authentication: self.entry(Detail::Consent {
                user,
                record: Digest::new([0; 32]),
            }),
            payment: None,
        };
        receipt.authentication = self.entry(authentication(&receipt, true));
        receipt.payment = Some(self.entry(Detail::Payment(payment(&receipt))));
        receipt
    }

    fn enrolled(&self) -> EnrolReceipt {
        let subject = Subject::Enrol { user: USER }.digest();
        let outcome = self.sign(subject, Decision::Enrolled { user: USER });
        let detail = Detail::Registration {
            user: USER,
            outcome: outcome.outcome.digest(),
        };
        EnrolReceipt {
            user: USER,
            outcome,
            parties: Vec::new(),
            registration: self.entry(detail),
        }
    }

    fn agreed(&self, context: &AuthContext, decision: Decision) -> AgreedOutcome {
        self.sign(Subject::Identify(context.clone()).digest(), decision)
    }

    fn sign(&self, subject: Digest, decision: Decision) -> AgreedOutcome {
        let outcome = Outcome {
            network: NETWORK,
            request: RequestId::new([4; 16]),
            subject,
            decision,
            searched: 1_000,
        };
        let signatures = PartyIndex::ALL
            .into_iter()
            .map(|party| {
                self.parties[party.as_usize()].sign_separated(&outcome.signed_bytes(party))
            })
            .collect();
        AgreedOutcome {
            outcome,
            signatures,
        }
    }

    fn entry(&self, detail: Detail) -> Receipt {
        self.entry_with(detail, |_| {})
    }

    /// Puts an entry at index 3 of a log of seven, after `change` has been made to it.
    fn entry_with(&self, detail: Detail, change: impl FnOnce(&mut Entry)) -> Receipt {
        let opening = Opening {
            salt: [5; 32],
            detail,
        };
        let mut entry = Entry {
            version: 1,
            kind: opening.detail.kind(),
            time_ms: TIME_MS,
            simulated: false,
            commitment: opening.commitment(),
        };
        change(&mut entry);
        let mut tree = Tree::new();
        for index in 0..7 {
            let leaf = if index == 3 {
                entry.leaf()
            } else {
                vec![index]
            };
            tree.append(leaf_hash(&leaf));
        }
        let checkpoint = Checkpoint {
            origin: self.log.verifier().name().clone(),
            size: 7,
            root: tree.root(),
        };
        let path = tree.inclusion_proof(3, 7).unwrap();
        Receipt {
            entry,
            opening,
            index: 3,
            proof: path.iter().map(|hash| Digest::new(hash.0)).collect(),
            checkpoint: checkpoint.sign(&self.log).to_string(),
        }
    }
}

fn signer(name: &str, seed: u8) -> SignerKey {
    SignerKey::from_seed(KeyName::new(name).unwrap(), KeyType::Ed25519, &[seed; 32])
}

fn payment_of(amount: u64) -> ContextKind {
    let currency = Currency::new("EUR").unwrap();
    ContextKind::Payment { amount, currency }
}

fn context() -> AuthContext {
    AuthContext {
        vendor: "ven_1".parse().unwrap(),
        context: "ctx_1".parse().unwrap(),
        terminal: "till_1".parse().unwrap(),
        kind: payment_of(450),
        payee: "Corner Café".into(),
        attributes_required: vec!["age_over_18".into(), "name".into()],
        attributes_optional: Vec::new(),
        expires_at_ms: TIME_MS + 30_000,
    }
}

fn expected() -> ExpectedContext {
    let context = context();
    ExpectedContext {
        vendor: context.vendor,
        context: context.context,
        terminal: context.terminal,
        kind: context.kind,
        payee: Some(context.payee),
        attributes_required: context.attributes_required,
        attributes_optional: context.attributes_optional,
    }
}

fn authentication(receipt: &AuthReceipt, matched: bool) -> Detail {
    Detail::Authentication {
        vendor: receipt.context.vendor.clone(),
        context: receipt.context.context.clone(),
        matched,
        outcome: receipt.outcome.outcome.digest(),
    }
}

fn payment(receipt: &AuthReceipt) -> Payment {
    let context = &receipt.context;
    Payment {
        transaction: transaction_of(&context.vendor, &context.context),
        vendor: context.vendor.clone(),
        context: context.context.clone(),
        payer: pairwise_id(USER, &context.vendor),
        payee: vendor_account(&context.vendor),
        amount: 450,
        currency: Currency::new("EUR").unwrap(),
        outcome: receipt.outcome.outcome.digest(),
    }
}
