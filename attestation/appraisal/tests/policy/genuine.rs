//! What the shipped policies say about every genuine report and document of the shared vectors.

use std::collections::BTreeMap;

use boop_appraisal::policy::{PolicyFile, STRICT, shipped};
use boop_verifier::{Endorsements, Expected, Policy, Roots, Rule, Tier, UnixTime, Verdict, verify};

use crate::{
    support::{changed, parsed},
    vectors,
};

/// Every genuine report under `strict`, with the reasons of its refusal. As shipped it accepts
/// none, for it names no program.
#[test]
fn strict_refuses_every_genuine_report_until_it_is_filled_in() {
    let Some(cases) = vectors::cases("snp") else {
        return;
    };
    let strict = parsed("strict");

    let modern = "guest-policy-not-allowed measurement-not-allowed crl-missing";
    let milan = "chip-not-allowed";
    let old = "chip-not-allowed reported-tcb-below-minimum committed-tcb-below-minimum \
               launch-tcb-below-minimum platform-info-not-allowed";
    let table = [
        ("genoa-v3-vcek-a-aci", ""),
        ("genoa-v3-vcek-b", ""),
        ("genoa-v3-vcek-c-tls-bound", ""),
        ("genoa-v5-vcek-a-gcp", ""),
        ("siena-bergamo-v3-vcek-a", ""),
        ("siena-bergamo-v5-vcek-b", ""),
        ("turin-v5-vcek-a-aci", ""),
        ("milan-v2-vcek-a", old),
        ("milan-v2-vcek-d", old),
        ("milan-v2-vcek-e-aci", old),
        ("milan-v2-vcek-f-idblock-author", old),
        ("milan-v2-vcek-h", old),
        ("milan-v3-vcek-a-azure", milan),
        ("milan-v3-vcek-b-aci", milan),
        ("milan-v3-vcek-c-gcp", milan),
        ("milan-v3-vcek-d-gcp", milan),
        ("milan-v3-vcek-f-azure", milan),
        ("milan-v4-vcek-a-gcp", milan),
        ("milan-v5-vcek-a-gcp", milan),
    ];
    let mut expected: BTreeMap<&str, String> = table
        .into_iter()
        .map(|(id, more)| (id, format!("{modern} {more}")))
        .collect();
    let odd = [
        (
            "milan-v2-vcek-b-debug",
            format!("{modern} {old} policy-debug-allowed"),
        ),
        (
            "milan-v2-vcek-g-debug-oldtcb",
            format!("{modern} {old} policy-debug-allowed"),
        ),
        (
            "milan-v2-vcek-c-azure",
            format!("{modern} {old} reported-tcb-below-current provisional-firmware"),
        ),
        (
            "milan-v3-vcek-e-reported-below-current",
            format!(
                "{modern} {milan} reported-tcb-below-minimum committed-tcb-below-minimum \
                 launch-tcb-below-minimum reported-tcb-below-current"
            ),
        ),
        (
            "milan-v2-vlek-a-aws",
            // Checked at its time, November 2024, before the first floor.
            format!(
                "{modern} vlek-not-allowed platform-info-not-allowed policy-incomplete \
                 reported-tcb-below-current provisional-firmware"
            ),
        ),
        (
            "milan-v3-vlek-b-aws-vmpl1",
            format!(
                "{modern} vlek-not-allowed reported-tcb-below-minimum \
                 reported-tcb-below-current provisional-firmware vmpl-not-zero"
            ),
        ),
    ];
    expected.extend(odd);
    compare(&cases, &strict, &expected);
}

