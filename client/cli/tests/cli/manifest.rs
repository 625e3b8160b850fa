//! `boop manifest` over files: from the twin to an approved chain, and what it refuses.

use crate::manifest_desk::{Desk, check, example};
use boop_wire::codec::from_canonical;
use boop_wire::manifest::SignedManifest;
use serde_json::{Value, json};
use std::fs;

#[test]
fn a_network_is_made_approved_changed_and_verified() {
    let desk = Desk::new();
    desk.genesis();
    desk.approve("1.cbor", None, &[0, 1, 2]);

    let held = desk.verify("1.cbor", &[]);
    assert_eq!(held.code, Some(0), "{held:?}");
    assert!(held.out.starts_with("the manifest holds\n"), "{held:?}");

    desk.next("1.cbor", "2.cbor", |twin| {
        twin["evidence_age_max_s"] = json!(600)
    });
    desk.approve("2.cbor", Some("1.cbor"), &[2, 0]);
    desk.next("2.cbor", "3.cbor", |twin| twin["quality_min"] = json!(85));
    desk.approve("3.cbor", Some("2.cbor"), &[1, 2]);

    let held = desk.verify("3.cbor", &["--chain", "2.cbor", "1.cbor"]);
    assert_eq!(held.code, Some(0), "{held:?}");
    assert!(
        held.out
            .contains("versions 1 to 3, each naming the one before"),
        "{held:?}"
    );
    let alone = desk.verify("3.cbor", &["--json"]);
    assert_eq!(alone.code, Some(0), "{alone:?}");
    assert_eq!(check(&alone.json(), "chain")["holds"], Value::Null);
    let succession = check(
        &desk
            .verify("3.cbor", &["--chain", "2.cbor", "1.cbor", "--json"])
            .json(),
        "succession",
    );
    assert_eq!(succession["holds"], true);
    let gap = desk.verify("3.cbor", &["--chain", "1.cbor", "--json"]);
    assert_eq!(gap.code, Some(1), "{gap:?}");
    let chain = check(&gap.json(), "chain");
    assert_eq!(
        chain["detail"],
        "version 3 stands where version 2 must follow"
    );
}

#[test]
fn an_addition_needs_a_release_signer_and_a_reviewer_and_waits() {
    let desk = Desk::new();
    desk.genesis();
    desk.approve("1.cbor", None, &[0, 1, 2]);
    desk.next("1.cbor", "2.cbor", |twin| twin["threshold"] = json!(19_000));
    let succession = || {
        let run = desk.verify("2.cbor", &["--chain", "1.cbor", "--json"]);
        assert_eq!(run.code, Some(1), "{run:?}");
        let check = check(&run.json(), "succession");
        check["detail"].as_str().expect("text").to_owned()
    };

    desk.approve("2.cbor", Some("1.cbor"), &[0, 1, 2]);
    assert_eq!(
        succession(),
        "version 2 is approved by 3 operators, 0 release signers, 0 reviewers; \
         it needs 2 operators, 1 release signers, 1 reviewers"
    );

    desk.approve("2.cbor", Some("1.cbor"), &[3, 4]);
    assert!(succession().starts_with("version 2 counts from "));
}

#[test]
fn the_digest_of_a_genesis_is_its_networks_id() {
    let desk = Desk::new();

    let made = desk.genesis().json();

    assert_eq!(made["digest"], made["network"]);
    let bytes = fs::read(desk.path("1.cbor")).expect("written");
    let signed: SignedManifest = from_canonical(&bytes).expect("canonical");
    assert_eq!(made["digest"], signed.digest().to_string());
    assert_eq!(signed.approvals, []);
}

#[test]
fn a_twin_with_a_mistake_is_refused_with_its_place() {
    let desk = Desk::new();
    let mut twin = example();
    twin["parties"][1]["machine"]["chip"] = json!("00");
    desk.write("bad.json", &twin);

    let run = desk.run(&["new", "bad.json", "--out", "bad.cbor"]);

    assert_eq!(run.code, Some(2), "{run:?}");
    assert_eq!(
        run.err,
        "boop: bad.json is not a twin: parties[1].machine.chip: expected 128 hexadecimal digits, \
         found 2 characters\n"
    );
    assert!(!desk.path("bad.cbor").exists());
}

#[test]
fn a_form_that_cannot_be_is_refused() {
    let desk = Desk::new();
    let mut twin = example();
    twin["version"] = json!(2);
    desk.write("bad.json", &twin);
    let mut long = example();
    long["name"] = json!("x".repeat(70_000));
    desk.write("long.json", &long);

    let lineage = desk.run(&["new", "bad.json"]);
    let long = desk.run(&["new", "long.json"]);

    assert_eq!((lineage.code, long.code), (Some(2), Some(2)));
    let words = "version 2 and its predecessor fields do not fit together";
    assert!(lineage.err.contains(words), "{lineage:?}");
    assert!(long.err.contains("longer than 65536 bytes"), "{long:?}");
}

