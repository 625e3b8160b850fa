//! Who may move a user's money: the three parties together, by an outcome they all signed.

use std::collections::VecDeque;
use std::sync::{PoisonError, RwLock};

use boop_wire::id::{NetworkId, PartyIndex, TransactionId, UserId};
use boop_wire::job::{AgreedOutcome, AuthContext, ContextKind, Decision, Subject, pairwise_id};
use boop_wire::ledger::{Payment, vendor_account};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};

/// Identity keys of one party that are accepted at a time: those of its newest instances.
pub const KEYS_MAX: usize = 8;

/// The network and the identity keys of its parties.
#[derive(Debug)]
pub struct Authority {
    network: NetworkId,
    keys: RwLock<[VecDeque<VerifyingKey>; PartyIndex::COUNT]>,
}

/// A payment that is asked for, with what shall authorise it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The payment.
    pub payment: Payment,
    /// What the parties signed.
    pub outcome: AgreedOutcome,
    /// What the parties were asked.
    pub context: AuthContext,
    /// Who pays, by the gateway's word; the outcome must name the same.
    pub user: UserId,
}

/// Why an outcome does not authorise a payment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// The outcome was reached in another network.
    #[error("the outcome is of another network")]
    Network,
    /// The outcome did not recognise exactly one person.
    #[error("the outcome recognised nobody")]
    NotMatched,
    /// Outcome, context and payment do not say the same.
    #[error("{field} is not the same in outcome, context and payment")]
    Field {
        /// The field that differs.
        field: &'static str,
    },
    /// There are not three signatures.
    #[error("an agreed outcome has three signatures")]
    SignatureCount,
    /// No identity key of the party is known.
    #[error("no key of party {0} is known")]
    UnknownParty(PartyIndex),
    /// No known key of the party made the signature.
    #[error("the signature of party {0} does not verify")]
    Signature(PartyIndex),
}

impl Authority {
    /// Returns an authority that knows no key yet.
    pub fn new(network: NetworkId) -> Self {
        Self {
            network,
            keys: RwLock::default(),
        }
    }

    /// Accepts an identity key of a party, whose evidence the caller has verified. The oldest key
    /// is forgotten beyond [`KEYS_MAX`].
    pub fn admit(&self, party: PartyIndex, key: VerifyingKey) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let known = &mut keys[party.as_usize()];
        if known.contains(&key) {
            return;
        }
        if known.len() == KEYS_MAX {
            known.pop_front();
        }
        known.push_back(key);
    }

    /// Forgets all keys: whose they are was judged by rules that are not in force any more.
    pub fn forget(&self) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Default::default();
    }

    /// Checks that the outcome was signed by all parties in answer to this very context, that the
    /// context asked for this very payment, and that the outcome names the user who pays.
    ///
    /// # Errors
    /// [`AuthorityError`] names what does not fit.
    pub fn check(&self, asked: &Asked) -> Result<(), AuthorityError> {
        let Asked {
            payment,
            outcome: agreed,
            context,
            user,
        } = asked;
        let outcome = &agreed.outcome;
        if outcome.network != self.network {
            return Err(AuthorityError::Network);
        }
        let Decision::Matched { who, .. } = outcome.decision else {
            return Err(AuthorityError::NotMatched);
        };
        let subject = Subject::Identify(context.clone()).digest();
        let kind = ContextKind::Payment {
            amount: payment.amount,
            currency: payment.currency,
        };
        let pays = pairwise_id(*user, &payment.vendor);
        let follows = [
            ("subject", subject == outcome.subject),
            ("vendor", context.vendor == payment.vendor),
            ("context", context.context == payment.context),
            ("kind", context.kind == kind),
            ("outcome", payment.outcome == outcome.digest()),
            ("payer", payment.payer == who && pays == who),
            ("payee", payment.payee == vendor_account(&payment.vendor)),
            (
                "transaction",
                payment.transaction == transaction_of(payment),
            ),
        ];
        if let Some((field, _)) = follows.into_iter().find(|(_, holds)| !holds) {
            return Err(AuthorityError::Field { field });
        }
        self.check_signatures(agreed)
    }

    fn check_signatures(&self, agreed: &AgreedOutcome) -> Result<(), AuthorityError> {
        if agreed.signatures.len() != PartyIndex::COUNT {
            return Err(AuthorityError::SignatureCount);
        }
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        for (party, signature) in PartyIndex::ALL.into_iter().zip(&agreed.signatures) {
            let known = &keys[party.as_usize()];
            if known.is_empty() {
                return Err(AuthorityError::UnknownParty(party));
            }
            let message = agreed.outcome.signed_bytes(party);
            let signature = Signature::from_bytes(&signature.0);
            // The newest key is the likeliest.
            if !known
                .iter()
                .rev()
                .any(|key| key.verify_strict(&message, &signature).is_ok())
            {
                return Err(AuthorityError::Signature(party));
            }
        }
        Ok(())
    }
}

