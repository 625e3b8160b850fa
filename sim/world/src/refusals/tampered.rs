//! A party binary with one byte changed: it still runs, and it gets nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use boop_abi::{Event, FarEnd, FromHost, ToHost};
use boop_channel::{Expectation, JudgeError, Local, LocalKeys, Session};
use boop_wire::Refusal;
use boop_wire::binding::Role;
use boop_wire::evidence::EvidenceBundle;
use boop_wire::release::ReleaseAnswer;
use boop_wire::session::Side;

use super::evidence::{relay_answer, trust_of};
use super::{ATTACKED, Attack, IMITATED};
use crate::clock::now_ms;
use crate::network::Network;
use crate::puppet::Puppet;

/// Reason code of a measurement that the manifest does not list.
const WRONG_MEASUREMENT: &str = "measurement-not-allowed";

pub(super) fn attacks(network: &Network) -> anyhow::Result<Vec<Attack>> {
    let tampered = tampered_binary(network)?;
    let honest = network.provisioned().binaries.path("boop-party-sim");
    let mut bad = Puppet::start(network, IMITATED, &tampered)?;
    let mut good = Puppet::start(network, IMITATED, &honest)?;
    let (bad_evidence, good_evidence) = (bad.evidence()?, good.evidence()?);

    let trust = trust_of(network)?;
    let expect = Expectation::boot(Role::Party, Some(IMITATED));
    let judged = trust.judge(&bad_evidence, &expect, now_ms());
    let reasons = match judged {
        Err(JudgeError::Refused { reasons, .. }) => reasons,
        Ok(_) | Err(_) => Vec::new(),
    };
    let by_client = Attack {
        name: "party binary with one byte changed, by a client",
        refused: reasons == [WRONG_MEASUREMENT],
        control: trust.judge(&good_evidence, &expect, now_ms()).is_ok(),
    };
    let by_host = Attack {
        name: "party binary with one byte changed, by another party's host",
        refused: relay_answer(network, IMITATED, &bad_evidence)?.is_err(),
        control: relay_answer(network, IMITATED, &good_evidence)?.is_ok(),
    };
    let by_custodian = Attack {
        name: "party binary with one byte changed, by its custodian: no key",
        refused: matches!(
            bad.ask_custodian()?,
            ReleaseAnswer::Refused {
                refusal: Refusal::EvidenceRefused
            }
        ),
        control: matches!(good.ask_custodian()?, ReleaseAnswer::Released(_)),
    };
    let by_peer = Attack {
        name: "party binary with one byte changed, by a peer enclave whose host lets it in",
        refused: peer_refusal(network, &bad_evidence)? == Refusal::EvidenceRefused,
        // With good evidence the same peer goes on to the next check, that of the TLS key, which
        // this program does not hold.
        control: peer_refusal(network, &good_evidence)? == Refusal::WrongSession,
    };
    Ok(vec![by_client, by_host, by_custodian, by_peer])
}

/// Makes a copy of the party's binary in which one byte differs.
fn tampered_binary(network: &Network) -> anyhow::Result<PathBuf> {
    let provisioned = network.provisioned();
    let mut bytes = fs::read(provisioned.binaries.path("boop-party-sim"))?;
    // A letter of a message: the program still runs.
    let text = b"the party stopped";
    let place = bytes.windows(text.len()).position(|window| window == text);
    let place = place.context("the binary has no such message")?;
    bytes[place] ^= 0x20;
    let path = provisioned.layout.path("tampered-party");
    let _ = fs::remove_file(&path);
    fs::write(&path, bytes)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
    Ok(path)
}

/// Plays a colluding host around an honest party 0, shows it `evidence` as that of party 1, and
/// returns the enclave's own refusal.
fn peer_refusal(network: &Network, evidence: &EvidenceBundle) -> anyhow::Result<Refusal> {
    let honest = network.provisioned().binaries.path("boop-party-sim");
    let mut attacked = Puppet::start(network, ATTACKED, &honest)?;
    attacked.ask_custodian()?;
    let stream = attacked.wait_for_stream(FarEnd::Party(IMITATED))?;
    let mut random = |out: &mut [u8]| {
        let _ = getrandom::fill(out);
    };
    let local = Local {
        keys: Arc::new(LocalKeys::generate(&mut random)?),
        evidence: evidence.clone(),
        trust: Arc::new(trust_of(network)?),
    };
    let expect = Expectation::boot(Role::Party, Some(ATTACKED));
    let nonce = crate::provision::random()?;
    let mut session = Session::new(Side::Server, local, expect, nonce)?;
    loop {
        match attacked.hear()? {
            ToHost::StreamData { stream: on, bytes } if on == stream => {
                // The attacker's own end may fail too; what counts is what the enclave says.
                let _ = session.receive(&bytes, now_ms());
                let bytes = session.take_output();
                if !bytes.is_empty() {
                    attacked.say(&FromHost::StreamData { stream, bytes })?;
                }
            }
            ToHost::Event(Event::SessionRefused {
                stream: on,
                refusal,
            }) if on == stream => {
                return Ok(refusal);
            }
            _ => {}
        }
    }
}
