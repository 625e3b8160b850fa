//! Whether a manifest holds: approvals, chain, network, hardware and diversity.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::bail;
use boop_channel::VerifiedManifest;
use boop_channel::manifest::{ChainError, DiversityRule, Head, check_lineage, verify_succession};
use boop_wire::manifest::SignedManifest;
use serde_json::{Value, json};

use super::{Diversity, Known, Loaded, print_head, twin};
use crate::arguments::ManifestVerifyArguments;
use crate::console::{Console, Mark};
use crate::plain::plain;
use crate::{Answer, Now};

/// One thing that was looked at.
struct Check {
    name: &'static str,
    mark: Mark,
    detail: String,
}

/// Checks a manifest.
pub(super) fn run(
    arguments: &ManifestVerifyArguments,
    now: Now,
    console: &Console,
) -> anyhow::Result<Answer> {
    let Some(known) = Known::read(&arguments.approvers)? else {
        bail!("who may approve is not known: give --network, or --approver and --needed");
    };
    let loaded = Loaded::read(&arguments.manifest)?;
    let earlier = earlier(&loaded, &arguments.chain)?;
    let diversity = Diversity::of(&loaded.manifest, Some(&known));
    let mut checks = vec![
        form(&loaded),
        approvals(&loaded, &earlier, &known, now),
        succession(&loaded, &earlier, now),
        chain(&loaded, &earlier),
        network(&loaded, &known),
        hardware(&loaded, arguments.danger_simulated_tee),
    ];
    checks.extend(DiversityRule::ALL.map(|rule| differing(rule, &diversity)));
    let holds = checks.iter().all(|check| check.mark != Mark::Fail);
    if arguments.json {
        console.json(&described(holds, &loaded, &checks, &diversity))?;
    } else {
        print(holds, &loaded, &checks, &diversity, console);
    }
    Ok(holds.into())
}

/// Collects the versions before, oldest first: those in the file itself, and those in others.
fn earlier(loaded: &Loaded, paths: &[PathBuf]) -> anyhow::Result<Vec<SignedManifest>> {
    let mut versions = BTreeMap::new();
    let mut add = |signed: SignedManifest| -> anyhow::Result<()> {
        versions.insert(Head::read(&signed)?.0.version, signed);
        Ok(())
    };
    loaded.before.iter().cloned().try_for_each(&mut add)?;
    for path in paths {
        let of_it = Loaded::read(path)?.versions();
        of_it.into_iter().try_for_each(&mut add)?;
    }
    Ok(versions.into_values().collect())
}

/// A twin can say it, and says it the same way.
fn form(loaded: &Loaded) -> Check {
    let twin = twin::write(&loaded.manifest).to_string();
    let result = match twin::read(twin.as_bytes(), None) {
        Ok(manifest) if manifest == loaded.manifest => Ok("canonical, every field in order".into()),
        Ok(_) => Err("its twin says something else".into()),
        Err(error) => Err(error.to_string()),
    };
    check("form", result)
}

/// Whether the configured approvers signed it, or a version before from which it follows.
fn approvals(loaded: &Loaded, earlier: &[SignedManifest], known: &Known, now: Now) -> Check {
    let needed = known.approvers.needed;
    let of = known.approvers.keys.len();
    let result = match VerifiedManifest::verify(loaded.signed.clone(), &known.approvers) {
        Ok(_) => Ok(format!(
            "at least {needed} of {of} approvers have signed it"
        )),
        Err(error) => follows_from(loaded, earlier, known, now).ok_or(error.to_string()),
    };
    check("approvals", result)
}

fn follows_from(
    loaded: &Loaded,
    earlier: &[SignedManifest],
    known: &Known,
    now: Now,
) -> Option<String> {
    let mut versions = earlier.to_vec();
    versions.push(loaded.signed.clone());
    let believed = VerifiedManifest::newest_of(&versions, &known.approvers, now.unix_ms);
    let (before, newest) = believed.ok()?;
    let signed = before.first()?.head().version;
    let (needed, of) = (known.approvers.needed, known.approvers.keys.len());
    (newest.head() == loaded.head).then(|| {
        format!("follows from version {signed}, which at least {needed} of {of} approvers signed")
    })
}

fn chain(loaded: &Loaded, earlier: &[SignedManifest]) -> Check {
    let version = loaded.head.version;
    if earlier.is_empty() && version > 1 {
        return Check {
            name: "chain",
            mark: Mark::Open,
            detail: "the versions before were not given with --chain".into(),
        };
    }
    let mut versions = earlier.to_vec();
    versions.push(loaded.signed.clone());
    let result = check_lineage(&versions)
        .map(|_| match version {
            1 => "a genesis has no version before".to_owned(),
            _ => format!("versions 1 to {version}, each naming the one before"),
        })
        .map_err(|error: ChainError| error.to_string());
    check("chain", result)
}

