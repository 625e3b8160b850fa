//! The manifest that a party believes, and the evidence by which the others believe the party.

use alloc::sync::Arc;
use alloc::vec::Vec;

use boop_abi::{Event, Phase, ToHost};
use boop_channel::manifest::ChainError;
use boop_channel::{TakeError, Trust};
use boop_verifier::SimulatedEvidence;
use boop_wire::binding::{Binding, BoundKeys, Purpose, Role};
use boop_wire::codec::to_canonical;
use boop_wire::evidence::{Certificate, EvidenceBundle};
use boop_wire::manifest::SignedManifest;
use boop_wire::{NetworkId, Refusal};

use super::{Network, Party};
use crate::limits::EVIDENCE_RENEW_MS;
use crate::link::Link;
use crate::platform::Platform;
use crate::release::Named;

impl<P: Platform> Party<P> {
    /// Takes versions of the manifest: the party starts under the first ones, and takes those that
    /// follow while it runs [EVI-8].
    pub(super) fn take_manifest(&mut self, bytes: &[u8]) {
        match &self.network {
            None => match self.first_trust(bytes) {
                Ok(trust) => self.attest_first(Arc::new(trust)),
                Err(refusal) => self.stop(refusal),
            },
            Some(network) => match next_trust(&network.trust, bytes, self.now_ms) {
                Ok(Some(trust)) => self.judge_by(Arc::new(trust)),
                Ok(None) => {}
                Err(refusal) => self
                    .out
                    .push(ToHost::Event(Event::ManifestRefused(refusal))),
            },
        }
    }

    fn first_trust(&self, bytes: &[u8]) -> Result<Trust, Refusal> {
        let versions = SignedManifest::versions(bytes).map_err(|_| Refusal::Malformed)?;
        let roots = (Arc::new(self.roots.roots.clone()), self.roots.simulated);
        let trust = Trust::start(&versions, &self.config.approvers, roots, self.now_ms);
        let trust = trust.map_err(|error| refusal_of(&error))?;
        let simulated = matches!(self.roots.simulated, SimulatedEvidence::Allow);
        match trust.manifest().manifest().simulated == simulated {
            true => Ok(trust),
            false => Err(Refusal::WrongNetwork),
        }
    }

    fn attest_first(&mut self, trust: Arc<Trust>) {
        let Some(bundle) = self.attest(&trust, Purpose::Boot, [0; 32], None) else {
            return self.stop(Refusal::Internal);
        };
        self.network = Some(Network {
            shown: trust.shown(self.now_ms),
            trust,
            bundle,
            made_at_ms: self.now_ms,
        });
        self.publish_evidence();
        self.enter(Phase::Attested);
        self.ask_for_key();
    }

    /// From now on everything is judged by the newest version, also who is on a session already.
    fn judge_by(&mut self, trust: Arc<Trust>) {
        let version = trust.manifest().head().version;
        if let Some(network) = &mut self.network {
            network.trust = Arc::clone(&trust);
        }
        self.out
            .push(ToHost::Event(Event::ManifestTaken { version }));
        let now_ms = self.now_ms;
        // Who is still proving itself would be judged by the old rules, and comes again.
        let refusal = |link: &Link| match link.peer() {
            None => Some(Refusal::Busy),
            Some(peer) => {
                let review = trust.review(&peer.evidence, now_ms);
                review.err().map(|error| error.refusal())
            }
        };
        let refused = |link: &Link| Some((link.stream(), refusal(link)?));
        let gateways: Vec<_> = self.gateways.values().filter_map(refused).collect();
        let peers: Vec<_> = self.peers.links().filter_map(refused).collect();
        for (stream, refusal) in gateways {
            self.gateways.remove(&stream);
            self.forget_gateway(stream);
            self.refuse_stream(stream, refusal);
        }
        for (stream, refusal) in peers {
            self.refuse_stream(stream, refusal);
            self.lose_peer(stream);
        }
    }

