//! Who may move a user's money: the three parties together, by an outcome they all signed.

use std::collections::VecDeque;
use std::sync::{PoisonError, RwLock};

use boop_wire::id::{NetworkId, PartyIndex, TransactionId};
use boop_wire::job::{AgreedOutcome, AuthContext, ContextKind, Decision, Subject};
use boop_wire::ledger::{Payment, user_account, vendor_account};
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

    /// Checks that the outcome was signed by all parties in answer to this very context, and that
    /// the context asked for this very payment.
    ///
    /// # Errors
    /// [`AuthorityError`] names what does not fit.
    pub fn check(
        &self,
        payment: &Payment,
        agreed: &AgreedOutcome,
        context: &AuthContext,
    ) -> Result<(), AuthorityError> {
        let outcome = &agreed.outcome;
        if outcome.network != self.network {
            return Err(AuthorityError::Network);
        }
        let Decision::Matched { user, .. } = outcome.decision else {
            return Err(AuthorityError::NotMatched);
        };
        let subject = Subject::Identify(context.clone()).digest();
        let kind = ContextKind::Payment {
            amount: payment.amount,
            currency: payment.currency,
        };
        let follows = [
            ("subject", subject == outcome.subject),
            ("vendor", context.vendor == payment.vendor),
            ("context", context.context == payment.context),
            ("kind", context.kind == kind),
            ("outcome", payment.outcome == outcome.digest()),
            ("payer", payment.payer == user_account(user)),
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
    use boop_wire::id::{AccountId, Digest, RequestId, UserId};
    use boop_wire::job::{Outcome, PalmSide};
    use boop_wire::ledger::Currency;
    use boop_wire::session;
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::*;

    #[test]
    fn an_outcome_signed_by_all_three_authorises_its_payment() {
        let (authority, payment, agreed, context) = sample();

        assert_eq!(authority.check(&payment, &agreed, &context), Ok(()));
    }

    #[test]
    fn a_payment_that_does_not_follow_from_outcome_and_context_is_refused_by_field() {
        let (authority, payment, agreed, context) = sample();
        let cases = [
            (
                "outcome",
                Payment {
                    outcome: Digest::new([0; 32]),
                    ..payment.clone()
                },
            ),
            (
                "payer",
                Payment {
                    payer: AccountId::new([0; 32]),
                    ..payment.clone()
                },
            ),
            (
                "payee",
                Payment {
                    payee: AccountId::new([0; 32]),
                    ..payment.clone()
                },
            ),
            (
                "vendor",
                Payment {
                    vendor: "ven_2".parse().unwrap(),
                    ..payment.clone()
                },
            ),
            (
                "context",
                Payment {
                    context: "ctx_2".parse().unwrap(),
                    ..payment.clone()
                },
            ),
            (
                "kind",
                Payment {
                    amount: 31,
                    ..payment.clone()
                },
            ),
            (
                "kind",
                Payment {
                    currency: Currency::new("USD").unwrap(),
                    ..payment.clone()
                },
            ),
            (
                "transaction",
                Payment {
                    transaction: TransactionId::new([0; 32]),
                    ..payment
                },
            ),
        ];

        for (field, payment) in cases {
            let refused = authority.check(&payment, &agreed, &context);
            assert_eq!(refused, Err(AuthorityError::Field { field }));
        }
    }

    #[test]
    fn a_context_that_the_parties_did_not_answer_is_refused() {
        let (authority, payment, agreed, context) = sample();
        let other = AuthContext {
            payee: String::from("somebody else"),
            ..context
        };

        let refused = authority.check(&payment, &agreed, &other);

        let field = "subject";
        assert_eq!(refused, Err(AuthorityError::Field { field }));
    }

    #[test]
    fn an_enrolment_of_the_same_user_is_no_reason_to_pay() {
        let (authority, payment, mut agreed, context) = sample();
        let user = UserId::new([5; 16]);
        agreed.outcome.subject = Subject::Enrol { user }.digest();

        let refused = authority.check(&payment, &agreed, &context);

        let field = "subject";
        assert_eq!(refused, Err(AuthorityError::Field { field }));
    }

    #[test]
    fn a_context_that_asks_for_no_payment_is_no_reason_to_pay() {
        let (authority, payment, mut agreed, mut context) = sample();
        context.kind = ContextKind::Entrance;
        agreed.outcome.subject = Subject::Identify(context.clone()).digest();

        let refused = authority.check(&payment, &agreed, &context);

        let field = "kind";
        assert_eq!(refused, Err(AuthorityError::Field { field }));
    }

    #[test]
    fn an_outcome_of_another_network_or_without_a_match_is_refused() {
        let (authority, payment, agreed, context) = sample();
        let mut elsewhere = agreed.clone();
        elsewhere.outcome.network = NetworkId::new([0; 32]);
        let mut nobody = agreed;
        nobody.outcome.decision = Decision::NotMatched;

        assert_eq!(
            authority.check(&payment, &elsewhere, &context),
            Err(AuthorityError::Network)
        );
        assert_eq!(
            authority.check(&payment, &nobody, &context),
            Err(AuthorityError::NotMatched)
        );
    }

    #[test]
    fn two_signatures_or_one_of_another_key_are_refused() {
        let (authority, payment, agreed, context) = sample();
        let [zero, one, two] = PartyIndex::ALL;
        let mut swapped = agreed.clone();
        swapped.signatures.swap(1, 2);
        let mut two_only = agreed.clone();
        two_only.signatures.pop();

        assert_eq!(
            authority.check(&payment, &swapped, &context),
            Err(AuthorityError::Signature(one))
        );
        assert_eq!(
            authority.check(&payment, &two_only, &context),
            Err(AuthorityError::SignatureCount)
        );
        let empty = Authority::new(authority.network);
        assert_eq!(
            empty.check(&payment, &agreed, &context),
            Err(AuthorityError::UnknownParty(zero))
        );
        for party in [zero, one] {
            empty.admit(party, signing(party).verifying_key());
        }
        assert_eq!(
            empty.check(&payment, &agreed, &context),
            Err(AuthorityError::UnknownParty(two))
        );
    }

    #[test]
    fn the_oldest_key_of_a_party_is_forgotten() {
        let (authority, payment, agreed, context) = sample();
        let one = PartyIndex::ALL[1];

        for seed in 0..7 {
            authority.admit(
                one,
                SigningKey::from_bytes(&[100 + seed; 32]).verifying_key(),
            );
            authority.admit(
                one,
                SigningKey::from_bytes(&[100 + seed; 32]).verifying_key(),
            );
        }
        assert_eq!(authority.check(&payment, &agreed, &context), Ok(()));
        authority.admit(one, SigningKey::from_bytes(&[200; 32]).verifying_key());

        assert_eq!(
            authority.check(&payment, &agreed, &context),
            Err(AuthorityError::Signature(one))
        );
    }

    fn signing(party: PartyIndex) -> SigningKey {
        SigningKey::from_bytes(&[1 + party.get(); 32])
    }

    fn sample() -> (Authority, Payment, AgreedOutcome, AuthContext) {
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
                user,
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
            payer: user_account(user),
            payee: vendor_account(&"ven_1".parse().unwrap()),
            amount: 30,
            currency,
            outcome: outcome.digest(),
        };
        payment.transaction = transaction_of(&payment);
        (
            authority,
            payment,
            AgreedOutcome {
                outcome,
                signatures: signatures.to_vec(),
            },
            context,
        )
    }
}
