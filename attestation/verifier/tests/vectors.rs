//! Every case of the attestation vectors, judged under P0 and N0 at its stated time.
//!
//! Those of genuine hardware live outside the repository: in `BOOP_VECTORS`, or in `shared/vectors`
//! beside the workspace. Without them the tests say so and run on the repository's own, which
//! simulated hardware made, unless `CI` is set. Cases with a policy file are for `boop-vectors`.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use boop_verifier::{
    Endorsements, Expected, Policy, Product, Reason, Roots, SimulatedEvidence, SimulatedRoots,
    UnixTime, Verdict, verify,
};
use serde_json::Value;

#[test]
fn every_snp_vector_gets_its_stated_verdict() {
    let cases = cases("snp");
    let disagreements: Vec<_> = cases
        .iter()
        .filter_map(|case| judge(case, snp_verdict))
        .collect();
    report("snp", cases.len(), &disagreements);
}

#[test]
fn every_nitro_vector_gets_its_stated_verdict() {
    let cases = cases("nitro");
    let disagreements: Vec<_> = cases
        .iter()
        .filter_map(|case| judge(case, nitro_verdict))
        .collect();
    report("nitro", cases.len(), &disagreements);
}

#[test]
fn simulated_roots_need_a_written_permission() {
    let cases = cases("snp");
    let case = cases
        .iter()
        .find(|case| case.text("id") == "genuine-turin-v5");
    let case = case.expect("the repository's vectors have the case");
    let roots = Roots::vendor().with_simulated(synthetic_snp_roots(case));
    let report = case.file("report").expect("a case has a report");

    let now = case.verify_time();
    let expected = Expected::nothing();
    let verdict = verify(
        &report,
        &endorsements(case),
        &roots,
        now,
        &Policy::p0(),
        &expected,
    );

    assert_eq!(verdict.reasons, [Reason::SimulatedEvidence]);
    assert!(verdict.authentic && verdict.simulated && !verdict.accepted);
}

#[test]
fn a_revocation_list_of_the_future_is_refused() {
    let cases = cases("snp");
    let case = cases
        .iter()
        .find(|case| case.text("id") == "pos-with-valid-crl");
    // The repository's own vectors state such a case and are judged above.
    let Some(case) = case else { return };
    let report = case.file("report").expect("a case has a report");
    let (roots, early) = (
        Roots::vendor(),
        UnixTime(unix_seconds("2024-10-22T00:00:00Z")),
    );

    let expected = Expected::nothing();
    let verdict = verify(
        &report,
        &endorsements(case),
        &roots,
        early,
        &Policy::p0(),
        &expected,
    );

    assert!(
        verdict.reasons.contains(&Reason::CrlNotYetValid),
        "{:?}",
        verdict.reasons
    );
}

/// One folder of the vectors.
struct Case {
    folder: PathBuf,
    expected: Value,
}

impl Case {
    fn text(&self, field: &str) -> &str {
        self.expected[field].as_str().unwrap_or_default()
    }

    fn file(&self, field: &str) -> Option<Vec<u8>> {
        let name = self.expected[field].as_str()?;
        Some(fs::read(self.folder.join(name)).expect("a named file exists"))
    }

    fn codes(&self, field: &str) -> BTreeSet<String> {
        let codes = self.expected[field].as_array().expect("a list of codes");
        codes
            .iter()
            .map(|code| code.as_str().expect("a code").to_owned())
            .collect()
    }

    fn verify_time(&self) -> UnixTime {
        // Cases without a time are parse-only; any moment will do.
        let text = self.expected["verify_time"]
            .as_str()
            .unwrap_or("2026-06-01T00:00:00Z");
        UnixTime(unix_seconds(text))
    }

    /// Leaves out what a policy file or an expectation decides.
    fn is_judged_here(&self) -> bool {
        ["P0", "N0"].contains(&self.text("policy")) && self.expected["expect"].is_null()
    }

    fn is_under_synthetic_roots(&self) -> bool {
        let named = ["trusted_roots", "trusted_root"].map(|field| self.text(field));
        named
            .iter()
            .any(|text| text.contains("configure as trusted"))
    }
}

/// The cases of genuine hardware, if they are here, and those of the repository.
fn cases(kind: &str) -> Vec<Case> {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/attestation");
    let folders = [vectors(), Some(kept)].into_iter().flatten();
    let cases = folders.flat_map(|folder| cases_of(&folder.join(kind)));
    cases.filter(Case::is_judged_here).collect()
}

fn cases_of(folder: &Path) -> Vec<Case> {
    let index = fs::read(folder.join("index.json")).expect("vectors have an index");
    let index: Value = serde_json::from_slice(&index).expect("index is json");
    let ids = index.as_array().expect("index is a list").iter();
    let cases = ids.map(|entry| {
        let folder = folder.join(entry["id"].as_str().expect("a case has an id"));
        let expected = fs::read(folder.join("expected.json")).expect("a case says what it expects");
        Case {
            folder,
            expected: serde_json::from_slice(&expected).expect("expected is json"),
        }
    });
    cases.collect()
}

