//! What a report wants, and genuine reports that get it.

use std::collections::BTreeMap;

use crate::fake;
use crate::fake::{Answer, FakeClock, FakeKds};
use crate::support::{
    GENOA, LEAF, NOW, TURIN, altered, cache, cache_offline, crl, fetch, genoa_leaf, leaf_path,
    options, report,
};
use crate::vectors;
use boop_appraisal::collateral::{
    Bundle, CollateralError, Completed, Kds, KdsOptions, ListChosenBy, Offline, Wanted,
    WantedError, WantedKey, complete,
};
use boop_verifier::{
    Endorsements, Expected, Policy, Product, Reason, Roots, Tcb, UnixTime, parse, verify,
};
use tempfile::TempDir;

const BY_ENVELOPE: Option<ListChosenBy> = Some(ListChosenBy::Envelope);

/// What is found when no list stands in for another.
fn completed(endorsements: Endorsements) -> Result<Completed, CollateralError> {
    Ok(Completed {
        endorsements,
        list_error: None,
    })
}

#[test]
fn a_report_says_what_it_wants_or_why_it_cannot() {
    let tcb = [1, 2, 3, 4, 0, 0, 0, 81];
    let turin = report(5, TURIN, tcb);
    let version_2 = report(2, [0; 3], tcb);
    let unknown = report(5, [0x1b, 0, 0], tcb);
    let masked = altered(&turin, |bytes| bytes[0x1a0..0x1e0].fill(0));
    let unsigned = altered(&turin, |bytes| bytes[0x48] = 7 << 2);
    let fleet = altered(&masked, |bytes| bytes[0x48] = 1 << 2);

    assert_eq!(
        Wanted::of(&turin),
        Some(Wanted {
            product: Product::Turin,
            key: WantedKey::Vcek {
                chip_id: [0xab; 64],
                tcb: Tcb {
                    fmc: Some(1),
                    bootloader: 2,
                    tee: 3,
                    snp: 4,
                    microcode: 81
                },
            },
        })
    );
    assert_eq!(
        Wanted::of(&fleet).map(|wanted| wanted.key),
        Some(WantedKey::Vlek)
    );
    assert_eq!(
        Wanted::of(&version_2),
        None,
        "version 2 names no product, so there are two to try"
    );
    let candidates = Wanted::candidates(&version_2).expect("there are candidates");
    let products: Vec<_> = candidates.iter().map(|wanted| wanted.product).collect();
    assert_eq!(products, [Product::Milan, Product::Genoa]);
    for (evidence, error) in [
        (&unknown, WantedError::ProductUnknown),
        (&masked, WantedError::ChipIdMasked),
        (&unsigned, WantedError::NotSigned),
    ] {
        assert_eq!(Wanted::candidates(evidence), Err(error));
        assert_eq!(Wanted::of(evidence), None);
    }
}

#[test]
fn a_report_without_a_product_is_looked_for_under_each() {
    let server = FakeKds::start(vec![
        Answer::status(404),
        Answer::ok(LEAF),
        Answer::ok(crl(NOW)),
    ]);
    let (clock, fetch) = (FakeClock::default(), fetch());
    let kds = Kds::new(&fetch, &clock, options(&server));
    let evidence = report(2, [0; 3], [10, 0, 0, 0, 0, 0, 23, 84]);

    let found = complete(&kds, &evidence, Endorsements::default(), BY_ENVELOPE);

    assert_eq!(
        found,
        completed(Endorsements {
            leaf: Some(LEAF.to_vec()),
            intermediate: None,
            crl: Some(crl(NOW)),
        })
    );
    let folders: Vec<_> = server
        .requests()
        .iter()
        .map(|line| line.split('/').nth(3).map(str::to_owned))
        .collect();
    assert_eq!(
        folders,
        ["Milan", "Genoa", "Genoa"].map(|name| Some(name.into()))
    );
}

#[test]
fn nothing_is_asked_for_that_is_there_already() {
    let given = Endorsements {
        leaf: Some(LEAF.to_vec()),
        ..Endorsements::default()
    };
    let evidence = report(5, GENOA, [10, 0, 0, 0, 0, 0, 23, 84]);

    assert_eq!(
        complete(&Offline, &evidence, given.clone(), None),
        completed(given.clone())
    );
    assert_eq!(
        complete(&Offline, &evidence, given, BY_ENVELOPE),
        Err(CollateralError::Offline("revocation list"))
    );
    assert_eq!(
        complete(&Offline, &evidence, Endorsements::default(), None),
        Err(CollateralError::Offline("leaf certificate"))
    );
}