/// Returns `SHA-256(vendor_id || context_id)`.
fn transaction_of(payment: &Payment) -> TransactionId {
    let hash = Sha256::new().chain_update(payment.vendor.as_str());
    TransactionId::new(
        hash.chain_update(payment.context.as_str())
            .finalize()
            .into(),
    )
}

#[cfg(test)]
mod tests {
    use boop_wire::id::{AccountId, Digest, PairwiseId, RequestId};
    use boop_wire::job::{Outcome, PalmSide};
    use boop_wire::ledger::Currency;
    use boop_wire::session;
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::*;

    /// A field, and what puts something else in it.
    type Change = (&'static str, fn(&mut Payment));

    #[test]
    fn an_outcome_signed_by_all_three_authorises_its_payment() {
        let (authority, asked) = sample();

        assert_eq!(authority.check(&asked), Ok(()));
    }

    #[test]
    fn a_payment_that_does_not_follow_from_outcome_and_context_is_refused_by_field() {
        let (authority, asked) = sample();
        let cases: [Change; 8] = [
            ("outcome", |p| p.outcome = Digest::new([0; 32])),
            ("payer", |p| p.payer = PairwiseId::new([0; 32])),
            ("payee", |p| p.payee = AccountId::new([0; 32])),
            ("vendor", |p| p.vendor = "ven_2".parse().unwrap()),
            ("context", |p| p.context = "ctx_2".parse().unwrap()),
            ("kind", |p| p.amount = 31),
            ("kind", |p| p.currency = Currency::new("USD").unwrap()),
            ("transaction", |p| {
                p.transaction = TransactionId::new([0; 32]);
            }),
        ];

        for (field, change) in cases {
            let mut asked = asked.clone();
            change(&mut asked.payment);

            let refused = authority.check(&asked);

            assert_eq!(refused, Err(AuthorityError::Field { field }));
        }
    }

    #[test]
    fn a_user_whom_the_outcome_does_not_name_does_not_pay() {
        let (authority, asked) = sample();
        let user = UserId::new([6; 16]);
        let stranger = Asked {
            user,
            ..asked.clone()
        };
        let mut renamed = stranger.clone();
        renamed.payment.payer = pairwise_id(user, &asked.payment.vendor);
        let mut elsewhere = asked.clone();
        elsewhere.payment.payer = pairwise_id(asked.user, &"ven_2".parse().unwrap());

        for asked in [stranger, renamed, elsewhere] {
            let field = "payer";
            assert_eq!(
                authority.check(&asked),
                Err(AuthorityError::Field { field })
            );
        }
    }

    #[test]
    fn a_context_that_the_parties_did_not_answer_is_refused() {
        let (authority, mut asked) = sample();
        asked.context.payee = String::from("somebody else");

        let refused = authority.check(&asked);

        let field = "subject";
        assert_eq!(refused, Err(AuthorityError::Field { field }));
    }

    #[test]
    fn an_enrolment_of_the_same_user_is_no_reason_to_pay() {
        let (authority, mut asked) = sample();
        let user = asked.user;
        asked.outcome.outcome.subject = Subject::Enrol { user }.digest();

        let refused = authority.check(&asked);

        let field = "subject";
        assert_eq!(refused, Err(AuthorityError::Field { field }));
    }

    #[test]
    fn a_context_that_asks_for_no_payment_is_no_reason_to_pay() {
        let (authority, mut asked) = sample();
        asked.context.kind = ContextKind::Entrance;
        asked.outcome.outcome.subject = Subject::Identify(asked.context.clone()).digest();

        let refused = authority.check(&asked);

        let field = "kind";
        assert_eq!(refused, Err(AuthorityError::Field { field }));
    }

    #[test]
    fn an_outcome_of_another_network_or_without_a_match_is_refused() {
        let (authority, asked) = sample();
        let mut elsewhere = asked.clone();
        elsewhere.outcome.outcome.network = NetworkId::new([0; 32]);
        let mut nobody = asked;
        nobody.outcome.outcome.decision = Decision::NotMatched;

        assert_eq!(authority.check(&elsewhere), Err(AuthorityError::Network));
        assert_eq!(authority.check(&nobody), Err(AuthorityError::NotMatched));
    }

    #[test]
    fn two_signatures_or_one_of_another_key_are_refused() {
        let (authority, asked) = sample();
        let [zero, one, two] = PartyIndex::ALL;
        let mut swapped = asked.clone();
        swapped.outcome.signatures.swap(1, 2);
        let mut two_only = asked.clone();
        two_only.outcome.signatures.pop();

        assert_eq!(
            authority.check(&swapped),
            Err(AuthorityError::Signature(one))
        );
        assert_eq!(
            authority.check(&two_only),
            Err(AuthorityError::SignatureCount)
        );
        let empty = Authority::new(authority.network);
        assert_eq!(empty.check(&asked), Err(AuthorityError::UnknownParty(zero)));
        for party in [zero, one] {
            empty.admit(party, signing(party).verifying_key());
        }
        assert_eq!(empty.check(&asked), Err(AuthorityError::UnknownParty(two)));
    }

    #[test]
    fn the_oldest_key_of_a_party_is_forgotten() {
        let (authority, asked) = sample();
        let one = PartyIndex::ALL[1];

        for seed in 0..7 {
            for _ in 0..2 {
                let key = SigningKey::from_bytes(&[100 + seed; 32]);
                authority.admit(one, key.verifying_key());
            }
        }
        assert_eq!(authority.check(&asked), Ok(()));
        authority.admit(one, SigningKey::from_bytes(&[200; 32]).verifying_key());

        assert_eq!(authority.check(&asked), Err(AuthorityError::Signature(one)));
    }

    fn signing(party: PartyIndex) -> SigningKey {
        SigningKey::from_bytes(&[1 + party.get(); 32])
    }

    fn sample() -> (Authority, Asked) {
        let network = NetworkId::new([7; 32]);
        let authority = Authority::new(network);
        let user = UserId::new([5; 16]);
        let currency = Currency::new("EUR").unwrap();
        let context = AuthContext {
            vendor: "ven_1".parse().unwrap(),
            context: "ctx_1".parse().unwrap(),
            terminal: "ter_1".parse().unwrap(),
            kind: ContextKind::Payment {
                amount: 30,
                currency,
            },
            payee: String::from("A shop"),
            attributes_required: Vec::new(),
            attributes_optional: Vec::new(),
            expires_at_ms: 1,
        };
        let outcome = Outcome {
            network,
            request: RequestId::new([1; 16]),
            subject: Subject::Identify(context.clone()).digest(),
            decision: Decision::Matched {
                who: pairwise_id(user, &context.vendor),
                side: PalmSide::Left,
            },
            searched: 3,
        };
        let signatures = PartyIndex::ALL.map(|party| {
            authority.admit(party, signing(party).verifying_key());
            session::Signature(signing(party).sign(&outcome.signed_bytes(party)).to_bytes())
        });
        let mut payment = Payment {
            transaction: TransactionId::new([0; 32]),
            vendor: "ven_1".parse().unwrap(),
            context: "ctx_1".parse().unwrap(),
            payer: pairwise_id(user, &context.vendor),
            payee: vendor_account(&"ven_1".parse().unwrap()),
            amount: 30,
            currency,
            outcome: outcome.digest(),
        };
        payment.transaction = transaction_of(&payment);
        let asked = Asked {
            payment,
            outcome: AgreedOutcome {
                outcome,
                signatures: signatures.to_vec(),
            },
            context,
            user,
        };
        (authority, asked)
    }
}