/// Where the vectors of genuine hardware are.
#[expect(
    clippy::disallowed_methods,
    reason = "where the vectors are is a matter of the machine"
)]
fn vectors() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let folder = env::var("BOOP_VECTORS").map_or(beside, PathBuf::from);
    let folder = folder.join("attestation");
    let found = folder.is_dir();
    assert!(found || env::var("CI").is_err(), "CI runs with the vectors");
    if !found {
        println!("no vectors of genuine hardware here; those of the repository alone are judged");
    }
    found.then_some(folder)
}

fn snp_verdict(case: &Case) -> Verdict {
    let report = case.file("report").expect("a case has a report");
    let mut policy = Policy::p0();
    let mut roots = Roots::vendor();
    if case.is_under_synthetic_roots() {
        policy.simulated = SimulatedEvidence::Allow;
        roots = Roots::empty().with_simulated(synthetic_snp_roots(case));
    }
    let (now, expected) = (case.verify_time(), Expected::nothing());
    verify(
        &report,
        &endorsements(case),
        &roots,
        now,
        &policy,
        &expected,
    )
}

fn endorsements(case: &Case) -> Endorsements {
    Endorsements {
        leaf: case.file("endorsement_key"),
        intermediate: case.file("intermediate"),
        crl: case.file("crl"),
    }
}

fn synthetic_snp_roots(case: &Case) -> SimulatedRoots {
    let products = [Product::Milan, Product::Genoa, Product::Turin];
    let root = |product: Product| {
        let name = format!(
            "../roots/synthetic/{}-ark.der",
            product.as_str().to_lowercase()
        );
        (
            product,
            fs::read(case.folder.join(name)).expect("synthetic root exists"),
        )
    };
    SimulatedRoots {
        snp: products.map(root).to_vec(),
        nitro: vec![],
    }
}

fn nitro_verdict(case: &Case) -> Verdict {
    let document = case.file("document").expect("a case has a document");
    let mut policy = Policy::p0();
    let mut roots = Roots::vendor();
    if case.is_under_synthetic_roots() {
        let root = fs::read(case.folder.join("../roots/synthetic-root.der"));
        let nitro = vec![root.expect("synthetic root exists")];
        policy.simulated = SimulatedEvidence::Allow;
        roots = Roots::empty().with_simulated(SimulatedRoots { snp: vec![], nitro });
    }
    let (now, expected) = (case.verify_time(), Expected::nothing());
    verify(
        &document,
        &Endorsements::default(),
        &roots,
        now,
        &policy,
        &expected,
    )
}

/// Gives a line for the table when the verdict is another one than stated.
fn judge(case: &Case, verdict: impl Fn(&Case) -> Verdict) -> Option<String> {
    let verdict = verdict(case);
    let reasons: BTreeSet<_> = verdict.reasons.iter().map(ToString::to_string).collect();
    let flags: BTreeSet<_> = verdict.flags.iter().map(ToString::to_string).collect();
    let (stated_reasons, stated_flags) = (case.codes("reject_reasons"), case.codes("flags"));

    let agrees = match case.text("verdict") {
        "accept" => verdict.accepted && reasons == stated_reasons && flags == stated_flags,
        "reject" => !verdict.accepted && reasons == stated_reasons && flags == stated_flags,
        // Parse-only: the stated list stops at the missing certificate.
        "indeterminate" => !verdict.accepted && stated_reasons.is_subset(&reasons),
        _ => false,
    };
    // Ours asks for the exact form as well, so it may only be stricter.
    let authentic_agrees = !verdict.authentic || case.expected["authentic"] == Value::Bool(true);
    let genuine_agrees =
        case.text("group") != "genuine" || case.expected["authentic"] == verdict.authentic;
    let simulated_agrees = !verdict.simulated || case.is_under_synthetic_roots();

    let id = case.text("id");
    (!(agrees && authentic_agrees && genuine_agrees && simulated_agrees)).then(|| {
        format!(
            "{id}: stated {} {stated_reasons:?} {stated_flags:?}, found {} {reasons:?} {flags:?}",
            case.text("verdict"),
            if verdict.accepted { "accept" } else { "reject" },
        )
    })
}

fn report(kind: &str, total: usize, disagreements: &[String]) {
    println!(
        "{kind}: {} agree, {} disagree",
        total - disagreements.len(),
        disagreements.len()
    );
    for line in disagreements {
        println!("  {line}");
    }
    assert!(total > 50, "the vectors are complete");
    assert!(disagreements.is_empty(), "{disagreements:#?}");
}

/// Seconds since 1970 of a time such as `2026-06-01T12:00:30Z`.
fn unix_seconds(text: &str) -> u64 {
    let numbers: Vec<u64> = text
        .split(|character: char| !character.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().expect("digits are a number"))
        .collect();
    let numbers: [u64; 6] = numbers.try_into().expect("a time has six numbers");
    let [year, month, day, hour, minute, second] = numbers;
    // Days since 1970 in the proleptic Gregorian calendar, years counted from March.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    (days - 719_469) * 86_400 + hour * 3_600 + minute * 60 + second
}

#[test]
fn times_of_the_vectors_are_read_as_seconds() {
    assert_eq!(unix_seconds("1970-01-01T00:00:00Z"), 0);
    assert_eq!(unix_seconds("2026-06-01T12:00:30Z"), 1_780_315_230);
    assert_eq!(unix_seconds("2024-02-29T23:59:59Z"), 1_709_251_199);
}
