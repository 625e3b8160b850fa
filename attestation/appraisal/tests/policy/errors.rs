//! Every error names its field.

use crate::support::{
    changed, elaborate_text, every_table, paths, problems, removed, replaced, said,
};
use boop_appraisal::policy::{
    POLICY_BYTES_MAX, PolicyError, PolicyFile, Problem, ProblemKind, STRICT, shipped,
};
use boop_verifier::{Floor, Floors, Platform, Rule, TcbRules, UnixTime};
use toml::{Table, Value};

#[test]
fn each_missing_field_is_named_with_its_path() {
    let mut tried = 0;
    for text in [&elaborate_text(), STRICT] {
        let table: Table = text.parse().expect("it is toml");
        for path in paths(&table) {
            let without = toml::to_string(&removed(&table, &path)).expect("it can be written");
            let found = problems(&without);

            let Some(Problem { path: named, kind }) = found.first() else {
                panic!("nothing is wrong without {path}");
            };
            let pcrs = path.rsplit_once(".pcrs.");
            match (kind, pcrs) {
                (ProblemKind::Missing { write }, None) => {
                    assert_eq!(*named, path);
                    assert!(!write.is_empty());
                }
                (ProblemKind::PcrsMissing { missing }, Some((set, index))) => {
                    assert_eq!(*named, format!("{set}.pcrs"));
                    assert_eq!(missing, &[index.parse::<u8>().expect("an index")]);
                }
                other => panic!("without {path}: {other:?}"),
            }
            assert_eq!(found.len(), 1, "{path}: {found:?}");
            tried += 1;
        }
    }
    println!("{tried} fields taken out, each named");
    assert!(tried > 150);
}

#[test]
fn each_field_with_a_value_of_another_kind_is_named_with_its_path() {
    let text = elaborate_text();
    let table: Table = text.parse().expect("it is toml");
    let nonsense = Value::Float(0.5);
    for path in paths(&table) {
        let spoilt = replaced(&table, &path, &nonsense);
        let found = problems(&toml::to_string(&spoilt).expect("it can be written"));

        let named = found.iter().map(|problem| problem.path.as_str());
        assert_eq!(named.collect::<Vec<_>>(), [path.as_str()], "{found:?}");
        let ProblemKind::Expected { found, .. } = &found[0].kind else {
            panic!("{path}: {found:?}");
        };
        assert_eq!(found, "0.5");
    }
}

#[test]
fn an_unknown_field_is_named_in_every_table() {
    let table: Table = elaborate_text().parse().expect("it is toml");
    let mut tables = vec![String::new()];
    tables.extend(every_table(&table));
    assert!(tables.len() > 20);
    for path in tables {
        let inside = match path.as_str() {
            "" => "surplus_field".to_owned(),
            path => format!("{path}.surplus_field"),
        };
        let with = replaced(&table, &inside, &Value::Boolean(true));
        let found = problems(&toml::to_string(&with).expect("it can be written"));

        let kind = ProblemKind::Unknown { nearest: None };
        assert_eq!(found, [Problem { path: inside, kind }]);
    }
}

#[test]
fn a_misspelt_field_is_missing_and_unknown_and_the_name_is_suggested() {
    let text = changed(STRICT, "measurement = []", "measurment = []");

    assert_eq!(
        said(&text),
        "snp.measurement: missing; write \"any\" to leave it open\n\
         snp.measurment: unknown field; did you mean measurement"
    );
}

