//! `boop manifest approve`: what is approved, and by whom.

use crate::manifest_desk::{Desk, check};
use crate::run::boop_with_input;
use boop_wire::codec::{from_canonical, to_canonical};
use boop_wire::manifest::{Approval, SignedManifest};
use serde_json::json;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

#[test]
fn nobody_at_a_terminal_must_have_answered_before() {
    let desk = Desk::new();
    desk.genesis();

    let run = boop_with_input(
        desk.places(&["approve", "1.cbor", "--key", "0.key"]),
        b"y\n",
    );

    assert_eq!(run.code, Some(2), "{run:?}");
    assert_eq!(
        run.err,
        "boop: standard input is not a terminal, so nobody can be asked: give --expect or \
         --yes-to\n"
    );
    assert!(desk.approvals("1.cbor").is_empty());
}

#[test]
fn named_fields_approve_these_changes_and_no_others() {
    let desk = Desk::new();
    desk.genesis();
    desk.approve("1.cbor", None, &[0, 1, 2]);
    desk.next("1.cbor", "2.cbor", |twin| {
        twin["evidence_age_max_s"] = json!(600);
        twin["releases"].as_array_mut().expect("a list").pop();
    });
    let approve = |fields: &[&str]| {
        let always = [
            "approve",
            "2.cbor",
            "--previous",
            "1.cbor",
            "--key",
            "0.key",
            "--yes-to",
        ];
        desk.run(&[&always[..], fields, &desk.approvers()].concat())
    };

    let partly = approve(&["evidence_age_max_s"]);
    let more = approve(&["evidence_age_max_s", "old.releases[3]", "threshold"]);
    assert_eq!((partly.code, more.code), (Some(1), Some(1)));
    let words = "not approved: no --yes-to for old.releases[3]";
    assert!(partly.out.contains(words), "{partly:?}");
    let words = "not approved: --yes-to threshold, which does not change";
    assert!(more.out.contains(words), "{more:?}");
    assert!(desk.approvals("2.cbor").is_empty());

    let all = approve(&["evidence_age_max_s", "old.releases[3]"]);
    assert_eq!(all.code, Some(0), "{all:?}");
    assert_eq!(desk.approvals("2.cbor"), [desk.keys[0].clone()]);
}

#[test]
fn an_expectation_of_other_values_approves_nothing() {
    let desk = Desk::new();
    desk.genesis();
    desk.approve("1.cbor", None, &[0, 1, 2]);
    desk.next("1.cbor", "2.cbor", |twin| twin["quality_min"] = json!(85));
    desk.next("1.cbor", "other.cbor", |twin| {
        twin["quality_min"] = json!(15)
    });
    let expected = desk.run(&["diff", "1.cbor", "other.cbor", "--json"]);
    fs::write(desk.path("expected.json"), expected.out).expect("written");
    fs::write(desk.path("nothing.json"), "{}").expect("written");

    let always = [
        "approve",
        "2.cbor",
        "--previous",
        "1.cbor",
        "--key",
        "0.key",
        "--expect",
    ];
    let run = desk.run(&[&always[..], &["expected.json"], &desk.approvers()].concat());
    let nothing = desk.run(&[&always[..], &["nothing.json"], &desk.approvers()].concat());

    assert_eq!((run.code, nothing.code), (Some(1), Some(2)));
    let words = "not approved: quality_min is not as the file expects";
    assert!(run.out.contains(words), "{run:?}");
    assert!(
        nothing.err.contains("does not list `changes`"),
        "{nothing:?}"
    );
}

