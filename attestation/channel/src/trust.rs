//! Judging evidence: is this the process that the manifest says may be at this edge? [EVI-3]

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use boop_verifier::{
    Authenticated, Endorsements, Expected, Facts, Roots, Rule, SimulatedEvidence, UnixTime,
    Verdict, appraise, authenticate, parse,
};
use boop_wire::binding::{Binding, PlatformKind, Purpose, Role};
use boop_wire::codec::to_canonical;
use boop_wire::evidence::{BUNDLE_BYTES_MAX, EvidenceBundle};
use boop_wire::manifest::{Manifest, Release};
use boop_wire::{Digest, PartyIndex, Refusal};

use crate::manifest::VerifiedManifest;
use crate::overlap::{Overlap, Rule as VersionRule};
use crate::policy::{INSTANCE_PCR, machines, policy_for};

/// Milliseconds that a peer's clock may run ahead of ours.
const AHEAD_MS_MAX: u64 = 60_000;

/// What a process believes: a manifest, roots, and whether simulated hardware may pass.
#[derive(Debug, Clone)]
pub struct Trust {
    pub(crate) manifest: Arc<VerifiedManifest>,
    /// The versions before it that this process was given, oldest first.
    pub(crate) before: Arc<Vec<Arc<VerifiedManifest>>>,
    pub(crate) overlap: Overlap,
    pub(crate) roots: Arc<Roots>,
    pub(crate) simulated: SimulatedEvidence,
}

/// What an edge expects of its far end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expectation {
    /// What the evidence must have been made for.
    pub purpose: Purpose,
    /// The role.
    pub role: Role,
    /// The party, if the role is one.
    pub party: Option<PartyIndex>,
    /// The challenge that the evidence must carry.
    pub challenge: [u8; 32],
}

impl Expectation {
    /// Expects boot evidence of a role.
    pub const fn boot(role: Role, party: Option<PartyIndex>) -> Self {
        Self {
            purpose: Purpose::Boot,
            role,
            party,
            challenge: [0; 32],
        }
    }
}

/// Evidence that was accepted.
#[derive(Debug, Clone)]
pub struct Judged {
    /// What it vouches for.
    pub binding: Binding,
    /// Digest of the binding.
    pub digest: Digest,
    /// How it was judged.
    pub verdict: Verdict,
}

/// Why evidence was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JudgeError {
    /// The bundle is too large or its binding does not decode.
    #[error("the evidence bundle is malformed")]
    Malformed,
    /// The binding names another network.
    #[error("the evidence is of another network")]
    Network,
    /// The binding names another manifest.
    #[error("the evidence names another manifest version")]
    Manifest,
    /// The binding names another role or party.
    #[error("the evidence is of {found}, expected {expected}")]
    Role {
        /// What the binding names.
        found: Named,
        /// What the edge expects.
        expected: Named,
    },
    /// The evidence was made for something else, or over another challenge.
    #[error("the evidence was made for another purpose or challenge")]
    Purpose,
    /// The evidence is older than the manifest allows, or of the future.
    #[error("the evidence is stale or of the future")]
    Stale,
    /// The verifier refused it; the summary names the first failed step.
    #[error("the verifier refused the evidence: {summary}")]
    Refused {
        /// In plain words.
        summary: String,
        /// Stable reason codes.
        reasons: Vec<String>,
    },
}

/// A role with its party, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// The role.
    pub role: Role,
    /// The party, if it is one.
    pub party: Option<PartyIndex>,
}

impl core::fmt::Display for Named {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let role = match self.role {
            Role::Party => "party",
            Role::Gateway => "gateway",
            Role::Ledger => "ledger",
            Role::Custodian => "custodian",
            Role::Client => "client",
        };
        match self.party {
            Some(party) => write!(f, "{role} {party}"),
            None => f.write_str(role),
        }
    }
}

