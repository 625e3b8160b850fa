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
    let (built, banned) = (built("all", &[]), banned());
    let mut offenders = vec![];
    for (name, wrappers) in banned {
        for version in built.get(&name).into_iter().flatten() {
            let users = users(&name, version).into_iter();
            let others = users.filter(|user| !wrappers.contains(user));
            offenders.extend(others.map(|user| format!("{name}, by {user}")));
        }
    }

    assert_none("banned libraries", &offenders);
}

#[test]
fn a_library_that_others_meet_in_has_one_version() {
    // The bench measures a neighbour, and tests hold us against others, which bring libraries of
    // another generation.
    let built = built("normal,build", &["--exclude", "boop-bench"]);
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

/// The libraries that deny.toml bans, each with those that may use it all the same.
fn banned() -> BTreeMap<String, Vec<String>> {
    let rules =
        fs::read_to_string(workspace::root().join("deny.toml")).expect("deny.toml is there");
    let rules: toml::Table = rules.parse().expect("deny.toml is TOML");
    let banned = rules["bans"]["deny"].as_array().expect("a list of bans");
    let banned: BTreeMap<_, _> = banned
        .iter()
        .map(|ban| {
            let name = ban["name"].as_str().expect("a ban has a name").to_owned();
            let wrappers = ban.get("wrappers").and_then(|wrappers| wrappers.as_array());
            let wrappers = wrappers.into_iter().flatten();
            let wrappers = wrappers.filter_map(|wrapper| wrapper.as_str().map(str::to_owned));
            (name, wrappers.collect())
        })
        .collect();
    assert!(!banned.is_empty(), "deny.toml bans something");
    banned
}

/// The packages that depend on a library directly.
fn users(library: &str, version: &str) -> Vec<String> {
    let mut command = workspace::cargo();
    command.args(["tree", "--workspace", "--edges", "normal,build,dev"]);
    command.args(["--invert", &format!("{library}@{version}"), "--depth", "1"]);
    command.args(["--prefix", "depth", "--locked"]);
    command.args(["--target", workspace::TARGET]);
    let tree = workspace::output(&mut command).expect("cargo knows the tree");
    let direct = tree.lines().filter_map(|line| line.strip_prefix('1'));
    let names = direct.filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

/// Everything that is built for some target of the workspace: versions by name.
///
/// `Cargo.lock` names more: libraries behind features that nobody turns on.
fn built(edges: &str, arguments: &[&str]) -> BTreeMap<String, Vec<String>> {
    let mut command = workspace::cargo();
    command.args(["tree", "--workspace", "--edges", edges, "--prefix", "none"]);
    command.args(["--locked", "--target", workspace::TARGET]);
    command.args(arguments);
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