#[test]
fn strict_filled_in_accepts_genuine_machines_at_their_floors_alone() {
    let Some(cases) = vectors::cases("snp") else {
        return;
    };
    // Every genuine machine runs with threads on, and lists of revocation of the day are not
    // among the vectors.
    let open = changed(STRICT, "smt_allowed = false", "smt_allowed = \"any\"");
    let open = changed(
        &open,
        "revocation = \"required\"",
        "revocation = \"when-given\"",
    );
    let accepted = accepted_when_listed(&cases, &open, false);
    assert_eq!(
        accepted,
        [
            ("genoa-v3-vcek-a-aci", Tier::Affirming),
            ("genoa-v3-vcek-b", Tier::Affirming),
            ("genoa-v3-vcek-c-tls-bound", Tier::Affirming),
            ("genoa-v5-vcek-a-gcp", Tier::Affirming),
            ("siena-bergamo-v3-vcek-a", Tier::Affirming),
            ("siena-bergamo-v5-vcek-b", Tier::Affirming),
            ("turin-v5-vcek-a-aci", Tier::Affirming),
        ]
        .map(|(id, tier)| (id.to_owned(), Some(tier)))
    );

    // With its chip listed, a Milan at today's floor is accepted too, with a reservation.
    let accepted = accepted_when_listed(&cases, &open, true);
    let milan: Vec<_> = accepted
        .iter()
        .filter(|(id, _)| id.starts_with("milan"))
        .collect();
    let ids: Vec<_> = milan.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "milan-v3-vcek-a-azure",
            "milan-v3-vcek-b-aci",
            "milan-v3-vcek-c-gcp",
            "milan-v3-vcek-d-gcp",
            "milan-v3-vcek-f-azure",
            "milan-v4-vcek-a-gcp",
            "milan-v5-vcek-a-gcp",
        ]
    );
    assert!(milan.iter().all(|(_, tier)| *tier == Some(Tier::Warning)));
}

#[test]
fn strict_with_a_current_list_of_revocation_accepts() {
    let Some(cases) = vectors::cases("snp") else {
        return;
    };
    let case = case(&cases, "pos-with-valid-crl");
    let open = changed(STRICT, "smt_allowed = false", "smt_allowed = \"any\"");
    let file = PolicyFile::parse(&with_program(&open, case)).expect("it is read");

    let (verdict, late) = (
        judged(case, &file.policy, case.verify_time()),
        judged(
            case,
            &file.policy,
            UnixTime(case.verify_time().0 + 180 * 86_400),
        ),
    );

    assert!(verdict.accepted, "{:?}", verdict.reasons);
    assert!(verdict.bound);
    assert_eq!(verdict.tier, Some(Tier::Affirming));
    assert_eq!(codes(&late), ["crl-missing", "crl-stale"]);
}

#[test]
fn floors_count_from_their_date() {
    let Some(cases) = vectors::cases("snp") else {
        return;
    };
    let case = case(&cases, "milan-v3-vcek-e-reported-below-current");
    let text = STRICT.replace("since = 2025-02-03", "since = 2026-09-02");
    let text = changed(&text, "smt_allowed = false", "smt_allowed = \"any\"");
    let text = changed(
        &text,
        "revocation = \"required\"",
        "revocation = \"when-given\"",
    );
    let below = "reported_below_current";
    let text = changed(
        &text,
        &format!("{below} = \"refuse\""),
        &format!("{below} = \"accept\""),
    );
    let text = with_chip(&with_program(&text, case), case);
    let policy = PolicyFile::parse(&text).expect("it is read").policy;

    // One second before the new floor begins the old one counts.
    let before = UnixTime(1_788_307_199);
    let (before, after) = (
        judged(case, &policy, before),
        judged(case, &policy, UnixTime(before.0 + 1)),
    );

    assert!(before.accepted, "{:?}", before.reasons);
    assert_eq!(
        codes(&after),
        [
            "committed-tcb-below-minimum",
            "launch-tcb-below-minimum",
            "reported-tcb-below-minimum"
        ]
    );
}