impl JudgeError {
    /// Returns the code that may cross the trust edge.
    pub const fn refusal(&self) -> Refusal {
        match self {
            Self::Malformed => Refusal::Malformed,
            Self::Network | Self::Manifest => Refusal::WrongNetwork,
            Self::Role { .. } => Refusal::WrongRole,
            Self::Purpose | Self::Refused { .. } => Refusal::EvidenceRefused,
            Self::Stale => Refusal::Stale,
        }
    }
}

impl Trust {
    /// Puts together what a process believes.
    pub fn new(
        manifest: Arc<VerifiedManifest>,
        roots: Arc<Roots>,
        simulated: SimulatedEvidence,
    ) -> Self {
        Self {
            overlap: Overlap::none(manifest.rule()),
            before: Arc::default(),
            manifest,
            roots,
            simulated,
        }
    }

    /// Returns the newest manifest: its rules judge everything.
    pub fn manifest(&self) -> &VerifiedManifest {
        &self.manifest
    }

    /// Judges a bundle at `now_ms` (Unix milliseconds).
    ///
    /// Everything is checked: network, manifest, role and index, purpose and challenge, age, and
    /// the evidence itself against the policy of each machine that may hold the role.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn judge(
        &self,
        bundle: &EvidenceBundle,
        expect: &Expectation,
        now_ms: u64,
    ) -> Result<Judged, JudgeError> {
        if to_canonical(bundle).len() > BUNDLE_BYTES_MAX {
            return Err(JudgeError::Malformed);
        }
        let binding = bundle.binding().map_err(|_| JudgeError::Malformed)?;
        let rule = self.check_claims(&binding, expect, now_ms)?;
        let times = Times {
            shown_ms: now_ms,
            age_max_s: rule.age_max_ms / 1000,
            now_ms,
        };
        let verdict = self.check_evidence(bundle, &binding, times)?;
        Ok(Judged {
            digest: bundle.binding_digest(),
            binding,
            verdict,
        })
    }

    /// Judges once more, by the rules of now, what was accepted earlier: whoever is on a standing
    /// session may be revoked since. How old the evidence is and which version it names was
    /// checked when the session began.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn review(&self, bundle: &EvidenceBundle, now_ms: u64) -> Result<(), JudgeError> {
        let binding = bundle.binding().map_err(|_| JudgeError::Malformed)?;
        let times = Times {
            shown_ms: binding.made_at_ms,
            age_max_s: u64::from(self.manifest.manifest().evidence_age_max_s),
            now_ms,
        };
        self.check_evidence(bundle, &binding, times).map(drop)
    }

    fn check_claims(
        &self,
        binding: &Binding,
        expect: &Expectation,
        now_ms: u64,
    ) -> Result<VersionRule, JudgeError> {
        if binding.network != self.manifest.network() {
            return Err(JudgeError::Network);
        }
        let mut rules = self.overlap.admitted(now_ms);
        let rule = rules.find(|rule| rule.digest == binding.manifest);
        let rule = rule.ok_or(JudgeError::Manifest)?;
        let found = Named {
            role: binding.role,
            party: binding.party,
        };
        let expected = Named {
            role: expect.role,
            party: expect.party,
        };
        if found != expected {
            return Err(JudgeError::Role { found, expected });
        }
        if binding.purpose != expect.purpose || binding.challenge != expect.challenge {
            return Err(JudgeError::Purpose);
        }
        let oldest = now_ms.saturating_sub(rule.age_max_ms);
        let newest = now_ms.saturating_add(AHEAD_MS_MAX);
        if !(oldest..=newest).contains(&binding.made_at_ms) {
            return Err(JudgeError::Stale);
        }
        Ok(rule)
    }

    fn check_evidence(
        &self,
        bundle: &EvidenceBundle,
        binding: &Binding,
        times: Times,
    ) -> Result<Verdict, JudgeError> {
        let evidence = parse(&bundle.evidence).map_err(|_| JudgeError::Malformed)?;
        let mut certificates = bundle
            .endorsements
            .iter()
            .map(|certificate| certificate.0.clone());
        let endorsements = Endorsements {
            leaf: certificates.next(),
            intermediate: certificates.next(),
            crl: None,
        };
        let shown = UnixTime(times.shown_ms / 1000);
        let authenticated = authenticate(&evidence, &endorsements, &self.roots, shown);
        let expected = Expected {
            report_data: Rule::Exactly(Binding::report_data_of(&bundle.binding).to_vec()),
            nonce: match binding.platform {
                PlatformKind::Nitro => Rule::Exactly(binding.challenge.to_vec()),
                PlatformKind::Snp => Rule::Any,
            },
        };
        self.check_lists(&authenticated, binding, times.now_ms)?;
        self.appraise_by_machine(&authenticated, binding, &expected, times)
    }

    /// Refuses what is revoked, and code outside the time in which it may run, by their own names.
    fn check_lists(
        &self,
        authenticated: &Authenticated,
        binding: &Binding,
        now_ms: u64,
    ) -> Result<(), JudgeError> {
        let manifest = self.manifest.manifest();
        let facts = authenticated.facts();
        let Some(reason) = listed_against(manifest, facts, binding, now_ms) else {
            return Ok(());
        };
        Err(JudgeError::Refused {
            summary: reason.replace('-', " "),
            reasons: alloc::vec![String::from(reason)],
        })
    }

    /// Accepts if the policy of one machine does; else tells what the first one found.
    fn appraise_by_machine(
        &self,
        authenticated: &Authenticated,
        binding: &Binding,
        expected: &Expected,
        times: Times,
    ) -> Result<Verdict, JudgeError> {
        let manifest = self.manifest.manifest();
        let mut first: Option<Verdict> = None;
        for machine in machines(manifest, binding.role, binding.party) {
            if machine.platform != binding.platform || machine.config != binding.config {
                continue;
            }
            let policy = policy_for(manifest, (binding.role, machine), self.simulated, times);
            let verdict = appraise(authenticated, &policy, expected);
            if verdict.accepted {
                return Ok(verdict);
            }
            first.get_or_insert(verdict);
        }
        Err(match first {
            Some(verdict) => JudgeError::Refused {
                summary: verdict.summary(),
                reasons: verdict
                    .reasons
                    .iter()
                    .map(|r| alloc::format!("{r}"))
                    .collect(),
            },
            None => JudgeError::Refused {
                summary: String::from("no machine of the manifest has this configuration"),
                reasons: alloc::vec![String::from("machine-not-listed")],
            },
        })
    }
}