#[test]
fn wrong_values_are_told_with_what_was_expected() {
    let hex_48 = "ab".repeat(48);
    let long = format!("measurement = [\"{hex_48}\", \"{}\"]", "ab".repeat(47));
    let cases = [
        ("format = 1", "format = 2", "format: expected 1, found 2"),
        (
            "name = \"strict\"",
            "name = \"\"",
            "name: expected a text, found \"\"",
        ),
        (
            "simulated = \"refuse\"",
            "simulated = \"no\"",
            "simulated: expected \"refuse\" or \"accept\", found \"no\"",
        ),
        (
            "binding = \"required\"",
            "binding = true",
            "binding: expected \"required\" or \"any\", found true",
        ),
        (
            "vmpl = 0",
            "vmpl = -1",
            "snp.vmpl: expected \"any\", a number from 0 to 4294967295, a list of these, or \
             { at_least = ... }, found -1",
        ),
        (
            "vmpl = 0",
            "vmpl = { atleast = 1 }",
            "snp.vmpl.at_least: missing; write a number from 0 to 4294967295\n\
             snp.vmpl.atleast: unknown field; did you mean at_least",
        ),
        (
            "measurement = []",
            "measurement = \"abc\"",
            "snp.measurement: expected \"any\", 96 hex digits, a list of these, found \"abc\"",
        ),
        (
            "measurement = []",
            &long,
            "snp.measurement[1]: expected 96 hex digits, found 94 hex digits",
        ),
        (
            "measurement = []",
            "measurement = [\"any\"]",
            "snp.measurement[0]: expected 96 hex digits, found \"any\"",
        ),
        (
            "measurement = []",
            "measurement = { at_least = \"00\" }",
            "snp.measurement: expected \"any\", 96 hex digits, a list of these, found a table",
        ),
    ];
    for (line, wrong, message) in cases {
        assert_eq!(said(&changed(STRICT, line, wrong)), message);
    }
}

#[test]
fn wrong_values_deep_inside_are_told_with_their_path() {
    let cases = [
        (
            "vlek = \"refuse\"",
            "vlek = { csp_ids = [\"any\"], tier = \"good\" }",
            "snp.vlek.csp_ids[0]: expected a text, found \"any\"\n\
             snp.vlek.tier: expected \"affirming\" or \"warning\", found \"good\"",
        ),
        (
            "smt_allowed = false",
            "smt_allowed = \"no\"",
            "snp.guest_policy.smt_allowed: expected \"any\", true or false, a list of these, \
             found \"no\"",
        ),
        (
            "age_seconds = 300",
            "age_seconds = -300",
            "nitro.age_seconds: expected \"any\" or a number of seconds, found -300",
        ),
        (
            "pcr_sets = []",
            "pcr_sets = \"any\"",
            "nitro.pcr_sets: expected a list of tables, found \"any\"",
        ),
        (
            "pcr_sets = []",
            "pcr_sets = [{ name = \"r\", pcrs = { 0 = \"any\", 2 = \"any\", 32 = \"any\" } }]",
            "nitro.pcr_sets[0].pcrs: names no pcr1; a release is pcr0, pcr1 and pcr2 together\n\
             nitro.pcr_sets[0].pcrs.32: unknown field",
        ),
        (
            "pcr_sets = []",
            "pcr_sets = [{ name = \"r\", pcrs = {} }]",
            "nitro.pcr_sets[0].pcrs: names no pcr0, pcr1, pcr2; a release is pcr0, pcr1 and \
             pcr2 together",
        ),
    ];
    for (line, wrong, message) in cases {
        assert_eq!(said(&changed(STRICT, line, wrong)), message);
    }
}

#[test]
fn wrong_floors_are_told() {
    let turin = "reported = { fmc = 0, bootloader = 1, tee = 1, snp = 2, microcode = 71 }";
    let cases = [
        (
            "reported = { fmc = 0, bootloader = 1, tee = 1, snp = 2 }",
            "snp.products.turin.floors[0].reported.microcode: missing; write \"any\" to leave it \
             open",
        ),
        (
            "reported = { bootloader = 1, tee = 1, snp = 2, microcode = 71 }",
            "snp.products.turin.floors[0].reported.fmc: missing; write \"any\" to leave it open",
        ),
        (
            "reported = { fmc = 256, bootloader = 1, tee = 1, snp = 2, microcode = 71 }",
            "snp.products.turin.floors[0].reported.fmc: expected \"any\", a number from 0 to 255 \
             (at least), a list, or { exactly = ... }, found 256",
        ),
    ];
    for (wrong, message) in cases {
        assert_eq!(said(&changed(STRICT, turin, wrong)), message);
    }

    let genoa = "reported = { bootloader = 10, tee = 0, snp = 23, microcode = 84 }";
    let wrong = "reported = { fmc = 0, bootloader = 10, tee = 0, snp = 23, microcode = 84 }";
    assert_eq!(
        said(&changed(STRICT, genoa, wrong)),
        "snp.products.genoa.floors[1].reported.fmc: unknown field"
    );
    let development = shipped("development").expect("it is shipped");
    let empty = development.replacen("floors = \"any\"", "floors = []", 1);
    assert_eq!(
        said(&empty),
        "snp.products.milan.floors: no floor; write \"any\" to leave it open"
    );
    // Two floors of Milan and two of Genoa change places.
    let swapped = STRICT
        .replace("since = 2025-02-03", "since = LATER")
        .replace("since = 2024-12-10", "since = 2025-02-03")
        .replace("since = LATER", "since = 2024-12-10");
    let same = STRICT.replace("since = 2024-12-10", "since = 2025-02-03");
    for text in [swapped, same] {
        assert_eq!(
            said(&text),
            "snp.products.milan.floors[1].since: floors stand in the order of their dates\n\
             snp.products.genoa.floors[1].since: floors stand in the order of their dates"
        );
    }
    for wrong in [
        "since = 1969-12-31",
        "since = 12:00:00",
        "since = 2025-02-03T00:00:00",
    ] {
        let text = STRICT.replacen("since = 2025-02-03", wrong, 1);
        let value = wrong.trim_start_matches("since = ");
        assert_eq!(
            said(&text),
            format!(
                "snp.products.milan.floors[1].since: expected a date such as 2025-02-03, found \
                 {value}"
            )
        );
    }
}

