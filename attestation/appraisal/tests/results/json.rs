//! Our JSON verdict.

use boop_appraisal::results::to_json;
use boop_verifier::{Flag, Reason, StepName};
use serde_json::{Value, json};

use crate::samples::{accepted, refused};

#[test]
fn the_json_verdict_has_its_documented_members() {
    let json = to_json(&refused(StepName::Measurement));

    let members: Vec<_> = json.as_object().unwrap().keys().collect();
    let expected = [
        "accepted",
        "authentic",
        "acceptable",
        "bound",
        "tier",
        "simulated",
        "summary",
        "reasons",
        "flags",
        "meanings",
        "facts",
        "steps",
    ];
    assert_eq!(members, expected);
    assert_eq!(json["accepted"], false);
    assert_eq!(json["tier"], Value::Null);
    assert_eq!(json["reasons"], json!(["measurement-not-allowed"]));
    assert_eq!(json["flags"], json!(["id-block-present"]));
    let meaning = Reason::MeasurementNotAllowed.meaning();
    assert_eq!(json["meanings"]["measurement-not-allowed"], meaning);
    let meaning = Flag::IdBlockPresent.meaning();
    assert_eq!(json["meanings"]["id-block-present"], meaning);
    let step = &json["steps"].as_array().unwrap().last().unwrap();
    assert_eq!(step["name"], "measurement");
    assert_eq!(step["level"], "acceptable");
    assert_eq!(step["outcome"], "fail");
    assert_eq!(step["reasons"], json!(["measurement-not-allowed"]));
}

#[test]
fn the_json_verdict_spells_out_every_field_of_a_report() {
    let json = to_json(&accepted());

    let facts = &json["facts"];
    assert_eq!(json["tier"], "affirming");
    assert_eq!(facts["platform"], "sev-snp");
    assert_eq!(facts["product"], "Genoa");
    assert_eq!(facts["signed_by"], "vcek");
    assert_eq!(facts["tcb"]["microcode"], 84);
    assert_eq!(facts["measurement"], "01".repeat(48));
    assert_eq!(facts["snp"]["policy"]["bits"], "0x30000");
    assert_eq!(facts["snp"]["policy"]["smt_allowed"], true);
    assert_eq!(facts["snp"]["policy"]["debug"], false);
    assert_eq!(facts["snp"]["platform_info"]["alias_check_complete"], true);
    assert_eq!(facts["snp"]["launch_tcb"]["bootloader"], 10);
    assert_eq!(facts["snp"]["current_mitigations"], "0x3");
    assert_eq!(facts["nitro"], Value::Null);
}
