//! Records of measurements, which are kept beside a release.

use boop_measure::diff;
use boop_measure::record::Record;

pub(crate) fn run(data: &[u8]) {
    let Ok(record) = Record::from_json(data) else {
        return;
    };
    let written = record.to_json();
    let again = Record::from_json(written.as_bytes()).expect("what was read can be written");
    assert_eq!(again, record, "writing changes a record");
    assert_eq!(again.to_json(), written);
    let differences = diff::compare(&record, &again).expect("a record is of its own kind");
    assert!(differences.is_empty(), "a record differs from itself");
    assert!(diff::same_digests(&record, &again));
}
