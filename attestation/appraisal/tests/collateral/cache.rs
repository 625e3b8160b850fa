//! The cache, and what lists say of themselves.

use std::fs;

use crate::fake;
use crate::fake::{Answer, FakeClock, FakeKds};
use crate::support::{
    ARK, ASK, LEAF, MILAN_ARK, MILAN_ASK, NOW, cache, chain, crl, fetch, genoa, genoa_leaf, names,
    options,
};
use boop_appraisal::collateral::{
    Bundle, COLLATERAL_BYTES_MAX, CollateralError, CrlDates, FileCache, Kds, Offline, Provider as _,
};
use boop_verifier::{Endorsements, UnixTime};
use tempfile::TempDir;

#[test]
fn a_second_run_asks_nobody() {
    let leaf = genoa_leaf();
    let server = FakeKds::start(vec![
        Answer::ok(&leaf),
        Answer::ok(chain(&[ASK, ARK])),
        Answer::ok(crl(NOW)),
    ]);
    let folder = TempDir::new().expect("a folder can be made");
    let (clock, fetch) = (FakeClock::default(), fetch());
    let kds = Kds::new(&fetch, &clock, options(&server));

    let first = cache(&folder, &kds, NOW).endorsements(&genoa());
    let second = cache(&folder, &kds, NOW).endorsements(&genoa());
    let offline = cache(&folder, Offline, NOW).endorsements(&genoa());

    assert_eq!(server.requests().len(), 3);
    assert_eq!(
        first,
        Ok(Endorsements {
            leaf: Some(leaf),
            intermediate: Some(ASK.to_vec()),
            crl: Some(crl(NOW)),
        })
    );
    assert_eq!(second, first);
    assert_eq!(offline, first);
    let id = "ab".repeat(64);
    assert_eq!(
        names(&folder),
        [
            format!("vcek-genoa-{id}-bl10-tee00-snp23-ucode84.der"),
            "vcek-genoa-intermediate.der".to_owned(),
            "vcek-genoa.crl".to_owned(),
        ]
    );
}

#[test]
fn the_cache_keeps_nothing_that_does_not_parse() {
    let folder = TempDir::new().expect("a folder can be made");
    let nonsense = Bundle(Endorsements {
        leaf: Some(b"no certificate".to_vec()),
        intermediate: None,
        crl: None,
    });
    let cache = cache(&folder, &nonsense, NOW);

    assert_eq!(cache.leaf(&genoa()), Ok(b"no certificate".to_vec()));
    assert_eq!(
        cache.intermediate(&genoa()),
        Err(CollateralError::NotInBundle("intermediate certificate"))
    );
    assert_eq!(names(&folder), Vec::<String>::new());
}

#[test]
fn a_spoilt_file_counts_as_absent_and_is_replaced() {
    let folder = TempDir::new().expect("a folder can be made");
    let path = folder.path().join("vcek-genoa-intermediate.der");
    let good = Bundle(Endorsements {
        leaf: None,
        intermediate: Some(ASK.to_vec()),
        crl: None,
    });
    for spoilt in [&ASK[..ASK.len() - 1], b"", &[0; COLLATERAL_BYTES_MAX + 1]] {
        fs::write(&path, spoilt).expect("a file can be written");

        let offline = cache(&folder, Offline, NOW).intermediate(&genoa());
        let online = cache(&folder, &good, NOW).intermediate(&genoa());

        let error = CollateralError::Offline("intermediate certificate");
        assert_eq!(offline, Err(error));
        assert_eq!(online, Ok(ASK.to_vec()));
        assert_eq!(fs::read(&path).expect("the file is there"), ASK);
    }
}

#[test]
fn one_wrong_answer_does_not_spoil_the_next_run() {
    let (leaf, list) = (genoa_leaf(), crl(NOW));
    let wrong_list = fake::list("ARK-Milan", NOW, 365);
    let server = FakeKds::start(vec![
        Answer::ok(MILAN_ARK),
        Answer::ok(chain(&[MILAN_ASK, MILAN_ARK])),
        Answer::ok(&wrong_list),
        Answer::ok(&leaf),
        Answer::ok(chain(&[ASK, ARK])),
        Answer::ok(&list),
    ]);
    let folder = TempDir::new().expect("a folder can be made");
    let (clock, fetch) = (FakeClock::default(), fetch());
    let kds = Kds::new(&fetch, &clock, options(&server));
    let all = |leaf: &[u8], intermediate: &[u8], crl: &[u8]| {
        Ok(Endorsements {
            leaf: Some(leaf.to_vec()),
            intermediate: Some(intermediate.to_vec()),
            crl: Some(crl.to_vec()),
        })
    };

    let wrong = cache(&folder, &kds, NOW).endorsements(&genoa());
    let kept = names(&folder);
    let right = cache(&folder, &kds, NOW).endorsements(&genoa());
    let offline = cache(&folder, Offline, NOW).endorsements(&genoa());

    assert_eq!(wrong, all(MILAN_ARK, MILAN_ASK, &wrong_list));
    assert_eq!(kept, Vec::<String>::new());
    assert_eq!(right, all(&leaf, ASK, &list));
    assert_eq!(offline, right);
    assert_eq!(names(&folder).len(), 3);
}

