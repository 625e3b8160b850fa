//! Who may depend on whom.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use boop_xtask::tcb::ENTRY;
use boop_xtask::workspace::{self, Kind, Package};

use crate::sources::{assert_none, rust};

/// The crates on the longest way from a program down to the bottom.
const CHAIN_MAX: usize = 7;
/// The trusted library that owns unsafe code.
const KERNEL: &str = "boop-kernel";
/// The crates of the workspace.
const PACKAGES_MAX: usize = 31;

/// The one edge out of the trusted crates: the measured binary's driver uses the machine's.
const TRUSTED_TO_DRIVER: (&str, &str) = (ENTRY, "boop-platform");
/// The one trusted file that takes two traits of `std`, which the TLS library reads through.
const STD_FILE: &str = "attestation/channel/src/tls.rs";

#[test]
fn trusted_crates_depend_on_trusted_crates_alone() {
    let house = House::load();
    let trusted = house.packages.values().filter(|package| package.tcb);
    let mut offenders = vec![];
    for package in trusted {
        for name in linked(package) {
            let edge = (package.name.as_str(), name);
            if !house.packages[name].tcb && edge != TRUSTED_TO_DRIVER {
                offenders.push(format!("{} -> {name}", package.name));
            }
        }
    }

    assert_none("trusted crates on crates that are not", &offenders);
}

#[test]
fn the_measured_binary_links_trusted_crates_and_its_driver_alone() {
    let house = House::load();
    let reached = house.reached_from(ENTRY);

    let foreign = reached.into_iter().filter(|name| {
        let package = &house.packages[*name];
        !package.tcb && *name != TRUSTED_TO_DRIVER.1
    });
    assert_none("crates in boop-party", &owned(foreign));
}

#[test]
fn trusted_crates_do_without_std_and_without_unsafe_code() {
    let house = House::load();
    let mut offenders = vec![];
    let trusted = house.packages.values().filter(|package| package.tcb);
    // The driver around the party has sockets and a clock, which is what it is for; the kernel
    // has the vector units.
    for package in trusted.filter(|package| package.name != ENTRY) {
        let needed: &[&str] = match package.name.as_str() {
            KERNEL => &["#![no_std]"],
            _ => &["#![no_std]", "#![forbid(unsafe_code)]"],
        };
        for root in &package.roots {
            let text = fs::read_to_string(root).expect("a root file can be read");
            let lines: BTreeSet<&str> = text.lines().collect();
            if !needed.iter().all(|line| lines.contains(line)) {
                offenders.push(root.display().to_string());
            }
        }
    }

    assert_none(
        "trusted crates without no_std or forbid(unsafe_code)",
        &offenders,
    );
}

#[test]
fn std_enters_the_trusted_libraries_through_one_file() {
    let house = House::load();
    let trusted = house.packages.values();
    let folders: Vec<String> = trusted
        .filter(|package| package.tcb && package.name != ENTRY)
        .map(|package| format!("{}/src/", package.folder))
        .collect();
    let mut offenders = vec![];
    for file in rust() {
        let is_trusted = folders.iter().any(|folder| file.path.starts_with(folder));
        let lines: Vec<&str> = file.text.lines().map(str::trim).collect();
        for (index, line) in lines.iter().enumerate() {
            // Tests, and the schemas of the public JSON, which no measured party builds.
            let before = lines[..index].iter().rev().take(2);
            let apart = before
                .clone()
                .any(|line| matches!(*line, "#[cfg(test)]" | "#[cfg(feature = \"openapi\")]"));
            if is_trusted && *line == "extern crate std;" && !apart && file.path != STD_FILE {
                offenders.push(format!("{}:{}", file.path, index + 1));
            }
        }
    }

    assert_none("`extern crate std` in trusted libraries", &offenders);
}

#[test]
fn only_the_simulator_and_the_tests_reach_the_simulator() {
    let house = House::load();
    let outside = house
        .packages
        .values()
        .filter(|package| !is_simulator(package) && !is_test(package));
    let mut offenders = vec![];
    for package in outside {
        let reached = house.reached_from(&package.name).into_iter();
        let simulated = reached.filter(|name| is_simulator(&house.packages[*name]));
        offenders.extend(simulated.map(|name| format!("{} -> {name}", package.name)));
    }

    assert_none("crates that link the simulator", &offenders);
}

#[test]
fn the_host_speaks_to_a_party_without_linking_it() {
    let house = House::load();

    let reached = house.reached_from("boop-host");

    let parts = ["boop-party", "boop-mpc", ENTRY];
    let linked = parts.into_iter().filter(|name| reached.contains(name));
    assert_none("parts of a party in boop-host", &owned(linked));
    assert!(reached.contains("boop-abi"), "boop-host knows the frames");
}

#[test]
fn the_house_stays_small_and_flat() {
    let house = House::load();

    let chains = house.packages.keys().map(|name| house.longest_chain(name));
    let longest = chains.max_by_key(Vec::len).unwrap_or_default();

    assert!(longest.len() <= CHAIN_MAX, "a chain too long: {longest:?}");
    assert!(house.packages.len() <= PACKAGES_MAX, "a crate too many");
}

#[test]
fn every_package_is_named_after_its_folder() {
    let house = House::load();
    let misnamed = house.packages.values().filter(|package| {
        let folder = package.folder.rsplit('/').next().unwrap_or_default();
        package.name != format!("boop-{folder}")
    });
    let offenders: Vec<_> = misnamed
        .map(|package| format!("{} in {}", package.name, package.folder))
        .collect();

    assert_none(
        "packages not named boop- and the word of their folder",
        &offenders,
    );
}

/// The packages of the workspace by name.
struct House {
    packages: BTreeMap<String, Package>,
}

impl House {
    fn load() -> Self {
        let packages = workspace::packages().expect("cargo reads the manifests");
        let named = packages
            .into_iter()
            .map(|package| (package.name.clone(), package));
        let packages = named.collect();
        Self { packages }
    }

    /// All packages of the workspace that one links or builds with, at any distance.
    fn reached_from(&self, name: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut waiting = linked(&self.packages[name]);
        while let Some(next) = waiting.pop() {
            if reached.insert(next) {
                waiting.extend(linked(&self.packages[next]));
            }
        }
        reached
    }

    fn longest_chain(&self, name: &str) -> Vec<&str> {
        let package = &self.packages[name];
        let below = linked(package)
            .into_iter()
            .map(|next| self.longest_chain(next));
        let mut chain = below.max_by_key(Vec::len).unwrap_or_default();
        chain.insert(0, &package.name);
        chain
    }
}

/// The packages that one links or builds with, directly.
fn linked(package: &Package) -> Vec<&str> {
    let dependencies = package.dependencies.iter();
    let used = dependencies.filter(|dependency| match dependency.kind {
        Kind::Normal | Kind::Build => true,
        Kind::Dev => false,
    });
    used.map(|dependency| dependency.name.as_str()).collect()
}

fn is_simulator(package: &Package) -> bool {
    package.folder.starts_with("sim/")
}

fn is_test(package: &Package) -> bool {
    package.folder == "tests" || package.folder.starts_with("tests/")
}

fn owned<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names.map(str::to_owned).collect()
}
