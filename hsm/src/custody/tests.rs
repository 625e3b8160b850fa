//! Who gets a key, and who does not.

use boop_channel::seal::SealError;
use boop_channel::setup::{Floor, SetupKey, WrappedKey};
use boop_channel::verify_signature;
use boop_wire::Digest;
use boop_wire::codec::to_canonical;
use boop_wire::ledger::LedgerResponse;
use boop_wire::release::{
    Anchor, AnchorMove, RELEASE_BYTES_MAX, ReleaseAnswer, ReleaseRequest, SignedAnchor,
};
use ed25519_dalek::{Signer, SigningKey};

use super::*;
use crate::ledger::tests::{answering, published};
use crate::testing::{NOW_MS, ReadsEvidence, World, binding, bundle, manifest, trust_in};

const FRESH: [u8; 32] = [0x5a; 32];

#[test]
fn a_token_that_the_manifest_does_not_name_is_refused() {
    let world = World::new(30);
    let (trust, other) = (world.trust(), world.another_token());
    let found = hex::encode(other.public_key());

    let error = Custody::new(
        world.settings,
        LiveTrust::fixed(trust),
        Box::new(other),
        world.records(),
    );

    assert_eq!(error.unwrap_err(), UnfitToken::WrongKey { found });
}

#[test]
fn a_token_that_reads_evidence_is_for_a_party_on_nitro_alone() {
    for (party, unfit) in [(0, Some(UnfitToken::OtherPlatform)), (1, None)] {
        let world = World::new(30);
        let settings = CustodySettings {
            party: PartyIndex::ALL[party],
            ..world.settings
        };
        let token = ReadsEvidence(world.another_token());
        // The machine after party 0's is one of AWS.
        let mut manifest = manifest(PartyIndex::ALL[0], token.public_key());
        manifest.parties[party].custodian = token.public_key();
        if party == 1 {
            manifest.parties[0].custodian = [0x11; 32];
        }
        let made = Custody::new(
            settings,
            LiveTrust::fixed(trust_in(&manifest)),
            Box::new(token),
            world.records(),
        );
        assert_eq!(made.err(), unfit);
    }
}

#[test]
fn a_granted_key_is_signed_and_opens_for_the_attested_setup_key() {
    let world = World::new(30);
    let custody = world.custody();
    let setup = SetupKey::x25519(&[7; 32]);

    let released = world.grant(&custody, &setup).unwrap();

    let signed = released.signed_bytes();
    assert!(verify_signature(
        &world.custodian_key,
        &signed,
        &released.signature
    ));
    let ReleasedKey {
        enc,
        ciphertext,
        context,
        mechanism,
        ..
    } = released;
    let wrapped = WrappedKey {
        mechanism,
        ephemeral: enc,
        ciphertext,
    };
    assert!(setup.unwrap_key(&wrapped, &context, Floor::Sound).is_ok());
    assert_eq!(context.instance, binding(&world.trust()).instance);
    assert_eq!(context.lease, 1);
}

