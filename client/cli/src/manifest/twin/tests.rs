//! Twins that say what their manifest says, and twins that are none.

use boop_wire::manifest::ChipId;

use super::*;

/// Where, what instead, and what is told.
type Case = (&'static str, Value, Problem);

#[test]
fn the_example_is_the_twin_of_its_manifest() {
    let manifest = example();

    let twin = format!("{:#}\n", write(&manifest));

    assert_eq!(twin, EXAMPLE);
}

#[test]
fn a_manifest_with_every_field_survives_its_twin() {
    let mut manifest = example();
    manifest.version = u64::MAX;
    manifest.previous = Some(Digest::new([1; 32]));
    manifest.network = Some(NetworkId::new([2; 32]));
    manifest.name = "\"\u{202e}\n\\ü".into();
    manifest.simulated = true;
    manifest.releases = ROLES
        .into_iter()
        .flat_map(|(_, role)| PLATFORMS.map(|(_, platform)| (role, platform)))
        .map(|(role, platform)| Release {
            not_before_ms: 1,
            not_after_ms: Some(u64::MAX),
            source: "a repository".into(),
            ..Release::unlimited(role, platform, Measurement([0xab; 48]))
        })
        .collect();
    manifest.gateways.clear();
    manifest.parties[2].recoveries = u32::MAX;
    manifest.evidence_age_max_s = u32::MAX;
    manifest.threshold = THRESHOLD_MAX;
    manifest.quality_min = 100;
    manifest.matching = Matching::SemiHonest;
    manifest.profile = MatchProfile::Sixteen;
    manifest.revoked.measurements = vec![Measurement([0xcd; 48])];
    manifest.revoked.chips = vec![ChipId(vec![1; 64]), ChipId(vec![2; 48])];
    manifest.banned_products = vec!["Milan".into()];

    let twin = serde_json::to_vec(&write(&manifest)).unwrap();

    assert_eq!(read(&twin, None), Ok(manifest));
}

#[test]
fn every_field_must_be_there_and_no_other() {
    let places = places(&example_value(), "");
    assert_eq!(places.len(), 121);
    for pointer in places {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let mut twin = example_value();
        let object = twin.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        let value = object.shift_remove(name).unwrap();

        assert_eq!(read_value(&twin), refused(&pointer, Problem::Missing));

        let object = twin.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        object.insert(name.into(), value);
        object.insert("more".into(), Value::Null);
        let more = format!("{parent}/more");
        assert_eq!(read_value(&twin), refused(&more, Problem::Unknown));
    }
}

#[test]
fn a_field_that_is_there_twice_is_refused() {
    let twin = EXAMPLE.replace("\"tee\": 1,", "\"tee\": 1, \"tee\": 0,");

    let result = read(twin.as_bytes(), None);

    assert_eq!(result, refused("/tcb_floors/1/tee", Problem::Twice));
}

#[test]
fn a_value_of_another_kind_is_refused_in_its_place() {
    let expected = Problem::Expected;
    let digits = |expected, found| Problem::Digits { expected, found };
    let party: Value = example_value()["parties"][0].clone();
    let cases: [Case; 20] = [
        ("/version", json!("1"), expected("a whole number from 0 on")),
        ("/version", json!(-1), expected("a whole number from 0 on")),
        ("/version", json!(1.5), expected("a whole number from 0 on")),
        ("/previous", json!("00"), digits(64, 2)),
        ("/network", json!(1), expected("a text")),
        ("/name", Value::Null, expected("a text")),
        ("/simulated", json!(0), expected("true or false")),
        ("/parties", json!({}), expected("a list")),
        ("/parties", json!([party, party]), count(2)),
        ("/parties/1", json!([]), expected("an object")),
        (
            "/parties/0/machine/chip",
            json!("ab".repeat(48)),
            digits(128, 96),
        ),
        (
            "/parties/2/machine/chip",
            json!("ab".repeat(64)),
            digits(96, 128),
        ),
        (
            "/parties/2/custodian",
            json!("xy".repeat(32)),
            Problem::NotHex,
        ),
        (
            "/gateways/0/platform",
            json!("sgx"),
            Problem::Word("snp, nitro".into()),
        ),
        (
            "/ledger/machine/config",
            json!("ü".repeat(64)),
            Problem::NotHex,
        ),
        ("/tcb_floors/0/snp", json!(256), Problem::Above(255)),
        (
            "/evidence_age_max_s",
            json!(1_u64 << 32),
            Problem::Above(u64::from(u32::MAX)),
        ),
        ("/threshold", json!(65_537), Problem::Above(65_536)),
        ("/quality_min", json!(101), Problem::Above(100)),
        (
            "/matching",
            json!("Abort"),
            Problem::Word("semi-honest, abort".into()),
        ),
    ];
    for (pointer, value, problem) in cases {
        let mut twin = example_value();
        *twin.pointer_mut(pointer).unwrap() = value;

        assert_eq!(read_value(&twin), refused(pointer, problem));
    }
}

#[test]
fn what_is_listed_twice_is_refused() {
    for list in ["gateways", "releases"] {
        let mut twin = example_value();
        let entries = twin[list].as_array_mut().unwrap();
        entries.push(entries[0].clone());
        let place = format!("/{list}/{}", entries.len() - 1);

        assert_eq!(read_value(&twin), refused(&place, Problem::ListedTwice));
    }
    let mut twin = example_value();
    twin["tcb_floors"][1]["product"] = json!("Genoa");

    let place = "/tcb_floors/1/product";
    assert_eq!(read_value(&twin), refused(place, Problem::ListedTwice));
}

#[test]
fn what_is_no_json_is_told_with_its_line() {
    let error = read(b"{\n  \"version\": 1,\n}", None).unwrap_err();

    assert_eq!(
        error.to_string(),
        "the twin: not JSON: trailing comma at line 3 column 1"
    );
}

#[test]
fn an_error_names_its_place() {
    let mut twin = example_value();
    twin["parties"][1]["machine"]["chip"] = json!("00");

    assert_eq!(
        read_value(&twin).unwrap_err().to_string(),
        "parties[1].machine.chip: expected 128 hexadecimal digits, found 2 characters"
    );
}

#[test]
fn the_next_version_is_filled_in() {
    let head = head(1);
    let next = Manifest {
        version: 2,
        previous: Some(head.digest),
        network: Some(head.network),
        created_ms: head.created_ms + 1,
        ..example()
    };
    let mut bare = example_value();
    for name in ["version", "previous", "network", "created_ms"] {
        bare.as_object_mut().unwrap().shift_remove(name);
    }

    for twin in [bare, example_value(), write(&next)] {
        let twin = serde_json::to_vec(&twin).unwrap();
        assert_eq!(read(&twin, Some((&head, 0))).as_ref(), Ok(&next));
    }
}

#[test]
fn a_lineage_that_neither_is_nor_follows_is_refused() {
    let other = json!("07".repeat(32));
    let head = head(4);
    let at = |version: u64| {
        let mut twin = example_value();
        twin["version"] = json!(version);
        twin["network"] = json!(head.network.to_string());
        twin
    };
    let mut skipped = at(6);
    skipped["previous"] = json!(head.digest.to_string());
    let mut fork = at(5);
    fork["previous"] = other.clone();
    let mut stranger = at(4);
    stranger["network"] = other;
    let mut nowhere = at(4);
    nowhere["network"] = Value::Null;

    let network = head.network.to_string();
    for (twin, place, value) in [
        (skipped, "/version", "5".to_owned()),
        (fork, "/previous", head.digest.to_string()),
        (stranger, "/network", network.clone()),
        (nowhere, "/network", network),
    ] {
        let twin = serde_json::to_vec(&twin).unwrap();
        let result = read(&twin, Some((&head, 0)));
        assert_eq!(result, refused(place, Problem::Lineage(value)));
    }
}

/// Pointers of all fields.
fn places(value: &Value, at: &str) -> Vec<String> {
    let inner: Vec<(String, &Value, bool)> = match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (format!("{at}/{name}"), value, true))
            .collect(),
        Value::Array(entries) => entries
            .iter()
            .enumerate()
            .map(|(index, value)| (format!("{at}/{index}"), value, false))
            .collect(),
        _ => vec![],
    };
    let mut found = vec![];
    for (place, value, is_field) in inner {
        found.extend(places(value, &place));
        found.extend(is_field.then_some(place));
    }
    found
}

/// The error at a JSON pointer.
fn refused(pointer: &str, problem: Problem) -> Result<Manifest, TwinError> {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        match part.parse::<usize>() {
            Ok(index) => path.push_str(&format!("[{index}]")),
            Err(_) if path.is_empty() => path.push_str(part),
            Err(_) => path.push_str(&format!(".{part}")),
        }
    }
    Err(TwinError { path, problem })
}

fn count(found: usize) -> Problem {
    let expected = PartyIndex::COUNT;
    Problem::Count { expected, found }
}

fn head(version: u64) -> Head {
    Head {
        version,
        digest: Digest::new([3; 32]),
        network: NetworkId::new([4; 32]),
        created_ms: example().created_ms,
    }
}

fn example() -> Manifest {
    read(EXAMPLE.as_bytes(), None).unwrap()
}

fn example_value() -> Value {
    serde_json::from_str(EXAMPLE).unwrap()
}

fn read_value(twin: &Value) -> Result<Manifest, TwinError> {
    read(&serde_json::to_vec(twin).unwrap(), None)
}
