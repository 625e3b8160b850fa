//! Releases of a data key, from evidence that is judged to an audit line that is on disk.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use boop_channel::LocalKeys;
use boop_channel::setup::SetupKey;
use boop_hsm::{
    Conversation, IdentityPlace, Pkcs11Settings, Pkcs11Token, Pkcs11TokenSettings, Token,
};
use boop_tests::simulation::network::{EPOCH_MS, Network};
use boop_wire::PartyIndex;
use boop_wire::binding::{BoundKeys, Purpose, Role};
use boop_wire::codec::{plain_digest, to_canonical};
use boop_wire::release::{ReleaseAnswer, ReleaseRequest, WrapMechanism};

use crate::rounds::{Comparison, median, micros, wall};
use crate::table::{Goal, Row};

const RELEASES: usize = 200;
const RELEASES_QUICK: usize = 20;
const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "24681357";
const LABEL: &str = "bench";
/// The strongest that SoftHSM2 offers.
const MECHANISM: WrapMechanism = WrapMechanism::EcdhPlain;

/// The rows about releases: with a token in software, and with SoftHSM2 where it is installed.
pub(super) fn rows(quick: bool) -> Result<Vec<Row>> {
    let rounds = if quick { RELEASES_QUICK } else { RELEASES };
    let software = releases(None, rounds)?;
    let mut rows = vec![row("release-software", software)];
    if Path::new(SOFTHSM).is_file() {
        rows.push(row("release-softhsm2", in_softhsm(rounds)?));
    }
    Ok(rows)
}

/// Measures in this process, whose environment names SoftHSM2's token, and prints the figures.
///
/// # Errors
/// If the token cannot be used.
pub fn print_with_softhsm(folder: &Path, rounds: usize) -> Result<()> {
    let settings = Pkcs11TokenSettings {
        pkcs11: Pkcs11Settings {
            module: SOFTHSM.into(),
            label: LABEL.to_owned(),
            pin_file: folder.join("pin"),
            retry_after_wrong_pin: false,
            danger_oaep_sha1: false,
        },
        mechanism: MECHANISM,
        identity: IdentityPlace::Token,
        state: folder.join("state"),
        party: PartyIndex::ALL[0],
    };
    let token = Pkcs11Token::create(settings).context("SoftHSM2")?;
    let measured = releases(Some(Box::new(token)), rounds)?;
    println!("{} {}", measured.measured_us, measured.reference_us);
    Ok(())
}

/// SoftHSM2 learns of its tokens from the environment of a process, so that it gets its own.
fn in_softhsm(rounds: usize) -> Result<Comparison> {
    let folder = tempfile::tempdir().context("no folder for a token")?;
    let (tokens, conf) = (folder.path().join("tokens"), folder.path().join("conf"));
    std::fs::create_dir(&tokens)?;
    let text = format!(
        "directories.tokendir = {}\nlog.level = ERROR\n",
        tokens.display()
    );
    std::fs::write(&conf, text)?;
    write_pin(&folder.path().join("pin"))?;
    let mut init = Command::new("softhsm2-util");
    init.args(["--init-token", "--free", "--label", LABEL]);
    init.args(["--so-pin", PIN, "--pin", PIN]);
    let made = init.env("SOFTHSM2_CONF", &conf).output();
    ensure!(made.context("softhsm2-util")?.status.success(), "no token");
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["custody-softhsm", "--rounds", &rounds.to_string()]);
    command.arg("--folder").arg(folder.path());
    let output = command.env("SOFTHSM2_CONF", &conf).output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "with SoftHSM2: {errors}");
    let text = String::from_utf8(output.stdout)?;
    let figures: Vec<f64> = text
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    let [measured_us, reference_us] = figures[..] else {
        bail!("with SoftHSM2: {text}");
    };
    Ok(Comparison {
        measured_us,
        reference_us,
        ratio: measured_us / reference_us,
    })
}

fn write_pin(file: &Path) -> Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;

    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?;
    file.write_all(PIN.as_bytes()).context("the PIN's file")
}

/// Releases a key so many times, and judges the same evidence beside it.
fn releases(token: Option<Box<dyn Token>>, rounds: usize) -> Result<Comparison> {
    let network = Network::generate_with(token);
    let keys = LocalKeys::generate(&mut |out: &mut [u8]| out.fill(5));
    let keys = keys.map_err(|error| anyhow::anyhow!("{error}"))?;
    let (mut own, mut judging) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let number = u8::try_from(round % 251)?;
        let now_ms = EPOCH_MS + u64::try_from(round)? * 1_000;
        let (release, judge) = release(&network, &keys, number, now_ms)?;
        own.push(micros(release));
        judging.push(micros(judge));
    }
    let ratios = own.iter().zip(&judging).map(|(one, other)| one / other);
    let ratio = median(ratios.collect());
    Ok(Comparison {
        measured_us: median(own),
        reference_us: median(judging),
        ratio,
    })
}

/// Asks for a key once; returns what the custodian took, and what judging alone takes.
fn release(
    network: &Network,
    keys: &LocalKeys,
    number: u8,
    now_ms: u64,
) -> Result<(Duration, Duration)> {
    let [party, ..] = PartyIndex::ALL;
    let mut conversation = Conversation::new(Arc::clone(&network.custodians[0]));
    let fresh = [number; 32];
    let begin = to_canonical(&ReleaseRequest::Begin { party });
    let answer = conversation.handle(&begin, fresh, now_ms);
    let ReleaseAnswer::Challenge {
        challenge,
        mechanism,
    } = answer
    else {
        bail!("no challenge: {answer:?}");
    };
    let setup = SetupKey::make(mechanism.setup_kind(), &[number + 1; 32])?;
    let setup = setup.public().as_bytes().to_vec();
    let bound = BoundKeys {
        setup: Some(plain_digest(&setup)),
        ..keys.bound()
    };
    let evidence = network.release_evidence(bound, challenge, now_ms);
    let expect = boop_channel::Expectation {
        purpose: Purpose::KeyRelease,
        role: Role::Party,
        party: Some(party),
        challenge,
    };
    let start = wall();
    let judged = network.trust.judge(&evidence, &expect, now_ms);
    let judge = wall().saturating_sub(start);
    ensure!(
        judged.is_ok(),
        "the evidence is refused: {:?}",
        judged.err()
    );
    let prove = to_canonical(&ReleaseRequest::Prove { evidence, setup });
    let start = wall();
    let answer = conversation.handle(&prove, fresh, now_ms);
    let release = wall().saturating_sub(start);
    match answer {
        ReleaseAnswer::Released(_) => Ok((release, judge)),
        answer => bail!("no key: {answer:?}"),
    }
}

fn row(id: &str, comparison: Comparison) -> Row {
    let rate = 1e6 / comparison.measured_us;
    Row {
        id: id.to_owned(),
        unit: "us",
        against: format!("its evidence judged alone; {rate:.0} releases a second"),
        comparison,
        goal: Goal::None,
    }
}
