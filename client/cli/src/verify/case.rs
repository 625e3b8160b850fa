//! Evidence held against a policy, a time, and the binding or connection around it.

use anyhow::bail;
use boop_channel::{Expectation, Trust};
use boop_verifier::{Expected, Rule, UnixTime, Verdict, appraise, authenticate};
use boop_wire::binding::{Binding, PlatformKind};
use boop_wire::evidence::EvidenceBundle;

use super::conditions::Conditions;
use super::input::{ISSUER_CERTIFICATE, Input, KEY_CERTIFICATE, REVOCATION_LIST, Source};

/// A check beyond the verifier's own: of the binding, or of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extra {
    /// A stable name.
    pub(super) name: &'static str,
    /// What holds if it passes.
    pub(super) title: &'static str,
    /// Whether it holds.
    pub(super) holds: bool,
    /// What was compared.
    pub(super) detail: String,
    /// Why it matters.
    pub(super) why: &'static str,
}

/// Evidence that was judged.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) input: Input,
    pub(super) conditions: Conditions,
    pub(super) binding: Option<Binding>,
    pub(super) verdict: Verdict,
    pub(super) extras: Vec<Extra>,
}

impl Case {
    /// Judges evidence.
    pub(super) fn judge(input: Input, conditions: Conditions) -> anyhow::Result<Self> {
        if input.bundle.is_some() && conditions.report_data.is_some() {
            bail!("--report-data goes with bare evidence; a bundle's follows from its binding");
        }
        if input.bundle.is_none() && conditions.network.is_some() {
            bail!("--network goes with a gateway or bundle; bare evidence names no network");
        }
        let binding = match &input.bundle {
            Some(bundle) => Some(bundle.binding()?),
            None => None,
        };
        let expected = expected(&input, binding.as_ref(), &conditions);
        let verdict = judge(&input, &conditions, &expected, conditions.at);
        let extras = extras(&input, binding.as_ref(), &conditions);
        Ok(Self {
            input,
            conditions,
            binding,
            verdict,
            extras,
        })
    }

    /// Tells whether everything that was checked holds.
    pub(super) fn accepted(&self) -> bool {
        self.verdict.accepted && self.extras.iter().all(|extra| extra.holds)
    }

    /// Lists the byte strings that the verdict rests on, each once.
    pub(super) fn sources(&self) -> Vec<Source> {
        let mut sources = self.input.sources.clone();
        let endorsements = &self.input.endorsements;
        let judged = [
            ("evidence as judged", Some(&self.input.bytes)),
            (KEY_CERTIFICATE, endorsements.leaf.as_ref()),
            (ISSUER_CERTIFICATE, endorsements.intermediate.as_ref()),
            (REVOCATION_LIST, endorsements.crl.as_ref()),
        ];
        for (what, bytes) in judged {
            let Some(bytes) = bytes else { continue };
            let source = Source::of(what, "taken out of the input", bytes);
            if sources.iter().all(|known| known.sha256 != source.sha256) {
                sources.push(source);
            }
        }
        sources.push(self.conditions.policy_source.clone());
        sources
    }

    /// Says in one line how it went.
    pub(super) fn summary(&self) -> String {
        match self.extras.iter().find(|extra| !extra.holds) {
            Some(extra) if self.verdict.accepted => {
                format!("refused: not shown that {}. {}", extra.title, extra.detail)
            }
            Some(_) | None => self.verdict.summary(),
        }
    }

    /// Returns the time at which a Nitro document was made, if it is refused now and holds then.
    pub(super) fn better_time(&self) -> Option<u64> {
        let made_at_ms = self.verdict.facts.as_ref()?.timestamp_ms?;
        let made_at = UnixTime(made_at_ms / 1000);
        if self.verdict.accepted {
            return None;
        }
        let expected = expected(&self.input, self.binding.as_ref(), &self.conditions);
        let then = judge(&self.input, &self.conditions, &expected, made_at);
        then.accepted.then_some(made_at.0)
    }
}

fn judge(input: &Input, conditions: &Conditions, expected: &Expected, at: UnixTime) -> Verdict {
    match &input.evidence {
        Ok(evidence) => {
            let endorsements = &input.endorsements;
            let authenticated = authenticate(evidence, endorsements, &conditions.roots, at);
            appraise(&authenticated, &conditions.policy, expected)
        }
        Err(error) => Verdict::unreadable(error),
    }
}

fn expected(input: &Input, binding: Option<&Binding>, conditions: &Conditions) -> Expected {
    match (&input.bundle, binding) {
        (Some(bundle), Some(binding)) => Expected {
            report_data: Rule::Exactly(Binding::report_data_of(&bundle.binding)),
            nonce: match binding.platform {
                PlatformKind::Nitro => Rule::Exactly(binding.challenge.to_vec()),
                PlatformKind::Snp => Rule::Any,
            },
        },
        _ => Expected {
            report_data: conditions.report_data.map_or(Rule::Any, Rule::Exactly),
            nonce: conditions.nonce.clone().map_or(Rule::Any, Rule::Exactly),
        },
    }
}

fn extras(input: &Input, binding: Option<&Binding>, conditions: &Conditions) -> Vec<Extra> {
    let mut extras = Vec::new();
    if let (Some(binding), Some(nonce)) = (binding, &conditions.nonce) {
        extras.push(Extra {
            name: "challenge",
            title: "the binding answers the nonce",
            holds: binding.challenge == nonce.as_slice(),
            detail: format!(
                "the binding's challenge is {}",
                hex::encode(binding.challenge)
            ),
            why: "A nonce shows that the evidence was made after the question.",
        });
    }
    if let (Some(bundle), Some(binding), Some(network)) =
        (&input.bundle, binding, &conditions.network)
    {
        extras.push(member(network, bundle, binding, conditions.at));
    }
    if let (Some(binding), Some(gateway)) = (binding, &input.gateway) {
        let key = gateway.check_tls_key(binding);
        extras.push(Extra {
            name: "tls-key",
            title: "the TLS key is the one in the evidence",
            holds: key.is_ok(),
            detail: format!("SHA-256 of the certificate's key is {}", gateway.tls_spki),
            why: "Otherwise somebody else ends the connection and reads along.",
        });
        let proof = gateway.check_proof(binding);
        extras.push(Extra {
            name: "session-proof",
            title: "the attested key signed this very connection",
            holds: proof.is_ok(),
            detail: "Ed25519 over nonce, TLS exporter and binding".into(),
            why: "Genuine evidence can be relayed; a signature over this connection cannot.",
        });
    }
    extras
}

/// Holds a bundle against a network's manifest, in the role that it claims itself.
fn member(network: &Trust, bundle: &EvidenceBundle, binding: &Binding, at: UnixTime) -> Extra {
    let expect = Expectation {
        purpose: binding.purpose,
        role: binding.role,
        party: binding.party,
        challenge: binding.challenge,
    };
    let judged = network.judge(bundle, &expect, at.0.saturating_mul(1000));
    Extra {
        name: "network",
        title: "the network's manifest names this machine and program",
        holds: judged.is_ok(),
        detail: match judged {
            Ok(_) => format!("manifest {}", network.manifest().digest()),
            Err(error) => error.to_string(),
        },
        why: "Genuine hardware runs any program; the approvers say which may take part.",
    }
}