/// Whether those agreed to each version that the one before asks for, and its delay has passed.
fn succession(loaded: &Loaded, earlier: &[SignedManifest], now: Now) -> Check {
    if earlier.is_empty() && loaded.head.version > 1 {
        return Check {
            name: "succession",
            mark: Mark::Open,
            detail: "the versions before were not given with --chain".into(),
        };
    }
    let mut versions = earlier.to_vec();
    versions.push(loaded.signed.clone());
    let result = verify_succession(&versions, now.unix_ms)
        .map(|_| "each version approved by those whom the one before asks, and in force".into())
        .map_err(|error| error.to_string());
    check("succession", result)
}

fn network(loaded: &Loaded, known: &Known) -> Check {
    let found = loaded.head.network;
    let result = match known.network {
        None => {
            return Check {
                name: "network",
                mark: Mark::Open,
                detail: "no network file says which one is meant".into(),
            };
        }
        Some(network) if network == found => Ok("the one of the network file".into()),
        Some(network) => Err(format!("it is of {found}, the network file of {network}")),
    };
    check("network", result)
}

fn hardware(loaded: &Loaded, danger_simulated_tee: bool) -> Check {
    let result = match (loaded.manifest.simulated, danger_simulated_tee) {
        (false, _) => Ok("genuine hardware alone".into()),
        (true, true) => Ok("simulated, which was asked for: protects nothing".into()),
        (true, false) => Err("simulated; only --danger-simulated-tee admits it".into()),
    };
    check("hardware", result)
}

fn differing(rule: DiversityRule, diversity: &Diversity) -> Check {
    let broken = diversity.refusals.iter().filter(|it| it.rule() == rule);
    let broken: Vec<String> = broken.map(ToString::to_string).collect();
    let warned = diversity.warnings.iter().any(|it| it.rule() == rule);
    if broken.is_empty() && warned {
        return Check {
            name: rule.name(),
            mark: Mark::Open,
            detail: "broken, and only warned of: see below".into(),
        };
    }
    let result = if broken.is_empty() {
        Ok(says(rule).into())
    } else {
        Err(broken.join("; "))
    };
    check(rule.name(), result)
}

/// What a rule says when it holds.
const fn says(rule: DiversityRule) -> &'static str {
    match rule {
        DiversityRule::ThreeOperators => "each party has an operator of its own",
        DiversityRule::ThreeCustodians => "each party has a custodian of its own",
        DiversityRule::ThreeMachines => "each party has a machine of its own",
        DiversityRule::KnownMachines => "every machine has an id of its hardware",
        DiversityRule::MixedPlatforms => "the parties run on more than one kind of hardware",
        DiversityRule::OnePartyOnAws => "at most one party runs on AWS Nitro",
        DiversityRule::KeysApart => "approvers, custodians and ledger have keys of their own",
        DiversityRule::PartiesAlone => "no gateway and no ledger runs on a party's machine",
    }
}

fn check(name: &'static str, result: Result<String, String>) -> Check {
    let (mark, detail) = match result {
        Ok(detail) => (Mark::Pass, detail),
        Err(detail) => (Mark::Fail, detail),
    };
    Check { name, mark, detail }
}

fn print(holds: bool, loaded: &Loaded, checks: &[Check], diversity: &Diversity, console: &Console) {
    let alone = |check: &Check| check.name == "chain" && check.mark == Mark::Open;
    let text = match (holds, checks.iter().any(alone)) {
        (true, false) => "the manifest holds",
        (true, true) => "the manifest holds by itself; how the network came to it is open",
        (false, _) => "the manifest does not hold",
    };
    console.line(console.headline(holds, text));
    print_head(loaded, console);
    for check in checks {
        let (word, name, detail) = (console.word(check.mark), check.name, plain(&check.detail));
        console.line(format_args!("  {word}  {name:<17} {detail}"));
    }
    diversity.print_warnings(console);
    console.line(
        "  not in a manifest, so not checked: whose buildings and clouds the machines are in, \
         who runs the custodians",
    );
}

fn described(holds: bool, loaded: &Loaded, checks: &[Check], diversity: &Diversity) -> Value {
    let check = |check: &Check| {
        json!({
            "check": check.name,
            "holds": match check.mark {
                Mark::Pass => Some(true),
                Mark::Fail => Some(false),
                Mark::Open => None,
            },
            "detail": check.detail,
        })
    };
    json!({
        "holds": holds,
        "version": loaded.head.version,
        "digest": loaded.head.digest.to_string(),
        "network": loaded.head.network.to_string(),
        "simulated": loaded.manifest.simulated,
        "checks": checks.iter().map(check).collect::<Vec<_>>(),
        "warnings": Diversity::described(&diversity.warnings),
    })
}