/// When evidence was shown, how old it may have been then, and when it is judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    shown_ms: u64,
    pub(crate) age_max_s: u64,
    pub(crate) now_ms: u64,
}

/// Returns the reason code for which the manifest's own lists refuse evidence, if there is one.
fn listed_against(
    manifest: &Manifest,
    facts: &Facts,
    binding: &Binding,
    now_ms: u64,
) -> Option<&'static str> {
    let revoked = &manifest.revoked;
    let measurement = facts.measurement;
    if measurement.is_some_and(|it| revoked.measurements.iter().any(|code| code.0 == it)) {
        return Some("measurement-revoked");
    }
    let instance = facts.pcrs.iter().find(|(index, _)| *index == INSTANCE_PCR);
    let chip = match binding.platform {
        PlatformKind::Snp => facts.chip_id.as_ref().map(<[u8; 64]>::as_slice),
        PlatformKind::Nitro => instance.map(|(_, value)| value.as_slice()),
    };
    if chip.is_some_and(|it| revoked.chips.iter().any(|chip| chip.0 == it)) {
        return Some("chip-revoked");
    }
    let of_it = |release: &&Release| {
        release.role == binding.role
            && release.platform == binding.platform
            && Some(release.measurement.0) == measurement
    };
    let mut listed = manifest.releases.iter().filter(of_it).peekable();
    let is_listed = listed.peek().is_some();
    let early = listed.clone().all(|release| now_ms < release.not_before_ms);
    if !is_listed || listed.any(|release| release.may_run_at(now_ms)) {
        None
    } else if early {
        Some("release-not-yet")
    } else {
        Some("release-ended")
    }
}
