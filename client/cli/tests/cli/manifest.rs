//! `boop manifest` over files: from the twin to an approved chain, and what it refuses.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use boop_wire::codec::{from_canonical, to_canonical};
use boop_wire::manifest::{Approval, SignedManifest};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::run::{Run, boop, boop_with_input};

#[test]
fn a_network_is_made_approved_changed_and_verified() {
    let desk = Desk::new();
    desk.genesis();
    desk.approve("1.cbor", None, &[0, 1]);

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
        held.out.contains("versions 1 to 3, each approved"),
        "{held:?}"
    );
    let alone = desk.verify("3.cbor", &["--json"]);
    assert_eq!(alone.code, Some(0), "{alone:?}");
    assert_eq!(check(&alone.json(), "chain")["holds"], Value::Null);
    let gap = desk.verify("3.cbor", &["--chain", "1.cbor", "--json"]);
    assert_eq!(gap.code, Some(1), "{gap:?}");
    let chain = check(&gap.json(), "chain");
    assert_eq!(
        chain["detail"],
        "version 3 stands where version 2 must follow"
    );
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
    let mut twin = example();
    twin["simulated"] = json!(true);
    twin["parties"][2]["machine"] = twin["gateways"][0].clone();
    desk.write("1.json", &twin);
    assert_eq!(
        desk.run(&["new", "1.json", "--out", "1.cbor"]).code,
        Some(0)
    );
    desk.approve("1.cbor", None, &[0, 1]);

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
        run.out.ends_with(
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
    let mut twin = example();
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
    assert_eq!(twin.json(), example());
    assert!(
        text.out.contains("1; who may approve was not given"),
        "{text:?}"
    );
}

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
        desk.run(&[&always[..], fields].concat())
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
    let run = desk.run(&[&always[..], &["expected.json"]].concat());
    let nothing = desk.run(&[&always[..], &["nothing.json"]].concat());

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
    desk.approve("1.cbor", None, &[0, 1]);
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
    desk.approve("1.cbor", None, &[0, 1]);
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
    desk.approve("1.cbor", None, &[0, 1]);
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
        ("longer.cbor", "not the canonical encoding"),
    ] {
        let run = desk.run(&["show", name]);

        assert_eq!(run.code, Some(2), "{run:?}");
        assert_eq!(
            run.err,
            format!("boop: {name} is not a manifest: {words}\n")
        );
    }
}

/// A folder with three approvers' keys, where commands run.
struct Desk {
    folder: TempDir,
    keys: [String; 3],
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = [0, 1, 2].map(|index| {
            let key = folder.path().join(format!("{index}.key"));
            let run = boop([
                "manifest".as_ref(),
                "key".as_ref(),
                key.as_os_str(),
                "--new".as_ref(),
            ]);
            assert_eq!(run.code, Some(0), "{run:?}");
            run.out.trim().to_owned()
        });
        Self { folder, keys }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts the names of files into the folder.
    fn places(&self, arguments: &[&str]) -> Vec<String> {
        let place = |argument: &&str| {
            let is_file = [".cbor", ".json", ".key", ".toml"]
                .iter()
                .any(|it| argument.ends_with(it));
            if is_file {
                self.path(argument).display().to_string()
            } else {
                (*argument).to_owned()
            }
        };
        let arguments = arguments.iter().map(place);
        std::iter::once("manifest".to_owned())
            .chain(arguments)
            .collect()
    }

    /// Runs `boop manifest`; the folder's name is taken out of what it prints.
    fn run(&self, arguments: &[&str]) -> Run {
        let mut run = boop(self.places(arguments));
        let folder = format!("{}/", self.folder.path().display());
        run.out = run.out.replace(&folder, "");
        run.err = run.err.replace(&folder, "");
        run
    }

    fn write(&self, name: &str, twin: &Value) {
        fs::write(self.path(name), twin.to_string()).expect("written");
    }

    fn genesis(&self) -> Run {
        self.write("1.json", &example());
        let run = self.run(&["new", "1.json", "--out", "1.cbor", "--json"]);
        assert_eq!(run.code, Some(0), "{run:?}");
        run
    }

    fn genesis_manifest(&self) -> boop_wire::manifest::Manifest {
        self.genesis();
        let bytes = fs::read(self.path("1.cbor")).expect("written");
        let signed: SignedManifest = from_canonical(&bytes).expect("canonical");
        from_canonical(&signed.manifest).expect("canonical")
    }

    /// Makes the version after another one with an edit of its twin.
    fn next(&self, before: &str, after: &str, edit: impl FnOnce(&mut Value)) {
        let mut twin = self.run(&["show", before, "--twin"]).json();
        edit(&mut twin);
        self.write("next.json", &twin);
        let run = self.run(&["new", "next.json", "--next-of", before, "--out", after]);
        assert_eq!(run.code, Some(0), "{run:?}");
    }

    fn approvers(&self) -> Vec<&str> {
        let keys = self.keys.iter().flat_map(|key| ["--approver", key]);
        keys.chain(["--needed", "2"]).collect()
    }

    fn verify(&self, manifest: &str, more: &[&str]) -> Run {
        self.run(&[&["verify", manifest][..], &self.approvers(), more].concat())
    }

    /// Approves with some of the keys, expecting what the difference is.
    fn approve(&self, manifest: &str, previous: Option<&str>, keys: &[usize]) {
        let previous = previous.map_or(vec![], |previous| vec!["--previous", previous]);
        for key in keys {
            let run = self.try_approve(manifest, &previous, *key);
            assert_eq!(run.code, Some(0), "{run:?}");
            assert!(run.out.contains("\napproved\n"), "{run:?}");
        }
    }

    fn try_approve(&self, manifest: &str, previous: &[&str], key: usize) -> Run {
        let both: Vec<&str> = previous
            .iter()
            .skip(1)
            .chain([&manifest])
            .copied()
            .collect();
        let diff = self.run(&[&["diff"][..], &both, &["--json"]].concat());
        assert_eq!(diff.code, Some(1), "{diff:?}");
        fs::write(self.path("expected.json"), diff.out).expect("written");
        let key = format!("{key}.key");
        let always = [
            "approve",
            manifest,
            "--key",
            &key,
            "--expect",
            "expected.json",
        ];
        self.run(&[&always[..], previous, &self.approvers()].concat())
    }

    fn approvals(&self, manifest: &str) -> Vec<String> {
        let bytes = fs::read(self.path(manifest)).expect("there");
        let signed: SignedManifest = from_canonical(&bytes).expect("canonical");
        signed
            .approvals
            .iter()
            .map(|it| hex::encode(it.key))
            .collect()
    }
}

fn example() -> Value {
    boop(["manifest", "new", "--example"]).json()
}

fn check(answer: &Value, name: &str) -> Value {
    let checks = answer["checks"].as_array().expect("a list");
    let check = checks.iter().find(|check| check["check"] == name);
    check.expect("it was looked at").clone()
}
