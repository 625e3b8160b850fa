//! The cache, and what lists say of themselves.

use std::fs;

use crate::fake::{Answer, FakeClock, FakeKds};
use crate::support::{ARK, ASK, LEAF, NOW, cache, chain, crl, fetch, genoa, names, options};
use boop_appraisal::collateral::{
    Bundle, COLLATERAL_BYTES_MAX, CollateralError, CrlDates, FileCache, Kds, Offline, Provider as _,
};
use boop_verifier::{Endorsements, UnixTime};
use tempfile::TempDir;

#[test]
fn a_second_run_asks_nobody() {
    let server = FakeKds::start(vec![
        Answer::ok(LEAF),
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
            leaf: Some(LEAF.to_vec()),
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