#[test]
fn what_is_not_the_next_version_is_not_approved() {
    let desk = Desk::new();
    desk.genesis();
    desk.approve("1.cbor", None, &[0, 1, 2]);
    desk.next("1.cbor", "2.cbor", |twin| twin["quality_min"] = json!(85));
    desk.next("1.cbor", "fork.cbor", |twin| {
        twin["quality_min"] = json!(86)
    });
    desk.approve("fork.cbor", Some("1.cbor"), &[0, 1]);
    desk.next("2.cbor", "3.cbor", |twin| twin["quality_min"] = json!(87));
    let refused = |manifest: &str, previous: &[&str], words: &str| {
        let run = desk.try_approve(manifest, previous, 0);
        assert_eq!(run.code, Some(1), "{run:?}");
        assert!(
            run.out.contains(&format!("not approved: {words}")),
            "{run:?}"
        );
        assert!(desk.approvals(manifest).is_empty());
    };

    refused(
        "2.cbor",
        &[],
        "a version after the genesis is compared with --previous",
    );
    let words = "version 3 follows another manifest than the one before it";
    refused("3.cbor", &["--previous", "fork.cbor"], words);
    let words = "version 3 stands where version 2 must follow";
    refused("3.cbor", &["--previous", "1.cbor"], words);
    let words = "the version before: 0 of 2 needed approvals verify";
    refused("3.cbor", &["--previous", "2.cbor"], words);
}

#[test]
fn a_stranger_and_an_approval_that_does_not_verify_are_refused() {
    let desk = Desk::new();
    desk.genesis();
    let stranger = desk.run(&["key", "stranger.key", "--new"]);
    assert_eq!(stranger.code, Some(0), "{stranger:?}");
    fs::rename(desk.path("stranger.key"), desk.path("9.key")).expect("moved");

    let run = desk.try_approve("1.cbor", &[], 9);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(
        run.out
            .contains("not approved: the key is not an approver's"),
        "{run:?}"
    );

    let bytes = fs::read(desk.path("1.cbor")).expect("there");
    let mut signed: SignedManifest = from_canonical(&bytes).expect("canonical");
    let (key, signature) = ([7; 32], [7; 64]);
    signed.approvals.push(Approval { key, signature });
    fs::write(desk.path("1.cbor"), to_canonical(&signed)).expect("written");
    let run = desk.try_approve("1.cbor", &[], 0);
    assert_eq!(run.code, Some(1), "{run:?}");
    let words = format!(
        "the approval by {} in the file does not verify",
        "07".repeat(32)
    );
    assert!(run.out.contains(&words), "{run:?}");
}

#[test]
fn rules_that_are_broken_are_not_approved() {
    let desk = Desk::new();
    let mut manifest = desk.genesis_manifest();
    manifest.parties[0].custodian = manifest.parties[1].custodian;
    let signed = SignedManifest {
        manifest: to_canonical(&manifest),
        approvals: vec![],
    };
    fs::write(desk.path("bad.cbor"), to_canonical(&signed)).expect("written");

    let approved = desk.try_approve("bad.cbor", &[], 0);
    let verified = desk.verify("bad.cbor", &["--json"]);

    assert_eq!((approved.code, verified.code), (Some(1), Some(1)));
    let words = "not approved: the parties do not differ as they must";
    assert!(approved.out.contains(words), "{approved:?}");
    let verified = verified.json();
    assert_eq!(
        check(&verified, "three-custodians")["detail"],
        "parties 0 and 1 have the same custodian key"
    );
    assert_eq!(
        check(&verified, "approvals")["detail"],
        "0 of 2 needed approvals verify"
    );
}

#[test]
fn approving_again_changes_nothing() {
    let desk = Desk::new();
    desk.genesis();
    desk.approve("1.cbor", None, &[0, 1, 2]);
    let before = fs::read(desk.path("1.cbor")).expect("there");

    desk.approve("1.cbor", None, &[1]);

    assert_eq!(fs::read(desk.path("1.cbor")).expect("there"), before);
    assert!(!desk.path("1.cbor.partial").exists());
}

