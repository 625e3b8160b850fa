//! The targets as the fuzzer is told of them. `tests/fuzz` holds the code; a test compares.

/// How a target is fed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    /// Its name, in `tests/fuzz` and here.
    pub(super) name: &'static str,
    /// Bytes of the longest input that is tried.
    pub(super) bytes_max: usize,
    /// Ends of the names of those files that are good seeds, among the vectors and the policies
    /// that the repository ships.
    pub(super) seeds: &'static [&'static str],
}

const fn target(name: &'static str, bytes_max: usize, seeds: &'static [&'static str]) -> Target {
    Target {
        name,
        bytes_max,
        seeds,
    }
}

/// Every target, in the order of the names.
pub(super) const ALL: [Target; 21] = [
    target("certificate", 4096, &[".der"]),
    target("certificate-table", 16384, &["cert-table.bin", ".pem"]),
    target("cmw-cbor", 8192, &["document.cbor"]),
    target("cmw-json", 16384, &[]),
    target("crl", 4096, &["crl.der", ".crl"]),
    target("ear", 4096, &[]),
    target("eif", 65536, &[".eif"]),
    target(
        "envelope",
        16384,
        &["report.bin", "document.cbor", "cert-table.bin"],
    ),
    target("kms-envelope", 2048, &[]),
    target("log-add-checkpoint", 4096, &[]),
    target("log-cose", 4096, &[]),
    target("log-note", 4096, &[".txt"]),
    target("log-policy", 4096, &[]),
    target("log-proof", 4096, &[]),
    target("measure-record", 8192, &[]),
    target("nitro-document", 8192, &["document.cbor"]),
    target("ovmf", 8192, &["ovmf", ".fd"]),
    target("policy", 8192, &[".toml"]),
    target("sd-jwt", 8192, &[]),
    target("signature", 2048, &[]),
    target("snp-report", 1184, &["report.bin"]),
];

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::workspace;

    #[test]
    fn every_target_has_a_committed_corpus_and_every_corpus_a_target() {
        let folder = workspace::root().join("tests/fuzz/corpus");
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();

        assert_eq!(names, ALL.map(|target| target.name));
    }
}