#[test]
fn cloud_vlek_accepts_its_provider_alone() {
    let Some(cases) = vectors::cases("snp") else {
        return;
    };
    let text = shipped("cloud-vlek").expect("it is shipped");
    let policy = parsed("cloud-vlek");

    let genuine = cases.iter().filter(|case| case.text("group") == "genuine");
    for case in genuine.filter(|case| case.text("signed_by") == "VCEK") {
        let verdict = judged(case, &policy, case.verify_time());
        let listed = match case.text("id").starts_with("siena-bergamo") {
            true => "product-not-allowed",
            false => "chip-not-allowed",
        };
        assert!(!verdict.accepted);
        assert!(codes(&verdict).contains(&listed), "{}", case.text("id"));
    }
    let early = case(&cases, "milan-v2-vlek-a-aws");
    let sample = case(&cases, "milan-v3-vlek-b-aws-vmpl1");
    // The report of 2024 cannot speak of aliases; the one of 2025 was asked for at VMPL 1.
    assert_eq!(
        codes(&judged(early, &policy, early.verify_time())),
        ["platform-info-not-allowed"]
    );
    assert_eq!(
        codes(&judged(sample, &policy, sample.verify_time())),
        ["vmpl-not-zero"]
    );

    let cases = [
        (
            early,
            "alias_check_complete = true",
            "alias_check_complete = \"any\"",
        ),
        (sample, "vmpl = 0", "vmpl = 1"),
    ];
    for (case, line, instead) in cases {
        let text = changed(text, line, instead);
        let policy = PolicyFile::parse(&text).expect("it is read").policy;
        let verdict = judged(case, &policy, case.verify_time());
        assert!(verdict.accepted && verdict.bound, "{:?}", verdict.reasons);
        assert_eq!(verdict.tier, Some(Tier::Warning));

        let names = "csp_ids = [\"CN=cc-us-east-2.amazonaws.com\", \
                     \"CN=cc-eu-west-1.amazonaws.com\"]";
        let other = changed(&text, names, "csp_ids = [\"CN=cc-elsewhere.example\"]");
        let other = PolicyFile::parse(&other).expect("it is read").policy;
        assert_eq!(
            codes(&judged(case, &other, case.verify_time())),
            ["vlek-provider-not-allowed"]
        );
    }
}

#[test]
fn development_accepts_what_is_closed_to_its_host() {
    let Some(cases) = vectors::cases("snp") else {
        return;
    };
    let policy = parsed("development");

    for case in cases.iter().filter(|case| case.text("group") == "genuine") {
        let verdict = judged(case, &policy, case.verify_time());
        let milan_chip = case.text("product") == "Milan" && case.text("signed_by") == "VCEK";
        let mut expected = stated_reasons(case);
        if milan_chip {
            expected.push("chip-not-allowed".into());
        }
        expected.sort();
        assert_eq!(codes(&verdict), expected, "{}", case.text("id"));
        assert_eq!(verdict.tier, verdict.accepted.then_some(Tier::Warning));
    }
}

#[test]
fn nitro_documents_need_a_release_that_fits_whole() {
    let Some(cases) = vectors::cases("nitro") else {
        return;
    };
    let strict = parsed("strict");
    let development = parsed("development");
    for case in cases.iter().filter(|case| case.text("group") == "genuine") {
        let now = case.verify_time();
        let document = case.file("document").expect("a case has a document");
        let shown = judged_nitro(&document, &strict, now);
        assert!(!shown.accepted);
        assert!(
            codes(&shown).contains(&"policy-incomplete"),
            "{}",
            case.text("id")
        );
        let debug = case.text("verdict") == "reject";
        let open = judged_nitro(&document, &development, now);
        assert_eq!(open.accepted, !debug, "{}", case.text("id"));

        let pcrs = |index: u8| {
            let facts = shown.facts.as_ref().expect("there are facts");
            let found = facts.pcrs.iter().find(|(at, _)| *at == index);
            found
                .map_or([0; 48], |(_, pcr)| *pcr)
                .map(|byte| format!("{byte:02x}"))
                .concat()
        };
        let set = |pcr2: &str| {
            let (pcr0, pcr1) = (pcrs(0), pcrs(1));
            let set = format!(
                "{{ name = \"r\", pcrs = {{ 0 = \"{pcr0}\", 1 = \"{pcr1}\", 2 = \"{pcr2}\" }} }}"
            );
            let text = changed(STRICT, "pcr_sets = []", &format!("pcr_sets = [{set}]"));
            let text = changed(&text, "binding = \"required\"", "binding = \"any\"");
            PolicyFile::parse(&text).expect("it is read").policy
        };
        let (right, wrong) = (set(&pcrs(2)), set(&"11".repeat(48)));
        let right = judged_nitro(&document, &right, now);
        assert_eq!(
            right.accepted,
            !debug,
            "{}: {:?}",
            case.text("id"),
            right.reasons
        );
        assert!(!judged_nitro(&document, &wrong, now).accepted);
    }
}

