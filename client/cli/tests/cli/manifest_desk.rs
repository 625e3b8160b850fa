//! A desk with approvers' keys, for the tests of `boop manifest`.

use crate::run::{Run, boop};
use boop_wire::codec::from_canonical;
use boop_wire::manifest::SignedManifest;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// A folder with three approvers' keys, where commands run.
pub(crate) struct Desk {
    pub(crate) folder: TempDir,
    pub(crate) keys: [String; 3],
    /// Keys of a release signer and a reviewer, 3 and 4, which no configuration names.
    pub(crate) others: [String; 2],
}

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let make = |index: u8| {
            let key = folder.path().join(format!("{index}.key"));
            let run = boop([
                "manifest".as_ref(),
                "key".as_ref(),
                key.as_os_str(),
                "--new".as_ref(),
            ]);
            assert_eq!(run.code, Some(0), "{run:?}");
            run.out.trim().to_owned()
        };
        let (keys, others) = ([0, 1, 2].map(make), [3, 4].map(make));
        Self {
            folder,
            keys,
            others,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts the names of files into the folder.
    pub(crate) fn places(&self, arguments: &[&str]) -> Vec<String> {
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
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        let mut run = boop(self.places(arguments));
        let folder = format!("{}/", self.folder.path().display());
        run.out = run.out.replace(&folder, "");
        run.err = run.err.replace(&folder, "");
        run
    }

    pub(crate) fn write(&self, name: &str, twin: &Value) {
        fs::write(self.path(name), twin.to_string()).expect("written");
    }

    pub(crate) fn genesis(&self) -> Run {
        self.write("1.json", &self.example());
        let run = self.run(&["new", "1.json", "--out", "1.cbor", "--json"]);
        assert_eq!(run.code, Some(0), "{run:?}");
        run
    }

    /// The example with these approvers.
    pub(crate) fn example(&self) -> Value {
        let keys = self.keys.iter().chain(&self.others);
        let keys = keys.flat_map(|key| ["--approver", key]);
        let arguments = ["new", "--example"].into_iter().chain(keys);
        self.run(&arguments.collect::<Vec<_>>()).json()
    }

    pub(crate) fn genesis_manifest(&self) -> boop_wire::manifest::Manifest {
        self.genesis();
        let bytes = fs::read(self.path("1.cbor")).expect("written");
        let signed: SignedManifest = from_canonical(&bytes).expect("canonical");
        from_canonical(&signed.manifest).expect("canonical")
    }

    /// Makes the version after another one with an edit of its twin.
    pub(crate) fn next(&self, before: &str, after: &str, edit: impl FnOnce(&mut Value)) {
        let mut twin = self.run(&["show", before, "--twin"]).json();
        edit(&mut twin);
        self.write("next.json", &twin);
        let run = self.run(&["new", "next.json", "--next-of", before, "--out", after]);
        assert_eq!(run.code, Some(0), "{run:?}");
    }

    pub(crate) fn approvers(&self) -> Vec<&str> {
        let keys = self.keys.iter().flat_map(|key| ["--approver", key]);
        keys.chain(["--needed", "2"]).collect()
    }

    pub(crate) fn verify(&self, manifest: &str, more: &[&str]) -> Run {
        self.run(&[&["verify", manifest][..], &self.approvers(), more].concat())
    }

    /// Approves with some of the keys, expecting what the difference is.
    pub(crate) fn approve(&self, manifest: &str, previous: Option<&str>, keys: &[usize]) {
        let previous = previous.map_or(vec![], |previous| vec!["--previous", previous]);
        for key in keys {
            let run = self.try_approve(manifest, &previous, *key);
            assert_eq!(run.code, Some(0), "{run:?}");
            assert!(run.out.contains("\napproved\n"), "{run:?}");
        }
    }

    pub(crate) fn try_approve(&self, manifest: &str, previous: &[&str], key: usize) -> Run {
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

    pub(crate) fn approvals(&self, manifest: &str) -> Vec<String> {
        let bytes = fs::read(self.path(manifest)).expect("there");
        let signed: SignedManifest = from_canonical(&bytes).expect("canonical");
        signed
            .approvals
            .iter()
            .map(|it| hex::encode(it.key))
            .collect()
    }
}

pub(crate) fn example() -> Value {
    boop(["manifest", "new", "--example"]).json()
}

pub(crate) fn check(answer: &Value, name: &str) -> Value {
    let checks = answer["checks"].as_array().expect("a list");
    let check = checks.iter().find(|check| check["check"] == name);
    check.expect("it was looked at").clone()
}
