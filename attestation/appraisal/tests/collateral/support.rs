//! What the tests of collateral share.

use std::fs;
use std::time::Duration;

use crate::fake;
use crate::fake::FakeKds;
use crate::vectors;
use boop_appraisal::collateral::{
    FileCache, HttpsFetch, HttpsOptions, KdsOptions, Offline, Provider, Wanted,
};
use boop_verifier::{Evidence, UnixTime, parse};
use tempfile::TempDir;

pub(crate) const ASK: &[u8] = include_bytes!("../../../verifier/roots/amd-genoa-ask.der");
pub(crate) const ARK: &[u8] = include_bytes!("../../../verifier/roots/amd-genoa-ark.der");
/// Any certificate does for a client that verifies nothing.
pub(crate) const LEAF: &[u8] = include_bytes!("../../../verifier/roots/amd-genoa-asvk.der");

pub(crate) const MILAN_ARK: &[u8] = include_bytes!("../../../verifier/roots/amd-milan-ark.der");
pub(crate) const MILAN_ASK: &[u8] = include_bytes!("../../../verifier/roots/amd-milan-ask.der");

pub(crate) const GENOA: [u8; 3] = [0x19, 0x11, 1];
pub(crate) const BERGAMO: [u8; 3] = [0x19, 0xa0, 2];
pub(crate) const TURIN: [u8; 3] = [0x1a, 0x02, 1];
pub(crate) const NOW: UnixTime = UnixTime(1_780_000_000);

pub(crate) fn options(server: &FakeKds) -> KdsOptions {
    KdsOptions {
        base_url: server.base_url(),
        spacing: Duration::ZERO,
        backoff_max: Duration::from_secs(10),
        ..KdsOptions::amd()
    }
}

pub(crate) fn fetch() -> HttpsFetch {
    fetch_within(Duration::from_secs(10))
}

pub(crate) fn fetch_within(timeout: Duration) -> HttpsFetch {
    let options = HttpsOptions {
        timeout,
        ..HttpsOptions::default()
    };
    HttpsFetch::new(&options).expect("a client can be made")
}

pub(crate) fn cache<P: Provider>(folder: &TempDir, behind: P, now: UnixTime) -> FileCache<P> {
    FileCache::new(folder.path(), behind, now).expect("a cache can be made")
}

pub(crate) fn cache_offline(folder: &TempDir, now: UnixTime) -> FileCache<Offline> {
    cache(folder, Offline, now)
}

pub(crate) fn names(folder: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).expect("the folder is there");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.into_string().expect("a name"))
        .collect();
    names.sort();
    names
}

pub(crate) fn genoa() -> Wanted {
    let report = report(5, GENOA, [10, 0, 0, 0, 0, 0, 23, 84]);
    Wanted::of(&report).expect("the report names what it wants")
}

/// A certificate that states what [`genoa`] wants.
pub(crate) fn genoa_leaf() -> Vec<u8> {
    fake::vcek("Genoa-B1", &[0xab; 64], [10, 0, 23, 84])
}

pub(crate) fn leaf_url(server: &FakeKds) -> String {
    let (base, id) = (server.base_url(), "ab".repeat(64));
    format!("{base}/vcek/v1/Genoa/{id}?blSPL=10&teeSPL=00&snpSPL=23&ucodeSPL=84")
}

/// Writes a report that says no more than what it wants.
pub(crate) fn report(version: u8, cpuid: [u8; 3], tcb: [u8; 8]) -> Evidence {
    let mut bytes = vec![0; 1184];
    bytes[0] = version;
    bytes[0x34] = 1;
    bytes[0x180..0x188].copy_from_slice(&tcb);
    bytes[0x188..0x18b].copy_from_slice(&cpuid);
    bytes[0x1a0..0x1e0].fill(0xab);
    parse(&bytes).expect("the length is right")
}

pub(crate) fn altered(evidence: &Evidence, alter: impl Fn(&mut [u8])) -> Evidence {
    let mut bytes = evidence.as_bytes().to_vec();
    alter(&mut bytes);
    parse(&bytes).expect("the length is right")
}

pub(crate) fn chain(certificates: &[&[u8]]) -> Vec<u8> {
    let parts = certificates.iter().map(|der| fake::pem("CERTIFICATE", der));
    parts.collect::<String>().into_bytes()
}

/// A list that is current for a year from `from`, signed by nobody in particular.
pub(crate) fn crl(from: UnixTime) -> Vec<u8> {
    fake::crl(from)
}

/// The address of a case's certificate, from the decoded fields of the vectors.
pub(crate) fn leaf_path(case: &vectors::Case) -> String {
    let decoded = &case.expected["decoded"];
    let field = |name: &str| decoded[name].as_str().expect("a field").to_owned();
    let (chip, tcb) = (field("chip_id"), field("reported_tcb"));
    let tcb: Vec<u8> = (0..8)
        .map(|at| u8::from_str_radix(&tcb[2 * at..2 * at + 2], 16).expect("hex"))
        .collect();
    if case.text("product") == "Turin" {
        return format!(
            "/vcek/v1/Turin/{}?fmcSPL={:02}&blSPL={:02}&teeSPL={:02}&snpSPL={:02}&ucodeSPL={:02}",
            &chip[..16],
            tcb[0],
            tcb[1],
            tcb[2],
            tcb[3],
            tcb[7]
        );
    }
    let milan = case.text("product") == "Milan";
    let product = if milan { "Milan" } else { "Genoa" };
    format!(
        "/vcek/v1/{product}/{chip}?blSPL={:02}&teeSPL={:02}&snpSPL={:02}&ucodeSPL={:02}",
        tcb[0], tcb[1], tcb[6], tcb[7]
    )
}
