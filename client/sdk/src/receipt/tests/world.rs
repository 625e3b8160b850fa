//! Three parties and a log, from which any receipt can be made.

use boop_channel::LocalKeys;
use boop_proof::{Checkpoint, SignerKey, Tree, leaf_hash};
use boop_wire::RequestId;
use boop_wire::job::{AgreedOutcome, Outcome, PalmSide, pairwise_id};
use boop_wire::ledger::{Detail, Entry, Opening, Payment, vendor_account};

use super::super::*;

pub(super) const NETWORK: NetworkId = NetworkId::new([1; 32]);
pub(super) const USER: UserId = UserId::new([2; 16]);
pub(super) const TIME_MS: u64 = 1_780_000_000_000;

/// Three parties and a log under keys of our own.
pub(super) struct World {
    pub(super) parties: [LocalKeys; 3],
    pub(super) log: SignerKey,
}

impl World {
    pub(super) fn new() -> Self {
        let keys = |seed: u8| LocalKeys::generate(&mut |bytes| bytes.fill(seed)).unwrap();
        Self {
            parties: [keys(1), keys(2), keys(3)],
            log: signer("log", 7),
        }
    }

    pub(super) fn basis(&self) -> ReceiptBasis {
        ReceiptBasis {
            network: NETWORK,
            log: self.log.verifier().clone(),
        }
    }

    pub(super) fn identities(&self) -> PartyIdentities {
        PartyIdentities {
            keys: self.parties.each_ref().map(|keys| keys.bound().identity),
            simulated: false,
        }
    }

    pub(super) fn check(
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

    pub(super) fn paid(&self) -> AuthReceipt {
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

    pub(super) fn enrolled(&self) -> EnrolReceipt {
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

    pub(super) fn agreed(&self, context: &AuthContext, decision: Decision) -> AgreedOutcome {
        self.sign(Subject::Identify(context.clone()).digest(), decision)
    }

    pub(super) fn sign(&self, subject: Digest, decision: Decision) -> AgreedOutcome {
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

    pub(super) fn entry(&self, detail: Detail) -> Receipt {
        self.entry_with(detail, |_| {})
    }

    /// Puts an entry at index 3 of a log of seven, after `change` has been made to it.
    pub(super) fn entry_with(&self, detail: Detail, change: impl FnOnce(&mut Entry)) -> Receipt {
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

pub(super) fn signer(name: &str, seed: u8) -> SignerKey {
    SignerKey::from_seed(KeyName::new(name).unwrap(), KeyType::Ed25519, &[seed; 32])
}

pub(super) fn payment_of(amount: u64) -> ContextKind {
    let currency = Currency::new("EUR").unwrap();
    ContextKind::Payment { amount, currency }
}

pub(super) fn context() -> AuthContext {
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

pub(super) fn expected() -> ExpectedContext {
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

pub(super) fn authentication(receipt: &AuthReceipt, matched: bool) -> Detail {
    Detail::Authentication {
        vendor: receipt.context.vendor.clone(),
        context: receipt.context.context.clone(),
        matched,
        outcome: receipt.outcome.outcome.digest(),
    }
}

pub(super) fn payment(receipt: &AuthReceipt) -> Payment {
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
