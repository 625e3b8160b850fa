//! The readable twin of a manifest: JSON that says the same, neither more nor less.
//!
//! Bytes are hexadecimal, kinds are words, and every field is there, `null` where the manifest has
//! nothing. Reading refuses what it does not know and names the place, as in
//! `parties[1].machine.chip`.

mod node;
mod rules;

use boop_channel::manifest::Head;
use boop_wire::binding::{PlatformKind, Role};
use boop_wire::manifest::{
    Cloud, LedgerEntry, Machine, Manifest, MatchProfile, Matching, Measurement, PartyEntry,
    Release, TcbFloor,
};
use boop_wire::{Digest, NetworkId, PartyIndex};
use serde_json::{Value, json};

use node::{Members, Node};
pub(super) use node::{Problem, TwinError};

/// A complete twin to start from.
pub(super) const EXAMPLE: &str = include_str!("twin/example.json");

/// Largest twin, in bytes: hexadecimal takes twice the room, and names take theirs.
pub(super) const TWIN_BYTES_MAX: u64 = 512 * 1024;

/// Largest threshold for which the match rule can be computed.
const THRESHOLD_MAX: u32 = 65_536;

const PLATFORMS: [(&str, PlatformKind); 2] =
    [("snp", PlatformKind::Snp), ("nitro", PlatformKind::Nitro)];
const ROLES: [(&str, Role); 5] = [
    ("party", Role::Party),
    ("gateway", Role::Gateway),
    ("ledger", Role::Ledger),
    ("custodian", Role::Custodian),
    ("client", Role::Client),
];
const MATCHINGS: [(&str, Matching); 2] = [
    ("semi-honest", Matching::SemiHonest),
    ("abort", Matching::Abort),
];
const PROFILES: [(&str, MatchProfile); 2] = [
    ("exact", MatchProfile::Exact),
    ("sixteen", MatchProfile::Sixteen),
];
const CLOUDS: [(&str, Cloud); 4] = [
    ("aws", Cloud::Aws),
    ("azure", Cloud::Azure),
    ("google", Cloud::Google),
    ("other", Cloud::Other),
];

/// Writes the twin of a manifest.
pub(super) fn write(manifest: &Manifest) -> Value {
    let Manifest {
        version,
        previous,
        network,
        name,
        simulated,
        parties,
        gateways,
        ledger,
        releases,
        tcb_floors,
        evidence_age_max_s,
        threshold,
        quality_min,
        matching,
        profile,
        created_ms,
        approvers,
        thresholds,
        delays,
        revoked,
        banned_products,
    } = manifest;
    json!({
        "version": version,
        "previous": previous.map(|digest| digest.to_string()),
        "network": network.map(|network| network.to_string()),
        "name": name,
        "simulated": simulated,
        "parties": parties.iter().map(write_party).collect::<Vec<_>>(),
        "gateways": gateways.iter().map(write_machine).collect::<Vec<_>>(),
        "ledger": write_ledger(ledger),
        "releases": releases.iter().map(write_release).collect::<Vec<_>>(),
        "tcb_floors": tcb_floors.iter().map(write_floor).collect::<Vec<_>>(),
        "evidence_age_max_s": evidence_age_max_s,
        "threshold": threshold,
        "quality_min": quality_min,
        "matching": word(&MATCHINGS, *matching),
        "profile": word(&PROFILES, *profile),
        "created_ms": created_ms,
        "approvers": approvers.iter().map(rules::write_approver).collect::<Vec<_>>(),
        "thresholds": rules::write_thresholds(thresholds),
        "delays": rules::write_delays(delays),
        "revoked": rules::write_revoked(revoked),
        "banned_products": banned_products,
    })
}

fn write_party(party: &PartyEntry) -> Value {
    let PartyEntry {
        operator,
        machine,
        custodian,
        physical_custodian,
        cloud,
        hsm_administrator,
        recoveries,
    } = party;
    json!({
        "operator": operator,
        "machine": write_machine(machine),
        "custodian": hex::encode(custodian),
        "physical_custodian": physical_custodian,
        "cloud": cloud.and_then(|cloud| word(&CLOUDS, cloud)),
        "hsm_administrator": hsm_administrator,
        "recoveries": recoveries,
    })
}

fn write_machine(machine: &Machine) -> Value {
    let Machine {
        platform,
        chip,
        config,
    } = machine;
    json!({
        "platform": word(&PLATFORMS, *platform),
        "chip": hex::encode(chip),
        "config": config.to_string(),
    })
}

fn write_ledger(ledger: &LedgerEntry) -> Value {
    let LedgerEntry {
        machine,
        origin,
        key,
    } = ledger;
    json!({ "machine": write_machine(machine), "origin": origin, "key": hex::encode(key) })
}

