//! The pitfalls that evidence or a policy can show. The others are ones of protocols around the
//! verifier (19 to 21 in part), of hardware (16, 18) or of a program's own structure (28).

use boop_verifier::{
    Demand, Floor, Floors, Mitigations, Platform, Policy, Revocation, Rule, SimulatedEvidence,
    SnpPolicy, TcbRules, UnixTime, Vlek,
};

use super::{Attempt, Cases, Pitfall};

/// Every pitfall of the list, in its order.
pub(super) fn all() -> Vec<Pitfall> {
    let mut all = chains();
    all.extend(reports());
    all.extend(firmware());
    all.extend(machines());
    all.extend(documents());
    all.extend(around());
    all
}

fn named(reason: &'static str, cases: &'static [&'static str]) -> Attempt {
    Attempt {
        reason,
        cases: Cases::Named(cases),
        rule: None,
    }
}

/// Accepted evidence that a rule refuses.
fn ruled(reason: &'static str, cases: &'static [&'static str], rule: fn(&mut Policy)) -> Attempt {
    Attempt {
        reason,
        cases: Cases::Accepted(cases),
        rule: Some(rule),
    }
}

fn pitfall(numbers: &'static str, words: &'static str, attempts: Vec<Attempt>) -> Pitfall {
    Pitfall {
        numbers,
        words,
        attempts,
    }
}

fn chains() -> Vec<Pitfall> {
    vec![
        pitfall(
            "1",
            "a self-made root with the vendor's names is no root",
            vec![named(
                "untrusted-root",
                &[
                    "syn-rogue-root-same-names",
                    "syn-rogue-root-same-name",
                    "neg-own-root-a",
                ],
            )],
        ),
        pitfall(
            "2-25",
            "a genuine root beside a self-made chain does not vouch for it",
            vec![named(
                "chain-signature-invalid",
                &["syn-spliced-genuine-root", "syn-genuine-root-appended"],
            )],
        ),
        pitfall(
            "3",
            "a chain vouches for its own product alone",
            vec![
                named(
                    "report-product-does-not-match-chain",
                    &["neg-wrong-product-chain", "syn-report-product-mismatch"],
                ),
                named("leaf-product-name-mismatch", &["syn-product-name-mismatch"]),
                named("unknown-cpuid", &["syn-unknown-cpuid"]),
            ],
        ),
        pitfall(
            "4",
            "keys of another kind, and no key, do not sign reports",
            vec![
                named(
                    "intermediate-kind-mismatch",
                    &["neg-asvk-for-vcek", "syn-vcek-issued-by-asvk"],
                ),
                named(
                    "leaf-kind-does-not-match-signing-key",
                    &["syn-vlek-cert-for-vcek-report"],
                ),
                named(
                    "report-not-signed-by-vcek-or-vlek",
                    &["syn-signing-key-none", "syn-key-info-reserved"],
                ),
            ],
        ),
    ]
}

fn reports() -> Vec<Pitfall> {
    vec![
        pitfall(
            "5",
            "guests whose host may read or move them are refused",
            vec![
                named(
                    "policy-debug-allowed",
                    &[
                        "syn-debug",
                        "milan-v2-vcek-b-debug",
                        "milan-v2-vcek-g-debug-oldtcb",
                    ],
                ),
                named("policy-migration-agent-allowed", &["syn-migrate-ma"]),
            ],
        ),
        pitfall(
            "6",
            "less privileged software and the host do not speak for the guest",
            vec![
                named("vmpl-not-zero", &["syn-vmpl1", "milan-v3-vlek-b-aws-vmpl1"]),
                named("vmpl-not-a-guest-vmpl", &["syn-vmpl-host-ffffffff"]),
            ],
        ),
        pitfall(
            "7",
            "a hidden or missing chip id, and a missing firmware level, do not pass",
            vec![
                named("chip-id-masked", &["syn-chip-id-masked"]),
                named(
                    "chip-id-does-not-match-certificate",
                    &["syn-chip-id-mismatch", "neg-wrong-chip-vcek"],
                ),
                named("leaf-hwid-missing", &["syn-leaf-hwid-missing"]),
                named(
                    "leaf-tcb-extension-missing",
                    &["syn-leaf-microcode-missing"],
                ),
            ],
        ),
    ]
}

fn firmware() -> Vec<Pitfall> {
    vec![
        pitfall(
            "8",
            "rolled back, provisional and old firmware is refused where a policy asks",
            vec![
                named(
                    "reported-tcb-above-current",
                    &["syn-reported-above-current"],
                ),
                named(
                    "committed-tcb-above-current",
                    &["syn-committed-above-current"],
                ),
                ruled(
                    "provisional-firmware",
                    &["syn-provisional-firmware"],
                    |policy| {
                        snp(policy, |snp| {
                            snp.provisional_firmware = boop_verifier::Permission::Refuse
                        });
                    },
                ),
                ruled(
                    "launch-tcb-below-minimum",
                    &["syn-launch-tcb-old"],
                    |policy| {
                        floor(policy, |floor| floor.launch = recent());
                    },
                ),
            ],
        ),
        pitfall(
            "9",
            "firmware levels are compared per component, in the product's own order",
            vec![named(
                "reported-tcb-does-not-match-certificate",
                &[
                    "syn-tcb-mismatch-bootloader",
                    "syn-tcb-mismatch-microcode",
                    "syn-turin-tcb-in-milan-layout",
                    "syn-turin-tcb-mismatch-fmc",
                    "syn-leaf-fmc-missing",
                ],
            )],
        ),
        pitfall(
            "10-12-13",
            "firmware from before a fix is refused where a policy sets a floor",
            vec![ruled(
                "reported-tcb-below-minimum",
                &["milan-v2-vcek-a"],
                |policy| {
                    floor(policy, |floor| floor.reported = recent());
                },
            )],
        ),
    ]
}

fn machines() -> Vec<Pitfall> {
    vec![
        pitfall(
            "11",
            "memory that was not checked for aliases is refused where a policy asks",
            vec![ruled(
                "platform-info-not-allowed",
                &["syn-alias-check-incomplete"],
                |policy| {
                    snp(policy, |snp| {
                        snp.platform.alias_check_complete = Rule::Exactly(true);
                    });
                },
            )],
        ),
        pitfall(
            "14",
            "a guest without ciphertext hiding is refused where a policy asks",
            vec![ruled(
                "guest-policy-not-allowed",
                &["turin-v5-vcek-a-aci"],
                |policy| {
                    snp(policy, |snp| {
                        snp.guest_policy.ciphertext_hiding = Rule::Exactly(true)
                    });
                },
            )],
        ),
        pitfall(
            "15",
            "a missing mitigation is refused where a policy asks for it",
            vec![ruled(
                "launch-mitigation-missing",
                &["syn-mit-vector-zero"],
                |policy| {
                    snp(policy, |snp| {
                        for product in &mut snp.products {
                            product.launch_mitigations = Mitigations::All(1);
                        }
                    });
                },
            )],
        ),
        pitfall(
            "17",
            "a chip that is not listed is refused where a policy lists chips",
            vec![ruled(
                "chip-not-allowed",
                &["milan-v3-vcek-c-gcp", "milan-v5-vcek-a-gcp"],
                |policy| {
                    snp(policy, |snp| {
                        for product in &mut snp.products {
                            product.chips = Rule::OneOf(vec![[7; 64]]);
                        }
                    });
                },
            )],
        ),
    ]
}

fn documents() -> Vec<Pitfall> {
    vec![
        pitfall(
            "22",
            "bytes that no signature covers carry nothing",
            vec![
                named(
                    "signature-field-reserved-bytes-nonzero",
                    &[
                        "neg-signature-tail-nonzero",
                        "neg-signature-padding-nonzero",
                    ],
                ),
                named(
                    "malformed-report-length",
                    &["neg-trailing-byte", "neg-truncated"],
                ),
                named("trailing-bytes", &[]),
                named("unprotected-header-not-empty", &["neg-unprotected-header"]),
            ],
        ),
        pitfall(
            "23",
            "the algorithm is the signed one",
            vec![
                named(
                    "algorithm-not-es384",
                    &["neg-alg-es256", "neg-alg-only-unprotected"],
                ),
                named("unprotected-header-not-empty", &["neg-unprotected-alg"]),
            ],
        ),
        pitfall(
            "24",
            "what two readers could read differently is refused",
            vec![
                named("payload-duplicate-key", &["syn-duplicate-key"]),
                named("pcrs-duplicate-index", &["syn-pcr-duplicate-index"]),
                named("payload-unknown-field", &["syn-unknown-field"]),
            ],
        ),
        pitfall(
            "26",
            "PCR0 to PCR2 are there and named, or nothing is accepted",
            vec![
                named("pcr0-2-missing", &["syn-pcr0-missing"]),
                named("pcr0-2-partly-zero", &["syn-pcr0-zero-only"]),
                ruled("policy-incomplete", &["prod-2025-04-pcr3"], |policy| {
                    if let Platform::Accepted(nitro) = &mut policy.nitro {
                        nitro.pcr_sets.clear();
                    }
                }),
            ],
        ),
        pitfall(
            "27",
            "evidence is judged at the time of the check, not at its own",
            vec![named(
                "certificate-outside-validity",
                &[
                    "neg-expired-now",
                    "neg-before-validity",
                    "syn-leaf-expired",
                    "neg-vlek-expired",
                ],
            )],
        ),
    ]
}

fn around() -> Vec<Pitfall> {
    vec![
        pitfall(
            "19-21",
            "evidence that answers to nothing is refused where a policy asks for a binding",
            vec![ruled(
                "binding-missing",
                &["genoa-v3-vcek-a-aci", "prod-2025-04-pcr3"],
                |policy| policy.binding = Demand::Required,
            )],
        ),
        pitfall(
            "29",
            "simulated evidence is refused unless a policy says otherwise",
            vec![ruled(
                "simulated-evidence",
                &[
                    "syn-baseline-genoa-v3",
                    "syn-baseline-turin-v5",
                    "syn-baseline",
                ],
                |policy| policy.simulated = SimulatedEvidence::Refuse,
            )],
        ),
        pitfall(
            "30",
            "a revocation list is current, of this product, by its root, and there if asked for",
            vec![
                named("crl-stale", &["neg-crl-stale"]),
                named(
                    "crl-not-signed-by-ark",
                    &["neg-crl-other-product", "syn-crl-signed-by-ask"],
                ),
                named(
                    "intermediate-revoked",
                    &["syn-crl-revokes-ask", "neg-revoked-ask"],
                ),
                ruled("crl-missing", &["genoa-v3-vcek-a-aci"], |policy| {
                    snp(policy, |snp| snp.revocation = Revocation::Required);
                }),
            ],
        ),
        pitfall(
            "4-17",
            "a provider's fleet key is refused where a policy does not name the provider",
            vec![ruled(
                "vlek-not-allowed",
                &["milan-v2-vlek-a-aws"],
                |policy| {
                    snp(policy, |snp| snp.vlek = Vlek::Refused);
                },
            )],
        ),
    ]
}

fn snp(policy: &mut Policy, change: impl Fn(&mut SnpPolicy)) {
    if let Platform::Accepted(snp) = &mut policy.snp {
        change(snp);
    }
}

/// Sets a floor for every product, in force since 1970.
fn floor(policy: &mut Policy, change: impl Fn(&mut Floor)) {
    let mut floor = Floor {
        since: UnixTime(0),
        bulletins: vec![],
        reported: TcbRules::any(),
        committed: TcbRules::any(),
        launch: TcbRules::any(),
    };
    change(&mut floor);
    snp(policy, |snp| {
        for product in &mut snp.products {
            product.floors = Floors::Dated(vec![floor.clone()]);
        }
    });
}

/// A level of SNP firmware that the old cases are below and the new ones are not.
fn recent() -> TcbRules {
    TcbRules {
        snp: Rule::AtLeast(0x18),
        ..TcbRules::any()
    }
}