#[test]
fn a_key_that_others_can_read_or_that_is_none_is_refused() {
    let desk = Desk::new();
    let refused = |words: &str| {
        let run = desk.run(&["key", "0.key"]);
        assert_eq!(run.code, Some(2), "{run:?}");
        assert!(run.err.contains(words), "{run:?}");
    };

    fs::set_permissions(desk.path("0.key"), Permissions::from_mode(0o640)).expect("set");
    refused("its mode 640 lets others than its owner use it");
    fs::set_permissions(desk.path("0.key"), Permissions::from_mode(0o600)).expect("set");
    for content in [
        "",
        "00",
        &"zz".repeat(32),
        &"00".repeat(33),
        &format!("{}\n\n", "00".repeat(32)),
    ] {
        fs::write(desk.path("0.key"), content).expect("written");
        refused("it does not hold 64 hexadecimal digits and no more");
    }
    let again = desk.run(&["key", "0.key", "--new"]);
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.err.contains("cannot write 0.key"), "{again:?}");
}

#[test]
fn a_network_file_says_which_network_and_who_may_approve() {
    let desk = Desk::new();
    let network = desk.genesis().json()["network"]
        .as_str()
        .expect("text")
        .to_owned();
    desk.approve("1.cbor", None, &[0, 1, 2]);
    let write = |name: &str, id: &str| {
        let text = format!(
            "network_id = \"{id}\"\napprovers = {:?}\napprovals_needed = 2\ngateway = \"a:1\"\n",
            desk.keys
        );
        fs::write(desk.path(name), text).expect("written");
    };
    write("network.toml", &network);
    write("other.toml", &"07".repeat(32));

    let held = desk.run(&["verify", "1.cbor", "--network", "network.toml", "--json"]);
    let other = desk.run(&["verify", "1.cbor", "--network", "other.toml", "--json"]);

    assert_eq!((held.code, other.code), (Some(0), Some(1)));
    assert_eq!(check(&held.json(), "network")["holds"], true);
    assert_eq!(check(&other.json(), "network")["holds"], false);
}

#[test]
fn whoever_may_approve_must_be_known_to_verify() {
    let desk = Desk::new();
    desk.genesis();

    let unknown = desk.run(&["verify", "1.cbor"]);
    let short = desk.run(&["verify", "1.cbor", "--approver", "07", "--needed", "1"]);

    assert_eq!((unknown.code, short.code), (Some(2), Some(2)));
    assert!(
        unknown.err.contains("who may approve is not known"),
        "{unknown:?}"
    );
    let words = "the approver 07 is not a key of 64 hexadecimal digits";
    assert!(short.err.contains(words), "{short:?}");
}

#[test]
fn files_that_are_no_manifests_are_named() {
    let desk = Desk::new();
    desk.genesis();
    let mut bytes = fs::read(desk.path("1.cbor")).expect("there");
    bytes.push(0);
    fs::write(desk.path("longer.cbor"), bytes).expect("written");

    for (name, words) in [
        ("1.json", "not an encoding of the expected type"),
        ("longer.cbor", "not an encoding of the expected type"),
    ] {
        let run = desk.run(&["show", name]);

        assert_eq!(run.code, Some(2), "{run:?}");
        assert_eq!(
            run.err,
            format!("boop: {name} is not a manifest: {words}\n")
        );
    }
}

#[test]
fn changes_since_a_version_that_may_not_be_in_force_are_not_approved() {
    let desk = Desk::new();
    desk.genesis();
    desk.next("1.cbor", "2.cbor", |twin| twin["quality_min"] = json!(85));
    let arguments = [
        "approve",
        "2.cbor",
        "--previous",
        "1.cbor",
        "--key",
        "0.key",
        "--yes-to",
        "quality_min",
    ];

    let unknown = desk.run(&arguments);
    let unapproved = desk.run(&[&arguments[..], &desk.approvers()].concat());

    assert_eq!((unknown.code, unapproved.code), (Some(1), Some(1)));
    let words = "not approved: whether the version before is approved cannot be checked";
    assert!(unknown.out.contains(words), "{unknown:?}");
    let words = "not approved: the version before:";
    assert!(unapproved.out.contains(words), "{unapproved:?}");
    assert!(desk.approvals("2.cbor").is_empty());
}
