//! A measured process that is not a party: gateway and ledger. It makes keys at start, has boot
//! evidence over them, and renews it well before it ends.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use boop_channel::{KeyError, Local, LocalKeys, Trust};
use boop_platform::chip_socket::ChipSocket;
use boop_platform::detect::{NoSourceError, open_nitro, open_snp};
use boop_platform::nitro::CONFIG_REGISTER;
use boop_platform::{EvidenceKind, EvidenceSource, PlatformError};
use boop_wire::binding::{Binding, PlatformKind, Purpose, Role};
use boop_wire::codec::to_canonical;
use boop_wire::evidence::{Certificate, EvidenceBundle};
use boop_wire::{Digest, InstanceId};
use serde::{Deserialize, Serialize};

use crate::clock::now_ms;
use crate::live::LiveTrust;

/// Where the machine's files begin.
const ROOT: &str = "/";

/// Age at which evidence is renewed, if the manifest does not ask for less.
const RENEWAL_MS: u64 = 5 * 60 * 1000;
/// Pause between two looks whether it is time.
const LOOK: Duration = Duration::from_secs(1);

/// Where a measured process gets evidence: `[platform]` of its configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum MemberSettings {
    /// AMD SEV-SNP, through configfs-tsm or `/dev/sev-guest`.
    Snp,
    /// AWS Nitro, through `/dev/nsm`.
    Nitro,
    /// A simulated chip at a Unix socket; only with `--danger-simulated-tee`.
    DangerSimulated {
        /// The socket.
        socket: PathBuf,
        /// What the chip imitates: "snp" or "nitro".
        imitates: Imitates,
    },
}

/// What a simulated chip imitates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Imitates {
    /// AMD SEV-SNP.
    Snp,
    /// AWS Nitro.
    Nitro,
}