#[test]
fn parties_that_do_not_differ_make_no_manifest() {
    let desk = Desk::new();
    let mut twin = example();
    twin["parties"][1]["operator"] = json!("ALPHA ");
    desk.write("bad.json", &twin);

    let run = desk.run(&["new", "bad.json", "--out", "bad.cbor"]);

    assert_eq!(run.code, Some(1), "{run:?}");
    let line = "three-operators: parties 0 and 1 have the same operator";
    assert!(run.out.contains(line), "{run:?}");
    assert!(!desk.path("bad.cbor").exists());
}

#[test]
fn a_simulated_network_is_warned_of_and_not_admitted_unasked() {
    let desk = Desk::new();
    let mut twin = desk.example();
    twin["simulated"] = json!(true);
    twin["parties"][2]["machine"] = twin["gateways"][0].clone();
    desk.write("1.json", &twin);
    assert_eq!(
        desk.run(&["new", "1.json", "--out", "1.cbor"]).code,
        Some(0)
    );
    desk.approve("1.cbor", None, &[0, 1, 2]);

    let refused = desk.verify("1.cbor", &["--json"]);
    let admitted = desk.verify("1.cbor", &["--danger-simulated-tee", "--json"]);

    assert_eq!((refused.code, admitted.code), (Some(1), Some(0)));
    let hardware = check(&refused.json(), "hardware");
    assert_eq!(
        hardware["detail"],
        "simulated; only --danger-simulated-tee admits it"
    );
    let warnings = admitted.json()["warnings"].clone();
    assert_eq!(
        [&warnings[0]["rule"], &warnings[1]["rule"]],
        ["mixed-platforms", "parties-alone"]
    );
}

#[test]
fn a_written_manifest_is_never_overwritten() {
    let desk = Desk::new();
    desk.genesis();

    let again = desk.run(&["new", "1.json", "--out", "1.cbor"]);

    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.err.contains("cannot write 1.cbor"), "{again:?}");
}

#[test]
fn a_difference_is_told_with_its_effect() {
    let desk = Desk::new();
    desk.genesis();
    desk.next("1.cbor", "2.cbor", |twin| {
        twin["evidence_age_max_s"] = json!(600);
        twin["ledger"]["origin"] = json!("log.example.net");
    });

    let same = desk.run(&["diff", "1.cbor", "1.cbor"]);
    let run = desk.run(&["diff", "1.cbor", "2.cbor"]);

    assert_eq!((same.code, run.code), (Some(0), Some(1)));
    assert_eq!(same.out, "the same manifest\n");
    assert!(
        run.out
            .starts_with("2 changes, 1 add trust, 1 remove trust\n  lineage        version"),
        "{run:?}"
    );
    assert!(
        run.out.contains(
            "  adds trust     ledger.origin changed\n\
             \x20     before  \"log.example.org\"\n\
             \x20     after   \"log.example.net\"\n\
             \x20 removes trust  evidence_age_max_s changed\n\
             \x20     before  3600\n\
             \x20     after   600\n"
        ),
        "{run:?}"
    );
}

#[test]
fn a_twin_is_compared_like_its_manifest() {
    let desk = Desk::new();
    desk.genesis();
    let mut twin = desk.example();
    twin["quality_min"] = json!(90);
    desk.write("2.json", &twin);

    let run = desk.run(&["diff", "1.cbor", "2.json", "--json"]);

    assert_eq!(run.code, Some(1), "{run:?}");
    let answer = run.json();
    assert_eq!(answer["restriction"], true);
    assert_eq!(
        answer["changes"],
        json!([{
            "field": "quality_min",
            "kind": "changed",
            "effect": "removes trust",
            "before": "80",
            "after": "90",
        }])
    );
}

#[test]
fn approvals_are_shown_and_what_is_missing() {
    let desk = Desk::new();
    desk.genesis();
    desk.approve("1.cbor", None, &[1]);

    let shown = desk.run(&[&["show", "1.cbor", "--json"][..], &desk.approvers()].concat());
    let twin = desk.run(&["show", "1.cbor", "--twin"]);
    let text = desk.run(&["show", "1.cbor"]);

    assert_eq!(shown.code, Some(0), "{shown:?}");
    let approved = shown.json()["approved"].clone();
    assert_eq!(
        approved["approvals"],
        json!([{ "key": desk.keys[1], "holds": true, "approver": true }])
    );
    assert_eq!(
        (&approved["needed"], &approved["missing"]),
        (&json!(2), &json!(1))
    );
    let waiting = approved["not_yet_by"].as_array().expect("a list");
    assert!(waiting.contains(&json!(desk.keys[0])) && waiting.contains(&json!(desk.keys[2])));
    assert_eq!(twin.json(), desk.example());
    assert!(
        text.out.contains("1; who may approve was not given"),
        "{text:?}"
    );
}