#[test]
fn each_release_has_the_next_lease_and_a_line_on_record() {
    let world = World::new(30);
    let custody = world.custody();
    let setup = SetupKey::x25519(&[7; 32]);

    let leases = [(); 3].map(|()| world.grant(&custody, &setup).unwrap().context.lease);

    assert_eq!(leases, [1, 2, 3]);
    let lines = world.audit_lines();
    assert_eq!(lines.len(), 3);
    assert!(lines[2].contains(r#""event":"released""#) && lines[2].contains(r#""lease":3"#));
}

#[test]
fn a_setup_key_that_is_not_attested_gets_nothing() {
    let world = World::new(30);
    let custody = world.custody();
    let mut bound = binding(&world.trust());

    for setup in [None, Some(plain_digest(&[1; 32]))] {
        bound.keys.setup = setup;
        assert_eq!(
            custody.grant(&bound, (&[2; 32], &[]), 0, NOW_MS),
            Err(ReleaseError::SetupKey)
        );
    }
    assert_eq!(custody.token.raise_lease(0), Ok(1));
}

#[test]
fn a_setup_key_of_low_order_gets_nothing() {
    let world = World::new(30);
    let custody = world.custody();
    let mut bound = binding(&world.trust());
    bound.keys.setup = Some(plain_digest(&[0; 32]));

    let error = custody
        .grant(&bound, (&[0; 32], &[]), 0, NOW_MS)
        .unwrap_err();

    assert_eq!(
        error,
        ReleaseError::Token(TokenError::Seal(SealError::RecipientKey))
    );
    assert_eq!(error.refusal(), Refusal::Invalid);
    assert_eq!(world.audit_lines(), Vec::<String>::new());
}

#[test]
fn more_releases_than_a_minute_allows_are_refused_as_busy() {
    let world = World::new(2);
    let custody = world.custody();
    let setup = SetupKey::x25519(&[7; 32]);
    world.grant(&custody, &setup).unwrap();
    world.grant(&custody, &setup).unwrap();

    let error = world.grant(&custody, &setup).unwrap_err();

    assert_eq!(error, ReleaseError::Busy);
    assert_eq!(error.refusal(), Refusal::Busy);
}

#[test]
fn only_so_many_connections_are_listened_to_in_a_minute() {
    let world = World::new(30);
    let custody = world.custody();

    let admitted = (0..300).filter(|_| custody.admits_attempt(NOW_MS)).count();

    assert_eq!(admitted, 240);
    assert!(custody.admits_attempt(NOW_MS + 60_000));
}

#[test]
fn another_party_is_refused_by_role() {
    let world = World::new(30);
    let begin = ReleaseRequest::Begin {
        party: PartyIndex::ALL[0],
    };

    assert_eq!(answer_to(&world, &[begin]), refused(Refusal::WrongRole));
    assert!(world.audit_lines()[0].contains(r#""refusal":"wrong-role""#));
}

#[test]
fn a_proof_without_a_challenge_and_a_second_beginning_are_unexpected() {
    let world = World::new(30);
    let begin = ReleaseRequest::Begin {
        party: world.settings.party,
    };
    let prove = prove(bundle(&binding(&world.trust())));

    for requests in [&[prove][..], &[begin.clone(), begin]] {
        assert_eq!(answer_to(&world, requests), refused(Refusal::Unexpected));
    }
}

#[test]
fn nothing_is_answered_but_unexpected_after_the_end() {
    let world = World::new(30);
    let begin = ReleaseRequest::Begin {
        party: world.settings.party,
    };
    let mut conversation = Conversation::new(world.custody());
    conversation.handle(&[0xff], FRESH, NOW_MS);
    assert!(conversation.is_over());

    let answer = conversation.handle(&to_canonical(&begin), FRESH, NOW_MS);

    assert_eq!(answer, refused(Refusal::Unexpected));
}

#[test]
fn bytes_that_are_no_request_are_malformed_and_too_many_too_large() {
    let world = World::new(30);
    let mut conversation = Conversation::new(world.custody());
    assert_eq!(
        conversation.handle(b"\xff", FRESH, NOW_MS),
        refused(Refusal::Malformed)
    );

    let mut conversation = Conversation::new(world.custody());
    assert_eq!(
        conversation.handle(&vec![0; RELEASE_BYTES_MAX + 1], FRESH, NOW_MS),
        refused(Refusal::TooLarge)
    );
}

#[test]
fn claims_that_do_not_fit_the_release_are_refused_before_any_signature_is_checked() {
    let world = World::new(30);
    let good = {
        let mut bound = binding(&world.trust());
        bound.challenge = FRESH;
        bound
    };
    let change = |change: &dyn Fn(&mut Binding)| {
        let mut bound = good.clone();
        change(&mut bound);
        bound
    };
    let cases = [
        (change(&|b| b.challenge = [0; 32]), Refusal::EvidenceRefused),
        (
            change(&|b| b.purpose = Purpose::Boot),
            Refusal::EvidenceRefused,
        ),
        (
            change(&|b| b.party = Some(PartyIndex::ALL[0])),
            Refusal::WrongRole,
        ),
        (change(&|b| b.role = Role::Gateway), Refusal::WrongRole),
        (
            change(&|b| b.manifest = Digest::new([9; 32])),
            Refusal::WrongNetwork,
        ),
        (change(&|b| b.made_at_ms = 0), Refusal::Stale),
        (change(&|_| ()), Refusal::Malformed),
    ];

    for (bound, refusal) in cases {
        let begin = ReleaseRequest::Begin {
            party: world.settings.party,
        };
        let answer = answer_to(&world, &[begin, prove(bundle(&bound))]);
        assert_eq!(answer, refused(refusal), "{bound:?}");
    }
    let instance = good.instance.to_string();
    assert!(
        world
            .audit_lines()
            .iter()
            .all(|line| line.contains(&instance))
    );
}

impl World {
    fn grant(&self, custody: &Custody, setup: &SetupKey) -> Result<ReleasedKey, ReleaseError> {
        let mut bound = binding(&self.trust());
        let public = setup.public().as_bytes();
        bound.keys.setup = Some(plain_digest(public));
        custody.grant(&bound, (public, &[]), 0, NOW_MS)
    }

    /// Releases to an instance with this identity key.
    fn grant_to(&self, custody: &Custody, of: &SigningKey) -> Result<ReleasedKey, ReleaseError> {
        let setup = SetupKey::x25519(&[7; 32]);
        let public = setup.public().as_bytes();
        let mut bound = binding(&self.trust());
        bound.keys.setup = Some(plain_digest(public));
        bound.keys.identity = of.verifying_key().to_bytes();
        custody.grant(&bound, (public, &[]), 0, NOW_MS)
    }
}

fn prove(evidence: EvidenceBundle) -> ReleaseRequest {
    ReleaseRequest::Prove {
        evidence,
        setup: vec![7; 32],
    }
}

fn refused(refusal: Refusal) -> ReleaseAnswer {
    ReleaseAnswer::Refused { refusal }
}

/// Returns the answer to the last of the requests, all on one connection.
fn answer_to(world: &World, requests: &[ReleaseRequest]) -> ReleaseAnswer {
    let mut conversation = Conversation::new(world.custody());
    let mut last = None;
    for request in requests {
        last = Some(conversation.handle(&to_canonical(request), FRESH, NOW_MS));
    }
    last.unwrap()
}

#[test]
fn a_head_is_put_on_record_for_the_newest_lease_and_told_with_the_next_release() {
    let world = World::new(30);
    let custody = world.custody();
    let identity = SigningKey::from_bytes(&[8; 32]);
    let first = world.grant_to(&custody, &identity).unwrap().context;
    assert_eq!(first.anchor, None);

    let what = step(&first, None, 3);
    let answer = ask(&custody, &what, &identity);

    let ReleaseAnswer::Anchored { signature } = answer else {
        panic!("{answer:?}");
    };
    assert!(verify_signature(
        &world.custodian_key,
        &what.done_bytes(),
        &signature
    ));
    let second = world.grant_to(&custody, &identity).unwrap().context;
    assert_eq!(second.anchor, Some(what.to));
    let lines = world.audit_lines();
    assert!(lines[1].contains(r#""event":"anchored""#) && lines[1].contains(r#""version":3"#));
}

#[test]
fn a_head_of_an_older_lease_another_store_another_signer_or_no_progress_is_refused() {
    let world = World::new(30);
    let custody = world.custody();
    let identity = SigningKey::from_bytes(&[8; 32]);
    let first = world.grant_to(&custody, &identity).unwrap().context;
    let second = world.grant_to(&custody, &identity).unwrap().context;
    let recorded = step(&second, None, 3);
    ask(&custody, &recorded, &identity);
    let from = Some(recorded.to);
    let refused = |what: &AnchorMove, signer: &SigningKey| match ask(&custody, what, signer) {
        ReleaseAnswer::Refused { refusal } => refusal,
        answer => panic!("{answer:?}"),
    };

    assert_eq!(refused(&step(&first, from, 4), &identity), Refusal::Stale);
    let other = SigningKey::from_bytes(&[9; 32]);
    assert_eq!(
        refused(&step(&second, from, 4), &other),
        Refusal::BadSignature
    );
    assert_eq!(
        refused(&step(&second, None, 4), &identity),
        Refusal::StateDiverged
    );
    assert_eq!(
        refused(&step(&second, from, 2), &identity),
        Refusal::Invalid
    );
    for change in [
        |what: &mut AnchorMove| what.network = boop_wire::NetworkId::new([9; 32]),
        |what: &mut AnchorMove| what.party = PartyIndex::ALL[0],
        |what: &mut AnchorMove| what.epoch = 1,
    ] {
        let mut what = step(&second, from, 4);
        change(&mut what);
        assert_eq!(refused(&what, &identity), Refusal::WrongNetwork);
    }
    assert_eq!(
        world.grant_to(&custody, &identity).unwrap().context.anchor,
        from
    );
}

#[test]
fn what_the_ledger_does_not_have_is_not_released() {
    let world = World::new(30);
    let setup = SetupKey::x25519(&[7; 32]);
    let custody = world.custody_with(answering(Vec::new()));

    let error = world.grant(&custody, &setup).unwrap_err();

    assert!(
        matches!(error, ReleaseError::Ledger(LedgerError::Unavailable(_))),
        "{error:?}"
    );
    assert_eq!(error.refusal(), Refusal::LedgerUnavailable);
    assert_eq!(world.audit_lines(), Vec::<String>::new());
}

#[test]
fn nothing_is_released_under_a_manifest_that_is_not_in_the_log_or_does_not_count_yet() {
    let world = World::new(30);
    let setup = SetupKey::x25519(&[7; 32]);
    let unlogged = to_canonical(&LedgerResponse::Refused(Refusal::ManifestUnlogged));
    let soon = published(world.trust().manifest(), NOW_MS + 1);
    let custody = world.custody_with(answering(vec![unlogged, soon]));

    let errors = [(); 2].map(|()| world.grant(&custody, &setup).unwrap_err());

    let version = world.trust().manifest().manifest().version;
    let unlogged = ReleaseError::Ledger(LedgerError::Unlogged { version });
    let from_ms = NOW_MS + 1;
    let early = ReleaseError::Ledger(LedgerError::TooEarly { version, from_ms });
    assert_eq!(errors, [unlogged, early]);
    let refusals = errors.map(|error| error.refusal());
    assert_eq!(
        refusals,
        [Refusal::ManifestUnlogged, Refusal::ManifestTooEarly]
    );
    // No lease was used up, and nothing else is on record.
    assert_eq!(custody.token.raise_lease(0), Ok(1));
    assert_eq!(custody.token.mark(), 0);
}

#[test]
fn a_custodian_whose_lease_the_ledger_knows_otherwise_does_no_more_with_its_files() {
    let world = World::new(30);
    let setup = SetupKey::x25519(&[7; 32]);
    let conflict = to_canonical(&LedgerResponse::Refused(Refusal::Conflict));
    let published = published(world.trust().manifest(), NOW_MS);
    let custody = world.custody_with(answering(vec![published, conflict]));

    let first = world.grant(&custody, &setup).unwrap_err();
    let second = world.grant(&custody, &setup).unwrap_err();

    let conflict = LedgerError::Refused(Refusal::Conflict);
    assert_eq!(first, ReleaseError::Ledger(conflict));
    assert_eq!(second, ReleaseError::Register(RegisterError::Behind));
    for error in [first, second] {
        assert_eq!(error.refusal(), Refusal::CustodianBehind);
    }
    assert_eq!(world.register().is_newest(), Err(RegisterError::Behind));
}

fn step(of: &ReleaseContext, from: Option<Anchor>, version: u8) -> AnchorMove {
    AnchorMove {
        network: of.network,
        party: of.party,
        epoch: of.epoch,
        lease: of.lease,
        from,
        to: Anchor {
            version: version.into(),
            root: Digest::new([version; 32]),
        },
    }
}

fn ask(custody: &Arc<Custody>, what: &AnchorMove, signer: &SigningKey) -> ReleaseAnswer {
    let request = ReleaseRequest::Anchor(SignedAnchor {
        what: what.clone(),
        signature: boop_wire::session::Signature(signer.sign(&what.asked_bytes()).to_bytes()),
    });
    let mut conversation = Conversation::new(Arc::clone(custody));
    let answer = conversation.handle(&to_canonical(&request), FRESH, NOW_MS);
    assert!(conversation.is_over());
    answer
}

#[test]
fn no_key_is_released_where_register_and_token_have_not_seen_the_same() {
    let world = World::new(30);
    let custody = world.custody();
    let identity = SigningKey::from_bytes(&[8; 32]);
    let context = world.grant_to(&custody, &identity).unwrap().context;
    let mark = custody.token.mark();
    assert_eq!(mark, world.register().mark());
    let recorded = step(&context, None, 3);
    ask(&custody, &recorded, &identity);
    assert_eq!(custody.token.mark(), mark + 1);

    // The token of another day: behind, and ahead.
    for token in [0, mark + 3] {
        custody.token.note_mark(token).unwrap();
        let register = mark + 1;
        let error = world.grant_to(&custody, &identity).unwrap_err();
        let old = RegisterError::OldCopy { register, token };
        assert_eq!(error, ReleaseError::Register(old));
        assert_eq!(error.refusal(), Refusal::CustodianBehind);
        let answer = ask(&custody, &step(&context, Some(recorded.to), 4), &identity);
        assert_eq!(answer, refused(Refusal::CustodianBehind));
    }
    // An end between the two: the token has yet to count the last change.
    custody.token.note_mark(mark).unwrap();
    let again = world.grant_to(&custody, &identity).unwrap().context;

    assert_eq!(again.lease, context.lease + 1);
    assert_eq!(again.anchor, Some(recorded.to));
    assert_eq!(custody.token.mark(), mark + 2);
    assert_eq!(world.register().mark(), mark + 2);
}