#[test]
fn a_leaf_is_kept_only_for_the_chip_level_and_product_that_it_states() {
    let (chip, levels) = ([0xab; 64], [10, 0, 23, 84]);
    let mut other_chip = chip;
    other_chip[63] ^= 1;
    let mut cases = vec![
        (fake::vcek("Genoa-B1", &chip, levels), true),
        (fake::vcek("Genoa", &chip, levels), true),
        (fake::vcek("Milan-B0", &chip, levels), false),
        (fake::vcek("Turin-B0", &chip, levels), false),
        (fake::vcek("Genoa-B1", &other_chip, levels), false),
        (LEAF.to_vec(), false),
    ];
    for at in 0..4 {
        let mut levels = levels;
        levels[at] += 1;
        cases.push((fake::vcek("Genoa-B1", &chip, levels), false));
    }
    for (number, (leaf, is_kept)) in cases.into_iter().enumerate() {
        let folder = TempDir::new().expect("a folder can be made");
        let bundle = Bundle(Endorsements {
            leaf: Some(leaf.clone()),
            ..Endorsements::default()
        });

        let online = cache(&folder, &bundle, NOW).leaf(&genoa());
        let offline = cache(&folder, Offline, NOW).leaf(&genoa());

        assert_eq!(online, Ok(leaf.clone()), "{number}");
        let absent = CollateralError::Offline("leaf certificate");
        let expected = if is_kept { Ok(leaf) } else { Err(absent) };
        assert_eq!(offline, expected, "{number}");
    }
}

#[test]
fn a_list_is_kept_only_from_its_root_and_for_a_plausible_time() {
    let day = |days: i64| UnixTime(NOW.0.saturating_add_signed(days * 86_400));
    let cases = [
        (fake::list("ARK-Genoa", NOW, 365), true),
        (fake::list("ARK-Genoa", NOW, 400), true),
        (fake::list("ARK-Genoa", day(-10), 410), true),
        (fake::list("ARK-Genoa", NOW, 401), false),
        (fake::list("ARK-Genoa", day(1), 365), false),
        (fake::list("ARK-Genoa", day(-400), 399), false),
        (fake::list("ARK-Milan", NOW, 365), false),
        (fake::list("SEV-Genoa", NOW, 365), false),
    ];
    for (number, (list, is_kept)) in cases.into_iter().enumerate() {
        let bundle = Bundle(Endorsements {
            crl: Some(list.clone()),
            ..Endorsements::default()
        });
        let folder = TempDir::new().expect("a folder can be made");

        let online = cache(&folder, &bundle, NOW).crl(&genoa());
        let offline = cache(&folder, Offline, NOW).crl(&genoa());

        assert_eq!(online, Ok(list.clone()), "{number}");
        let absent = CollateralError::Offline("revocation list");
        let expected = if is_kept { Ok(list) } else { Err(absent) };
        assert_eq!(offline, expected, "{number}");
    }
}

#[test]
fn a_kept_file_of_something_else_counts_as_absent() {
    let folder = TempDir::new().expect("a folder can be made");
    let id = "ab".repeat(64);
    let put = |name: &str, bytes: &[u8]| {
        fs::write(folder.path().join(name), bytes).expect("a file can be written");
    };
    put(
        &format!("vcek-genoa-{id}-bl10-tee00-snp23-ucode84.der"),
        MILAN_ARK,
    );
    put("vcek-genoa-intermediate.der", LEAF);
    put("vcek-genoa.crl", &fake::list("ARK-Genoa", NOW, 5_000));

    let offline = cache(&folder, Offline, NOW);

    let absent = |what| Err(CollateralError::Offline(what));
    assert_eq!(offline.leaf(&genoa()), absent("leaf certificate"));
    let intermediate = offline.intermediate(&genoa());
    assert_eq!(intermediate, absent("intermediate certificate"));
    assert_eq!(offline.crl(&genoa()), absent("revocation list"));
}

#[test]
fn a_folder_that_is_a_file_is_an_error_that_names_it() {
    let folder = TempDir::new().expect("a folder can be made");
    let path = folder.path().join("file");
    fs::write(&path, b"").expect("a file can be written");

    let refused = FileCache::new(&path, Offline, NOW).map(|_| ());

    let kind = std::io::ErrorKind::AlreadyExists;
    assert_eq!(refused, Err(CollateralError::Cache { path, kind }));
}

#[test]
fn a_list_is_asked_for_again_once_it_is_stale_and_handed_over_when_nobody_answers() {
    let (old, new) = (crl(UnixTime(NOW.0 - 400 * 86_400)), crl(NOW));
    let folder = TempDir::new().expect("a folder can be made");
    let bundle = |crl: &[u8]| {
        Bundle(Endorsements {
            crl: Some(crl.to_vec()),
            ..Endorsements::default()
        })
    };
    let early = UnixTime(NOW.0 - 399 * 86_400);

    assert_eq!(
        cache(&folder, bundle(&old), early).crl(&genoa()),
        Ok(old.clone())
    );
    assert_eq!(
        cache(&folder, bundle(&new), early).crl(&genoa()),
        Ok(old.clone()),
        "a current list is not asked for again"
    );
    assert_eq!(
        cache(&folder, Offline, NOW).crl(&genoa()),
        Ok(old),
        "a stale list is handed over rather than none"
    );
    assert_eq!(
        cache(&folder, bundle(&new), NOW).crl(&genoa()),
        Ok(new.clone())
    );
    assert_eq!(cache(&folder, Offline, NOW).crl(&genoa()), Ok(new));
}

#[test]
fn lists_say_when_they_are_current() {
    let dates = CrlDates::read(&crl(NOW)).expect("the list parses");

    assert_eq!(dates.this_update, NOW);
    assert_eq!(dates.next_update, Some(UnixTime(NOW.0 + 365 * 86_400)));
    assert!(dates.is_current(NOW) && dates.is_current(UnixTime(NOW.0 + 365 * 86_400)));
    assert!(!dates.is_current(UnixTime(NOW.0 - 1)));
    assert!(!dates.is_current(UnixTime(NOW.0 + 365 * 86_400 + 1)));
    assert_eq!(CrlDates::read(LEAF), None);
}
