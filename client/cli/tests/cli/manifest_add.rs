//! `boop manifest add`: a file that has a version more, or is as it was.

use crate::manifest_desk::Desk;
use boop_wire::manifest::SignedManifest;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

#[test]
fn a_version_is_put_behind_the_others_once() {
    let desk = desk();
    fs::set_permissions(
        desk.path("in-force.cbor"),
        fs::Permissions::from_mode(0o640),
    )
    .expect("changed");

    let added = desk.run(&["add", "2.cbor", "--to", "in-force.cbor"]);
    let again = desk.run(&["add", "2.cbor", "--to", "in-force.cbor", "--json"]);

    assert_eq!(added.code, Some(0), "{added:?}");
    assert!(
        added.out.starts_with("version 2 is in in-force.cbor\n"),
        "{added:?}"
    );
    assert_eq!(again.json()["when"], "it is there already");
    let file = desk.path("in-force.cbor");
    let versions = SignedManifest::versions(&fs::read(&file).expect("there")).expect("whole");
    assert_eq!(versions.len(), 2);
    let mode = fs::metadata(&file).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    let shown = desk.run(&["show", "in-force.cbor", "--json"]);
    assert_eq!(shown.json()["version"], 2);
    let verified = desk.verify("in-force.cbor", &[]);
    assert!(
        verified.out.contains("versions 1 to 2, each naming"),
        "{verified:?}"
    );
}

#[test]
fn what_does_not_follow_leaves_the_file_as_it_was() {
    let desk = desk();
    let before = fs::read(desk.path("in-force.cbor")).expect("there");
    desk.next("2.cbor", "3.cbor", |twin| twin["quality_min"] = json!(85));
    desk.next("1.cbor", "unapproved.cbor", strict);
    desk.write("no.json", &json!({}));
    let add = |file: &str| desk.run(&["add", file, "--to", "in-force.cbor", "--json"]);

    let skipped = add("3.cbor");
    let unapproved = add("unapproved.cbor");
    let none = add("no.json");

    assert_eq!(
        (skipped.code, unapproved.code, none.code),
        (Some(1), Some(1), Some(2))
    );
    let why = "version 3 stands where version 2 must follow";
    assert_eq!(skipped.json()["why"], why);
    let why = "version 2 is approved by 0 operators, 0 release signers, 0 reviewers; it needs 1 \
               operators, 0 release signers, 0 reviewers";
    assert_eq!(unapproved.json()["why"], why);
    assert_eq!(fs::read(desk.path("in-force.cbor")).expect("there"), before);
}

#[test]
fn an_approval_of_a_file_with_several_versions_keeps_the_others() {
    let desk = desk();
    desk.run(&["add", "2.cbor", "--to", "in-force.cbor"]);

    desk.approve("in-force.cbor", Some("1.cbor"), &[1]);

    let bytes = fs::read(desk.path("in-force.cbor")).expect("there");
    let versions = SignedManifest::versions(&bytes).expect("whole");
    let approvals: Vec<usize> = versions.iter().map(|it| it.approvals.len()).collect();
    assert_eq!(approvals, [3, 3]);
}

/// A genesis in force, and a restriction that follows it.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.genesis();
    desk.approve("1.cbor", None, &[0, 1, 2]);
    desk.next("1.cbor", "2.cbor", strict);
    desk.approve("2.cbor", Some("1.cbor"), &[0, 2]);
    fs::copy(desk.path("1.cbor"), desk.path("in-force.cbor")).expect("copied");
    desk
}

fn strict(twin: &mut Value) {
    twin["evidence_age_max_s"] = json!(600);
}
