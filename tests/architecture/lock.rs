//! What is built from outside: which libraries never, which in one version alone.

use std::collections::BTreeMap;
use std::fs;

use boop_xtask::tcb;
use boop_xtask::workspace;

use crate::sources::assert_none;

/// Libraries whose types meet, or whose bugs would count twice.
const ONE_VERSION: [&str; 12] = [
    "aes",
    "aes-gcm",
    "aws-lc-rs",
    "curve25519-dalek",
    "der",
    "ed25519-dalek",
    "hkdf",
    "hpke",
    "p256",
    "p384",
    "rustls",
    "x509-cert",
];

#[test]
fn one_library_gives_cryptography() {
    let (built, banned) = (built(), banned());
    let offenders = built.into_keys().filter(|name| banned.contains(name));

    assert_none("banned libraries", &offenders.collect::<Vec<_>>());
}

#[test]
fn a_library_that_others_meet_in_has_one_version() {
    let built = built();
    let doubled = built
        .iter()
        .filter(|(name, versions)| versions.len() > 1 && ONE_VERSION.contains(&name.as_str()));
    let offenders: Vec<_> = doubled
        .map(|(name, versions)| format!("{name}: {}", versions.join(", ")))
        .collect();

    assert_none("libraries in several versions", &offenders);
}

#[test]
fn the_measured_binary_has_one_version_of_everything() {
    let mut versions = BTreeMap::<_, Vec<_>>::new();
    for package in tcb::linked().expect("cargo knows the tree") {
        versions
            .entry(package.name)
            .or_default()
            .push(package.version);
    }
    let doubled = versions.iter().filter(|(_, versions)| versions.len() > 1);
    let offenders: Vec<_> = doubled
        .map(|(name, versions)| format!("{name}: {}", versions.join(", ")))
        .collect();

    assert_none("packages in several versions in boop-party", &offenders);
}

/// The libraries that deny.toml bans.
fn banned() -> Vec<String> {
    let rules =
        fs::read_to_string(workspace::root().join("deny.toml")).expect("deny.toml is there");
    let rules: toml::Table = rules.parse().expect("deny.toml is TOML");
    let banned = rules["bans"]["deny"].as_array().expect("a list of bans");
    let names = banned.iter().filter_map(|ban| ban["name"].as_str());
    let names: Vec<_> = names.map(str::to_owned).collect();
    assert!(!names.is_empty(), "deny.toml bans something");
    names
}

/// Everything that is built for some target of the workspace: versions by name.
///
/// `Cargo.lock` names more: libraries behind features that nobody turns on.
fn built() -> BTreeMap<String, Vec<String>> {
    let mut command = workspace::cargo();
    command.args(["tree", "--workspace", "--edges", "all", "--prefix", "none"]);
    command.args(["--locked", "--target", workspace::TARGET]);
    let tree = workspace::output(&mut command).expect("cargo knows the tree");
    let mut built = BTreeMap::<_, Vec<_>>::new();
    for line in tree.lines() {
        // Lines of features have no version in the second place.
        let mut words = line.split(' ');
        let (Some(name), Some(version)) = (words.next(), words.next()) else {
            continue;
        };
        if let Some(version) = version.strip_prefix('v') {
            let versions = built.entry(name.to_owned()).or_default();
            if !versions.iter().any(|known| known == version) {
                versions.push(version.to_owned());
            }
        }
    }
    assert!(built.len() > 100, "the tree is whole");
    built
}
