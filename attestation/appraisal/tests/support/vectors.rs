//! The shared attestation vectors, where they are.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use boop_verifier::UnixTime;
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// One folder of the vectors.
pub(crate) struct Case {
    pub(crate) folder: PathBuf,
    pub(crate) expected: Value,
}

impl Case {
    pub(crate) fn text(&self, field: &str) -> &str {
        self.expected[field].as_str().unwrap_or_default()
    }

    pub(crate) fn file(&self, field: &str) -> Option<Vec<u8>> {
        let name = self.expected[field].as_str()?;
        Some(fs::read(self.folder.join(name)).expect("a named file exists"))
    }

    pub(crate) fn verify_time(&self) -> UnixTime {
        let text = self.text("verify_time");
        let time = OffsetDateTime::parse(text, &Rfc3339).expect("a case has a time");
        UnixTime(u64::try_from(time.unix_timestamp()).expect("the time is after 1970"))
    }
}

/// Gives the cases of `snp` or `nitro`.
pub(crate) fn cases(kind: &str) -> Option<Vec<Case>> {
    let Some(folder) = root().map(|vectors| vectors.join("attestation").join(kind)) else {
        println!("attestation vectors are not here: nothing was compared");
        return None;
    };
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
    Some(cases.collect())
}

#[expect(
    clippy::disallowed_methods,
    reason = "where the vectors are is a matter of the machine"
)]
fn root() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let folder = env::var("BOOP_VECTORS").map_or(beside, PathBuf::from);
    let found = folder.join("attestation").is_dir();
    assert!(found || env::var("CI").is_err(), "CI runs with the vectors");
    found.then_some(folder)
}
