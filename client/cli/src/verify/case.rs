//! Evidence held against a policy, a time, and the binding or connection around it.

use anyhow::bail;
use boop_channel::{Expectation, Trust};
use boop_verifier::{
    Evidence, EvidenceKind, Expected, Rule, Tier, UnixTime, Verdict, appraise, authenticate,
};
use boop_wire::binding::{Binding, PlatformKind};
use boop_wire::evidence::EvidenceBundle;

use super::conditions::Conditions;
use super::input::{ISSUER_CERTIFICATE, Input, KEY_CERTIFICATE, REVOCATION_LIST, Source};

/// Bytes of the report data of an SEV-SNP report.
const REPORT_DATA_BYTES: usize = 64;

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

impl Extra {
    /// Says what its failure means.
    pub(super) fn meaning(&self) -> String {
        format!("Not shown that {}.", self.title)
    }
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
        if input.bundle.is_none() && matches!(input.evidence, Ok(Evidence::Snp(_))) {
            check_for_report(&conditions)?;
        }
        let binding = match &input.bundle {
            Some(bundle) => Some(bundle.binding()?),
            None => None,
        };
        let expected = expected(&input, binding.as_ref(), &conditions);
        let verdict = judge(&input, &conditions, &expected, conditions.at);
        let extras = extras(
            &input,
            binding.as_ref(),
            &conditions,
            &verdict,
            conditions.at,
        );
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
        self.verdict.accepted && self.extras_hold()
    }

    /// Tells whether the evidence fits what the caller named, or the connection it came over.
    pub(super) fn bound(&self) -> bool {
        self.verdict.bound && self.extras_hold()
    }

    /// Returns how far the policy trusts the hardware, if everything that was checked holds.
    pub(super) fn tier(&self) -> Option<Tier> {
        self.verdict.tier.filter(|_| self.accepted())
    }

    /// Tells whether every check holds that the verifier does not make.
    pub(super) fn extras_hold(&self) -> bool {
        self.extras.iter().all(|extra| extra.holds)
    }

    /// Tells whether a bundle was compared with something that it does not say itself.
    pub(super) fn is_named(&self) -> bool {
        let binding = self.binding.as_ref();
        binding.is_some_and(|binding| is_named(&self.input, binding, &self.conditions))
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
        let extras = extras(
            &self.input,
            self.binding.as_ref(),
            &self.conditions,
            &then,
            made_at,
        );
        let holds = then.accepted && extras.iter().all(|extra| extra.holds);
        holds.then_some(made_at.0)
    }
}

/// Refuses what a bare SEV-SNP report could never answer.
fn check_for_report(conditions: &Conditions) -> anyhow::Result<()> {
    if conditions.nonce.is_some() {
        bail!(
            "an SEV-SNP report has no nonce: what it was asked with is in its report data, which \
             --report-data compares"
        );
    }
    match &conditions.report_data {
        Some(data) if data.len() != REPORT_DATA_BYTES => bail!(
            "--report-data has {} bytes; that of an SEV-SNP report has {REPORT_DATA_BYTES}",
            data.len()
        ),
        Some(_) | None => Ok(()),
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

/// Returns what the evidence must carry. What a bundle says of itself counts only once the caller
/// named its challenge or its key signed the connection; before, it could be an old copy.
fn expected(input: &Input, binding: Option<&Binding>, conditions: &Conditions) -> Expected {
    match (&input.bundle, binding) {
        (Some(bundle), Some(binding)) if is_named(input, binding, conditions) => Expected {
            report_data: Rule::Exactly(Binding::report_data_of(&bundle.binding).to_vec()),
            nonce: match binding.platform {
                PlatformKind::Nitro => Rule::Exactly(binding.challenge.to_vec()),
                PlatformKind::Snp => Rule::Any,
            },
        },
        (Some(_), _) => Expected::nothing(),
        (None, _) => Expected {
            report_data: conditions
                .report_data
                .clone()
                .map_or(Rule::Any, Rule::Exactly),
            nonce: conditions.nonce.clone().map_or(Rule::Any, Rule::Exactly),
        },
    }
}

/// Says whether the binding is the one that the caller asked for: by its nonce, or on the
/// connection that its key signed.
fn is_named(input: &Input, binding: &Binding, conditions: &Conditions) -> bool {
    match (&conditions.nonce, &input.gateway) {
        (Some(nonce), _) => binding.challenge == nonce.as_slice(),
        (None, Some(gateway)) => gateway.check_proof(binding).is_ok(),
        (None, None) => false,
    }
}

fn extras(
    input: &Input,
    binding: Option<&Binding>,
    conditions: &Conditions,
    verdict: &Verdict,
    at: UnixTime,
) -> Vec<Extra> {
    let mut extras = Vec::new();
    if let (Some(bundle), Some(binding)) = (&input.bundle, binding) {
        extras.push(consistent(bundle, binding, verdict));
    }
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
        extras.push(member(network, bundle, binding, at));
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

/// Holds the evidence of a bundle against the binding beside it. This ties the two together and
/// says nothing about when or for whom they were made.
fn consistent(bundle: &EvidenceBundle, binding: &Binding, verdict: &Verdict) -> Extra {
    let data = Binding::report_data_of(&bundle.binding);
    let (holds, detail) = match &verdict.facts {
        None => (false, "the evidence could not be read".into()),
        Some(facts) => match (facts.kind, binding.platform) {
            (EvidenceKind::Snp, PlatformKind::Snp) => (
                facts.report_data == Some(data),
                format!("the report must carry {}", hex::encode(data)),
            ),
            (EvidenceKind::Nitro, PlatformKind::Nitro) => (
                facts.user_data.as_deref() == Some(data.as_slice())
                    && facts.nonce.as_deref() == Some(binding.challenge.as_slice()),
                format!(
                    "the document must carry the user data {} and the nonce {}",
                    hex::encode(data),
                    hex::encode(binding.challenge)
                ),
            ),
            (EvidenceKind::Snp, PlatformKind::Nitro) | (EvidenceKind::Nitro, PlatformKind::Snp) => {
                (false, "the binding names another platform".into())
            }
        },
    };
    Extra {
        name: "binding-consistent",
        title: "the evidence covers the binding beside it",
        holds,
        detail,
        why: "A binding that the hardware did not sign could be anybody's.",
    }
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

#[cfg(test)]
mod tests;