    pub(super) fn attest(
        &mut self,
        trust: &Trust,
        purpose: Purpose,
        challenge: [u8; 32],
        setup: Option<Named>,
    ) -> Option<EvidenceBundle> {
        let manifest = match purpose {
            Purpose::KeyRelease => trust.manifest().digest(),
            _ => trust.shown(self.now_ms),
        };
        let binding = Binding {
            purpose,
            network: trust.manifest().network(),
            manifest,
            role: Role::Party,
            party: Some(self.config.index),
            platform: self.config.platform,
            config: self.config_digest,
            instance: self.instance,
            lease: self.lease,
            keys: BoundKeys {
                setup: setup.as_ref().map(|setup| setup.digest),
                ..self.keys.bound()
            },
            challenge,
            made_at_ms: self.now_ms,
            checkpoint: None,
        };
        let (platform, data) = (&mut self.platform, binding.report_data());
        let raw = match setup.and_then(|setup| setup.public_key) {
            Some(key) => platform.attest_to(&data, &challenge, &key),
            None => platform.attest(&data, &challenge),
        };
        let raw = raw.ok()?;
        Some(EvidenceBundle {
            platform: raw.platform,
            evidence: raw.evidence,
            endorsements: raw.endorsements.into_iter().map(Certificate).collect(),
            binding: to_canonical(&binding),
        })
    }

    /// Makes boot evidence anew; an old one stays in force if the platform gives none.
    pub(super) fn make_boot_evidence(&mut self) {
        let Some(trust) = self
            .network
            .as_ref()
            .map(|network| Arc::clone(&network.trust))
        else {
            return;
        };
        let Some(bundle) = self.attest(&trust, Purpose::Boot, [0; 32], None) else {
            return;
        };
        if let Some(network) = self.network.as_mut() {
            network.bundle = bundle;
            network.shown = trust.shown(self.now_ms);
            network.made_at_ms = self.now_ms;
        }
        self.publish_evidence();
    }

    fn publish_evidence(&mut self) {
        if let Some(network) = &self.network {
            self.out
                .push(ToHost::Evidence(to_canonical(&network.bundle)));
        }
    }

    /// Makes evidence anew well before it ends, and once it is to name the next version.
    pub(super) fn renew_evidence(&mut self) {
        let due = self.network.as_ref().is_some_and(|network| {
            let age_max_s = network.trust.manifest().manifest().evidence_age_max_s;
            let renew_ms = EVIDENCE_RENEW_MS.min(u64::from(age_max_s) * 1000 / 3);
            self.now_ms >= network.made_at_ms.saturating_add(renew_ms)
                || network.trust.shown(self.now_ms) != network.shown
        });
        if due {
            self.make_boot_evidence();
        }
    }

    pub(super) fn network_id(&self) -> Option<NetworkId> {
        let network = self.network.as_ref()?;
        Some(network.trust.manifest().network())
    }
}

fn next_trust(trust: &Trust, bytes: &[u8], now_ms: u64) -> Result<Option<Trust>, Refusal> {
    let versions = SignedManifest::versions(bytes).map_err(|_| Refusal::Malformed)?;
    trust.take(&versions, now_ms).map_err(|error| match error {
        TakeError::Chain(error) => refusal_of(&error),
        TakeError::Older { .. } => Refusal::Stale,
        TakeError::Other { .. } => Refusal::Conflict,
        TakeError::NeedsStart { .. } => Refusal::Unexpected,
    })
}

const fn refusal_of(error: &ChainError) -> Refusal {
    match error {
        ChainError::TooEarly { .. } => Refusal::ManifestTooEarly,
        ChainError::Refused { .. }
        | ChainError::Empty
        | ChainError::TooLong { .. }
        | ChainError::NotGenesis { .. }
        | ChainError::Version { .. }
        | ChainError::Previous { .. }
        | ChainError::Approvals { .. }
        | ChainError::Created { .. }
        | ChainError::Recoveries { .. }
        | ChainError::Network { .. } => Refusal::BadSignature,
    }
}
