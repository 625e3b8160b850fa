//! The list of targets. The folders of `corpus/` and the table of `cargo xtask fuzz` follow it.

mod certificate;
mod cmw;
mod crl;
mod ear;
mod eif;
mod envelope;
mod kms_envelope;
mod log;
mod nitro_document;
mod ovmf;
mod policy;
mod record;
mod sd_jwt;
mod signature;
mod snp_report;
mod table;

/// A parser under test.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, which is also the folder of its corpus.
    pub name: &'static str,
    /// Feeds it with one input; panics when something that must hold does not.
    pub run: fn(&[u8]),
}

impl Target {
    /// Finds a target by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        TARGETS.iter().find(|target| target.name == name).copied()
    }
}

/// Every target, in the order of the names.
pub const TARGETS: &[Target] = &[
    Target {
        name: "certificate",
        run: certificate::run,
    },
    Target {
        name: "certificate-table",
        run: table::run,
    },
    Target {
        name: "cmw-cbor",
        run: cmw::cbor,
    },
    Target {
        name: "cmw-json",
        run: cmw::json,
    },
    Target {
        name: "crl",
        run: crl::run,
    },
    Target {
        name: "ear",
        run: ear::run,
    },
    Target {
        name: "eif",
        run: eif::run,
    },
    Target {
        name: "envelope",
        run: envelope::run,
    },
    Target {
        name: "kms-envelope",
        run: kms_envelope::run,
    },
    Target {
        name: "log-add-checkpoint",
        run: log::add_checkpoint,
    },
    Target {
        name: "log-cose",
        run: log::cose,
    },
    Target {
        name: "log-note",
        run: log::note,
    },
    Target {
        name: "log-policy",
        run: log::policy,
    },
    Target {
        name: "log-proof",
        run: log::proof,
    },
    Target {
        name: "measure-record",
        run: record::run,
    },
    Target {
        name: "nitro-document",
        run: nitro_document::run,
    },
    Target {
        name: "ovmf",
        run: ovmf::run,
    },
    Target {
        name: "policy",
        run: policy::run,
    },
    Target {
        name: "sd-jwt",
        run: sd_jwt::run,
    },
    Target {
        name: "signature",
        run: signature::run,
    },
    Target {
        name: "snp-report",
        run: snp_report::run,
    },
];
