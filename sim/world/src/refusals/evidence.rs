//! Evidence that is genuine in form and wrong in one thing: a debug guest, another party's.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::Context;
use boop_channel::{Expectation, JudgeError, Trust};
use boop_sdk::NetworkFile;
use boop_tee::forge::{Fault, Forge, ForgeRequest};
use boop_tee::{Authority, Chip, Launch};
use boop_wire::binding::{Binding, PlatformKind, Role};
use boop_wire::codec::{from_canonical, to_canonical};
use boop_wire::evidence::{Certificate, EvidenceBundle};
use boop_wire::frame::put_frame;
use boop_wire::relay::{HELLO_BYTES_MAX, RelayAnswer, RelayHello};
use boop_wire::{PartyIndex, Refusal};

use super::{ATTACKED, Attack, IMITATED};
use crate::clock::now_ms;
use crate::network::Network;
use crate::ports::Ports;
use crate::puppet::Puppet;

/// Reason code of a guest whose memory its host may read.
const DEBUG: &str = "policy-debug-allowed";
/// How long a host may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn attacks(network: &Network) -> anyhow::Result<Vec<Attack>> {
    let trust = trust_of(network)?;
    let honest = network.provisioned().binaries.path("boop-party-sim");
    let genuine = Puppet::start(network, IMITATED, &honest)?.evidence()?;
    let debug = signed_by_chip(network, &genuine, Some(Fault::Debug))?;
    let faultless = signed_by_chip(network, &genuine, None)?;
    let expect = Expectation::boot(Role::Party, Some(IMITATED));
    let reasons = |bundle| match trust.judge(bundle, &expect, now_ms()) {
        Err(JudgeError::Refused { reasons, .. }) => reasons,
        Ok(_) | Err(_) => Vec::new(),
    };
    let other = PartyIndex::ALL[2];
    let as_other = Expectation::boot(Role::Party, Some(other));
    let wrong_role = matches!(
        trust.judge(&genuine, &as_other, now_ms()),
        Err(JudgeError::Role { .. })
    );
    Ok(vec![
        Attack {
            name: "evidence of a debug guest, by a client",
            refused: reasons(&debug) == [DEBUG],
            control: trust.judge(&faultless, &expect, now_ms()).is_ok(),
        },
        Attack {
            name: "evidence of a debug guest, by another party's host",
            refused: relay_answer(network, IMITATED, &debug)? == Err(Refusal::EvidenceRefused),
            control: relay_answer(network, IMITATED, &faultless)?.is_ok(),
        },
        Attack {
            name: "evidence of the wrong party index, by a client",
            refused: wrong_role,
            control: trust.judge(&genuine, &expect, now_ms()).is_ok(),
        },
        Attack {
            name: "evidence of the wrong party index, by another party's host",
            refused: relay_answer(network, other, &genuine)? == Err(Refusal::WrongRole),
            control: relay_answer(network, IMITATED, &genuine)?.is_ok(),
        },
    ])
}

/// Returns what a client of the network believes.
pub(super) fn trust_of(network: &Network) -> anyhow::Result<Trust> {
    let layout = &network.provisioned().layout;
    let settings: NetworkFile =
        toml::from_str(&std::fs::read_to_string(layout.path("network.toml"))?)?;
    Ok(settings
        .trust(true)?
        .admit_file(&layout.path("manifest.cbor"))?)
}

/// Asks the attacked party's host for a pipe, as the host of party `claimed` would.
pub(super) fn relay_answer(
    network: &Network,
    claimed: PartyIndex,
    evidence: &EvidenceBundle,
) -> anyhow::Result<Result<(), Refusal>> {
    let trust = trust_of(network)?;
    let port = network.provisioned().ports.hosts[ATTACKED.as_usize()];
    let mut host = TcpStream::connect(Ports::address(port))?;
    host.set_read_timeout(Some(PATIENCE))?;
    let hello = RelayHello {
        network: trust.manifest().network(),
        from: Role::Party,
        from_party: Some(claimed),
        to: ATTACKED,
        evidence: evidence.clone(),
    };
    let mut bytes = Vec::new();
    put_frame(&mut bytes, &to_canonical(&hello), HELLO_BYTES_MAX)?;
    host.write_all(&bytes)?;
    let mut length = [0; 4];
    host.read_exact(&mut length)
        .context("the host gave no answer")?;
    let mut answer = vec![0; usize::try_from(u32::from_be_bytes(length))?];
    host.read_exact(&mut answer)?;
    Ok(match from_canonical(&answer)? {
        RelayAnswer::Accepted { .. } => Ok(()),
        RelayAnswer::Refused { refusal } => Err(refusal),
    })
}

/// Has the imitated machine's own chip sign evidence for the binding of `genuine`, with a fault
/// or without.
fn signed_by_chip(
    network: &Network,
    genuine: &EvidenceBundle,
    fault: Option<Fault>,
) -> anyhow::Result<EvidenceBundle> {
    let layout = &network.provisioned().layout;
    let chip = Chip::load(layout.machine(IMITATED, "chip"))?;
    let binding: Binding = genuine.binding()?;
    let trust = trust_of(network)?;
    let mut releases = trust.manifest().manifest().releases.iter();
    let release = releases
        .find(|release| release.role == Role::Party && release.platform == PlatformKind::Snp)
        .context("no release for SEV-SNP")?;
    let launch = Launch {
        measurement: release.measurement.0,
        config_hash: *binding.config.as_bytes(),
        instance: crate::provision::random()?,
    };
    let (user_data, nonce, now_ms) = (binding.report_data(), binding.challenge, now_ms());
    let raw = match fault {
        None => chip.attest(&launch, &user_data, &nonce, now_ms)?,
        Some(fault) => {
            let authority = Authority::load(layout.path("vendor"))?;
            let request = ForgeRequest {
                launch,
                user_data,
                nonce,
                now_ms,
            };
            Forge::new(&authority).forge(&chip, fault, &request)?
        }
    };
    Ok(EvidenceBundle {
        platform: PlatformKind::Snp,
        evidence: raw.evidence,
        endorsements: raw.endorsements.into_iter().map(Certificate).collect(),
        binding: genuine.binding.clone(),
    })
}
