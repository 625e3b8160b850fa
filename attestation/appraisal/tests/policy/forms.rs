//! What is read, written and shipped.

use crate::support::{elaborate, parsed, problems};
use boop_appraisal::policy::{PolicyFile, Problem, ProblemKind, SHIPPED, STRICT, shipped};
use boop_verifier::{Demand, Permission, Platform, Policy, Product, Rule, SimulatedEvidence, Tier};

#[test]
fn every_shipped_policy_is_read_and_written_without_loss() {
    for name in SHIPPED {
        let text = shipped(name).expect("the name is listed");
        let file = PolicyFile::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));

        let written = PolicyFile::to_toml(&file.policy, &file.name);
        let again = PolicyFile::parse(&written).expect("what is written is read");

        assert_eq!(file.name, name);
        assert_eq!(again.policy, file.policy);
        assert_eq!(again.name, file.name);
        assert_eq!(PolicyFile::to_toml(&again.policy, &again.name), written);
    }
    assert_eq!(shipped("lenient"), None);
}

#[test]
fn a_policy_that_uses_every_form_survives_the_round_trip() {
    let policy = elaborate();

    let written = PolicyFile::to_toml(&policy, "a \"name\"\nof two lines");
    let file = PolicyFile::parse(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));

    assert_eq!(file.policy, policy);
    assert_eq!(file.name, "a \"name\"\nof two lines");
}

#[test]
fn refused_platforms_survive_the_round_trip() {
    let mut policy = Policy::p0();
    policy.snp = Platform::Refused;
    policy.nitro = Platform::Refused;

    let file = PolicyFile::parse(&PolicyFile::to_toml(&policy, "nothing"));

    assert_eq!(file.map(|file| file.policy), Ok(policy));
}

#[test]
fn the_built_in_profile_is_written_whole_and_refused_for_trusting_any_milan() {
    let written = PolicyFile::to_toml(&Policy::p0(), "p0");

    let problem = Problem {
        path: "snp.products.milan.chips".into(),
        kind: ProblemKind::MilanAnyChip,
    };
    assert_eq!(problems(&written), [problem]);

    let milan = written.find("[snp.products.milan]").expect("it is written");
    let listed = written[milan..].replacen("chips = \"any\"", "chips = []", 1);
    let file = PolicyFile::parse(&format!("{}{listed}", &written[..milan]));
    let mut expected = Policy::p0();
    if let Platform::Accepted(snp) = &mut expected.snp {
        snp.products[0].chips = Rule::OneOf(vec![]);
    }
    assert_eq!(file.map(|file| file.policy), Ok(expected));
}

#[test]
fn the_digest_is_over_the_text() {
    let one = PolicyFile::parse(STRICT).expect("strict is read");
    let other = PolicyFile::parse(&format!("{STRICT}\n")).expect("strict is read");

    assert_eq!(one.policy, other.policy);
    assert_ne!(one.sha256, other.sha256);
    assert_eq!(
        PolicyFile::parse(STRICT).map(|file| file.sha256),
        Ok(one.sha256)
    );
}

#[test]
fn shipped_policies_say_what_the_documents_say() {
    let strict = parsed("strict");
    let cloud = parsed("cloud-vlek");
    let development = parsed("development");

    for policy in [&strict, &cloud] {
        assert_eq!(policy.simulated, SimulatedEvidence::Refuse);
        assert_eq!(policy.binding, Demand::Required);
    }
    assert_eq!(development.simulated, SimulatedEvidence::Allow);
    assert_eq!(development.binding, Demand::Open);
    for policy in [&strict, &cloud, &development] {
        let Platform::Accepted(snp) = &policy.snp else {
            panic!("sev-snp is accepted");
        };
        assert_eq!(snp.vmpl, Rule::Exactly(0));
        assert_eq!(snp.debug, Permission::Refuse);
        assert_eq!(snp.migration_agent, Permission::Refuse);
        let milan = snp.product(Product::Milan).expect("milan is listed");
        assert_eq!(milan.chips, Rule::OneOf(vec![]));
        assert_eq!(milan.tier, Tier::Warning);
    }
    assert_eq!(cloud.nitro, Platform::Refused);
}