fn write_release(release: &Release) -> Value {
    let Release {
        role,
        platform,
        measurement,
        not_before_ms,
        not_after_ms,
        source,
    } = release;
    json!({
        "role": word(&ROLES, *role),
        "platform": word(&PLATFORMS, *platform),
        "measurement": measurement.to_string(),
        "not_before_ms": not_before_ms,
        "not_after_ms": not_after_ms,
        "source": source,
    })
}

fn write_floor(floor: &TcbFloor) -> Value {
    let TcbFloor {
        product,
        fmc,
        bootloader,
        tee,
        snp,
        microcode,
    } = floor;
    json!({
        "product": product,
        "fmc": fmc,
        "bootloader": bootloader,
        "tee": tee,
        "snp": snp,
        "microcode": microcode,
    })
}

fn word<T: PartialEq>(words: &[(&'static str, T)], value: T) -> Option<&'static str> {
    words
        .iter()
        .find_map(|(word, it)| (*it == value).then_some(*word))
}

/// Reads a twin. For the version after `head`, made now, what every version must change is filled
/// in.
pub(super) fn read(bytes: &[u8], head: Option<(&Head, u64)>) -> Result<Manifest, TwinError> {
    let json = node::parse(bytes)?;
    let root = Node::root(&json).members(&[
        "version",
        "previous",
        "network",
        "name",
        "simulated",
        "parties",
        "gateways",
        "ledger",
        "releases",
        "tcb_floors",
        "evidence_age_max_s",
        "threshold",
        "quality_min",
        "matching",
        "profile",
        "created_ms",
        "approvers",
        "thresholds",
        "delays",
        "revoked",
        "banned_products",
    ])?;
    let lineage = Lineage::read(&root, head)?;
    Ok(Manifest {
        version: lineage.version,
        previous: lineage.previous,
        network: lineage.network,
        name: root.get("name")?.text()?,
        simulated: root.get("simulated")?.flag()?,
        parties: parties(&root.get("parties")?)?,
        gateways: distinct(&root.get("gateways")?, "", machine)?,
        ledger: ledger(&root.get("ledger")?)?,
        releases: releases(&root.get("releases")?)?,
        tcb_floors: floors(&root.get("tcb_floors")?)?,
        evidence_age_max_s: root.get("evidence_age_max_s")?.number(u32::MAX)?,
        threshold: root.get("threshold")?.number(THRESHOLD_MAX)?,
        quality_min: root.get("quality_min")?.number(100_u8)?,
        matching: root.get("matching")?.word(&MATCHINGS)?,
        profile: root.get("profile")?.word(&PROFILES)?,
        created_ms: lineage.created_ms,
        approvers: rules::approvers(&root.get("approvers")?)?,
        thresholds: rules::thresholds(&root.get("thresholds")?)?,
        delays: rules::delays(&root.get("delays")?)?,
        revoked: rules::revoked(&root.get("revoked")?)?,
        banned_products: distinct(&root.get("banned_products")?, "", |node| node.text())?,
    })
}

/// What ties a version to the one before.
struct Lineage {
    version: u64,
    previous: Option<Digest>,
    network: Option<NetworkId>,
    created_ms: u64,
}

impl Lineage {
    fn read(root: &Members<'_>, head: Option<(&Head, u64)>) -> Result<Self, TwinError> {
        match head {
            None => Ok(Self {
                version: root.get("version")?.number(u64::MAX)?,
                previous: previous(&root.get("previous")?)?,
                network: network(&root.get("network")?)?,
                created_ms: root.get("created_ms")?.number(u64::MAX)?,
            }),
            Some((head, now_ms)) => Self::next(root, head, now_ms),
        }
    }

    /// Fills in what follows `head`. A twin may say it too, or what the version before says, from
    /// which it was copied; anything else it says is a mistake.
    fn next(root: &Members<'_>, head: &Head, now_ms: u64) -> Result<Self, TwinError> {
        let given = root.find("created_ms");
        let given = given.map(|node| node.number(u64::MAX)).transpose()?;
        let now_ms = now_ms.max(head.created_ms.saturating_add(1));
        let next = Self {
            created_ms: given.filter(|it| *it != head.created_ms).unwrap_or(now_ms),
            version: head.version.saturating_add(1),
            previous: Some(head.digest),
            network: Some(head.network),
        };
        let given = root.find("version");
        let given = given.map(|node| Ok((node.number(u64::MAX)?, node)));
        let mut copied = true;
        if let Some((version, node)) = given.transpose()? {
            copied = version == head.version;
            node.demand(copied || version == next.version, || {
                Problem::Lineage(next.version.to_string())
            })?;
        }
        if let Some(node) = root.find("previous") {
            let given = previous(&node)?;
            node.demand(copied || given == next.previous, || {
                Problem::Lineage(head.digest.to_string())
            })?;
        }
        if let Some(node) = root.find("network") {
            let given = network(&node)?;
            let copied = copied && given.is_none() && head.version == 1;
            node.demand(copied || given == next.network, || {
                Problem::Lineage(head.network.to_string())
            })?;
        }
        Ok(next)
    }
}

fn previous(node: &Node<'_>) -> Result<Option<Digest>, TwinError> {
    Ok(node.hex_or_null()?.map(Digest::new))
}

fn network(node: &Node<'_>) -> Result<Option<NetworkId>, TwinError> {
    Ok(node.hex_or_null()?.map(NetworkId::new))
}

fn parties(node: &Node<'_>) -> Result<Vec<PartyEntry>, TwinError> {
    let entries = node.entries()?;
    let found = entries.len();
    node.demand(found == PartyIndex::COUNT, || Problem::Count {
        expected: PartyIndex::COUNT,
        found,
    })?;
    entries.iter().map(party).collect()
}

fn party(node: &Node<'_>) -> Result<PartyEntry, TwinError> {
    let members = node.members(&[
        "operator",
        "machine",
        "custodian",
        "physical_custodian",
        "cloud",
        "hsm_administrator",
        "recoveries",
    ])?;
    Ok(PartyEntry {
        operator: members.get("operator")?.text()?,
        machine: machine(&members.get("machine")?)?,
        custodian: members.get("custodian")?.hex()?,
        physical_custodian: members.get("physical_custodian")?.text()?,
        cloud: members.get("cloud")?.or_null(|node| node.word(&CLOUDS))?,
        hsm_administrator: members.get("hsm_administrator")?.text()?,
        recoveries: members.get("recoveries")?.number(u32::MAX)?,
    })
}

fn machine(node: &Node<'_>) -> Result<Machine, TwinError> {
    let members = node.members(&["platform", "chip", "config"])?;
    let platform = members.get("platform")?.word(&PLATFORMS)?;
    let chip = members.get("chip")?;
    Ok(Machine {
        platform,
        chip: match platform {
            PlatformKind::Snp => chip.hex::<64>()?.to_vec(),
            PlatformKind::Nitro => chip.hex::<48>()?.to_vec(),
        },
        config: Digest::new(members.get("config")?.hex()?),
    })
}

fn ledger(node: &Node<'_>) -> Result<LedgerEntry, TwinError> {
    let members = node.members(&["machine", "origin", "key"])?;
    Ok(LedgerEntry {
        machine: machine(&members.get("machine")?)?,
        origin: members.get("origin")?.text()?,
        key: members.get("key")?.hex()?,
    })
}

/// Two entries of one release would leave open until when it may run.
fn releases(node: &Node<'_>) -> Result<Vec<Release>, TwinError> {
    distinct(node, "", |node| {
        let Release {
            role,
            platform,
            measurement,
            ..
        } = release(node)?;
        Ok((role, platform, measurement))
    })?;
    distinct(node, "", release)
}

fn release(node: &Node<'_>) -> Result<Release, TwinError> {
    let members = node.members(&[
        "role",
        "platform",
        "measurement",
        "not_before_ms",
        "not_after_ms",
        "source",
    ])?;
    Ok(Release {
        role: members.get("role")?.word(&ROLES)?,
        platform: members.get("platform")?.word(&PLATFORMS)?,
        measurement: Measurement(members.get("measurement")?.hex()?),
        not_before_ms: members.get("not_before_ms")?.number(u64::MAX)?,
        not_after_ms: members
            .get("not_after_ms")?
            .or_null(|node| node.number(u64::MAX))?,
        source: members.get("source")?.text()?,
    })
}

/// Two floors of one product would leave open which of them counts.
fn floors(node: &Node<'_>) -> Result<Vec<TcbFloor>, TwinError> {
    let floors = distinct(node, "", floor)?;
    distinct(node, ".product", |node| Ok(floor(node)?.product))?;
    Ok(floors)
}

fn floor(node: &Node<'_>) -> Result<TcbFloor, TwinError> {
    let members = node.members(&["product", "fmc", "bootloader", "tee", "snp", "microcode"])?;
    let level = |name| members.get(name)?.number(u8::MAX);
    Ok(TcbFloor {
        product: members.get("product")?.text()?,
        fmc: level("fmc")?,
        bootloader: level("bootloader")?,
        tee: level("tee")?,
        snp: level("snp")?,
        microcode: level("microcode")?,
    })
}

/// Reads a list in which nothing stands twice.
fn distinct<T: PartialEq>(
    node: &Node<'_>,
    part: &str,
    read: impl Fn(&Node<'_>) -> Result<T, TwinError>,
) -> Result<Vec<T>, TwinError> {
    let mut values = Vec::new();
    for entry in node.entries()? {
        let value = read(&entry)?;
        if values.contains(&value) {
            let path = format!("{}{part}", entry.path());
            let problem = Problem::ListedTwice;
            return Err(TwinError { path, problem });
        }
        values.push(value);
    }
    Ok(values)
}

#[cfg(test)]
mod tests;
