//! Cases of SEV-SNP that a policy file decides.

use super::{PROVISIONAL, REPORTED, odd};
use crate::chip::ChipModel::{GenoaV3, GenoaV5, MilanV2, MilanV3, TurinV5};
use crate::forge::{Change, Fault, Oddity};
use crate::vectors::cases::{Bound, Case};

/// A policy that names everything about Genoa.
const STRICT: &str = "strict.toml";

pub(super) fn cases() -> Vec<Case> {
    [under_policies(), under_the_strict_policy()].concat()
}

fn under_policies() -> Vec<Case> {
    vec![
        Case::accepted("listed-milan-chip", MilanV3, &[]).under("milan-chip.toml"),
        Case::unwanted("unlisted-milan", MilanV2, &[], &["product-not-allowed"])
            .under("without-genoa.toml"),
        Case::unwanted(
            "product-not-allowed",
            GenoaV3,
            &[],
            &["product-not-allowed"],
        )
        .under("without-genoa.toml"),
        Case::unwanted("chip-not-allowed", GenoaV3, &[], &["chip-not-allowed"])
            .under("other-chip.toml"),
        Case::unwanted("vmpl-not-allowed", GenoaV3, &[], &["vmpl-not-allowed"])
            .under("vmpl-2.toml"),
        Case::unwanted(
            "mitigations-missing",
            GenoaV5,
            &[],
            &["current-mitigation-missing", "launch-mitigation-missing"],
        )
        .under("mitigations.toml"),
        Case::unwanted(
            "mitigations-not-stated",
            GenoaV3,
            &[],
            &["current-mitigation-missing", "launch-mitigation-missing"],
        )
        .under("mitigations.toml"),
        Case::unwanted("no-floor-in-force", GenoaV3, &[], &["policy-incomplete"])
            .under("floors-of-tomorrow.toml"),
        odd("this-provider", GenoaV3, Oddity::FleetKey).under("this-provider.toml"),
        Case::unwanted(
            "vlek-provider-not-allowed",
            GenoaV3,
            &[Oddity::FleetKey.into()],
            &["vlek-provider-not-allowed"],
        )
        .under("other-provider.toml"),
        Case::unwanted("simulated-evidence", TurinV5, &[], &["simulated-evidence"])
            .under("real-hardware.toml"),
        Case::unwanted("platform-refused", TurinV5, &[], &["platform-refused"])
            .under("nitro-alone.toml"),
    ]
}

/// What the strict policy refuses beside a revocation list and a binding that are as it asks.
fn under_the_strict_policy() -> Vec<Case> {
    let strict = |id, change: Change, reasons| {
        let changes = [Oddity::ValidCrl.into(), change];
        let case = Case::unwanted(id, GenoaV5, &changes, reasons);
        case.under(STRICT).bound(Bound::Data)
    };
    let listed = [Oddity::ValidCrl.into()];
    vec![
        Case::accepted("strict", GenoaV5, &listed)
            .under(STRICT)
            .bound(Bound::Data),
        Case::unwanted("binding-missing", GenoaV5, &listed, &["binding-missing"]).under(STRICT),
        Case::unwanted("crl-missing", GenoaV5, &[], &["crl-missing"])
            .under(STRICT)
            .bound(Bound::Data),
        strict(
            "wrong-measurement",
            Fault::WrongMeasurement.into(),
            &["measurement-not-allowed"],
        ),
        strict(
            "wrong-host-data",
            Fault::WrongHostData.into(),
            &["host-data-not-allowed"],
        ),
        strict(
            "old-firmware",
            Fault::OldFirmware.into(),
            &[
                "committed-tcb-below-minimum",
                "launch-tcb-below-minimum",
                "reported-tcb-below-minimum",
            ],
        ),
        strict(
            "strict-reported-below-current",
            Oddity::ReportedBelowCurrent.into(),
            &[REPORTED],
        )
        .flags(&[REPORTED]),
        strict(
            "strict-provisional-firmware",
            Oddity::ProvisionalFirmware.into(),
            &["provisional-firmware"],
        )
        .flags(&[PROVISIONAL]),
        strict(
            "id-block-not-allowed",
            Oddity::IdBlock.into(),
            &["id-block-not-allowed"],
        )
        .flags(&["id-block-present"]),
        strict(
            "guest-policy-not-allowed",
            Oddity::NoSmt.into(),
            &["guest-policy-not-allowed"],
        ),
        strict(
            "platform-info-not-allowed",
            Oddity::AliasCheckPending.into(),
            &["platform-info-not-allowed"],
        )
        .flags(&["alias-check-not-complete"]),
        strict(
            "vlek-not-allowed",
            Oddity::FleetKey.into(),
            &["vlek-not-allowed"],
        ),
    ]
}