#[test]
fn dates_count_from_midnight_utc_or_from_the_time_they_state() {
    let dates = [
        ("2025-02-03", 1_738_540_800),
        ("2025-02-03T00:00:00Z", 1_738_540_800),
        ("2025-02-03T01:30:00+01:30", 1_738_540_800),
        ("2025-02-03T06:07:08Z", 1_738_562_828),
        ("1970-01-01", 0),
    ];
    let development = shipped("development").expect("it is shipped");
    for (date, seconds) in dates {
        let level = "{ bootloader = 1, tee = [0, 2], snp = { exactly = 3 }, microcode = \"any\" }";
        let floor = format!(
            "floors = [{{ since = {date}, bulletins = [], reported = {level}, committed = \
             {level}, launch = {level} }}]"
        );
        let text = development.replacen("floors = \"any\"", &floor, 1);

        let file = PolicyFile::parse(&text).unwrap_or_else(|error| panic!("{date}: {error}"));

        let Platform::Accepted(snp) = file.policy.snp else {
            panic!("the platform is accepted");
        };
        let rules = TcbRules {
            fmc: Rule::Any,
            bootloader: Rule::AtLeast(1),
            tee: Rule::OneOf(vec![0, 2]),
            snp: Rule::Exactly(3),
            microcode: Rule::Any,
        };
        let floor = Floor {
            since: UnixTime(seconds),
            bulletins: vec![],
            reported: rules.clone(),
            committed: rules.clone(),
            launch: rules,
        };
        assert_eq!(snp.products[0].floors, Floors::Dated(vec![floor]));
    }
}

#[test]
fn text_that_is_no_toml_is_told_with_its_line() {
    let broken = changed(STRICT, "vmpl = 0", "vmpl = ");
    let doubled = changed(STRICT, "vmpl = 0", "vmpl = 0\nvmpl = 1");
    let line_of = |text: &str| text.lines().position(|line| line.starts_with("vmpl"));

    for (text, further) in [(&broken, 1), (&doubled, 2)] {
        let Err(PolicyError::Syntax { line, message }) = PolicyFile::parse(text) else {
            panic!("it is not toml");
        };
        assert_eq!(line, line_of(text).map(|line| line + further));
        assert!(!message.is_empty());
    }
    let bytes = POLICY_BYTES_MAX + 1;
    let refused = PolicyFile::parse(&" ".repeat(bytes));
    assert_eq!(refused, Err(PolicyError::TooLong { bytes }));
}

#[test]
fn an_empty_file_is_told_all_it_lacks() {
    assert_eq!(
        said(""),
        "format: missing; write 1\n\
         name: missing; write a text\n\
         simulated: missing; write \"refuse\" or \"accept\"\n\
         binding: missing; write \"required\" or \"any\"\n\
         snp: missing; write \"refuse\" or the table with its fields\n\
         nitro: missing; write \"refuse\" or the table with its fields"
    );
}