fn with_program(text: &str, case: &vectors::Case) -> String {
    let measurement = case.expected["decoded"]["measurement"].as_str();
    let measurement = measurement.map_or_else(|| measurement_of(case), str::to_owned);
    changed(
        text,
        "measurement = []",
        &format!("measurement = [\"{measurement}\"]"),
    )
}

fn measurement_of(case: &vectors::Case) -> String {
    let report = case.file("report").expect("a case has a report");
    report[0x90..0xc0]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn with_chip(text: &str, case: &vectors::Case) -> String {
    let chip = case.expected["decoded"]["chip_id"]
        .as_str()
        .expect("a chip id");
    changed(text, "chips = []", &format!("chips = [\"{chip}\"]"))
}

fn case<'a>(cases: &'a [vectors::Case], id: &str) -> &'a vectors::Case {
    let found = cases.iter().find(|case| case.text("id") == id);
    found.expect("vectors have the case")
}

/// Judges a report that is bound to what the caller expects.
fn judged(case: &vectors::Case, policy: &Policy, now: UnixTime) -> Verdict {
    let report = case.file("report").expect("a case has a report");
    let bound: [u8; 64] = report[0x50..0x90].try_into().expect("64 bytes");
    let expected = Expected {
        report_data: Rule::Exactly(bound.to_vec()),
        nonce: Rule::Any,
    };
    let given = Endorsements {
        leaf: case.file("endorsement_key"),
        intermediate: case.file("intermediate"),
        crl: case.file("crl"),
    };
    verify(&report, &given, &Roots::vendor(), now, policy, &expected)
}

fn judged_nitro(document: &[u8], policy: &Policy, now: UnixTime) -> Verdict {
    let (given, roots) = (Endorsements::default(), Roots::vendor());
    verify(document, &given, &roots, now, policy, &Expected::nothing())
}

fn stated_reasons(case: &vectors::Case) -> Vec<String> {
    let codes = case.expected["reject_reasons"]
        .as_array()
        .expect("a list of codes");
    let codes = codes.iter().map(|code| code.as_str().expect("a code"));
    codes.map(str::to_owned).collect()
}

fn codes(verdict: &Verdict) -> Vec<&str> {
    let mut codes: Vec<_> = verdict
        .reasons
        .iter()
        .map(|reason| reason.as_str())
        .collect();
    codes.sort_unstable();
    codes
}

/// Holds every genuine case against a table of reasons.
fn compare(cases: &[vectors::Case], policy: &Policy, table: &BTreeMap<&str, String>) {
    let genuine = cases.iter().filter(|case| case.text("group") == "genuine");
    let mut differences = vec![];
    let mut compared = 0;
    for case in genuine {
        let verdict = judged(case, policy, case.verify_time());
        let stated = table.get(case.text("id")).map(String::as_str);
        let mut stated: Vec<_> = stated
            .unwrap_or("not in the table")
            .split_whitespace()
            .collect();
        stated.sort_unstable();
        let found = codes(&verdict);
        if found != stated {
            differences.push(format!("{}: {found:?}, stated {stated:?}", case.text("id")));
        }
        compared += 1;
    }
    assert!(differences.is_empty(), "{differences:#?}");
    assert_eq!(compared, table.len());
}

/// Lists the genuine reports that are accepted once their program, and their chip, is named.
fn accepted_when_listed(
    cases: &[vectors::Case],
    text: &str,
    with_chips: bool,
) -> Vec<(String, Option<Tier>)> {
    let genuine = cases.iter().filter(|case| case.text("group") == "genuine");
    let verdicts = genuine.map(|case| {
        let text = with_program(text, case);
        let text = match with_chips {
            true => with_chip(&text, case),
            false => text,
        };
        let file = PolicyFile::parse(&text).expect("it is read");
        (case, judged(case, &file.policy, case.verify_time()))
    });
    verdicts
        .filter(|(_, verdict)| verdict.accepted)
        .map(|(case, verdict)| (case.text("id").to_owned(), verdict.tier))
        .collect()
}
