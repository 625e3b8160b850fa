//! From the manifest to the verifier's policy: one policy for each machine that may hold a role.

use alloc::vec;
use alloc::vec::Vec;

use boop_verifier::{
    AgeLimit, Demand, Floor, Floors, GuestPolicyRules, Mitigations, NitroPolicy, PcrSet,
    Permission, Platform, PlatformRules, Policy, Product, ProductPolicy, Revocation, Rule,
    SimulatedEvidence, SnpPolicy, TcbRules, Tier, UnixTime, Vlek,
};
use boop_wire::binding::{PlatformKind, Role};
use boop_wire::manifest::{Machine, Manifest, TcbFloor};
use boop_wire::{Digest, PartyIndex};
use sha2::{Digest as _, Sha384};

use crate::trust::Times;

/// The PCR that a Nitro enclave extends with its configuration's hash and locks.
const CONFIG_PCR: u8 = 16;
/// The PCR that names the instance.
pub(crate) const INSTANCE_PCR: u8 = 4;
/// Seconds that a document's clock may run ahead of ours.
const AHEAD_SECONDS_MAX: u64 = 60;

/// Returns the machines on which the manifest lets `role` run, for one party if it is one.
pub(crate) fn machines(
    manifest: &Manifest,
    role: Role,
    party: Option<PartyIndex>,
) -> Vec<&Machine> {
    match (role, party) {
        (Role::Party, Some(index)) => manifest
            .party(index)
            .map(|entry| &entry.machine)
            .into_iter()
            .collect(),
        (Role::Gateway, None) => manifest.gateways.iter().collect(),
        (Role::Ledger, None) => vec![&manifest.ledger.machine],
        (Role::Party | Role::Gateway | Role::Ledger | Role::Custodian | Role::Client, _) => {
            Vec::new()
        }
    }
}

/// Returns what evidence from `machine` must show to hold `role`.
pub(crate) fn policy_for(
    manifest: &Manifest,
    (role, machine): (Role, &Machine),
    simulated: SimulatedEvidence,
    times: Times,
) -> Policy {
    let measurements: Vec<[u8; 48]> = manifest
        .releases
        .iter()
        .filter(|release| release.role == role && release.platform == machine.platform)
        .filter(|release| release.may_run_at(times.now_ms))
        .map(|release| release.measurement.0)
        .collect();
    let (snp, nitro) = match machine.platform {
        PlatformKind::Snp => (
            Platform::Accepted(snp_policy(manifest, machine, measurements)),
            Platform::Refused,
        ),
        PlatformKind::Nitro => (
            Platform::Refused,
            Platform::Accepted(nitro_policy(times, machine, measurements)),
        ),
    };
    Policy {
        simulated,
        binding: Demand::Required,
        snp,
        nitro,
    }
}

fn snp_policy(manifest: &Manifest, machine: &Machine, measurements: Vec<[u8; 48]>) -> SnpPolicy {
    let chips = match <[u8; 64]>::try_from(machine.chip.as_slice()) {
        Ok(chip) => Rule::Exactly(chip),
        Err(_) => Rule::OneOf(Vec::new()),
    };
    let products = manifest
        .tcb_floors
        .iter()
        .filter_map(|floor| {
            let product = Product::ALL
                .iter()
                .find(|product| product.as_str() == floor.product)?;
            Some(product_policy(*product, floor, chips.clone()))
        })
        .collect();
    SnpPolicy {
        products,
        vmpl: Rule::Exactly(0),
        debug: Permission::Refuse,
        migration_agent: Permission::Refuse,
        guest_policy: GuestPolicyRules {
            smt_allowed: Rule::Exactly(false),
            ..GuestPolicyRules::any()
        },
        platform: PlatformRules {
            alias_check_complete: Rule::Exactly(true),
            ..PlatformRules::any()
        },
        measurement: Rule::OneOf(measurements),
        host_data: Rule::Exactly(*machine.config.as_bytes()),
        family_id: Rule::Any,
        image_id: Rule::Any,
        guest_svn: Rule::Any,
        id_key_digest: Rule::Any,
        author_key_digest: Rule::Any,
        masked_chip_id: Permission::Refuse,
        provisional_firmware: Permission::Refuse,
        reported_below_current: Permission::Allow,
        vlek: Vlek::Refused,
        revocation: Revocation::WhenGiven,
    }
}

fn product_policy(product: Product, floor: &TcbFloor, chips: Rule<[u8; 64]>) -> ProductPolicy {
    let floors = TcbRules {
        fmc: if floor.fmc == 0 {
            Rule::Any
        } else {
            Rule::AtLeast(floor.fmc)
        },
        bootloader: Rule::AtLeast(floor.bootloader),
        tee: Rule::AtLeast(floor.tee),
        snp: Rule::AtLeast(floor.snp),
        microcode: Rule::AtLeast(floor.microcode),
    };
    let floor = Floor {
        since: UnixTime(0),
        bulletins: Vec::new(),
        reported: floors.clone(),
        committed: floors.clone(),
        launch: floors,
    };
    ProductPolicy {
        product,
        tier: Tier::Affirming,
        floors: Floors::Dated(vec![floor]),
        launch_mitigations: Mitigations::Any,
        current_mitigations: Mitigations::Any,
        chips,
        fleet_keys: Permission::Refuse,
    }
}

fn nitro_policy(times: Times, machine: &Machine, measurements: Vec<[u8; 48]>) -> NitroPolicy {
    let instance = match <[u8; 48]>::try_from(machine.chip.as_slice()) {
        Ok(instance) => Rule::Exactly(instance),
        Err(_) => Rule::OneOf(Vec::new()),
    };
    NitroPolicy {
        tier: Tier::Affirming,
        pcr_sets: vec![PcrSet(vec![
            (0, Rule::OneOf(measurements)),
            (1, Rule::Any),
            (2, Rule::Any),
            (INSTANCE_PCR, instance),
            (CONFIG_PCR, Rule::Exactly(extended(machine.config))),
        ])],
        module_id: Rule::Any,
        debug: Permission::Refuse,
        age: AgeLimit::Seconds(times.age_max_s),
        ahead_seconds_max: AHEAD_SECONDS_MAX,
    }
}

/// Returns a zero PCR extended once with `config`.
fn extended(config: Digest) -> [u8; 48] {
    let mut hash = Sha384::new();
    hash.update([0; 48]);
    hash.update(config.as_bytes());
    hash.finalize().into()
}