/// Why a measured process cannot prove itself.
#[derive(Debug, thiserror::Error)]
pub enum MemberError {
    /// The platform gave no evidence or randomness.
    #[error("the platform gave no evidence")]
    Platform(#[from] PlatformError),
    /// The machine has no such hardware.
    #[error(transparent)]
    NoSource(#[from] NoSourceError),
    /// A key cannot be used.
    #[error("a key cannot be used")]
    Key(#[from] KeyError),
    /// A simulated chip is configured without the flag that admits one.
    #[error("a simulated chip is configured; only --danger-simulated-tee admits it")]
    SimulatedFlag,
    /// The platform gave evidence of another kind than is configured.
    #[error("the platform gave evidence of another kind than is configured")]
    Kind,
}

/// The identity of a measured process.
pub struct Member {
    source: Box<dyn EvidenceSource + Send + Sync>,
    platform: PlatformKind,
    role: Role,
    config: Digest,
    instance: InstanceId,
    keys: Arc<LocalKeys>,
    trust: Arc<LiveTrust>,
    boot: Mutex<Boot>,
}

/// Boot evidence, with what says whether it is still good.
struct Boot {
    bundle: EvidenceBundle,
    manifest: Digest,
    made_at_ms: u64,
}

impl Member {
    /// Makes identity and HPKE keys beside the TLS key given as PKCS#8, and gets boot evidence.
    ///
    /// # Errors
    /// If the platform gives no evidence, or not of the configured kind.
    pub fn start(
        settings: &MemberSettings,
        role: Role,
        config: Digest,
        trust: Arc<LiveTrust>,
        tls_pkcs8: &[u8],
        danger_simulated_tee: bool,
    ) -> Result<Arc<Self>, MemberError> {
        let (source, platform) = source(settings, config, danger_simulated_tee)?;
        let mut instance = [0; 16];
        boop_platform::random(&mut instance)?;
        let keys = Arc::new(keys(tls_pkcs8)?);
        let instance = InstanceId::new(instance);
        let now_ms = now_ms();
        let mut member = Self {
            source,
            platform,
            role,
            config,
            instance,
            keys,
            trust,
            boot: Mutex::new(Boot {
                bundle: EvidenceBundle {
                    platform,
                    evidence: Vec::new(),
                    endorsements: Vec::new(),
                    binding: Vec::new(),
                },
                manifest: Digest::new([0; 32]),
                made_at_ms: 0,
            }),
        };
        member.boot = Mutex::new(member.attest(now_ms)?);
        Ok(Arc::new(member))
    }

    /// Returns the boot evidence in force.
    pub fn bundle(&self) -> EvidenceBundle {
        self.boot().bundle.clone()
    }

    /// Returns what the process brings to an attested session.
    pub fn local(&self) -> Local {
        Local {
            keys: Arc::clone(&self.keys),
            evidence: self.bundle(),
            trust: self.trust.now(),
        }
    }

    /// Returns the keys.
    pub fn keys(&self) -> &LocalKeys {
        &self.keys
    }

    /// Returns what the process believes now.
    pub fn trust(&self) -> Arc<Trust> {
        self.trust.now()
    }

    /// Returns what the process believes, as it goes on.
    pub const fn live_trust(&self) -> &Arc<LiveTrust> {
        &self.trust
    }

    /// Renews the boot evidence well before it ends, and once it is to name the next version of
    /// the manifest, for as long as the process lives.
    pub async fn renew_for_ever(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK).await;
            let now_ms = now_ms();
            if !self.is_due(now_ms) {
                continue;
            }
            let member = Arc::clone(&self);
            match tokio::task::spawn_blocking(move || member.attest(now_ms)).await {
                Ok(Ok(boot)) => *self.boot() = boot,
                Ok(Err(error)) => tracing::warn!(%error, "evidence was not renewed"),
                Err(_) => return,
            }
        }
    }

    fn is_due(&self, now_ms: u64) -> bool {
        let trust = self.trust.now();
        let age_max_ms = u64::from(trust.manifest().manifest().evidence_age_max_s) * 1000;
        let renewal_ms = RENEWAL_MS.min(age_max_ms / 3);
        let boot = self.boot();
        now_ms >= boot.made_at_ms.saturating_add(renewal_ms) || boot.manifest != trust.shown(now_ms)
    }

    fn boot(&self) -> MutexGuard<'_, Boot> {
        self.boot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attest(&self, now_ms: u64) -> Result<Boot, MemberError> {
        let trust = self.trust.now();
        let (manifest, challenge) = (trust.shown(now_ms), [0; 32]);
        let binding = Binding {
            purpose: Purpose::Boot,
            network: trust.manifest().network(),
            manifest,
            role: self.role,
            party: None,
            platform: self.platform,
            config: self.config,
            instance: self.instance,
            lease: 0,
            keys: self.keys.bound(),
            challenge,
            made_at_ms: now_ms,
            checkpoint: None,
        };
        let raw = self.source.attest(&binding.report_data(), &challenge)?;
        let kind = match raw.kind {
            EvidenceKind::Snp => PlatformKind::Snp,
            EvidenceKind::Nitro => PlatformKind::Nitro,
        };
        if kind != self.platform {
            return Err(MemberError::Kind);
        }
        Ok(Boot {
            bundle: EvidenceBundle {
                platform: kind,
                evidence: raw.evidence,
                endorsements: raw.endorsements.into_iter().map(Certificate).collect(),
                binding: to_canonical(&binding),
            },
            manifest,
            made_at_ms: now_ms,
        })
    }
}

type Source = Box<dyn EvidenceSource + Send + Sync>;

fn source(
    settings: &MemberSettings,
    config: Digest,
    danger_simulated_tee: bool,
) -> Result<(Source, PlatformKind), MemberError> {
    match settings {
        MemberSettings::Snp => Ok((Box::new(open_snp(ROOT.as_ref())?), PlatformKind::Snp)),
        MemberSettings::Nitro => {
            let module = open_nitro(ROOT.as_ref())?;
            module.extend_and_lock(CONFIG_REGISTER, config.as_bytes())?;
            Ok((Box::new(module), PlatformKind::Nitro))
        }
        MemberSettings::DangerSimulated { .. } if !danger_simulated_tee => {
            Err(MemberError::SimulatedFlag)
        }
        MemberSettings::DangerSimulated { socket, imitates } => {
            let platform = match imitates {
                Imitates::Snp => PlatformKind::Snp,
                Imitates::Nitro => PlatformKind::Nitro,
            };
            Ok((Box::new(ChipSocket::connect(socket)?), platform))
        }
    }
}

fn keys(tls_pkcs8: &[u8]) -> Result<LocalKeys, MemberError> {
    let mut failed = None;
    let mut random = |buffer: &mut [u8]| {
        if let Err(error) = boop_platform::random(buffer) {
            failed = Some(error);
        }
    };
    let keys = LocalKeys::with_tls_key(tls_pkcs8, &mut random);
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(keys?),
    }
}