#[test]
fn a_list_that_came_with_the_evidence_does_not_spare_the_question_for_another() {
    let chosen = fake::list("ARK-Genoa", UnixTime(NOW.0 - 86_400), 365);
    let given = Endorsements {
        leaf: Some(genoa_leaf()),
        crl: Some(chosen),
        ..Endorsements::default()
    };
    let evidence = report(5, GENOA, [10, 0, 0, 0, 0, 0, 23, 84]);
    let masked = altered(&evidence, |bytes| bytes[0x1a0..0x1e0].fill(0));
    for evidence in [&evidence, &masked] {
        let server = FakeKds::start(vec![Answer::ok(crl(NOW)), Answer::status(404)]);
        let (clock, fetch) = (FakeClock::default(), fetch());
        let kds = Kds::new(&fetch, &clock, options(&server));

        let caller = Some(ListChosenBy::Caller);
        let callers = complete(&kds, evidence, given.clone(), caller);
        let asked_for_caller = server.requests().len();
        let answered = complete(&kds, evidence, given.clone(), BY_ENVELOPE);
        let unanswered = complete(&kds, evidence, given.clone(), BY_ENVELOPE);

        assert_eq!(callers, completed(given.clone()));
        assert_eq!(asked_for_caller, 0);
        let asked = "GET /vcek/v1/Genoa/crl HTTP/1.1";
        assert_eq!(server.requests(), [asked, asked]);
        let fresh = Endorsements {
            crl: Some(crl(NOW)),
            ..given.clone()
        };
        assert_eq!(answered, completed(fresh));
        let url = format!("{}/vcek/v1/Genoa/crl", server.base_url());
        let stands_in = Completed {
            endorsements: given.clone(),
            list_error: Some(CollateralError::NotThere { url }),
        };
        assert_eq!(unanswered, Ok(stands_in));
    }
}

#[test]
fn every_genuine_report_finds_its_certificate_and_is_accepted_with_it() {
    let Some(cases) = vectors::cases("snp") else {
        return;
    };
    let genuine = cases.iter().filter(|case| case.text("group") == "genuine");
    let wanted: Vec<_> = genuine
        .filter(|case| case.text("signed_by") == "VCEK")
        .collect();
    let leaves: BTreeMap<String, Vec<u8>> = wanted
        .iter()
        .map(|case| {
            (
                leaf_path(case),
                case.file("endorsement_key").expect("a leaf"),
            )
        })
        .collect();
    let server = FakeKds::with_files(leaves);
    let (clock, fetch) = (FakeClock::default(), fetch());
    let options = KdsOptions {
        requests_max: 100,
        ..options(&server)
    };
    let kds = Kds::new(&fetch, &clock, options);
    let folder = TempDir::new().expect("a folder can be made");

    for case in &wanted {
        let report = case.file("report").expect("a report");
        let evidence = parse(&report).expect("a genuine report parses");
        let cache = cache(&folder, &kds, case.verify_time());
        let nothing = Endorsements::default();
        let found = complete(&cache, &evidence, nothing.clone(), None).expect("all is there");
        let again = cache_offline(&folder, case.verify_time());
        assert_eq!(
            complete(&again, &evidence, nothing, None),
            Ok(found.clone())
        );
        let found = found.endorsements;
        let (now, expected) = (case.verify_time(), Expected::nothing());
        let (roots, policy) = (Roots::vendor(), Policy::p0());
        let verdict = verify(&report, &found, &roots, now, &policy, &expected);

        assert!(verdict.authentic, "{}", case.text("id"));
        let accepted = case.text("verdict") == "accept";
        assert_eq!(verdict.accepted, accepted, "{}", case.text("id"));
    }
    println!(
        "{} reports, {} requests",
        wanted.len(),
        server.requests().len()
    );
    assert!(wanted.len() > 15, "the vectors are complete");
}

#[test]
fn a_stale_list_from_the_cache_is_refused_by_the_verifier() {
    let Some(cases) = vectors::cases("snp") else {
        return;
    };
    let case = cases
        .iter()
        .find(|case| case.text("id") == "pos-with-valid-crl")
        .expect("vectors have the case");
    let report = case.file("report").expect("a report");
    let evidence = parse(&report).expect("a genuine report parses");
    let given = Endorsements {
        leaf: case.file("endorsement_key"),
        ..Endorsements::default()
    };
    let folder = TempDir::new().expect("a folder can be made");
    let bundle = Bundle(Endorsements {
        crl: case.file("crl"),
        ..Endorsements::default()
    });
    let fill = cache(&folder, &bundle, case.verify_time());
    complete(&fill, &evidence, given.clone(), BY_ENVELOPE).expect("the list is there");

    let late = UnixTime(case.verify_time().0 + 365 * 86_400);
    let reasons = [case.verify_time(), late].map(|now| {
        let offline = cache(&folder, Offline, now);
        let found = complete(&offline, &evidence, given.clone(), BY_ENVELOPE);
        let found = found.expect("all is there").endorsements;
        let (roots, policy, expected) = (Roots::vendor(), Policy::p0(), Expected::nothing());
        verify(&report, &found, &roots, now, &policy, &expected).reasons
    });

    assert_eq!(reasons, [vec![], vec![Reason::CrlStale]]);
}
