//! A measured process that is not a party: gateway and ledger. It makes keys at start, has boot
//! evidence over them, and renews it well before it ends.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
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

/// Where the machine's files begin.
const ROOT: &str = "/";

/// How often evidence is renewed: well inside any sensible age limit.
const RENEWAL: Duration = Duration::from_secs(300);

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
    trust: Arc<Trust>,
    bundle: Mutex<EvidenceBundle>,
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
        trust: Arc<Trust>,
        tls_pkcs8: &[u8],
        danger_simulated_tee: bool,
    ) -> Result<Arc<Self>, MemberError> {
        let (source, platform) = source(settings, config, danger_simulated_tee)?;
        let mut instance = [0; 16];
        boop_platform::random(&mut instance)?;
        let keys = Arc::new(keys(tls_pkcs8)?);
        let instance = InstanceId::new(instance);
        let mut member = Self {
            source,
            platform,
            role,
            config,
            instance,
            keys,
            trust,
            bundle: Mutex::new(EvidenceBundle {
                platform,
                evidence: Vec::new(),
                endorsements: Vec::new(),
                binding: Vec::new(),
            }),
        };
        member.bundle = Mutex::new(member.attest(Purpose::Boot, [0; 32])?);
        Ok(Arc::new(member))
    }

    /// Returns the boot evidence in force.
    pub fn bundle(&self) -> EvidenceBundle {
        self.bundle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Returns what the process brings to an attested session.
    pub fn local(&self) -> Local {
        Local {
            keys: Arc::clone(&self.keys),
            evidence: self.bundle(),
            trust: Arc::clone(&self.trust),
        }
    }

    /// Returns the keys.
    pub fn keys(&self) -> &LocalKeys {
        &self.keys
    }

    /// Returns what the process believes.
    pub const fn trust(&self) -> &Arc<Trust> {
        &self.trust
    }

    /// Renews the boot evidence every five minutes, for as long as the process lives.
    pub async fn renew_for_ever(self: Arc<Self>) {
        loop {
            tokio::time::sleep(RENEWAL).await;
            let member = Arc::clone(&self);
            let renewed =
                tokio::task::spawn_blocking(move || member.attest(Purpose::Boot, [0; 32])).await;
            match renewed {
                Ok(Ok(bundle)) => {
                    *self.bundle.lock().unwrap_or_else(PoisonError::into_inner) = bundle;
                }
                Ok(Err(error)) => tracing::warn!(%error, "evidence was not renewed"),
                Err(_) => return,
            }
        }
    }

    fn attest(&self, purpose: Purpose, challenge: [u8; 32]) -> Result<EvidenceBundle, MemberError> {
        let binding = Binding {
            purpose,
            network: self.trust.manifest().network(),
            manifest: self.trust.manifest().digest(),
            role: self.role,
            party: None,
            platform: self.platform,
            config: self.config,
            instance: self.instance,
            lease: 0,
            keys: self.keys.bound(),
            challenge,
            made_at_ms: now_ms(),
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
        Ok(EvidenceBundle {
            platform: kind,
            evidence: raw.evidence,
            endorsements: raw.endorsements.into_iter().map(Certificate).collect(),
            binding: to_canonical(&binding),
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
